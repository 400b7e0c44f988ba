"""The vectors of one embedding, scaled and turned once, and the designs of batches over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from probes.arrays import Arrays
from probes.design import BLOCK, Dense, Design, Pairs, Scaling, principal_axes, scaling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from probes.batches import Batch
    from probes.settings import Settings

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]
    Vectors: TypeAlias = NDArray[np.float32]

UNUSED = -1
FEW = 4096
"""With so many rows or fewer a problem is solved in float64 whatever was asked for: a weak penalty
leaves so flat an optimum there that float32 misses it, and the cost is small."""


@dataclass(frozen=True, eq=False)
class Turned:
    """An embedding on its principal axes: what batches share, in arrays that can travel."""

    scaling: Scaling
    """That of all entities."""
    rows: Places
    """The entities that any batch uses, by name."""
    z: Vectors | Floats
    """Their features along the axes, shape (rows, r); float64 with `exact`."""
    axes: Floats
    """Those of these entities, shape (d', r)."""


def turn(vectors: Vectors, order: Places, batches: Iterable[Batch], settings: Settings) -> Turned:
    """Scale and turn vectors (n, d) for some batches.

    `order` are their rows by name, whatever the order of the file, so that this changes no digit.
    """
    scaled = scaling(vectors, order, standardise=settings.protocol == "standard")
    used = np.zeros(len(vectors), dtype=np.bool_)
    for batch in batches:
        for trial in batch.trials:
            if not _is_product(batch, settings):
                used[trial.match.features.places[trial.match.used]] = True
    rows = order[used[order]]
    z, axes = _along_axes(scaled, settings, len(rows), lambda at: scaled.apply(vectors[rows[at]]))
    return Turned(scaled, rows, z, axes)


def _is_product(batch: Batch, settings: Settings) -> bool:
    return batch.trials[0].task.is_pair and settings.pair == "product"


def _along_axes(
    scaled: Scaling, settings: Settings, n: int, block: Callable[[slice], Floats]
) -> tuple[Vectors | Floats, Floats]:
    """Return n rows of features along their principal axes, and those axes (d', r)."""
    slices = [slice(start, start + BLOCK) for start in range(0, n, BLOCK)]
    # Twice over the blocks: in float64 they would not all fit beside each other.
    axes = principal_axes(map(block, slices), len(scaled.kept))
    found = np.empty((n, axes.shape[1]), dtype=np.float64 if settings.exact else np.float32)
    for one in slices:
        found[one] = block(one) @ axes
    return found, axes


class Space:
    """What linear probes need of one embedding."""

    def __init__(self, vectors: Vectors, turned: Turned, settings: Settings) -> None:
        self.arrays = Arrays(exact=settings.exact, device=settings.device)
        self.fine = Arrays(exact=True, device=settings.device)
        self.vectors, self.turned, self.settings = vectors, turned, settings
        self.at = np.full(len(vectors), UNUSED, dtype=np.intp)
        self.at[turned.rows] = np.arange(len(turned.rows))

    def _scaled(self, rows: Places) -> Floats:
        return self.turned.scaling.apply(self.vectors[rows])

    def design(self, batch: Batch) -> tuple[Design, list[Places]]:
        """Return the features of a batch, and for each of its tasks where its rows are in it."""
        if batch.trials[0].task.is_pair:
            match = batch.trials[0].match
            pairs = match.features.places[match.used]
            place = np.full(len(match.used), UNUSED, dtype=np.intp)
            place[match.used] = np.arange(len(pairs))
            return self._pairs(pairs), [place]
        rows, z, axes = self.turned.rows, self.turned.z, self.turned.axes
        wanted = np.zeros(len(rows), dtype=np.bool_)
        for trial in batch.trials:
            wanted[self.at[trial.match.features.places[trial.match.used, 0]]] = True
        compact = np.cumsum(wanted) - 1
        places = []
        for trial in batch.trials:
            used = trial.match.used
            place = np.full(len(used), UNUSED, dtype=np.intp)
            place[used] = compact[self.at[trial.match.features.places[used, 0]]]
            places.append(place)
        if wanted.sum() <= FEW:
            return Dense(self.fine, self._scaled(rows[wanted]) @ axes), places
        return Dense(self.arrays, z if wanted.all() else z[wanted]), places

    def _pairs(self, pairs: Places) -> Design:
        pair = self.settings.pair
        if pair == "product":
            turned, _ = _along_axes(
                self.turned.scaling,
                self.settings,
                len(pairs),
                lambda at: self._scaled(pairs[at, 0]) * self._scaled(pairs[at, 1]),
            )
            return Dense(self.arrays, turned)
        entities, local = np.unique(self.at[pairs], return_inverse=True)
        z = self.turned.z[entities]
        return Pairs(self.arrays, z, local.reshape(pairs.shape), pair)
