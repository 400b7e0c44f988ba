"""The README of a built dataset: the configs for `datasets`, and a card in sections for people."""

from __future__ import annotations

import inspect
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_datasets.files import file_digest, folder_digest
from hf_datasets.publishing.card import WRITTEN, Card, data_paths, parse_card
from hf_datasets.publishing.dataset_card import ORDER, written_sections
from hf_datasets.publishing.dataset_facts import CardFacts, CardTable, DataFile, known_record
from hf_datasets.publishing.sections import places, put_together, sections, with_sections, write
from hf_datasets.task import table_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hf_datasets.build import BuiltTable
    from hf_datasets.registry import DatasetRecord

GENERATED = "<!-- written by genezoo: publish build -->"
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
SHORT = {1_000: "1K", 1_000_000: "1M", 1_000_000_000: "1B"}


def dataset_readme(
    record: DatasetRecord,
    folder: Path,
    tables: Mapping[str, BuiltTable],
    about: Mapping[str, Any] | None = None,
    extra: Sequence[str] = (),
) -> str:
    """Return the README of a build that lies in `folder`.

    `about` is what `build.json` says, `extra` is Markdown of the dataset's own.
    """
    entries = {
        config: {
            "config_name": config,
            "version": record.version,
            "data_files": [
                {"split": split, "path": path} for split, path in one.files.items()
            ],
        }
        for config, one in tables.items()
    }  # fmt: skip
    facts = CardFacts(
        name=record.name,
        version=record.version,
        licence=record.licence,
        tables={
            config: CardTable(
                config=config,
                key=table_key(one.features) or (),
                columns=tuple(one.features),
                rows=one.rows,
                files=data_files(folder, entries[config]),
                tasks=one.tasks,
            )
            for config, one in tables.items()
        },
        record=known_record(about),
    )
    head: dict[str, Any] = {
        "pretty_name": record.name,
        "license": record.licence,
        "tags": list(record.tags),
        "size_categories": [size_category(sum(one.size for one in facts.tables.values()))],
        "configs": list(entries.values()),
    }
    text = inspect.getdoc(record.builder_class()) or record.summary
    written = {"summary": f"{GENERATED}\n# {record.name} {record.version}\n\n{text}"}
    written |= written_sections(facts)
    if extra:
        written["about"] = "\n".join(extra)
    marked = {name: write(name, text) for name, text in written.items()}
    marked["content"] = content_line(
        folder, [f.path for t in facts.tables.values() for f in t.files]
    )
    return f"---\n{yaml_head(head)}---\n" + with_sections("", marked, ORDER)


def yaml_head(values: Mapping[str, Any]) -> str:
    """Return the YAML head of a card."""
    import yaml

    return str(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))


def size_category(rows: int) -> str:
    """Return the Hub's name for so many rows: n<1K, 1K<n<10K, …, n>1B."""
    if rows < SIZES[0]:
        return "n<1K"
    for low, high in pairwise(SIZES):
        if rows < high:
            return f"{_short(low)}<n<{_short(high)}"
    return "n>1B"


def _short(count: int) -> str:
    unit = max(known for known in SHORT if known <= count)
    return f"{count // unit}{SHORT[unit][-1]}"


def data_files(folder: Path, entry: Mapping[str, Any]) -> tuple[DataFile, ...]:
    """Return the data files of a config with their digests."""
    there = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return tuple(
        DataFile(path, (folder / path).stat().st_size, file_digest(folder / path))
        for path in data_paths(entry, there)
    )


def content_line(folder: Path, paths: Iterable[str]) -> str:
    """Return the line of a card that changes with the data.

    Plain `datasets` keeps what it loaded by the card's text alone.
    """
    patterns = tuple(sorted({f"*{Path(path).suffix}" for path in paths}))
    return f"<!-- content sha256:{folder_digest(folder, patterns)[:16]} -->\n"


def with_text_of(readme: str, old: Path) -> str:
    """Return a new README with what people wrote into the `old` one.

    That is the text outside the sections, and fields of the head that the new one lacks. Text
    that `publish` wrote before there were sections is left behind.
    """
    if not old.is_file():
        return readme
    before, now = parse_card(old.read_bytes(), str(old)), parse_card(readme.encode(), str(old))
    own = sections(now.body)
    around = {at: text for at, text in places(before.body, own).items() if WRITTEN not in text}
    return replace(with_fields_of(now, before), body=put_together(own, around)).text


def with_fields_of(card: Card, other: Card) -> Card:
    """Return a card with the fields of another's head that its own lacks."""
    more = {name: value for name, value in other.values.items() if name not in card.values}
    return replace(card, head=card.head + yaml_head(more)) if more else card
