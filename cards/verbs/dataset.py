"""`cards dataset`: the card of a dataset folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cards.names import counted, plain
from hf_datasets.command import EXIT_INCOMPLETE, EXIT_OK, say, show

if TYPE_CHECKING:
    import argparse

    from hf_datasets.command import CommandParser


def add_dataset(verbs: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the verb to the parser of `cards`."""
    card = verbs.add_parser(
        "dataset",
        help="the card of a dataset folder: README.md, plots of the labels, Croissant",
        description="Write the card of a dataset folder. Text outside its marked sections stays.",
    )
    card.add_argument(
        "folder", type=Path, metavar="DIR", help="folder of a dataset: Parquet, and a README"
    )
    card.add_argument(
        "--no-check", action="store_true", help="leave out what `publish check` would find"
    )
    card.set_defaults(run=run_dataset)


def run_dataset(arguments: argparse.Namespace) -> int:
    """Write the card; say what is in it and what to do next."""
    from cards.dataset import write_dataset_card

    folder: Path = arguments.folder
    done = write_dataset_card(folder, check=not arguments.no_check)
    for path in done.files:
        show(str(path))
    for reason in done.undrawn:
        say(f"not drawn: {plain(reason, 300)}")
    tables = done.facts.tables.values()
    tasks = sum(len(one.tasks) for one in tables)
    found = "" if done.findings is None else f", {counted(len(done.findings), 'finding')}"
    say(f"wrote the card of {folder} ({counted(len(tables), 'table')}, {tasks} tasks{found})")
    say(f"next: publish push {folder} --to ORG/{folder.resolve().name} --dry-run")
    return EXIT_INCOMPLETE if done.undrawn else EXIT_OK
