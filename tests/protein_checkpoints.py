"""Small random protein models, saved in the layout of the files that upstream publishes.

Each function returns what turns a protein into its hidden states, shape (tokens, width) with
special tokens, by upstream's own classes and tokenizers.
"""

from __future__ import annotations

import argparse
import json
import re
from typing import TYPE_CHECKING, Any

import esm
import sentencepiece
import tokenizers
import torch
from safetensors.torch import save_file
from transformers import (
    BertConfig,
    BertForPreTraining,
    BertTokenizer,
    EsmcConfig,
    EsmcForMaskedLM,
    EsmConfig,
    EsmcTokenizer,
    EsmForMaskedLM,
    EsmTokenizer,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
)
from zoo_harness import randomise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Forward = Callable[..., torch.Tensor]

ESM_VOCABULARY = (
    "<cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>"
).split()
BERT_VOCABULARY = "[PAD] [UNK] [CLS] [SEP] [MASK] L A G V E S I K R D T P N Q F Y M H C W X U B Z O"
RESIDUES = "ALGVSREDTIPKFQNYMHWCX"
RARE = re.compile("[UZOB]")


def _write(folder: Path, **files: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name.replace("__", ".")).write_text(text)


def save_esm(
    folder: Path, *, layers: int = 3, width: int = 32, heads: int = 4, **more: Any
) -> Forward:
    """Save an ESM in the layout of the Hub's `facebook/esm2_*` repositories."""
    config: dict[str, Any] = {
        "architectures": ["EsmForMaskedLM"],
        "attention_probs_dropout_prob": 0.0,
        "emb_layer_norm_before": False,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "hidden_size": width,
        "initializer_range": 0.02,
        "intermediate_size": 4 * width,
        "is_folding_model": False,
        "layer_norm_eps": 1e-05,
        "mask_token_id": 32,
        "max_position_embeddings": 1026,
        "model_type": "esm",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "pad_token_id": 1,
        "position_embedding_type": "rotary",
        "token_dropout": True,
        "torch_dtype": "float32",
        "use_cache": True,
        "vocab_list": None,
        "vocab_size": 33,
    } | more
    model = EsmForMaskedLM(EsmConfig(**config))
    randomise(model)
    _write(
        folder,
        config__json=config,
        vocab__txt="\n".join(ESM_VOCABULARY),
        tokenizer_config__json={"tokenizer_class": "EsmTokenizer"},
    )
    state = {
        name: tensor.contiguous()
        for name, tensor in model.state_dict().items()
        if name != "lm_head.decoder.weight"
    }
    # The Hub's files hold these too: positions that ESM-2 never reads, and each layer's angles.
    state["esm.embeddings.position_ids"] = torch.arange(1026)[None]
    state.setdefault("esm.embeddings.position_embeddings.weight", torch.randn(1026, width))
    if config["position_embedding_type"] == "rotary":
        for layer in range(layers):
            name = f"esm.encoder.layer.{layer}.attention.self.rotary_embeddings.inv_freq"
            state[name] = torch.ones(width // heads // 2)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer = EsmTokenizer.from_pretrained(folder)

    def forward(sequence: str, layer: int = -1) -> torch.Tensor:
        tokens = tokenizer(sequence, return_tensors="pt")
        return model.esm(**tokens, output_hidden_states=True).hidden_states[layer][0]  # type: ignore[no-any-return]

    return forward


def save_esmc(folder: Path, *, layers: int = 3) -> Forward:
    """Save an ESM C in the layout of `biohub/ESMC-600M-hf`."""
    config = EsmcConfig(
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=48,
    )
    model = EsmcForMaskedLM(config)
    randomise(model)
    config.architectures = ["EsmcForMaskedLM"]
    config.save_pretrained(folder)
    tokenizer = EsmcTokenizer()  # type: ignore[no-untyped-call]
    tokenizer.save_pretrained(folder)
    save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})

    def forward(sequence: str) -> torch.Tensor:
        return model.esmc(**tokenizer(sequence, return_tensors="pt"))[0][0]  # type: ignore[no-any-return]

    return forward


