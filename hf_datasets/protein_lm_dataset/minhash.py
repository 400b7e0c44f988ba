"""Near-duplicate proteins without MMseqs2: MinHash of 5-mers (Broder 1997), banded.

A protein is a set of 5-mers; the share of equal minima among HASHES hash functions estimates the
share of 5-mers that two proteins have in common (Jaccard). Two proteins that agree in a whole band
of minima are compared, and are neighbours at SHARED or more: nearly always for proteins alike in
nine of ten residues, mostly at eight of ten, seldom below seven. It costs 256 bytes a protein.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

WORD = 5
HASHES = 64
BAND = 2
"""Minima in a band."""
SHARED = 7 / HASHES
"""Equal minima of two neighbours, as a share."""
_MOST = 4096
"""5-mers hashed at a time, so that a giant protein needs no giant table."""

_DRAWN = np.random.default_rng(20240605)
_FACTORS = _DRAWN.integers(1, 2**63, HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_POWERS = np.uint64(31) ** np.arange(WORD, dtype=np.uint64)


def signatures(sequences: Iterable[str], count: int) -> NDArray[np.uint32]:
    """Return the minima of `count` sequences, an array of shape (count, HASHES)."""
    found = np.empty((count, HASHES), np.uint32)
    for row, sequence in enumerate(sequences):
        found[row] = _minima(sequence)
    return found


def _minima(sequence: str) -> NDArray[np.uint32]:
    letters = np.frombuffer(sequence.encode(), np.uint8).astype(np.uint64) - np.uint64(64)
    if len(letters) < WORD:
        letters = np.pad(letters, (0, WORD - len(letters)))
    words = sum(
        letters[at : len(letters) - WORD + 1 + at] * power for at, power in enumerate(_POWERS)
    )
    mixed = _mix(np.asarray(words))
    parts = (
        (mixed[start : start + _MOST, None] * _FACTORS >> np.uint64(32)).min(axis=0)
        for start in range(0, len(mixed), _MOST)
    )
    return np.min(list(parts), axis=0).astype(np.uint32)  # type: ignore[no-any-return]


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits of each value over 64 (splitmix64, Steele et al. 2014)."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)


def neighbours(minima: NDArray[np.uint32], rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return pairs of rows that are alike, shape (pairs, 2).

    Of the rows that agree in a band, each is compared with the first and with the one before it,
    by `rank`: so the pairs do not depend on the order of the rows.
    """
    pairs = [np.empty((0, 2), np.int64)]
    for start in range(0, HASHES, BAND):
        high, low = minima[:, start].astype(np.uint64), minima[:, start + 1]
        key = high << np.uint64(32) | low
        order = np.lexsort((rank, key))
        same = np.concatenate(([False], key[order][1:] == key[order][:-1]))
        leader = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
        for other in (leader[same], np.flatnonzero(same) - 1):
            one, two = order[same], order[other]
            alike = np.empty(len(one), bool)
            for part in range(0, len(one), _MOST):
                here = slice(part, part + _MOST)
                alike[here] = (minima[one[here]] == minima[two[here]]).mean(axis=1) >= SHARED
            pairs.append(np.column_stack((one[alike], two[alike])))
    return np.concatenate(pairs)
