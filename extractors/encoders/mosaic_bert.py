"""MosaicBERT: a BERT with slopes on distance instead of positions, and gated feed-forwards.

DNABERT-2 and DNABERT-S read DNA by byte pairs, mRNABERT messenger RNA by bases and codons. Their
authors average all tokens, special ones included: `--pooling mean-special`. Sources: Zhou et al.
2023, arXiv 2306.15006; Zhou et al. 2024, arXiv 2402.08777; Xiong et al. 2025,
10.1038/s41467-025-65340-8.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from extractors.backbones.network import PackedNetwork
from extractors.checkpoints import find_checkpoint, read_config
from extractors.encoders.bert import UNUSED, bert_shape
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.bpe import BytePairs
from extractors.tokenizers.codons import BasesAndCodons
from extractors.tokenizers.nucleotides import token_id
from extractors.weights import Weights
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from extractors.backbones.transformer import Shape
    from extractors.checkpoints import Checkpoint
    from extractors.encoders.tokens import Tokenizer
    from extractors.model import ModelRecord, Settings


class MosaicBert(TokenEncoder):
    """DNA through DNABERT-2 or DNABERT-S, between `[CLS]` and `[SEP]`."""

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> MosaicBert:
        """Load a checkpoint in the layout of upstream's own code."""
        checkpoint = find_checkpoint(record, settings)
        shape = mosaic_shape(read_config(checkpoint, "bert"))
        weights = Weights(checkpoint.files)
        network = PackedNetwork.load(shape, MosaicNames(weights), settings)
        weights.require_all_used(UNUSED)
        tokenizer, before, after = cls.tokenizer(checkpoint, shape.vocabulary)
        limit = settings.max_tokens or record.max_tokens
        frame = Frame((before,), (after,), limit, has_cls=True)
        return cls(network, tokenizer, frame, checkpoint, settings)

    @staticmethod
    def tokenizer(checkpoint: Checkpoint, rows: int) -> tuple[Tokenizer, int, int]:
        """Return the tokenizer, and the ids of what stands before and after an input."""
        pairs = BytePairs(checkpoint, rows)
        return pairs, pairs.start, pairs.end


class MrnaBert(MosaicBert):
    """Messenger RNA through mRNABERT: the coding part by codons, the rest base by base."""

    @staticmethod
    def tokenizer(checkpoint: Checkpoint, rows: int) -> tuple[Tokenizer, int, int]:
        """Return the tokenizer, and the ids of what stands before and after an input."""
        ids = checkpoint.vocabulary("vocab.txt")
        before, after = (token_id(ids, token, rows) for token in ("[CLS]", "[SEP]"))
        return BasesAndCodons(ids, rows), before, after


def mosaic_shape(config: Mapping[str, Any]) -> Shape:
    """Return the shape that a MosaicBERT's configuration describes.

    What it says of positions sets up tables that upstream never reads. InputError for another
    activation than GELU, which upstream uses whatever the configuration says.
    """
    if (activation := config.get("hidden_act", "gelu")) != "gelu":
        message = f"config.json has hidden_act {activation!r}; upstream's code knows gelu alone"
        raise InputError(message)
    return replace(
        bert_shape({**config, "alibi_starting_size": None}),
        position="alibi",
        positions=0,
        gated=True,
        feed_bias=False,
        down_bias=True,
    )


PARTS = {
    "qkv": "attention.self.Wqkv",
    "out": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "mlp.gated_layers",
    "down": "mlp.wo",
    "feed_norm": "mlp.layernorm",
}


class MosaicNames:
    """Finds our parameters among a MosaicBERT's tensors, with or without the prefix `bert.`.

    All tokens of an input are of type 0, so that type's vector is added to each token's.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        first = "bert.embeddings.word_embeddings.weight"
        self._prefix = "bert." if first in weights else ""

    def __call__(self, name: str) -> torch.Tensor:
        """Return the tensor for one parameter of `Transformer`."""
        take, prefix = self._weights.take, self._prefix
        match name.split("."):
            case ["tokens"]:
                words = take(f"{prefix}embeddings.word_embeddings.weight").float()
                return words + take(f"{prefix}embeddings.token_type_embeddings.weight")[0].float()
            case ["embedding_norm", leaf]:
                return take(f"{prefix}embeddings.LayerNorm.{leaf}")
            case ["blocks", number, part, leaf]:
                return take(f"{prefix}encoder.layer.{number}.{PARTS[part]}.{leaf}")
        message = f"no tensor is known for {name}"
        raise ValueError(message)
