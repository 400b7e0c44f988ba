"""Which entity of a task has a vector in which embedding, decided before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.errors import InputError, shorten
from probes.features import ABSENT, Features, locate
from probes.splits import Folds, assign_folds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from extractors.store import Embeddings
    from probes.settings import Settings
    from probes.task_set import TaskData, TaskSet


@dataclass(frozen=True, eq=False)
class Plan:
    """A task with its folds, the same for all models."""

    data: TaskData
    folds: Folds

    @property
    def keys(self) -> list[tuple[str, ...]]:
        """The keys of the entities that take part, sorted."""
        return [self.data.keys[row] for row in self.folds.rows]


@dataclass(frozen=True, eq=False)
class Match:
    """A task seen by one embedding. All rows are those of `plan.folds`."""

    embedding: Embeddings
    plan: Plan
    features: Features
    has_vector: NDArray[np.bool_]
    """Shape (n,): whether this embedding has the entity's vector; for a pair, both."""
    used: NDArray[np.bool_]
    """Shape (n,): `has_vector`, and with `--common` only where all embeddings have one."""
    lacking: tuple[str, ...]
    """Genes or ids of the task that have no vector, sorted; for pairs not the pairs."""

    @property
    def coverage(self) -> float:
        """Share of the task's entities that are used."""
        return float(self.used.mean())


def make_plans(task_set: TaskSet, settings: Settings) -> tuple[list[Plan], dict[str, str]]:
    """Assign the folds of every task; return the plans, and task path → why there is none.

    InputError if a task that was asked for by its own path cannot be split, or none can.
    """
    plans = []
    problems = dict(task_set.problems)
    for given in task_set.tasks:
        data = _shuffled(given, settings.seed) if settings.shuffle_labels else given
        try:
            folds = assign_folds(
                data.task,
                data.keys,
                data.labels,
                folds=settings.folds,
                repeats=settings.repeats,
                seed=settings.seed,
                split=settings.split,
                placement=data.placement,
            )
        except InputError as error:
            if data.named:
                raise
            problems[data.task.path] = str(error)
            continue
        plans.append(Plan(data, folds))
    if not plans:
        message = f"no task to probe: {next(iter(problems.values()))}"
        raise InputError(message)
    return plans, problems


def _shuffled(data: TaskData, seed: int) -> TaskData:
    """Deal the labels of a task out anew, whatever the order of its rows."""
    order = sorted(range(len(data.keys)), key=data.keys.__getitem__)
    labels = data.labels.copy()
    labels[order] = data.labels[
        np.array(order)[np.random.default_rng(seed).permutation(len(order))]
    ]
    return replace(data, labels=labels)


def match_all(
    embeddings: Sequence[Embeddings], plans: Sequence[Plan], settings: Settings
) -> tuple[list[Match], dict[tuple[str, str], str]]:
    """Look up every entity of every task in every embedding.

    Returns
    -------
    The matches, by embedding, and (embedding, task path) → why nothing can be scored there.

    Raises
    ------
    InputError
        No entity of any task has a vector; with `--missing error`, any entity without one.

    """
    indices = [{name: row for row, name in enumerate(one.ids)} for one in embeddings]
    by_plan = []
    for plan in plans:
        keys = plan.keys
        places = [locate(keys, index) for index in indices]
        present = [(place != ABSENT).all(axis=1) for place in places]
        in_all = np.logical_and.reduce(present)
        matches = [
            Match(
                embedding,
                plan,
                Features(embedding.vectors, place, settings.pair),
                has_vector,
                in_all if settings.common else has_vector,
                _lacking(keys, place),
            )
            for embedding, place, has_vector in zip(embeddings, places, present, strict=True)
        ]
        by_plan.append(matches)
    matches = [row[column] for column in range(len(embeddings)) for row in by_plan]
    if settings.missing == "error":
        _refuse_missing(matches)
    _require_overlap(matches)
    usable = [match for match in matches if match.used.any()]
    hopeless = {
        (match.embedding.source, match.plan.data.task.path): _why_none(match)
        for match in matches
        if not match.used.any()
    }
    if not usable:
        raise InputError(next(iter(hopeless.values())))
    return usable, hopeless


def _lacking(keys: list[tuple[str, ...]], places: NDArray[np.intp]) -> tuple[str, ...]:
    absent = places == ABSENT
    rows = np.flatnonzero(absent.any(axis=1))
    names = {
        part for row in rows for part, gone in zip(keys[row], absent[row], strict=True) if gone
    }
    return tuple(sorted(names))


def _refuse_missing(matches: Sequence[Match]) -> None:
    found = [
        f"{match.embedding.source} lacks {len(match.lacking)} of {match.plan.data.task.path}: "
        + shorten(match.lacking)
        for match in matches
        if match.lacking
    ]
    if found:
        message = f"{shorten(found, 3)}; extract them, or leave them out with --missing drop"
        raise InputError(message)


def _require_overlap(matches: Sequence[Match]) -> None:
    """InputError for an embedding that has nothing at all: most likely another kind of name."""
    for embedding in {id(match.embedding): match.embedding for match in matches}.values():
        mine = [match for match in matches if match.embedding is embedding]
        if not any(match.has_vector.any() for match in mine):
            asked = shorten(mine[0].lacking, 3)
            message = (
                f"{embedding.source} has a vector for no entity of the tasks: it has "
                f"{shorten(embedding.ids, 3)}, the tasks ask for {asked}; give both the same names"
            )
            raise InputError(message)


def _why_none(match: Match) -> str:
    name, path = match.embedding.source, match.plan.data.task.path
    if match.has_vector.any():
        return f"no entity of {path} has a vector in all embeddings; drop --common or {name}"
    return f"{name} has a vector for no entity of {path} ({shorten(match.lacking, 3)})"
