"""Splits: decided on all entities of a task, before any embedding is looked at.

So all models share them, and an entity without a vector just drops out of its fold. Entities
are sorted by key first: the order of a table's rows changes nothing.

=================  ==========================================================================
``random``         Folds at random; binary and multi-class tasks stratified, multi-label tasks
                   (and their labels as tasks of their own) and regressions not. Repeat 0 is
                   scikit-learn's own split with ``random_state=seed``, so anybody can make it.
``family``         The folds of the table's column ``fold_family``: families stay together.
``genes``          For pairs: genes are dealt out to folds. A pair is tested where both its genes
                   are, trains where neither is tested, and otherwise sits out; a pair across two
                   folds is never tested. Other tasks: as ``random``.
``column:NAME``    Words like train, validation and test: that fixed split. Whole numbers from
                   0 on: the folds. Anything else: groups that stay together, dealt out to folds.
``auto``           The table's column ``split`` if it has one with such words, else ``random``.
=================  ==========================================================================

Within a training part, C is chosen on **inner** parts that never touch the test part. With three
folds or more these are the two neighbours of the tested fold, in a ring: outer fold f is
judged on f - 1 and f + 1 by models that saw neither f nor that neighbour, and so each such model
serves two outer folds. With a fixed split it is the validation part.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from hf_datasets.errors import InputError, shorten
from hf_datasets.folds import FOLD_FAMILY, family_folds, seeded_folds
from hf_datasets.task import Task, TaskType
from probes.labels import require_contrast
from probes.settings import COLUMN_SPLIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

STRATIFIED = (TaskType.BINARY, TaskType.MULTI_CLASS)
TEST, TRAIN, VALIDATION = 0, 1, 2
"""The "folds" of a fixed split."""
PARTS = {
    "test": TEST, "train": TRAIN, "training": TRAIN,
    "validation": VALIDATION, "valid": VALIDATION, "val": VALIDATION, "dev": VALIDATION,
}  # fmt: skip
RING = 3
"""So many folds are needed to leave a training part when two of them are kept out."""


@dataclass(frozen=True, eq=False)
class Placement:
    """A column of the task's table that decides the split."""

    column: str
    values: list[Any]
    """One per entity of the task, in its order; None: unknown."""


@dataclass(frozen=True, eq=False)
class Inner:
    """A way of holding part of a training part back."""

    name: tuple[int, ...]
    """Equal for equal training rows, whatever is held back."""
    train: Mask
    held_back: Mask


@dataclass(frozen=True, eq=False)
class Folds:
    """Who is tested when."""

    rows: NDArray[np.intp]
    """Shape (n,): the entities that take part, as rows of the task's data, sorted by key."""
    test_fold: NDArray[np.intp]
    """Shape (repeats, n): the fold in whose test part an entity lies; in the others it trains.
    Of a pair split by genes, the fold of the first gene."""
    left_out: dict[str, int]
    """Class with fewer members than folds → how many entities; they are not in `rows`."""
    split: str = "random"
    """What results call the split."""
    count: int = 5
    """Number of folds: 1 for a fixed split."""
    unplaced: int = 0
    """Entities for which the column of the split says nothing; they are not in `rows`."""
    other_fold: NDArray[np.intp] | None = None
    """Shape (repeats, n): the fold of the second gene, of pairs split by genes."""
    half: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    """Shape (n,): 0 or 1, the inner parts where there are too few folds for a ring."""

    def test(self, repeat: int, fold: int) -> Mask:
        """Return who is tested, shape (n,)."""
        tested: Mask = self.test_fold[repeat] == fold
        return tested if self.other_fold is None else tested & (self.other_fold[repeat] == fold)

    def train(self, repeat: int, *without: int) -> Mask:
        """Return who trains when some folds are kept out, shape (n,)."""
        if self.split == "fixed":
            fixed: Mask = self.test_fold[repeat] == TRAIN
            return fixed
        sides = [self.test_fold[repeat]]
        if self.other_fold is not None:
            sides.append(self.other_fold[repeat])
        trains = np.ones(len(self.rows), dtype=np.bool_)
        for side in sides:
            for fold in without:
                trains &= side != fold
        return trains

    def inner(self, repeat: int, fold: int) -> list[Inner]:
        """Return the ways of holding back part of the training part of a fold."""
        if self.split == "fixed" and (self.test_fold[repeat] == VALIDATION).any():
            return [Inner((), self.train(repeat), self.test_fold[repeat] == VALIDATION)]
        if self.split != "fixed" and self.count >= RING:
            beside = {(fold + 1) % self.count, (fold - 1) % self.count}
            return [
                Inner(
                    (min(fold, one), max(fold, one)),
                    self.train(repeat, fold, one),
                    self.test(repeat, one),
                )
                for one in sorted(beside)
            ]
        trains = self.train(repeat, fold)
        return [
            Inner((fold, half), trains & (self.half != half), trains & (self.half == half))
            for half in (0, 1)
        ]


