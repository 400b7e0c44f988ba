"""`publish`: list and build the benchmark datasets."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets import __version__
from hf_datasets.checks.verb import add_check, run_check
from hf_datasets.command import EXIT_INCOMPLETE, EXIT_OK, CommandParser, run_command, say, show
from hf_datasets.errors import InputError, shorten
from hf_datasets.push import add_push_parser, push

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from hf_datasets.build import Build, BuildOptions
    from hf_datasets.registry import DatasetRecord


def build_parser() -> CommandParser:
    """Return the parser of `publish`."""
    parser = CommandParser(prog="publish", description="Benchmark datasets: list them, build them.")
    parser.add_argument("--version", action="version", version=f"genezoo {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|build|check|push")
    listing = verbs.add_parser("list", help="the datasets that have a short name, or their tasks")
    listing.add_argument(
        "--tasks",
        nargs="?",
        const="",
        metavar="DIR",
        help="every task; of a built folder also sizes and classes",
    )
    listing.add_argument("--json", action="store_true", help="as JSON, for programs")
    build = verbs.add_parser("build", help="build a dataset into a folder: Parquet and README")
    build.add_argument("name", help="short name, as `publish list` shows it")
    build.add_argument("--out", type=Path, required=True, help="folder to write")
    build.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="NAME[.KEY]=FILE",
        help="a local copy of a source, or of one of its files; may be repeated",
    )
    build.add_argument("--sources", type=Path, metavar="DIR", help="a folder with one per source")
    build.add_argument("--no-download", action="store_true", help="use only what is at hand")
    build.add_argument(
        "--allow-partial", action="store_true", help="end well although a source is missing"
    )
    build.add_argument("--genome", type=Path, metavar="FASTA", help="GRCh38, for the DNA windows")
    build.add_argument(
        "--dna-window",
        type=int,
        default=2048,
        metavar="BASES",
        help="length of the DNA windows, the start of transcription in the middle (%(default)s)",
    )
    add_check(verbs)
    add_push_parser(verbs)
    return parser


def main(argv: Sequence[str]) -> int:
    """Run `publish` with these arguments; return the exit status."""
    arguments = build_parser().parse_args(argv)
    run = {"list": list_datasets, "build": build, "check": run_check, "push": push}
    return run[arguments.verb](arguments)


def list_datasets(arguments: argparse.Namespace) -> int:
    """Print every registered dataset with version, licence and configs; or tasks."""
    from hf_datasets.registry import registered_datasets

    if arguments.tasks is not None:
        return list_tasks(arguments)
    records = registered_datasets().values()
    if arguments.json:
        show(json.dumps([asdict(record) for record in records], indent=2))
        return EXIT_OK
    for record in records:
        show(f"{record.name} {record.version}  ({record.licence})  {record.summary}")
        show(f"  configs: {', '.join(record.configs)}")
    return EXIT_OK


def list_tasks(arguments: argparse.Namespace) -> int:
    """Print the tasks that are declared, or those of a built folder."""
    from hf_datasets.listing import declared_tasks, table_lines, tasks_of_folder

    tasks = tasks_of_folder(arguments.tasks) if arguments.tasks else declared_tasks()
    if arguments.json:
        show(json.dumps([asdict(task) for task in tasks], indent=2))
    else:
        for line in table_lines(tasks):
            show(line)
    return EXIT_OK


def build(arguments: argparse.Namespace) -> int:
    """Build one dataset and say what was written, what is missing and what to do next."""
    from hf_datasets.build import build_dataset
    from hf_datasets.registry import dataset_record
    from hf_datasets.task import tasks_of_table

    record = dataset_record(arguments.name)
    built = build_dataset(record, arguments.out, build_options(arguments))
    for config, table in built.tables.items():
        tasks = tasks_of_table(record.name, config, table.features)
        show(f"{config:24} {sum(table.rows.values()):7,} rows  {len(tasks):3} tasks")
    status = report_missing(built, allowed=arguments.allow_partial)
    if built.unchanged:
        say(f"unchanged {arguments.out}: sources, options and code are those it was built from")
    else:
        say(f"wrote {arguments.out} ({record.name} {record.version})")
    say(f"next: {next_step(record, arguments.out, built)}")
    return status


ASKED = ({"question", "options", "answer"}, {"instruction", "label"})
"""Columns of tables that language models are asked from."""


def next_step(record: DatasetRecord, out: Path, built: Build) -> str:
    """Return what one would do next with a dataset of this kind."""
    if "genes" in record.configs:
        return f"extract --model minilm --input {out} --out minilm.parquet"
    columns = {config: set(table.features) for config, table in built.tables.items()}
    if any(asked <= names for names in columns.values() for asked in ASKED):
        return f"probe --model LLM --tasks {out} --out results.parquet"
    config = next(iter(columns), record.configs[0])
    return f'in Python, hf_datasets.load_dataset("{out}", "{config}")'


def build_options(arguments: argparse.Namespace) -> BuildOptions:
    """Return the options of a build; InputError for those that cannot be."""
    from hf_datasets.build import BuildOptions
    from hf_datasets.sources.fetch import parse_given

    given = parse_given(arguments.source)
    if arguments.genome is not None:
        given |= parse_given([f"ensembl.genome={arguments.genome}"])
    if arguments.sources is not None and not arguments.sources.is_dir():
        message = f"no folder {arguments.sources}; give --sources a folder with one per source"
        raise InputError(message)
    if arguments.dna_window < 1:
        message = f"--dna-window {arguments.dna_window} is no length; give a number of bases"
        raise InputError(message)
    return BuildOptions(
        given=given,
        folder=arguments.sources,
        download=not arguments.no_download,
        dna_window=arguments.dna_window,
    )


def report_missing(built: Build, *, allowed: bool) -> int:
    """Say what is not in a build, a line a source; return the exit status."""
    for reason in built.unavailable.values():
        say(f"missing: {reason}")
    others = {
        path: reason
        for path, reason in built.missing.items()
        if reason not in built.unavailable.values()
    }
    reasons: dict[str, list[str]] = {}
    for path, reason in others.items():
        reasons.setdefault(reason, []).append(path)
    for reason, paths in reasons.items():
        say(f"missing {shorten(paths, 2)}: {reason}")
    if not built.missing:
        return EXIT_OK
    say(f"partial: {len(built.missing)} tasks or inputs are not in it; see its README.md")
    return EXIT_OK if allowed else EXIT_INCOMPLETE


def command(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return run_command("publish", main, argv)


if __name__ == "__main__":
    raise SystemExit(command())
