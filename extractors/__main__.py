"""`extract`: embed genes, proteins, DNA or text with any model of the zoo."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.model import DTYPES, LONG_POLICIES, POOLINGS, Settings
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

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from extractors.engine import Summary
    from extractors.inputs import Input
    from extractors.model import Encoder, ModelRecord

EXAMPLES = """examples:
  extract --list
  extract --model minilm --input gene-benchmark-sample --out minilm.parquet
  extract --model text:BAAI/bge-small-en-v1.5 --input genes.csv --column summary --out bge.parquet
  extract --model precomputed --input my_vectors.csv --out mine.parquet

An interrupted run goes on where it stopped when the same command is given again."""


def build_parser() -> CommandParser:
    """Return the parser of `extract`."""
    import argparse

    parser = CommandParser(
        prog="extract",
        description="Turn genes, proteins, DNA or text into embeddings.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"genezoo {__version__}")
    what = parser.add_argument_group("what")
    what.add_argument("--list", action="store_true", help="show the zoo")
    what.add_argument("--json", action="store_true", help="with --list: as JSON, for programs")
    what.add_argument("--model", help="name in the zoo, or text:ID_OR_FOLDER")
    what.add_argument("--input", help="CSV, TSV, JSONL, Parquet, FASTA (.gz too), or dataset path")
    what.add_argument("--column", help="column to read (default: the model's usual one)")
    what.add_argument("--id", help="column that names the rows (default: symbol, id, gene, …)")
    what.add_argument("--out", type=Path, help="embedding table to write (.parquet)")
    what.add_argument("--name", help="what results call it (default: the model's name)")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--dtype", choices=DTYPES, default="auto", help="arithmetic (auto: float32 on CPU)"
    )
    how.add_argument(
        "--store", choices=("float32", "float16"), default="float32", help="as written"
    )
    how.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    how.add_argument(
        "--pooling", choices=POOLINGS, help="token vectors to one (default: the model's)"
    )
    how.add_argument(
        "--long",
        choices=LONG_POLICIES,
        default="window",
        help="inputs over the model's limit: average overlapping windows, cut, or fail the row",
    )
    how.add_argument("--budget", type=int, help="tokens per batch")
    how.add_argument("--checkpoint", help="local folder of weights to load instead of the pinned")
    how.add_argument("--revision", help="other revision than the pinned one")
    how.add_argument("--seed", type=int, default=0, help="of the random control")
    how.add_argument("--dim", type=int, help="of the random control")
    how.add_argument(
        "--restart", action="store_true", help="discard what another run left at --out"
    )
    return parser


def main(argv: Sequence[str]) -> int:
    """Run `extract` with these arguments; return the exit status."""
    from extractors.registry import model_record

    arguments = build_parser().parse_args(argv)
    if arguments.list:
        return list_models(as_json=arguments.json)
    for option in ("model", "input", "out"):
        if getattr(arguments, option) is None:
            message = f"--{option} is missing; `extract --help` has examples, `--list` the zoo"
            raise InputError(message)
    if arguments.budget is not None and arguments.budget < 1:
        message = f"--budget {arguments.budget} is too small; give a number of tokens, 1 or more"
        raise InputError(message)
    return run(model_record(arguments.model), arguments)


def list_models(*, as_json: bool) -> int:
    """Print the zoo, a line per model."""
    from extractors.registry import MODELS

    if as_json:
        show(json.dumps([asdict(record) for record in MODELS.values()], indent=2))
        return EXIT_OK
    show(
        f"{'model':14} {'modality':9} {'dim':>5} {'params':>7} {'tokens':>6}  "
        f"{'licence':13} what it is"
    )
    for record in MODELS.values():
        millions = f"{record.parameters / 1e6:.0f}M" if record.parameters else "-"
        show(
            f"{record.name:14} {record.modality:9} {record.dim or '-':>5} {millions:>7} "
            f"{record.max_tokens or '-':>6}  {record.licence or '-':13} {record.summary}"
        )
        if record.citation:
            show(f"{'':48}  {record.citation}")
    show("text:ID_OR_FOLDER takes any other sentence-transformers checkpoint")
    return EXIT_OK


def run(record: ModelRecord, arguments: argparse.Namespace) -> int:
    """Extract, then say what was written, what went wrong and what to do next."""
    from extractors.engine import extract
    from extractors.inputs import DatasetInput
    from hf_datasets.reference import parse_reference

    settings = Settings(
        dtype=arguments.dtype,
        device=arguments.device,
        pooling=arguments.pooling,
        long=arguments.long,
        budget=arguments.budget,
        seed=arguments.seed,
        dim=arguments.dim,
        checkpoint=arguments.checkpoint,
        revision=arguments.revision,
    )
    source, load = _open(record, arguments, settings)
    out: Path = arguments.out
    summary = extract(
        record,
        load,
        source,
        out,
        name=arguments.name,
        stored=arguments.store,
        restart=arguments.restart,
    )
    _report(arguments.name or record.name, summary, out)
    tasks = "gene-benchmark-sample"
    if isinstance(source, DatasetInput):
        reference = parse_reference(arguments.input)
        tasks = "@".join(filter(None, (reference.name, reference.revision)))
    say(f"next: probe {out} --tasks {tasks} --out results.parquet")
    return EXIT_INCOMPLETE if summary.n_failed else EXIT_OK


def _open(
    record: ModelRecord, arguments: argparse.Namespace, settings: Settings
) -> tuple[Input, Callable[[], Encoder[Any]]]:
    """Return the input and what loads the encoder; the model is loaded after the input is read."""
    from importlib import import_module

    from extractors.inputs import VectorInput, open_input

    module, _, name = record.encoder.partition(":")
    if record.modality == "vectors":
        vectors = VectorInput(Path(arguments.input).expanduser(), arguments.id)
        return vectors, lambda: getattr(import_module(module), name)(vectors.table)
    source = open_input(arguments.input, record.reads, arguments.column, arguments.id)
    return source, lambda: _load(record, settings)


def _load(record: ModelRecord, settings: Settings) -> Encoder[Any]:
    """Import the encoder's module and load it; a missing library is named with its remedy."""
    from importlib import import_module

    module, _, name = record.encoder.partition(":")
    try:
        encoder_class = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        extra = record.modality
        message = f"model {record.name} needs {error.name}; pip install 'genezoo[{extra}]'"
        raise InputError(message) from error
    encoder: Encoder[Any] = encoder_class.load(record, settings)
    return encoder


def _report(name: str, summary: Summary, out: Path) -> None:
    good = summary.n_rows - summary.n_failed
    say(f"wrote {out}: {good:,} embeddings of {name}, {summary.dim} dimensions")
    if summary.reused and summary.reused < summary.n_rows:
        say(f"  {summary.reused:,} rows stood already from an interrupted run")
    if summary.n_truncated:
        say(f"  {summary.n_truncated:,} inputs were cut at the limit (--long window reads all)")
    if summary.n_failed:
        say(f"  {summary.n_failed:,} rows failed and have no embedding:")
        for failure in summary.first_failures:
            say(f"    {failure[:150]}")


def command(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return run_command("extract", main, argv)


if __name__ == "__main__":
    raise SystemExit(command())
