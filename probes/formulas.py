"""The formulas behind the metrics, on plain arrays; None where a formula has no value.

They agree with scikit-learn and scipy to rounding, and say None where those warn and return 0
or NaN. They are here because scikit-learn's checks cost more than the sums: hundreds of tasks
with tens of labels each make millions of calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEARLY_CONSTANT = 1e-13
"""A spread of at most this, relative to the mean, is rounding: constant (as in scipy)."""


def ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return ranks from 1; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return shared


def auroc(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """Return the chance that a member scores above a non-member, ties counting half.

    None without a member or without a non-member.
    """
    positive = int(truth.sum())
    negative = len(truth) - positive
    if not positive or not negative:
        return None
    above = float(ranks(scores)[truth].sum()) - positive * (positive + 1) / 2
    return above / (positive * negative)


def average_precision(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """Return the precision at each threshold, weighted by the gain in recall, not interpolated.

    None without a member or without a non-member.
    """
    positive = int(truth.sum())
    if not positive or positive == len(truth):
        return None
    order = np.argsort(-scores, kind="stable")
    sorted_scores = scores[order]
    # Entities with one score enter together: a threshold lies only between different scores.
    ends = np.append(np.flatnonzero(np.diff(sorted_scores)), len(truth) - 1)
    found = np.cumsum(truth[order])[ends]
    precision = found / (ends + 1)
    gain = np.diff(found, prepend=0) / positive
    return float(np.sum(precision * gain))


def accuracy(truth: NDArray[Any], decided: NDArray[Any]) -> float:
    """Return the share of right decisions."""
    return float((truth == decided).mean())


def mean_recall(truth: NDArray[Any], decided: NDArray[Any]) -> float:
    """Return the balanced accuracy: recall averaged over the classes that are in `truth`."""
    return float(np.mean([(decided[truth == one] == one).mean() for one in np.unique(truth)]))


def f1(truth: NDArray[np.bool_], decided: NDArray[np.bool_]) -> float | None:
    """Return 2 TP / (2 TP + FP + FN); None when nobody is a member and nobody was said to be."""
    both = int(truth.sum()) + int(decided.sum())
    return 2 * int((truth & decided).sum()) / both if both else None


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
