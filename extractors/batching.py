"""Which rows go through a model together: by token count, within a budget, and in windows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

OVERLAP = 0.25
"""Share of a window that the next one repeats, so that no token stands only at an edge."""


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield batches of row indices, longest rows first, rows of similar length together.

    A batch holds at most `budget` tokens, padding counted, or one row that is longer. The
    order depends on the lengths alone (ties in row order), so a rerun makes the same batches.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    batch: list[int] = []
    for row in order:
        # The first of a batch is its longest: what every row is padded to.
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def equal_runs(lengths: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return (start token, rows, length) of each run of equal lengths in a packed batch."""
    runs, start = [], 0
    for length, group in groupby(lengths):
        rows = len(list(group))
        runs.append((start, rows, length))
        start += rows * length
    return runs


@dataclass(frozen=True, eq=False)
class Window:
    """A stretch of an input's tokens."""

    start: int
    end: int
    weights: NDArray[np.float32] | None = None
    """What each of its tokens counts: 1/k where k windows share it. None: 1 for each, because
    the input has no other window."""

    @property
    def weight(self) -> float:
        """How many tokens of the input it stands for."""
        if self.weights is None:
            return float(self.end - self.start)
        return float(self.weights.sum(dtype=np.float64))


def windows(length: int, room: int) -> list[Window]:
    """Cut `length` tokens into overlapping windows of at most `room`; weights sum to `length`.

    All windows have `room` tokens, evenly spaced, each sharing at least OVERLAP of its tokens
    with the next.
    """
    if length <= room:
        return [Window(0, length)]
    stride = max(1, int(room * (1 - OVERLAP)))
    count = 1 + -(-(length - room) // stride)
    starts = [(length - room) * index // (count - 1) for index in range(count)]
    shared: NDArray[np.float32] = np.zeros(length, dtype=np.float32)
    for start in starts:
        shared[start : start + room] += 1
    counts: NDArray[np.float32] = np.reciprocal(shared)
    return [Window(start, start + room, counts[start : start + room]) for start in starts]
