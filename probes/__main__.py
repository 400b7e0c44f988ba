"""`probe`: score embeddings on tasks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets import __version__
from hf_datasets.command import (
    EXIT_INCOMPLETE,
    EXIT_OK,
    CommandParser,
    run_command,
    say,
    show,
)
from hf_datasets.errors import InputError
from probes.settings import MISSING, PAIRS, PROTOCOLS, Settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLE = "probe minilm.parquet --tasks gene-benchmark-sample/localization --out results.parquet"


def build_parser() -> CommandParser:
    """Return the parser of `probe`."""
    usual = Settings()
    parser = CommandParser(
        prog="probe",
        description="Score embeddings on tasks: cross-validated linear probes, the same folds "
        "for every model.",
        epilog=f"example: {EXAMPLE}",
    )
    parser.add_argument("--version", action="version", version=f"genezoo {__version__}")
    add = parser.add_argument
    add(
        "embeddings",
        nargs="+",
        metavar="EMB",
        help="embedding table of `extract`; table of vectors (CSV, TSV, Parquet, word2vec); "
        "or org/name on the Hub",
    )
    add(
        "--tasks",
        nargs="+",
        action="extend",
        required=True,
        metavar="PATH",
        help="DATASET[@REVISION][/CONFIG[/COLUMN[/LABEL]]]; DATASET is a folder, a short name "
        "(`publish list`) or org/name on the Hub",
    )
    add("--out", type=Path, required=True, help="results to write: a Parquet file")
    add(
        "--protocol",
        choices=PROTOCOLS,
        default=usual.protocol,
        help="standard: features scaled by the training rows; unscaled: raw vectors, as "
        "gene-benchmark fits (default: %(default)s)",
    )
    add(
        "--pair",
        choices=PAIRS,
        default=usual.pair,
        help="how two vectors become one, for tasks on pairs (default: %(default)s)",
    )
    add("--folds", type=int, default=usual.folds, help="default: %(default)s")
    add("--repeats", type=int, default=usual.repeats, help="default: %(default)s")
    add("--seed", type=int, default=usual.seed, help="of the folds (default: %(default)s)")
    add(
        "--common",
        action="store_true",
        help="score every model only on the entities that all models have",
    )
    add(
        "--missing",
        choices=MISSING,
        default=usual.missing,
        help="entities without a vector: leave them out and say so, or end with an error "
        "(default: %(default)s)",
    )
    add(
        "--derived",
        action="store_true",
        help="also each label of a multi-label task as a binary task",
    )
    add("--jobs", type=int, help="fits at a time (default: one per core); changes no number")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run `probe` with these arguments; return the exit status."""
    arguments = build_parser().parse_args(argv)
    settings = Settings(
        protocol=arguments.protocol,
        pair=arguments.pair,
        folds=arguments.folds,
        repeats=arguments.repeats,
        seed=arguments.seed,
        common=arguments.common,
        missing=arguments.missing,
    )
    _check_out(arguments)
    return _probe(arguments, settings)


def _check_out(arguments: argparse.Namespace) -> None:
    """InputError for an --out that is no Parquet file or would replace an input."""
    out: Path = arguments.out
    if out.suffix.lower() not in {".parquet", ".pq"}:
        message = f"--out {out} is not a Parquet file; results are written as NAME.parquet"
        raise InputError(message)
    if arguments.jobs is not None and arguments.jobs < 1:
        message = f"--jobs {arguments.jobs} is not possible; give 1 or more"
        raise InputError(message)
    for source in arguments.embeddings:
        if Path(source).expanduser().absolute() == out.expanduser().absolute():
            message = f"--out {out} is one of the embeddings; choose another --out"
            raise InputError(message)


def _probe(arguments: argparse.Namespace, settings: Settings) -> int:
    from extractors.store import load_embeddings
    from hf_datasets.files import check_writable
    from probes.result import write_results
    from probes.run import run_probes
    from probes.summary import score_table
    from probes.task_set import load_tasks

    embeddings = [load_embeddings(source) for source in arguments.embeddings]
    task_set = load_tasks(arguments.tasks, derived=arguments.derived)
    check_writable(arguments.out)
    outcome = run_probes(embeddings, task_set, settings, arguments.jobs)
    write_results(outcome.rows, outcome.provenance, arguments.out)
    show(score_table(outcome.rows))
    for note in outcome.notes:
        say(f"note: {note}")
    for problem in outcome.problems:
        say(f"not done: {problem}")
    say(f"wrote {arguments.out} ({len(outcome.rows):,} rows)")
    say(f"next: cards leaderboard {arguments.out} --out leaderboard.html")
    return EXIT_INCOMPLETE if outcome.problems else EXIT_OK


def command(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return run_command("probe", main, argv)


if __name__ == "__main__":
    raise SystemExit(command())
