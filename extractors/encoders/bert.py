"""What BERT's configuration and tensor names mean to our transformer; for all plain BERTs.

Proteins (ProtBERT), k-mers (DNABERT), expression (Geneformer) and text share this layout, with
or without the prefix `bert.`. Source: Devlin et al. 2019, arXiv 1810.04805.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from extractors.backbones.transformer import Shape
from extractors.checkpoints import require_keys
from hf_datasets.errors import InputError, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractors.weights import Weights

UNUSED = r"^cls\.|pooler\.|position_ids$|token_type_ids$|^classifier\."
"""Tensors that no embedding needs: heads, the pooler, buffers."""
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
"""Transformers' names of activations to ours."""
OTHER_ARCHITECTURES = ("pre_layer_norm", "is_decoder", "add_cross_attention", "alibi_starting_size")
"""Keys that, when set, turn a model of type `bert` into another architecture."""


def activation(config: Mapping[str, Any], key: str = "hidden_act", default: str = "gelu") -> Any:  # noqa: ANN401  a literal of Shape
    """Return our name of a configuration's activation. InputError for an unknown one."""
    name = config.get(key, default)
    if name not in ACTIVATIONS:
        message = f"config.json has {key} {name!r}; choices: {', '.join(ACTIVATIONS)}"
        raise InputError(message)
    return ACTIVATIONS[name]


def bert_shape(config: Mapping[str, Any]) -> Shape:
    """Return the shape that a `BertConfig` describes. InputError for one that we cannot run.

    Keys that only training reads, and extras of old configurations, are of no account.
    """
    other = [key for key in OTHER_ARCHITECTURES if config.get(key)]
    if other:
        message = (
            f"config.json sets {shorten(other)}: not a plain BERT, its numbers would be wrong; "
            "choose the model that it is, `extract --list` shows them"
        )
        raise InputError(message)
    if (position := config.get("position_embedding_type") or "absolute") != "absolute":
        message = f"config.json has position_embedding_type {position!r}; a BERT has absolute ones"
        raise InputError(message)
    require_keys(config, "hidden_size", "num_hidden_layers")
    return Shape(
        layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        heads=config.get("num_attention_heads", 12),
        inner=config.get("intermediate_size", 3072),
        vocabulary=config.get("vocab_size", 30522),
        epsilon=config.get("layer_norm_eps", 1e-12),
        norm_first=False,
        embedding_norm=True,
        final_norm=False,
        position="absolute",
        positions=config.get("max_position_embeddings", 512),
        activation=activation(config),
    )


PARTS = {
    "attention_norm": "attention.output.LayerNorm",
    "out": "attention.output.dense",
    "feed_norm": "output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
}
OLD_SPELLING = {"weight": "gamma", "bias": "beta"}
"""How the norms' tensors are called in files converted from TensorFlow."""


class BertNames:
    """Finds our parameters among `BertModel`'s tensors.

    All tokens of an input are of type 0, so that type's vector is added to each position's.
    """

    def __init__(self, weights: Weights, prefix: str = "bert.") -> None:
        self._weights = weights
        first = f"{prefix}embeddings.word_embeddings.weight"
        self._prefix = prefix if first in weights else ""

    def __call__(self, name: str) -> torch.Tensor:
        """Return the tensor for one parameter of `Transformer`."""
        take, prefix = self._weights.take, self._prefix
        match name.split("."):
            case ["tokens"]:
                return take(f"{prefix}embeddings.word_embeddings.weight")
            case ["places"]:
                places = take(f"{prefix}embeddings.position_embeddings.weight").float()
                return places + take(f"{prefix}embeddings.token_type_embeddings.weight")[0].float()
            case ["embedding_norm", leaf]:
                return self._norm(f"{prefix}embeddings.LayerNorm", leaf)
            case ["blocks", number, "qkv", leaf]:
                here = f"{prefix}encoder.layer.{number}.attention.self"
                parts = ("query", "key", "value")
                return torch.cat([take(f"{here}.{part}.{leaf}") for part in parts])
            case ["blocks", number, ("attention_norm" | "feed_norm") as part, leaf]:
                return self._norm(f"{prefix}encoder.layer.{number}.{PARTS[part]}", leaf)
            case ["blocks", number, part, leaf]:
                return take(f"{prefix}encoder.layer.{number}.{PARTS[part]}.{leaf}")
        message = f"no tensor is known for {name}"
        raise ValueError(message)

    def _norm(self, name: str, leaf: str) -> torch.Tensor:
        old = f"{name}.{OLD_SPELLING[leaf]}"
        return self._weights.take(old if old in self._weights else f"{name}.{leaf}")
