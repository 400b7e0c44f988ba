"""Small random sentence-transformers checkpoints in the layout that upstream saves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Normalize,
    Pooling,
    Transformer,
)
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    StableLmConfig,
    StableLmModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

if TYPE_CHECKING:
    from pathlib import Path

WORDS = [
    "gene",
    "kinase",
    "zinc",
    "finger",
    "protein",
    "encodes",
    "a",
    "the",
    "receptor",
    "nuclear",
]
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
SMALL: dict[str, Any] = {
    "vocab_size": len(SPECIAL) + len(WORDS),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
}


def backbone(kind: str) -> Any:
    """Return a random model of a kind: bert, xlm-roberta, mpnet or stablelm (a decoder)."""
    torch.manual_seed(7)
    if kind == "bert":
        return BertModel(BertConfig(**SMALL))
    if kind == "xlm-roberta":
        return XLMRobertaModel(XLMRobertaConfig(**SMALL))
    if kind == "mpnet":
        return MPNetModel(MPNetConfig(**SMALL))
    return StableLmModel(StableLmConfig(**SMALL, num_key_value_heads=4))


def tokenizer() -> PreTrainedTokenizerFast:
    """Return a word tokenizer that puts <s> before and </s> after, as most do."""
    vocabulary = {word: number for number, word in enumerate(SPECIAL + WORDS)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>", cls_token="<s>", sep_token="</s>", model_max_length=36,
    )  # fmt: skip


def save_checkpoint(
    folder: Path, kind: str = "bert", pooling: str = "mean", *, dense: bool = False
) -> Path:
    """Save a random sentence-transformers checkpoint into `folder` and return it."""
    plain = folder / "backbone"
    backbone(kind).save_pretrained(plain)
    tokenizer().save_pretrained(plain)
    first = Transformer(str(plain), max_seq_length=24)
    after: list[Any] = [Pooling(32, pooling_mode=pooling)]
    if dense:
        torch.manual_seed(8)
        after.append(Dense(32, 12, activation_function=torch.nn.Tanh()))
    model = SentenceTransformer(modules=[first, *after, Normalize()], device="cpu")
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"
