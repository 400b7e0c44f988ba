"""`extract` into a folder: its options, and what it says at the end."""

from __future__ import annotations

import json
import math
from argparse import ArgumentTypeError
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.jobs.remote import is_url
from hf_datasets.command import EXIT_INCOMPLETE, EXIT_OK, count, say, show
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from extractors.inputs import Asked
    from extractors.jobs.engine import Engine
    from extractors.jobs.job import JobSummary
    from extractors.jobs.source import Source
    from extractors.loading import Loader
    from extractors.model import ModelRecord, Settings

ENGINES = ("local", "ray")
OPTIONS = (
    "address", "gpus", "gpus_per_worker", "accelerator", "workers", "shard_rows",
    "dry_run", "sample_seconds", "price_per_hour",
)  # fmt: skip
SHOWN_SHARDS = 5


def add_options(parser: ArgumentParser) -> None:
    """Add the options of a job."""
    job = parser.add_argument_group(
        "into a folder (--out DIR/), for inputs of any size: a shard for each stretch of the input"
    )
    job.add_argument(
        "--engine",
        choices=ENGINES,
        help="this machine (default), or a Ray cluster whose nodes all see --input and --out",
    )
    job.add_argument("--address", help="of the Ray cluster (auto: the one this machine is in)")
    job.add_argument(
        "--gpus",
        type=count,
        help="GPUs to use, a worker on each; on a cluster the most: it may grow up to them",
    )
    job.add_argument(
        "--gpus-per-worker",
        type=_fraction,
        metavar="SHARE",
        help="let workers share a GPU: 0.5 puts two on each of --gpus (default 1)",
    )
    job.add_argument(
        "--accelerator",
        metavar="KIND",
        help="with Ray, the only kind of GPU that serves, as A100: bytes may differ between kinds",
    )
    job.add_argument(
        "--workers",
        type=count,
        help="workers without a GPU (local: on --device; Ray: default, as many as there are cores)",
    )
    job.add_argument("--shard-rows", type=count, help="rows of a shard (default: about 256 MB)")
    job.add_argument(
        "--dry-run",
        action="store_const",
        const=True,
        help="measure a sample on one worker; say what the job will take, and write nothing",
    )
    job.add_argument(
        "--sample-seconds",
        type=_positive,
        metavar="SECONDS",
        help="with --dry-run: about how long (default 20)",
    )
    job.add_argument(
        "--price-per-hour",
        type=_positive,
        metavar="PRICE",
        help="of a worker, in any currency: show costs, of the job or with --dry-run",
    )


