"""`probe`: score embeddings on tasks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets import __version__
from hf_datasets.command import (
    EXIT_INCOMPLETE,
    EXIT_OK,
    CommandParser,
    count,
    run_command,
    say,
    show,
)
from hf_datasets.errors import InputError
from probes.language.command import ask, is_about_models
from probes.settings import COLUMN_SPLIT, MISSING, PAIRS, PROBES, PROTOCOLS, WHOLE, Settings
from probes.verbs import VERBS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from probes.engines import Engine

ENGINES = ("local", "ray")
EXAMPLE = "probe minilm.parquet --tasks gene-benchmark-sample/localization --out results.parquet"


def build_parser() -> CommandParser:
    """Return the parser of `probe`."""
    usual = Settings()
    parser = CommandParser(
        prog="probe",
        description="Score embeddings on tasks: cross-validated linear probes, the same folds "
        "for every model.",
        epilog=f"example: {EXAMPLE}; with results: {', '.join(f'probe {one}' for one in VERBS)} "
        "(each with --help); a language model's answers: probe --model LLM --help",
    )
    parser.add_argument("--version", action="version", version=f"genezoo {__version__}")
    add = parser.add_argument
    add(
        "embeddings",
        nargs="+",
        metavar="EMB",
        help="embedding table of `extract`; table of vectors (CSV, TSV, Parquet, word2vec); "
        "a folder of its shards; both also by URL (s3://...); or org/name on the Hub; "
        "A+B: two side by side",
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
        help="standard: features standardised, C chosen in the training part; unscaled: raw "
        "vectors, C = 1, to the optimum; paper: as gene-benchmark fits, faults and all "
        "(default: %(default)s)",
    )
    add(
        "--probe",
        choices=PROBES,
        default=usual.probe,
        help="linear, k nearest neighbours, gradient boosting or a small network "
        "(default: %(default)s)",
    )
    add("--C", type=float, metavar="C", dest="c", help="fix the strength of the penalty: 1/C")
    add(
        "--pair",
        choices=PAIRS,
        default=usual.pair,
        help="how two vectors become one, for tasks on pairs (default: %(default)s)",
    )
    add(
        "--split",
        default=usual.split,
        help="random; family: by the column fold_family; genes: pairs without shared genes; "
        "column NAME (or column:NAME); auto: the column 'split' where there is one, else random "
        "(default: %(default)s)",
    )
    add("--folds", type=int, default=usual.folds, help="default: %(default)s")
    add("--repeats", type=int, default=usual.repeats, help="default: %(default)s")
    add(
        "--fractions",
        type=_numbers,
        default=usual.fractions,
        metavar="F,F",
        help="learning curve: shares of the training part, as 0.1,0.3,1",
    )
    add("--seed", type=int, default=usual.seed, help="of the folds (default: %(default)s)")
    add("--shuffle-labels", action="store_true", help="control task: labels dealt out anew")
    add(
        "--label-noise",
        type=float,
        default=usual.label_noise,
        metavar="SHARE",
        help="make a share of the training labels wrong",
    )
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
    add("--exact", action="store_true", help="float64, each decision value within 1e-4")
    add("--device", metavar="NAME", help="solve with torch on this device, as cuda")
    add(
        "--predictions",
        type=Path,
        metavar="FILE",
        help="also write each test entity's score (of a learning curve, by the fits on all "
        "training entities)",
    )
    add("--jobs", type=int, help="batches at a time (default: one per core); changes no number")
    add("--restart", action="store_true", help="discard what an interrupted run has done")
    _add_engine(parser)
    return parser


def _add_engine(parser: CommandParser) -> None:
    """Add the options about where the work is done."""
    add = parser.add_argument_group("beyond one machine").add_argument
    add(
        "--engine",
        choices=ENGINES,
        default=ENGINES[0],
        help="this machine (default), or a Ray cluster: the same numbers, and its nodes need not "
        "see the files",
    )
    add("--address", help="of the Ray cluster (auto: the one this machine is in)")
    add(
        "--workers",
        type=count,
        metavar="N",
        help="batches at a time on the cluster (default: one for each core it has)",
    )
    add("--gpus", type=count, metavar="N", help="the same on so many of its GPUs: --device cuda")


def _numbers(text: str) -> tuple[float, ...]:
    """Read `0.1,0.3,1`; a ValueError becomes argparse's one line."""
    return tuple(float(part) for part in text.split(","))


def _column_joined(argv: Sequence[str]) -> list[str]:
    """Write `--split column NAME` as `--split column:NAME`, which is one value."""
    found: list[str] = []
    for word in argv:
        if found[-2:] == ["--split", "column"]:
            found[-1] = f"{COLUMN_SPLIT}{word}"
        else:
            found.append(word)
    return found


