"""The table of tasks that `publish list --tasks` prints: from records, or of a built folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

from hf_datasets.registry import registered_datasets
from hf_datasets.task import TaskType, tasks_of_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from hf_datasets.registry import DatasetRecord
    from hf_datasets.task import Task


@dataclass(frozen=True)
class ListedTask:
    """One line of the table."""

    path: str
    """dataset/config/column, and /label for a derived binary task."""
    published: str
    """Its name in the benchmark it comes from; empty if it has none."""
    family: str
    """The family under which that benchmark files it."""
    type: TaskType
    """What is predicted."""
    source: str = ""
    """The source of its labels."""
    published_size: int | None = None
    """Entities that the benchmark states."""
    size: int | None = None
    """Entities in the built folder; None without one, and for a task that is not in it."""
    positives: int | None = None
    """For a derived task in a built folder: entities that have the label."""
    classes: tuple[str, ...] = ()
    """Class names in the built folder."""
    status: str = ""
    """With a built folder: `built`, or `missing` and why."""


def load_listing(record: DatasetRecord) -> list[ListedTask]:
    """Return the tasks that a registered dataset declares, without building it."""
    if not record.tasks:
        return []
    module, _, attribute = record.tasks.partition(":")
    found: list[ListedTask] = getattr(import_module(module), attribute)()
    return found


def declared_tasks() -> list[ListedTask]:
    """Return the tasks of all registered datasets that declare them."""
    return [task for record in registered_datasets().values() for task in load_listing(record)]


def tasks_of_folder(folder: str) -> list[ListedTask]:
    """Return the tasks of a dataset with sizes and classes, and the declared ones it lacks.

    `folder` is a built folder, or any other dataset path without a config.
    """
    from hf_datasets.build import read_record
    from hf_datasets.reference import open_dataset, parse_reference

    opened = open_dataset(parse_reference(folder))
    declared = {
        _inside(task.path): task
        for record in registered_datasets().values()
        if record.name in {opened.name, opened.title()}
        for task in load_listing(record)
    }
    built: dict[str, ListedTask] = {}
    for config in opened.configs():
        table = opened.table(config)
        for task in tasks_of_table(opened.name, config, table.features):
            built |= _built(task, table.data.column(task.column), declared)
    missing = read_record(opened.root).get("missing", {})
    reasons = {_inside(path): why for path, why in missing.items()}
    lacking = {
        inside: replace(task, path=f"{opened.name}/{inside}", status=_why(inside, reasons))
        for inside, task in declared.items()
        if inside not in built
    }
    order = [*declared, *(inside for inside in built if inside not in declared)]
    return [(built | lacking)[inside] for inside in order]


def _inside(path: str) -> str:
    """Return a task's path without the dataset."""
    return path.split("/", 1)[1]


def _why(inside: str, reasons: Mapping[str, str]) -> str:
    """Say why a task is not in a build: it is missing, or its label is not in the data."""
    column = "/".join(inside.split("/")[:2])
    return f"missing: {reasons.get(column, 'no entity has this label in the files used')}"


def _built(
    task: Task, column: pa.ChunkedArray, declared: Mapping[str, ListedTask]
) -> dict[str, ListedTask]:
    """Return a task of a table, and those of its labels that are declared."""
    size = len(column) - int(column.null_count)
    inside = f"{task.config}/{task.column}"
    known = declared.get(inside, ListedTask(task.path, "", "", task.type))
    whole = replace(
        known, path=task.path, type=task.type, size=size, classes=task.classes, status="built"
    )
    counts = _label_counts(task, column) if task.type is TaskType.MULTI_LABEL else {}
    found = {inside: whole}
    for name, count in counts.items():
        if one := declared.get(f"{inside}/{name}"):
            found[f"{inside}/{name}"] = replace(
                one,
                path=f"{task.path}/{name}",
                size=size,
                positives=count,
                classes=(f"not {name}", name),
                status="built",
            )
    return found


def _label_counts(task: Task, column: pa.ChunkedArray) -> dict[str, int]:
    import pyarrow.compute as pc

    counted = pc.value_counts(pc.list_flatten(column)).to_pylist()
    return {task.classes[entry["values"]]: entry["counts"] for entry in counted}


def table_lines(tasks: list[ListedTask]) -> Iterator[str]:
    """Yield the table as text, columns separated by tabs, its header first."""
    built = any(task.status for task in tasks)
    header = ["path", "published", "family", "type"]
    yield "\t".join([*header, "size", "classes"] if built else header)
    for task in tasks:
        cells = [task.path, task.published, task.family, task.type.value]
        if built:
            size = "missing" if task.size is None else f"{task.size}"
            if task.positives is not None:
                size += f" ({task.positives} positive)"
            cells += [size, ", ".join(task.classes)]
        yield "\t".join(cells)
