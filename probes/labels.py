"""Reading keys and labels out of the Arrow columns of a task table, and refusing broken ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hf_datasets.errors import InputError, shorten
from hf_datasets.task import Task, TaskType

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_LABEL = -1
"""How `datasets` writes a ClassLabel that is not known; here the same as a null."""
KEY_TYPES = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer)


def entity_keys(where: str, names: tuple[str, ...], table: pa.Table) -> list[tuple[str, ...]]:
    """Return the key of every row.

    InputError naming the table `where`: keys that are null, empty, twice there, or neither text
    nor whole numbers.
    """
    columns = []
    for name in names:
        kind = table[name].type
        if not any(is_type(kind) for is_type in KEY_TYPES):
            message = f"key column {name!r} of {where} has type {kind}; give text"
            raise InputError(message)
        cells = table[name].cast(pa.string()).to_pylist()
        for number, cell in enumerate(cells, 1):
            if cell is None or not cell.strip():
                what = "null" if cell is None else "empty"
                message = f"row {number} of {where} has {what} key {name!r}; name every row"
                raise InputError(message)
        columns.append(cells)
    keys = list(zip(*columns, strict=True))
    if len(set(keys)) < len(keys):
        seen: set[tuple[str, ...]] = set()
        doubled = dict.fromkeys(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        named = shorten(" + ".join(key) for key in doubled)
        message = f"{where} has {len(doubled)} duplicate keys: {named}; keep one row of each"
        raise InputError(message)
    return keys


def task_labels(
    task: Task, classes: tuple[str, ...], column: pa.ChunkedArray
) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Return which rows are in the task, and the labels of those that are.

    `classes` are the column's, of which a derived task is about one. Null, and -1 in a
    ClassLabel column, mean that a row is not in the task; an empty list means that it is, with
    no label. The labels are as in `probes.task_set.TaskData`.

    Raises
    ------
    InputError
        NaN or infinite values; a label outside the classes; a null or -1 inside a list.

    """
    inside: NDArray[np.bool_] = column.is_valid().to_numpy()
    if not classes:
        return inside, _numbers(task, column.drop_null())
    if pa.types.is_nested(column.type):
        labels = _indicators(task, classes, column.drop_null().combine_chunks())
        wanted = labels if task.label is None else labels[:, classes.index(task.label)]
        return inside, wanted if task.label is None else wanted.astype(np.int64)
    indices = pc.fill_null(column, NO_LABEL).to_numpy().astype(np.int64)
    inside = indices != NO_LABEL
    members = indices[inside]
    _require_range(task, members, len(classes))
    if task.label is not None:
        members = (members == classes.index(task.label)).astype(np.int64)
    return inside, members


def _numbers(task: Task, column: pa.ChunkedArray) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    bad = int((~np.isfinite(values)).sum())
    if bad:
        message = (
            f"task {task.path} has {bad} values that are NaN or infinite; "
            "make them null: a null is not in the task"
        )
        raise InputError(message)
    return values


def _indicators(task: Task, classes: tuple[str, ...], lists: pa.Array) -> NDArray[np.bool_]:
    """Turn lists of class indices, none of them null, into a matrix of rows by classes."""
    members = pc.fill_null(pc.list_flatten(lists), NO_LABEL).to_numpy(zero_copy_only=False)
    _require_range(task, members, len(classes))
    labels = np.zeros((len(lists), len(classes)), dtype=np.bool_)
    labels[pc.list_parent_indices(lists).to_numpy(zero_copy_only=False), members] = True
    return labels


def _require_range(task: Task, indices: NDArray[np.int64], classes: int) -> None:
    bad = indices[(indices < 0) | (indices >= classes)]
    if len(bad):
        message = (
            f"task {task.path} has {len(bad)} labels outside its {classes} classes "
            f"(such as {bad[0]}); mend the column or its class names"
        )
        raise InputError(message)


def require_contrast(task: Task, labels: NDArray[Any]) -> None:
    """InputError unless the labels differ somewhere, so that there is something to predict."""
    if not len(labels):
        message = f"task {task.path} has no entities: every label is null; leave it out"
        raise InputError(message)
    if (labels != labels[0]).any():
        return
    if task.type is TaskType.MULTI_LABEL:
        said = "the same labels for all"
    elif task.type is TaskType.REGRESSION:
        said = f"the one value {labels[0]:g} for all"
    else:
        said = f"the one class {task.classes[labels[0]]!r} for all"
    message = f"task {task.path} has {said} {len(labels)} entities; a task needs two classes"
    if task.type is TaskType.REGRESSION:
        message = message.replace("two classes", "values that differ")
    raise InputError(message)
