"""Builder of `gene-benchmark`: the inputs and the tasks as tables, read from their sources."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import datasets

from hf_datasets.errors import InputError
from hf_datasets.gene_benchmark.columns import Columns, config_features, config_table, read_tasks
from hf_datasets.gene_benchmark.inputs import COLUMNS, Inputs, read_inputs
from hf_datasets.gene_benchmark.record import DATASET
from hf_datasets.gene_benchmark.report import build_record, card_sections
from hf_datasets.gene_benchmark.tasks import CONFIGS
from hf_datasets.gene_benchmark.upstream import Upstream, open_upstream
from hf_datasets.phrases import dataset_phrases
from hf_datasets.sourced import SourcedBuilder
from hf_datasets.sources.source import SourceUnavailable
from hf_datasets.task import tasks_of_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from hf_datasets.build import BuildOptions

VERSION = "1.0.0"


class GeneBenchmarkContent:
    """All tables of one build, from sources that are each read once."""

    def __init__(self, options: BuildOptions) -> None:
        self.upstream: Upstream = open_upstream(options)

    @property
    def digest(self) -> str:
        """A sha256 over the sources and the options."""
        return self.upstream.digest()

    @property
    def unavailable(self) -> dict[str, str]:
        """Source that cannot be had → why."""
        return self.upstream.unavailable

    @cached_property
    def columns(self) -> Columns:
        """The tasks."""
        return read_tasks(self.upstream)

    @cached_property
    def inputs(self) -> Inputs | None:
        """The table `genes`, None without HGNC."""
        try:
            found = read_inputs(self.upstream, self.columns.genes())
        except SourceUnavailable:
            return None
        tasks = [
            task
            for config in CONFIGS
            if (columns := self.columns.of(config))
            for task in tasks_of_table(DATASET, config, config_features(config, columns))
        ]
        return found.masked(dataset_phrases(tasks))

    def configs(self) -> list[str]:
        """Return the configs that have anything in them."""
        return [
            config
            for config in CONFIGS
            if (self.inputs if config == "genes" else self.columns.of(config))
        ]

    def missing(self) -> dict[str, str]:
        """Return path of a task, or of an input column, that could not be built → why."""
        if self.inputs is None:
            lacking = {f"{DATASET}/genes": self.upstream.unavailable["hgnc"]}
        else:
            # DNA windows are for those who give a genome; all else belongs to the dataset.
            lacking = {
                f"{DATASET}/genes/{column}": reason
                for column, reason in self.inputs.missing.items()
                if column != "dna_window"
            }
        return {**lacking, **self.columns.missing}

    def table(self, config: str) -> tuple[datasets.Features, pa.Table]:
        """Return features and rows of one config."""
        if config == "genes" and self.inputs is not None:
            features = datasets.Features({name: datasets.Value("string") for name in COLUMNS})
            return features, self.inputs.table()
        columns = self.columns.of(config)
        if not columns:
            message = (
                f"nothing of {DATASET}/{config} can be built from the sources at hand: "
                f"{next(iter(self.missing().values()))}"
            )
            raise InputError(message)
        features = config_features(config, columns)
        rows = self.inputs.rows if self.inputs else []
        families = {row["symbol"] or "": row["gene_family"] for row in rows}
        return features, config_table(config, columns, features, families)

    def record(self) -> dict[str, Any]:
        """Return what `build.json` says about sources, tasks and names of genes."""
        return build_record(self.upstream, self.columns, self.inputs)

    def card(self) -> list[str]:
        """Return the sections of the README that come after the task table."""
        return card_sections(self.upstream, self.columns)


class GeneBenchmark(SourcedBuilder):
    """Hundreds of properties of human genes, after gene-benchmark (arXiv 2412.04075).

    The config `genes` holds what models read; every other config is a wide table with a typed
    label column a task. Null: the gene is not in the task. Rows are sorted by their key.

    `description_masked` is the description without the words that name a label of any task.
    `fold` deals the genes of a table out to five folds; `fold_family` keeps families of genes
    (`gene_family`) in one fold. A pair of genes has a fold where both its genes have the same.
    """

    CONTENT = GeneBenchmarkContent
    VERSION = datasets.Version(VERSION)
    BUILDER_CONFIGS: ClassVar[list[datasets.BuilderConfig]] = [
        datasets.BuilderConfig(name=name, version=datasets.Version(VERSION)) for name in CONFIGS
    ]

    def _info(self) -> datasets.DatasetInfo:
        # The classes are those of the data: _split_generators adds the features.
        return datasets.DatasetInfo()

    def _split_generators(
        self, dl_manager: datasets.DownloadManager
    ) -> list[datasets.SplitGenerator]:
        del dl_manager  # sources/fetch.py resumes, bounds and records what it downloads
        features, table = self.content.table(self.config.name)
        self.info.features = features
        return [datasets.SplitGenerator(name="train", gen_kwargs={"table": table})]

    def _generate_tables(self, table: pa.Table) -> Iterator[tuple[int, pa.Table]]:
        yield 0, table
