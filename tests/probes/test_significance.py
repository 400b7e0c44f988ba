"""Corrected tests against scipy, published examples, and cross-validation without any effect."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from probes.significance import benjamini_hochberg, corrected_mean, holm

PUBLISHED = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
    0.5719, 0.6528, 0.7590, 1.0000,
]  # fmt: skip
"""The p-values of Benjamini & Hochberg 1995, section 3.2."""


def test_without_shared_training_entities_it_is_the_t_test() -> None:
    values = [0.02, -0.01, 0.04, 0.03, 0.00, 0.05]
    wanted = stats.ttest_1samp(values, 0.0)
    found = corrected_mean(values, 0.0)
    assert found.p == pytest.approx(wanted.pvalue)
    assert found.interval == pytest.approx(tuple(wanted.confidence_interval(0.95)))


def test_the_correction_of_nadeau_and_bengio() -> None:
    values = np.random.default_rng(0).normal(0.01, 0.02, 50)  # ten repeats of five folds
    error = math.sqrt((1 / 50 + 1 / 4) * values.var(ddof=1))
    found = corrected_mean(values, 1 / 4, level=0.9)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(values.mean()) / error, 49))
    assert found.interval == pytest.approx(stats.t.interval(0.9, 49, values.mean(), error))


def test_rounds_that_agree_exactly() -> None:
    assert corrected_mean([0.5] * 5, 0.25).p == 2 / 2**5
    assert corrected_mean([0.0] * 5, 0.25).p == 1.0
    assert corrected_mean([0.1 + 0.2, 0.3], 0.25).interval == pytest.approx((0.3, 0.3))
    one = corrected_mean([0.5], 0.25)
    assert (one.value, one.interval, one.p) == (0.5, None, None)


def test_it_keeps_its_promise_where_the_plain_t_test_does_not() -> None:
    """Two learners that are equal on average, on folds of ever new data."""
    from sklearn.model_selection import KFold

    rng = np.random.default_rng(5)
    plain = corrected = 0
    trials = 300
    for trial in range(trials):
        x, y = rng.normal(size=(60, 2)), rng.normal(size=60)
        gaps = []
        for repeat in range(4):
            splitter = KFold(5, shuffle=True, random_state=trial * 10 + repeat)
            for train, test in splitter.split(x):
                errors = [
                    np.mean((y[test] - x[test, one] * (x[train, one] @ y[train]) / len(train)) ** 2)
                    for one in (0, 1)
                ]
                gaps.append(errors[0] - errors[1])
        plain += stats.ttest_1samp(gaps, 0.0).pvalue < 0.05
        corrected += (corrected_mean(gaps, 1 / 4).p or 0.0) < 0.05
    assert plain / trials > 0.15
    assert corrected / trials < 0.075


def test_published_example_of_many_tests() -> None:
    """Four findings at a false discovery rate of 0.05, three at a family-wise error of 0.05."""
    assert (benjamini_hochberg(PUBLISHED) < 0.05).sum() == 4
    assert (holm(PUBLISHED) < 0.05).sum() == 3


@given(st.lists(st.floats(0, 1), max_size=30))
@settings(deadline=None)
def test_corrections_agree_with_their_definitions(p: list[float]) -> None:
    if p:
        wanted = stats.false_discovery_control(p)
        assert benjamini_hochberg(p) == pytest.approx(wanted, abs=1e-12)
    order = sorted(range(len(p)), key=p.__getitem__)
    stepped: dict[int, float] = {}
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - place) * p[index]))
        stepped[index] = highest
    assert holm(p) == pytest.approx([stepped[index] for index in range(len(p))], abs=1e-12)
