"""Defects of a whole table: its key, its columns, and whether its entities have inputs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hf_datasets.checks.report import Finding, Severity
from hf_datasets.errors import shorten
from hf_datasets.task import INPUT_COLUMNS, TYPE_HELP, feature_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.checks.columns import Key, Table

MASKED = "description_masked"
TEXTS = ("description", "name", MASKED)
"""Columns of the inputs that a text model reads, the most telling first."""
SEQUENCES = ("protein_sequence", "sequence")
INPUTS = (*TEXTS, *SEQUENCES, "dna_window")
LABEL_LIKE = ("int", "uint", "bool")


def find_inputs(tables: list[Table]) -> Table | None:
    """Return the table of inputs: `genes`, or the first over one key that has an input column."""
    fit = [
        table
        for table in tables
        if len(table.key) == 1 and any(name in table.features for name in INPUTS)
    ]
    return min(fit, key=lambda table: table.config != "genes", default=None)


def check_key(table: Table) -> Iterator[Finding]:
    """Find a missing key, null, empty and duplicate keys, and pairs given twice."""
    if not table.key:
        message = (
            f"no key column among {shorten(table.features)}; "
            "a table has symbol, symbol_a + symbol_b, or id"
        )
        yield Finding(Severity.ERROR, "no-key", table.where, message)
        return
    nameless = sum(any(not (part or "").strip() for part in key) for key in table.keys)
    if nameless:
        message = f"{nameless:,} rows have a null or empty key; name every row"
        yield Finding(Severity.ERROR, "null-key", table.where, message)
    padded = [key for key in table.keys if any(part and part != part.strip() for part in key)]
    if padded:
        message = f"{len(padded):,} keys have white space around them: {_keys(padded)}"
        yield Finding(Severity.ERROR, "padded-key", table.where, message)
    doubled = [key for key, n in Counter(table.keys).items() if n > 1]
    if doubled:
        message = (
            f"{len(doubled):,} keys are there more than once: {_keys(doubled)}; keep one row of "
            "each, and none in two splits"
        )
        yield Finding(Severity.ERROR, "duplicate-key", table.where, message)
    if len(table.gene_columns) > 1:
        yield from _check_pairs(table)


def _check_pairs(table: Table) -> Iterator[Finding]:
    selves = [key for key in table.keys if len(set(key)) == 1]
    if selves:
        message = f"{len(selves):,} pairs are of an entity with itself: {_keys(selves)}"
        yield Finding(Severity.WARNING, "self-pair", table.where, message)
    there = set(table.keys)
    # Both (a, b) and (b, a) are there; each such pair is named once.
    turned = [key for key in there if key[0] != key[1] and key[::-1] in there]
    if turned:
        named = sorted({tuple(sorted(map(str, key))) for key in turned})
        message = (
            f"{len(named):,} pairs are there in both orders: {_keys(named)}; a pair's vector has "
            "no order, so one of them would be tested on the other"
        )
        yield Finding(Severity.WARNING, "turned-pair", table.where, message)


def check_columns(table: Table) -> Iterator[Finding]:
    """Find columns that somebody may have meant as tasks, and tables that hold nothing."""
    ours = {*table.key, *INPUT_COLUMNS}
    for column, feature in table.features.items():
        kind = str(getattr(feature, "dtype", ""))
        if column not in ours and feature_type(feature) is None and kind.startswith(LABEL_LIKE):
            message = f"column {column!r} has type {kind} and is no task; {TYPE_HELP}"
            yield Finding(Severity.NOTE, "no-task-type", table.where, message)
    if not table.tasks and not any(name in table.features for name in INPUTS):
        message = f"neither a task nor an input in it; {TYPE_HELP}"
        yield Finding(Severity.WARNING, "nothing-in-it", table.where, message)
    if not table.arrow.num_rows:
        yield Finding(Severity.ERROR, "empty-table", table.where, "it has no rows")


def check_in_inputs(table: Table, inputs: Table) -> Iterator[Finding]:
    """Find entities of a task table that the inputs lack."""
    known = {key[0] for key in inputs.keys}
    asked = {key[at] for key in table.keys for at in table.gene_columns} - {None}
    lacking = sorted(str(name) for name in asked - known)
    if lacking:
        message = (
            f"{len(lacking):,} of {len(asked):,} entities are not in {inputs.config}, so no model "
            f"can embed them: {shorten(lacking)}"
        )
        yield Finding(Severity.WARNING, "not-in-inputs", table.where, message)


def check_inputs(inputs: Table) -> Iterator[Finding]:
    """Find entities without a text or sequence, and texts that several share."""
    for column in (name for name in INPUTS if name in inputs.features):
        cells = inputs.texts(column)
        without = sum(not (cell or "").strip() for cell in cells)
        if without:
            message = f"{without:,} of {len(cells):,} entities have no {column}"
            yield Finding(Severity.NOTE, "null-input", inputs.where, message)
        repeated = sum(n for cell, n in Counter(cells).items() if n > 1 and cell)
        if repeated and column == "description":
            message = (
                f"{repeated:,} entities share their {column} with another: no text tells them apart"
            )
            yield Finding(Severity.NOTE, "shared-input", inputs.where, message)


def _keys(keys: list[Key] | list[tuple[str, ...]]) -> str:
    return shorten(" + ".join(str(part) for part in key) for key in keys)
