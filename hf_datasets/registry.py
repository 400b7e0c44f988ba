"""The datasets that have a short name. Adding one is one record here, or an entry point.

A third-party package registers its own under the entry-point group `genezoo.datasets`:
name = the short name, value = `module:RECORD` of a DatasetRecord.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from hf_datasets.biology_instructions.tasks import CONFIGS as BIOLOGY_CONFIGS
from hf_datasets.biology_instructions.tasks import INPUTS
from hf_datasets.biology_instructions.tasks import TASKS as BIOLOGY_TASKS
from hf_datasets.errors import InputError, choose

if TYPE_CHECKING:
    from datasets import DatasetBuilder

ENTRY_POINT_GROUP = "genezoo.datasets"


@dataclass(frozen=True)
class DatasetRecord:
    """A dataset that `publish` can build and every command knows by its short name."""

    name: str
    """Short name, lower-case with dashes."""
    builder: str
    """`module:Class` of a `datasets` builder with VERSION and BUILDER_CONFIGS."""
    version: str
    """The version that this code builds; equal to the builder's VERSION."""
    summary: str
    """One line for `publish list`."""
    licence: str
    """SPDX identifier of the built dataset."""
    configs: tuple[str, ...]
    """Names of its tables."""
    tags: tuple[str, ...] = ("biology", "genes", "embeddings", "benchmark")
    """Tags of the card."""
    content: str = ""
    """`module:Class` of a `build.Content`, for a dataset that is built from upstream sources."""
    tasks: str = ""
    """`module:function` returning its tasks as `listing.ListedTask`, known without a build."""
    code: tuple[str, ...] = ()
    """Files and folders of `hf_datasets`, beside the builder's own, that decide what is built."""

    def builder_class(self) -> type[DatasetBuilder]:
        """Import and return the builder class."""
        module, _, attribute = self.builder.partition(":")
        found: type[DatasetBuilder] = getattr(import_module(module), attribute)
        return found


_OURS = (
    DatasetRecord(
        name="gene-benchmark-sample",
        builder="hf_datasets.sample.builder:GeneBenchmarkSample",
        version="1.0.0",
        summary="well-known human genes, tasks of every kind: for trying out, not for reporting",
        licence="cc0-1.0",
        configs=(
            "genes",
            "genomic-properties",
            "regulatory-functions",
            "localization",
            "biological-processes",
            "protein-properties",
            "gene2gene",
        ),
    ),
    DatasetRecord(
        name="gene-benchmark",
        builder="hf_datasets.gene_benchmark.builder:GeneBenchmark",
        version="1.0.0",
        summary="hundreds of properties of human genes, after arXiv 2412.04075, from their sources",
        licence="other",
        configs=(
            "genes",
            "genomic-properties",
            "regulatory-functions",
            "localization",
            "biological-processes",
            "protein-properties",
            "gene2gene",
            "gene-disease",
        ),
        content="hf_datasets.gene_benchmark.builder:GeneBenchmarkContent",
        tasks="hf_datasets.gene_benchmark.tasks:listed_tasks",
        code=("sources", "symbols.py", "tables.py", "folds.py", "leakage.py", "phrases.py"),
    ),
    DatasetRecord(
        name="protein-lm-dataset",
        builder="hf_datasets.protein_lm_dataset.builder:ProteinLMDataset",
        version="1.0.0",
        summary="text about proteins and questions on them, after arXiv 2406.05540",
        licence="cc-by-4.0",
        configs=(
            "swiss-prot",
            "pubmed-abstracts",
            "pmc-full-text",
            "abstracts-with-sequences",
            "zh-en-abstracts",
            "uniprot-sft",
            "enzyme-cot",
        ),
        tags=("biology", "proteins", "language-modeling", "instruction-tuning"),
        content="hf_datasets.protein_lm_dataset.builder:ProteinCorpora",
        code=("sources", "tables.py", "gene_benchmark/clusters.py"),
    ),
    DatasetRecord(
        name="biology-instructions",
        builder="hf_datasets.biology_instructions.builder:BiologyInstructions",
        version="1.0.0",
        summary="21 tasks on DNA, RNA and proteins, as instructions and as sequences",
        licence="other",
        configs=(
            *BIOLOGY_CONFIGS,
            *BIOLOGY_TASKS,
            *(INPUTS.format(task.name) for task in BIOLOGY_TASKS.values() if task.is_pair),
        ),
        tags=("biology", "dna", "rna", "proteins", "language-modeling", "embeddings", "benchmark"),
        content="hf_datasets.biology_instructions.builder:BiologyInstructionsContent",
        tasks="hf_datasets.biology_instructions.report:listed_tasks",
        code=("sources",),
    ),
    DatasetRecord(
        name="protein-lm-bench",
        builder="hf_datasets.protein_lm_bench.builder:ProteinLMBench",
        version="1.0.0",
        summary="multiple-choice questions on proteins, after arXiv 2406.05540",
        licence="apache-2.0",
        configs=("evaluation",),
        tags=("biology", "proteins", "language-modeling", "multiple-choice", "benchmark"),
        content="hf_datasets.protein_lm_bench.builder:ProteinLMBenchContent",
        code=("sources",),
    ),
)

DATASETS: dict[str, DatasetRecord] = {record.name: record for record in _OURS}


def registered_datasets() -> dict[str, DatasetRecord]:
    """Return our datasets and those of installed packages; a name taken twice is an error."""
    found = dict(DATASETS)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            record = point.load()
        except Exception as error:
            message = (
                f"entry point {point.name} = {point.value} cannot be loaded "
                f"({type(error).__name__}: {error}); mend or remove that package"
            )
            raise InputError(message) from error
        if not isinstance(record, DatasetRecord):
            message = (
                f"entry point {point.name} = {point.value} is no DatasetRecord; mend the package"
            )
            raise InputError(message)
        if record.name in found:
            message = f"dataset {record.name!r} is registered twice (by {point.value}); remove one"
            raise InputError(message)
        found[record.name] = record
    return found


def dataset_record(name: str) -> DatasetRecord:
    """Return the record of a short name; InputError with the nearest name if there is none."""
    return choose(name, registered_datasets(), "dataset", "`publish list` shows them")
