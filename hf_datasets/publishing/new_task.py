"""One new task on the Hub: its data, its entry in the card, its line in the task table."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hf_datasets.command import say
from hf_datasets.errors import InputError, shorten
from hf_datasets.publishing.card import (
    CONTRIBUTED,
    WRITTEN,
    Card,
    data_paths,
    is_contributed,
    row_cells,
    with_config,
    with_rows,
)
from hf_datasets.publishing.dataset_card import balance
from hf_datasets.publishing.dataset_facts import task_report
from hf_datasets.publishing.folder import VERSION
from hf_datasets.publishing.labels import SPREADSHEET_DATE
from hf_datasets.publishing.markdown import plain, table
from hf_datasets.publishing.release import CARD, State, state_at
from hf_datasets.publishing.remote import Content, Plan, download
from hf_datasets.publishing.sections import put_together, write
from hf_datasets.task import tasks_of_table

if TYPE_CHECKING:
    from hf_datasets.publishing.labels import LabelTable
    from hf_datasets.publishing.remote import Remote

DATA_FILE = "{folder}/{config}/train-00000-of-00001.parquet"
GENES = "genes"
MOST_UNKNOWN = 0.2
"""A larger share of symbols that the dataset does not know is a mistake, not a few odd names."""
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*", re.ASCII)
MIXED = "other"
"""What a card states as licence when each config has its own."""


@dataclass(frozen=True)
class NewTask:
    """A checked task and what its author says about it."""

    config: str
    table: LabelTable
    version: str | None
    licence: str | None
    description: str
    replace: bool
    """Whether a config of this name may be there already."""

    @property
    def path(self) -> str:
        """Where its data lies in the repository."""
        return DATA_FILE.format(folder=CONTRIBUTED, config=self.config)

    @property
    def example(self) -> str:
        """Config and column, as in the task's name."""
        return f"{self.config}/{self.table.column}"


def check_licence(licence: str | None) -> None:
    """InputError for a licence that the Hub's card would not take."""
    if licence is not None and not LICENCE.fullmatch(licence):
        message = f"licence {licence!r} is no identifier; give one such as cc-by-4.0 or cc0-1.0"
        raise InputError(message)


def parquet_bytes(table: LabelTable) -> bytes:
    """Return the table as Parquet with its features, page index and content-defined chunks."""
    from hf_datasets.reference import quiet_datasets

    buffer = io.BytesIO()
    with quiet_datasets():
        table.dataset().to_parquet(buffer)
    return buffer.getvalue()


def plan_task(task: NewTask, remote: Remote, tag: str | None = None) -> Plan:
    """Return what adds the task to `main` (or differs from a tag): nothing if it is there."""
    state = state_at(remote, tag)
    card = state.card or _new_card(task, remote.name)
    old = card.configs.get(task.config)
    if not card.licence:
        message = f"the card of {remote.name} states no licence; add `license:` to its head first"
        raise InputError(message)
    _check_licence_fits(task, card, remote.name)
    entry = {
        "config_name": task.config,
        "version": task.version or _version(card, old),
        "data_files": [{"split": "train", "path": task.path}],
    }
    described = {"task": f"`{task.example}`", "type": task.table.type.value}
    described |= dict.fromkeys(("entities", "rows", "size", "genes"), f"{task.table.size:,}")
    described |= {
        "classes": ", ".join(plain(name, 40) for name in task.table.classes),
        "balance": _balance(task),
        "description": plain(task.description),
    }
    described |= dict.fromkeys(("licence", "license"), task.licence or card.licence)
    edited = with_config(card, entry)
    edited = with_rows(edited, task.config, [row_cells(edited, described)])
    wanted = {
        task.path: Content(parquet_bytes(task.table)),
        CARD: Content(edited.text.encode()),
    }
    files = {path: c for path, c in wanted.items() if not c.same(state.files.get(path))}
    plan = Plan(f"Add task {task.config}", _message(task), files, _superseded(task, state, old))
    if plan and old is not None and not (task.replace or tag):
        message = (
            f"{remote.name} has a config {task.config} already, with other content; "
            "choose another --config, or give --replace"
        )
        raise InputError(message)
    return plan


