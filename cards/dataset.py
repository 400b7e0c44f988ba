"""The card of a dataset folder, anybody's: README.md in sections, plots and Croissant metadata.

What stands between the marks of a section is written anew each time; what people wrote beside
them stays, and so does the head of the card.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from cards.croissant import CROISSANT, MOST_TABLES, croissant
from cards.names import counted
from hf_datasets.build import joined_column, read_record
from hf_datasets.command import say
from hf_datasets.errors import InputError, one_line, shorten
from hf_datasets.files import write_text
from hf_datasets.publishing.card import Card, parse_card, with_config
from hf_datasets.publishing.dataset_card import ORDER, findings_section, written_sections
from hf_datasets.publishing.dataset_facts import CardFacts, CardTable, known_record, task_report
from hf_datasets.publishing.folder import VERSION
from hf_datasets.publishing.markdown import plain
from hf_datasets.publishing.release import CARD, PLOTS
from hf_datasets.publishing.sections import START, sections, take_apart, with_sections, write
from hf_datasets.readme import content_line, data_files, yaml_head
from hf_datasets.reference import Reference, has_card, open_dataset
from hf_datasets.task import table_key, tasks_of_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import datasets

    from cards.plots.labels import LabelDistribution
    from hf_datasets.checks.report import Finding
    from hf_datasets.reference import OpenedDataset

CITATION = "CITATION.bib"
OURS = frozenset(ORDER) - {"summary", "about"}
"""Sections that are written here; the others are those of `publish build`."""
LONGEST_DESCRIPTION = 2000


@dataclass(frozen=True)
class WrittenCard:
    """What was written."""

    facts: CardFacts
    files: tuple[Path, ...]
    """All of them, README.md first."""
    findings: tuple[Finding, ...] | None
    """What a check found; None without one."""
    undrawn: tuple[str, ...]
    """Tasks whose labels could not be drawn, each with the reason."""


def write_dataset_card(root: Path, *, check: bool = True) -> WrittenCard:
    """Write README.md, plots of the labels and Croissant metadata into a dataset folder.

    `check` says whether the dataset is checked as `publish check` does, and what that found is
    told on the card.

    Raises
    ------
    InputError
        No folder, no table in it, files that cannot be read, a README without a YAML head that
        is no text.

    """
    if not root.is_dir():
        message = f"no folder {root}; give one that holds a dataset, e.g. from `publish build`"
        raise InputError(message)
    opened = open_dataset(Reference(str(root), "folder", None, ()))
    card = _with_configs(_old_card(root), opened)
    tables = {config: opened.splits(config) for config in card.configs}
    if not tables:
        message = f"{root} holds no table; put Parquet files into it, or `publish build` a dataset"
        raise InputError(message)
    facts = _facts(root, card, tables)
    findings: tuple[Finding, ...] | None = None
    if check:
        from hf_datasets.check import check_dataset

        findings = check_dataset(root).findings
    plots, undrawn = _draw(root, card, facts, tables)
    written = written_sections(facts)
    if plots:
        written["labels"] = _labels_section(plots)
    if findings is not None:
        written["findings"] = findings_section(findings, opened.name)
    if not card.body.strip():
        written["summary"] = f"# {plain(facts.name)}"
    marked = {name: write(name, text) for name, text in written.items()}
    paths = [file.path for one in facts.tables.values() for file in one.files]
    marked["content"] = content_line(root, paths)
    body = with_sections(card.body, marked, ORDER, gone=OURS)
    write_text(root / CARD, replace(card, body=body).text)
    features = {name: next(iter(splits.values())).features for name, splits in tables.items()}
    about = croissant(facts, features, description(card.body, facts), findings or ())
    write_text(root / CROISSANT, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    if len(facts.tables) > MOST_TABLES:
        say(f"{CROISSANT} has the fields of the first {MOST_TABLES} tables only")
    files = [root / CARD, root / CROISSANT, *(path for one in plots.values() for path in one)]
    return WrittenCard(facts, tuple(files), findings, tuple(undrawn))


def _old_card(root: Path) -> Card:
    """Return the card that is there, or one without fields; its text is that of the README."""
    readme = root / CARD
    if has_card(root):
        return parse_card(readme.read_bytes(), str(readme))
    try:
        text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    except UnicodeDecodeError as error:
        message = f"{readme} is not UTF-8 text ({error.reason}); convert it"
        raise InputError(message) from error
    return Card("---\n", "", "---\n", text)


def _with_configs(card: Card, opened: OpenedDataset) -> Card:
    """Have the card name its tables, as `datasets` finds them now.

    It must not guess any more once plots lie there.
    """
    if card.configs:
        return card
    import datasets

    if not card.head:
        card = replace(card, head=yaml_head({"pretty_name": opened.name}))
    home = opened.root.resolve()
    names = opened.configs()
    for config in names:
        opened.splits(config)  # as any user has it: InputError where it cannot be read
        files = datasets.load_dataset_builder(str(home), config).config.data_files or {}
        stated: list[dict[str, str | list[str]]] = []
        for split, found in files.items():
            paths = [Path(path).resolve().relative_to(home).as_posix() for path in found]
            stated.append({"split": str(split), "path": paths if len(paths) > 1 else paths[0]})
        entry = {"config_name": config, "data_files": stated}
        card = with_config(card, entry)
    write_text(opened.root / CARD, card.text)
    say(f"{CARD} names the tables now: {shorten(names)}")
    return card


def _facts(root: Path, card: Card, tables: Mapping[str, datasets.DatasetDict]) -> CardFacts:
    name = str(card.values.get("pretty_name") or root.resolve().name)
    versions = {str(entry.get("version", "")) for entry in card.configs.values()}
    version = versions.pop() if len(versions) == 1 else ""
    own = root / CITATION
    found = {}
    for config, splits in tables.items():
        features = next(iter(splits.values())).features
        found[config] = CardTable(
            config=config,
            key=table_key(features) or (),
            columns=tuple(features),
            rows={str(split): len(table) for split, table in splits.items()},
            files=data_files(root, card.configs[config]),
            tasks=tuple(
                task_report(task, joined_column(splits.values(), task.column))
                for task in tasks_of_table(name, config, features)
            ),
        )
    return CardFacts(
        name=name,
        version=version if VERSION.fullmatch(version) else "",
        licence=card.licence,
        tables=found,
        record=known_record(read_record(root)),
        citation=own.read_text(encoding="utf-8", errors="replace") if own.is_file() else "",
    )


def _draw(
    root: Path, card: Card, facts: CardFacts, tables: Mapping[str, datasets.DatasetDict]
) -> tuple[dict[str, list[Path]], list[str]]:
    """Draw the labels of each config; return the files by config, and what cannot be drawn.

    Plots that the old card shows and that are not drawn again are removed.
    """
    from cards.plots.labels import distribution, label_figure

    drawn: dict[str, list[Path]] = {}
    undrawn: list[str] = []
    for config, splits in tables.items():
        features = next(iter(splits.values())).features
        found: list[LabelDistribution] = []
        for task in tasks_of_table(facts.name, config, features):
            try:
                found.append(distribution(task, joined_column(splits.values(), task.column)))
            except InputError as error:
                undrawn.append(f"{config}/{task.column}: {one_line(error)}")
        if found:
            out = root / PLOTS / quote(config, safe="")
            drawn[config] = list(label_figure(config, found, out, formats=("png",)))
    now = {path.resolve() for files in drawn.values() for path in files}
    shown = sections(card.body).get("labels", "")
    for name in re.findall(rf"[(\"]({re.escape(PLOTS)}[\w.%-]+)[)\"]", shown):
        old = root / unquote(name)
        if old.resolve() not in now and old.parent.resolve() == (root / PLOTS).resolve():
            old.unlink(missing_ok=True)
    return drawn, undrawn


def _labels_section(plots: Mapping[str, Sequence[Path]]) -> str:
    """Return the plots, each with its numbers."""
    text = ["## How labels are distributed"]
    for config, files in plots.items():
        # A name with a percent sign is the name of a file here, not that of an escape.
        names = {path.suffix: quote(f"{PLOTS}{path.name}") for path in files}
        (plot,) = (path for path in files if path.suffix == ".png")
        about = f"How the labels of {plain(config)} are distributed"
        text.append(
            f'<img src="{names[".png"]}" width="{_png_width(plot) // 2}" alt="{about}">\n\n'
            f"[The numbers]({names['.csv']})"
        )
    return "\n\n".join(text)


def _png_width(path: Path) -> int:
    """Return the width of a PNG in pixels; twice that of its place, so that print is sharp."""
    with path.open("rb") as stream:
        return int.from_bytes(stream.read(20)[16:], "big")


def description(body: str, facts: CardFacts) -> str:
    """Return the first paragraph of a card that is plain text, or else one on its size."""
    own = [text for name, text in take_apart(body) if name in {START, "summary"}]
    text = re.sub(r"<!--.*?-->", "", "\n\n".join(own), flags=re.DOTALL)
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line for line in paragraph.strip().splitlines() if not line.startswith("#")]
        said = one_line("\n".join(lines))
        if said and said[0] not in "`|![<-*>":
            return said[:LONGEST_DESCRIPTION]
    tasks = sum(len(one.tasks) for one in facts.tables.values())
    return f"{counted(len(facts.tables), 'table')} with {counted(tasks, 'task')}."
