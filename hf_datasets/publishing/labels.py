"""A new task as people have it: a table of symbol and label, read, typed and checked."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hf_datasets.command import say
from hf_datasets.errors import InputError, nearest, shorten
from hf_datasets.publishing.folder import NAME
from hf_datasets.tables import column_names, read_columns
from hf_datasets.task import INPUT_COLUMNS, KEYS, TaskType, table_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import datasets

NO_LABEL = "-"
"""A multi-label cell of an entity that is in the task and has none of the labels."""
NULLS = {"nan", "na", "n/a", "#n/a", "null"}
MOST_CLASSES = 100
"""More distinct texts than these are taken for a class only when told so."""
BINARY = 2
SPREADSHEET_DATE = re.compile(r"\d{1,2}-(Mar|Sep|Dec|Oct|Apr|Feb|Nov)", re.IGNORECASE)


@dataclass(frozen=True)
class LabelTable:
    """A checked task: one row an entity."""

    key: tuple[str, ...]
    column: str
    type: TaskType
    classes: tuple[str, ...]
    columns: dict[str, list[Any]]
    """Key columns, `sequence` for an `id`, and the labels as class numbers or floats."""

    @property
    def entities(self) -> list[str]:
        """All symbols or ids that occur."""
        return sorted({name for column in self.key for name in self.columns[column]})

    @property
    def size(self) -> int:
        """Rows with a label."""
        return sum(value is not None for value in self.columns[self.column])

    def dataset(self) -> datasets.Dataset:
        """Return the table with the feature that is the task's type."""
        from datasets import ClassLabel, Dataset, Features, List, Value

        feature: Any = Value("float32")
        if self.type is not TaskType.REGRESSION:
            feature = ClassLabel(names=list(self.classes))
        if self.type is TaskType.MULTI_LABEL:
            feature = List(feature)
        texts = {name: Value("string") for name in self.columns if name != self.column}
        return Dataset.from_dict(self.columns, Features({**texts, self.column: feature}))


def read_labels(path: Path, column: str | None, kind: TaskType | None) -> LabelTable:
    """Read a table of labels; InputError for whatever would make it a bad task.

    What was inferred (the type) or left out (columns) is said on stderr.
    """
    names = column_names(path)
    key = table_key(dict.fromkeys(names))
    if key is None:
        message = (
            f"{path} has no key column{nearest('symbol', names)} columns: {shorten(names, 12)}; "
            "name one symbol, two symbol_a and symbol_b, or id and sequence"
        )
        raise InputError(message)
    texts = ["sequence"] if key == KEYS[-1] else []
    if texts and "sequence" not in names:
        message = f"{path} has ids and no sequences; add a column `sequence`, or name it symbol"
        raise InputError(message)
    column = column or _only_column(path, [n for n in names if n not in {*key, *INPUT_COLUMNS}])
    _check_column_name(column, key)
    cells: dict[str, list[str | None]] = {name: [] for name in [*key, *texts, column]}
    for batch in read_columns(path, list(cells)):
        for values, more in zip(cells.values(), batch, strict=True):
            values.extend(None if text is None else text.strip() or None for text in more)
    if left := [name for name in names if name not in cells]:
        say(f"columns left out: {shorten(left)}")
    _check_entities(path, {name: cells[name] for name in [*key, *texts]}, key)
    labels = cells[column]
    _check_no_nulls(path, column, labels)
    kind = kind or _infer(path, column, labels)
    values, classes = _convert(f"column {column!r} of {path}", labels, kind)
    if kind is TaskType.MULTI_CLASS and len(classes) == BINARY:
        kind = TaskType.BINARY
    columns = {name: cells[name] for name in [*key, *texts]} | {column: values}
    return LabelTable(key, column, kind, classes, columns)


def _only_column(path: Path, others: list[str]) -> str:
    if len(others) != 1:
        what = f"several columns ({shorten(others, 12)})" if others else "no label column"
        message = f"{path} has {what} beside its key; name the labels with --column"
        raise InputError(message)
    return others[0]


def _check_column_name(column: str, key: tuple[str, ...]) -> None:
    if not NAME.fullmatch(column) or column in {*key, *INPUT_COLUMNS}:
        message = (
            f"{column!r} cannot name a task; rename the column: letters, digits, '_', '.', '-', "
            f"and none of {', '.join([*key, *INPUT_COLUMNS])}"
        )
        raise InputError(message)


