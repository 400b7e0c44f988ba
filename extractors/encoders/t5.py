"""The encoder half of a T5 for proteins: ProtT5 and Ankh.

Sources: Raffel et al. 2020, arXiv 1910.10683; Elnaggar et al. 2021, 10.1109/TPAMI.2021.3095381
(ProtT5); Elnaggar et al. 2023, arXiv 2301.06568 (Ankh).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch

from extractors.backbones.network import PackedNetwork
from extractors.backbones.transformer import Shape
from extractors.checkpoints import find_checkpoint, read_config, require_keys
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.pieces import sentencepiece_letters, tokenizer_json_letters
from extractors.tokenizers.residues import RARE, residues
from extractors.weights import Weights
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractors.model import ModelRecord, Settings

UNUSED = r"^decoder\.|^lm_head\.|^shared\.weight$|^encoder\.embed_tokens\.weight$"
"""The decoder, where a file holds it, and a second copy of the token table."""
FEED_FORWARDS: dict[str, tuple[Literal["relu", "gelu_tanh"], bool]] = {
    "relu": ("relu", False),
    "gated-gelu": ("gelu_tanh", True),
}
"""What `feed_forward_proj` means: the activation, and whether it is a gate."""
SENTENCEPIECE = "spiece.model"


class ProteinT5Encoder(TokenEncoder):
    """Proteins through the encoder of a T5: residues, one token each, then `</s>`.

    The mean is over the residues, without `</s>`, as the authors of ProtT5 take it. ProtT5 comes
    with a sentencepiece model and was trained with X for U, Z, O and B; Ankh comes with a
    `tokenizer.json` and reads them as they are.
    """

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> ProteinT5Encoder:
        """Load a checkpoint in transformers' layout; a decoder in it is left out."""
        checkpoint = find_checkpoint(record, settings)
        shape = t5_shape(read_config(checkpoint, "t5"))
        weights = Weights(checkpoint.files)
        # In float16 the feed-forward's second product runs over; transformers widens it too.
        wide = ("down",) if settings.dtype == "float16" else ()
        network = PackedNetwork.load(shape, T5Names(weights), settings, wide)
        weights.require_all_used(UNUSED)
        if (checkpoint.folder / SENTENCEPIECE).is_file():
            ids, end = sentencepiece_letters(checkpoint.folder / SENTENCEPIECE)
            letters = residues(ids, as_any=RARE)
        else:
            ids, end = tokenizer_json_letters(checkpoint.folder / "tokenizer.json")
            letters = residues(ids)
        frame = Frame((), (end,), settings.max_tokens or record.max_tokens)
        return cls(network, letters, frame, checkpoint, settings)


def t5_shape(config: Mapping[str, Any]) -> Shape:
    """Return the shape of the encoder of a `T5Config`. InputError for one that we cannot run."""
    require_keys(config, "d_model", "d_ff", "d_kv", "num_layers", "num_heads", "vocab_size")
    kind = config.get("feed_forward_proj", "relu")
    if kind not in FEED_FORWARDS:
        message = f"config.json has feed_forward_proj {kind!r}; choices: {', '.join(FEED_FORWARDS)}"
        raise InputError(message)
    activation, gated = FEED_FORWARDS[kind]
    return Shape(
        layers=config["num_layers"],
        width=config["d_model"],
        heads=config["num_heads"],
        head_size=config["d_kv"],
        inner=config["d_ff"],
        vocabulary=config["vocab_size"],
        norm="rms",
        epsilon=config.get("layer_norm_epsilon", 1e-6),
        position="relative",
        positions=config.get("relative_attention_num_buckets", 32),
        furthest=config.get("relative_attention_max_distance", 128),
        activation=activation,
        gated=gated,
        attention_bias=False,
        out_bias=False,
        feed_bias=False,
        score_scale=1.0,
    )


PARTS = {
    "attention_norm": "0.layer_norm",
    "out": "0.SelfAttention.o",
    "feed_norm": "1.layer_norm",
    "down": "1.DenseReluDense.wo",
}


class T5Names:
    """Finds our parameters among those of `T5EncoderModel` or `T5ForConditionalGeneration`."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def __call__(self, name: str) -> torch.Tensor:
        """Return the tensor for one parameter of `Transformer`."""
        take = self._weights.take
        match name.split("."):
            case ["tokens"]:
                copy = "encoder.embed_tokens.weight"
                return take("shared.weight" if "shared.weight" in self._weights else copy)
            case ["buckets"]:  # the first layer's serve all layers
                return take("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight")
            case ["final_norm", leaf]:
                return take(f"encoder.final_layer_norm.{leaf}")
            case ["blocks", number, "qkv", leaf]:
                here = f"encoder.block.{number}.layer.0.SelfAttention"
                return torch.cat([take(f"{here}.{part}.{leaf}") for part in "qkv"])
            case ["blocks", number, "up", leaf]:
                here = f"encoder.block.{number}.layer.1.DenseReluDense"
                parts = ("wi",) if f"{here}.wi.{leaf}" in self._weights else ("wi_0", "wi_1")
                return torch.cat([take(f"{here}.{part}.{leaf}") for part in parts])
            case ["blocks", number, part, leaf]:
                return take(f"encoder.block.{number}.layer.{PARTS[part]}.{leaf}")
        message = f"no tensor is known for {name}"
        raise ValueError(message)
