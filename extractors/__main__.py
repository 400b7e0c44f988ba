"""`extract`: embed genes, proteins, DNA or text with any model of the zoo."""

from __future__ import annotations

import os
import re
from argparse import ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from extractors.jobs.command import add_options, extract_job, is_job
from extractors.model import DTYPES, LONG_POLICIES, POOLINGS, Settings
from hf_datasets import __version__
from hf_datasets.command import (
    EXIT_INCOMPLETE,
    EXIT_OK,
    CommandParser,
    run_command,
    say,
)
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractors.engine import Summary
    from extractors.inputs import Asked, Input
    from extractors.model import ModelRecord

EXAMPLES = """examples:
  extract --list
  extract --model minilm --input gene-benchmark-sample --out minilm.parquet
  extract --model text:BAAI/bge-small-en-v1.5 --input genes.csv --column summary --out bge.parquet
  extract --model precomputed --input my_vectors.csv --out mine.parquet
  extract --model esm2 --input symbols.txt --genes gene-benchmark --out esm2.parquet
  extract --model esm2 --input proteins.fasta --layers all --out esm2-{layer}.parquet
  extract --model geneformer --out geneformer.parquet
  extract --model esm2-650m --input proteins/ --out emb/ --engine ray --gpus 8
  extract --check all

An interrupted run goes on where it stopped when the same command is given again."""


def build_parser() -> CommandParser:
    """Return the parser of `extract`."""
    parser = CommandParser(
        prog="extract",
        description="Turn genes, proteins, DNA or text into embeddings.",
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"genezoo {__version__}")
    what = parser.add_argument_group("what")
    what.add_argument("--list", action="store_true", help="show the zoo")
    what.add_argument("--json", action="store_true", help="with --list or --dry-run: as JSON")
    what.add_argument(
        "--check", nargs="+", metavar="MODEL", help="compare the real weights with known values"
    )
    what.add_argument("--model", help="name in the zoo, text:ID_OR_FOLDER or hf:ID_OR_FOLDER")
    what.add_argument("--modality", help="what hf:ID reads; with --list: the models to show")
    what.add_argument(
        "--input",
        help="CSV, TSV, JSONL, Parquet, FASTA (.gz too), .h5ad, 10x .h5, a list of names (.txt), "
        "or dataset path; none: the model's own vocabulary of genes; for --out DIR/ also a folder "
        "of such files, or a URL (s3://, hf://, https://)",
    )
    what.add_argument("--column", help="column to read (default: the model's usual one)")
    what.add_argument("--id", help="column that names the rows (default: symbol, id, gene, …)")
    what.add_argument(
        "--genes", metavar="DATASET", help="look the input's symbols up here, as gene-benchmark"
    )
    what.add_argument("--hgnc", type=Path, metavar="FILE", help="with --genes: for other names")
    what.add_argument(
        "--out", help="embedding table to write (.parquet), or a folder (DIR/, s3://BUCKET/DIR/)"
    )
    what.add_argument("--name", help="what results call it (default: the model's name)")
    cells = parser.add_argument_group("cells")
    cells.add_argument("--entity", choices=("gene", "cell"), help="what a row of the table is")
    cells.add_argument("--counts", metavar="MATRIX", help="raw counts: X, raw.X or a layer's name")
    cells.add_argument(
        "--allow-normalized", action="store_true", help="take values that are no raw counts"
    )
    cells.add_argument("--gene-ids", choices=("ensembl", "symbol"), help="how genes are named")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--dtype", choices=DTYPES, default="auto", help="arithmetic (auto: float32 on CPU)"
    )
    how.add_argument(
        "--store", choices=("float32", "float16"), default="float32", help="as written"
    )
    how.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda, cuda:1, mps; several (cuda:0,cuda:1 or all) share the rows",
    )
    how.add_argument(
        "--pooling",
        choices=POOLINGS,
        help="token vectors to one (default: the model's), or none: a vector for each token",
    )
    how.add_argument(
        "--layers",
        type=_layers,
        default=(),
        help="0 the embeddings, -1 the last; several (0,6,-1 or all) with {layer} in --out",
    )
    how.add_argument(
        "--long",
        choices=LONG_POLICIES,
        default="window",
        help="inputs over the model's limit: average overlapping windows, cut, or fail the row",
    )
    how.add_argument("--max-tokens", type=_tokens, help="that limit (default: the model's own)")
    how.add_argument("--budget", type=_budget, help="tokens per batch; auto: all that fit a GPU")
    how.add_argument("--checkpoint", help="local folder of weights to load instead of the pinned")
    how.add_argument("--revision", help="other revision than the pinned one")
    how.add_argument(
        "--seed", type=int, default=0, help="of the random control, and of scGPT's bins"
    )
    how.add_argument("--dim", type=int, help="of the random control")
    how.add_argument(
        "--restart", action="store_true", help="discard what another run left at --out"
    )
    add_options(parser)
    return parser


def _layers(text: str) -> tuple[int, ...] | Literal["all"]:
    """Read `--layers`."""
    if text == "all":
        return "all"
    if not re.fullmatch(r"-?\d+(,-?\d+)*", text):
        message = f"{text!r} is no list of layers; give as in 6 or 0,6,-1, or all"
        raise ArgumentTypeError(message)
    return tuple(int(number) for number in text.split(","))