def main(argv: Sequence[str]) -> int:
    """Run `probe` with these arguments; return the exit status."""
    if argv and (verb := VERBS.get(argv[0])):
        _refuse_engine(f"probe {argv[0]}", argv)
        return verb(argv[1:])
    if is_about_models(argv):
        _refuse_engine("probe --model", argv)
        return ask(argv)
    arguments = build_parser().parse_args(_column_joined(argv))
    settings = Settings(
        protocol=arguments.protocol,
        probe=arguments.probe,
        c=arguments.c,
        pair=arguments.pair,
        split=arguments.split,
        folds=arguments.folds,
        repeats=arguments.repeats,
        fractions=arguments.fractions,
        seed=arguments.seed,
        common=arguments.common,
        missing=arguments.missing,
        shuffle_labels=arguments.shuffle_labels,
        label_noise=arguments.label_noise,
        exact=arguments.exact,
        device="cuda" if arguments.gpus and not arguments.device else arguments.device,
    )
    _check_out(arguments)
    return _probe(arguments, settings, _engine(arguments))


def _refuse_engine(what: str, argv: Sequence[str]) -> None:
    """InputError for an engine where there is nothing to spread."""
    if any(word.partition("=")[0] == "--engine" for word in argv):
        message = f"`{what}` runs on this machine alone; leave --engine out"
        raise InputError(message)


def _engine(arguments: argparse.Namespace) -> Engine:
    """Return where the work is to be done; InputError for options of another engine."""
    if arguments.engine == "local":
        for option in ("address", "workers", "gpus"):
            if getattr(arguments, option) is not None:
                message = f"--{option} is for a cluster; add --engine ray, or leave it out"
                raise InputError(message)
        from probes.engines import Threads

        return Threads(arguments.jobs)
    if arguments.jobs is not None:
        message = f"--jobs {arguments.jobs} is for this machine; with Ray give --workers"
        raise InputError(message)
    if arguments.gpus and arguments.workers:
        message = "--gpus and --workers are both given; a worker has a GPU or none: name one"
        raise InputError(message)
    on_gpus = arguments.device == "cuda"
    if (arguments.gpus and arguments.device and not on_gpus) or (arguments.workers and on_gpus):
        message = (
            f"--device {arguments.device} contradicts --{'gpus' if arguments.gpus else 'workers'}"
        )
        raise InputError(message)
    from probes.cluster import RayEngine

    return RayEngine(arguments.address, arguments.workers, arguments.gpus)


def _check_out(arguments: argparse.Namespace) -> None:
    """InputError for an output that is no Parquet file or would replace an input."""
    outputs = {"--out": arguments.out, "--predictions": arguments.predictions}
    for option, out in outputs.items():
        if out is not None:
            _check_one(option, out, arguments.embeddings)
    if arguments.predictions is not None and _same(arguments.out, arguments.predictions):
        message = f"--predictions {arguments.predictions} is --out too; give two files"
        raise InputError(message)
    if arguments.predictions is not None and WHOLE not in arguments.fractions:
        message = "--predictions needs fits on all training entities; add 1 to --fractions"
        raise InputError(message)
    if arguments.jobs is not None and arguments.jobs < 1:
        message = f"--jobs {arguments.jobs} is not possible; give 1 or more"
        raise InputError(message)


def _check_one(option: str, out: Path, embeddings: Sequence[str]) -> None:
    if out.suffix.lower() not in {".parquet", ".pq"}:
        message = f"{option} {out} is not a Parquet file; results are written as NAME.parquet"
        raise InputError(message)
    if any(_same(Path(source), out) for source in embeddings):
        message = f"{option} {out} is one of the embeddings; choose another {option}"
        raise InputError(message)


def _same(one: Path, other: Path) -> bool:
    return one.expanduser().absolute() == other.expanduser().absolute()


def _probe(arguments: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    from hf_datasets.files import check_writable
    from probes.ensemble import load
    from probes.parts import open_parts
    from probes.result import write_results
    from probes.run import carry_out, plan_run
    from probes.summary import score_legend, score_table
    from probes.task_set import load_tasks

    out, predictions = arguments.out, arguments.predictions
    wanted = predictions is not None
    with engine.running(settings):  # what is not there is said before anything is read
        embeddings = [load(source) for source in arguments.embeddings]
        task_set = load_tasks(arguments.tasks, derived=arguments.derived, split=settings.split)
        for path in (out, predictions):
            if path is not None:
                check_writable(path)
        planned = plan_run(embeddings, task_set, settings)
        with open_parts(
            out, planned.provenance, predictions=wanted, restart=arguments.restart
        ) as parts:
            outcome = carry_out(planned, engine, parts)
            write_results(outcome.rows, outcome.provenance, out)
            if wanted:
                n_predictions = parts.join_predictions(predictions)
    show(score_table(outcome.rows))
    if legend := score_legend(outcome.rows):
        say(legend)
    for note in outcome.notes:
        say(f"note: {note}")
    for problem in outcome.problems:
        say(f"not done: {problem}")
    if wanted:
        say(f"wrote {predictions} ({n_predictions:,} predictions)")
    say(f"wrote {out} ({len(outcome.rows):,} rows)")
    if len(embeddings) > 1:
        beside = f" --predictions {predictions}" if wanted else ""
        say(f"next: probe compare {out}{beside}")
    say(f"next: cards leaderboard {out} --out site")
    return EXIT_INCOMPLETE if outcome.problems else EXIT_OK


def command(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return run_command("probe", main, argv)


if __name__ == "__main__":
    raise SystemExit(command())
