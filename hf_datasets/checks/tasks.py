"""Defects of single tasks, and tasks that repeat or contradict each other."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.checks.report import Finding, Range, Severity
from hf_datasets.errors import shorten
from hf_datasets.folds import N_FOLDS
from hf_datasets.phrases import is_yes_no, task_claims
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hf_datasets.checks.columns import Key, LabelColumn, Table

FAR = 10
"""A value is an outlier beyond this many interquartile ranges from the quartiles."""
AGREE = 0.95
"""Two sources that agree on fewer shared entities than this get a warning, not a note."""


def value_range(column: LabelColumn) -> Range | None:
    """Return least, median and most of the finite values; None for classes or without values."""
    finite = column.values[np.isfinite(column.values)]
    if not len(finite):
        return None
    return Range(float(finite.min()), float(np.median(finite)), float(finite.max()))


def check_task(column: LabelColumn) -> Iterator[Finding]:
    """Find what keeps a task from being learnt or scored."""
    path = column.task.path
    if not column.n:
        message = "every label is null; leave the column out"
        yield Finding(Severity.ERROR, "empty-task", path, message)
        return
    if column.broken:
        message = (
            f"{column.broken:,} labels are outside the {len(column.task.classes)} classes, or null "
            "inside a list"
        )
        yield Finding(Severity.ERROR, "broken-label", path, message)
    if column.task.type is TaskType.REGRESSION:
        yield from _check_values(column)
    else:
        yield from _check_classes(column)


def _check_values(column: LabelColumn) -> Iterator[Finding]:
    path, finite = column.task.path, column.values[np.isfinite(column.values)]
    if bad := len(column.values) - len(finite):
        message = f"{bad:,} values are NaN or infinite; make them null: a null is not in the task"
        yield Finding(Severity.ERROR, "not-a-number", path, message)
    if len(finite) and (finite == finite[0]).all():
        message = f"every value is {finite[0]:g}: nothing to predict"
        yield Finding(Severity.ERROR, "constant-task", path, message)
        return
    if len(finite) < 2 * N_FOLDS:
        message = f"only {len(finite)} values, for {N_FOLDS} folds"
        yield Finding(Severity.ERROR, "too-small", path, message)
        return
    low, high = np.percentile(finite, [25, 75])
    reach = FAR * (high - low)
    outliers = finite[(finite < low - reach) | (finite > high + reach)] if reach else finite[:0]
    if len(outliers):
        worst = outliers[np.abs(outliers - np.median(finite)).argmax()]
        message = (
            f"{len(outliers):,} values lie far from the rest (such as {worst:g}; half of all "
            f"between {low:g} and {high:g}): squared errors will be theirs"
        )
        yield Finding(Severity.NOTE, "outliers", path, message)


def _check_classes(column: LabelColumn) -> Iterator[Finding]:
    path, sizes = column.task.path, column.sizes
    single = column.task.type is not TaskType.MULTI_LABEL
    full = [name for name, size in sizes.items() if size == column.n]
    if full and single:
        message = f"all {column.n:,} entities are {full[0]!r}: nothing to predict"
        yield Finding(Severity.ERROR, "constant-task", path, message)
        return
    enough = sum(N_FOLDS <= size <= column.n - (0 if single else 1) for size in sizes.values())
    if enough < (2 if single else 1):
        message = f"too few classes with {N_FOLDS} members, one for each fold"
        yield Finding(Severity.ERROR, "too-small", path, message)
        return
    if full:
        message = f"all entities have the labels {shorten(map(repr, full))}"
        yield Finding(Severity.WARNING, "constant-label", path, message)
    if unused := [name for name, size in sizes.items() if not size]:
        message = f"{len(unused)} classes have no entity: {shorten(map(repr, unused))}"
        yield Finding(Severity.WARNING, "unused-class", path, message)
    if tiny := {name: size for name, size in sizes.items() if 0 < size < N_FOLDS}:
        named = shorten(f"{name!r}: {size}" for name, size in tiny.items())
        message = (
            f"{len(tiny)} classes have fewer than {N_FOLDS} members and cannot be in every fold: "
            f"{named}"
        )
        yield Finding(Severity.WARNING, "tiny-class", path, message)
    if 2 * column.empty > column.n:
        message = f"{column.empty:,} of {column.n:,} entities have no label"
        yield Finding(Severity.NOTE, "mostly-empty", path, message)


def check_repeats(tables: Sequence[Table]) -> Iterator[Finding]:
    """Find tasks that say the same about the same entities, up to the names of the classes."""
    same: dict[bytes, list[str]] = defaultdict(list)
    for table in tables:
        order = sorted(range(len(table.keys)), key=lambda row: str(table.keys[row]))
        sorted_rows = np.array(order, dtype=np.intp)
        for column in table.tasks:
            same[_digest(table, column, sorted_rows)].append(column.task.path)
    for first, *others in same.values():
        for other in others:
            message = f"the same entities and labels as {first}; keep one"
            yield Finding(Severity.WARNING, "repeated-task", other, message)


def _digest(table: Table, column: LabelColumn, rows: NDArray[np.intp]) -> bytes:
    rows = rows[column.inside[rows]]
    total = hashlib.sha256(repr([table.keys[row] for row in rows]).encode())
    place = np.empty(len(column.inside), dtype=np.int64)
    place[rows] = np.arange(len(rows))
    if column.task.type is TaskType.REGRESSION:
        values = np.empty(len(column.inside))
        values[column.inside] = column.values
        total.update(values[rows].tobytes())
        return total.digest()
    # A class is the set of its entities: two tasks with the same sets differ in names only.
    for members in sorted(
        np.sort(place[group]).tobytes() for group in column.members if len(group)
    ):
        total.update(hashlib.sha256(members).digest())
    return total.digest()


def check_conflicts(tables: Sequence[Table]) -> Iterator[Finding]:
    """Find sources that contradict each other about the same property.

    Two columns claim one property if they have the same name in two tables, or if one is a
    yes/no column and its words are those of a label of the other.
    """
    columns = [(table, column) for table in tables for column in table.tasks]
    for (table, column), (other_table, other) in combinations(columns, 2):
        if table.key == other_table.key and column.task.column == other.task.column:
            yield from _compare(
                _plain(table, column), _plain(other_table, other), column, other, "same column name"
            )
    asked = {
        phrase: (table, column)
        for table, column in columns
        if is_yes_no(column.task)
        for claim in task_claims(column.task)
        for phrase in claim.phrases
    }
    for other_table, other in columns:
        for claim in task_claims(other.task):
            found = [asked[phrase] for phrase in claim.phrases if phrase in asked]
            for table, column in found[:1]:
                if is_yes_no(other.task) or table.key != other_table.key:
                    continue
                yes = _has(table, column, task_claims(column.task)[0].index)
                has = _has(other_table, other, claim.index)
                if other.task.type is not TaskType.MULTI_LABEL:
                    # One class excludes the others: only those who have this one say anything.
                    has = {key: value for key, value in has.items() if value}
                yield from _compare(yes, has, column, other, f"label {claim.label!r}")


def _plain(table: Table, column: LabelColumn) -> dict[Key, object]:
    """Return key → value or set of label names."""
    rows = np.flatnonzero(column.inside)
    if column.task.type is TaskType.REGRESSION:
        return {table.keys[row]: value for row, value in zip(rows, column.values, strict=True)}
    named: dict[Key, set[str]] = {table.keys[row]: set() for row in rows}
    for name, members in zip(column.task.classes, column.members, strict=True):
        for row in members:
            named[table.keys[row]].add(name)
    return dict(named)


def _has(table: Table, column: LabelColumn, index: int) -> dict[Key, object]:
    """Return key → whether it has one class."""
    members = set(column.members[index].tolist())
    return {table.keys[row]: row in members for row in np.flatnonzero(column.inside).tolist()}


def _compare(
    ours: dict[Key, object],
    theirs: dict[Key, object],
    column: LabelColumn,
    other: LabelColumn,
    why: str,
) -> Iterator[Finding]:
    shared = ours.keys() & theirs.keys()
    apart = sorted(str(" + ".join(map(str, key))) for key in shared if ours[key] != theirs[key])
    if apart:
        severe = len(apart) > (1 - AGREE) * len(shared)
        message = (
            f"disagrees with {other.task.path} ({why}) on {len(apart):,} of {len(shared):,} shared "
            f"entities: {shorten(apart)}"
        )
        severity = Severity.WARNING if severe else Severity.NOTE
        yield Finding(severity, "conflict", column.task.path, message)
