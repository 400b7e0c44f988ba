"""What a prediction is worth: metrics under the names and with the values of scikit-learn.

A metric that is undefined is None, never a made-up 0. Ranking metrics are computed on scores,
never on hard decisions. A mean over classes (macro, or weighted by the number of true members)
takes in the classes for which the metric is defined in the test part, and of a multi-label task
those labels for which there is a model: a label that all or no training entities have gets none.

Log loss and calibration error need probabilities. Those of a multi-class task are the scores
themselves; of a binary or multi-label task the score is a decision value, and its probability
the sigmoid of it, which is what a logistic regression means by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.errors import choose
from hf_datasets.task import TaskType
from probes.formulas import (
    Counts,
    accuracy,
    calibration_error,
    defined,
    log_loss_binary,
    log_loss_classes,
    mae,
    matthews,
    pearson,
    r2,
    rank_metrics,
    rmse,
    sigmoid,
    spearman,
)

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

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

ANSWER_HEADLINES: dict[str, tuple[str, ...]] = {
    TaskType.BINARY.value: ("mcc", "accuracy"),
    TaskType.MULTI_CLASS.value: ("accuracy", "mcc"),
    TaskType.MULTI_LABEL.value: ("fmax", "macro_auroc"),
    TaskType.REGRESSION.value: ("squared_pearson", "pearson", "mixed_score"),
    "multiple-choice": ("accuracy",),
}
"""What stands for the headline where there is none, best first: answers of language models are
decisions without a score, and questions with options of their own are no type of label."""

LOWER_IS_BETTER = frozenset({"rmse", "mae", "log_loss", "calibration_error", "hamming_loss"})

_AVERAGED = (
    "auroc", "auroc_weighted", "average_precision", "average_precision_weighted",
    "precision_macro", "precision_weighted", "recall_macro", "recall_weighted",
    "f1_macro", "f1_weighted",
)  # fmt: skip
_HARD_AVERAGES = _AVERAGED[4:]
METRICS: dict[str, tuple[str, ...]] = {
    "binary": (
        "auroc", "average_precision", "accuracy", "balanced_accuracy", "mcc", "precision",
        "recall", "f1", "log_loss", "calibration_error",
    ),
    "multi-class": (
        *_AVERAGED, "accuracy", "balanced_accuracy", "mcc", "log_loss", "calibration_error",
    ),
    "multi-label": (
        *_AVERAGED, "balanced_accuracy", "mcc", "log_loss", "calibration_error", "hamming_loss",
        "subset_accuracy",
    ),
    "regression": ("r2", "spearman", "pearson", "squared_pearson", "rmse", "mae"),
}  # fmt: skip
"""What `evaluate` computes for a whole task, per task type, in this order."""

LABEL_METRICS = (
    "auroc", "average_precision", "balanced_accuracy", "mcc", "precision", "recall", "f1",
    "log_loss", "calibration_error",
)  # fmt: skip
"""What `evaluate` computes for every label of a multi-label task as well."""
CLASS_METRICS = ("auroc", "average_precision", "precision", "recall", "f1")
"""What it computes for every class of a multi-class task, one class against the rest."""

PROBABILISTIC = frozenset({"log_loss", "calibration_error"})

Values = dict[str, float | None]
"""Metric → value, None where it is undefined."""
Columns = dict[str, "NDArray[np.float64]"]
"""Metric → value of every class or label, NaN where it is undefined."""


def headline_of(task_type: str, found: Container[str]) -> str:
    """Return the metric by which models are compared on a task, from the metrics that were found.

    InputError for a type that is none.
    """
    beside = choose(task_type, ANSWER_HEADLINES, "task type", "`probe` writes one of them")
    usual = HEADLINE.get(task_type, beside[0])
    return usual if usual in found else next((one for one in beside if one in found), usual)


@dataclass(frozen=True)
class Measure:
    """One number about one prediction."""

    metric: str
    label: str | None
    """The label or class that it is about, or None for the whole task."""
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
    own = {TaskType.MULTI_LABEL: LABEL_METRICS, TaskType.MULTI_CLASS: CLASS_METRICS}.get(kind, ())
    columns: Columns = dict.fromkeys(own, np.full(len(classes), np.nan))
    if scores is None or not len(truth):
        whole: Mapping[str, float | None] = dict.fromkeys(METRICS[kind])
    elif kind is TaskType.REGRESSION:
        whole = _regression(truth, scores)
    elif decided is None:
        message = f"a {kind} task needs hard decisions beside the scores"
        raise ValueError(message)
    elif kind is TaskType.BINARY:
        whole = _binary(truth.astype(np.bool_), scores, decided.astype(np.bool_))
    elif kind is TaskType.MULTI_CLASS:
        columns = _per_class(truth, scores, decided)
        whole = _multi_class(truth, scores, decided, columns)
    else:
        columns = _per_label(truth, scores, decided)
        whole = _multi_label(truth, decided, columns)
    measures = [Measure(name, None, whole[name]) for name in METRICS[kind]]
    for index, label in enumerate(classes if own else ()):
        measures.extend(Measure(name, label, defined(columns[name][index])) for name in own)
    return measures


def auroc_hard(truth: NDArray[np.bool_], decided: NDArray[np.bool_]) -> float | None:
    """Return the AUROC of hard decisions, averaged over labels by their number of members.

    This is what gene-benchmark publishes as `roc_auc_weighted` of its multi-label tasks: a 0/1
    decision has one threshold, so it is the mean of recall and specificity, and lower than the
    AUROC of scores. For comparison with those numbers only; labels without a member or without
    a non-member are left out. Shapes (n, labels).
    """
    return _mean(Counts.of(truth, decided).balanced_accuracy, truth.sum(axis=0))


def _binary(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], decided: NDArray[np.bool_]
) -> Values:
    columns = _per_label(truth[:, None], scores[:, None], decided[:, None])
    values = {name: defined(column[0]) for name, column in columns.items()}
    if truth.all() or not truth.any():
        # With one class only the probabilities can still be right or wrong.
        values = {name: values[name] if name in PROBABILISTIC else None for name in values}
    return values | {"accuracy": accuracy(truth, decided)}


def _per_label(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], decided: NDArray[np.bool_]
) -> Columns:
    """Return LABEL_METRICS of every column, NaN where there is no model."""
    modelled = np.isfinite(scores[0])
    truth, scores, decided = truth[:, modelled], scores[:, modelled], decided[:, modelled]
    auroc, precision = rank_metrics(truth, scores)
    counts = Counts.of(truth, decided)
    columns: Columns = {
        "auroc": auroc,
        "average_precision": precision,
        "balanced_accuracy": counts.balanced_accuracy,
        "mcc": counts.mcc,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "log_loss": log_loss_binary(truth, scores),
        "calibration_error": calibration_error(truth, sigmoid(scores)),
    }
    spread: Columns = {name: np.full(len(modelled), np.nan) for name in columns}
    for name, values in columns.items():
        spread[name][modelled] = values
    return spread


def _per_class(
    truth: NDArray[np.int64], scores: NDArray[np.float64], decided: NDArray[np.int64]
) -> Columns:
    """Return CLASS_METRICS of every class against the rest."""
    classes = np.arange(scores.shape[1])
    members = truth[:, None] == classes
    auroc, precision = rank_metrics(members, scores)
    counts = Counts.of(members, decided[:, None] == classes)
    return {
        "auroc": auroc,
        "average_precision": precision,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
    }


def _multi_class(
    truth: NDArray[np.int64],
    scores: NDArray[np.float64],
    decided: NDArray[np.int64],
    columns: Columns,
) -> Values:
    support = np.bincount(truth, minlength=scores.shape[1])
    ranked = _averages({name: columns[name] for name in CLASS_METRICS[:2]}, support)
    hard: Values = dict.fromkeys((*_HARD_AVERAGES, "balanced_accuracy"))
    if int((support > 0).sum()) > 1:
        hard = _averages({name: columns[name] for name in CLASS_METRICS[2:]}, support)
        hard["balanced_accuracy"] = hard["recall_macro"]
    right = (truth == decided)[:, None]
    confidence = np.nanmax(scores, axis=1)[:, None]
    return (
        ranked
        | hard
        | {
            "accuracy": accuracy(truth, decided),
            "mcc": matthews(truth, decided),
            "log_loss": log_loss_classes(truth, scores),
            "calibration_error": defined(calibration_error(right, confidence)[0]),
        }
    )


def _multi_label(truth: NDArray[np.bool_], decided: NDArray[np.bool_], columns: Columns) -> Values:
    names = ("auroc", "average_precision", "precision", "recall", "f1")
    averaged = _averages({name: columns[name] for name in names}, truth.sum(axis=0))
    plain = ("balanced_accuracy", "mcc", "log_loss", "calibration_error")
    right = truth == decided
    return (
        averaged
        | {name: _mean(columns[name]) for name in plain}
        | {
            "hamming_loss": float(1 - right.mean()),
            "subset_accuracy": float(right.all(axis=1).mean()),
        }
    )


def _regression(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> Values:
    linear = pearson(truth, predicted)
    return {
        "r2": r2(truth, predicted),
        "spearman": spearman(truth, predicted),
        "pearson": linear,
        # What some papers call R2.
        "squared_pearson": None if linear is None else linear**2,
        "rmse": rmse(truth, predicted),
        "mae": mae(truth, predicted),
    }


def _averages(columns: Columns, support: NDArray[Any]) -> Values:
    """Return the mean over classes of each metric, plain and weighted by support."""
    values: Values = {}
    for name, column in columns.items():
        ranking = name in {"auroc", "average_precision"}
        values[name if ranking else f"{name}_macro"] = _mean(column)
        values[f"{name}_weighted"] = _mean(column, support)
    return values


def _mean(values: NDArray[np.float64], weights: NDArray[Any] | None = None) -> float | None:
    """Average the defined values; None if there is none, or none that has a weight."""
    valued = ~np.isnan(values)
    mine = np.ones(len(values)) if weights is None else weights
    if not mine[valued].any():
        return None
    return float(np.average(values[valued], weights=mine[valued]))