def _check_entities(path: Path, cells: dict[str, list[Any]], key: tuple[str, ...]) -> None:
    for name, values in cells.items():
        if not values:
            message = f"{path} has no rows; give at least two labelled ones"
            raise InputError(message)
        empty = [str(row) for row, value in enumerate(values, 1) if value is None]
        if empty:
            rows = f"{len(empty)} rows without {name} (row {shorten(empty)})"
            message = f"{path} has {rows}; fill or remove them"
            raise InputError(message)
    counts = Counter(zip(*(cells[name] for name in key), strict=True))
    doubled = [" + ".join(names) for names, count in counts.items() if count > 1]
    if doubled:
        message = (
            f"{path} has {len(doubled)} of its {' + '.join(key)} more than once: "
            f"{shorten(doubled)}; keep one row each"
        )
        raise InputError(message)


def _check_no_nulls(path: Path, column: str, labels: list[str | None]) -> None:
    odd = [text for text in labels if text is not None and text.lower() in NULLS]
    if odd:
        message = (
            f"column {column!r} of {path} has {len(odd)} labels {odd[0]!r}; "
            "leave a cell empty where the entity is not in the task"
        )
        raise InputError(message)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _infer(path: Path, column: str, labels: list[str | None]) -> TaskType:
    """Guess the type from the values, and say so."""
    found = Counter(text for text in labels if text is not None)
    if any("|" in text for text in found):
        kind, why = TaskType.MULTI_LABEL, "cells hold labels separated by |"
    elif len(found) <= BINARY:
        kind, why = TaskType.BINARY, f"{len(found)} values"
    elif all(map(_is_number, found)):
        kind, why = TaskType.REGRESSION, f"{len(found)} values, all numbers"
    elif len(found) <= MOST_CLASSES and 2 * len(found) <= found.total():
        kind, why = TaskType.MULTI_CLASS, f"{len(found)} values"
    else:
        message = (
            f"column {column!r} of {path} has {len(found)} different texts in {found.total()} "
            "labels: no task type fits; name the labels with --column or the type with --type"
        )
        raise InputError(message)
    say(f"column {column!r} is taken as {kind.value} ({why}); --type overrides")
    return kind


def _convert(
    where: str, labels: list[str | None], kind: TaskType
) -> tuple[list[Any], tuple[str, ...]]:
    """Return the labels as numbers, and the class names in their order."""
    if kind is TaskType.REGRESSION:
        return _numbers(where, labels), ()
    cells: list[list[str] | None] = [None if text is None else [text] for text in labels]
    if kind is TaskType.MULTI_LABEL:
        cells = [None if text is None else _split(where, text) for text in labels]
    classes = ordered({label for cell in cells if cell for label in cell})
    if len(classes) < BINARY:
        has = f"one class only ({classes[0]})" if classes else "no labels"
        message = f"{where} has {has}; a task needs two, the genes without the property included"
        raise InputError(message)
    if kind is TaskType.BINARY and len(classes) != BINARY:
        message = (
            f"{where} has {len(classes)} classes ({shorten(classes)}), binary needs two; "
            "give --type multi-class"
        )
        raise InputError(message)
    place = {label: number for number, label in enumerate(classes)}
    numbers = [None if cell is None else [place[label] for label in cell] for cell in cells]
    if kind is TaskType.MULTI_LABEL:
        return numbers, classes
    return [None if cell is None else cell[0] for cell in numbers], classes


def _numbers(where: str, labels: list[str | None]) -> list[float | None]:
    odd = [text for text in labels if text is not None and not _is_number(text)]
    if odd:
        message = f"{where} has {len(odd)} labels that are no numbers: {shorten(odd)}; mend them"
        raise InputError(message)
    numbers = [None if text is None else float(text) for text in labels]
    if len({number for number in numbers if number is not None}) < BINARY:
        message = f"{where} has one value only; a regression needs several"
        raise InputError(message)
    return numbers


def _split(where: str, text: str) -> list[str]:
    if text == NO_LABEL:
        return []
    pieces = list(dict.fromkeys(piece.strip() for piece in text.split("|")))
    if "" in pieces:
        message = f"{where} has an empty label in {text!r}; for no label at all write {NO_LABEL}"
        raise InputError(message)
    return pieces


def ordered(classes: Iterable[str]) -> tuple[str, ...]:
    """Sort class names: numbers by size, and of two, the one that says no first."""
    names = sorted(classes)
    if all(map(_is_number, names)):
        names.sort(key=float)
    names.sort(key=lambda name: not re.match(r"non?[ _-]|not[ _-]", name, re.IGNORECASE))
    return tuple(names)
