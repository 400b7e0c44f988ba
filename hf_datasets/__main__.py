"""`publish`: list and build the benchmark datasets."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets import __version__
from hf_datasets.command import EXIT_OK, CommandParser, run_command, say, show

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def build_parser() -> CommandParser:
    """Return the parser of `publish`."""
    parser = CommandParser(prog="publish", description="Benchmark datasets: list them, build them.")
    parser.add_argument("--version", action="version", version=f"genezoo {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|build")
    listing = verbs.add_parser("list", help="the datasets that have a short name")
    listing.add_argument("--json", action="store_true", help="as JSON, for programs")
    build = verbs.add_parser("build", help="build a dataset into a folder: Parquet and README")
    build.add_argument("name", help="short name, as `publish list` shows it")
    build.add_argument("--out", type=Path, required=True, help="folder to write")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run `publish` with these arguments; return the exit status."""
    arguments = build_parser().parse_args(argv)
    return {"list": list_datasets, "build": build}[arguments.verb](arguments)


def list_datasets(arguments: argparse.Namespace) -> int:
    """Print every registered dataset with version, licence and configs."""
    from hf_datasets.registry import registered_datasets

    records = registered_datasets().values()
    if arguments.json:
        show(json.dumps([asdict(record) for record in records], indent=2))
        return EXIT_OK
    for record in records:
        show(f"{record.name} {record.version}  ({record.licence})  {record.summary}")
        show(f"  configs: {', '.join(record.configs)}")
    return EXIT_OK


def build(arguments: argparse.Namespace) -> int:
    """Build one dataset and say what was written and what to do next."""
    from hf_datasets.build import build_dataset
    from hf_datasets.registry import dataset_record
    from hf_datasets.task import tasks_of_table

    record = dataset_record(arguments.name)
    tables = build_dataset(record, arguments.out)
    for config, table in tables.items():
        tasks = tasks_of_table(record.name, config, table.features)
        show(f"{config:24} {len(table):7,} rows  {len(tasks):3} tasks")
    say(f"wrote {arguments.out} ({record.name} {record.version})")
    say(f"next: extract --model minilm --input {arguments.out} --out minilm.parquet")
    return EXIT_OK


def command(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return run_command("publish", main, argv)


if __name__ == "__main__":
    raise SystemExit(command())
