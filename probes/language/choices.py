"""Questions with options: accuracy, what chance gives, preference for places, calibration.

A question's score is right or wrong. Three readings of the same log-likelihoods decide for an
option: the highest `sum`, the highest mean per `byte` of the option's text (UTF-8), which is the
headline, and per `token`. A sum favours short options, and a mean per token those whose words a
vocabulary happens to hold; bytes are the same for every model. `accuracy_sum` and `accuracy_byte`
are lm-eval's `acc` and `acc_bytes`.

An answer that names no option, or none that is there, is wrong. Of generated answers the first
integer decides, as published (arXiv 2406.05540).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from probes.formulas import calibration_error
from probes.intervals import LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.intervals import Interval

READINGS = ("byte", "sum", "token")
"""How options of unequal length are compared, the headline first."""
INTEGER = re.compile(r"\d+")
ROUNDING = 1e-9
"""A variance below this, relative to the largest, is none."""


@dataclass(frozen=True)
class Share:
    """A share of questions with its interval."""

    value: float | None
    interval: Interval | None
    """Wilson's, 95 %."""
    n: int


@dataclass(frozen=True)
class PlaceBias:
    """Whether wrong answers prefer some places."""

    chosen: tuple[int, ...]
    """How often each place was chosen, right or wrong."""
    wrong: tuple[int, ...]
    """How often each place was chosen wrongly."""
    expected: tuple[float, ...]
    """How often that would be, if a wrong answer were any of the wrong options alike."""
    statistic: float | None
    """Chi-square of `wrong` against `expected`; None where there is nothing to test."""
    freedom: int
    p: float | None
    recall: tuple[float | None, ...]
    """Share right among the questions whose right option stands at each place."""


@dataclass(frozen=True)
class ChoiceScores:
    """What choices are worth."""

    accuracy: Share
    """Over all questions; one without a choice is wrong."""
    chance: float | None
    """Expected accuracy of a blind guess: the mean of 1 / number of options."""
    by_options: dict[int, Share]
    """Number of options → accuracy of the questions with so many."""
    bias: PlaceBias
    answered: int
    """Questions with a choice."""
    readings: dict[str, Share] = field(default_factory=dict)
    """Of log-likelihoods: each of READINGS → accuracy."""
    calibration_error: float | None = None
    """Of the softmax over the sums: 15 bins of the probability of the likeliest option."""
    log_loss: float | None = None
    """Mean of -log of the softmax at the right option."""


def wilson(successes: int, n: int, level: float = LEVEL) -> Interval | None:
    """Return Wilson's score interval of a share (J. Am. Stat. Assoc. 1927, 22:209)."""
    if not n:
        return None
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def first_integer(answer: str | None, options: int) -> int | None:
    """Return the option, from 0, that the first integer of an answer names, counted from 1.

    None for an answer without an integer, and for one that names no option.
    """
    found = INTEGER.search(answer or "")
    # Python refuses to read numbers of thousands of digits; none of them names an option.
    if found is None or len(found[0]) > 9:  # noqa: PLR2004
        return None
    place = int(found[0]) - 1
    return place if 0 <= place < options else None


def decide(
    sums: Sequence[float], n_bytes: Sequence[int], n_tokens: Sequence[int], reading: str
) -> int:
    """Return the option that one of READINGS decides for; the first of equals."""
    sizes = {"sum": [1] * len(sums), "byte": n_bytes, "token": n_tokens}[reading]
    values = [value / max(size, 1) for value, size in zip(sums, sizes, strict=True)]
    return values.index(max(values))


def score_choices(
    chosen: Sequence[int | None], answers: Sequence[int], options: Sequence[int]
) -> ChoiceScores:
    """Score what was chosen.

    Parameters
    ----------
    chosen
        The option that each of n questions was answered with, from 0; None for none.
    answers
        The right ones.
    options
        How many options each question has.

    """
    right = [one == truth for one, truth in zip(chosen, answers, strict=True)]
    by_options = {}
    for count in sorted(set(options)):
        mine = [ok for ok, size in zip(right, options, strict=True) if size == count]
        by_options[count] = _share(sum(mine), len(mine))
    return ChoiceScores(
        accuracy=_share(sum(right), len(right)),
        chance=math.fsum(1 / size for size in options) / len(options) if options else None,
        by_options=by_options,
        bias=place_bias(chosen, answers, options),
        answered=sum(one is not None for one in chosen),
    )


