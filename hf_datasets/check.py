"""`check_dataset` tells whether a dataset is fit to publish, and what its readers should know.

It opens any dataset of DESIGN's shape (a folder, a short name, a repository of the Hub), reads
every table once, and reports on every task: sizes, nulls, repeats and contradictions, folds,
near-duplicate sequences across them, and labels that the texts say in plain words.

An error is what makes a dataset wrong or a task unusable; a warning is what would make a score
misleading; a note explains.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.checks.columns import read_table
from hf_datasets.checks.report import Finding, Report, Severity, TaskReport
from hf_datasets.checks.splits import check_folds, check_sequences, families_of
from hf_datasets.checks.tables import (
    MASKED,
    TEXTS,
    check_columns,
    check_in_inputs,
    check_inputs,
    check_key,
    find_inputs,
)
from hf_datasets.checks.tasks import check_conflicts, check_repeats, check_task, value_range
from hf_datasets.errors import InputError
from hf_datasets.folds import FOLD_COLUMNS
from hf_datasets.leakage import TaskLeak, TextIndex, task_leak
from hf_datasets.reference import open_dataset, parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from hf_datasets.checks.columns import LabelColumn, Table
    from hf_datasets.phrases import Phrase

LEAK_AUROC = 0.6
"""A label whose mere mention scores this much is a leak to be warned of."""


def check_dataset(root: str | Path) -> Report:
    """Check a dataset and return all that was found.

    `root` is a folder, a registered short name or `org/name[@revision]` on the Hub. Nothing is
    written but what `datasets` caches.

    Raises
    ------
    InputError
        No such dataset, or files that cannot be read; a path to a table or task in it.

    """
    reference = parse_reference(str(root).rstrip("/") or str(root))
    if reference.parts:
        message = f"{root} is a part of {reference.name}; a dataset is checked as a whole"
        raise InputError(message)
    opened = open_dataset(reference)
    tables = [read_table(opened.name, config, opened.table(config)) for config in opened.configs()]
    inputs = find_inputs(tables)
    leaks = dict(_leaks(tables, inputs))
    sequences, similar = check_sequences(tables, inputs)
    tasks = [column for table in tables for column in table.tasks]
    findings = [*_findings(opened.name, tables, inputs), *similar, *_leak_findings(leaks)]
    severities = list(Severity)
    return Report(
        dataset=opened.name,
        revision=opened.revision,
        rows={table.config: table.arrow.num_rows for table in tables},
        tasks=tuple(_task_report(column, leaks.get(column.task.path, ())) for column in tasks),
        sequences=tuple(sequences),
        findings=tuple(sorted(findings, key=lambda one: severities.index(one.severity))),
    )


def _task_report(column: LabelColumn, leaks: tuple[TaskLeak, ...]) -> TaskReport:
    return TaskReport(
        path=column.task.path,
        type=column.task.type.value,
        n=column.n,
        nulls=len(column.inside) - column.n,
        empty=column.empty,
        classes=column.sizes,
        range=value_range(column),
        leaks=leaks,
    )


def _findings(name: str, tables: list[Table], inputs: Table | None) -> Iterator[Finding]:
    families = families_of(inputs)
    for table in tables:
        yield from check_key(table)
        yield from check_columns(table)
        for column in table.tasks:
            yield from check_task(column)
        yield from check_folds(table, families)
        if inputs is not None and table is not inputs and inputs.key[0] != "id":
            yield from check_in_inputs(table, inputs)
    if inputs is not None:
        yield from check_inputs(inputs)
    yield from check_repeats(tables)
    yield from check_conflicts(tables)
    if not any(table.tasks for table in tables):
        yield Finding(Severity.ERROR, "no-task", name, "no table has a task")
    elif not any(column in table.features for table in tables for column in FOLD_COLUMNS):
        message = "no table has a column fold or fold_family; every reader splits as they like"
        yield Finding(Severity.NOTE, "no-folds", name, message)


def _leaks(tables: list[Table], inputs: Table | None) -> Iterator[tuple[str, tuple[TaskLeak, ...]]]:
    """Yield for every task its leakage through each text column of the inputs."""
    if inputs is None:
        return
    at = {key[0]: row for row, key in enumerate(inputs.keys)}
    columns = [name for name in TEXTS if name in inputs.features]
    readers = {name: _Reader(inputs.texts(name)) for name in columns}
    for table in tables:
        parts = [[at.get(key[part], -1) for key in table.keys] for part in table.gene_columns]
        rows = np.array(parts, dtype=np.intp).reshape(len(parts), len(table.keys))
        for column in table.tasks if parts else ():
            found = [
                task_leak(name, column, partial(reader.named, rows), reader.has_text(rows))
                for name, reader in readers.items()
            ]
            yield column.task.path, tuple(leak for leak in found if leak is not None)


class _Reader:
    """One text column: which rows of a table have a text, and whose text names what."""

    def __init__(self, texts: list[str | None]) -> None:
        index = TextIndex(texts)
        # One more at the end, for the row -1: an entity that the inputs lack.
        self._has = np.array([*(bool(text and text.strip()) for text in texts), False])
        self._named = lru_cache(maxsize=None)(
            lambda phrases: np.append(index.named(phrases), False)
        )

    def has_text(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return whether any entity of a row has a text; `rows` is (entities, rows)."""
        return np.asarray(self._has[rows].any(axis=0))

    def named(self, rows: NDArray[np.intp], phrases: tuple[Phrase, ...]) -> NDArray[np.bool_]:
        """Return whether the text of any entity of a row names one of the phrases."""
        return np.asarray(self._named(phrases)[rows].any(axis=0))


def _leak_findings(leaks: dict[str, tuple[TaskLeak, ...]]) -> Iterator[Finding]:
    for path, of_task in leaks.items():
        for at, leak in enumerate(of_task):
            worst = leak.worst
            named = [one.label for one in leak.labels if one.positive or one.negative]
            if leak.text == MASKED:
                if named:
                    message = f"{MASKED} still names {len(named)} labels, such as {named[0]!r}"
                    yield Finding(Severity.ERROR, "mask-leaks", path, message)
            elif at == 0 and worst is not None and worst.auroc >= LEAK_AUROC:
                # The name is part of the description: one warning is enough.
                more = sum(one.auroc >= LEAK_AUROC for one in leak.large) - 1
                others = f" ({more} more labels likewise)" if more else ""
                message = (
                    f"{leak.text} says {worst.label!r} in plain words for {worst.positive:.0%} of "
                    f"{worst.n_positive:,} positives and {worst.negative:.0%} of the others: "
                    f"AUROC {worst.auroc:.2f} for reading alone{others}; "
                    f"probe text models on {MASKED} too"
                )
                yield Finding(Severity.WARNING, "leak", path, message)
