"""ESM-1 in the class of the fair-esm package, which has what our transformer has not.

Sinusoidal positions and, in each layer, one learned key and value that every token sees beside
the row's own. Rows are padded and masked here. Source: Rives et al. 2021, 10.1101/622803.
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from extractors.backbones.network import pick_device, pick_dtype
from extractors.checkpoints import require_keys
from hf_datasets.errors import InputError, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extractors.backbones.packing import Packing
    from extractors.model import Settings
    from extractors.weights import Weights

NOT_LOADED = re.compile(r"^contact_head\.|_float_tensor$")
"""Parts of the class that no embedding needs, and a buffer that holds no number."""


class Esm1Network:
    """A `ProteinBertModel` of fair-esm that reads packed rows."""

    def __init__(self, model: Any, device: torch.device, dtype: torch.dtype) -> None:  # noqa: ANN401  untyped package
        self._model, self.device, self.dtype = model, device, dtype
        self.n_layers: int = model.num_layers
        self.width: int = model.args.embed_dim

    def hidden(
        self, ids: torch.Tensor, packing: Packing, layers: Sequence[int]
    ) -> list[torch.Tensor]:
        """Return (tokens, width) after each of `layers`; the last has no norm, as upstream."""
        rows = nn.utils.rnn.pad_sequence(
            list(torch.split(ids, packing.lengths)),
            batch_first=True,
            padding_value=self._model.padding_idx,
        )
        found = self._model(rows, repr_layers=list(layers))["representations"]
        present = rows != self._model.padding_idx
        return [found[layer][present] for layer in layers]


def load_esm1(options: Mapping[str, Any], weights: Weights, settings: Settings) -> Esm1Network:
    """Build ESM-1 from the file's settings and tensors; InputError when they do not fit."""
    try:
        from esm import Alphabet, ProteinBertModel
    except ImportError as error:
        message = "ESM-1 runs in the class of fair-esm; pip install 'genezoo[protein]'"
        raise InputError(message) from error
    require_keys(
        options,
        *("layers", "embed_dim", "ffn_embed_dim", "attention_heads", "final_bias"),
        where="the file",
    )
    alphabet = Alphabet.from_architecture(options["arch"])
    with torch.device("meta"):
        model = ProteinBertModel(argparse.Namespace(**options), alphabet)
    model.contact_head = nn.Identity()
    tensors = {name: weights.take(name) for name in weights.names()}
    try:
        missing, left = model.load_state_dict(tensors, strict=False, assign=True)
    except RuntimeError as error:
        message = f"the tensors do not fit the file's settings: {shorten(str(error).split(':'), 3)}"
        raise InputError(message) from error
    wrong = [name for name in (*missing, *left) if not NOT_LOADED.search(name)]
    if wrong:
        message = f"no whole ESM-1: {shorten(wrong)} are missing or have no place"
        raise InputError(message)
    device = pick_device(settings.device)
    dtype = pick_dtype(settings.dtype, device)
    return Esm1Network(model.to(device=device, dtype=dtype).eval(), device, dtype)
