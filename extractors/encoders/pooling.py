"""From the vectors of tokens to one vector per row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from extractors.backbones.packing import Packing
    from extractors.batching import Window
    from extractors.encoders.tokens import Frame


def pool(hidden: torch.Tensor, packing: Packing, pooling: str, frame: Frame) -> torch.Tensor:
    """Pool the token vectors of each row of a packed batch, in float32.

    Parameters
    ----------
    hidden
        Shape (tokens, width).
    packing
        How the rows lie in the batch.
    pooling
        mean or max over the row's own tokens; mean-special or max-special over all; cls, the
        first token; last, the last one, special or not.
    frame
        How many special tokens stand before and after.

    Returns
    -------
    Shape (rows, width).

    """
    if pooling == "cls":
        return hidden[packing.starts[:-1].long()].float()
    if pooling == "last":
        return hidden[packing.starts[1:].long() - 1].float()
    reduce, _, special = pooling.partition("-")
    before, after = (0, 0) if special else (len(frame.prefix), len(frame.suffix))
    hidden = hidden.float()
    if packing.balance is not None and reduce == "mean":
        hidden = hidden * packing.balance
    if hidden.device.type == "cpu":
        rows = [row[before : len(row) - after] for row in split(hidden, packing.lengths)]
        return torch.stack([row.amax(0) if reduce == "max" else row.mean(0) for row in rows])
    whole = torch.tensor(packing.lengths, device=hidden.device)
    if before or after:
        end = (whole - after).repeat_interleave(whole)
        hidden = hidden[(packing.places >= before) & (packing.places < end)]
    # Sums by atomic addition (index_add) would differ from run to run on a GPU; this does not.
    return torch.segment_reduce(hidden, reduce, lengths=whole - before - after, axis=0)


def split(hidden: torch.Tensor, lengths: list[int]) -> list[torch.Tensor]:
    """Cut the first dimension into stretches of these lengths."""
    return list(torch.split(hidden, lengths))


def average(windowed: torch.Tensor, plan: list[tuple[int, Window]]) -> torch.Tensor:
    """Average the windows of each row, weighted by the tokens that they stand for.

    Shape (windows, width) to (rows with a window, width). A row of one window stays as it is.
    """
    rows = np.array([row for row, _ in plan])
    first = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    if len(first) == len(rows):
        return windowed
    weights = np.array([window.weight for _, window in plan])
    share = weights / np.repeat(np.add.reduceat(weights, first), np.diff(np.r_[first, len(rows)]))
    weighted = windowed * torch.tensor(share, dtype=torch.float32, device=windowed.device)[:, None]
    counts = np.diff(np.r_[first, len(rows)]).tolist()
    return torch.stack([part.sum(0) for part in split(weighted, counts)])
