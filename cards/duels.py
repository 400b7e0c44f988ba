"""Every pair of models on every task: who is significantly better, as `probe compare` tests it.

`probes.compare` tests pair by pair; here a task's pairs are tested at once, because a site has
thousands of pairs on hundreds of tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cards.standing import ALPHA
from probes.metrics import LOWER_IS_BETTER
from probes.significance import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cards.leaderboard import Leaderboard, TaskRow

EQUAL = 1e-12
"""Sums of floats differ in their last bits; below that, all rounds agree."""


@dataclass(frozen=True, eq=False)
class Duels:
    """All pairs of m models on n tasks."""

    models: tuple[str, ...]
    difference: NDArray[np.float64]
    """Shape (n, m, m): mean score of the first minus that of the second; NaN where not both."""
    q: NDArray[np.float64]
    """Shape (n, m, m): expected share of chance findings among the pair's tasks; NaN: no test."""
    sign: NDArray[np.int8]
    """Shape (n,): 1, or -1 where a lower score is better."""

    @cached_property
    def better(self) -> NDArray[np.bool_]:
        """Shape (n, m, m): whether the first is significantly better than the second."""
        ahead: NDArray[np.bool_] = self.difference * self.sign[:, None, None] > 0
        with np.errstate(invalid="ignore"):
            return ahead & (self.q < ALPHA)

    @cached_property
    def tested(self) -> NDArray[np.bool_]:
        """Shape (n, m, m): whether there is a test."""
        return ~np.isnan(self.q)


def duel(board: Leaderboard) -> Duels:
    """Test all pairs of models on all tasks of a leaderboard, in the order of its entries and rows.

    Models that were scored on different numbers of entities or in a single round are not tested,
    nor is a published model against one that was probed: their folds are not the same.
    """
    models = tuple(entry.name for entry in board.entries)
    count = len(models)
    published = np.array([entry.info.published for entry in board.entries], bool)
    difference = np.full((len(board.rows), count, count), np.nan)
    p = np.full_like(difference, np.nan)
    for place, row in enumerate(board.rows):
        difference[place], p[place] = _test(row, models)
    p[:, published[:, None] != published[None, :]] = np.nan
    q = np.full_like(p, np.nan)
    for one in range(count):
        for other in range(one + 1, count):
            known = np.flatnonzero(~np.isnan(p[:, one, other]))
            if len(known):
                shares = benjamini_hochberg(p[known, one, other])
                q[known, one, other] = q[known, other, one] = shares
    sign = np.array([-1 if row.metric in LOWER_IS_BETTER else 1 for row in board.rows], np.int8)
    return Duels(models, difference, q, sign)


def _test(row: TaskRow, models: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return difference and p-value of every pair on one task; NaN where there is none."""
    rounds = len(row.trial.rounds)
    values = np.full((len(models), max(rounds, 1)), np.nan)
    ratio = np.zeros(len(models))
    sizes = np.full((len(models), 2), np.nan)
    for place, model in enumerate(models):
        score = row.scores.get(model)
        if score is not None and len(score.values) == rounds:
            values[place, :rounds] = [np.nan if one is None else one for one in score.values]
            ratio[place] = score.ratio
            sizes[place] = score.n_train or np.nan, score.n_test or np.nan
    difference, p = corrected_pairs(values, ratio, (sizes[:, None] == sizes[None]).all(axis=2))
    # Of published scores the mean alone may be known.
    found = [row.scores.get(model) for model in models]
    means = np.array([np.nan if one is None or one.mean is None else one.mean for one in found])
    return np.where(np.isnan(difference), means[:, None] - means[None, :], difference), p


def corrected_pairs(
    values: NDArray[np.float64], ratio: NDArray[np.float64], alike: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean difference and p-value of all pairs: `probes.significance.corrected_mean`.

    Parameters
    ----------
    values
        Shape (m, rounds), NaN where there is no value.
    ratio
        Shape (m,): tested over trained entities.
    alike
        Shape (m, m): whether a pair was scored on the same entities; others have no p-value.

    Returns
    -------
    Two arrays of shape (m, m).

    """
    from scipy.special import stdtr

    gaps = values[:, None, :] - values[None, :, :]
    there = ~np.isnan(gaps)
    rounds = there.sum(axis=2)
    some = np.maximum(rounds, 1)
    mean = np.where(there, gaps, 0).sum(axis=2) / some
    spread = np.where(there, (gaps - mean[:, :, None]) ** 2, 0).sum(axis=2)
    spread /= np.maximum(rounds - 1, 1)
    same = spread <= (EQUAL * np.maximum(1.0, np.abs(mean))) ** 2
    error = np.sqrt((1 / some + ratio[:, None]) * np.where(same, 1.0, spread))
    p = 2 * stdtr(np.maximum(rounds - 1, 1), -np.abs(mean) / error)
    p = np.where(same, np.where(np.abs(mean) <= EQUAL, 1.0, 2.0 ** (1 - some)), p)
    p[(rounds < 2) | ~alike] = np.nan  # noqa: PLR2004  one round has no spread
    np.fill_diagonal(p, np.nan)
    return np.where(rounds > 0, mean, np.nan), p
