"""Defects of `fold` and `fold_family`, and sequences that lie on both sides of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.checks.report import Finding, SequenceReport, Severity
from hf_datasets.checks.similar import THRESHOLD, pairs_across, similar_sequences
from hf_datasets.checks.tables import SEQUENCES
from hf_datasets.errors import shorten
from hf_datasets.folds import FOLD, FOLD_COLUMNS, FOLD_FAMILY, family_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hf_datasets.checks.columns import LabelColumn, Table

FAMILY = "gene_family"
UNEVEN = 1.5
"""The largest fold may be this many times the smallest."""
ANY_SPLIT = "any split"


def fold_values(table: Table, column: str) -> NDArray[np.int64] | None:
    """Return the fold of every row, -1 for a null; None unless there are whole numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column not in table.features or not pa.types.is_integer(table.arrow[column].type):
        return None
    values: NDArray[np.int64] = pc.fill_null(table.arrow[column], -1).to_numpy().astype(np.int64)
    return values


def check_folds(table: Table, families: dict[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Find folds that are unusable, uneven, or lack a class, and families in two of them.

    `families`: entity → its families, from the inputs.
    """
    for column in (name for name in FOLD_COLUMNS if name in table.features):
        values = fold_values(table, column)
        if values is None:
            message = f"{column} has type {table.arrow[column].type}; folds are whole numbers"
            yield Finding(Severity.ERROR, "no-fold-type", table.where, message)
            continue
        yield from _check_values(table, column, values)
        if values.max(initial=-1) > 0:
            for task in table.tasks:
                yield from _check_task(task, column, values)
        if column == FOLD_FAMILY and families:
            yield from _check_families(table, values, families)
        elif column == FOLD_FAMILY:
            message = f"the inputs have no {FAMILY}, so nobody can tell what {column} keeps apart"
            yield Finding(Severity.NOTE, "no-families", table.where, message)


def _check_values(table: Table, column: str, values: NDArray[np.int64]) -> Iterator[Finding]:
    present = np.unique(values[values >= 0])
    if len(present) < 2:  # noqa: PLR2004
        message = f"{column} has {len(present)} folds; a split needs two"
        yield Finding(Severity.ERROR, "too-few-folds", table.where, message)
        return
    if values.min() < -1 or not np.array_equal(present, np.arange(len(present))):
        message = f"{column} holds {shorten(np.unique(values))}; number the folds from 0 on"
        yield Finding(Severity.ERROR, "fold-numbers", table.where, message)
        return
    outside = int((values < 0).sum())
    if outside:
        message = f"{outside:,} of {len(values):,} rows are in no {column}"
        severity = Severity.NOTE if len(table.gene_columns) > 1 else Severity.WARNING
        yield Finding(severity, "null-fold", table.where, message)
    sizes = np.bincount(values[values >= 0])
    if sizes.max() > UNEVEN * sizes.min():
        message = f"{column} has folds of {sizes.min():,} to {sizes.max():,} rows"
        yield Finding(_severity(column), "uneven-folds", table.where, message)


def _severity(column: str) -> Severity:
    """Families decide where their members go; a random split has no excuse."""
    return Severity.WARNING if column == FOLD else Severity.NOTE


def _check_task(task: LabelColumn, column: str, values: NDArray[np.int64]) -> Iterator[Finding]:
    folds = int(values.max()) + 1
    inside = task.inside & (values >= 0)
    empty = np.flatnonzero(np.bincount(values[inside], minlength=folds) == 0)
    if len(empty):
        message = f"{column} {shorten(empty)} has no entity of this task"
        yield Finding(Severity.WARNING, "empty-fold", task.task.path, message)
        return
    lacking = {}
    for name, members in zip(task.task.classes, task.members, strict=True):
        here = members[inside[members]]
        if len(here) >= folds:
            absent = np.flatnonzero(np.bincount(values[here], minlength=folds) == 0)
            if len(absent):
                lacking[name] = absent
    if lacking:
        named = shorten(f"{name!r} in {shorten(absent)}" for name, absent in lacking.items())
        message = f"{column} lacks classes that have members enough for every fold: {named}"
        yield Finding(_severity(column), "class-missing-in-fold", task.task.path, message)


def _check_families(
    table: Table, values: NDArray[np.int64], families: dict[str, tuple[str, ...]]
) -> Iterator[Finding]:
    seen: dict[str, set[int]] = {}
    for key, fold in zip(table.keys, values.tolist(), strict=True):
        if fold >= 0:
            for at in table.gene_columns:
                for name in families.get(str(key[at]), ()):
                    seen.setdefault(name, set()).add(fold)
    torn = sorted(name for name, folds in seen.items() if len(folds) > 1)
    if torn:
        message = (
            f"{len(torn):,} of {len(seen):,} families lie in more than one {FOLD_FAMILY}: "
            f"{shorten(torn)}"
        )
        yield Finding(Severity.ERROR, "family-across-folds", table.where, message)


def families_of(inputs: Table | None) -> dict[str, tuple[str, ...]]:
    """Return entity → its families, from the `gene_family` column of the inputs."""
    if inputs is None or FAMILY not in inputs.features:
        return {}
    cells = inputs.texts(FAMILY)
    return {str(key[0]): family_names(cell) for key, cell in zip(inputs.keys, cells, strict=True)}


def check_sequences(
    tables: Sequence[Table], inputs: Table | None
) -> tuple[list[SequenceReport], list[Finding]]:
    """Count near-duplicate sequences on both sides of every split."""
    reports: list[SequenceReport] = []
    findings: list[Finding] = []
    for source in tables:
        for name in (name for name in SEQUENCES if name in source.features and source.key):
            users = [source]
            if source is inputs and not source.tasks:
                users += [table for table in tables if table.key == source.key and table.tasks]
            texts = source.texts(name)
            if not any(texts):
                continue
            similar = similar_sequences(texts)
            if not similar.complete:
                message = (
                    f"{name}: k-mers were sampled; similar pairs of short sequences may be missing"
                )
                findings.append(Finding(Severity.NOTE, "sampled", source.where, message))
            at = {key: row for row, key in enumerate(source.keys)}
            splits = [(table, split) for table in users for split in FOLD_COLUMNS
                      if fold_values(table, split) is not None]  # fmt: skip
            for table, split in splits or [(source, ANY_SPLIT)]:
                fold_of = np.arange(len(source.keys), dtype=np.int64)
                if split != ANY_SPLIT:
                    fold_of = _folds_by_row(table, split, at)
                found = pairs_across(similar, fold_of)
                report = SequenceReport(
                    table.where, name, split, found.identical, found.near, found.entities
                )
                reports.append(report)
                if found.entities:
                    pairs = [(source.keys[one], source.keys[two]) for one, two in found.examples]
                    findings.append(_sequence_finding(report, pairs, table))
    return reports, findings


def _folds_by_row(
    table: Table, split: str, at: dict[tuple[str | None, ...], int]
) -> NDArray[np.int64]:
    fold_of = np.full(len(at), -1, dtype=np.int64)
    values = fold_values(table, split)
    for key, fold in zip(table.keys, [] if values is None else values.tolist(), strict=True):
        if key in at:
            fold_of[at[key]] = fold
    return fold_of


def _sequence_finding(
    report: SequenceReport,
    pairs: list[tuple[tuple[str | None, ...], tuple[str | None, ...]]],
    table: Table,
) -> Finding:
    named = shorten(f"{one[0]} and {two[0]}" for one, two in pairs)
    counts = (
        f"{report.near:,} pairs of {report.column} with similarity >= {THRESHOLD} and "
        f"{report.identical:,} identical ones, of {report.entities:,} entities"
    )
    if report.split == ANY_SPLIT:
        message = f"{counts}, would be torn apart by most random splits: {named}"
    else:
        message = f"{counts}, lie in different {report.split}: {named}"
    # What a random split tears apart, the family-disjoint one beside it is there for.
    excused = report.split == FOLD and FOLD_FAMILY in table.features
    severity = Severity.NOTE if excused else Severity.WARNING
    return Finding(severity, "similar-across-folds", report.where, message)
