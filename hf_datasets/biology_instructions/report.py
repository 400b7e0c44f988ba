"""What a build says about itself: `build.json` for programs, README sections for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hf_datasets.biology_instructions.rows import SOURCES
from hf_datasets.biology_instructions.tasks import CONFIGS, DATASET, INPUTS, LABEL, TASKS, task_path
from hf_datasets.listing import ListedTask
from hf_datasets.sources.labelled import SPLITS
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.biology_instructions.rows import Rows
    from hf_datasets.biology_instructions.tasks import InstructionTask

NOTES = f"""\
## Two faces of a task

- The tables {", ".join(f"`{name}`" for name in CONFIGS)} are for language models: `instruction` is
  the whole prompt, `output` a sentence that holds the answer, `label` the answer alone. Splits are
  real: train, validation, test. The wording is this dataset's own, one of several by the id.
- Every task has a table of its own for embeddings, with the same rows and the same `id`; its column
  `split` decides who trains. `extract --input FOLDER/ncrna`, then `probe --tasks FOLDER/ncrna`.
- A task on two molecules is keyed by `id_a` and `id_b`; embed its table of single sequences
  (`{INPUTS.format("aan")}`). Those of `rpi` are RNAs and proteins: `molecule` says which.
- RNA is written with U, DNA with T, whatever the origin writes.
- Rows with the same sequence are kept, as in the origin; how many there are stands below.
"""
PAPER = """\
@article{he-2024,
  title = {Biology-Instructions: a dataset and benchmark for multi-omics sequence understanding
    capability of large language models},
  author = {He, Haonan and others},
  journal = {arXiv preprint arXiv:2412.19191},
  year = {2024},
}
"""


def listed_tasks() -> list[ListedTask]:
    """Return every task as `publish list --tasks` shows it."""
    return [
        ListedTask(
            path=task_path(task, column),
            published=task.title + (f", {column}" if column != LABEL else ""),
            family=task.config,
            type=_type(task),
            published_size=sum(task.sizes) if column == LABEL or task.keys else None,
        )
        for task in TASKS.values()
        for column in task.label_columns
    ]


def _type(task: InstructionTask) -> TaskType:
    return {
        "yes-no": TaskType.BINARY,
        "class": TaskType.MULTI_CLASS,
        "labels": TaskType.MULTI_LABEL,
        "ec": TaskType.MULTI_LABEL,
    }.get(task.answer, TaskType.REGRESSION)


def build_record(rows: Rows) -> dict[str, Any]:
    """Return the part of `build.json` about sources and tasks."""
    used = {spool.origin for spool in rows.spools.values()}
    return {
        "sources": {
            name: {
                "title": SOURCES[name].title,
                "homepage": SOURCES[name].homepage,
                "version": SOURCES[name].version,
                "licence": SOURCES[name].licence,
                "citation": SOURCES[name].citation,
                "files": [file.record() for _, file in sorted(files.items())],
            }
            for name, files in rows.files.items()
            if name in used
        },
        "unavailable": rows.unavailable,
        "citation": PAPER,
        "configs": _config_sources(rows),
        "tasks": {
            f"{DATASET}/{name}": {
                "source": spool.origin,
                "rows": {
                    split: sum(n for (_, one), n in spool.counts.items() if one == split)
                    for split in spool.splits
                },
                "subtasks": {
                    subtask: {
                        split: spool.counts[subtask, split]
                        for split in spool.splits
                        if spool.counts[subtask, split]
                    }
                    for subtask in TASKS[name].subtasks
                    if any(spool.counts[subtask, split] for split in spool.splits)
                },
                "published": dict(zip(SPLITS, TASKS[name].sizes, strict=True)),
                "duplicates": {split: n for split, n in spool.duplicates.items() if n},
                "in_two_splits": spool.shared,
            }
            for name, spool in rows.spools.items()
        },
        "left_out": {
            name: problems.record() for name, problems in rows.problems.items() if problems.counts
        },
    }


def _config_sources(rows: Rows) -> dict[str, dict[str, list[str]]]:
    """Return table → the sources that its rows come from, which set its licence."""
    found: dict[str, dict[str, None]] = {}
    for name, spool in rows.spools.items():
        tables = (TASKS[name].config, name, *([INPUTS.format(name)] if TASKS[name].is_pair else []))
        for table in tables:
            found.setdefault(table, {})[spool.origin] = None
    return {table: {"sources": list(names)} for table, names in found.items()}


def card_sections(rows: Rows) -> list[str]:
    """Return what the README says of this dataset beside what every card says."""
    return [NOTES, *_rows(rows), *_left_out(rows)]


def _rows(rows: Rows) -> Iterator[str]:
    yield "## Rows\n\nPublished: the sizes in arXiv 2412.19191.\n"
    header = ("task", "source", "licence", *SPLITS, "published", "again", "in two splits")
    yield f"| {' | '.join(header)} |"
    yield "|---|---|---|---:|---:|---:|---|---:|---:|"
    for name, spool in rows.spools.items():
        counts = [
            sum(number for (_, split), number in spool.counts.items() if split == one)
            for one in SPLITS
        ]
        published = " / ".join(f"{size:,}" for size in TASKS[name].sizes)
        cells = [
            f"`{name}`", SOURCES[spool.origin].title, SOURCES[spool.origin].licence,
            *(f"{count:,}" for count in counts), published,
            f"{spool.duplicates.total():,}", f"{spool.shared:,}",
        ]  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield (
        "*again*: rows whose sequences were there before in the same split and data set; "
        "*in two splits*: rows whose sequences are in another split of it too.\n"
    )


def _left_out(rows: Rows) -> Iterator[str]:
    found = {name: one for name, one in rows.problems.items() if one.counts}
    if not found:
        return
    yield "## Left out or odd\n\n| source | what | rows | first |\n|---|---|---:|---|"
    for name, problems in found.items():
        for why, count in sorted(problems.counts.items()):
            yield f"| {name} | {why} | {count:,} | {problems.places[why][0]} |"
    yield ""
