"""Linear probes by round against scikit-learn, the choice of C, and features of pairs."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from hf_datasets.task import TaskType
from probes import paper
from probes.arrays import Arrays
from probes.design import Dense
from probes.features import ABSENT, BLOCK, Features, locate
from probes.linear import probe_name
from probes.paper import convergence_counted
from probes.ridge import ridge
from probes.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from probes.settings import Pair

SAME = 1e-6
N_TRAIN, N_TEST, DIM = 80, 20, 5


@pytest.fixture
def split() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N_TRAIN + N_TEST, DIM)) * [1, 20, 0.1, 1, 0] + [0, 0, 0, 5, 7]
    return x[:N_TRAIN], x[N_TRAIN:]


@pytest.mark.parametrize("d", [5, 120])
def test_ridge_is_that_of_scikit_learn(d: int) -> None:
    """More entities than features, and fewer."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, d)) * rng.uniform(0.1, 9, d) + 3, rng.normal(size=90)
    train = rng.permutation(90)[:60]
    found = ridge(Dense(Arrays(exact=True), x), train, y[train], [0.1, 10.0])
    for column, alpha in enumerate((10.0, 0.1)):
        model = Ridge(alpha=alpha).fit(x[train], y[train])
        assert found[:, column] == pytest.approx(model.predict(x), abs=1e-8)


def test_paper_is_scikit_learn_with_its_defaults(
    split: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    x, test = split
    two = (x[:, 1] + x[:, 0] > 0).astype(np.int64)
    found = paper.fit_predict(TaskType.BINARY, x.copy(), two, test.copy(), n_classes=2)
    model = LogisticRegression(max_iter=5000).fit(x, two)
    assert found.scores == pytest.approx(model.decision_function(test), abs=SAME)
    assert (found.decided == model.predict(test)).all()
    several = np.where(x[:, 0] > 0.5, 4, np.where(x[:, 0] > -0.5, 3, 0))  # nobody has 1 or 2
    found = paper.fit_predict(TaskType.MULTI_CLASS, x.copy(), several, test.copy(), n_classes=5)
    model = LogisticRegression(max_iter=5000).fit(x, several)
    assert found.scores[:, [0, 3, 4]] == pytest.approx(model.predict_proba(test), abs=SAME)
    assert np.isnan(found.scores[:, [1, 2]]).all()
    assert (found.decided == model.predict(test)).all()
    labels = np.column_stack([x[:, 0] > 0, x[:, 0] < 9, x[:, 0] > 9])
    found = paper.fit_predict(TaskType.MULTI_LABEL, x.copy(), labels, test.copy(), n_classes=3)
    model = LogisticRegression(max_iter=5000).fit(x, labels[:, 0])
    assert found.scores[:, 0] == pytest.approx(model.decision_function(test), abs=SAME)
    # All training entities have label 1 and none has label 2: no model, the constant is said.
    assert np.isnan(found.scores[:, [1, 2]]).all()
    assert found.decided[:, 1].all()
    assert not found.decided[:, 2].any()
    numbers = x @ np.arange(DIM) + np.sin(np.arange(N_TRAIN))
    found = paper.fit_predict(TaskType.REGRESSION, x.copy(), numbers, test.copy(), n_classes=0)
    expected = LinearRegression().fit(x, numbers).predict(test)
    assert found.scores == pytest.approx(expected, abs=SAME)


def test_fits_that_do_not_converge_are_counted_by_thread(
    split: tuple[NDArray[np.float64], NDArray[np.float64]], monkeypatch: pytest.MonkeyPatch
) -> None:
    hard = (split[0][:, 1] > 0).astype(np.int64)

    def fit(x: NDArray[np.float64]) -> int:
        found = paper.fit_predict(TaskType.BINARY, x, hard, split[1].copy(), n_classes=2)
        return found.unconverged

    monkeypatch.setattr(paper, "MAX_ITER", 4)
    flat = np.zeros_like(split[0])  # nothing to learn: arrives at once
    with convergence_counted(), ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fit, [flat, split[0]] * 8)) == [0, 1] * 8
    with pytest.warns(ConvergenceWarning):  # outside, nothing is swallowed
        fit(split[0])


def test_a_failed_line_search_counts_too(
    split: tuple[NDArray[np.float64], NDArray[np.float64]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """lbfgs may give up before its last iteration; only a warning tells."""

    class GivesUp(LogisticRegression):  # type: ignore[misc]
        def fit(self, x: Any, y: Any) -> Any:
            warnings.warn("lbfgs failed: ABNORMAL", ConvergenceWarning, stacklevel=1)
            return super().fit(x, y)

    monkeypatch.setattr(paper, "LogisticRegression", GivesUp)
    labels = (split[0][:, 1] > 0).astype(np.int64)
    with convergence_counted():
        found = paper.fit_predict(TaskType.BINARY, split[0], labels, split[1], n_classes=2)
    assert found.unconverged == 1


def test_other_warnings_pass() -> None:
    with pytest.warns(UserWarning, match="look out"), convergence_counted():
        warnings.warn("look out", UserWarning, stacklevel=1)


def test_probe_names() -> None:
    def name(kind: TaskType, *, is_pair: bool = False, **how: Any) -> str:
        return probe_name(kind, Settings(**how), is_pair=is_pair)

    assert name(TaskType.MULTI_LABEL) == "logistic"
    assert name(TaskType.BINARY, c=0.1, is_pair=True) == "logistic(C=0.1,pair=mean)"
    assert name(TaskType.BINARY, protocol="unscaled") == "logistic(C=1)"
    assert name(TaskType.BINARY, protocol="paper", is_pair=True) == "logistic(pair=mean)"
    assert name(TaskType.REGRESSION, pair="concat", is_pair=True) == "ridge(pair=concat)"
    assert name(TaskType.REGRESSION, protocol="paper") == "least-squares"
    assert name(TaskType.REGRESSION, probe="knn") == "knn"


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
