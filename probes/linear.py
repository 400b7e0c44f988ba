"""Linear probes: logistic regression for classes, ridge for numbers, in float64.

==============  ===================================================  ===========================
protocol        classes                                              numbers
==============  ===================================================  ===========================
``standard``    logistic regression, L2, C = 1, standardised         ridge, alpha = 1, standardised
``unscaled``    logistic regression, L2, C = 1, raw vectors          least squares, raw vectors
==============  ===================================================  ===========================

Standardised: mean 0 and SD 1 in the training rows; a feature that is constant there is only
centred. `unscaled` fits as gene-benchmark does (arXiv 2412.04075), so its scores depend on the
scale of the vectors. Two classes: one logistic. Several: multinomial. Multi-label: a logistic
per label; a label that all or no training entities have gets no model and no scores.
`standard` reaches the optimum with `probes.logistic`; `unscaled` is scikit-learn with its defaults.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from hf_datasets.task import TaskType
from probes.logistic import fit_classes, fit_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from probes.settings import Pair, Protocol

MAX_ITER = 5000
"""Of `unscaled`, as gene-benchmark has it."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a probe says about the n test entities."""

    scores: NDArray[np.float64]
    """Binary: decision values (n,). Multi-class: probabilities (n, classes). Multi-label:
    decision values (n, classes). Regression: predicted values (n,). NaN columns: no model."""
    decided: NDArray[Any]
    """Hard decisions, in the form of the labels; for a regression the predicted values."""
    unconverged: int = 0
    """How many fits stopped before their optimum."""


def probe_name(kind: TaskType, protocol: Protocol, pair: Pair | None) -> str:
    """Return the name for the column `probe`; `pair` is None unless the task is about pairs."""
    if kind is not TaskType.REGRESSION:
        name = "logistic"
    else:
        name = "ridge" if protocol == "standard" else "least-squares"
    return name if pair is None else f"{name}(pair={pair})"


def fit_predict(
    kind: TaskType,
    protocol: Protocol,
    train: NDArray[np.float64],
    labels: NDArray[Any],
    test: NDArray[np.float64],
    *,
    n_classes: int,
) -> Prediction | None:
    """Fit a probe on the training entities and predict the test entities.

    Parameters
    ----------
    kind, protocol
        What to fit; see the head of this module.
    train, test
        Features, shapes (n_train, d) and (n_test, d). **Overwritten**: they are scaled and
        centred in place, to hold each only once in memory.
    labels
        Labels of the training entities, as in `probes.task_set.TaskData`.
    n_classes
        Number of classes; not used for a regression.

    Returns
    -------
    None when there is nothing to fit or to predict: no test entity, or no two training
    entities that differ in their label.

    """
    if not len(test) or not len(train) or not (labels != labels[0]).any():
        return None
    if protocol == "standard":
        standardise(train, test)
    if kind is TaskType.REGRESSION:
        return _regression(protocol, train, labels, test)
    if kind is TaskType.BINARY:
        decision, late = _decisions(protocol, train, labels[:, None] > 0, test)
        return Prediction(decision[:, 0], (decision[:, 0] > 0).astype(np.int64), late)
    if kind is TaskType.MULTI_CLASS:
        present, position = np.unique(labels, return_inverse=True)
        probabilities = np.full((len(test), n_classes), np.nan)
        found, late = _probabilities(protocol, train, position, len(present), test)
        probabilities[:, present] = found
        return Prediction(probabilities, present[found.argmax(axis=1)], late)
    return _multi_label(protocol, train, labels, test)


def standardise(train: NDArray[np.float64], test: NDArray[np.float64]) -> None:
    """Scale both in place by the mean and SD of the training rows; constant features keep theirs.

    Same as scikit-learn's StandardScaler, without its copies.
    """
    constant = np.ptp(train, axis=0) == 0
    mean = train.mean(axis=0)
    train -= mean
    spread = np.sqrt(np.einsum("ij,ij->j", train, train) / len(train))
    spread[constant | (spread == 0)] = 1.0
    train /= spread
    test -= mean
    test /= spread


def _multi_label(
    protocol: Protocol,
    train: NDArray[np.float64],
    labels: NDArray[np.bool_],
    test: NDArray[np.float64],
) -> Prediction:
    shape = (len(test), labels.shape[1])
    scores = np.full(shape, np.nan)
    varied = labels.any(axis=0) & ~labels.all(axis=0)
    scores[:, varied], late = _decisions(protocol, train, labels[:, varied], test)
    decided = np.where(varied, scores > 0, labels[0])
    return Prediction(scores, decided, late)


def _regression(
    protocol: Protocol,
    train: NDArray[np.float64],
    labels: NDArray[np.float64],
    test: NDArray[np.float64],
) -> Prediction:
    # The features are ours to overwrite, so scikit-learn need not copy them to centre them.
    if protocol == "standard":
        model = Ridge(alpha=1.0, copy_X=False)
    else:
        model = LinearRegression(copy_X=False)
    predicted = model.fit(train, labels).predict(test)
    return Prediction(predicted, predicted)


def _decisions(
    protocol: Protocol,
    train: NDArray[np.float64],
    labels: NDArray[np.bool_],
    test: NDArray[np.float64],
) -> tuple[NDArray[np.float64], int]:
    """Fit a logistic per column of `labels`.

    Return the decision values (n_test, k), and how many fits stopped before their optimum.
    """
    if protocol == "standard":
        model = fit_labels(train, labels)
        return model.decide(test), int((~model.arrived).sum())
    columns, late = [], 0
    for column in labels.T:
        fitted, more = _as_gene_benchmark(train, column.astype(np.int64))
        columns.append(fitted.decision_function(test))
        late += more
    return np.column_stack(columns), late


def _probabilities(
    protocol: Protocol,
    train: NDArray[np.float64],
    labels: NDArray[np.int64],
    n_classes: int,
    test: NDArray[np.float64],
) -> tuple[NDArray[np.float64], int]:
    """Fit one multinomial; return probabilities (n_test, n_classes), and 1 if it stopped early."""
    if protocol == "unscaled":
        fitted, late = _as_gene_benchmark(train, labels)
        return fitted.predict_proba(test), late
    model = fit_classes(train, labels, n_classes)
    decision = model.decide(test)
    powers = np.exp(decision - decision.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True), int(not model.arrived.all())


def _as_gene_benchmark(
    train: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[LogisticRegression, int]:
    """Fit scikit-learn's logistic regression; return it, and 1 if it stopped before its optimum.

    Its default tolerance stops short of it anyway (decision values off by 0.03, AUROC by 2e-4 on
    2,200 x 384), and published scores were made so.
    """
    _fit.warned = False
    model = LogisticRegression(C=1.0, max_iter=MAX_ITER).fit(train, labels)
    return model, int(_fit.warned or model.n_iter_.max() >= MAX_ITER)


class _Fit(threading.local):
    """What was seen during the fit that runs in this thread."""

    warned = False


_fit = _Fit()


@contextlib.contextmanager
def convergence_counted() -> Iterator[None]:
    """Count scikit-learn's ConvergenceWarnings in `Prediction.unconverged`; do not print them.

    To be entered once around all threads that fit: `warnings.catch_warnings` changes the state
    of the whole process, so the fits cannot each enter one of their own.
    """
    with warnings.catch_warnings():
        show = warnings.showwarning

        def count(  # noqa: PLR0917  the signature of warnings.showwarning
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, ConvergenceWarning):
                _fit.warned = True
            else:
                show(message, category, filename, lineno, file, line)

        warnings.simplefilter("always", ConvergenceWarning)
        warnings.showwarning = count
        yield
