"""What is known of a task besides its scores: sizes, source, licence, leakage.

Some of it stands in the provenance of the results; the rest comes from the dataset itself, which
a user names with `--tasks-from`: a built folder, which is checked as `publish check` does, or what
`publish check --json` wrote.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cards.merge import Source
    from cards.scores import Trial

LEAK = "leak"
"""Code of the finding that a text says the answer (`hf_datasets.check`)."""


@dataclass(frozen=True)
class TaskFacts:
    """One task; None and empty are unknown."""

    entities: int | None = None
    classes: tuple[str, ...] = ()
    sizes: dict[str, int] = field(default_factory=dict)
    """Class → entities."""
    span: tuple[float, float, float] | None = None
    """Lowest, median and highest value of a regression."""
    source: str | None = None
    licence: str | None = None
    checked: bool = False
    """Whether the dataset was checked for leaks and other faults."""
    texts: tuple[str, ...] = ()
    """Columns that were searched for the answer."""
    findings: tuple[tuple[str, str, str], ...] = ()
    """(severity, code, message) of what the check says about this task."""
    other_revision: str | None = None
    """The revision that was checked, where it is not the one that was scored."""

    @property
    def leaks(self) -> tuple[str, ...]:
        """What the check says about texts that give the answer away."""
        return tuple(message for _, code, message in self.findings if code == LEAK)


@dataclass(frozen=True)
class Dataset:
    """A dataset as `--tasks-from` gives it."""

    name: str
    revision: str
    licence: str | None
    tasks: dict[str, dict[str, Any]]
    """Path below the dataset → its part of the check's report."""
    findings: tuple[dict[str, Any], ...]
    sources: dict[str, str]
    """Path below the dataset → where the labels are from, with version and citation."""
    licences: dict[str, str]
    """Path below the dataset → licence of its source."""


def read_dataset(path: Path) -> Dataset:
    """Read a dataset folder (which is checked now), or the JSON of `publish check --json`.

    InputError for a path that is neither, and for a folder that holds no dataset.
    """
    if path.is_dir():
        from hf_datasets.check import check_dataset

        return _dataset(check_dataset(path).as_json(), path)
    if not path.is_file():
        message = f"--tasks-from {path}: no such folder or file; give the folder of a built dataset"
        raise InputError(message)
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return _dataset(report, None)
    except (ValueError, KeyError, TypeError, AttributeError):
        message = (
            f"--tasks-from {path} is neither the folder of a dataset nor what "
            "`publish check FOLDER --json` prints"
        )
        raise InputError(message) from None


def _dataset(report: dict[str, Any], folder: Path | None) -> Dataset:
    name = str(report["dataset"])
    tasks = {_below(str(one["path"]), name): dict(one) for one in report["tasks"]}
    record = _build_record(folder)
    sources: dict[str, str] = {}
    licences: dict[str, str] = {}
    for task, one in record.get("tasks", {}).items():
        source = record.get("sources", {}).get(one.get("source"), {})
        place = task.partition("/")[2]
        named = [source.get("title") or one.get("source"), source.get("version")]
        sources[place] = ", ".join(str(part) for part in named if part)
        if source.get("licence"):
            licences[place] = str(source["licence"])
    findings = tuple(dict(finding) for finding in report["findings"])
    licence = _card_licence(folder)
    return Dataset(name, str(report["revision"]), licence, tasks, findings, sources, licences)


def _build_record(folder: Path | None) -> dict[str, Any]:
    if folder is None:
        return {}
    from hf_datasets.build import read_record

    return read_record(folder)


def _card_licence(folder: Path | None) -> str | None:
    """Return the licence in a dataset card's head."""
    card = folder / "README.md" if folder else None
    if card is None or not card.is_file():
        return None
    import yaml

    _, _, rest = card.read_text(encoding="utf-8", errors="replace").partition("---\n")
    try:
        head = yaml.safe_load(rest.partition("\n---")[0])
    except yaml.YAMLError:
        return None
    licence = head.get("license") if isinstance(head, dict) else None
    return ", ".join(map(str, licence)) if isinstance(licence, list) else licence and str(licence)


def _below(path: str, dataset: str) -> str:
    return path.removeprefix(f"{dataset}/")


def known_tasks(sources: Iterable[Source]) -> dict[tuple[str, str | None], dict[str, Any]]:
    """Return (task, revision) → what the provenance of result files says about it."""
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for source in sources:
        record = source.provenance
        tasks = record.get("tasks") if isinstance(record, dict) else None
        for one in tasks if isinstance(tasks, list) else []:
            if isinstance(one, dict) and isinstance(one.get("task"), str):
                found[one["task"], one.get("revision")] = one
    return found


def task_facts(
    trial: Trial,
    known: dict[tuple[str, str | None], dict[str, Any]],
    datasets: Iterable[Dataset],
) -> TaskFacts:
    """Put together what is known of a task."""
    recorded = known.get((trial.task, trial.revision), {})
    entities, classes = recorded.get("entities"), recorded.get("classes")
    facts = TaskFacts(
        entities=entities if isinstance(entities, int) else None,
        classes=tuple(map(str, classes)) if isinstance(classes, list) else (),
        licence=_registered_licence(trial.dataset),
    )
    place = _below(trial.task, trial.dataset)
    for dataset in datasets:
        if _last(dataset.name) == _last(trial.dataset) and place in dataset.tasks:
            return _with_report(facts, trial, dataset, place)
    return facts


def _with_report(facts: TaskFacts, trial: Trial, dataset: Dataset, place: str) -> TaskFacts:
    report = dataset.tasks[place]
    sizes = {str(name): int(size) for name, size in (report.get("classes") or {}).items()}
    span = report.get("range")
    path = f"{dataset.name}/{place}"
    findings = tuple(
        (str(one["severity"]), str(one["code"]), str(one["message"]))
        for one in dataset.findings
        if one["where"] == path
    )
    return TaskFacts(
        entities=facts.entities if facts.entities is not None else report.get("n"),
        classes=facts.classes or tuple(sizes),
        sizes=sizes,
        span=(span["least"], span["median"], span["most"]) if span else None,
        source=dataset.sources.get(place),
        licence=dataset.licences.get(place) or dataset.licence or facts.licence,
        checked=True,
        texts=tuple(str(leak["text"]) for leak in report.get("leaks") or ()),
        findings=findings,
        other_revision=None if dataset.revision == trial.revision else dataset.revision,
    )


def _registered_licence(dataset: str) -> str | None:
    from hf_datasets.registry import registered_datasets

    record = registered_datasets().get(dataset)
    return record.licence if record else None


def _last(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]
