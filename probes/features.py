"""From an entity's key to its features: the vector of one gene, or of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from probes.settings import Pair

BLOCK = 4096
"""Rows gathered at a time: what is needed beside the finished matrix stays small."""
ABSENT = -1


def locate(keys: Sequence[tuple[str, ...]], index: Mapping[str, int]) -> NDArray[np.intp]:
    """Return the row of every part of every key, ABSENT where there is none.

    Shape (n, 1), for pairs (n, 2).
    """
    parts = len(keys[0]) if keys else 1
    # Millions of look-ups over a whole suite: none of them goes through the interpreter.
    found = map(index.get, chain.from_iterable(keys), repeat(ABSENT))
    return np.fromiter(found, np.intp, len(keys) * parts).reshape(len(keys), parts)


@dataclass(frozen=True, eq=False)
class Features:
    """The features of a task's entities, made when asked for, in float64."""

    vectors: NDArray[np.float32]
    """Shape (entities of the embedding, d)."""
    places: NDArray[np.intp]
    """Shape (n, 1) or, for pairs, (n, 2), as from `locate`."""
    pair: Pair
    """How two vectors become one: their mean, both side by side, or their product by feature."""

    def matrix(self, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the features of some entities, none of them ABSENT: shape (len(chosen), d or 2 d).

        The matrix is new; the caller may write to it.
        """
        places = self.places[chosen]
        dim = self.vectors.shape[1]
        wide = places.shape[1] > 1 and self.pair == "concat"
        out = np.empty((len(places), 2 * dim if wide else dim), dtype=np.float64)
        for start in range(0, len(places), BLOCK):
            block = out[start : start + BLOCK]
            rows = places[start : start + BLOCK]
            block[:, :dim] = self.vectors[rows[:, 0]]
            if places.shape[1] == 1:
                continue
            second = self.vectors[rows[:, 1]]
            if self.pair == "concat":
                block[:, dim:] = second
            elif self.pair == "product":
                block *= second
            else:
                block += second
                block /= 2
        return out