def _positive(text: str) -> float:
    """Read a number over 0."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        message = f"{text!r} is no number over 0; give as in 20 or 2.5"
        raise ArgumentTypeError(message)
    return found


def _fraction(text: str) -> float:
    """Read the share of a GPU that a worker has: 1 divided by a whole number."""
    try:
        share = Fraction(text).limit_denominator(100)
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if share <= 0 or share.numerator != 1:
        message = f"{text!r} is no share of a GPU; give 1, 0.5, 1/3, 0.25, ..."
        raise ArgumentTypeError(message)
    return float(share)


def is_job(arguments: Namespace) -> bool:
    """Whether a folder of shards is wanted; InputError for options that have no meaning else."""
    out = _local_name(arguments.out)
    folder = arguments.out.endswith("/") or is_url(arguments.out) or (out / ".job").is_dir()
    if arguments.engine or folder:
        return True
    for option in OPTIONS:
        if getattr(arguments, option) is not None:
            shown = option.replace("_", "-")
            message = f"--{shown} is for a folder of shards; give --out {out.with_suffix('')}/"
            raise InputError(message)
    return False


def _local_name(out: str) -> Path:
    """Return `--out` as a path; of a URL its last part, what a local table might be called."""
    return Path(Path(out).name if is_url(out) else out)


def extract_job(
    record: ModelRecord,
    settings: Settings,
    asked: Asked,
    arguments: Namespace,
    devices: Callable[[str], list[str]],
) -> int:
    """Run a job, then say what was written and what went wrong. Returns the exit status.

    With `--dry-run`: say what it would take. `devices` reads `--device`.
    """
    from extractors.jobs.job import run_job
    from extractors.jobs.source import open_source
    from extractors.jobs.storage import JobFolder
    from extractors.loading import Loader

    folder = JobFolder.at(arguments.out)
    _require_shards(record, asked, _local_name(arguments.out))
    loader = Loader(record, settings, find_budget=arguments.budget == "auto")
    engine = _engine(arguments, devices)
    if arguments.dry_run:
        return _dry_run(loader, open_source(asked, record.reads), engine, arguments)
    if arguments.sample_seconds is not None:
        message = "--sample-seconds is for --dry-run; add it, or leave this out"
        raise InputError(message)
    summary = run_job(
        loader,
        open_source(asked, record.reads),
        folder,
        engine,
        name=arguments.name,
        stored=arguments.store,
        shard_rows=arguments.shard_rows,
        restart=arguments.restart,
        price=arguments.price_per_hour,
    )
    _report(arguments.name or record.name, arguments.out, summary)
    return EXIT_INCOMPLETE if summary.n_failed or summary.given_up else EXIT_OK


def _dry_run(loader: Loader, source: Source, engine: Engine[Any], arguments: Namespace) -> int:
    from extractors.jobs.estimate import estimate_job

    found = estimate_job(
        loader,
        source,
        engine,
        name=arguments.name,
        stored=arguments.store,
        shard_rows=arguments.shard_rows,
        sample_seconds=arguments.sample_seconds or 20.0,
        price=arguments.price_per_hour,
    )
    if arguments.json:
        show(json.dumps(asdict(found), indent=1))
    else:
        for label, text in found.table():
            show(f"{label:8} {text}")
    say("nothing was written; the same command without --dry-run does it")
    return EXIT_OK


def _require_shards(record: ModelRecord, asked: Asked, out: Path) -> None:
    """InputError for what cannot be cut into shards."""
    from extractors.loading import OWN_INPUT

    table = f"write one table: --out {out.with_suffix('.parquet')}"
    if out.suffix == ".parquet" and not out.is_dir():
        message = f"--out {out} is a file, a job writes a folder; give --out {out.with_suffix('')}/"
        raise InputError(message)
    if "{layer}" in out.name:
        message = f"--out {out}: into a folder goes one layer; leave {{layer}} out"
        raise InputError(message)
    if record.modality in OWN_INPUT:
        message = f"model {record.name} reads its input as a whole, not in shards; {table}"
        raise InputError(message)
    if asked.source is None:
        message = f"--input is missing: model {record.name} has no vocabulary of its own"
        raise InputError(message)
    if asked.genes is not None:
        message = f"--genes looks up a list of names, not shards; {table}"
        raise InputError(message)


def _engine(arguments: Namespace, devices: Callable[[str], list[str]]) -> Engine[Any]:
    if arguments.gpus and arguments.workers:
        message = "--gpus and --workers are both given; a worker has a GPU or none: name one"
        raise InputError(message)
    if not arguments.gpus and (arguments.gpus_per_worker or arguments.accelerator):
        message = "--gpus-per-worker and --accelerator say which GPUs; give --gpus N too"
        raise InputError(message)
    each = round(1 / (arguments.gpus_per_worker or 1))
    if arguments.engine == "ray":
        from extractors.jobs.cluster import RayEngine, Resources

        if arguments.device != "auto":
            message = f"--device {arguments.device} is for one machine; with Ray give --gpus N"
            raise InputError(message)
        workers = arguments.gpus * each if arguments.gpus else arguments.workers
        share = 1 / each if arguments.gpus else 0.0
        return RayEngine(arguments.address, Resources(workers, share, arguments.accelerator))
    from extractors.jobs.local import LocalEngine

    if arguments.address or arguments.accelerator:
        message = f"--{'address' if arguments.address else 'accelerator'} is for --engine ray"
        raise InputError(message)
    if arguments.gpus:
        return LocalEngine([f"cuda:{at // each}" for at in range(arguments.gpus * each)])
    found = devices(arguments.device)
    if arguments.workers and len(found) > 1:
        message = f"--device names {len(found)} workers, --workers {arguments.workers}; give one"
        raise InputError(message)
    return LocalEngine(found * (arguments.workers or 1))


def _report(name: str, out: str, summary: JobSummary) -> None:
    done = summary.shards - len(summary.given_up)
    good = summary.n_rows - summary.n_failed
    if summary.reused == summary.n_rows and not summary.given_up:
        say(f"{out} is this very job, finished before and verified: nothing to do")
    else:
        say(
            f"wrote {done:,} of {summary.shards:,} shards into {out}: {good:,} embeddings of "
            f"{name}, {summary.dim} dimensions"
        )
        if summary.reused:
            say(f"  {summary.reused:,} rows stood already, verified, from an interrupted run")
    if summary.report and summary.report.rows:
        for line in summary.report.lines():
            say(f"  {line}")
    if summary.n_truncated:
        say(f"  {summary.n_truncated:,} inputs were cut at the limit")
    if summary.n_failed:
        say(f"  {summary.n_failed:,} rows failed and have no embedding:")
        for failure in summary.first_failures:
            say(f"    {failure[:150]}")
    if summary.given_up:
        say(f"  {len(summary.given_up):,} shards failed; the same command tries them again:")
        for shard, reason in summary.given_up[:SHOWN_SHARDS]:
            say(f"    {shard}: {reason[:150]}")
    else:
        files = f'data_files="{out.rstrip("/")}/*.parquet"' if is_url(out) else f'data_dir="{out}"'
        say(f'next: datasets.load_dataset("parquet", {files})')
