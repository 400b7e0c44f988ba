"""What a model is good at: against the other models, family by family and task by task."""

from __future__ import annotations

import statistics
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from probes.metrics import LOWER_IS_BETTER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cards.duels import Duels
    from cards.leaderboard import Leaderboard, Mean
    from cards.scores import Score

MOST = 5
"""So many strengths, and so many weaknesses."""


@dataclass(frozen=True)
class Place:
    """One number of a model among those of all models."""

    rank: int
    of: int
    least: float
    median: float
    most: float
    ahead: float | None
    """By how much it is better than the median of the other models; None without others."""


@dataclass(frozen=True)
class Against:
    """A model against another one, over the tasks that both have a score for."""

    model: str
    tasks: int
    higher: int
    """Tasks with a better score."""
    better: int
    """Tasks on which it is significantly better."""
    worse: int
    tested: int
    """Tasks with a test."""
    difference: float
    """Mean difference over the tasks of the leaderboard's first metric; NaN without one."""


class Field:
    """The numbers of all models, sorted once, among which each is placed."""

    def __init__(self, found: Mapping[str, Mean] | Mapping[str, Score], metric: str) -> None:
        self._numbers = {name: one.mean for name, one in found.items() if one.mean is not None}
        self._sorted = sorted(self._numbers.values())
        self._lower_is_better = metric in LOWER_IS_BETTER

    def place(self, model: str) -> Place | None:
        """Place a model's number among all; None without one."""
        if model not in self._numbers:
            return None
        mine, ordered = self._numbers[model], self._sorted
        below, through = bisect_left(ordered, mine), bisect_right(ordered, mine)
        others = self._median_without(below)
        gap = None if others is None else mine - others
        if self._lower_is_better:
            gap = None if gap is None else -gap
            rank = below + 1
        else:
            rank = len(ordered) - through + 1
        least, median, most = ordered[0], statistics.median(ordered), ordered[-1]
        return Place(rank, len(ordered), least, median, most, gap)

    def _median_without(self, place: int) -> float | None:
        """Return the median of all numbers but the one at a place of the sorted ones."""
        count = len(self._sorted) - 1
        if not count:
            return None

        def other(at: int) -> float:
            return self._sorted[at + (at >= place)]

        return (other((count - 1) // 2) + other(count // 2)) / 2


def strengths(
    board: Leaderboard, fields: Sequence[Field], model: str
) -> tuple[list[int], list[int]]:
    """Return the rows on which a model is most ahead of the others' median, and most behind.

    `fields` has one for each row of the board. Only rows of the leaderboard's first metric are
    compared: others have another scale.
    """
    places = [
        (place.ahead, index)
        for index, row in enumerate(board.rows)
        if row.metric == board.metric and row.part_of is None
        and (place := fields[index].place(model)) and place.ahead is not None
    ]  # fmt: skip
    places.sort(key=lambda one: (-one[0], one[1]))
    strong = [index for ahead, index in places[:MOST] if ahead > 0]
    weak = [index for ahead, index in places[::-1][:MOST] if ahead < 0]
    return strong, weak


def against_others(board: Leaderboard, duels: Duels, model: str) -> list[Against]:
    """Compare a model with each other one, in the order of the leaderboard."""
    one = duels.models.index(model)
    main = np.array([row.metric == board.metric for row in board.rows], bool)
    found = []
    for other, name in enumerate(duels.models):
        gaps = duels.difference[:, one, other] * duels.sign
        both = ~np.isnan(gaps)
        if other == one or not both.any():
            continue
        mine = gaps[both & main]
        found.append(
            Against(
                name,
                int(both.sum()),
                int((gaps[both] > 0).sum()),
                int(duels.better[:, one, other].sum()),
                int(duels.better[:, other, one].sum()),
                int(duels.tested[:, one, other].sum()),
                float(mine.mean()) if len(mine) else float("nan"),
            )
        )
    return found
