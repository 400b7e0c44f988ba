"""Where Llama's layout keeps the parameters of our transformer; ESM C and most decoders use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from extractors.weights import Weights

PARTS = {
    "attention_norm": "input_layernorm",
    "query_norm": "self_attn.q_norm",
    "key_norm": "self_attn.k_norm",
    "out": "self_attn.o_proj",
    "feed_norm": "post_attention_layernorm",
    "down": "mlp.down_proj",
}


class LlamaNames:
    """Finds our parameters among such tensors, with or without a prefix such as `model.`."""

    def __init__(self, weights: Weights, prefix: str) -> None:
        self._weights = weights
        self._prefix = prefix if f"{prefix}embed_tokens.weight" in weights else ""

    def __call__(self, name: str) -> torch.Tensor:
        """Return the tensor for one parameter of `Transformer`."""
        take, prefix = self._weights.take, self._prefix
        match name.split("."):
            case ["tokens"]:
                return take(f"{prefix}embed_tokens.weight")
            case ["final_norm", leaf]:
                return take(f"{prefix}norm.{leaf}")
            case ["blocks", number, "qkv", leaf]:
                here = f"{prefix}layers.{number}.self_attn"
                return torch.cat([take(f"{here}.{part}_proj.{leaf}") for part in "qkv"])
            case ["blocks", number, "up", leaf]:
                here = f"{prefix}layers.{number}.mlp"
                return torch.cat([take(f"{here}.{part}_proj.{leaf}") for part in ("gate", "up")])
            case ["blocks", number, part, leaf]:
                return take(f"{prefix}layers.{number}.{PARTS[part]}.{leaf}")
        message = f"no tensor is known for {name}"
        raise ValueError(message)
