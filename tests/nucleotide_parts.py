"""What the small checkpoints of DNA and RNA models share: sizes, random tensors, plain layers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import product
from math import sqrt
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import layer_norm

if TYPE_CHECKING:
    from pathlib import Path

Forward = Callable[[str], torch.Tensor]
"""From a clean sequence to hidden states (tokens, width) in float64, special tokens in."""
Tensors = dict[str, torch.Tensor]

WIDTH, LAYERS, HEADS, INNER = 24, 2, 6, 40
"""Six heads, no power of two: slopes on distance have a rule of their own for it."""


def kmers(k: int) -> list[str]:
    """Return all k-mers in the order of upstream's vocabularies."""
    return ["".join(word) for word in product("ATCG", repeat=k)]


def write(folder: Path, name: str, content: Any) -> None:
    """Write a JSON file, or a text as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, indent=2)
    (folder / name).write_text(text)


def tensors(shapes: dict[str, tuple[int, ...]], seed: int = 1) -> Tensors:
    """Return seeded random tensors of these shapes; scales of norms around 1."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, shape in shapes.items():
        noise = torch.randn(shape, generator=generator) * 0.2
        scale = len(shape) == 1 and name.endswith("weight")
        found[name] = noise + 1 if scale else noise
    return found


def linear(name: str, out: int, into: int, *, bias: bool = True) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a linear layer's tensors."""
    return {f"{name}.weight": (out, into)} | ({f"{name}.bias": (out,)} if bias else {})


def norm(name: str, size: int = WIDTH) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a norm's tensors."""
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def apply(w: Tensors, name: str, x: torch.Tensor) -> torch.Tensor:
    """Apply a linear layer, with a bias if it has one."""
    return torch.einsum("ti,oi->to", x, w[f"{name}.weight"]) + w.get(f"{name}.bias", 0)


def normalise(w: Tensors, name: str, x: torch.Tensor) -> torch.Tensor:
    """Apply a norm."""
    return layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], 1e-12)


def attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    slopes: Sequence[float] = (0.0,) * HEADS,
) -> torch.Tensor:
    """Attend head by head; scores fall with distance by each head's slope."""
    size, count = q.shape[1] // HEADS, len(q)
    out = torch.empty_like(q)
    for h in range(HEADS):
        part = slice(h * size, (h + 1) * size)
        added = [[-slopes[h] * abs(i - j) for j in range(count)] for i in range(count)]
        scores = torch.einsum("id,jd->ij", q[:, part], k[:, part]) / sqrt(size)
        weights = (scores + torch.tensor(added, dtype=q.dtype)).softmax(dim=1)
        out[:, part] = torch.einsum("ij,jd->id", weights, v[:, part])
    return out
