"""ESM-1b, ESM-1v and ESM-2, from transformers' `EsmModel` layout or from fair-esm's own files.

Embeddings are scaled by 0.88 where the model was trained with token dropout, as fair-esm and
transformers do for an input without masks. Sources: Rives et al. 2021, 10.1101/622803; Meier et
al. 2021, 10.1101/2021.07.09.450648; Lin et al. 2023, 10.1101/2022.07.20.500902.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from extractors.backbones.network import PackedNetwork
from extractors.backbones.transformer import Shape
from extractors.checkpoints import find_checkpoint, read_config, require_keys
from extractors.encoders.fair_esm import KEPT_BY_TOKEN_DROPOUT, SYMBOLS, read_fair_esm
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.residues import residues
from extractors.weights import Weights
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractors.model import ModelRecord, Settings

UNUSED = r"^lm_head\.|contact_head|position_ids$|inv_freq$|pooler|position_embeddings\.weight$"
"""Tensors that no embedding needs; ESM-2's files hold position embeddings that it never reads."""
POSITIONS = ("rotary", "absolute")


class EsmEncoder(TokenEncoder):
    """Proteins through ESM: residues, one token each, between `<cls>` and `<eos>`."""

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> EsmEncoder:
        """Load a folder in transformers' layout, or a `.pt` file of fair-esm."""
        limit = settings.max_tokens or record.max_tokens
        if settings.checkpoint is not None and Path(settings.checkpoint).expanduser().is_file():
            file = read_fair_esm(Path(settings.checkpoint).expanduser(), limit, settings)
            return cls(file.network, file.letters, file.frame, file.checkpoint, settings)
        checkpoint = find_checkpoint(record, settings)
        config = read_config(checkpoint, "esm")
        weights = Weights(checkpoint.files)
        shape = esm_shape(config)
        network = PackedNetwork.load(shape, EsmNames(weights, shape), settings)
        weights.require_all_used(UNUSED)
        ids = checkpoint.vocabulary("vocab.txt")
        require_keys(ids, "<cls>", "<eos>", where="vocab.txt")
        frame = Frame((ids["<cls>"],), (ids["<eos>"],), limit, has_cls=True)
        return cls(network, residues(ids, symbols=SYMBOLS), frame, checkpoint, settings)


def esm_shape(config: Mapping[str, Any]) -> Shape:
    """Return the shape that an `EsmConfig` describes. InputError for one that we cannot run."""
    if config.get("is_folding_model") or config.get("is_decoder"):
        message = "this is not a plain ESM encoder (folding model or decoder); give an encoder"
        raise InputError(message)
    require_keys(config, "hidden_size", "num_hidden_layers", "num_attention_heads")
    require_keys(config, "intermediate_size", "vocab_size")
    position = config.get("position_embedding_type", "absolute")
    if position not in POSITIONS:
        message = (
            f"config.json has position_embedding_type {position!r}; choices: {', '.join(POSITIONS)}"
        )
        raise InputError(message)
    rows = 0
    if position == "absolute":
        require_keys(config, "max_position_embeddings", "pad_token_id")
        rows = config["max_position_embeddings"] - config["pad_token_id"] - 1
    return Shape(
        layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        heads=config["num_attention_heads"],
        inner=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        epsilon=config.get("layer_norm_eps", 1e-12),
        embedding_norm=bool(config.get("emb_layer_norm_before")),
        position="rotary" if position == "rotary" else "absolute",
        positions=rows,
        embedding_scale=KEPT_BY_TOKEN_DROPOUT if config.get("token_dropout") else 1.0,
    )


PARTS = {
    "attention_norm": "attention.LayerNorm",
    "out": "attention.output.dense",
    "feed_norm": "LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
}


class EsmNames:
    """Finds our parameters among `EsmModel`'s tensors."""

    def __init__(self, weights: Weights, shape: Shape, prefix: str = "esm.") -> None:
        self._weights, self._shape = weights, shape
        first = f"{prefix}embeddings.word_embeddings.weight"
        self._prefix = prefix if first in weights else ""

    def __call__(self, name: str) -> torch.Tensor:
        """Return the tensor for one parameter of `Transformer`."""
        take, prefix = self._weights.take, self._prefix
        match name.split("."):
            case ["tokens"]:
                return take(f"{prefix}embeddings.word_embeddings.weight")
            case ["places"]:
                # Rows up to the padding id are for padding; a row's first token takes the next.
                table = take(f"{prefix}embeddings.position_embeddings.weight")
                return table[len(table) - self._shape.positions :]
            case ["embedding_norm", leaf]:
                return take(f"{prefix}embeddings.layer_norm.{leaf}")
            case ["final_norm", leaf]:
                return take(f"{prefix}encoder.emb_layer_norm_after.{leaf}")
            case ["blocks", number, "qkv", leaf]:
                here = f"{prefix}encoder.layer.{number}.attention.self"
                parts = ("query", "key", "value")
                return torch.cat([take(f"{here}.{part}.{leaf}") for part in parts])
            case ["blocks", number, part, leaf]:
                return take(f"{prefix}encoder.layer.{number}.{PARTS[part]}.{leaf}")
        message = f"no tensor is known for {name}"
        raise ValueError(message)