def _t5_config(**more: Any) -> dict[str, Any]:
    return {
        "d_ff": 48,
        "d_kv": 16,
        "d_model": 32,
        "decoder_start_token_id": 0,
        "dropout_rate": 0.1,
        "eos_token_id": 1,
        "initializer_factor": 1.0,
        "is_encoder_decoder": True,
        "layer_norm_epsilon": 1e-06,
        "model_type": "t5",
        "num_decoder_layers": 2,
        "num_heads": 4,
        "num_layers": 3,
        "pad_token_id": 0,
        "relative_attention_num_buckets": 32,
        "use_cache": True,
        **more,
    }


def save_prot_t5(folder: Path) -> Forward:
    """Save a ProtT5 as `Rostlab/prot_t5_xl_half_uniref50-enc`: float16, sentencepiece alone."""
    config = _t5_config(
        architectures=["T5EncoderModel"],
        feed_forward_proj="relu",
        n_positions=512,
        torch_dtype="float16",
        vocab_size=128,
    )
    model = T5EncoderModel(T5Config(**config))
    randomise(model, spread=0.1)
    _write(
        folder,
        config__json=config,
        tokenizer_config__json={"do_lower_case": False, "eos_token": "</s>", "extra_ids": 100},
    )
    model.half()  # type: ignore[no-untyped-call]
    torch.save(dict(model.state_dict()), folder / "pytorch_model.bin")
    model.float()  # type: ignore[no-untyped-call]
    letters = RESIDUES + "BOUZ"
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter([" ".join(letters)] * 50),
        model_prefix=str(folder / "spiece"),
        model_type="word",
        vocab_size=len(letters) + 3,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    (folder / "spiece.vocab").unlink()
    pieces = sentencepiece.SentencePieceProcessor(str(folder / "spiece.model"))

    def forward(sequence: str) -> torch.Tensor:
        ids = [*pieces.EncodeAsIds(" ".join(RARE.sub("X", sequence))), 1]
        assert len(ids) == len(sequence) + 1
        assert 2 not in ids
        return model(input_ids=torch.tensor([ids]))[0][0]  # type: ignore[no-any-return]

    return forward


def save_ankh(folder: Path, *, metaspace: bool = True) -> Forward:
    """Save an Ankh as `ElnaggarLab/ankh-base`: a whole T5, its decoder in the file too."""
    config = _t5_config(
        architectures=["T5ForConditionalGeneration"],
        feed_forward_proj="gated-gelu",
        relative_attention_num_buckets=64,
        tie_word_embeddings=False,
        vocab_size=144,
    )
    model = T5ForConditionalGeneration(T5Config(**config))
    randomise(model, spread=0.1)
    _write(folder, config__json=config)
    torch.save(dict(model.state_dict()), folder / "pytorch_model.bin")
    mark = "▁" if metaspace else ""
    special = ["<pad>", "</s>", "<unk>"]
    known = special + [mark + letter for letter in RESIDUES + "BOUZ"]
    inner = tokenizers.Tokenizer(
        tokenizers.models.Unigram([(piece, -1.0) for piece in known], unk_id=2)
    )
    if metaspace:
        inner.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    inner.add_special_tokens(special)
    inner.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    inner.save(str(folder / "tokenizer.json"))
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(folder / "tokenizer.json"), unk_token="<unk>"
    )

    def forward(sequence: str) -> torch.Tensor:
        ids = tokenizer(list(sequence), is_split_into_words=True)["input_ids"]
        assert len(ids) == len(sequence) + 1
        return model.encoder(input_ids=torch.tensor([ids]))[0][0]  # type: ignore[no-any-return]

    return forward


