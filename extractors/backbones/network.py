"""Our transformer as a network that encoders run, on the device and in the type asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from extractors.backbones.transformer import load
from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from extractors.backbones.packing import Packing
    from extractors.backbones.transformer import Shape, Transformer
    from extractors.model import Settings


class PackedNetwork:
    """A `Transformer` that reads token ids."""

    def __init__(self, model: Transformer, device: torch.device, dtype: torch.dtype) -> None:
        self.model, self.device, self.dtype = model, device, dtype
        self.n_layers, self.width = model.shape.layers, model.shape.width
        self.positions = model.shape.positions if model.shape.position == "absolute" else None
        """Longest row that it can read; None without a limit."""

    @classmethod
    def load(
        cls,
        shape: Shape,
        tensors: Callable[[str], torch.Tensor],
        settings: Settings,
        wide: Collection[str] = (),
    ) -> PackedNetwork:
        """Build the network from a family's tensors, where and in what the settings say.

        The matrices named in `wide` stay in float32.
        """
        device = pick_device(settings.device)
        dtype = pick_dtype(settings.dtype, device)
        return cls(load(shape, tensors, device=device, dtype=dtype, wide=wide), device, dtype)

    def hidden(
        self, ids: torch.Tensor, packing: Packing, layers: Sequence[int]
    ) -> list[torch.Tensor]:
        """Return (tokens, width) after each of `layers`, float32."""
        found: list[torch.Tensor] = self.model(self.model.embed(ids, packing), packing, layers)
        return found


def pick_device(wanted: str) -> torch.device:
    """Return the torch device for --device; InputError when it is not there."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        message = (
            f"device {wanted!r} is not to be had here ({one_line(error)[:80]}); try --device cpu"
        )
        raise InputError(message) from error
    return device


def pick_dtype(wanted: str, device: torch.device) -> torch.dtype:
    """Return the torch dtype for --dtype; `auto` is bfloat16 on a GPU that has it, else float32."""
    if wanted == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if fast else torch.float32
    found: torch.dtype = getattr(torch, wanted)
    return found
