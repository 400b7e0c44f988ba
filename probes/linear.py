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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from probes.settings import Pair, Protocol

MAX_ITER = 5000
"""As gene-benchmark has it; on standardised features a few hundred do."""
TOLERANCE: dict[Protocol, float] = {"standard": 1e-6, "unscaled": 1e-4}
"""Largest gradient at which lbfgs stops. scikit-learn's own 1e-4 stops short of the optimum
(decision values off by 0.03, AUROC by 2e-4 on 2,200 x 384): `unscaled` keeps it, to agree with
gene-benchmark; `standard` goes on until the score does not depend on the solver."""


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
        model, late = _logistic(protocol, train, labels)
        decision = model.decision_function(test)
        return Prediction(decision, (decision > 0).astype(np.int64), late)
    if kind is TaskType.MULTI_CLASS:
        model, late = _logistic(protocol, train, labels)
        probabilities = np.full((len(test), n_classes), np.nan)
        probabilities[:, model.classes_] = model.predict_proba(test)
        return Prediction(probabilities, model.predict(test), late)
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
    decided = np.zeros(shape, dtype=np.bool_)
    late = 0
    for column in range(labels.shape[1]):
        mine = labels[:, column]
        if mine.all() or not mine.any():
            decided[:, column] = mine[0]
            continue
        model, more = _logistic(protocol, train, mine.astype(np.int64))
        scores[:, column] = model.decision_function(test)
        decided[:, column] = scores[:, column] > 0
        late += more
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


def _logistic(
    protocol: Protocol, train: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[Any, int]:
    """Fit one logistic regression; return it, and 1 if it stopped before its optimum."""
    _fit.warned = False
    model = LogisticRegression(C=1.0, tol=TOLERANCE[protocol], max_iter=MAX_ITER)
    model.fit(train, labels)
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
