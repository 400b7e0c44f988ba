"""Gradient-boosted trees as a probe: what an embedding holds that a linear model cannot read.

scikit-learn's histogram gradient boosting (after LightGBM, Ke et al., NeurIPS 2017) at its
defaults but for the bins, seeded. Trees need no scaling. Multi-label: one model per label. It is
slow on wide embeddings: every tree looks at every feature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.task import TaskType
from probes.linear import Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 63
"""Not 255: a quarter of the time on some hundred entities, where a bin would hold one or two."""


def fit_predict(
    kind: TaskType,
    train: NDArray[np.float64],
    labels: NDArray[Any],
    test: NDArray[np.float64],
    *,
    n_classes: int,
    seed: int,
) -> Prediction | None:
    """Fit boosted trees on the training entities and predict the test entities.

    Parameters
    ----------
    kind, labels, n_classes
        The task and the training labels, as in `probes.task_set.TaskData`.
    train, test
        Features, shapes (n_train, d) and (n_test, d).
    seed
        Of the subsample that binning and, beyond 10,000 entities, early stopping draw.

    Returns
    -------
    Scores as `Prediction` has them, log odds for decision values. None when there is no test
    entity, or no two training entities that differ in their label.

    """
    if not len(test) or not len(train) or not (labels != labels[0]).any():
        return None
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if kind is TaskType.REGRESSION:
        model = HistGradientBoostingRegressor(max_bins=BINS, random_state=seed).fit(train, labels)
        predicted: NDArray[np.float64] = model.predict(test)
        return Prediction(predicted, predicted)
    if kind is TaskType.MULTI_CLASS:
        model = HistGradientBoostingClassifier(max_bins=BINS, random_state=seed).fit(train, labels)
        share = np.full((len(test), n_classes), np.nan)
        share[:, model.classes_] = model.predict_proba(test)
        return Prediction(share, np.nanargmax(share, axis=1))
    columns = labels[:, None] > 0 if kind is TaskType.BINARY else labels
    scores = np.full((len(test), columns.shape[1]), np.nan)
    varied = columns.any(axis=0) & ~columns.all(axis=0)
    for column in np.flatnonzero(varied):
        model = HistGradientBoostingClassifier(max_bins=BINS, random_state=seed).fit(
            train, columns[:, column]
        )
        scores[:, column] = model.decision_function(test)
    decided = np.where(varied, scores > 0, columns[0])
    if kind is TaskType.BINARY:
        return Prediction(scores[:, 0], decided[:, 0].astype(np.int64))
    return Prediction(scores, decided)
