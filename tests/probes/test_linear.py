"""Linear probes against scikit-learn's own pipelines."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hf_datasets.task import TaskType
from probes import linear
from probes.features import ABSENT, BLOCK, Features, locate
from probes.linear import Prediction, convergence_counted, fit_predict, probe_name, standardise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from probes.settings import Pair, Protocol

SAME = 1e-6
N_TRAIN, N_TEST, DIM = 80, 20, 5


@pytest.fixture
def split() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N_TRAIN + N_TEST, DIM)) * [1, 20, 0.1, 1, 0] + [0, 0, 0, 5, 7]
    return x[:N_TRAIN], x[N_TRAIN:]


def predict(
    kind: TaskType,
    protocol: Protocol,
    split: tuple[NDArray[np.float64], NDArray[np.float64]],
    labels: NDArray[Any],
    classes: int,
) -> Prediction:
    train, test = (part.copy() for part in split)
    found = fit_predict(kind, protocol, train, labels, test, n_classes=classes)
    assert found is not None
    assert found.unconverged == 0
    return found


def reference(protocol: Protocol) -> Any:
    if protocol == "unscaled":
        return LogisticRegression(max_iter=5000)
    return make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10, max_iter=5000))


@pytest.mark.parametrize("protocol", ["standard", "unscaled"])
def test_binary(protocol: Protocol, split: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    labels = (split[0][:, 1] + split[0][:, 0] > 0).astype(np.int64)
    found = predict(TaskType.BINARY, protocol, split, labels, 2)
    model = reference(protocol).fit(split[0], labels)
    assert found.scores == pytest.approx(model.decision_function(split[1]), abs=SAME)
    assert (found.decided == model.predict(split[1])).all()


@pytest.mark.parametrize("protocol", ["standard", "unscaled"])
def test_multi_class(
    protocol: Protocol, split: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> None:
    labels = np.digitize(split[0][:, 0], [-0.5, 0.5])
    labels[labels == 1] = 3  # classes 1 and 2 have no training entity
    labels[labels == 2] = 4
    found = predict(TaskType.MULTI_CLASS, protocol, split, labels, 5)
    model = reference(protocol).fit(split[0], labels)
    assert list(model.classes_) == [0, 3, 4]
    assert found.scores[:, [0, 3, 4]] == pytest.approx(model.predict_proba(split[1]), abs=SAME)
    assert np.isnan(found.scores[:, [1, 2]]).all()
    assert (found.decided == model.predict(split[1])).all()


@pytest.mark.parametrize("protocol", ["standard", "unscaled"])
def test_multi_label(
    protocol: Protocol, split: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> None:
    x = split[0]
    labels = np.column_stack([x[:, 0] > 0, x[:, 0] < 9, x[:, 1] > 3, x[:, 0] > 9])
    found = predict(TaskType.MULTI_LABEL, protocol, split, labels, 4)
    for column in (0, 2):
        model = reference(protocol).fit(x, labels[:, column])
        expected = model.decision_function(split[1])
        assert found.scores[:, column] == pytest.approx(expected, abs=SAME)
        assert (found.decided[:, column] == model.predict(split[1])).all()
    # All training entities have label 1 and none has label 3: no model, the constant is said.
    assert np.isnan(found.scores[:, [1, 3]]).all()
    assert found.decided[:, 1].all()
    assert not found.decided[:, 3].any()


def test_regression(split: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    labels = split[0] @ np.arange(DIM) + np.sin(np.arange(N_TRAIN))
    ridge = make_pipeline(StandardScaler(), Ridge(alpha=1)).fit(split[0], labels)
    found = predict(TaskType.REGRESSION, "standard", split, labels, 0)
    assert found.scores == pytest.approx(ridge.predict(split[1]), abs=SAME)
    plain = LinearRegression().fit(split[0], labels)
    found = predict(TaskType.REGRESSION, "unscaled", split, labels, 0)
    assert found.scores == pytest.approx(plain.predict(split[1]), abs=SAME)


def test_nothing_to_fit_or_to_predict(
    split: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    train, test = split
    same = np.ones(N_TRAIN, dtype=np.int64)
    differ = np.arange(N_TRAIN) % 2
    for x, y, z in ((train, same, test), (train[:0], same[:0], test), (train, differ, test[:0])):
        for kind in (TaskType.BINARY, TaskType.REGRESSION):
            assert fit_predict(kind, "standard", x, y, z, n_classes=2) is None


def test_standardise_agrees_and_leaves_constant_features_alone(
    split: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    train, test = (part.copy() for part in split)
    standardise(train, test)
    scaler = StandardScaler().fit(split[0])
    assert train == pytest.approx(scaler.transform(split[0]), abs=1e-12)
    assert test == pytest.approx(scaler.transform(split[1]), abs=1e-12)
    assert (train[:, -1] == 0).all()


def test_fits_that_do_not_converge_are_counted_by_thread(
    split: tuple[NDArray[np.float64], NDArray[np.float64]], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = (split[0][:, 1] > 0).astype(np.int64)

    def fit(protocol: Protocol) -> int:
        train, test = (part.copy() for part in split)
        found = fit_predict(TaskType.BINARY, protocol, train, labels, test, n_classes=2)
        assert found is not None
        return found.unconverged

    # `standard` converges with its own limit, `unscaled` does not with this one.
    monkeypatch.setattr(linear, "MAX_ITER", 1)
    protocols: list[Protocol] = ["standard", "unscaled"] * 8
    with convergence_counted(), ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fit, protocols)) == [0, 1] * 8
    with pytest.warns(ConvergenceWarning):  # outside, nothing is swallowed
        fit("unscaled")


def test_a_failed_line_search_counts_too(
    split: tuple[NDArray[np.float64], NDArray[np.float64]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """lbfgs may give up before its last iteration; only a warning tells."""

    class GivesUp(LogisticRegression):  # type: ignore[misc]
        def fit(self, x: Any, y: Any) -> Any:
            warnings.warn("lbfgs failed: ABNORMAL", ConvergenceWarning, stacklevel=1)
            return super().fit(x, y)

    monkeypatch.setattr(linear, "LogisticRegression", GivesUp)
    labels = (split[0][:, 1] > 0).astype(np.int64)
    with convergence_counted():
        found = fit_predict(
            TaskType.BINARY, "unscaled", split[0].copy(), labels, split[1].copy(), n_classes=2
        )
    assert found is not None
    assert found.unconverged == 1


def test_other_warnings_pass(split: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    with pytest.warns(UserWarning, match="look out"), convergence_counted():
        warnings.warn("look out", UserWarning, stacklevel=1)


def test_probe_names() -> None:
    assert probe_name(TaskType.MULTI_LABEL, "standard", None) == "logistic"
    assert probe_name(TaskType.BINARY, "unscaled", "mean") == "logistic(pair=mean)"
    assert probe_name(TaskType.REGRESSION, "standard", "concat") == "ridge(pair=concat)"
    assert probe_name(TaskType.REGRESSION, "unscaled", None) == "least-squares"


@pytest.mark.parametrize("pair", ["mean", "concat", "product"])
def test_features_of_pairs(pair: Pair) -> None:
    """More rows than one block, gathered in any order."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 3)).astype(np.float32)
    places = rng.integers(0, 50, (BLOCK + 100, 2))
    chosen = rng.permutation(len(places))
    a, b = (vectors[places[chosen, side]].astype(np.float64) for side in (0, 1))
    expected = {"mean": (a + b) / 2, "concat": np.hstack([a, b]), "product": a * b}[pair]
    found = Features(vectors, places, pair).matrix(chosen)
    assert found.dtype == np.float64
    assert (found == expected).all()
    single = Features(vectors, places[:, :1], pair).matrix(chosen)
    assert (single == a).all()


def test_locate() -> None:
    index = {"A": 0, "B": 5}
    assert locate([("A",), ("C",)], index).tolist() == [[0], [ABSENT]]
    assert locate([("A", "B"), ("C", "B")], index).tolist() == [[0, 5], [ABSENT, 5]]
