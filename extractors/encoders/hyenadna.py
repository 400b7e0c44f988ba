"""HyenaDNA, from the layout of its `-hf` repositories.

Single bases without special tokens, up to a million of them in one row. The authors' heads read
the mean or the last token. Upstream pads on the left, which changes the numbers of a causal model
(by up to 0.5); here no row is padded. Source: Nguyen et al. 2023, arXiv 2306.15794.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from extractors.backbones.hyena import Hyena, HyenaNetwork, HyenaShape
from extractors.backbones.network import pick_device, pick_dtype
from extractors.backbones.transformer import fill
from extractors.checkpoints import find_checkpoint, read_config, require_keys
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.nucleotides import SingleBases
from extractors.weights import Weights
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractors.model import ModelRecord, Settings

TOKENS = {"A": 7, "C": 8, "G": 9, "T": 10, "N": 11}
"""Upstream's tokenizer has its vocabulary in its code: seven special tokens, then these."""
ROUNDED = 8
"""The token table's rows are rounded up to a multiple of this, where a configuration has none."""
UNUSED = r"^lm_head\."


class HyenaDna(TokenEncoder):
    """DNA through HyenaDNA, base by base."""

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> HyenaDna:
        """Load a checkpoint of a `-hf` repository."""
        checkpoint = find_checkpoint(record, settings)
        shape = hyena_shape(read_config(checkpoint, "hyenadna"))
        weights = Weights(checkpoint.files)
        device = pick_device(settings.device)
        dtype = pick_dtype(settings.dtype, device)
        with torch.device("meta"):
            empty = Hyena(shape)
        model = fill(empty, HyenaNames(weights, shape), device=device, dtype=dtype)
        weights.require_all_used(UNUSED)
        network = HyenaNetwork(model, shape, device, dtype)
        bases = SingleBases(TOKENS, shape.vocabulary)
        frame = Frame(max_tokens=settings.max_tokens or record.max_tokens)
        return cls(network, bases, frame, checkpoint, settings)


def hyena_shape(config: Mapping[str, Any]) -> HyenaShape:
    """Return the shape that a HyenaDNA configuration describes. InputError for another order."""
    require_keys(config, "d_model", "n_layer", "d_inner", "max_seq_len", "vocab_size")
    fixed = {"hyena_order": 2, "use_bias": True}
    for key, value in fixed.items():
        if config.get(key, value) != value:
            message = f"config.json has {key} {config[key]!r}; HyenaDNA's models have {value!r}"
            raise InputError(message)
    rounded = config.get("pad_vocab_size_multiple", ROUNDED)
    return HyenaShape(
        layers=config["n_layer"],
        width=config["d_model"],
        inner=config["d_inner"],
        vocabulary=-(-config["vocab_size"] // rounded) * rounded,
        positions=config["max_seq_len"],
        features=config.get("emb_dim", 5),
        filter_width=config.get("filter_order", 64),
        filter_layers=config.get("num_inner_mlps", 2),
        taps=config.get("short_filter_order", 3),
        epsilon=config.get("layer_norm_epsilon", 1e-5),
    )


PARTS = {
    "mixer_norm": "norm1",
    "feed_norm": "norm2",
    "enter": "mixer.in_proj",
    "short": "mixer.short_filter",
    "leave": "mixer.out_proj",
    "up": "mlp.fc1",
    "down": "mlp.fc2",
    "straight": "mixer.filter_fn.bias",
}
FILTER = {
    "time": "pos_emb.t",
    "features": "pos_emb.z",
    "decay": "modulation.deltas",
    "frequency": "implicit_filter.1.freq",
}
LEAVES = {"weights": "weight", "biases": "bias"}


class HyenaNames:
    """Finds our parameters among HyenaDNA's tensors.

    The filter's layers are numbered by twos, with the sines between them.
    """

    def __init__(self, weights: Weights, shape: HyenaShape) -> None:
        self._weights, self._last = weights, 2 * (shape.filter_layers + 1)

    def __call__(self, name: str) -> torch.Tensor:
        """Return the tensor for one parameter of `Hyena`."""
        network = "mixer.filter_fn.implicit_filter"
        match name.split("."):
            case ["tokens"]:
                found = "embeddings.word_embeddings.weight"
            case ["final_norm", leaf]:
                found = f"ln_f.{leaf}"
            case ["blocks", number, "filter", "last"]:
                found = f"layers.{number}.{network}.{self._last}.weight"
            case ["blocks", number, "filter", part]:
                found = f"layers.{number}.mixer.filter_fn.{FILTER[part]}"
            case ["blocks", number, "filter", kind, layer]:
                found = f"layers.{number}.{network}.{2 * int(layer)}.{LEAVES[kind]}"
            case ["blocks", number, part, *leaf]:
                found = ".".join(["layers", number, PARTS[part], *leaf])
            case _:
                message = f"no tensor is known for {name}"
                raise ValueError(message)
        return self._weights.take(f"hyena.backbone.{found}")
