"""Builder of `gene-benchmark-sample`: two hand-written tables turned into seven configs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import datasets
from datasets import ClassLabel, Features, List, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
NO_LABEL = "-"
"""In a multi-label cell: the gene is in the task and has none of the labels."""
YES_NO = ("no", "yes")


def read_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of an embedded TSV, every cell as text."""
    with (HERE / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


FAMILIES: dict[str, dict[str, str]] = {
    "genomic-properties": {"chromosome": "class", "chromosome_arm": "class"},
    "regulatory-functions": {"transcription_factor": "yes-no", "dna_binding_domain": "class"},
    "localization": {"subcellular_location": "labels", "secreted": "yes-no"},
    "biological-processes": {"pathway": "labels"},
    "protein-properties": {
        "protein_class": "class",
        "enzyme": "yes-no",
        "protein_length": "number",
    },
}
"""Config → task column → how its cells are read."""
SOURCE_COLUMN = {"chromosome_arm": "arm"}


def class_names(column: str, kind: str) -> list[str]:
    """Return the class names of a column, sorted; chromosomes by number."""
    if kind == "yes-no":
        return list(YES_NO)
    cells = (row[SOURCE_COLUMN.get(column, column)] for row in read_rows("genes.tsv"))
    names = {name for cell in cells for name in cell.split("|") if name not in {"", NO_LABEL}}
    return sorted(names, key=lambda name: (int(name) if name.isdigit() else 99, name))


def feature_of(column: str, kind: str) -> Any:  # noqa: ANN401  datasets features share no base class
    """Return the `datasets` feature of a task column: the feature type is the task type."""
    if kind == "number":
        return Value("float32")
    label = ClassLabel(names=class_names(column, kind))
    return List(label) if kind == "labels" else label


def parse_cell(cell: str, kind: str) -> str | float | list[str] | None:
    """Return the value of a cell: None where the gene is not in the task."""
    if not cell:
        return None
    if kind == "labels":
        return [] if cell == NO_LABEL else cell.split("|")
    return float(cell) if kind == "number" else cell


class GeneBenchmarkSample(datasets.GeneratorBasedBuilder):  # type: ignore[misc]
    """Well-known human genes with a task of every kind: for trying out, not for reporting.

    Written by hand as facts, and checked against HGNC, The Human Transcription Factors, the
    Human Protein Atlas and Reactome. Labels are simplified, genes are famous ones: scores on
    this sample say that a pipeline works, not how good a model is.
    """

    VERSION = datasets.Version("1.0.0")
    BUILDER_CONFIGS: ClassVar[list[datasets.BuilderConfig]] = [
        datasets.BuilderConfig(name=name, version=datasets.Version("1.0.0"))
        for name in ("genes", *FAMILIES, "gene2gene")
    ]

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=Features(_features(self.config.name)))

    def _split_generators(
        self, dl_manager: datasets.DownloadManager
    ) -> list[datasets.SplitGenerator]:
        del dl_manager  # nothing to download: the rows lie beside this file
        return [datasets.SplitGenerator(name="train")]

    def _generate_examples(self) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(_rows(self.config.name))


def _features(config: str) -> dict[str, Any]:
    if config == "genes":
        return {name: Value("string") for name in ("symbol", "name", "description")}
    if config == "gene2gene":
        pair = {"symbol_a": Value("string"), "symbol_b": Value("string")}
        return {**pair, "interacts": ClassLabel(names=list(YES_NO))}
    tasks = {column: feature_of(column, kind) for column, kind in FAMILIES[config].items()}
    return {"symbol": Value("string"), **tasks}


def _rows(config: str) -> Iterator[dict[str, Any]]:
    if config == "gene2gene":
        yield from read_rows("pairs.tsv")
        return
    describe: Callable[[dict[str, str]], dict[str, Any]]
    describe = _input_row if config == "genes" else lambda row: _task_row(row, FAMILIES[config])
    for row in read_rows("genes.tsv"):
        yield {"symbol": row["symbol"], **describe(row)}


def _input_row(row: dict[str, str]) -> dict[str, Any]:
    return {"name": row["name"], "description": f"{row['symbol']}: {row['name']}"}


def _task_row(row: dict[str, str], tasks: dict[str, str]) -> dict[str, Any]:
    return {
        column: parse_cell(row[SOURCE_COLUMN.get(column, column)], kind)
        for column, kind in tasks.items()
    }
