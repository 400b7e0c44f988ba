"""Fmax: the best F1 of mean precision and mean recall over one threshold for all.

The measure of CAFA (Radivojac et al., Nature Methods 2013, 10:221) and DeepFRI: at a threshold,
precision is averaged over the proteins with at least one prediction, recall over all proteins,
and F is their harmonic mean; Fmax is the best F of any threshold.

The scorer of Biology-Instructions (as SaProt and TorchDrug) takes the best F along the sorted
predictions instead, one after the other, so also between equal scores. Of 0/1 answers, all of
them equal, that gives a value that depends on the order of the proteins and is never lower:
`published_fmax`, for comparison with published numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def fmax(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """Return Fmax of scores; None without proteins or without any true label.

    Parameters
    ----------
    truth, scores
        Shape (n, labels). A label whose scores are NaN, having no model, is never predicted, but
        its members count in the recall. Every distinct score is a threshold.

    """
    if not truth.any():
        return None
    steps = _steps(truth, np.where(np.isnan(scores), -np.inf, scores))
    precision, recall = steps.curve()
    ends = np.append(steps.score[1:] != steps.score[:-1], True) & (steps.score > -np.inf)
    return float(_f1(precision[ends], recall[ends]).max(initial=0.0))


def fmax_of_sets(
    right: NDArray[Any], said: NDArray[Any], members: NDArray[Any], weights: NDArray[Any]
) -> NDArray[np.float64]:
    """Return Fmax of 0/1 predictions, which have one threshold, under several weightings.

    Parameters
    ----------
    right, said, members
        Shape (n,): how many labels of each protein were said rightly, said, and are true.
    weights
        Shape (draws, n).

    Returns
    -------
    Shape (draws,); NaN where no weighted protein has a true label.

    """
    weights = weights.astype(np.float64)
    speaks = (said > 0).astype(np.float64)
    precision = _share(weights @ (right / np.maximum(said, 1)), weights @ speaks)
    recall = _share(weights @ (right / np.maximum(members, 1)), weights.sum(axis=1))
    return np.where(weights @ (members > 0) > 0, _f1(precision, recall), np.nan)


class PublishedFmax:
    """Fmax of 0/1 predictions as Biology-Instructions computes it, ready for any weighting."""

    def __init__(self, truth: NDArray[np.bool_], decided: NDArray[np.bool_]) -> None:
        """Take shapes (n, labels); predictions are sorted stably, by protein, then by label."""
        steps = _steps(truth, decided.astype(np.float64))
        # F falls from one hit to the next: what lies between goes with the later one.
        ends = steps.gains > 0
        ends[:-1] |= steps.row[1:] != steps.row[:-1]
        starts = np.append(0, np.flatnonzero(ends[:-1]) + 1)
        self._row = steps.row[starts]
        self._parts = [
            np.add.reduceat(part, starts) for part in (steps.precision, steps.first, steps.gains)
        ]
        self._members = truth.any(axis=1)

    def values(self, weights: NDArray[Any]) -> NDArray[np.float64]:
        """Return Fmax under weights of shape (draws, n); NaN without any true label.

        The predictions of a protein of weight 2 count twice as they come, not one copy of it
        after the other.
        """
        mine = weights[:, self._row].astype(np.float64)
        precision, started, recall = (np.cumsum(mine * part, axis=1) for part in self._parts)
        total = weights.sum(axis=1, dtype=np.float64)[:, None]
        best = _f1(_share(precision, started), _share(recall, total)).max(axis=1)
        return np.where(weights.astype(np.float64) @ self._members > 0, best, np.nan)


@dataclass(frozen=True, eq=False)
class _Steps:
    """All predictions, the highest first, and what each changes; shapes (n * labels,)."""

    row: NDArray[np.intp]
    score: NDArray[np.float64]
    precision: NDArray[np.float64]
    """By how much it changes the precision of its protein."""
    gains: NDArray[np.float64]
    """By how much it raises its recall."""
    first: NDArray[np.float64]
    """1 for the first prediction of a protein."""

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean precision and mean recall after each step."""
        n = self.first.sum()
        return np.cumsum(self.precision) / np.cumsum(self.first), np.cumsum(self.gains) / n


def _steps(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> _Steps:
    n, k = truth.shape
    order = np.argsort(-scores, axis=1, kind="stable")
    hit = np.take_along_axis(truth, order, axis=1).astype(np.float64)
    sorted_scores = np.take_along_axis(scores, order, axis=1).ravel()
    precision = np.diff(np.cumsum(hit, axis=1) / np.arange(1, k + 1), axis=1, prepend=0.0)
    gains = hit / np.maximum(truth.sum(axis=1, keepdims=True), 1)
    first = np.zeros((n, k))
    first[:, 0] = 1
    # Rows are sorted already; a stable sort keeps each in its order.
    place = np.argsort(-sorted_scores, kind="stable")
    return _Steps(
        place // k, sorted_scores[place],
        precision.ravel()[place], gains.ravel()[place], first.ravel()[place],
    )  # fmt: skip


def _f1(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    return _share(2 * precision * recall, precision + recall)


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)
