"""The batched solver against float64 references, and what it makes of awkward features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from probes import solver
from probes.arrays import Arrays
from probes.design import Dense, Pairs, principal_axes, scaling
from probes.problems import Problems, Solved
from probes.solver import solve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from probes.design import Design

    Floats = NDArray[np.float64]

SHAPES = [(400, 20), (120, 200), (1500, 60)]
SCALES = [0.05, 0.5, 5.0]


def features(n: int, d: int, scale: float, seed: int = 0) -> NDArray[np.float32]:
    """Correlated features with a falling spectrum and a mean, as embeddings have."""
    rng = np.random.default_rng(seed)
    mix = np.linalg.qr(rng.normal(size=(d, d)))[0] * np.arange(1.0, d + 1)[:, None] ** -0.5
    found = rng.normal(size=(n, d)) @ mix + 0.7 * rng.normal(size=d)
    return np.asarray(scale * found / np.sqrt(np.square(found).mean()), dtype=np.float32)


def wishes(x: NDArray[Any], k: int, seed: int = 1) -> Floats:
    rng = np.random.default_rng(seed)
    score = (x - x.mean(axis=0)).astype(np.float64) @ rng.normal(size=(x.shape[1], k))
    spread: Floats = score / score.std(axis=0) + rng.logistic(size=score.shape)
    return spread


def turned(x: NDArray[np.float32], **how: Any) -> Dense:
    """The design that tasks share: centred, along the principal axes."""
    learnt = scaling(x, np.arange(len(x)), standardise=False)
    scaled = learnt.apply(x)
    z = scaled @ principal_axes([scaled], scaled.shape[1])
    return Dense(Arrays(**how), z if how.get("exact") else z.astype(np.float32))


def problems(
    targets: NDArray[np.bool_], masks: NDArray[np.bool_], c: Sequence[float] = (1.0,)
) -> Problems:
    """Every target with every mask and every C."""
    which = [(t, m, one) for t in range(len(targets)) for m in range(len(masks)) for one in c]
    return Problems(
        targets,
        np.array([t for t, _, _ in which]),
        masks,
        np.array([m for _, m, _ in which]),
        np.array([one for _, _, one in which]),
    )


def scores(design: Design, groups: Sequence[Problems], **how: Any) -> list[Floats]:
    """Scores of every group, (p, classes, n); all have arrived."""
    found: list[list[Solved]] = [[] for _ in groups]
    for one in solve(design, groups, **how):
        assert one.arrived.all()
        found[one.group].append(one)
    return [np.concatenate([one.scores for one in parts]).astype(np.float64) for parts in found]


def folds(n: int, count: int = 3) -> NDArray[np.bool_]:
    return np.array([np.arange(n) % count != fold for fold in range(count)])


def reference(x: NDArray[np.float32], y: NDArray[Any], c: float = 1.0) -> LogisticRegression:
    return LogisticRegression(C=c, solver="newton-cg", tol=1e-9, max_iter=5000).fit(
        x.astype(np.float64), y
    )


def rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_labels_reach_the_optimum(n: int, d: int, scale: float, *, exact: bool) -> None:
    x = features(n, d, scale)
    targets = (wishes(x, 4) > [-1, 0, 1, 2.5]).T
    masks = folds(n)
    (found,) = scores(turned(x, exact=exact), [problems(targets, masks)])
    place = 0
    for target in targets:
        for mask in masks:
            peer = reference(x[mask], target[mask]).decision_function(x.astype(np.float64))
            gap = found[place, 0] - peer
            if exact:
                assert np.abs(gap).max() < 1e-4
            assert rms(gap) < 2e-4
            ours, theirs = (
                roc_auc_score(target[~mask], one[~mask]) for one in (found[place, 0], peer)
            )
            assert abs(ours - theirs) <= 1e-4
            place += 1


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_classes_reach_the_optimum(n: int, d: int, scale: float, *, exact: bool) -> None:
    x = features(n, d, scale)
    classes = wishes(x, 4).argmax(axis=1)
    masks = folds(n)
    targets = (classes == np.arange(4)[:, None])[None]
    (found,) = scores(turned(x, exact=exact), [problems(targets, masks)])
    for at, mask in enumerate(masks):
        peer = reference(x[mask], classes[mask]).decision_function(x.astype(np.float64)).T
        gap = found[at] - found[at].mean(axis=0) - (peer - peer.mean(axis=0))
        assert rms(gap) < 2e-4
        if exact:
            assert np.abs(gap).max() < 1e-4


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    c=st.sampled_from([0.01, 1.0, 100.0]),
    twist=st.sampled_from(["plain", "near constant", "collinear", "huge", "separable", "rare"]),
)
def test_newton_would_not_move_it_whatever_the_features(seed: int, c: float, twist: str) -> None:
    x = features(60, 8, 1.0, seed)
    target = wishes(x, 1, seed + 1)[:, 0] > 0
    if twist == "near constant":
        x[:, 0] = 3.0 + 1e-6 * x[:, 0]
    elif twist == "collinear":
        x[:, 1] = 2 * x[:, 0]
    elif twist == "huge":
        x[:, 0] *= 1e6
    elif twist == "separable":
        target = x[:, 0] > np.median(x[:, 0])
    elif twist == "rare":
        target = np.arange(60) == seed % 60
    target[0], target[1] = True, False  # both classes are there
    design = turned(x, exact=True)
    ((found,),) = scores(design, [problems(target[None], np.ones((1, 60), np.bool_), [c])])
    wide = np.column_stack([design.matrix(np.arange(60)), np.ones(60)])
    penalty = np.diag([*np.ones(design.d), 0])
    coefficients = np.linalg.lstsq(wide, found[0], rcond=None)[0]
    share = 1 / (1 + np.exp(-found[0]))
    gradient = c * wide.T @ (share - target) + penalty @ coefficients
    hessian = c * (wide.T * (share * (1 - share))) @ wide + penalty
    step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
    assert rms(wide @ step) < 1e-5


def test_a_problem_does_not_depend_on_those_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor on where batches are cut: labels, multinomials and values of C in one call."""
    x = features(300, 12, 1.0)
    design, masks = turned(x), folds(300)
    labels = problems((wishes(x, 6) > 0).T, masks, [0.01, 1.0])
    classes = (wishes(x, 5).argmax(axis=1) == np.arange(5)[:, None])[None]
    several = problems(classes, masks)
    together = scores(design, [labels, several])
    monkeypatch.setattr(solver, "MAX_COLUMNS", 7)
    cut = scores(design, [labels, several])
    alone = [scores(design, [one])[0] for one in (labels, several)]
    for a, b, c in zip(together, cut, alone, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() < 5e-4
        assert np.abs(a - c).max() < 5e-4


def test_rounding_does_not_grow_in_what_classes_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the penalty holds what all classes have in common; large features once blew it up."""
    x = features(4000, 40, 5.0)
    x[:, :4] *= 16
    classes = wishes(x, 3).argmax(axis=1)
    design, products = turned(x), []
    forward = Dense.forward

    def counted(self: Dense, weights: Any) -> Any:
        products.append(len(weights))
        return forward(self, weights)

    monkeypatch.setattr(Dense, "forward", counted)
    ((found,),) = scores(
        design, [problems((classes == np.arange(3)[:, None])[None], folds(4000)[:1])]
    )
    assert len(products) < 40
    assert np.abs(found.mean(axis=0) - found.mean()).max() < 1e-3


def test_a_class_that_nobody_trains_on_is_never_likely() -> None:
    x = features(200, 10, 1.0)
    classes = wishes(x, 3).argmax(axis=1)
    mask = classes != 2
    targets = (classes == np.arange(3)[:, None])[None]
    ((found,),) = scores(turned(x, exact=True), [problems(targets, mask[None])])
    two = reference(x[mask], classes[mask]).decision_function(x.astype(np.float64))
    # A multinomial of two classes is penalised on both: as one logistic with twice the C.
    twice = reference(x[mask], classes[mask], 2.0).decision_function(x.astype(np.float64))
    assert rms(found[1] - found[0] - twice) < 1e-5 < rms(two - twice)
    assert (found[2] < -1e20).all()


@pytest.mark.parametrize("pair", ["mean", "concat"])
def test_pairs_are_solved_without_being_held(pair: Any) -> None:
    x = features(80, 10, 1.0)
    places = np.random.default_rng(3).integers(0, 80, (600, 2))
    a, b = x[places[:, 0]], x[places[:, 1]]
    whole = (a + b) / 2 if pair == "mean" else np.hstack([a, b])
    target = wishes(whole, 1)[:, 0] > 0.3
    mask = folds(600)
    asked = problems(target[None], mask)
    (found,) = scores(Pairs(Arrays(), x, places, pair), [asked])
    for at, one in enumerate(mask):
        peer = reference(whole[one], target[one]).decision_function(whole.astype(np.float64))
        assert rms(found[at, 0] - peer) < 2e-4
    held, never = Dense(Arrays(exact=True), whole), Pairs(Arrays(exact=True), x, places, pair)
    rows = np.flatnonzero(mask[0])
    values = np.random.default_rng(0).normal(size=(len(rows), 2))
    for mine, other in (
        (never.gram(rows), held.gram(rows)),
        (never.sums(rows, values), held.sums(rows, values)),
        (never.matrix(rows), held.matrix(rows)),
        (never.moment, held.moment),
        (never.apply(held.sums(rows, values)), held.apply(held.sums(rows, values))),
    ):
        assert mine == pytest.approx(other, rel=1e-4, abs=1e-4)


def test_torch_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    x = features(300, 12, 1.0)
    labels = problems((wishes(x, 6) > 0).T, folds(300), [0.01, 1.0])
    classes = (wishes(x, 5).argmax(axis=1) == np.arange(5)[:, None])[None]
    asked = [labels, problems(classes, folds(300))]
    for ours, theirs in zip(
        scores(turned(x), asked), scores(turned(x, device="cpu"), asked), strict=True
    ):
        assert rms(ours - theirs) < 1e-4
    places = np.random.default_rng(3).integers(0, 300, (500, 2))
    target = np.random.default_rng(0).random(500) < 0.3
    asked = [problems(target[None], folds(500))]
    for pair in ("mean", "concat"):
        found = [
            scores(Pairs(Arrays(device=on), x, places, pair), asked)[0] for on in (None, "cpu")
        ]
        assert rms(found[0] - found[1]) < 1e-4


def test_what_does_not_arrive_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    x = features(200, 10, 1.0)
    monkeypatch.setattr(solver, "MAX_ITER", 1)
    asked = problems((wishes(x, 3) > 0).T, folds(200))
    (one,) = solve(turned(x), [asked])
    assert not one.arrived.any()


def test_scaling_drops_what_does_not_vary_and_survives_what_is_huge() -> None:
    x = features(500, 6, 1.0)
    x[:, 1] = 1e4
    x[::2, 1] += 1e-3  # as much as rounding alone leaves
    x[:, 2] *= 1e30
    x[:, 3] *= 1e-30
    learnt = scaling(x, np.arange(500), standardise=True)
    assert list(learnt.kept) == [0, 2, 3, 4, 5]
    assert learnt.apply(x).std(axis=0) == pytest.approx(1, abs=1e-6)
    collinear = np.column_stack([learnt.apply(x), learnt.apply(x)[:, 0] * 3])
    assert principal_axes([collinear], 6).shape == (6, 5)


def test_real_vectors(upstream: Path) -> None:
    """Composition of real promoters: collinear counts of very unequal size."""
    import csv
    import gzip

    path = upstream / "gue/prom_core/tata_dev.csv.gz"
    with gzip.open(path, "rt") if path.exists() else (upstream / "none").open() as stream:
        rows = list(csv.DictReader(stream))
    words = [a + b for a in "ACGT" for b in "ACGT"]
    x = np.array([[row["sequence"].count(word) for word in words] for row in rows], np.float32)
    x = np.hstack([x, x.sum(axis=1, keepdims=True)])
    y = np.array([int(row["label"]) for row in rows])
    mask = folds(len(y), 5)
    (found,) = scores(turned(x), [problems((y == 1)[None], mask)])
    for at, one in enumerate(mask):
        peer = reference(x[one], y[one]).decision_function(x.astype(np.float64))
        assert rms(found[at, 0] - peer) < 2e-4
        auroc = roc_auc_score(y[~one], found[at, 0][~one])
        assert auroc > 0.6
        assert abs(auroc - roc_auc_score(y[~one], peer[~one])) <= 1e-4


@pytest.mark.parametrize("k", [1, 4])
def test_a_step_too_far_does_not_blow_up_the_next(k: int) -> None:
    """Where every loss is flat, only rounding is left to divide an intercept's gradient by."""
    x = features(200, 30, 1.0)
    chosen = wishes(x, k).argmax(axis=1) if k > 1 else (wishes(x, 1)[:, 0] > 1).astype(int)
    targets = (chosen == np.arange(k)[:, None])[None] if k > 1 else (chosen > 0)[None]
    search = solver._Search(turned(x), problems(targets, np.ones((1, 200), dtype=bool)), 1e-4)
    steps = search.run()
    next(steps)
    usual = search.curvature.copy()
    search.residual[:] = 0
    search._curve()
    assert (search.curvature >= 0.02 * usual.min()).all()
    rounding = np.full((1, k), 6e-8, dtype=np.float32)
    rounding[0, 0] *= -1
    step, lift = search._precondition(np.zeros_like(search.weights), rounding)
    assert np.abs(lift).max() < 1e-5
    assert (step == 0).all()
