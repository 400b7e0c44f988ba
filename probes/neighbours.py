"""A probe without training: the labels of the ten nearest training entities.

Features are standardised by the training rows, so that no large or common direction decides what
is near; near is by cosine. A neighbour's vote weighs exp(cosine / 0.07), as in the usual k-NN
evaluation of embeddings (Wu et al., arXiv 1805.01978), and one more vote goes to the base rate of
the training part, so that no probability is 0 or 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.task import TaskType
from probes.linear import Prediction
from probes.nearest import nearest, unit_rows
from probes.scaling import standardise

if TYPE_CHECKING:
    from numpy.typing import NDArray

K = 10
TEMPERATURE = 0.07


def fit_predict(
    kind: TaskType,
    train: NDArray[np.float64],
    labels: NDArray[Any],
    test: NDArray[np.float64],
    *,
    n_classes: int,
    seed: int,
) -> Prediction | None:
    """Predict the test entities from their neighbours in the training part.

    Parameters
    ----------
    kind, labels, n_classes
        The task and the training labels, as in `probes.task_set.TaskData`.
    train, test
        Features, shapes (n_train, d) and (n_test, d). **Overwritten.**
    seed
        Not used: nothing here is random.

    Returns
    -------
    Scores as `Prediction` has them, log odds for decision values. None when there is no test
    entity, or no two training entities that differ in their label.

    """
    del seed
    if not len(test) or not len(train) or not (labels != labels[0]).any():
        return None
    standardise(train, test)
    rows, cosine = nearest(unit_rows(test), unit_rows(train), min(K, len(train)))
    weight = np.exp((cosine.astype(np.float64) - cosine[:, :1]) / TEMPERATURE)
    weight /= weight.sum(axis=1, keepdims=True)
    if kind is TaskType.REGRESSION:
        predicted: NDArray[np.float64] = (weight * labels[rows]).sum(axis=1)
        return Prediction(predicted, predicted)
    if kind is TaskType.BINARY:
        odds = _log_odds(weight, rows, labels[:, None] > 0)[:, 0]
        return Prediction(odds, (odds > 0).astype(np.int64))
    if kind is TaskType.MULTI_LABEL:
        varied = labels.any(axis=0) & ~labels.all(axis=0)
        scores = np.full((len(test), labels.shape[1]), np.nan)
        scores[:, varied] = _log_odds(weight, rows, labels[:, varied])
        return Prediction(scores, np.where(varied, scores > 0, labels[0]))
    members = labels[:, None] == np.arange(n_classes)
    share = _share(weight, rows, members)
    share[:, ~members.any(axis=0)] = np.nan
    return Prediction(share, np.nanargmax(share, axis=1))


def _share(
    weight: NDArray[np.float64], rows: NDArray[np.intp], members: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the share of votes for every column of `members`, (n_test, columns)."""
    votes = np.empty((len(rows), members.shape[1]))
    for column in range(members.shape[1]):
        votes[:, column] = (weight * members[:, column][rows]).sum(axis=1)
    k = rows.shape[1]
    smoothed: NDArray[np.float64] = (k * votes + members.mean(axis=0)) / (k + 1)
    return smoothed


def _log_odds(
    weight: NDArray[np.float64], rows: NDArray[np.intp], members: NDArray[np.bool_]
) -> NDArray[np.float64]:
    share = np.clip(_share(weight, rows, members), 1e-12, 1 - 1e-12)
    odds: NDArray[np.float64] = np.log(share) - np.log1p(-share)
    return odds
