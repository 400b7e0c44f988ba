"""ESM C (Cambrian) in transformers' native `EsmcModel` layout.

Source: ESM Team 2024, https://www.evolutionaryscale.ai/blog/esm-cambrian; the architecture is
that of ESM-3, Hayes et al. 2025, 10.1126/science.ads0018.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from extractors.backbones.network import PackedNetwork
from extractors.backbones.transformer import Shape
from extractors.checkpoints import find_checkpoint, read_config, require_keys
from extractors.encoders.bert import activation
from extractors.encoders.llama_names import LlamaNames
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.pieces import tokenizer_json_vocabulary
from extractors.tokenizers.residues import residues
from extractors.weights import Weights
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractors.model import ModelRecord, Settings

SYMBOLS = ".-|"
"""Read beside letters: gaps, and the break between two chains."""
UNUSED = r"^lm_head\.|inv_freq$|^classifier\."
DEPTH_OF_NO_SCALING = 36
"""Layers at which what a layer adds is not scaled; it is divided by sqrt(layers / 36)."""


class EsmcEncoder(TokenEncoder):
    """Proteins through ESM C: residues, one token each, between `<cls>` and `<eos>`."""

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> EsmcEncoder:
        """Load a checkpoint in transformers' layout."""
        checkpoint = find_checkpoint(record, settings)
        config = read_config(checkpoint, "esmc")
        weights = Weights(checkpoint.files)
        network = PackedNetwork.load(esmc_shape(config), LlamaNames(weights, "esmc."), settings)
        weights.require_all_used(UNUSED)
        ids = tokenizer_json_vocabulary(checkpoint.folder / "tokenizer.json")
        require_keys(ids, "<cls>", "<eos>", where="tokenizer.json")
        limit = settings.max_tokens or record.max_tokens
        frame = Frame((ids["<cls>"],), (ids["<eos>"],), limit, has_cls=True)
        return cls(network, residues(ids, symbols=SYMBOLS), frame, checkpoint, settings)


def esmc_shape(config: Mapping[str, Any]) -> Shape:
    """Return the shape that an `EsmcConfig` describes. InputError for one that we cannot run.

    Among them the first release's, whose keys (`d_model`) and tensors have other names.
    """
    if "d_model" in config:
        message = (
            "config.json has d_model: the layout of ESM C's first release; "
            "give a checkpoint in transformers' layout, such as biohub/ESMC-600M-hf"
        )
        raise InputError(message)
    require_keys(config, "hidden_size", "num_hidden_layers", "num_attention_heads")
    require_keys(config, "intermediate_size", "vocab_size")
    width, heads = config["hidden_size"], config["num_attention_heads"]
    rotary = config.get("rope_parameters") or config.get("rope_scaling") or {}
    told = {
        "num_key_value_heads": (config.get("num_key_value_heads"), heads),
        "head_dim": (config.get("head_dim"), width // heads),
        "rope_type": (rotary.get("rope_type"), "default"),
        "attention_bias": (config.get("attention_bias"), False),
        "mlp_bias": (config.get("mlp_bias"), False),
    }
    for key, (value, known) in told.items():
        if value is not None and value != known:
            message = f"config.json has {key} {value!r}; an ESM C has {known!r}"
            raise InputError(message)
    layers = config["num_hidden_layers"]
    return Shape(
        layers=layers,
        width=width,
        heads=heads,
        inner=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        final_norm_bias=False,
        head_norm="row",
        position="rotary",
        theta=rotary.get("rope_theta") or config.get("rope_theta") or 10_000.0,
        activation=activation(config, default="silu"),
        gated=True,
        attention_bias=False,
        out_bias=False,
        feed_bias=False,
        residual_scale=math.sqrt(DEPTH_OF_NO_SCALING / layers),
    )
