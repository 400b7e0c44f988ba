"""The formulas behind the metrics, on plain arrays, all labels of a task at a time.

They agree with scikit-learn and scipy to rounding, and have no value where those warn and return
0 or NaN: functions of one column return None there, functions of many return NaN. They are here
because scikit-learn's checks cost more than the sums: hundreds of tasks with tens of labels each
make millions of calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEARLY_CONSTANT = 1e-13
"""A spread of at most this, relative to the mean, is rounding: constant (as in scipy)."""
BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017."""


def ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return ranks from 1; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return shared


def rank_metrics(
    truth: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return AUROC and average precision of every column, from one sort of each.

    AUROC is the chance that a member scores above a non-member, ties counting half. Average
    precision is the precision at each threshold, weighted by the gain in recall, not
    interpolated; a threshold lies only between different scores.

    Parameters
    ----------
    truth, scores
        Shape (n, k).

    Returns
    -------
    Two arrays of shape (k,); NaN where a column has no member or no non-member, or a NaN score.

    """
    n, k = truth.shape
    if not n:
        return np.full(k, np.nan), np.full(k, np.nan)
    # One row per column of the input: sorts and sums then run over neighbours in memory.
    descending = np.negative(scores.T, order="C")
    order = np.argsort(descending, axis=1)
    hit = np.take_along_axis(np.ascontiguousarray(truth.T), order, axis=1)
    ordered = np.take_along_axis(descending, order, axis=1)
    taken = np.broadcast_to(np.arange(1.0, n + 1), (k, n))
    found = np.cumsum(hit, axis=1, dtype=np.float64)
    ends = np.ones((k, n), dtype=np.bool_)
    ends[:, :-1] = ordered[:, 1:] != ordered[:, :-1]
    # Entities with one score enter together, at the last of them.
    gained = _gain(found, ends)
    precision = gained * (found / taken)
    pairs = (_gain(taken, ends) - gained) * (found - gained / 2)
    positive = found[:, -1]
    valued = (positive > 0) & (positive < n) & ~np.isnan(ordered[:, -1])
    positive = np.where(valued, positive, np.nan)
    return pairs.sum(axis=1) / (positive * (n - positive)), precision.sum(axis=1) / positive


def _gain(total: NDArray[np.float64], ends: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return by how much a running total grew since the last end; 0 where there is no end."""
    marked = np.where(ends, total, 0.0)
    if not ends.all():
        np.maximum.accumulate(marked, axis=1, out=marked)
    return np.diff(marked, axis=1, prepend=0.0)


def auroc(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """Return the AUROC of one column; None without a member or without a non-member."""
    return defined(rank_metrics(truth[:, None], scores[:, None])[0][0])


def average_precision(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """Return the average precision of one column; None as for `auroc`."""
    return defined(rank_metrics(truth[:, None], scores[:, None])[1][0])


@dataclass(frozen=True, eq=False)
class Counts:
    """What hard decisions come to, for every one of k classes or labels against the rest."""

    right: NDArray[np.float64]
    """Members that were said to be members, shape (k,)."""
    members: NDArray[np.float64]
    said: NDArray[np.float64]
    total: int
    """Entities."""

    @classmethod
    def of(cls, truth: NDArray[np.bool_], decided: NDArray[np.bool_]) -> Counts:
        """Count the columns of two arrays of shape (n, k)."""
        both = (truth & decided).sum(axis=0, dtype=np.float64)
        members, said = (one.sum(axis=0, dtype=np.float64) for one in (truth, decided))
        return cls(both, members, said, len(truth))

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of members among those said to be; 0 when none was said and there are some."""
        none_said = np.where(self.members > 0, 0.0, np.nan)
        return np.where(self.said > 0, _ratio(self.right, self.said), none_said)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of the members that were found; NaN without a member."""
        return _ratio(self.right, self.members)

    @property
    def f1(self) -> NDArray[np.float64]:
        """2 TP / (2 TP + FP + FN); NaN when nobody is a member and nobody was said to be."""
        return _ratio(2 * self.right, self.members + self.said)

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Share of right decisions; NaN without entities."""
        wrong = self.members + self.said - 2 * self.right
        return _ratio(self.total - wrong, np.full_like(wrong, self.total))

    @property
    def balanced_accuracy(self) -> NDArray[np.float64]:
        """Mean recall of members and non-members; NaN when one of them is missing."""
        others = self.total - self.members
        kept = others - (self.said - self.right)
        return (self.recall + _ratio(kept, others)) / 2

    @property
    def mcc(self) -> NDArray[np.float64]:
        """Matthews' correlation; NaN when one class is missing, 0 when only one was decided."""
        n = self.total
        agreement = n * self.right - self.members * self.said
        spread = self.members * (n - self.members)
        said = self.said * (n - self.said)
        value = _ratio(agreement, np.sqrt(spread * said))
        return np.where(spread > 0, np.where(said > 0, value, 0.0), np.nan)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = np.full(part.shape, np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def log_loss_binary(truth: NDArray[np.bool_], decision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log loss of every column; the probability is the sigmoid of the decision value.

    Shapes (n, k) to (k,), in nats. It is computed from the decision value itself and so exact
    where a probability would round to 0 or 1 (beyond 36; scikit-learn cuts the loss off there).
    """
    if not len(truth):
        return np.full(truth.shape[1], np.nan)
    loss: NDArray[np.float64] = np.logaddexp(0.0, np.where(truth, -decision, decision)).mean(axis=0)
    return loss


def log_loss_classes(truth: NDArray[np.int64], probability: NDArray[np.float64]) -> float:
    """Return the log loss in nats of class indices (n,) under probabilities (n, classes).

    A probability of 0, and that of a class without a model (NaN), counts as 2.2e-16, as in
    scikit-learn: a class that was never trained on costs 36 each time.
    """
    given = np.nan_to_num(probability[np.arange(len(truth)), truth], nan=0.0)
    return float(-np.log(np.clip(given, np.finfo(np.float64).eps, 1.0)).mean())


def calibration_error(
    truth: NDArray[np.bool_], probability: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the expected calibration error of every column, shapes (n, k) to (k,).

    The sum over 15 bins (lo, hi] of equal width of the share of entities in the bin times
    |their mean probability - the share of them that are true| (Naeini et al., AAAI 2015).
    With the probability of the class that was decided for, and whether that is right, it is
    the top-label error of Guo et al. (arXiv 1706.04599). It depends on the bins and is biased
    upwards in small test parts; compare it only at equal sizes.
    """
    n, k = truth.shape
    if not n:
        return np.full(k, np.nan)
    bins = np.clip(np.ceil(probability * BINS).astype(np.intp) - 1, 0, BINS - 1)
    place = (bins + np.arange(k) * BINS).ravel()
    gap = np.bincount(place, weights=(probability - truth).ravel(), minlength=k * BINS)
    error: NDArray[np.float64] = np.abs(gap).reshape(k, BINS).sum(axis=1) / n
    return error


def sigmoid(decision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-decision)), without overflow."""
    value: NDArray[np.float64] = np.exp(-np.logaddexp(0.0, -decision))
    return value


def accuracy(truth: NDArray[Any], decided: NDArray[Any]) -> float:
    """Return the share of right decisions."""
    return float((truth == decided).mean())


def matthews(truth: NDArray[Any], decided: NDArray[Any]) -> float | None:
    """Return Matthews' correlation, for any number of classes (Gorodkin 2004).

    None when all entities are of one class. 0 when all were decided to be of one class.
    """
    classes, coded = np.unique(np.concatenate([truth, decided]), return_inverse=True)
    true, said = coded[: len(truth)], coded[len(truth) :]
    in_truth = np.bincount(true, minlength=len(classes)).astype(np.float64)
    in_said = np.bincount(said, minlength=len(classes)).astype(np.float64)
    total = float(len(truth))
    spread_truth = total**2 - in_truth @ in_truth
    spread_said = total**2 - in_said @ in_said
    if not spread_truth:
        return None
    if not spread_said:
        return 0.0
    agreement = float((true == said).sum()) * total - in_truth @ in_said
    return float(agreement / np.sqrt(spread_truth * spread_said))


def r2(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float | None:
    """Return 1 - residual / total sum of squares; None when the true values do not differ."""
    if np.ptp(truth) == 0:
        return None
    residual = np.sum((truth - predicted) ** 2)
    return float(1 - residual / np.sum((truth - truth.mean()) ** 2))


def pearson(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Return the linear correlation; None when one side is constant, but for rounding."""
    if _constant(first) or _constant(second):
        return None
    left, right = first - first.mean(), second - second.mean()
    value = (left / np.linalg.norm(left)) @ (right / np.linalg.norm(right))
    return float(np.clip(value, -1, 1))


def spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Return the rank correlation; None when one side is constant, but for rounding."""
    if _constant(first) or _constant(second):
        return None
    return pearson(ranks(first), ranks(second))


def _constant(values: NDArray[np.float64]) -> bool:
    centre = values.mean()
    return bool(np.linalg.norm(values - centre) <= NEARLY_CONSTANT * abs(centre))


def rmse(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean((truth - predicted) ** 2)))


def mae(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Return the mean absolute error."""
    return float(np.mean(np.abs(truth - predicted)))


def defined(value: float) -> float | None:
    """Return a number as it is, and None for NaN."""
    return None if np.isnan(value) else float(value)
