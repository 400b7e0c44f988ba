"""Which model is best over many tasks: average ranks, with intervals and a critical difference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from probes.intervals import Interval

DRAWS = 2000
THREE = 3


@dataclass(frozen=True, eq=False)
class Ranking:
    """Models over the tasks that all of them were scored on."""

    ranks: NDArray[np.float64]
    """Average rank of each of m models; 1 is best."""
    intervals: list[Interval]
    """Of each average rank, from tasks drawn with replacement."""
    critical_difference: float | None
    """Average ranks that differ by less are not told apart (Nemenyi); None for one task."""
    friedman_p: float | None
    """Of all models being equal (Friedman); None for fewer than three models or two tasks."""
    tasks: int
    groups: int
    """Groups of tasks that were drawn together."""


def rank_tasks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank the models on every task from 1, the highest score; ties share the mean rank.

    Shapes (tasks, models), without NaN.
    """
    ahead = (scores[:, None, :] > scores[:, :, None]).sum(axis=2)
    level = (scores[:, None, :] == scores[:, :, None]).sum(axis=2)
    ranks: NDArray[np.float64] = ahead + (level + 1) / 2
    return ranks


def rank_models(
    scores: NDArray[np.float64],
    groups: Sequence[str],
    *,
    alpha: float = 0.05,
    draws: int = DRAWS,
    seed: int = 0,
) -> Ranking:
    """Average the ranks over tasks.

    Friedman's test and Nemenyi's critical difference, q sqrt(m (m + 1) / (6 tasks)), follow
    Demšar (JMLR 2006, 7:1). Both take tasks for independent. Tasks that share their genes and
    label column are not, so the intervals draw whole groups of tasks; with few groups they
    are too narrow. Ranks say nothing about how large a difference is.

    Parameters
    ----------
    scores
        Shape (tasks, models), higher is better, without NaN.
    groups
        One name per task; tasks of one name are drawn together.
    alpha
        1 - the level of the intervals and of the critical difference.
    draws, seed
        Of the bootstrap.

    """
    tasks, models = scores.shape
    ranks = rank_tasks(scores)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(group)
    sums = np.zeros((len(sizes), models))
    np.add.at(sums, group, ranks)
    weight = np.random.default_rng(seed).multinomial(
        len(sizes), np.full(len(sizes), 1 / len(sizes)), size=draws
    )
    means = (weight @ sums) / (weight @ sizes)[:, None]
    low, high = np.quantile(means, [alpha / 2, 1 - alpha / 2], axis=0)
    return Ranking(
        ranks.mean(axis=0),
        [(float(one), float(other)) for one, other in zip(low, high, strict=True)],
        critical_difference(models, tasks, alpha) if tasks > 1 else None,
        _friedman(ranks) if models >= THREE and tasks > 1 else None,
        tasks,
        len(sizes),
    )


def critical_difference(models: int, tasks: int, alpha: float = 0.05) -> float:
    """Return Nemenyi's critical difference of average ranks."""
    from scipy.stats import studentized_range

    quantile = float(studentized_range.isf(alpha, models, math.inf)) / math.sqrt(2)
    return quantile * math.sqrt(models * (models + 1) / (6 * tasks))


def _friedman(ranks: NDArray[np.float64]) -> float:
    """Return the p-value of Friedman's chi-square, corrected for ties."""
    from scipy.special import chdtrc

    tasks, models = ranks.shape
    spread = float(np.var(ranks, axis=1, ddof=1).mean())
    if not spread:
        return 1.0
    between = float(((ranks.mean(axis=0) - (models + 1) / 2) ** 2).sum())
    return float(chdtrc(models - 1, tasks * between / spread))
