"""What the configuration and tensor names of Llama-like decoders mean to our transformer.

Llama, Mistral, Qwen2 and Qwen3: RMS norms before attention and feed-forward, rotary positions,
grouped heads, a gated feed-forward. Sources: Touvron et al. 2023, arXiv 2302.13971; Jiang et al.
2023, arXiv 2310.06825; Yang et al. 2024 and 2025, arXiv 2407.10671 and 2505.09388.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extractors.backbones.transformer import Shape
from extractors.encoders.bert import activation

if TYPE_CHECKING:
    from collections.abc import Mapping


KINDS = ("llama", "mistral", "qwen2", "qwen3")
UNUSED = r"^lm_head\.|^score\.|rotary_emb\.inv_freq$"
"""Tensors that no embedding needs."""


def decoder_shape(config: Mapping[str, Any], *, causal: bool | None = None) -> Shape | None:
    """Return the shape that a decoder's configuration describes, or None for another kind.

    `config` is transformers' own, with all defaults filled in. `causal` overrides what it says.
    None where the rotary angles are scaled: transformers runs those.
    """
    rope = config.get("rope_parameters") or {}
    plain = rope.get("rope_type", "default") == "default"
    if config["model_type"] not in KINDS or not plain or rope.get("partial_rotary_factor", 1) != 1:
        return None
    kind = config["model_type"]
    bias = bool(config.get("attention_bias", False))
    feed_bias = bool(config.get("mlp_bias", False))
    return Shape(
        layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        heads=config["num_attention_heads"],
        inner=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        head_size=config.get("head_dim"),
        key_heads=config["num_key_value_heads"],
        norm="rms",
        epsilon=config["rms_norm_eps"],
        head_norm="head" if kind == "qwen3" else "none",
        position="rotary",
        theta=float(rope.get("rope_theta", 10_000.0)),
        activation=activation(config),
        gated=True,
        causal=config.get("is_causal", True) if causal is None else causal,
        attention_bias=kind == "qwen2" or bias,
        out_bias=kind != "qwen2" and bias,
        feed_bias=feed_bias,
    )


def attention_window(config: Mapping[str, Any]) -> int | None:
    """Return how far back a token of this decoder sees, where that is limited.

    Rows up to that length are read as if it were not, and longer ones are left to windows.
    """
    if config["model_type"].startswith("qwen") and not config.get("use_sliding_window"):
        return None
    window: int | None = config.get("sliding_window")
    return window
