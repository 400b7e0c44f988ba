"""Scores of questions with options, against answers worked out by hand and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

from probes.language.choices import (
    first_integer,
    place_bias,
    score_choices,
    score_loglikelihoods,
    softmax,
    wilson,
)


@pytest.mark.parametrize(
    ("answer", "options", "place"),
    [
        ("3", 6, 2),
        ("option 2: the kinase", 6, 1),
        ("The answer is 1, not 2.", 2, 0),
        ("10", 10, 9),
        ("Option6", 6, 5),
        ("", 6, None),
        (None, 6, None),
        ("the second one", 6, None),
        ("7", 6, None),
        ("0", 6, None),
        ("-1", 6, 0),
        ("2.5", 6, 1),
        ("9" * 5000, 6, None),
        ("२", 6, 1),  # a digit to Python, as to the published rule
    ],
)
def test_the_first_integer_names_an_option(
    answer: str | None, options: int, place: int | None
) -> None:
    assert first_integer(answer, options) == place


def test_wilson_is_scipys() -> None:
    for successes, n in [(0, 5), (3, 7), (944, 944), (410, 944)]:
        expected = binomtest(successes, n).proportion_ci(method="wilson")
        found = wilson(successes, n)
        assert found == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert wilson(0, 0) is None


def test_three_readings_of_the_same_loglikelihoods() -> None:
    # Sums favour the first; per byte the second (-1/byte), per token the third (-2/token).
    scores = score_loglikelihoods(
        [(-8.0, -9.0, -10.0), None], [(2, 9, 5), (1, 1)], [(1, 4, 5), None], [1, 0]
    )
    values = {name: one.value for name, one in scores.readings.items()}
    assert values == {"byte": 0.5, "sum": 0.0, "token": 0.0}
    assert scores.accuracy == scores.readings["byte"]
    assert scores.answered == 1
    assert scores.chance == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert {count: (one.value, one.n) for count, one in scores.by_options.items()} == {
        2: (0.0, 1),
        3: (1.0, 1),
    }


def test_softmax_calibration_and_log_loss() -> None:
    assert softmax([-1000.0, -1000.0]) == [0.5, 0.5]
    # Two questions, each with 0.8 on the first option, one of them right: off by 0.3.
    sums = [(math.log(0.08), math.log(0.02))] * 2
    scores = score_loglikelihoods(sums, [(1, 1)] * 2, [(1, 1)] * 2, [0, 1])
    assert scores.calibration_error == pytest.approx(0.3)
    assert scores.log_loss == pytest.approx(-(math.log(0.8) + math.log(0.2)) / 2)


def test_an_answer_without_a_choice_is_wrong() -> None:
    scores = score_choices([None, 1, 0], [0, 1, 1], [2, 2, 2])
    assert scores.accuracy.value == pytest.approx(1 / 3)
    assert scores.answered == 2
    assert scores.bias.chosen == (1, 1)
    assert scores.bias.recall == (0.0, 0.5)


def test_place_bias_finds_a_preference_and_nothing_in_blind_guesses() -> None:
    rng = np.random.default_rng(0)
    options = rng.choice([2, 4, 6], 600).tolist()
    answers = [int(rng.integers(size)) for size in options]
    blind = [int(rng.integers(size)) for size in options]
    first = [0 if rng.random() < 0.5 else choice for choice in blind]
    assert (place_bias(first, answers, options).p or 1) < 1e-6
    assert place_bias(first, answers, options).freedom == 5  # six places that add up
    ps: list[float] = []
    for seed in range(200):
        drawn = np.random.default_rng(seed)
        guesses = [int(drawn.integers(size)) for size in options]
        ps.append(place_bias(guesses, answers, options).p or 0.0)
    # p-values of a true null are uniform: 5 % below 0.05, give or take.
    assert 2 <= sum(one < 0.05 for one in ps) <= 20
    assert chisquare(np.histogram(ps, bins=5, range=(0, 1))[0]).pvalue > 1e-3


def test_place_bias_of_one_fixed_key_is_the_textbook_chi_square() -> None:
    # Four options and the right one always first: wrong answers over three places alike.
    chosen = [1] * 10 + [2] * 20 + [3] * 30 + [0] * 7
    found = place_bias(chosen, [0] * 67, [4] * 67)
    expected = chisquare([10, 20, 30])
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.freedom == 2


def test_two_options_leave_nothing_to_test() -> None:
    found = place_bias([0, 1, 1], [1, 1, 0], [2, 2, 2])
    assert (found.statistic, found.freedom, found.p) == (None, 0, None)
