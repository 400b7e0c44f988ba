"""What the card of a dataset is made from: tables in numbers, files, and `build.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hf_datasets.checks.columns import read_labels
from hf_datasets.checks.report import TaskReport
from hf_datasets.checks.tasks import value_range

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from hf_datasets.task import Task


@dataclass(frozen=True)
class DataFile:
    """A file of the dataset."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class CardTable:
    """A config as its card shows it."""

    config: str
    key: tuple[str, ...]
    """Its key columns; empty for a table of another shape."""
    columns: tuple[str, ...]
    rows: Mapping[str, int]
    """Split → rows."""
    files: tuple[DataFile, ...]
    tasks: tuple[TaskReport, ...]

    @property
    def size(self) -> int:
        """Rows of all splits."""
        return sum(self.rows.values())


@dataclass(frozen=True)
class CardFacts:
    """All that the sections are made from."""

    name: str
    version: str
    """As 1.2.3; empty where none is stated."""
    licence: str
    """Of the whole dataset; empty where none is stated."""
    tables: Mapping[str, CardTable]
    record: Mapping[str, Any] = field(default_factory=dict)
    """`build.json`, or what goes into it, as `known_record` has it."""
    citation: str = ""
    """BibTeX of the author's own."""

    @property
    def example(self) -> str:
        """A config to show: the third that has tasks, or what comes nearest to it."""
        names = [name for name, table in self.tables.items() if table.tasks] or list(self.tables)
        return names[min(2, len(names) - 1)]


def task_report(task: Task, column: pa.ChunkedArray) -> TaskReport:
    """Return a task in numbers."""
    labels = read_labels(task, column)
    return TaskReport(
        path=task.path,
        type=task.type.value,
        n=labels.n,
        nulls=len(labels.inside) - labels.n,
        empty=labels.empty,
        classes=labels.sizes,
        range=value_range(labels),
        leaks=(),
    )


def known_record(record: object) -> dict[str, Any]:
    """Return of a `build.json`, which may be anybody's, what has the form that a card reads."""
    if not isinstance(record, dict):
        return {}
    known = {name: record[name] for name in ("citation",) if isinstance(record.get(name), str)}
    for name in ("missing", "stamp"):
        if isinstance(record.get(name), dict):
            known[name] = {str(key): str(value) for key, value in record[name].items()}
    for name in ("sources", "tasks", "configs"):
        if isinstance(record.get(name), dict):
            entries = {str(key): value for key, value in record[name].items()}
            known[name] = {key: _plainly(one) for key, one in entries.items() if one}
    return known


def _plainly(entry: object) -> dict[str, Any]:
    """Return a record of texts, whole numbers, lists of texts and of the files of a source."""
    if not isinstance(entry, dict):
        return {}
    found: dict[str, Any] = {}
    for name, value in entry.items():
        if name == "files":
            listed = value if isinstance(value, list) else []
            found[name] = [_plainly(file) for file in listed]
        elif name == "sources":
            found[name] = [str(one) for one in value] if isinstance(value, list) else []
        elif name in {"size", "published_size"}:
            found[name] = value if isinstance(value, int) else None
        else:
            found[str(name)] = "" if value is None else str(value)
    return found


def sources_of(facts: CardFacts, config: str) -> list[str]:
    """Return the sources of a config, as `build.json` has them."""
    tasks: Mapping[str, Any] = facts.record.get("tasks") or {}
    stated = (facts.record.get("configs") or {}).get(config, {}).get("sources")
    inside = f"/{config}/"
    found = stated or [entry.get("source") for path, entry in tasks.items() if inside in path]
    known = facts.record.get("sources") or {}
    return [name for name in dict.fromkeys(found) if name in known]


def licences_of(facts: CardFacts, config: str) -> list[str]:
    """Return the licences of a config: those of its sources, or else the dataset's."""
    sources = facts.record.get("sources") or {}
    found = dict.fromkeys(
        str(sources[name].get("licence", "")) for name in sources_of(facts, config)
    )
    return list(found) or [name for name in [facts.licence] if name]


def persons(facts: CardFacts) -> str:
    """Say whether rows are about persons; empty where no table has a key."""
    keys = {key for one in facts.tables.values() for key in one.key}
    if keys and keys <= {"symbol", "symbol_a", "symbol_b", "disease_id"}:
        return "none; a row is about genes (or a gene and a disease)."
    if not keys:
        return ""
    return (
        "a row is about an entity of its own id; whether any stems from a person only those who "
        "collected it can say."
    )
