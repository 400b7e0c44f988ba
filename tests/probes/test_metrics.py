"""Metrics: equal to scikit-learn's and scipy's to 1e-9, and None where those are undefined."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics as sk

from hf_datasets.task import TaskType
from probes import formulas
from probes.metrics import (
    HEADLINE,
    LABEL_METRICS,
    LOWER_IS_BETTER,
    METRICS,
    auroc_hard,
    evaluate,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT = 1e-9


def whole(
    kind: TaskType, truth: NDArray[Any], scores: NDArray[Any], decided: NDArray[Any], classes: int
) -> dict[str, float | None]:
    names = [f"c{index}" for index in range(classes)]
    measures = evaluate(kind, names, truth, scores, decided)
    return {one.metric: one.value for one in measures if one.label is None}


def averages(truth: NDArray[Any], decided: NDArray[Any]) -> dict[str, float]:
    functions = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
    return {
        f"{name}_{average}": function(truth, decided, average=average, zero_division=0)
        for name, function in functions.items()
        for average in ("macro", "weighted")
    }


def each(function: Any, truth: NDArray[Any], other: NDArray[Any]) -> float:
    """A metric of one column, averaged over the columns."""
    columns = range(truth.shape[1])
    return float(np.mean([function(truth[:, one], other[:, one]) for one in columns]))


def binned_gap(truth: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    """The calibration error, bin by bin and one entity at a time."""
    total = 0.0
    for step in range(15):
        low, high = step / 15, (step + 1) / 15
        inside = [
            (float(one), float(other))
            for one, other in zip(truth, probability, strict=True)
            if low < other <= high
        ]
        if inside:
            right = sum(one for one, _ in inside) / len(inside)
            said = sum(other for _, other in inside) / len(inside)
            total += len(inside) / len(truth) * abs(right - said)
    return total


def test_headline_of_every_type_is_computed() -> None:
    assert set(HEADLINE) == {kind.value for kind in TaskType} == set(METRICS)
    assert all(HEADLINE[kind] in METRICS[kind] for kind in HEADLINE)
    assert {name for names in METRICS.values() for name in names} >= LOWER_IS_BETTER


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rounded", [False, True])
def test_binary(seed: int, rounded: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, 60)
    scores = rng.normal(size=60) + truth
    scores = scores.round() if rounded else scores  # many ties
    decided = (scores > 0.5).astype(int)
    found = whole(TaskType.BINARY, truth, scores, decided, 2)
    assert found == pytest.approx(
        {
            "auroc": sk.roc_auc_score(truth, scores),
            "average_precision": sk.average_precision_score(truth, scores),
            "accuracy": sk.accuracy_score(truth, decided),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, decided),
            "mcc": sk.matthews_corrcoef(truth, decided),
            "precision": sk.precision_score(truth, decided),
            "recall": sk.recall_score(truth, decided),
            "f1": sk.f1_score(truth, decided),
            "log_loss": sk.log_loss(truth, special.expit(scores)),
            "calibration_error": binned_gap(truth == 1, special.expit(scores)),
        },
        abs=EXACT,
    )


@pytest.mark.parametrize("seed", range(5))
def test_multi_class(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(4), rng.choice(4, 76, p=[0.5, 0.3, 0.15, 0.05])])
    logits = rng.normal(size=(80, 4)).round(1)
    logits[np.arange(80), truth] += 1
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    decided = scores.argmax(axis=1)
    found = whole(TaskType.MULTI_CLASS, truth, scores, decided, 4)
    assert found == pytest.approx(
        {
            "auroc": sk.roc_auc_score(truth, scores, multi_class="ovr"),
            "auroc_weighted": sk.roc_auc_score(
                truth, scores, multi_class="ovr", average="weighted"
            ),
            "average_precision": sk.average_precision_score(truth, scores),
            "average_precision_weighted": sk.average_precision_score(
                truth, scores, average="weighted"
            ),
            **averages(truth, decided),
            "accuracy": sk.accuracy_score(truth, decided),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, decided),
            "mcc": sk.matthews_corrcoef(truth, decided),
            "log_loss": sk.log_loss(truth, scores),
            "calibration_error": binned_gap(truth == decided, scores.max(axis=1)),
        },
        abs=EXACT,
    )
    own = evaluate(TaskType.MULTI_CLASS, ["a", "b", "c", "d"], truth, scores, decided)
    by_class = {(one.label, one.metric): one.value for one in own if one.label is not None}
    functions = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
    expected = {}
    for at, name in enumerate("abcd"):
        mine, said = truth == at, decided == at
        expected[name, "auroc"] = sk.roc_auc_score(mine, scores[:, at])
        expected[name, "average_precision"] = sk.average_precision_score(mine, scores[:, at])
        for metric, function in functions.items():
            expected[name, metric] = function(mine, said, zero_division=0)
    assert by_class == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("seed", range(5))
def test_multi_label(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.random((70, 3)) < [0.5, 0.2, 0.8]
    scores = (rng.normal(size=(70, 3)) + truth).round(1)
    decided = scores > 0.5
    measures = evaluate(TaskType.MULTI_LABEL, ["a", "b", "c"], truth, scores, decided)
    found = {one.metric: one.value for one in measures if one.label is None}
    assert found == pytest.approx(
        {
            "auroc": sk.roc_auc_score(truth, scores),
            "auroc_weighted": sk.roc_auc_score(truth, scores, average="weighted"),
            "average_precision": sk.average_precision_score(truth, scores),
            "average_precision_weighted": sk.average_precision_score(
                truth, scores, average="weighted"
            ),
            **averages(truth, decided),
            "balanced_accuracy": each(sk.balanced_accuracy_score, truth, decided),
            "mcc": each(sk.matthews_corrcoef, truth, decided),
            "log_loss": each(sk.log_loss, truth, special.expit(scores)),
            "calibration_error": each(binned_gap, truth, special.expit(scores)),
            "hamming_loss": sk.hamming_loss(truth, decided),
            "subset_accuracy": sk.accuracy_score(truth, decided),
        },
        abs=EXACT,
    )
    by_label = {(one.label, one.metric): one.value for one in measures if one.label}
    assert len(by_label) == 3 * len(LABEL_METRICS)
    assert by_label["b", "auroc"] == pytest.approx(
        sk.roc_auc_score(truth[:, 1], scores[:, 1]), abs=EXACT
    )
    assert by_label["c", "average_precision"] == pytest.approx(
        sk.average_precision_score(truth[:, 2], scores[:, 2]), abs=EXACT
    )


def test_multi_label_auroc_is_of_scores_not_of_decisions() -> None:
    """The fault of gene-benchmark: its multi-label AUROC was computed on 0/1 decisions."""
    truth = np.array([[False], [False], [True], [True]])
    scores = np.array([[-4.0], [-3.0], [-2.0], [-1.0]])
    found = whole(TaskType.MULTI_LABEL, truth, scores, scores > 0, 1)
    assert found["auroc"] == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_regression(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=50).round(1)
    scores = (truth + rng.normal(size=50)).round(1)
    found = whole(TaskType.REGRESSION, truth, scores, scores, 0)
    assert found == pytest.approx(
        {
            "r2": sk.r2_score(truth, scores),
            "spearman": stats.spearmanr(truth, scores).statistic,
            "pearson": stats.pearsonr(truth, scores).statistic,
            "squared_pearson": stats.pearsonr(truth, scores).statistic ** 2,
            "rmse": sk.root_mean_squared_error(truth, scores),
            "mae": sk.mean_absolute_error(truth, scores),
        },
        abs=EXACT,
    )


def test_one_class_in_the_test_part_is_undefined_not_zero() -> None:
    truth = np.ones(4, dtype=int)
    found = whole(TaskType.BINARY, truth, np.arange(4.0), np.array([1, 1, 1, 0]), 2)
    assert found.pop("accuracy") == 0.75
    assert found.pop("log_loss") == pytest.approx(np.log1p(np.exp(-np.arange(4.0))).mean())
    assert found.pop("calibration_error") is not None
    assert set(found.values()) == {None}
    several = np.full((4, 3), 1 / 3)
    found = whole(TaskType.MULTI_CLASS, truth, several, truth, 3)
    assert found.pop("accuracy") == 1.0
    assert found.pop("log_loss") == pytest.approx(math.log(3))
    assert found.pop("calibration_error") == pytest.approx(2 / 3)
    assert set(found.values()) == {None}


def test_a_class_absent_from_the_test_part_is_left_out_of_the_mean() -> None:
    truth = np.array([0, 0, 1, 1])
    scores = np.array([[0.6, 0.2, 0.2], [0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.55, 0.35, 0.1]])
    found = whole(TaskType.MULTI_CLASS, truth, scores, scores.argmax(axis=1), 3)
    first, second = (sk.roc_auc_score(truth == one, scores[:, one]) for one in (0, 1))
    assert found["auroc"] == pytest.approx((first + second) / 2, abs=EXACT)


def test_a_label_without_a_model_has_no_value_and_no_weight() -> None:
    truth = np.array([[True, True], [False, False], [True, False]])
    scores = np.array([[1.0, np.nan], [-1.0, np.nan], [2.0, np.nan]])
    decided = np.array([[True, False], [False, False], [True, False]])
    measures = evaluate(TaskType.MULTI_LABEL, ["a", "b"], truth, scores, decided)
    found = {(one.label, one.metric): one.value for one in measures}
    assert found["b", "auroc"] is None
    assert found["b", "average_precision"] is None
    assert found[None, "auroc"] == found[None, "f1_macro"] == 1.0
    assert found[None, "subset_accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("kind", TaskType)
def test_no_prediction_gives_every_metric_without_a_value(kind: TaskType) -> None:
    measures = evaluate(kind, ["a", "b"], np.zeros(0), None, None)
    assert [one.metric for one in measures if one.label is None] == list(METRICS[kind])
    assert {one.value for one in measures} == {None}


def test_regression_without_spread_is_undefined() -> None:
    flat, steep = np.full(5, 0.1), np.arange(5.0)
    assert formulas.r2(flat, steep) is None
    assert formulas.pearson(steep, flat) is None
    assert formulas.spearman(flat, steep) is None
    # Constant but for rounding: a rank correlation of rounding errors would be noise.
    assert formulas.spearman(flat + np.array([0, 1, 0, 1, 0]) * 1e-17, steep) is None
    assert formulas.spearman(np.full(5, 0.1) * (1 + 1e-16 * np.arange(5)), steep) is None


def test_deciding_for_one_class_only_has_no_correlation() -> None:
    assert formulas.matthews(np.array([0, 1, 1]), np.array([1, 1, 1])) == 0.0
    truth = np.array([[False, False], [True, False]])
    found = formulas.Counts.of(truth, np.zeros_like(truth)).f1
    assert found.tolist() == pytest.approx([0.0, np.nan], nan_ok=True)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40).filter(
        lambda rows: len({truth for truth, _ in rows}) == 2
    )
)
@settings(deadline=None)
def test_ranking_agrees_on_any_ties(rows: list[tuple[bool, int]]) -> None:
    truth = np.array([one for one, _ in rows])
    scores = np.array([float(score) for _, score in rows])
    auroc = formulas.auroc(truth, scores)
    precision = formulas.average_precision(truth, scores)
    assert auroc is not None
    assert precision is not None
    assert math.isclose(auroc, sk.roc_auc_score(truth, scores), abs_tol=EXACT)
    assert math.isclose(precision, sk.average_precision_score(truth, scores), abs_tol=EXACT)
    assert formulas.ranks(scores) == pytest.approx(stats.rankdata(scores), abs=EXACT)


@given(
    st.integers(0, 30).flatmap(
        lambda n: st.lists(
            st.tuples(
                *[st.tuples(st.booleans(), st.booleans(), st.sampled_from([-9, -1, 0, 0.5, 2]))] * 3
            ),
            min_size=n,
            max_size=n,
        )
    )
)
@settings(deadline=None, max_examples=40)
def test_columns_together_are_what_each_is_alone(rows: list[Any]) -> None:
    """Also empty, of one class, and all tied: each column of many is what scikit-learn says."""
    grid = np.array(rows, dtype=np.float64).reshape(len(rows), 3, 3)
    truth, decided, scores = grid[..., 0] > 0, grid[..., 1] > 0, grid[..., 2]
    auroc, precision = formulas.rank_metrics(truth, scores)
    counts = formulas.Counts.of(truth, decided)
    loss = formulas.log_loss_binary(truth, scores)
    error = formulas.calibration_error(truth, special.expit(scores))
    for one in range(3):
        mine, said, score = truth[:, one], decided[:, one], scores[:, one]
        if not len(rows):
            assert np.isnan(
                [auroc[one], precision[one], counts.f1[one], loss[one], error[one]]
            ).all()
            continue
        both = mine.any() and not mine.all()
        expected = {
            "auroc": (auroc, sk.roc_auc_score(mine, score) if both else np.nan),
            "precision": (precision, sk.average_precision_score(mine, score) if both else np.nan),
            "mcc": (counts.mcc, sk.matthews_corrcoef(mine, said) if both else np.nan),
            "balanced": (
                counts.balanced_accuracy,
                sk.balanced_accuracy_score(mine, said) if both else np.nan,
            ),
            "f1": (counts.f1, sk.f1_score(mine, said, zero_division=np.nan)),
            "recall": (counts.recall, sk.recall_score(mine, said, zero_division=np.nan)),
            "accuracy": (counts.accuracy, sk.accuracy_score(mine, said)),
            "loss": (loss, sk.log_loss(mine, special.expit(score), labels=[False, True])),
            "calibration": (error, binned_gap(mine, special.expit(score))),
        }
        for name, (found, wanted) in expected.items():
            assert found[one] == pytest.approx(wanted, abs=EXACT, nan_ok=True), name


def test_precision_of_a_class_that_nobody_was_said_to_be() -> None:
    """0 where it has members, so that never deciding for a class cannot raise a mean."""
    truth = np.array([[True, False], [False, False]])
    assert formulas.Counts.of(truth, np.zeros_like(truth)).precision.tolist() == pytest.approx(
        [0.0, np.nan], nan_ok=True
    )


def test_log_loss_of_a_class_without_a_model_counts_as_probability_zero() -> None:
    probability = np.array([[0.5, 0.5, np.nan], [0.9, 0.1, np.nan]])
    found = formulas.log_loss_classes(np.array([2, 0]), probability)
    assert found == pytest.approx(sk.log_loss([2, 0], np.nan_to_num(probability), labels=[0, 1, 2]))


def test_auroc_of_hard_decisions_is_gene_benchmarks() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((80, 4)) < [0.5, 0.2, 0.7, 0.4]
    decided = rng.random((80, 4)) < truth * 0.5 + 0.2
    wanted = sk.roc_auc_score(truth, decided, average="weighted")
    assert auroc_hard(truth, decided) == pytest.approx(wanted, abs=EXACT)
    truth[:, 3] = True  # no AUROC, so no part in the mean
    wanted = sk.roc_auc_score(truth[:, :3], decided[:, :3], average="weighted")
    assert auroc_hard(truth, decided) == pytest.approx(wanted, abs=EXACT)
    assert auroc_hard(truth[:, 3:], decided[:, 3:]) is None
