"""The batched solver against scikit-learn at a tight tolerance, and against Newton's step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from probes import logistic
from probes.logistic import fit_classes, fit_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPES = [(300, 20), (80, 200), (1500, 60)]
SCALES = [0.05, 0.5, 5.0]


def features(n: int, d: int, scale: float, seed: int = 0) -> NDArray[np.float64]:
    """Correlated features with a falling spectrum and a mean, as embeddings have."""
    rng = np.random.default_rng(seed)
    mix = np.linalg.qr(rng.normal(size=(d, d)))[0] * np.arange(1.0, d + 1)[:, None] ** -0.5
    return scale * (rng.normal(size=(n, d)) @ mix + rng.normal(size=d))


def wishes(x: NDArray[np.float64], k: int, seed: int = 1) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    score = (x - x.mean(axis=0)) @ rng.normal(size=(x.shape[1], k))
    spread: NDArray[np.float64] = score / score.std(axis=0) + rng.logistic(size=score.shape)
    return spread


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_labels_reach_the_optimum_of_scikit_learn(n: int, d: int, scale: float) -> None:
    x = features(n, d, scale)
    labels = wishes(x, 5) > [-1, 0, 0, 1, 2.5]
    fitted = fit_labels(x.copy(), labels)
    assert fitted.arrived.all()
    for column in range(5):
        peer = LogisticRegression(solver="newton-cg", tol=1e-9, max_iter=2000).fit(
            x, labels[:, column]
        )
        ours, theirs = fitted.decide(x)[:, column], peer.decision_function(x)
        assert np.sqrt(np.mean((ours - theirs) ** 2)) < 2e-5


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_classes_reach_the_optimum_of_scikit_learn(n: int, d: int, scale: float) -> None:
    x = features(n, d, scale)
    classes = wishes(x, 4).argmax(axis=1)
    fitted = fit_classes(x.copy(), classes, 4)
    assert fitted.arrived.all()
    peer = LogisticRegression(solver="newton-cg", tol=1e-9, max_iter=2000).fit(x, classes)
    ours, theirs = (
        values - values.mean(axis=1, keepdims=True)
        for values in (fitted.decide(x), peer.decision_function(x))
    )
    assert np.sqrt(np.mean((ours - theirs) ** 2)) < 2e-5


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    scale=st.sampled_from([1e-3, 1.0, 100.0]),
    c=st.sampled_from([0.01, 1.0, 100.0]),
    twist=st.sampled_from(["plain", "constant", "collinear", "separable", "rare"]),
)
def test_newton_would_not_move_it_whatever_the_features(
    seed: int, scale: float, c: float, twist: str
) -> None:
    x = features(60, 8, scale, seed)
    labels = wishes(x, 3, seed + 1) > 0
    if twist == "constant":
        x[:, 0] = 3.0
    elif twist == "collinear":
        x[:, 1] = 2 * x[:, 0]
    elif twist == "separable":
        labels[:, 0] = x[:, 0] > np.median(x[:, 0])
    elif twist == "rare":
        labels[:, 0] = np.arange(60) == seed % 60
    labels[0], labels[1] = True, False  # both values in every column
    fitted = fit_labels(x.copy(), labels, c)
    assert fitted.arrived.all()
    wide = np.column_stack([x, np.ones(len(x))])
    penalty = np.diag([*np.ones(8), 0])
    for column in range(3):
        share = 1 / (1 + np.exp(-fitted.decide(x)[:, column]))
        weights = np.append(fitted.weights[:, column], 0)
        gradient = c * wide.T @ (share - labels[:, column]) + weights
        hessian = c * (wide.T * (share * (1 - share))) @ wide + penalty
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        assert np.sqrt(np.mean((wide @ step) ** 2)) < 1e-5


def test_a_label_does_not_depend_on_those_beside_it() -> None:
    x = features(200, 10, 1.0)
    labels = wishes(x, 6) > 0
    together = fit_labels(x.copy(), labels).decide(x)
    alone = [fit_labels(x.copy(), labels[:, [column]]).decide(x)[:, 0] for column in range(6)]
    assert np.abs(together - np.column_stack(alone)).max() < 1e-5


def test_what_does_not_arrive_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    x = features(200, 10, 1.0)
    monkeypatch.setattr(logistic, "MAX_ITER", 1)
    assert not fit_labels(x.copy(), wishes(x, 3) > 0).arrived.any()
    assert not fit_classes(x.copy(), wishes(x, 3).argmax(axis=1), 3).arrived.any()
