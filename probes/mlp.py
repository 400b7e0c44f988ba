"""A small neural network as a probe: one hidden layer of 128, seeded.

scikit-learn's multi-layer perceptron with Adam on standardised features. A tenth of the training
part is held back: training ends when the loss on it has not fallen for ten rounds, and the
weights of its best round are taken. The test part is never looked at. Of fewer than 100
entities none are held back and training takes 50 rounds. Multi-label: one network for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.task import TaskType
from probes.linear import Prediction
from probes.scaling import standardise

if TYPE_CHECKING:
    from numpy.typing import NDArray

HIDDEN = (128,)
ROUNDS = 200
ROUNDS_UNWATCHED = 50
PATIENCE = 10
WATCHED = 10
"""One in so many is held back."""
FEWEST = 100
LEAST = 1e-12
"""Probabilities are kept so far from 0 and 1, and their log odds finite."""


def fit_predict(
    kind: TaskType,
    train: NDArray[np.float64],
    labels: NDArray[Any],
    test: NDArray[np.float64],
    *,
    n_classes: int,
    seed: int,
) -> Prediction | None:
    """Fit a network on the training entities and predict the test entities.

    Parameters
    ----------
    kind, labels, n_classes
        The task and the training labels, as in `probes.task_set.TaskData`.
    train, test
        Features, shapes (n_train, d) and (n_test, d). **Overwritten.**
    seed
        Of the initial weights, the order of the batches and the part that is held back.

    Returns
    -------
    Scores as `Prediction` has them, log odds for decision values. `unconverged` is 1 when the
    loss was still falling after 200 rounds. None when there is no test entity, or no two training
    entities that differ in their label.

    """
    if not len(test) or not len(train) or not (labels != labels[0]).any():
        return None
    standardise(train, test)
    if kind is TaskType.REGRESSION:
        centre, spread = labels.mean(), labels.std()
        network = _Network(kind, train, (labels - centre) / spread, seed)
        predicted = network.predict(test) * spread + centre
        return Prediction(predicted, predicted, network.late)
    if kind is TaskType.MULTI_CLASS:
        present, position = np.unique(labels, return_inverse=True)
        network = _Network(kind, train, position, seed)
        share = np.full((len(test), n_classes), np.nan)
        share[:, present] = network.predict(test)
        return Prediction(share, np.nanargmax(share, axis=1), network.late)
    columns = labels[:, None] > 0 if kind is TaskType.BINARY else labels
    varied = columns.any(axis=0) & ~columns.all(axis=0)
    targets = columns[:, varied].astype(np.int64)
    if single := targets.shape[1] == 1:
        kind_of_net, targets = TaskType.BINARY, targets[:, 0]
    else:
        kind_of_net = TaskType.MULTI_LABEL
    network = _Network(kind_of_net, train, targets, seed)
    share = network.predict(test)
    share = share[:, 1:] if single else share
    scores = np.full((len(test), columns.shape[1]), np.nan)
    scores[:, varied] = np.log(share) - np.log1p(-share)
    decided = np.where(varied, scores > 0, columns[0])
    if kind is TaskType.BINARY:
        return Prediction(scores[:, 0], decided[:, 0].astype(np.int64), network.late)
    return Prediction(scores, decided, network.late)


class _Network:
    """A network, trained round by round.

    scikit-learn's own early stopping goes by accuracy, which does not move where a class is rare.
    """

    def __init__(
        self, kind: TaskType, rows: NDArray[np.float64], target: NDArray[Any], seed: int
    ) -> None:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        self._regression = kind is TaskType.REGRESSION
        self._model: Any = (MLPRegressor if self._regression else MLPClassifier)(
            hidden_layer_sizes=HIDDEN, random_state=seed
        )
        several = np.arange(target.shape[1]) if target.ndim > 1 else np.unique(target)
        self._classes = {} if self._regression else {"classes": several}
        self.late = 0
        """1 when the loss was still falling at the end."""
        watched = len(rows) >= FEWEST
        drawn = np.random.default_rng(seed).permutation(len(rows))
        held = drawn[: len(rows) // WATCHED] if watched else drawn[:0]
        self._train(np.delete(rows, held, axis=0), np.delete(target, held, axis=0),
                    rows[held], target[held])  # fmt: skip

    def _train(
        self,
        rows: NDArray[np.float64],
        target: NDArray[Any],
        held_rows: NDArray[np.float64],
        held_target: NDArray[Any],
    ) -> None:
        if not len(held_rows):
            for _ in range(ROUNDS_UNWATCHED):
                self._round(rows, target)
            return
        best, since, kept = np.inf, 0, None
        for _ in range(ROUNDS):
            self._round(rows, target)
            loss = self._loss(held_rows, held_target)
            since += 1
            if loss < best:
                best, since = loss, 0
                kept = [weights.copy() for weights in self._weights()]
            if since >= PATIENCE:
                break
        else:
            self.late = 1
        for weights, copy in zip(self._weights(), kept or (), strict=False):
            weights[:] = copy

    def _round(self, rows: NDArray[np.float64], target: NDArray[Any]) -> None:
        self._model.partial_fit(rows, target, **self._classes)

    def _weights(self) -> list[NDArray[np.float64]]:
        return [*self._model.coefs_, *self._model.intercepts_]

    def _loss(self, rows: NDArray[np.float64], target: NDArray[Any]) -> float:
        """Return the squared error, or the log loss, of what was held back."""
        found = self.predict(rows)
        if self._regression:
            return float(np.mean((found - target) ** 2))
        if target.ndim > 1:
            return float(-np.log(np.where(target > 0, found, 1 - found)).mean())
        return float(-np.log(found[np.arange(len(target)), target]).mean())

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return predicted values (n,), or probabilities (n, classes or labels)."""
        values: NDArray[np.float64]
        if self._regression:
            values = self._model.predict(rows)
        else:
            values = np.clip(self._model.predict_proba(rows), LEAST, 1 - LEAST)
        return values
