"""What a prediction is worth: metrics under the names and with the values of scikit-learn.

A metric that is undefined is None, never a made-up 0. Ranking metrics are computed on scores,
never on hard decisions. A mean over classes (macro, or weighted by the number of true members)
takes in the classes for which the metric is defined in the test part, and of a multi-label task
those labels for which there is a model: a label that all or no training entities have gets none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.task import TaskType
from probes.formulas import (
    accuracy,
    auroc,
    average_precision,
    f1,
    mae,
    matthews,
    mean_recall,
    pearson,
    r2,
    rmse,
    spearman,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

HEADLINE: dict[str, str] = {
    TaskType.BINARY.value: "auroc",
    TaskType.MULTI_CLASS.value: "auroc",
    TaskType.MULTI_LABEL.value: "auroc",
    TaskType.REGRESSION.value: "spearman",
}
"""The one metric by which models are compared, per task type.

AUROC (macro one-vs-rest over several classes) depends neither on a threshold nor on how common
a class is. Spearman rather than R2: it is bounded, so no single fold with a wild extrapolation
decides a mean, and biology's numbers (lengths, expression, scores) are heavy-tailed, where R2 is
about a few large values. R2 is computed too.
"""

LOWER_IS_BETTER = frozenset({"rmse", "mae"})

METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("auroc", "average_precision", "accuracy", "balanced_accuracy", "mcc", "f1"),
    "multi-class": (
        "auroc", "auroc_weighted", "average_precision", "accuracy", "balanced_accuracy", "mcc",
        "f1_macro", "f1_weighted",
    ),
    "multi-label": (
        "auroc", "auroc_weighted", "average_precision", "f1_macro", "f1_weighted",
        "subset_accuracy",
    ),
    "regression": ("r2", "spearman", "pearson", "rmse", "mae"),
}  # fmt: skip
"""What `evaluate` computes for a whole task, per task type, in this order."""

LABEL_METRICS = ("auroc", "average_precision")
"""What `evaluate` computes for every label of a multi-label task as well."""


Values = dict[str, float | None]
"""Metric → value, None where it is undefined."""


@dataclass(frozen=True)
class Measure:
    """One number about one prediction."""

    metric: str
    label: str | None
    """The label of a multi-label task that it is about, or None for the whole task."""
    value: float | None
    """None when it is undefined."""


def evaluate(
    kind: TaskType,
    classes: Sequence[str],
    truth: NDArray[Any],
    scores: NDArray[np.float64] | None,
    decided: NDArray[Any] | None,
) -> list[Measure]:
    """Compute all metrics of a task type.

    Parameters
    ----------
    kind, classes
        The task's type and its class names.
    truth
        Labels of the n test entities, as in `probes.task_set.TaskData`.
    scores
        Binary: shape (n,), higher for class 1. Multi-class and multi-label: (n, classes); a
        column of NaN where there is no model. Regression: the predicted values. None when
        nothing could be fitted: then every metric is None.
    decided
        Hard decisions in the form of `truth`; not used for a regression.

    """
    if scores is None or not len(truth):
        whole: Values = dict.fromkeys(METRICS[kind])
        columns: list[Values] = [dict.fromkeys(LABEL_METRICS) for _ in classes]
    elif kind is TaskType.REGRESSION:
        whole, columns = _regression(truth, scores), []
    elif decided is None:
        message = f"a {kind} task needs hard decisions beside the scores"
        raise ValueError(message)
    elif kind is TaskType.BINARY:
        whole, columns = _binary(truth.astype(np.bool_), scores, decided.astype(np.bool_)), []
    elif kind is TaskType.MULTI_CLASS:
        whole, columns = _multi_class(truth, scores, decided), []
    else:
        whole, columns = _multi_label(truth, scores, decided)
    measures = [Measure(name, None, whole[name]) for name in METRICS[kind]]
    if kind is TaskType.MULTI_LABEL:
        for label, values in zip(classes, columns, strict=True):
            measures.extend(Measure(name, label, values[name]) for name in LABEL_METRICS)
    return measures


def _binary(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], decided: NDArray[np.bool_]
) -> Values:
    both = bool(truth.any() and not truth.all())
    return {
        "auroc": auroc(truth, scores),
        "average_precision": average_precision(truth, scores),
        "accuracy": accuracy(truth, decided),
        "balanced_accuracy": mean_recall(truth, decided) if both else None,
        "mcc": matthews(truth, decided),
        "f1": f1(truth, decided) if both else None,
    }


def _multi_class(
    truth: NDArray[np.int64], scores: NDArray[np.float64], decided: NDArray[np.int64]
) -> Values:
    classes = np.arange(scores.shape[1])
    members = truth[:, None] == classes
    chosen = decided[:, None] == classes
    ranked = _per_column(members, scores)
    harmonic = [f1(members[:, one], chosen[:, one]) for one in classes]
    support = members.sum(axis=0)
    several = int((support > 0).sum()) > 1
    return {
        "auroc": _mean([one["auroc"] for one in ranked]),
        "auroc_weighted": _mean([one["auroc"] for one in ranked], support),
        "average_precision": _mean([one["average_precision"] for one in ranked]),
        "accuracy": accuracy(truth, decided),
        "balanced_accuracy": mean_recall(truth, decided) if several else None,
        "mcc": matthews(truth, decided),
        "f1_macro": _mean(harmonic) if several else None,
        "f1_weighted": _mean(harmonic, support) if several else None,
    }


def _multi_label(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], decided: NDArray[np.bool_]
) -> tuple[Values, list[Values]]:
    ranked = _per_column(truth, scores)
    modelled = np.isfinite(scores[0])
    harmonic = [
        f1(truth[:, one], decided[:, one]) if modelled[one] else None
        for one in range(truth.shape[1])
    ]
    support = truth.sum(axis=0)
    whole: Values = {
        "auroc": _mean([one["auroc"] for one in ranked]),
        "auroc_weighted": _mean([one["auroc"] for one in ranked], support),
        "average_precision": _mean([one["average_precision"] for one in ranked]),
        "f1_macro": _mean(harmonic),
        "f1_weighted": _mean(harmonic, support),
        "subset_accuracy": float((truth == decided).all(axis=1).mean()),
    }
    return whole, ranked


def _regression(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> Values:
    return {
        "r2": r2(truth, predicted),
        "spearman": spearman(truth, predicted),
        "pearson": pearson(truth, predicted),
        "rmse": rmse(truth, predicted),
        "mae": mae(truth, predicted),
    }


def _per_column(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> list[Values]:
    """Return the ranking metrics of every class on its own, None where there are no scores."""
    found: list[Values] = []
    for column in range(truth.shape[1]):
        mine, score = truth[:, column], scores[:, column]
        if np.isnan(score).any():
            found.append({"auroc": None, "average_precision": None})
        else:
            precision = average_precision(mine, score)
            found.append({"auroc": auroc(mine, score), "average_precision": precision})
    return found


def _mean(values: Sequence[float | None], weights: NDArray[np.int64] | None = None) -> float | None:
    """Average the defined values; None if there is none, or none that has a weight."""
    defined = [index for index, value in enumerate(values) if value is not None]
    if not defined or (weights is not None and not weights[defined].any()):
        return None
    numbers = np.array([values[index] for index in defined], dtype=np.float64)
    return float(np.average(numbers, weights=None if weights is None else weights[defined]))
