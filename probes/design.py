"""Features as the solver wants them: centred, turned into their principal axes, shared by tasks.

Every feature is standardised over **all entities of the embedding**, not over the training rows.
No label is looked at, so nothing about the answer leaks; and because the scaling is the same in
every fold, task and repeat, one rotation serves them all, which is what makes the suite quick. It
also is what somebody does who publishes standardised vectors. (Scaling by the training rows would
be the choice if test entities were unknown when the probe is made.) A feature that is constant up
to the rounding of float32 carries nothing and is dropped; so are directions without variance,
which collinear features leave.

The vector of a pair is made from the scaled vectors of its two entities.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from probes.arrays import Array, Arrays

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

BLOCK = 4096
"""Rows that are float64 at a time: what is needed beside the finished matrix stays small."""
ROUNDING = 4 * float(np.finfo(np.float32).eps)
"""Spread of a feature, relative to its size, that rounding alone explains."""
RANK = 1e-13
"""Share of the largest variance below which a direction has none."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """What is taken from every feature, and what it is divided by."""

    kept: Places
    """Features that vary, shape (d',)."""
    mean: Floats
    """Shape (d',)."""
    spread: Floats
    """Shape (d',): the standard deviation, or 1 where vectors are not scaled."""

    def apply(self, vectors: NDArray[np.float32]) -> Floats:
        """Return scaled vectors, shape (n, d'), in float64."""
        scaled: Floats = vectors[:, self.kept].astype(np.float64)
        scaled -= self.mean
        scaled /= self.spread
        return scaled


def scaling(vectors: NDArray[np.float32], order: Places, *, standardise: bool) -> Scaling:
    """Learn the scaling from all vectors (n, d); without `standardise` they are only centred.

    They are summed in the given order, so that of a file changes no digit.
    """
    n, d = vectors.shape
    mean, squares, size = np.zeros(d), np.zeros(d), np.zeros(d)
    for rows in _blocks(order):
        mean += vectors[rows].sum(axis=0, dtype=np.float64) / n
        size = np.maximum(size, np.abs(vectors[rows]).max(axis=0))
    for rows in _blocks(order):
        squares += np.square(vectors[rows] - mean).sum(axis=0)
    spread = np.sqrt(squares / n)
    kept = np.flatnonzero(spread > ROUNDING * size)
    scale = spread[kept] if standardise else np.ones(len(kept))
    return Scaling(kept, mean[kept], scale)


def principal_axes(blocks: Iterable[Floats], d: int) -> Floats:
    """Return the axes (d, r) along which rows vary, by falling variance.

    `blocks` are the rows, in blocks of shape (m, d); their mean does not have to be 0.
    """
    total, mean, n = np.zeros((d, d)), np.zeros(d), 0
    for block in blocks:
        total += block.T @ block
        mean += block.sum(axis=0)
        n += len(block)
    total -= np.outer(mean, mean / max(n, 1))
    variances, axes = np.linalg.eigh(total)
    varied = variances > RANK * variances.max(initial=np.finfo(np.float64).tiny)
    turned: Floats = np.ascontiguousarray(axes[:, varied][:, ::-1])
    return turned


class Design(ABC):
    """The features of n entities, or of n pairs, as two products.

    Features are centred over the rows of the design, which the intercept takes up.
    """

    arrays: Arrays
    n: int
    d: int
    """Number of features."""
    moment: Array
    """Shape (d,): the variance of every feature over the rows."""

    @abstractmethod
    def forward(self, weights: Array) -> Array:
        """Return features times weights: (c, d) → (c, n)."""

    @abstractmethod
    def backward(self, residuals: Array) -> Array:
        """Return residuals times features: (c, n) → (c, d)."""

    @abstractmethod
    def gram(self, rows: Places) -> Floats:
        """Return the sum over some rows of the outer products of their features: (d, d)."""

    @abstractmethod
    def sums(self, rows: Places, values: Floats) -> Floats:
        """Return the features of some rows, each times its values (m, c), summed: (d, c)."""

    @abstractmethod
    def apply(self, weights: Floats) -> Floats:
        """Return features times weights in float64: (d, c) → (n, c)."""

    @abstractmethod
    def matrix(self, rows: Places) -> Floats:
        """Return the features of some rows: (m, d)."""


class Dense(Design):
    """Features that are held, a row each."""

    def __init__(self, arrays: Arrays, z: NDArray[np.float32] | Floats) -> None:
        self.arrays, (self.n, self.d) = arrays, z.shape
        mean = sum(z[rows].sum(axis=0, dtype=np.float64) for rows in _blocks(np.arange(self.n)))
        self.mean = np.asarray(mean) / self.n
        squares = sum(
            np.square(z[rows] - self.mean).sum(axis=0) for rows in _blocks(np.arange(self.n))
        )
        self.moment = arrays.floats(np.asarray(squares) / self.n)
        self.z = z
        self._z, self._mean = arrays.floats(z), arrays.floats(self.mean)

    def forward(self, weights: Array) -> Array:  # noqa: D102
        scores = weights @ self._z.T
        scores -= (weights @ self._mean)[:, None]
        return scores

    def backward(self, residuals: Array) -> Array:  # noqa: D102
        found = residuals @ self._z
        found -= residuals.sum(axis=1)[:, None] * self._mean
        return found

    def gram(self, rows: Places) -> Floats:  # noqa: D102
        total = np.zeros((self.d, self.d))
        for block in _blocks(rows):
            part = self.matrix(block)
            total += part.T @ part
        return total

    def sums(self, rows: Places, values: Floats) -> Floats:  # noqa: D102
        total, start = np.zeros((self.d, values.shape[1])), 0
        for block in _blocks(rows):
            total += self.matrix(block).T @ values[start : start + len(block)]
            start += len(block)
        return total

    def apply(self, weights: Floats) -> Floats:  # noqa: D102
        return np.vstack([self.matrix(block) @ weights for block in _blocks(np.arange(self.n))])

    def matrix(self, rows: Places) -> Floats:  # noqa: D102
        return np.asarray(self.z[rows] - self.mean, dtype=np.float64)


class Pairs(Design):
    """Pairs of entities, whose features are never held: sparse matrices over those of entities.

    With `concat` the features of both sides stand side by side, else the pair has their mean.
    """

    def __init__(
        self,
        arrays: Arrays,
        z: NDArray[np.float32] | Floats,
        places: Places,
        pair: Literal["mean", "concat"],
    ) -> None:
        """Take the features (g, d) of entities, and for each pair (n, 2) whose they are."""
        self.arrays, self.n, self.width = arrays, len(places), z.shape[1]
        self.z, wide = z, z.astype(np.float64)
        one = [_selects(places[:, [side]], len(z)) for side in (0, 1)]
        self.sides = one if pair == "concat" else [(one[0] + one[1]) / 2]
        self.d = self.width * len(self.sides)
        means = [np.asarray(side.sum(axis=0)).ravel() @ wide / self.n for side in self.sides]
        squares = [
            np.einsum("ij,ij->j", (side.T @ side) @ wide, wide) / self.n for side in self.sides
        ]
        self.mean = np.concatenate(means)
        self.moment = arrays.floats(np.maximum(np.concatenate(squares) - self.mean**2, 0))
        self._z, self._mean = arrays.floats(z), arrays.floats(self.mean)
        self._sides = [arrays.sparse(side) for side in self.sides]
        self._turned = [arrays.sparse(side.T.tocsr()) for side in self.sides]

    def forward(self, weights: Array) -> Array:  # noqa: D102
        tall = -(weights @ self._mean)[None, :]
        for at, side in enumerate(self._sides):
            mine = weights[:, at * self.width : (at + 1) * self.width]
            tall = tall + side @ (self._z @ mine.T)
        return self.arrays.rows(tall.T)

    def backward(self, residuals: Array) -> Array:  # noqa: D102
        tall = self.arrays.rows(residuals.T)
        parts = [(turned @ tall).T @ self._z for turned in self._turned]
        found = self.arrays.xp.concatenate(parts, axis=1)
        return found - residuals.sum(axis=1)[:, None] * self._mean

    def gram(self, rows: Places) -> Floats:  # noqa: D102
        wide = self.z.astype(np.float64)
        mine = [side[rows] for side in self.sides]
        whole = np.block([[wide.T @ ((a.T @ b) @ wide) for b in mine] for a in mine])
        total = np.concatenate([wide.T @ np.asarray(a.sum(axis=0)).ravel() for a in mine])
        cross = np.outer(total, self.mean)
        centred: Floats = whole - cross - cross.T + len(rows) * np.outer(self.mean, self.mean)
        return centred

    def sums(self, rows: Places, values: Floats) -> Floats:  # noqa: D102
        wide = self.z.astype(np.float64)
        found = np.vstack([wide.T @ (side[rows].T @ values) for side in self.sides])
        centred: Floats = found - np.outer(self.mean, values.sum(axis=0))
        return centred

    def apply(self, weights: Floats) -> Floats:  # noqa: D102
        wide, found = self.z.astype(np.float64), np.zeros((self.n, weights.shape[1]))
        for at, side in enumerate(self.sides):
            found += side @ (wide @ weights[at * self.width : (at + 1) * self.width])
        found -= self.mean @ weights
        return found

    def matrix(self, rows: Places) -> Floats:  # noqa: D102
        wide = self.z.astype(np.float64)
        found: Floats = np.hstack([side[rows] @ wide for side in self.sides]) - self.mean
        return found


def _selects(places: Places, among: int) -> Any:  # noqa: ANN401  a scipy.sparse matrix
    """Return the sparse matrix (n, among) that takes the row of `places` (n, 1)."""
    from scipy.sparse import csr_array

    n = len(places)
    starts = np.arange(n + 1)
    return csr_array((np.ones(n), places.ravel(), starts), shape=(n, among))


def _blocks(rows: Places) -> Iterator[Places]:
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK]