def _balance(task: NewTask) -> str:
    table = task.table.dataset()
    (column,) = tasks_of_table("", task.config, table.features)
    return balance(task_report(column, table.data.column(column.column)))


def _message(task: NewTask) -> str:
    table = task.table
    text = f"{table.size} labels of {len(table.entities)} entities, {table.type.value}."
    licence = f"Licence: {task.licence}." if task.licence else ""
    return "\n\n".join(filter(None, (task.description, text, licence)))


def _version(card: Card, old: dict[str, Any] | None) -> str:
    """Return the version that a config has, or else the highest one of the card."""
    if old and "version" in old:
        return str(old["version"])
    stated = [str(entry.get("version")) for entry in card.configs.values()]
    versions = [version for version in stated if VERSION.fullmatch(version)]
    return max(versions, key=lambda text: tuple(map(int, text.split("."))), default="1.0.0")


def _superseded(task: NewTask, state: State, old: dict[str, Any] | None) -> tuple[str, ...]:
    """Return the data of the config that is replaced, where a publish of ours wrote it."""
    if old is None or state.card is None or not (state.card.ours or is_contributed(old)):
        return ()
    others = [entry for name, entry in state.card.configs.items() if name != task.config]
    used = {path for entry in others for path in data_paths(entry, state.files)}
    return tuple(path for path in data_paths(old, state.files) if path not in used | {task.path})


def _check_licence_fits(task: NewTask, card: Card, name: str) -> None:
    if task.licence is None and card.licence == MIXED:
        message = f"{name} has a licence for each config; give this one's --licence"
        raise InputError(message)
    if task.licence and card.licence not in {task.licence, MIXED}:
        message = (
            f"{name} is published under {card.licence}, the task under {task.licence}; "
            f"push it to a repository of its own, or have that card say `license: {MIXED}`"
        )
        raise InputError(message)


def _new_card(task: NewTask, name: str) -> Card:
    import yaml

    if task.licence is None:
        message = f"{name} has no card yet: give the data's --licence, e.g. cc-by-4.0"
        raise InputError(message)
    title = name.partition("/")[2]
    head = {
        "pretty_name": title,
        "license": task.licence,
        "tags": ["biology", "genes", "embeddings", "benchmark"],
    }
    written = {
        "summary": f"{WRITTEN} push -->\n# {title}\n\n{plain(task.description, 1000)}",
        "load": (
            "## How to load it\n\n```python\nfrom datasets import load_dataset\n\n"
            f'load_dataset("{name}", "{task.config}")\n```'
        ),
        "tasks": "## Tasks\n\n"
        + table(("task", "type", "entities", "classes", "balance"), (), [2]),
    }
    body = put_together({key: write(key, text) for key, text in written.items()}, {})
    return Card("---\n", yaml.safe_dump(head, sort_keys=False, allow_unicode=True), "---\n", body)


def check_symbols(table: LabelTable, remote: Remote) -> None:
    """Compare a task's symbols with the `genes` config of the dataset, where it has one.

    Unknown ones are counted and named; more than a fifth of them is an error.
    """
    card = state_at(remote).card
    paths = data_paths(card.configs.get(GENES, {}), remote.files) if card else []
    if not paths or table.key == ("id",):
        return
    known = {symbol for path in paths for symbol in _symbols(remote, path)}
    unknown = [name for name in table.entities if name not in known]
    if not known or not unknown:
        return
    said = (
        f"{len(unknown)} of {len(table.entities)} symbols are not in {remote.name}/{GENES}: "
        f"{shorten(unknown)}"
    )
    if any(SPREADSHEET_DATE.fullmatch(name) for name in unknown):
        said += " (a spreadsheet made dates of some)"
    if len(unknown) > MOST_UNKNOWN * len(table.entities):
        message = f"{said}; give approved HGNC symbols"
        raise InputError(message)
    say(f"{said}; they are published as they are")


def _symbols(remote: Remote, path: str) -> list[str]:
    import pyarrow.parquet as pq

    local = download(remote.name, remote.head or "", path)
    if "symbol" not in pq.read_schema(local).names:
        return []
    symbols: list[str] = pq.read_table(local, columns=["symbol"])["symbol"].to_pylist()
    return symbols