def score_loglikelihoods(
    sums: Sequence[Sequence[float] | None],
    n_bytes: Sequence[Sequence[int]],
    n_tokens: Sequence[Sequence[int] | None],
    answers: Sequence[int],
) -> ChoiceScores:
    """Score log-likelihoods of options; the headline reading is per byte.

    Parameters
    ----------
    sums
        For each of n questions the log-likelihood of every option; None where there is none,
        which counts as wrong, and is not in calibration and log loss.
    n_bytes, n_tokens
        Sizes of the options; without tokens (None) that reading goes by the sum.
    answers
        The right options, from 0.

    """
    options = [len(sizes) for sizes in n_bytes]
    chosen: dict[str, list[int | None]] = {}
    for reading in READINGS:
        chosen[reading] = [
            None if one is None else decide(one, size, tokens or [1] * len(size), reading)
            for one, size, tokens in zip(sums, n_bytes, n_tokens, strict=True)
        ]
    headline = score_choices(chosen[READINGS[0]], answers, options)
    readings = {
        name: _share(sum(a == b for a, b in zip(made, answers, strict=True)), len(answers))
        for name, made in chosen.items()
    }
    told = [(softmax(one), truth) for one, truth in zip(sums, answers, strict=True)
            if one is not None]  # fmt: skip
    error = loss = None
    if told:
        top = np.array([[max(shares)] for shares, _ in told])
        hit = np.array([[shares.index(max(shares)) == truth] for shares, truth in told])
        error = float(calibration_error(hit, top)[0])
        floor = np.finfo(float).tiny
        loss = -math.fsum(math.log(max(shares[truth], floor)) for shares, truth in told) / len(told)
    return ChoiceScores(
        headline.accuracy, headline.chance, headline.by_options, headline.bias,
        headline.answered, readings, error, loss,
    )  # fmt: skip


def softmax(sums: Sequence[float]) -> list[float]:
    """Return each option's share of the probability of all options."""
    highest = max(sums)
    weights = [math.exp(value - highest) for value in sums]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def place_bias(
    chosen: Sequence[int | None], answers: Sequence[int], options: Sequence[int]
) -> PlaceBias:
    """Test whether wrong answers prefer some places.

    Right answers say nothing: they stand where the right options stand. If a wrong answer to a
    question is any of its wrong options alike, the counts of the places have a mean and a
    covariance that add up over the questions, however many options each has; the statistic is
    their distance by that covariance, chi-square with its rank as degrees of freedom.
    """
    places = max(options, default=0)
    expected = np.zeros(places)
    covariance = np.zeros((places, places))
    wrong, all_chosen = np.zeros(places, int), np.zeros(places, int)
    asked, hits = np.zeros(places, int), np.zeros(places, int)
    for one, truth, size in zip(chosen, answers, options, strict=True):
        asked[truth] += 1
        hits[truth] += one == truth
        if one is None:
            continue
        all_chosen[one] += 1
        if one == truth or size < 2:  # noqa: PLR2004
            continue
        wrong[one] += 1
        share = np.zeros(places)
        share[:size] = 1 / (size - 1)
        share[truth] = 0
        expected += share
        covariance += np.diag(share) - np.outer(share, share)
    statistic = p = None
    sizes, directions = np.linalg.eigh(covariance)
    # Shares of a question add up to 1, so one direction at least has no variance but rounding.
    varies = sizes > ROUNDING * max(sizes, default=0)
    freedom = int(np.count_nonzero(varies)) if wrong.any() else 0
    if freedom:
        from scipy.stats import chi2

        gap = directions.T[varies] @ (wrong - expected)
        statistic = float(gap**2 @ (1 / sizes[varies]))
        p = float(chi2.sf(statistic, freedom))
    recall = [hit / n if n else None for hit, n in zip(hits.tolist(), asked.tolist(), strict=True)]
    return PlaceBias(
        tuple(all_chosen.tolist()), tuple(wrong.tolist()), tuple(expected.tolist()), statistic,
        freedom, p, tuple(recall),
    )  # fmt: skip


def _share(successes: int, n: int) -> Share:
    return Share(successes / n if n else None, wilson(successes, n), n)
