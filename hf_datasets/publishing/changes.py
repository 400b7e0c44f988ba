"""What changed since the last version: computed from the tables, written into the card."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, one_line, shorten
from hf_datasets.publishing.card import WRITTEN
from hf_datasets.task import tasks_of_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hf_datasets.publishing.card import Card

START = f"{WRITTEN} push: changes -->"
END = "<!-- end of changes -->"
BLOCK = re.compile(rf"\n*{re.escape(START)}\n(.*?){re.escape(END)}\n", re.DOTALL)


@dataclass(frozen=True)
class Summary:
    """A config in numbers."""

    rows: int
    tasks: Mapping[str, tuple[str, tuple[str, ...]]]
    """Column → task type and class names."""


def summarise(config: str, paths: Mapping[str, Path]) -> Summary:
    """Read rows and tasks of a config from the footers of its Parquet files."""
    features: dict[str, Any] = {}
    rows = 0
    for name, path in paths.items():
        found, count = parquet_features(path, name)
        features |= found
        rows += count
    return summary(config, features, rows)


def summary(config: str, features: Mapping[str, Any], rows: int) -> Summary:
    """Return a config with these features in numbers."""
    tasks = tasks_of_table("", config, features)
    return Summary(rows, {task.column: (task.type.value, task.classes) for task in tasks})


def parquet_features(path: Path, name: str) -> tuple[dict[str, Any], int]:
    """Return the `datasets` features and the number of rows of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Features

    try:
        with pq.ParquetFile(path) as file:
            return dict(Features.from_arrow_schema(file.schema_arrow)), file.metadata.num_rows
    except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
        message = f"{name} is not a readable Parquet file: {one_line(error)}"
        raise InputError(message) from error


def take_changes(card: Card) -> tuple[Card, dict[str, str]]:
    """Return the card without its generated changes, and those by version, newest first."""
    found = BLOCK.search(card.body)
    if found is None:
        return card, {}
    pieces = re.split(r"^### (\S+)\n\n", found[1], flags=re.MULTILINE)[1:]
    entries = dict(zip(pieces[::2], pieces[1::2], strict=True))
    rest = card.body[: found.start()].rstrip("\n") + "\n" + card.body[found.end() :]
    return replace(card, body=rest), entries


def with_changes(card: Card, entries: Mapping[str, str]) -> Card:
    """Return the card with a section on changes as its last."""
    versions = "\n\n".join(f"### {name}\n\n{text.strip()}" for name, text in entries.items())
    block = f"\n\n{START}\n## Changes\n\n{versions}\n{END}\n"
    return replace(card, body=card.body.rstrip("\n") + block)


def describe(
    old: Mapping[str, Summary] | None, new: Mapping[str, Summary], moved: set[str], since: str
) -> str:
    """Return the changes from `old` to `new` as a list in Markdown.

    `moved` names the configs whose files differ, `since` the version of `old`.
    """
    if old is None:
        tasks = sum(len(config.tasks) for config in new.values())
        return f"First published version: {len(new)} configs, {tasks} tasks.\n"
    lines = [f"config `{name}` removed" for name in old if name not in new]
    for name, now in new.items():
        if name not in old:
            lines.append(f"config `{name}` added: {now.rows:,} rows, {len(now.tasks)} tasks")
        elif name in moved:
            lines += _differences(name, old[name], now)
    items = "\n".join(f"- {line}" for line in lines or ["nothing in the tables"])
    return f"Since {since}:\n\n{items}\n"


def _differences(name: str, old: Summary, new: Summary) -> list[str]:
    gone = [f"`{name}/{task}` removed" for task in old.tasks if task not in new.tasks]
    added = [f"`{name}/{t}` added ({new.tasks[t][0]})" for t in new.tasks if t not in old.tasks]
    lines = gone + added
    for task, (kind, classes) in new.tasks.items():
        was, had = old.tasks.get(task, (kind, classes))
        if was != kind:
            lines.append(f"`{name}/{task}`: {was} → {kind}")
        elif had != classes:
            fewer = [f"-{label}" for label in had if label not in classes]
            more = [f"+{label}" for label in classes if label not in had]
            listed = shorten(more + fewer, 12) or "in another order"
            lines.append(f"`{name}/{task}`: classes {listed}")
    if old.rows != new.rows:
        lines.append(f"`{name}`: {old.rows:,} → {new.rows:,} rows")
    return lines or [f"`{name}`: other values, the same {new.rows:,} rows"]
