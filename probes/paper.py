"""Protocol `paper`: scikit-learn called as gene-benchmark calls it (arXiv 2412.04075), faults too.

Raw vectors, C = 1, lbfgs with its default tolerance, which stops short of the optimum (decision
values off by up to 0.7 where vectors are small), least squares for numbers. So its scores depend
on the scale of the vectors; they are for comparison with published ones.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression

from hf_datasets.task import TaskType
from probes.linear import Prediction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_ITER = 5000


def fit_predict(
    kind: TaskType,
    train: Floats,
    labels: NDArray[Any],
    test: Floats,
    *,
    n_classes: int,
    seed: int = 0,
) -> Prediction:
    """Fit the training entities and predict the test entities.

    Parameters
    ----------
    kind
        What to fit.
    train, test
        Features, shapes (n_train, d) and (n_test, d). **Overwritten** for a regression.
    labels
        Labels of the training entities, as in `probes.task_set.TaskData`; two differ.
    n_classes
        Number of classes; not used for a regression.
    seed
        Not used: nothing here is random.

    """
    del seed
    if kind is TaskType.REGRESSION:
        predicted = LinearRegression(copy_X=False).fit(train, labels).predict(test)
        return Prediction(predicted, predicted)
    if kind is TaskType.BINARY:
        fitted, late = _fitted(train, labels)
        decision = fitted.decision_function(test)
        return Prediction(decision, (decision > 0).astype(np.int64), late)
    if kind is TaskType.MULTI_CLASS:
        fitted, late = _fitted(train, labels)
        probabilities = np.full((len(test), n_classes), np.nan)
        probabilities[:, fitted.classes_] = fitted.predict_proba(test)
        return Prediction(probabilities, fitted.predict(test), late)
    scores, late = np.full((len(test), n_classes), np.nan), 0
    varied = labels.any(axis=0) & ~labels.all(axis=0)
    for column in np.flatnonzero(varied):
        fitted, more = _fitted(train, labels[:, column].astype(np.int64))
        scores[:, column], late = fitted.decision_function(test), late + more
    return Prediction(scores, np.where(varied, scores > 0, labels[0]), late)


def _fitted(train: Floats, labels: NDArray[np.int64]) -> tuple[LogisticRegression, int]:
    """Fit scikit-learn's logistic regression; return it, and 1 if it stopped for want of steps."""
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
