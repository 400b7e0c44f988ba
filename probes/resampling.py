"""Bootstrap of metrics over entities: one sort, then every draw is a weighting of it.

A draw with replacement is a count per entity. A metric of the drawn entities is then a weighted
metric of all of them, in their one order, so that a thousand draws need no further sort. Two
models under the same counts are compared in pairs. As DeLong's variance, it says how a score
varies with the test entities, not with the training entities, and takes entities for independent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from probes.intervals import rising

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

DRAWS = 1000
BLOCK_CELLS = 1 << 17
"""Counts held at a time, a byte each; the sums over them then stay in the processor's cache."""
MOST = 255
"""The largest count a byte holds; nothing is drawn so often but by a chance of 1e-500."""


def resample(
    strata: NDArray[np.intp], *, draws: int = DRAWS, seed: int = 0
) -> Iterator[NDArray[np.uint8]]:
    """Yield how often each entity is drawn, in blocks of draws of shape (block, n).

    Parameters
    ----------
    strata
        Shape (n,): from 0; entities are drawn within their stratum, such as their class, whose
        size then stays as it is.
    draws, seed
        How many in all; equal seeds give equal draws.

    """
    n = len(strata)
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(strata == one) for one in np.unique(strata)]
    step = max(1, BLOCK_CELLS // max(n, 1))
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        counts = np.empty((rows, n), dtype=np.uint8)
        for mine in members:
            counts[:, mine] = _counts(rng, rows, len(mine))
        yield counts


def _counts(rng: np.random.Generator, rows: int, size: int) -> NDArray[np.uint8]:
    """Draw `size` of `size`, `rows` times; return the counts, (rows, size)."""
    kind = np.uint16 if size <= np.iinfo(np.uint16).max else np.uint32
    drawn = rng.integers(0, size, (rows, size), dtype=kind)
    places = (drawn + np.arange(rows)[:, None] * size).ravel()
    times = np.bincount(places, minlength=rows * size).reshape(rows, size)
    return np.minimum(times, MOST, out=times).astype(np.uint8)


class Ranked:
    """Binary labels and scores in order, ready for AUROC and average precision under any counts."""

    def __init__(self, truth: NDArray[np.bool_], scores: NDArray[np.floating]) -> None:
        """Sort; `truth` and `scores` have shape (n,)."""
        order = rising(-scores)
        member, ordered = truth[order], scores[order]
        self._members, self._others = order[member], order[~member]
        falling = -ordered[member]
        negative = -ordered[~member]
        # Of every member: how many non-members stand above it, above or beside it, and how
        # many members above or beside it. Searching in the sorted scores finds all ties.
        self._before = np.searchsorted(negative, falling, side="left")
        self._until = np.searchsorted(negative, falling, side="right")
        self._found = np.searchsorted(falling, falling, side="right")

    def metrics(self, counts: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return AUROC and average precision of every draw; NaN where it has only one class.

        `counts` has shape (draws, n), as from `resample`; the results (draws,), to 1e-6: sums
        are in single precision.
        """
        weight = counts[:, self._members].astype(np.float32)
        found, passed = _running(weight), _running(counts[:, self._others])
        positive, negative = (one[:, -1].astype(np.float64) for one in (found, passed))
        until = passed[:, self._until]
        beaten = until if self._untied else (until + passed[:, self._before]) / 2
        precision = found[:, self._found]
        precision /= np.maximum(precision + until, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            area = 1 - np.einsum("ij,ij->i", weight, beaten) / (positive * negative)
            mean = np.einsum("ij,ij->i", weight, precision) / positive
        mean[negative == 0] = np.nan
        return area, mean

    @property
    def _untied(self) -> bool:
        return bool((self._before == self._until).all())


def _running(weight: NDArray[Any]) -> NDArray[np.float32]:
    """Return running sums along the rows, from 0: one column more than `weight`."""
    total = np.zeros((len(weight), weight.shape[1] + 1), dtype=np.float32)
    np.cumsum(weight, axis=1, out=total[:, 1:], dtype=np.float32)
    return total


class Paired:
    """True and predicted numbers, ready for the metrics of a regression under any counts."""

    def __init__(self, truth: NDArray[np.float64], predicted: NDArray[np.floating]) -> None:
        """Sort both; shapes (n,)."""
        self._truth = truth.astype(np.float64)
        self._predicted = predicted.astype(np.float64)
        self._groups = [_ties(self._truth), _ties(self._predicted)]

    def metric(self, name: str, counts: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return `spearman`, `pearson`, `r2`, `rmse` or `mae` of every draw, shape (draws,).

        NaN where a draw has no spread.
        """
        weight = counts.astype(np.float64)
        if name == "spearman":
            first, second = (_weighted_ranks(weight, *group) for group in self._groups)
            return _correlation(weight, first, second)
        truth, predicted = self._truth, self._predicted
        if name == "pearson":
            return _correlation(weight, truth[None], predicted[None])
        total = weight.sum(axis=1)
        value: NDArray[np.float64]
        if name == "mae":
            value = weight @ np.abs(truth - predicted) / total
            return value
        squared = weight @ (truth - predicted) ** 2
        if name == "rmse":
            value = np.sqrt(squared / total)
            return value
        if name == "r2":
            centred = truth - truth.mean()
            spread = weight @ centred**2 - (weight @ centred) ** 2 / total
            value = 1 - squared / np.where(spread > 0, spread, np.nan)
            return value
        message = f"no bootstrap of {name!r}; choices: spearman, pearson, r2, rmse, mae"
        raise ValueError(message)


def _ties(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the group of every value, equal values in one, groups rising; and the sorted order."""
    _, group = np.unique(values, return_inverse=True)
    return group, np.argsort(group, kind="stable")


def _weighted_ranks(
    weight: NDArray[np.float64], group: NDArray[np.intp], order: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the mid-ranks that entities would have if each stood there `weight` times."""
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.add.reduceat(weight[:, order], starts, axis=1)
    middle = np.cumsum(sizes, axis=1) - (sizes - 1) / 2
    return middle[:, group]


def _correlation(
    weight: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    total = weight.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        left, right = (
            one - (weight * one).sum(axis=1, keepdims=True) / total for one in (first, second)
        )
        cross, one, other = (
            np.einsum("ij,ij,ij->i", weight, *sides)
            for sides in ((left, right), (left, left), (right, right))
        )
        return np.where((one > 0) & (other > 0), cross / np.sqrt(one * other), np.nan)
