"""Reading keys and labels of a table as they are, broken ones too, for looking at them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.errors import InputError
from hf_datasets.task import TaskType, table_key, tasks_of_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from hf_datasets.task import Task

Key = tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class LabelColumn:
    """The labels of one task; rows are those of its table."""

    task: Task
    inside: NDArray[np.bool_]
    """Shape (rows,): who is in the task, that is, whose label is not null."""
    members: tuple[NDArray[np.intp], ...] = ()
    """Per class, the rows that have it, ascending; empty for a regression."""
    values: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Regression: the labels of the rows inside, in their order."""
    empty: int = 0
    """Multi-label: how many entities have no label."""
    broken: int = 0
    """Labels outside the classes, or null inside a list; they are in no class."""

    @property
    def n(self) -> int:
        """How many entities are in the task."""
        return int(self.inside.sum())

    @property
    def sizes(self) -> dict[str, int]:
        """Class → how many have it, in label order."""
        return {name: len(rows) for name, rows in zip(self.task.classes, self.members, strict=True)}


@dataclass(frozen=True, eq=False)
class Table:
    """One config, with the columns that a check looks at."""

    dataset: str
    config: str
    key: tuple[str, ...]
    """The key columns; empty if the table has none."""
    keys: list[Key]
    """The key of every row, as text."""
    features: Mapping[str, Any]
    """Column → `datasets` feature."""
    arrow: pa.Table
    tasks: tuple[LabelColumn, ...]

    @property
    def where(self) -> str:
        """The table's path."""
        return f"{self.dataset}/{self.config}"

    @property
    def gene_columns(self) -> list[int]:
        """Which parts of the key name a gene or another entity with inputs."""
        return [at for at, name in enumerate(self.key) if name == "id" or name.startswith("symbol")]

    @property
    def is_pair(self) -> bool:
        """Whether a row is about more than one entity."""
        return len(self.key) > 1

    def texts(self, column: str) -> list[Any]:
        """Return a column as Python values, None for a null."""
        values: list[Any] = self.arrow[column].to_pylist()
        return values


def read_table(dataset: str, config: str, table: Any) -> Table:  # noqa: ANN401  datasets.Dataset
    """Read one table of a dataset; InputError if its key is neither text nor whole numbers."""
    import pyarrow as pa

    arrow = table.with_format("arrow")[:]
    features = dict(table.features)
    key = table_key(features) or ()
    for name in key:
        kind = arrow[name].type
        if not (pa.types.is_integer(kind) or kind in {pa.string(), pa.large_string()}):
            message = f"key column {name!r} of {dataset}/{config} has type {kind}; give text"
            raise InputError(message)
    columns = [arrow[name].cast(pa.string()).to_pylist() for name in key]
    tasks = tasks_of_table(dataset, config, features)
    return Table(
        dataset=dataset,
        config=config,
        key=key,
        keys=list(zip(*columns, strict=True)),
        features=features,
        arrow=arrow,
        tasks=tuple(read_labels(task, arrow[task.column]) for task in tasks),
    )


def read_labels(task: Task, column: pa.ChunkedArray) -> LabelColumn:
    """Return the labels of a task from its Arrow column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    inside: NDArray[np.bool_] = column.is_valid().to_numpy()
    if task.type is TaskType.REGRESSION:
        values = column.drop_null().cast(pa.float64()).to_numpy()
        return LabelColumn(task, inside, values=values)
    if task.type is not TaskType.MULTI_LABEL:
        indices = pc.fill_null(column, -1).to_numpy().astype(np.int64)
        # -1 is how `datasets` writes a ClassLabel that is not known: the same as a null.
        inside = indices != -1
        rows = np.flatnonzero(inside)
        members, broken = _members(rows, indices[inside], len(task.classes))
        return LabelColumn(task, inside, members, broken=broken)
    lists = column.drop_null().combine_chunks()
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    indices = pc.fill_null(pc.list_flatten(lists), -1).to_numpy(zero_copy_only=False)
    rows = np.repeat(np.flatnonzero(inside), lengths)
    members, broken = _members(rows, indices.astype(np.int64), len(task.classes))
    return LabelColumn(task, inside, members, empty=int((lengths == 0).sum()), broken=broken)


def _members(
    rows: NDArray[np.intp], indices: NDArray[np.int64], classes: int
) -> tuple[tuple[NDArray[np.intp], ...], int]:
    """Group rows by class; return them, each row once per class, and how many fit no class."""
    fits = (indices >= 0) & (indices < classes)
    order = np.lexsort((rows[fits], indices[fits]))
    ends = np.searchsorted(indices[fits][order], np.arange(classes), side="right")
    # Not up to the last end, after which nothing is left.
    grouped = np.split(rows[fits][order], ends[:-1])
    return tuple(np.unique(group) for group in grouped), int((~fits).sum())
