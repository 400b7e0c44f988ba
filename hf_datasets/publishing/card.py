"""A dataset card as text: its YAML head, edited in place, and its body, kept byte for byte."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FENCES = re.compile(
    r"\A(\ufeff?---[ \t]*\r?\n)(.*?)(^---[ \t]*(?:\r?\n|\Z))(.*)\Z", re.DOTALL | re.MULTILINE
)
WRITTEN = "<!-- written by genezoo: publish"
"""Stands in every card that `publish build` or `publish push` wrote."""
CONTRIBUTED = "contributed"
"""Folder of the tasks that were pushed one by one: releases of the whole dataset keep them."""


@dataclass(frozen=True)
class Card:
    """A README with a YAML head."""

    opening: str
    head: str
    """The YAML between the fences."""
    closing: str
    body: str
    """All that follows, as it stands."""

    @property
    def text(self) -> str:
        """The whole README."""
        return self.opening + self.head + self.closing + self.body

    @property
    def values(self) -> dict[str, Any]:
        """The head, parsed."""
        import yaml

        return yaml.safe_load(self.head) or {}

    @property
    def configs(self) -> dict[str, dict[str, Any]]:
        """The entries under `configs:`, by name, in order."""
        return {str(entry["config_name"]): entry for entry in self.values.get("configs") or []}

    @property
    def licence(self) -> str:
        """The `license:` field; several licences are joined, none is empty."""
        stated = self.values.get("license") or ""
        return ", ".join(map(str, stated)) if isinstance(stated, list) else str(stated)

    @property
    def ours(self) -> bool:
        """Whether `publish` wrote this card."""
        return WRITTEN in self.body


def parse_card(content: bytes, where: str) -> Card:
    """Take a README apart; InputError unless it starts with a YAML mapping of named configs."""
    import yaml

    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        message = f"{where} is not UTF-8 text ({error.reason} at byte {error.start}); convert it"
        raise InputError(message) from error
    found = FENCES.match(text)
    if found is None:
        message = f"{where} has no YAML head between two lines of ---; give it one with `configs:`"
        raise InputError(message)
    card = Card(*found.groups())
    try:
        values = card.values
        entries = values.get("configs") or []
        names = [entry["config_name"] for entry in entries]
    except yaml.YAMLError as error:
        message = f"the YAML head of {where} cannot be read: {one_line(error)}"
        raise InputError(message) from error
    except (AttributeError, KeyError, TypeError) as error:
        message = f"`configs:` of {where} is no list of entries with config_name and data_files"
        raise InputError(message) from error
    doubled = sorted({str(name) for name in names if names.count(name) > 1})
    if doubled:
        message = f"{where} has config {doubled[0]!r} more than once; remove one"
        raise InputError(message)
    return card


def data_paths(entry: Mapping[str, Any], paths: Iterable[str]) -> list[str]:
    """Return those of `paths` that a config's `data_files` name, by name or by pattern."""
    patterns = [_pattern(text) for text in _stated(entry.get("data_files"))]
    return sorted(path for path in paths if any(pattern.fullmatch(path) for pattern in patterns))


def _stated(files: object) -> list[str]:
    """Flatten the forms of `data_files`: a text, a list, a mapping, or {split, path} entries."""
    if isinstance(files, str):
        return [files.removeprefix("./")]
    if isinstance(files, list):
        return [text for item in files for text in _stated(item)]
    if isinstance(files, dict):
        return _stated(files["path"] if "path" in files else list(files.values()))
    return []


def _pattern(text: str) -> re.Pattern[str]:
    escaped = re.escape(text).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*")
    return re.compile(escaped.replace(r"\*", "[^/]*").replace(r"\?", "[^/]"))


def is_contributed(entry: Mapping[str, Any]) -> bool:
    """Whether a config is a task that was pushed by itself, by where its data lies."""
    stated = _stated(entry.get("data_files"))
    return bool(stated) and all(PurePosixPath(path).parts[0] == CONTRIBUTED for path in stated)


def contributed(card: Card | None) -> dict[str, dict[str, Any]]:
    """Return the contributed configs of a card."""
    entries = card.configs if card else {}
    return {name: entry for name, entry in entries.items() if is_contributed(entry)}


def with_config(card: Card, entry: Mapping[str, Any]) -> Card:
    """Put a config into the head, in place of its namesake or last; nothing else is touched.

    A head in a form that lines cannot be added to (`configs: [...]`) is written anew.
    """
    import yaml

    wanted = card.values
    entries = {**card.configs, str(entry["config_name"]): dict(entry)}
    wanted["configs"] = list(entries.values())
    head = _edited(card.head, entry)
    try:
        if yaml.safe_load(head) == wanted:
            return replace(card, head=head)
    except yaml.YAMLError:
        pass
    return replace(card, head=yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True))


def _edited(head: str, entry: Mapping[str, Any]) -> str:
    """Insert or replace the lines of one config."""
    import yaml

    newline = "\r\n" if "\r\n" in head else "\n"
    lines = head.splitlines(keepends=True)
    item = yaml.safe_dump([dict(entry)], sort_keys=False, allow_unicode=True).splitlines()
    key = next((i for i, line in enumerate(lines) if re.fullmatch(r"configs:\s*", line)), None)
    if key is None:
        return head + newline.join(["configs:", *item, ""])
    end = key + 1
    while end < len(lines) and re.match(r"[\s#-]", lines[end]):
        end += 1
    while not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#"):
        end -= 1
    items = [line for line in lines[key + 1 : end] if line.lstrip().startswith("- ")]
    margin = items[0][: items[0].index("-")] if items else ""
    starts = [i for i in range(key + 1, end) if lines[i].startswith(f"{margin}- ")]
    new = [f"{margin}{line}{newline}" for line in item]
    for start, stop in pairwise([*starts, end]):
        old = yaml.safe_load("".join(lines[start:stop]))
        if old[0].get("config_name") == entry["config_name"]:
            return "".join([*lines[:start], *new, *lines[stop:]])
    return "".join([*lines[:end], *new, *lines[end:]])


def task_rows(body: str) -> dict[str, list[str]]:
    """Return the lines of the generated task table by config."""
    found: dict[str, list[str]] = {}
    for line in body.splitlines():
        if row := re.match(r"\| `([\w.-]+)/[^`]*` \|", line):
            found.setdefault(row[1], []).append(line)
    return found


def with_rows(card: Card, config: str, rows: list[str]) -> Card:
    """Put the lines of a config into the generated task table, in place of its old ones or last.

    A card without that table is returned as it is.
    """
    lines = card.body.splitlines(keepends=True)
    header = next((i for i, line in enumerate(lines) if line.startswith("| task |")), None)
    if header is None or not card.ours:
        return card
    end = header
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    old = [i for i in range(header, end) if lines[i].startswith(f"| `{config}/")]
    place = old[0] if old else end
    kept = [line for i, line in enumerate(lines) if i not in old]
    newline = "\r\n" if lines[header].endswith("\r\n") else "\n"
    kept[place:place] = [row + newline for row in rows]
    return replace(card, body="".join(kept))


def row_cells(card: Card, cells: Mapping[str, str]) -> str:
    """Return a line for the card's task table: `cells` under the headings that it has."""
    lines = card.body.splitlines()
    header = next((line for line in lines if line.startswith("| task |")), "| task | type |")
    names = [name.strip().lower() for name in header.strip("| ").split("|")]
    return "| " + " | ".join(cells.get(name, "").replace("|", "&#124;") for name in names) + " |"