def assign_folds(
    task: Task,
    keys: Sequence[tuple[str, ...]],
    labels: NDArray[Any],
    *,
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
    split: str = "random",
    placement: Placement | None = None,
) -> Folds:
    """Decide who is tested when.

    Parameters
    ----------
    task, keys, labels
        A task and its data, as in `probes.task_set.TaskData`.
    folds, repeats
        How many folds, and how often; of no effect where a column names the folds.
    seed
        0 to 2**32 - 1; equal seeds give equal folds.
    split, placement
        See the head of this module; a column's values where the split is by one.

    Raises
    ------
    InputError
        Fewer entities than folds; fewer than two classes with at least `folds` members; a
        column that names no training or no test part, or repeats of a split that it fixes.

    """
    rows = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)
    if placement is not None:
        found = _placed(task, keys, rows, placement, folds=folds, repeats=repeats, seed=seed)
        require_contrast(task, labels[found.rows])
    elif split == "genes" and task.is_pair:
        found = _by_genes(task, keys, rows, folds=folds, repeats=repeats, seed=seed)
    else:
        found = _at_random(task, labels, rows, folds=folds, repeats=repeats, seed=seed)
    if found.count >= RING:
        return found
    # Not stratified: then the labels of test rows would have a say in who is held back.
    half = seeded_folds([keys[row] for row in found.rows], None, 2, seed)
    return replace(found, half=half.astype(np.intp))


def _at_random(
    task: Task,
    labels: NDArray[Any],
    rows: NDArray[np.intp],
    *,
    folds: int,
    repeats: int,
    seed: int,
) -> Folds:
    left_out: dict[str, int] = {}
    # A label of a multi-label task has the folds of the whole task, and so the same scores.
    stratified = task.type in STRATIFIED and task.parent is not TaskType.MULTI_LABEL
    if task.type in STRATIFIED:
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
    return Folds(rows, test_fold, left_out, "random", folds)


def _by_genes(
    task: Task,
    keys: Sequence[tuple[str, ...]],
    rows: NDArray[np.intp],
    *,
    folds: int,
    repeats: int,
    seed: int,
) -> Folds:
    genes = sorted({name for key in keys for name in key})
    if len(genes) < folds:
        message = f"task {task.path} has {len(genes)} genes, fewer than {folds} folds"
        raise InputError(message + _fewer(len(genes)))
    ends = np.empty((2, repeats, len(rows)), dtype=np.intp)
    for repeat in range(repeats):
        dealt = seeded_folds(genes, None, folds, fold_seed(seed, repeat)).tolist()
        fold_of = dict(zip(genes, dealt, strict=True))
        for end in (0, 1):
            ends[end, repeat] = [fold_of[keys[row][end]] for row in rows]
    return Folds(rows, ends[0], {}, "genes", folds, other_fold=ends[1])


def _placed(
    task: Task,
    keys: Sequence[tuple[str, ...]],
    rows: NDArray[np.intp],
    placement: Placement,
    *,
    folds: int,
    repeats: int,
    seed: int,
) -> Folds:
    values = [placement.values[row] for row in rows]
    words = {str(one).lower() for one in values if one is not None}
    if words and words <= PARTS.keys():
        return _fixed(task, rows, values, placement.column, repeats)
    name = "family" if placement.column == FOLD_FAMILY else f"{COLUMN_SPLIT}{placement.column}"
    numbers = [one for one in values if one is not None]
    if not all(isinstance(one, int) for one in numbers):
        dealt = [
            family_folds([keys[row] for row in rows], values, folds, fold_seed(seed, repeat))
            for repeat in range(repeats)
        ]
        return Folds(rows, np.array(dealt, dtype=np.intp), {}, name, folds)
    there = sorted(set(numbers))
    if len(there) < 2 or there != list(range(len(there))):  # noqa: PLR2004
        message = (
            f"task {task.path}: column {placement.column!r} says of its entities "
            f"{shorten(there) or 'nothing'}, but folds are numbered 0, 1, … and two at least; "
            "use --split random"
        )
        raise InputError(message)
    _once(placement.column, repeats)
    known = np.array([one is not None for one in values])
    return Folds(
        rows[known], np.array([numbers], dtype=np.intp), {}, name, len(there),
        unplaced=int((~known).sum()),
    )  # fmt: skip


def _fixed(
    task: Task, rows: NDArray[np.intp], values: list[Any], column: str, repeats: int
) -> Folds:
    parts = [None if one is None else PARTS[str(one).lower()] for one in values]
    for part, named in ((TRAIN, "train"), (TEST, "test")):
        if part not in parts:
            message = (
                f"column {column!r} of task {task.path} has no row of the {named} part; "
                "use --split random"
            )
            raise InputError(message)
    _once(column, repeats)
    known = np.array([one is not None for one in parts])
    placed = np.array([[one for one in parts if one is not None]], dtype=np.intp)
    return Folds(rows[known], placed, {}, "fixed", 1, unplaced=int((~known).sum()))


def _once(column: str, repeats: int) -> None:
    if repeats > 1:
        message = f"--repeats {repeats}: column {column!r} fixes the split; use --repeats 1"
        raise InputError(message)


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
