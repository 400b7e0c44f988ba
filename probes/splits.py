"""Folds: assigned on all entities of a task, before any embedding is looked at.

So all models share them, and an entity without a vector just drops out of its fold. Entities
are sorted by key first: the order of a table's rows changes nothing.
Binary and multi-class tasks are stratified, multi-label tasks and regressions are not. Repeat 0
is scikit-learn's own split with `random_state=seed`, so anybody can make the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from hf_datasets.errors import InputError, shorten
from hf_datasets.task import Task, TaskType
from probes.labels import require_contrast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SPLIT = "random"
"""Name of this way of splitting, for the column `split` of the results."""
STRATIFIED = (TaskType.BINARY, TaskType.MULTI_CLASS)


@dataclass(frozen=True, eq=False)
class Folds:
    """Who is tested when."""

    rows: NDArray[np.intp]
    """Shape (n,): the entities that take part, as rows of the task's data, sorted by key."""
    test_fold: NDArray[np.intp]
    """Shape (repeats, n): the fold in whose test part an entity lies; in the others it trains."""
    left_out: dict[str, int]
    """Class with fewer members than folds → how many entities; they are not in `rows`."""


def assign_folds(
    task: Task,
    keys: Sequence[tuple[str, ...]],
    labels: NDArray[Any],
    *,
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
) -> Folds:
    """Assign every entity of a task to one test fold per repeat.

    Parameters
    ----------
    task, keys, labels
        A task and its data, as in `probes.task_set.TaskData`.
    folds, repeats
        How many folds, and how often.
    seed
        0 to 2**32 - 1; equal seeds give equal folds.

    Raises
    ------
    InputError
        Fewer entities than folds; fewer than two classes with at least `folds` members.

    """
    rows = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)
    left_out: dict[str, int] = {}
    stratified = task.type in STRATIFIED
    if stratified:
        members = np.bincount(labels, minlength=len(task.classes))
        small = (members < folds) & (members > 0)
        left_out = {task.classes[index]: int(members[index]) for index in np.flatnonzero(small)}
        rows = rows[~small[labels[rows]]]
    _require_enough(task, labels, rows, left_out, folds)
    test_fold = np.empty((repeats, len(rows)), dtype=np.intp)
    for repeat in range(repeats):
        splitter = (StratifiedKFold if stratified else KFold)(
            folds, shuffle=True, random_state=fold_seed(seed, repeat)
        )
        parts = splitter.split(rows, labels[rows] if stratified else None)
        for fold, (_, test) in enumerate(parts):
            test_fold[repeat, test] = fold
    return Folds(rows, test_fold, left_out)


def fold_seed(seed: int, repeat: int) -> int:
    """Return the seed of one repeat: `seed` itself for the first, then one derived from both."""
    if repeat == 0:
        return seed
    return int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])


def _require_enough(
    task: Task,
    labels: NDArray[Any],
    rows: NDArray[np.intp],
    left_out: dict[str, int],
    folds: int,
) -> None:
    if len(labels) < folds:
        message = f"task {task.path} has {len(labels)} entities, fewer than {folds} folds"
        raise InputError(message + _fewer(len(labels)))
    if left_out and (not len(rows) or (labels[rows] == labels[rows[0]]).all()):
        counts = shorten(f"{name!r}: {count}" for name, count in left_out.items())
        message = (
            f"task {task.path} has fewer than two classes with {folds} members, "
            f"one for each fold ({counts})"
        )
        enough = np.sort(np.bincount(labels))[-2]
        raise InputError(message + _fewer(int(enough)))
    require_contrast(task, labels)


def _fewer(folds: int) -> str:
    return f"; use --folds {folds}" if folds > 1 else "; leave it out"
