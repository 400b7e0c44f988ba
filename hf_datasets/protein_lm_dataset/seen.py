"""What was met before, at 16 bytes a row: tens of millions of abstracts have to fit in memory."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WIDTH = 16
"""Bytes of a digest: two of a billion texts share one with a chance of 1e-21."""


class Seen:
    """A set of texts, by their digests, in sorted runs of which each is twice the next one."""

    def __init__(self) -> None:
        self._runs: list[NDArray[np.bytes_]] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def add(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Put texts in; return for each whether it is new, also among these."""
        digests = np.array(
            [hashlib.blake2b(text.encode(), digest_size=WIDTH).digest() for text in texts],
            dtype=f"S{WIDTH}",
        )
        fresh = np.zeros(len(texts), dtype=np.bool_)
        fresh[np.unique(digests, return_index=True)[1]] = True
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, digests), len(run) - 1)
            fresh &= run[places] != digests
        if fresh.any():
            self._runs.append(np.sort(digests[fresh]))
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate([self._runs[-1], last]), kind="stable")
        return fresh
