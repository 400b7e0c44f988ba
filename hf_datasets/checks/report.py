"""What a check found, as records, as JSON and as text for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hf_datasets.leakage import LabelLeak, TaskLeak


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The dataset must not be published like this."""
    WARNING = "warning"
    """Scores would mislead, or someone should explain it on the card."""
    NOTE = "note"
    """Worth knowing."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found."""

    severity: Severity
    code: str
    """What kind of defect, in words with dashes; stable, for programs."""
    where: str
    """Path of the dataset, table or task."""
    message: str
    """One line."""


@dataclass(frozen=True)
class Range:
    """The finite values of a regression."""

    least: float
    median: float
    most: float


@dataclass(frozen=True)
class TaskReport:
    """One task in numbers."""

    path: str
    type: str
    n: int
    """Entities in the task."""
    nulls: int
    """Rows of the table that are not in it."""
    empty: int
    """Entities with no label, in a multi-label task."""
    classes: dict[str, int]
    """Class → entities, in label order."""
    range: Range | None
    """The values of a regression."""
    leaks: tuple[TaskLeak, ...]
    """One for each text column; the last column of texts is the masked one."""

    @property
    def smallest(self) -> tuple[str, int] | None:
        """The smallest class and its size."""
        return min(self.classes.items(), key=lambda item: item[1], default=None)


@dataclass(frozen=True)
class SequenceReport:
    """Near-duplicates among the sequences of a table, under one way to split them."""

    where: str
    """The table."""
    column: str
    """The sequence column."""
    split: str
    """`fold`, `fold_family`, or `any split` where the table has no such column."""
    identical: int
    """Pairs of entities with equal sequences that lie in different folds (anywhere: `any split`)"""
    near: int
    """The same for unequal sequences of at least the stated similarity."""
    entities: int
    """How many entities have such a pair."""


@dataclass(frozen=True)
class Report:
    """All that a check found."""

    dataset: str
    revision: str
    rows: dict[str, int]
    """Config → rows."""
    tasks: tuple[TaskReport, ...]
    sequences: tuple[SequenceReport, ...]
    findings: tuple[Finding, ...]
    """Worst first, then in the order of the dataset."""

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    def fails(self, *, strict: bool = False) -> bool:
        """Whether it must not be published: an error or, if `strict`, a warning."""
        return bool(self.of(Severity.ERROR) or (strict and self.of(Severity.WARNING)))

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain lists, dicts, numbers and texts."""
        return {
            "dataset": self.dataset,
            "revision": self.revision,
            "rows": self.rows,
            "tasks": [_task_json(task) for task in self.tasks],
            "sequences": [vars(one) for one in self.sequences],
            "findings": [vars(finding) for finding in self.findings],
        }

    def as_text(self) -> str:
        """Return a table of tasks, the sequences, and the list of findings."""
        return "\n".join([*_task_lines(self), *_sequence_lines(self), *_finding_lines(self)])


def _task_json(task: TaskReport) -> dict[str, Any]:
    plain = {name: value for name, value in vars(task).items() if name not in {"range", "leaks"}}
    spread = vars(task.range) if task.range else None
    return {**plain, "range": spread, "leaks": [_leak_json(leak) for leak in task.leaks]}


def _leak_json(leak: TaskLeak) -> dict[str, Any]:
    labels = [{**vars(label), "auroc": label.auroc} for label in leak.labels]
    return {**vars(leak), "labels": labels}


NAMED = "named +/-"
"""Heading: share of positives, and of negatives, whose text names the label."""


def _task_lines(report: Report) -> list[str]:
    counts: dict[str, dict[Severity, int]] = {}
    for finding in report.findings:
        of_task = counts.setdefault(finding.where, dict.fromkeys(Severity, 0))
        of_task[finding.severity] += 1
    head = ("task", "type", "n", "smallest class", NAMED, "worst label", "findings")
    rows = [head]
    for task in report.tasks:
        leak = task.leaks[0] if task.leaks else None
        found = counts.get(task.path, {})
        rows.append(
            (
                task.path.removeprefix(f"{report.dataset}/"),
                task.type,
                f"{task.n:,}",
                _smallest(task),
                f"{leak.positive:.0%} / {leak.negative:.0%}" if leak else "-",
                _worst(leak.worst if leak else None),
                ", ".join(f"{n} {name}{'s' * (n > 1)}" for name, n in found.items() if n) or "-",
            )
        )
    title = f"{report.dataset} ({report.revision}): {len(report.tasks)} tasks"
    if not report.tasks:
        return [title]
    return [title, *_columns(rows), f"  {NAMED}: texts of positives / negatives that say the label"]


def _smallest(task: TaskReport) -> str:
    if task.smallest:
        name, size = task.smallest
        return f"{_cut(name, 24)} {size:,}"
    return f"{task.range.least:g} to {task.range.most:g}" if task.range else "-"


def _worst(worst: LabelLeak | None) -> str:
    return f"{_cut(worst.label, 24)} (AUROC {worst.auroc:.2f})" if worst else "-"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if at == 2 else cell.ljust(width)  # noqa: PLR2004  the numbers
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _sequence_lines(report: Report) -> list[str]:
    rows = [("sequences", "split", "identical pairs", "near pairs", "entities")]
    rows += [
        (f"{one.where.removeprefix(f'{report.dataset}/')}/{one.column}", one.split,
         f"{one.identical:,}", f"{one.near:,}", f"{one.entities:,}")
        for one in report.sequences
    ]  # fmt: skip
    return ["", *_columns(rows)] if report.sequences else []


def _finding_lines(report: Report) -> list[str]:
    lines = [
        f"{finding.severity:8} {finding.where}: {finding.message} [{finding.code}]"
        for finding in report.findings
    ]
    counts = [(len(report.of(severity)), severity.value) for severity in Severity]
    total = ", ".join(f"{n} {name}{'s' * (n != 1)}" for n, name in counts)
    return ["", *lines, f"{total}"]
