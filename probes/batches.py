"""Which tasks are solved together: those about the same genes, or nearly, and their labels.

A matrix product over n rows and c columns takes about n (c + NARROW) time, so few columns cost as
much as NARROW more. Tasks are joined where that pays for the rows that not all of them have.
A label of a multi-label task that is itself a task has its folds, and takes its scores from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.task import TaskType
from probes.rounds import Trial

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from probes.matching import Match
    from probes.settings import Settings

    Places = NDArray[np.intp]

NARROW = 27
"""Measured on two processors with OpenBLAS, for 5 to 300 columns."""
MOST_COLUMNS = 1536
"""Tasks are joined up to so many: what a kill can lose, and what one core has to do."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Tasks of one embedding that share a design."""

    trials: tuple[Trial, ...]
    followers: dict[int, list[tuple[Trial, int]]] = field(default_factory=dict)
    """Place of a multi-label task in `trials` → its labels that are tasks, and their columns."""

    @property
    def members(self) -> list[Trial]:
        """All tasks of the batch."""
        more = [trial for found in self.followers.values() for trial, _ in found]
        return [*self.trials, *more]


@dataclass
class _Group:
    """Tasks that may be joined with others."""

    trials: list[Trial]
    rows: NDArray[np.bool_]
    """Over the entities of the embedding: whose vectors are needed."""
    columns: int

    @property
    def cost(self) -> float:
        return float(self.rows.sum()) * (self.columns + NARROW)


def make_batches(matches: Sequence[Match], settings: Settings) -> list[Batch]:
    """Group the tasks of one embedding; every match is in one batch."""
    trials = [Trial(match, settings) for match in matches]
    if settings.probe != "linear" or settings.protocol == "paper":
        return [Batch((trial,)) for trial in trials]
    leaders, follows = _lead(trials, settings)
    alone = [one for one in leaders if one.task.is_pair or one.task.type is TaskType.REGRESSION]
    joined = _join(one for one in leaders if one not in alone)
    batches = [Batch(tuple(group.trials)) for group in joined] + [Batch((one,)) for one in alone]
    return [
        replace(
            batch,
            followers={
                at: follows[id(one)] for at, one in enumerate(batch.trials) if id(one) in follows
            },
        )
        for batch in batches
    ]


def _lead(
    trials: Sequence[Trial], settings: Settings
) -> tuple[list[Trial], dict[int, list[tuple[Trial, int]]]]:
    """Tell the tasks to be solved from those whose scores are a column of another's."""
    whole = {
        (one.task.dataset, one.task.config, one.task.column): one
        for one in trials
        if one.task.type is TaskType.MULTI_LABEL
    }
    leaders: list[Trial] = []
    follows: dict[int, list[tuple[Trial, int]]] = {}
    for one in trials:
        task = one.task
        leader = whole.get((task.dataset, task.config, task.column)) if task.label else None
        # Wrong labels are drawn for each task by itself.
        if leader is None or task.label is None or settings.label_noise or not _alike(one, leader):
            leaders.append(one)
        else:
            column = leader.task.classes.index(task.label)
            follows.setdefault(id(leader), []).append((one, column))
    return leaders, follows


def _alike(one: Trial, leader: Trial) -> bool:
    """Whether two tasks have the same entities in the same folds."""
    mine, its = one.match.plan.folds, leader.match.plan.folds
    return np.array_equal(mine.rows, its.rows) and np.array_equal(mine.test_fold, its.test_fold)


def _join(trials: Iterable[Trial]) -> list[_Group]:
    """Join tasks where that saves time: the large first, each with whom it goes best."""
    groups: list[_Group] = []
    for trial in sorted(trials, key=lambda one: (-int(one.match.used.sum()), one.task.path)):
        one = _Group([trial], _needed(trial), _columns(trial))
        saved = [_saved(one, other) for other in groups]
        best = int(np.argmax(saved)) if saved else 0
        if saved and saved[best] > 0:
            other = groups[best]
            other.trials.append(trial)
            other.rows |= one.rows
            other.columns += one.columns
        else:
            groups.append(one)
    return groups


def _saved(one: _Group, other: _Group) -> float:
    if one.columns + other.columns > MOST_COLUMNS:
        return 0.0
    together = _Group([], one.rows | other.rows, one.columns + other.columns)
    return one.cost + other.cost - together.cost


def _needed(trial: Trial) -> NDArray[np.bool_]:
    match = trial.match
    rows = np.zeros(len(match.embedding.ids), dtype=np.bool_)
    rows[match.features.places[match.used, 0]] = True
    return rows


def _columns(trial: Trial) -> int:
    labels = max(1, len(trial.task.classes))
    return trial.count * (1 if trial.task.type is TaskType.BINARY else labels)
