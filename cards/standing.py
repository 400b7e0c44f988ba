"""How sure a leaderboard is: intervals over rounds, and the models that ranks do not tell apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from probes.intervals import bounded
from probes.metrics import LOWER_IS_BETTER
from probes.rankings import rank_models
from probes.significance import corrected_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cards.scores import Score
    from probes.intervals import Interval

ALPHA = 0.05
Rounds = tuple[float | None, ...]
"""One value a round, None where there is none."""


@dataclass(frozen=True)
class Standing:
    """Models by their average rank over the tasks that all of them were scored on."""

    ranks: dict[str, float]
    """Model → average rank; 1 is best."""
    intervals: dict[str, Interval]
    """Of each average rank, from groups of tasks drawn with replacement."""
    groups: dict[str, tuple[int, int]]
    """Model → the first and last of the groups that it is in, counted from 0, the best.

    Two models share a group if their average ranks differ by less than the critical difference;
    each group is as large as it can be. Empty where there is no such difference.
    """
    critical_difference: float | None
    """Nemenyi's, at 5%; None for a single task."""
    friedman_p: float | None
    tasks: int


def letters(group: tuple[int, int]) -> str:
    """Write the groups of a model: `a`, `b-d`; the letters after z are aa, ab and so on."""
    first, last = (_letter(place) for place in group)
    return first if first == last else f"{first}\N{EN DASH}{last}"


def _letter(place: int) -> str:
    more, rest = divmod(place, 26)
    return (_letter(more - 1) if more else "") + chr(ord("a") + rest)


def stand(
    models: Sequence[str], scores: Sequence[Sequence[float]], metric: str, tables: Sequence[str]
) -> Standing | None:
    """Rank models over tasks and group those that do not differ; see `probes.rankings`.

    Parameters
    ----------
    models
        Two or more; None is returned for fewer, and for no task.
    scores
        Shape (tasks, models).
    metric
        What the scores are.
    tables
        One name per task; the intervals draw tasks of one name together.

    """
    if len(models) < 2 or not scores:  # noqa: PLR2004
        return None
    values = np.array(scores) * (-1 if metric in LOWER_IS_BETTER else 1)
    found = rank_models(values, tables, alpha=ALPHA)
    ranks = dict(zip(models, found.ranks.tolist(), strict=True))
    return Standing(
        ranks,
        dict(zip(models, found.intervals, strict=True)),
        group_ranks(ranks, found.critical_difference),
        found.critical_difference,
        found.friedman_p,
        found.tasks,
    )


def group_ranks(ranks: dict[str, float], difference: float | None) -> dict[str, tuple[int, int]]:
    """Return the groups of `Standing.groups`."""
    if difference is None:
        return {}
    order = sorted(ranks, key=lambda model: (ranks[model], model))
    spans: list[tuple[int, int]] = []
    end = 0
    for start, model in enumerate(order):
        before = end
        while end < len(order) and ranks[order[end]] - ranks[model] < difference:
            end += 1
        if end > before:
            spans.append((start, end))
    members: dict[str, list[int]] = {model: [] for model in order}
    for place, (start, stop) in enumerate(spans):
        for model in order[start:stop]:
            members[model].append(place)
    return {model: (found[0], found[-1]) for model, found in members.items()}


def interval_over(rounds: Rounds, ratio: float, metric: str) -> Interval | None:
    """Return the 95% interval of a mean over rounds (`probes.significance.corrected_mean`).

    None where fewer than two rounds have a value.
    """
    values = [value for value in rounds if value is not None]
    return bounded(metric, corrected_mean(values, ratio).interval) if values else None


def joint(many: Iterable[Rounds]) -> Rounds:
    """Return the mean of several scores round by round; empty unless all have the same rounds.

    The same fold is left out of all tasks of a round, so what they share is not counted twice.
    """
    given = list(many)
    if not given or len({len(one) for one in given}) > 1:
        return ()
    return tuple(
        None if None in at else math.fsum(value for value in at if value is not None) / len(at)
        for at in zip(*given, strict=True)
    )


def mean_ratio(scores: Iterable[Score]) -> float:
    """Return the mean of tested over trained entities, which the interval of a mean needs."""
    found = [score.ratio for score in scores]
    return math.fsum(found) / len(found) if found else 0.0
