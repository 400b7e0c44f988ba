"""Neighbours, trees and a network: what each can tell, in the form that all probes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from hf_datasets.task import TaskType
from probes import boosting, mlp, neighbours
from probes.metrics import evaluate
from probes.nearest import nearest, unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from probes.linear import Prediction

PROBES = [neighbours, boosting, mlp]
N = 400
SPLIT = 300


@pytest.fixture
def made() -> NDArray[np.float64]:
    """Vectors of which a task asks for a product of two features: not linear."""
    rng = np.random.default_rng(0)
    return np.asarray(rng.normal(size=(N, 4)) * [1, 10, 0.1, 3] + 5)


def truth_of(kind: TaskType, x: NDArray[np.float64]) -> Any:
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    product = scaled[:, 0] * scaled[:, 1]
    if kind is TaskType.BINARY:
        return (product > 0).astype(np.int64)
    if kind is TaskType.MULTI_CLASS:
        return np.digitize(product, [-0.4, 0.4])
    if kind is TaskType.MULTI_LABEL:
        never = np.zeros(N, dtype=bool)
        return np.column_stack([product > -0.4, never, product > 0.4])
    return np.clip(product, -1, 1)


def run(probe: Any, kind: TaskType, x: NDArray[np.float64], y: NDArray[Any]) -> Prediction:
    classes = 3 if kind in {TaskType.MULTI_CLASS, TaskType.MULTI_LABEL} else 2
    found = probe.fit_predict(
        kind, x[:SPLIT].copy(), y[:SPLIT], x[SPLIT:].copy(), n_classes=classes, seed=0
    )
    assert found is not None
    result: Prediction = found
    return result


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("kind", TaskType)
def test_they_read_what_no_line_can(probe: Any, kind: TaskType, made: NDArray[np.float64]) -> None:
    y = truth_of(kind, made)
    found = run(probe, kind, made, y)
    again = run(probe, kind, made, y)
    assert np.array_equal(found.scores, again.scores, equal_nan=True)
    names = ["a", "b", "c"]
    whole = {
        one.metric: one.value
        for one in evaluate(kind, names, y[SPLIT:], found.scores, found.decided)
        if one.label is None
    }
    if kind is TaskType.REGRESSION:
        assert r2_score(y[SPLIT:], found.scores) > 0.4
        return
    assert (whole["auroc"] or 0) > 0.8
    assert (whole["log_loss"] or 9) < 1.0
    if kind is TaskType.BINARY:
        straight = LogisticRegression().fit(StandardScaler().fit_transform(made)[:SPLIT], y[:SPLIT])
        scores = straight.decision_function(StandardScaler().fit_transform(made)[SPLIT:])
        assert (whole["auroc"] or 0) > roc_auc_score(y[SPLIT:], scores) + 0.1


@pytest.mark.parametrize("probe", PROBES)
def test_a_label_that_nobody_has_gets_no_model(probe: Any, made: NDArray[np.float64]) -> None:
    y = truth_of(TaskType.MULTI_LABEL, made)
    found = run(probe, TaskType.MULTI_LABEL, made, y)
    assert np.isnan(found.scores[:, 1]).all()
    assert not found.decided[:, 1].any()
    assert np.isfinite(found.scores[:, [0, 2]]).all()
    # A class that is missing from the training part, in the middle.
    middle = truth_of(TaskType.MULTI_CLASS, made) != 1
    x, y = made[middle], truth_of(TaskType.MULTI_CLASS, made)[middle]
    found = probe.fit_predict(
        TaskType.MULTI_CLASS, x[:150].copy(), y[:150], x[150:].copy(), n_classes=3, seed=0
    )
    assert np.isnan(found.scores[:, 1]).all()
    assert np.nansum(found.scores, axis=1) == pytest.approx(np.ones(len(x) - 150))
    assert set(found.decided) == {0, 2}


@pytest.mark.parametrize("probe", PROBES)
def test_nothing_to_fit_or_to_predict(probe: Any, made: NDArray[np.float64]) -> None:
    def ask(labels: NDArray[Any], test: NDArray[np.float64]) -> Any:
        return probe.fit_predict(
            TaskType.BINARY, made[:4].copy(), labels, test.copy(), n_classes=2, seed=0
        )

    assert ask(np.array([1, 1, 1, 1]), made[4:]) is None
    assert ask(np.array([1, 0, 1, 0]), made[:0]) is None


@pytest.mark.parametrize("probe", PROBES)
def test_few_entities_are_no_error(probe: Any, made: NDArray[np.float64]) -> None:
    """Fewer than neighbours, leaves or a watched tenth need; a class with one member."""
    y = np.array([0, 0, 0, 2, 1, 0])
    found = probe.fit_predict(
        TaskType.MULTI_CLASS, made[:6].copy(), y, made[6:20].copy(), n_classes=3, seed=0
    )
    assert found.scores.shape == (14, 3)
    assert np.isfinite(found.scores).all()
    rare = np.zeros(200, dtype=np.int64)
    rare[7] = 1
    found = probe.fit_predict(
        TaskType.BINARY, made[:200].copy(), rare, made[200:].copy(), n_classes=2, seed=0
    )
    assert np.isfinite(found.scores).all()


def test_neighbours_are_those_of_scikit_learn(made: NDArray[np.float64]) -> None:
    """Its brute-force search with the same weights on the same scaled features."""
    scaler = StandardScaler().fit(made[:SPLIT])
    train, test = scaler.transform(made[:SPLIT]), scaler.transform(made[SPLIT:])

    def weights(distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.exp((1 - distance) / 0.07)

    options: Any = {"metric": "cosine", "algorithm": "brute", "weights": weights}
    y = truth_of(TaskType.BINARY, made)
    reference = KNeighborsClassifier(10, **options).fit(train, y[:SPLIT]).predict_proba(test)[:, 1]
    share = (10 * reference + y[:SPLIT].mean()) / 11
    found = run(neighbours, TaskType.BINARY, made, y)
    assert found.scores == pytest.approx(np.log(share / (1 - share)), abs=1e-4)
    assert roc_auc_score(y[SPLIT:], found.scores) == pytest.approx(
        roc_auc_score(y[SPLIT:], reference), abs=1e-3
    )
    y = truth_of(TaskType.REGRESSION, made)
    reference = KNeighborsRegressor(10, **options).fit(train, y[:SPLIT]).predict(test)
    assert run(neighbours, TaskType.REGRESSION, made, y).scores == pytest.approx(
        reference, abs=1e-4
    )


def test_nearest_is_a_full_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.nearest.BLOCK_CELLS", 70 * 9)  # several blocks, the last short
    rng = np.random.default_rng(1)
    base = unit_rows(rng.normal(size=(70, 5)))
    likeness = (base.astype(np.float64) @ base.T.astype(np.float64)).astype(np.float32)
    np.fill_diagonal(likeness, -np.inf)
    wanted = np.argsort(-likeness, axis=1)[:, :8]
    rows, cosines = nearest(base, base, 8, same=True)
    assert np.array_equal(rows, wanted)
    assert cosines == pytest.approx(np.take_along_axis(likeness, wanted, axis=1), abs=1e-6)
    everything, _ = nearest(base[:3], base, 70)
    assert [sorted(row) for row in everything.tolist()] == [list(range(70))] * 3


def test_unit_rows_of_any_scale() -> None:
    rows = np.array([[3, 4], [0, 0], [3e30, -4e30], [3e-30, 4e-30]], dtype=np.float32)
    assert unit_rows(rows) == pytest.approx(
        np.array([[0.6, 0.8], [0, 0], [0.6, -0.8], [0.6, 0.8]]), abs=1e-6
    )