def _budget(text: str) -> int | Literal["auto"]:
    """Read `--budget`."""
    return "auto" if text == "auto" else _tokens(text)


def _tokens(text: str) -> int:
    """Read a number of tokens."""
    if not text.isdecimal() or int(text) < 1:
        message = f"{text!r} is no number of tokens; give 1 or more"
        raise ArgumentTypeError(message)
    return int(text)


def main(argv: Sequence[str]) -> int:
    """Run `extract` with these arguments; return the exit status."""
    from extractors.registry import model_record

    arguments = build_parser().parse_args(argv)
    if arguments.list:
        from extractors.listing import list_models
        from extractors.registry import MODELS

        return list_models(list(MODELS.values()), arguments.modality, as_json=arguments.json)
    if arguments.check:
        return check(arguments)
    for option in ("model", "out"):
        if getattr(arguments, option) is None:
            message = f"--{option} is missing; `extract --help` has examples, `--list` the zoo"
            raise InputError(message)
    return run(model_record(arguments.model, arguments.modality), arguments)


def settings_of(arguments: Namespace) -> Settings:
    """Return what was chosen for the model."""
    return Settings(
        dtype=arguments.dtype,
        pooling=arguments.pooling,
        long=arguments.long,
        layers=arguments.layers,
        budget=None if arguments.budget == "auto" else arguments.budget,
        max_tokens=arguments.max_tokens,
        seed=arguments.seed,
        dim=arguments.dim,
        checkpoint=arguments.checkpoint,
        revision=arguments.revision,
        entity=arguments.entity,
    )


def check(arguments: Namespace) -> int:
    """Compare real weights with recorded values."""
    from extractors.checking import check_models
    from extractors.registry import MODELS, model_record

    everything = arguments.check == ["all"]
    records = (
        list(MODELS.values())
        if everything
        else [model_record(name, arguments.modality) for name in arguments.check]
    )
    if arguments.checkpoint is not None and len(records) > 1:
        message = f"--checkpoint holds one model, {len(records)} are to be checked; name one"
        raise InputError(message)
    return check_models(records, settings_of(arguments))


def run(record: ModelRecord, arguments: Namespace) -> int:
    """Extract, then say what was written, what went wrong and what to do next."""
    from extractors.engine import extract
    from extractors.inputs import Asked
    from extractors.loading import Loader, open_source

    settings = settings_of(arguments)
    asked = Asked(
        source=arguments.input,
        column=arguments.column,
        id_column=arguments.id,
        genes=arguments.genes,
        hgnc=arguments.hgnc,
        counts=arguments.counts,
        allow_normalized=arguments.allow_normalized,
        gene_ids=arguments.gene_ids,
    )
    if is_job(arguments):
        return extract_job(record, settings, asked, arguments, _devices)
    devices = _devices(arguments.device)
    if len(devices) > 1 and (asked.source is None or settings.entity == "gene"):
        message = f"--device {arguments.device}: vectors of genes are made on one device; name one"
        raise InputError(message)
    source = open_source(record, settings, asked)
    summary = extract(
        Loader(record, settings, find_budget=arguments.budget == "auto"),
        source,
        Path(arguments.out),
        devices=devices,
        name=arguments.name,
        stored=arguments.store,
        restart=arguments.restart,
    )
    _report(arguments.name or record.name, summary, cut_by_choice=settings.long == "truncate")
    cells = record.modality == "expression" and asked.source and settings.entity != "gene"
    if settings.pooling != "none" and not cells:  # no dataset of ours asks about a user's cells
        tables = " ".join(map(str, summary.outs))
        say(f"next: probe {tables} --tasks {_tasks(source, asked)} --out results.parquet")
    return EXIT_INCOMPLETE if summary.n_failed else EXIT_OK


def _devices(text: str) -> list[str]:
    """Return the devices of `--device`."""
    if text != "all":
        return text.split(",")
    import torch

    if not torch.cuda.device_count():
        message = "--device all: no GPU is to be seen here; try --device cpu"
        raise InputError(message)
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def _tasks(source: Input, asked: Asked) -> str:
    """Return the dataset whose tasks the embeddings can be probed on."""
    from extractors.inputs import DatasetInput
    from hf_datasets.reference import parse_reference

    place = asked.genes or (asked.source if isinstance(source, DatasetInput) else None)
    if place is None:
        return "gene-benchmark-sample"
    reference = parse_reference(place)
    return "@".join(filter(None, (reference.name, reference.revision)))


def _report(name: str, summary: Summary, *, cut_by_choice: bool) -> None:
    good = summary.n_rows - summary.n_failed
    for out in summary.outs:
        say(f"wrote {out}: {good:,} embeddings of {name}, {summary.dim} dimensions")
    if summary.reused and summary.reused < summary.n_rows:
        say(f"  {summary.reused:,} rows stood already from an interrupted run")
    if summary.n_truncated:
        remedy = " (--long window reads all)" if cut_by_choice else ""
        say(f"  {summary.n_truncated:,} inputs were cut at the limit{remedy}")
    if summary.n_failed:
        say(f"  {summary.n_failed:,} rows failed and have no embedding:")
        for failure in summary.first_failures:
            say(f"    {failure[:150]}")


def command(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    # Arrow reads this when it is imported: its own allocator keeps what parts no longer need.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    return run_command("extract", main, argv)


if __name__ == "__main__":
    raise SystemExit(command())
