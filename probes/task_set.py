"""From dataset paths to tasks with their data: who is in each task, and with which label.

A path names a whole dataset (all label columns of all its tables), a table, a column, or one
label of a column, which is a derived binary task (see `hf_datasets.reference` for the grammar).
A task that was asked for by its own path and cannot be probed is an error; one that was met
while expanding a dataset or a table is reported and the others are done.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, nearest, shorten
from hf_datasets.folds import FOLD_FAMILY
from hf_datasets.reference import OpenedDataset, Reference, open_dataset, parse_reference
from hf_datasets.task import (
    INPUT_COLUMNS,
    TYPE_HELP,
    Task,
    TaskType,
    derived_task,
    feature_type,
    pick_task,
    table_key,
    tasks_of_table,
)
from probes.labels import entity_keys, require_contrast, task_labels
from probes.settings import COLUMN_SPLIT
from probes.splits import PARTS, Placement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

LABEL_LIKE = ("int", "uint", "bool")
"""Columns of these types are no tasks, but somebody may have meant them to be."""


@dataclass(frozen=True, eq=False)
class TaskData:
    """A task with the entities that are in it, in the order of the table."""

    task: Task
    revision: str
    """Revision of the dataset."""
    keys: list[tuple[str, ...]]
    """One key per entity: (symbol,), (symbol_a, symbol_b) or (id,); each once."""
    labels: NDArray[Any]
    """Binary and multi-class: int64 (n,), an index into `task.classes`. Multi-label: bool
    (n, classes). Regression: float64 (n,), finite."""
    named: bool = False
    """Whether it was asked for by its own path, so that a problem with it is an error."""
    placement: Placement | None = None
    """The column that decides the split, if there is one."""


@dataclass(frozen=True)
class TaskSet:
    """What `--tasks` stands for."""

    tasks: list[TaskData]
    """Each task once, in the order in which it was first mentioned."""
    problems: dict[str, str] = field(default_factory=dict)
    """Path of a task that was left out → why."""
    notes: list[str] = field(default_factory=list)
    """Remarks for the user, a line each."""


def load_tasks(specs: Sequence[str], *, derived: bool = False, split: str = "auto") -> TaskSet:
    """Resolve dataset paths and read their tasks.

    Parameters
    ----------
    specs
        Dataset paths: local folders, short names or Hub ids, down to a label.
    derived
        Whether a multi-label task that was met while expanding, or named, also stands for the
        binary tasks of its labels.
    split
        As in `probes.settings.Settings`: the column that it is about is read too.

    Raises
    ------
    InputError
        An unknown dataset, table, column or label; no task in a dataset or a table; a label
        column of an unsupported type, a task with fewer than two classes (both when named);
        two datasets of one name; null, empty or duplicate keys; labels that are NaN, infinite
        or outside the classes; a table without the column of the split.

    """
    reader = _Reader(split)
    found: dict[str, TaskData] = {}
    problems: dict[str, str] = {}
    for spec in specs:
        for task, dataset, named in reader.resolve(spec, derived=derived):
            if known := found.get(task.path):
                found[task.path] = replace(known, named=named or known.named)
                continue
            data = reader.read(task, dataset, named=named)
            try:
                require_contrast(task, data.labels)
            except InputError as error:
                if named:
                    raise
                problems[task.path] = str(error)
                continue
            found[task.path] = data
    if not found:
        message = f"no task to probe: {shorten(problems.values(), 1)}"
        raise InputError(message)
    return TaskSet(list(found.values()), problems, list(reader.notes))


class _Reader:
    """Opens every dataset and reads every table once, however many paths lead there."""

    def __init__(self, split: str) -> None:
        self.split = split
        self.notes: dict[str, None] = {}
        self._opened: dict[tuple[str, str | None], OpenedDataset] = {}
        self._tables: dict[tuple[str, str], Any] = {}
        self._keys: dict[tuple[str, str], list[tuple[str, ...]]] = {}

    def resolve(self, spec: str, *, derived: bool) -> Iterator[tuple[Task, OpenedDataset, bool]]:
        """Yield the tasks of a path, their dataset, and whether the path names the task itself."""
        reference = parse_reference(spec.rstrip("/") or spec)
        dataset = self._open(reference)
        config, column, label = (*reference.parts, None, None, None)[:3]
        if config is None or column is None:
            configs = dataset.configs() if config is None else [config]
            tasks: Iterable[Task] = self._expand(dataset, configs)
            named = False
        else:
            features = self._features(dataset, config)
            tasks = [pick_task(dataset.name, config, features, column, label)]
            named = True
        for task in tasks:
            yield task, dataset, named
            if derived and task.type is TaskType.MULTI_LABEL:
                # Nobody asked for these one by one: a label that all or no entities have is
                # a report, not an error.
                for one in task.classes:
                    yield derived_task(task, one), dataset, False

    def _open(self, reference: Reference) -> OpenedDataset:
        asked = (reference.name, reference.revision)
        if asked not in self._opened:
            dataset = open_dataset(reference)
            for other in self._opened.values():
                if other.name == dataset.name and other.revision != dataset.revision:
                    message = (
                        f"two datasets are named {dataset.name!r} (revisions {other.revision} and "
                        f"{dataset.revision}); probe each in a run of its own"
                    )
                    raise InputError(message)
            self._opened[asked] = dataset
        return self._opened[asked]

    def _table(self, dataset: OpenedDataset, config: str) -> Any:  # noqa: ANN401  see its users
        """Return a `datasets.Dataset`; its type would import `datasets` for readers of this."""
        place = (dataset.name, config)
        if place not in self._tables:
            self._tables[place] = dataset.table(config)
        return self._tables[place]

    def _features(self, dataset: OpenedDataset, config: str) -> dict[str, Any]:
        return dict(self._table(dataset, config).features)

    def _expand(self, dataset: OpenedDataset, configs: list[str]) -> list[Task]:
        """Return all tasks of some tables; InputError if there is none."""
        tasks: list[Task] = []
        seen = []
        for config in configs:
            features = self._features(dataset, config)
            here = tasks_of_table(dataset.name, config, features)
            where = f"{dataset.name}/{config}"
            seen.append(f"{where} has columns {shorten(features, 8)}")
            if here:
                self._note_label_like(where, features)
            tasks.extend(here)
        if not tasks:
            message = f"no task in {shorten(seen, 3)}; a task table has a key and label columns: "
            raise InputError(message + TYPE_HELP)
        return tasks

    def _note_label_like(self, where: str, features: Mapping[str, Any]) -> None:
        ours = {*(table_key(features) or ()), *INPUT_COLUMNS}
        for column, feature in features.items():
            kind = str(getattr(feature, "dtype", ""))
            if column not in ours and feature_type(feature) is None and kind.startswith(LABEL_LIKE):
                note = f"column {column!r} of {where} has type {kind} and is no task; {TYPE_HELP}"
                self.notes[note] = None

    def read(self, task: Task, dataset: OpenedDataset, *, named: bool) -> TaskData:
        """Read the entities and labels of a task: the rows whose label is not null."""
        place = (dataset.name, task.config)
        table = self._table(dataset, task.config)
        where = f"{task.dataset}/{task.config}"
        if place not in self._keys:
            self._keys[place] = entity_keys(where, task.key, _columns(table, task.key))
        _, classes = feature_type(table.features[task.column]) or (None, ())
        column = _columns(table, (task.column,))[task.column]
        inside, labels = task_labels(task, classes, column)
        keys = [key for key, is_in in zip(self._keys[place], inside, strict=True) if is_in]
        column_of_split = self._placement(where, table)
        placement = None
        if column_of_split is not None:
            cells = _columns(table, (column_of_split,))[column_of_split].to_pylist()
            values = [one for one, is_in in zip(cells, inside, strict=True) if is_in]
            placement = Placement(column_of_split, values)
        return TaskData(task, dataset.revision, keys, labels, named, placement)

    def _placement(self, where: str, table: Any) -> str | None:  # noqa: ANN401  a datasets.Dataset
        """Return the column that decides the split of a table; InputError if it is not there."""
        names = table.column_names
        if self.split == "auto":
            words = table.unique("split") if "split" in names else []
            known = [str(one).lower() for one in words if one is not None]
            return "split" if known and set(known) <= PARTS.keys() else None
        if self.split == "family":
            column = FOLD_FAMILY
        elif self.split.startswith(COLUMN_SPLIT):
            column = self.split.removeprefix(COLUMN_SPLIT)
        else:
            return None
        if column not in names:
            message = (
                f"--split {self.split}: {where} has no column {column!r}{nearest(column, names)} "
                f"columns: {shorten(names, 12)}; use --split random"
            )
            raise InputError(message)
        return column


def _columns(table: Any, names: tuple[str, ...]) -> pa.Table:  # noqa: ANN401  a datasets.Dataset
    """Return some columns of a table as Arrow."""
    return table.select_columns(list(names)).with_format("arrow")[:]
