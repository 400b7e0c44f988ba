"""Hyena: long convolutions instead of attention, over packed rows; what HyenaDNA is made of.

Each layer mixes positions by a convolution as long as the row, whose filter a small network
writes from the position, and gates it before and after. It is causal, so rows of different
lengths need no mask: each run of rows of one length is convolved by FFT, in float32 whatever
the weights are in. Sources: Poli et al. 2023, arXiv 2302.10866; Nguyen et al. 2023, arXiv
2306.15794.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from scipy.fft import next_fast_len
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractors.backbones.packing import Packing

FLOOR = 0.05
"""What is added to the filter's decay, so that no distance is forgotten."""
TRANSFORM_ELEMENTS = 1 << 25
"""Channels are transformed in groups of about so many numbers: a million bases fit in memory."""


@dataclass(frozen=True)
class HyenaShape:
    """What a Hyena network looks like."""

    layers: int
    width: int
    """Length of a token's vector."""
    inner: int
    """Width of the feed-forward layer."""
    vocabulary: int
    """Rows of the token table."""
    positions: int
    """Longest row: length of the tables of positions."""
    features: int = 5
    """What the filter's network knows of a position: its time, cosines and sines."""
    filter_width: int = 64
    filter_layers: int = 2
    """Layers between the first and the last of the filter's network."""
    taps: int = 3
    """Length of the short convolution."""
    epsilon: float = 1e-5


class LongFilter(nn.Module):
    """The long convolution's filter, written from the position.

    Time and features of positions depend on the longest row that the model was trained for, so
    they are the checkpoint's tables.
    """

    def __init__(self, shape: HyenaShape) -> None:
        super().__init__()
        inner = shape.filter_width
        self.time = nn.Parameter(torch.empty(1, shape.positions, 1))
        self.features = nn.Parameter(torch.empty(1, shape.positions, shape.features))
        self.decay = nn.Parameter(torch.empty(1, 1, shape.width))
        self.frequency = nn.Parameter(torch.empty(1, inner))
        sizes = [shape.features, *[inner] * (shape.filter_layers + 1)]
        self.weights = nn.ParameterList(torch.empty(out, size) for size, out in pairwise(sizes))
        self.biases = nn.ParameterList(torch.empty(size) for size in sizes[1:])
        self.last = nn.Parameter(torch.empty(shape.width, inner))

    def forward(self, length: int) -> torch.Tensor:
        """Return the filter's first `length` positions, float32, shape (width, length)."""
        x = self.features[0, :length]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = torch.sin(self.frequency * functional.linear(x, weight, bias))
        window = torch.exp(-self.time[0, :length] * self.decay[0].abs()) + FLOOR
        return (functional.linear(x, self.last) * window).T


class HyenaBlock(nn.Module):
    """One layer: the gated convolution, then feed-forward, each added to what came in."""

    def __init__(self, shape: HyenaShape) -> None:
        super().__init__()
        width = shape.width
        self.mixer_norm = nn.LayerNorm(width, shape.epsilon)
        self.enter = nn.Linear(width, 3 * width)
        self.short = nn.Conv1d(3 * width, 3 * width, shape.taps, groups=3 * width)
        self.filter = LongFilter(shape)
        self.straight = nn.Parameter(torch.empty(width))
        self.leave = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width, shape.epsilon)
        self.up = nn.Linear(width, shape.inner)
        self.down = nn.Linear(shape.inner, width)

    def forward(self, x: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Return the next layer's input, float32, shape (tokens, width)."""
        dtype = self.enter.weight.dtype
        x = x + self._mix(self.mixer_norm(x).to(dtype), packing)
        inner = functional.gelu(self.up(self.feed_norm(x).to(dtype)), approximate="tanh")
        fed: torch.Tensor = self.down(inner)
        return x + fed

    def _mix(self, x: torch.Tensor, packing: Packing) -> torch.Tensor:
        after, before, value = self._nearby(self.enter(x).float(), packing).chunk(3, dim=-1)
        value = value * before
        value = self._everywhere(value, packing) + self.straight * value
        mixed: torch.Tensor = self.leave((value * after).to(x.dtype))
        return mixed

    def _nearby(self, x: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Convolve each channel with its few taps, over this token and those just before it."""
        assert self.short.bias is not None  # noqa: S101  HyenaDNA's has one
        taps = self.short.weight[:, 0].T.flip(0)
        out = self.short.bias + x * taps[0]
        for back in range(1, min(len(taps), packing.longest)):
            inside = (packing.places[back:] >= back)[:, None]
            out[back:] += torch.where(inside, x[:-back], 0) * taps[back]
        return out

    def _everywhere(self, x: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Convolve each channel with its filter, over this token and all those before it."""
        kernel = self.filter(packing.longest)
        out = torch.empty_like(x)
        for start, rows, length in packing.runs:
            end = start + rows * length
            # Twice the length, so that the end of a row does not come round to its beginning.
            size = next_fast_len(2 * length - 1, real=True)
            rest = x[start:end].view(rows, length, -1).transpose(1, 2)
            group = max(1, TRANSFORM_ELEMENTS // (rows * size))
            for first in range(0, x.shape[1], group):
                channels = slice(first, first + group)
                spectrum = torch.fft.rfft(rest[:, channels], n=size)
                spectrum *= torch.fft.rfft(kernel[channels, :length], n=size)
                found = torch.fft.irfft(spectrum, n=size)[..., :length]
                out[start:end, channels] = found.transpose(1, 2).flatten(0, 1)
        return out


class Hyena(nn.Module):
    """The stack."""

    def __init__(self, shape: HyenaShape) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.empty(shape.vocabulary, shape.width))
        self.blocks = nn.ModuleList(HyenaBlock(shape) for _ in range(shape.layers))
        self.final_norm = nn.LayerNorm(shape.width, shape.epsilon)


class HyenaNetwork:
    """A Hyena that reads token ids."""

    def __init__(
        self, model: Hyena, shape: HyenaShape, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.model, self.device, self.dtype = model, device, dtype
        self.n_layers, self.width = shape.layers, shape.width
        self.positions = shape.positions
        """Longest row that it can read."""

    def hidden(
        self, ids: torch.Tensor, packing: Packing, layers: Sequence[int]
    ) -> list[torch.Tensor]:
        """Return (tokens, width) after each of `layers`, float32; the last after the norm."""
        wanted, found = set(layers), []
        x = functional.embedding(ids, self.model.tokens)
        if 0 in wanted:
            found.append(x)
        for number, block in enumerate(self.model.blocks, 1):
            if number > max(layers):
                break
            x = block(x, packing)
            if number == self.n_layers:
                x = self.model.final_norm(x)
            if number in wanted:
                found.append(x)
        return found