def save_prot_bert(folder: Path, *, prefix: bool = True, old_norms: bool = False) -> Forward:
    """Save a ProtBERT as `Rostlab/prot_bert`: a BERT whose configuration names no model type.

    Without `prefix` as the bare model is saved; with `old_norms` the norms are spelt as in
    files that were converted from TensorFlow.
    """
    config = {
        "architectures": ["BertForMaskedLM"],
        "attention_probs_dropout_prob": 0.0,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 64,
        "max_position_embeddings": 90,
        "num_attention_heads": 4,
        "num_hidden_layers": 3,
        "type_vocab_size": 2,
        "vocab_size": 30,
    }
    model = BertForPreTraining(BertConfig(**config))  # type: ignore[arg-type]
    randomise(model)
    _write(
        folder,
        config__json=config,
        tokenizer_config__json={"do_lower_case": False},
        vocab__txt="\n".join(BERT_VOCABULARY.split()),
    )
    state = {
        (name if prefix else name.removeprefix("bert.")): tensor
        for name, tensor in model.state_dict().items()
    }
    if old_norms:
        spelling = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        for new, old in spelling.items():
            state = {name.replace(new, old): tensor for name, tensor in state.items()}
    torch.save(state, folder / "pytorch_model.bin")
    tokenizer = BertTokenizer.from_pretrained(folder)

    def forward(sequence: str) -> torch.Tensor:
        tokens = tokenizer(" ".join(RARE.sub("X", sequence)), return_tensors="pt")
        return model.bert(**tokens)[0][0]  # type: ignore[no-any-return]

    return forward


def _fair_esm_forward(model: Any, last: int) -> Forward:
    convert = model.alphabet.get_batch_converter()

    def forward(sequence: str, layer: int = -1) -> torch.Tensor:
        layer = last if layer < 0 else layer
        tokens = convert([("one", sequence)])[2]
        return model(tokens, repr_layers=[layer])["representations"][layer][0]  # type: ignore[no-any-return]

    return forward


def save_fair_esm2(file: Path, *, token_dropout: bool = True) -> Forward:
    """Save an ESM-2 as fair-esm's `esm2_t6_8M_UR50D.pt`."""
    model = esm.ESM2(num_layers=3, embed_dim=32, attention_heads=4, token_dropout=token_dropout)
    randomise(model)
    state = {
        f"encoder.{'' if name.startswith('lm_head') else 'sentence_encoder.'}{name}": tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith("contact_head")
    }
    options = argparse.Namespace(
        arch="esm2",
        encoder_layers=3,
        encoder_embed_dim=32,
        encoder_attention_heads=4,
        token_dropout=token_dropout,
    )
    torch.save({"cfg": {"model": options}, "model": state}, file)
    return _fair_esm_forward(model, 3)


def save_fair_esm1b(file: Path, *, norm_before: bool = True) -> Forward:
    """Save an ESM-1b (or, without the first norm, an ESM-1v) as fair-esm's `esm1b_*.pt`."""
    options = {
        "layers": 3,
        "embed_dim": 32,
        "ffn_embed_dim": 64,
        "attention_heads": 4,
    }
    shared = {"arch": "roberta_large", "max_positions": 90, "token_dropout": True}
    alphabet = esm.Alphabet.from_architecture("roberta_large")
    model = esm.ProteinBertModel(
        argparse.Namespace(**options, **shared, emb_layer_norm_before=norm_before), alphabet
    )
    randomise(model)
    model.alphabet = alphabet
    state = {
        f"encoder.{'' if name.startswith('lm_head') else 'sentence_encoder.'}{name}": tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith("contact_head")
    }
    saved = {f"encoder_{name}": value for name, value in options.items()} | shared
    torch.save({"args": argparse.Namespace(**saved), "model": state}, file)
    return _fair_esm_forward(model, 3)


def save_fair_esm1(file: Path) -> Forward:
    """Save an ESM-1 as fair-esm's `esm1_t34_670M_UR50S.pt`."""
    options = {"layers": 3, "embed_dim": 32, "ffn_embed_dim": 64, "attention_heads": 4}
    shared = {"arch": "protein_bert_base", "final_bias": True, "max_positions": 1024}
    alphabet = esm.Alphabet.from_architecture("protein_bert_base")
    model = esm.ProteinBertModel(argparse.Namespace(**options, **shared), alphabet)
    randomise(model)
    model.alphabet = alphabet
    state = {
        f"decoder.{name}": tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith("contact_head")
    }
    saved = {f"decoder_{name}": value for name, value in options.items()} | shared
    torch.save({"args": argparse.Namespace(**saved), "model": state}, file)
    return _fair_esm_forward(model, 3)
