"""The vectors of one embedding, scaled and turned once, and the designs of batches over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from probes.arrays import Arrays
from probes.design import BLOCK, Dense, Design, Pairs, principal_axes, scaling

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from extractors.store import Embeddings
    from probes.batches import Batch
    from probes.settings import Settings

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

UNUSED = -1
FEW = 4096
"""With so many rows or fewer a problem is solved in float64 whatever was asked for: a weak penalty
leaves so flat an optimum there that float32 misses it, and the cost is small."""


class Space:
    """What linear probes need of one embedding.

    The axes are those of the entities that any batch uses; the scaling is that of all.
    """

    def __init__(self, embedding: Embeddings, batches: list[Batch], settings: Settings) -> None:
        self.arrays = Arrays(exact=settings.exact, device=settings.device)
        self.fine = Arrays(exact=True, device=settings.device)
        self.vectors, self.settings = embedding.vectors, settings
        # By name, whatever the order of the file, so that this changes no digit.
        order = np.array(sorted(range(len(embedding.ids)), key=embedding.ids.__getitem__))
        standardise = settings.protocol == "standard"
        self.scaling = scaling(embedding.vectors, order, standardise=standardise)
        self.dtype = np.float64 if settings.exact else np.float32
        used = np.zeros(len(embedding.ids), dtype=np.bool_)
        for batch in batches:
            for trial in batch.trials:
                if not self._product(batch):
                    used[trial.match.features.places[trial.match.used]] = True
        self.rows = order[used[order]]
        self.at = np.full(len(used), UNUSED, dtype=np.intp)
        self.at[self.rows] = np.arange(len(self.rows))
        self.z, self.axes = self._turned(
            len(self.rows), lambda block: self._scaled(self.rows[block])
        )

    def _product(self, batch: Batch) -> bool:
        return batch.trials[0].task.is_pair and self.settings.pair == "product"

    def _scaled(self, rows: Places) -> Floats:
        return self.scaling.apply(self.vectors[rows])

    def _turned(
        self, n: int, block: Callable[[slice], Floats]
    ) -> tuple[NDArray[np.float32] | Floats, Floats]:
        """Return n rows of features along their principal axes, and those axes (d, axes)."""
        slices = [slice(start, start + BLOCK) for start in range(0, n, BLOCK)]
        # Twice over the blocks: in float64 they would not all fit beside each other.
        axes = principal_axes(map(block, slices), len(self.scaling.kept))
        found = np.empty((n, axes.shape[1]), dtype=self.dtype)
        for one in slices:
            found[one] = block(one) @ axes
        return found, axes

    def design(self, batch: Batch) -> tuple[Design, list[Places]]:
        """Return the features of a batch, and for each of its tasks where its rows are in it."""
        if batch.trials[0].task.is_pair:
            match = batch.trials[0].match
            pairs = match.features.places[match.used]
            place = np.full(len(match.used), UNUSED, dtype=np.intp)
            place[match.used] = np.arange(len(pairs))
            return self._pairs(pairs), [place]
        wanted = np.zeros(len(self.rows), dtype=np.bool_)
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
            return Dense(self.fine, self._scaled(self.rows[wanted]) @ self.axes), places
        return Dense(self.arrays, self.z if wanted.all() else self.z[wanted]), places

    def _pairs(self, pairs: Places) -> Design:
        if self.settings.pair == "product":
            turned, _ = self._turned(
                len(pairs),
                lambda block: self._scaled(pairs[block, 0]) * self._scaled(pairs[block, 1]),
            )
            return Dense(self.arrays, turned)
        entities, local = np.unique(self.at[pairs], return_inverse=True)
        return Pairs(self.arrays, self.z[entities], local.reshape(pairs.shape), self.settings.pair)
