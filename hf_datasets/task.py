"""The task model: a task is a typed label column of a table, and its type is the feature's.

=========================  ===========
feature                    task type
=========================  ===========
``ClassLabel(2)``          binary
``ClassLabel(k)``          multi-class
``List(ClassLabel(k))``    multi-label
``Value("float32")``       regression
=========================  ===========

Null: this entity is not in the task. An empty list: it is in it, with no label.
A table has one key: ``symbol``, or ``symbol_a`` and ``symbol_b`` for pairs of genes, or ``symbol``
and ``disease_id`` for a gene with a disease, or ``id_a`` and ``id_b`` for pairs of sequences, or
``id``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, nearest, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = (
    ("symbol_a", "symbol_b"),
    ("symbol", "disease_id"),
    ("symbol",),
    ("id_a", "id_b"),
    ("id",),
)
"""The key columns a table may have; the first set that is there is the table's key."""
INPUT_COLUMNS = ("sequence", "split", "fold", "fold_family")
"""Columns that belong to a task table without being tasks."""


class TaskType(StrEnum):
    """What kind of label a task predicts."""

    BINARY = "binary"
    MULTI_CLASS = "multi-class"
    MULTI_LABEL = "multi-label"
    REGRESSION = "regression"


TYPE_HELP = (
    "a task is ClassLabel (binary, multi-class), List(ClassLabel) (multi-label) "
    "or Value float32 (regression)"
)


@dataclass(frozen=True)
class Task:
    """One typed label column, or one label of it as a derived binary task."""

    dataset: str
    """The dataset as it was named: a short name, a folder or org/name."""
    config: str
    """The table."""
    column: str
    """The label column."""
    type: TaskType
    """What is predicted; binary for a derived task."""
    classes: tuple[str, ...]
    """Names of the classes in label order; empty for a regression."""
    key: tuple[str, ...]
    """The key columns, one of KEYS."""
    label: str | None = None
    """The label that makes a derived binary task, or None for the whole column."""
    parent: TaskType | None = None
    """The type of the column that a derived task is one label of, else None."""

    @property
    def path(self) -> str:
        """The task's name: dataset/config/column, and /label for a derived binary task."""
        parts = [self.dataset, self.config, self.column]
        return "/".join([*parts, self.label] if self.label is not None else parts)

    @property
    def is_pair(self) -> bool:
        """Whether the task is about pairs of entities."""
        return len(self.key) > 1


def feature_type(feature: object) -> tuple[TaskType, tuple[str, ...]] | None:
    """Return the task type and the class names of a `datasets` feature, None if it is no task.

    A class list of fewer than two names is left to the caller to refuse.
    """
    names = _class_names(feature)
    if names is not None:
        return (TaskType.BINARY if len(names) == 2 else TaskType.MULTI_CLASS), names  # noqa: PLR2004
    inner = getattr(feature, "feature", None)
    if inner is not None and (names := _class_names(inner)) is not None:
        return TaskType.MULTI_LABEL, names
    if getattr(feature, "dtype", None) in {"float16", "float32", "float64"}:
        return TaskType.REGRESSION, ()
    return None


def _class_names(feature: object) -> tuple[str, ...] | None:
    """Return the names of a ClassLabel, None for any other feature.

    Told by its class's name, so that `datasets` need not be imported here.
    """
    if type(feature).__name__ != "ClassLabel":
        return None
    return tuple(feature.names)  # type: ignore[attr-defined]


def table_key(columns: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the key columns of a table, None if it has none."""
    return next((key for key in KEYS if all(name in columns for name in key)), None)


def tasks_of_table(dataset: str, config: str, features: Mapping[str, Any]) -> list[Task]:
    """List the tasks of a table: every typed label column, in column order.

    Text columns, keys and the columns of INPUT_COLUMNS are not tasks.
    """
    key = table_key(features)
    if key is None:
        return []
    found = []
    for column, feature in features.items():
        if column not in key and column not in INPUT_COLUMNS and (typed := feature_type(feature)):
            found.append(Task(dataset, config, column, typed[0], typed[1], key))
    return found


def pick_task(
    dataset: str, config: str, features: Mapping[str, Any], column: str, label: str | None
) -> Task:
    """Return the task of one column, or of one label of it.

    InputError for a table without a key, an unknown column or label, and an unsupported type.
    """
    where = f"{dataset}/{config}"
    key = table_key(features)
    if key is None:
        choices = ", or ".join(" + ".join(names) for names in KEYS)
        message = f"{where} has no key column; a task table has {choices}"
        raise InputError(message)
    if column not in features:
        names = [name for name in features if name not in key]
        message = (
            f"no column {column!r} in {where}{nearest(column, names)} columns: {', '.join(names)}"
        )
        raise InputError(message)
    typed = feature_type(features[column])
    if typed is None or column in key:
        message = f"column {column!r} of {where} has type {features[column]}; {TYPE_HELP}"
        raise InputError(message)
    kind, classes = typed
    task = Task(dataset, config, column, kind, classes, key)
    return task if label is None else derived_task(task, label)


def derived_task(task: Task, label: str) -> Task:
    """Return the binary task "has this label" of a multi-label or multi-class task."""
    if label not in task.classes:
        message = (
            f"no label {label!r} in {task.path}{nearest(label, task.classes)} "
            f"labels: {shorten(task.classes, 12) or 'none, it is a regression'}"
        )
        raise InputError(message)
    return Task(
        task.dataset, task.config, task.column, TaskType.BINARY,
        (f"not {label}", label), task.key, label, task.type,
    )  # fmt: skip
