"""The sources of one build: which files were found, each read once and only when asked for."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from hf_datasets.gene_benchmark.clusters import mmseqs_version
from hf_datasets.gene_benchmark.tasks import TASKS
from hf_datasets.sources import SOURCES
from hf_datasets.sources.fetch import locate_all
from hf_datasets.sources.source import SourceUnavailable
from hf_datasets.symbols import SymbolTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hf_datasets.build import BuildOptions
    from hf_datasets.gene_benchmark.record import TaskRecord
    from hf_datasets.sources.ensembl import EnsemblGene
    from hf_datasets.sources.hgnc import HgncGene
    from hf_datasets.sources.hpa import HpaTable
    from hf_datasets.sources.source import UsedFile

SOURCE_NAMES = (
    "hgnc", "hpa", "humantfs", "genecorpus", "gene2vec", "reactome", "uniprot", "open_targets",
    "ncbi_gene", "ensembl",
)  # fmt: skip


class Upstream:
    """What the sources hold, read lazily.

    A property of a source that is missing raises SourceUnavailable, with the reason.
    """

    def __init__(
        self,
        files: Mapping[str, Mapping[str, UsedFile]],
        unavailable: Mapping[str, str],
        options: BuildOptions,
    ) -> None:
        self.files = files
        """Source → key → file that is used."""
        self.unavailable = dict(unavailable)
        """Source that cannot be had → why."""
        self.options = options
        self.left_out: dict[str, list[str]] = defaultdict(list)
        """What was left out of a source and why → the entries, sorted."""

    def digest(self) -> str:
        """Return a sha256 over all that the sources and options put into a build."""
        parts = [
            f"{name} {key} {file.sha256}"
            for name in sorted(self.files)
            for key, file in sorted(self.files[name].items())
        ]
        parts += [f"{name} missing" for name in sorted(self.unavailable)]
        parts += [f"dna_window {self.options.dna_window}", f"mmseqs {mmseqs_version()}"]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def of(self, source: str) -> Mapping[str, UsedFile]:
        """Return the files of a source; SourceUnavailable if it cannot be had."""
        if source in self.unavailable:
            raise SourceUnavailable(self.unavailable[source])
        return self.files[source]

    @cached_property
    def genes(self) -> list[HgncGene]:
        """Every entry of HGNC."""
        from hf_datasets.sources import hgnc

        return hgnc.read_genes(self.of("hgnc"))

    @cached_property
    def symbols(self) -> SymbolTable:
        """All names of genes."""
        return SymbolTable(self.genes)

    @cached_property
    def hpa(self) -> HpaTable:
        """The Human Protein Atlas."""
        from hf_datasets.sources import hpa

        wanted = {record.published for record in TASKS if record.source == "hpa"}
        table = hpa.read_columns(self.of("hpa"), wanted)
        self.leave_out("hpa: row without a symbol, or with an Ensembl id for one", table.left_out)
        torn = [f"{name} in {column}" for column, name, _, _ in table.conflicts]
        self.leave_out("hpa: second row of a symbol, with another value", torn)
        return table

    def version(self, source: str) -> str:
        """Return the release of a source: of the atlas by its files, else as the source states."""
        return self.hpa.version if source == "hpa" else SOURCES[source].version

    def hpa_column(self, column: str) -> Mapping[str, str]:
        """Return symbol → cell of a column; SourceUnavailable if the files lack it."""
        if column not in self.hpa.cells:
            message = (
                f"the files of the Human Protein Atlas at hand have no column {column!r}; "
                "v23 has it: give --source hpa=proteinatlas.tsv.zip"
            )
            raise SourceUnavailable(message)
        return self.hpa.cells[column]

    @cached_property
    def factors(self) -> list[tuple[str, str, bool]]:
        """Candidates of The Human Transcription Factors: Ensembl id, symbol, verdict."""
        from hf_datasets.sources import humantfs

        return humantfs.read_factors(self.of("humantfs"))

    @cached_property
    def gene_lists(self) -> Mapping[str, Mapping[str, list[str]]]:
        """Files of Genecorpus: name → list → Ensembl ids."""
        from hf_datasets.sources import genecorpus

        return genecorpus.read_lists(self.of("genecorpus"))

    def gene_list(self, file: str) -> Mapping[str, list[str]]:
        """Return the lists of one file of Genecorpus; SourceUnavailable if it is not at hand."""
        if file not in self.gene_lists:
            message = f"source genecorpus lacks {file}; give --source genecorpus.{file}=FILE"
            raise SourceUnavailable(message)
        return self.gene_lists[file]

    @cached_property
    def pairs(self) -> list[tuple[str, str, bool]]:
        """Pairs of Gene2vec."""
        from hf_datasets.sources import gene2vec

        return gene2vec.read_pairs(self.of("gene2vec"))

    @cached_property
    def pathways(self) -> tuple[Mapping[str, frozenset[str]], tuple[str, ...]]:
        """Top-level pathways of Reactome: of each gene, and all of them."""
        from hf_datasets.sources import reactome

        return reactome.read_pathways(self.of("reactome"))

    @cached_property
    def keywords(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Keywords of UniProt: symbol, keyword, categories."""
        from hf_datasets.sources import uniprot

        return uniprot.read_keywords(self.of("uniprot"))

    @cached_property
    def sequences(self) -> Mapping[str, tuple[str, str]]:
        """Reviewed canonical sequences of UniProt: accession → symbol, sequence."""
        from hf_datasets.sources import uniprot

        return uniprot.read_sequences(self.of("uniprot"))

    @cached_property
    def associations(self) -> list[tuple[str, str, float]]:
        """Scores of Open Targets: Ensembl id, disease, score."""
        from hf_datasets.sources import open_targets

        return open_targets.read_associations(self.of("open_targets"))

    @cached_property
    def gene_names(self) -> Mapping[str, tuple[str, str, str | None, str | None]]:
        """NCBI Gene: Entrez id → symbol, full name, HGNC id, Ensembl id."""
        from hf_datasets.sources import ncbi_gene

        return ncbi_gene.read_names(self.of("ncbi_gene"))

    @cached_property
    def summaries(self) -> Mapping[str, str]:
        """NCBI Gene: Entrez id → summary."""
        from hf_datasets.sources import ncbi_gene

        return ncbi_gene.read_summaries(self.of("ncbi_gene"))

    @cached_property
    def ensembl_genes(self) -> list[EnsemblGene]:
        """Ensembl's gene table."""
        from hf_datasets.sources import ensembl

        return ensembl.read_genes(self.of("ensembl"))

    def part(self, record: TaskRecord) -> str:
        """Return the source of a task, with the file of it where each file has its own names.

        The files of the Human Protein Atlas may be of several versions.
        """
        if record.source != "hpa":
            return record.source
        return f"hpa.{self.hpa.origins[record.published].key}"

    def ensembl_ids(self, part: str) -> Mapping[str, tuple[str, ...]]:
        """Return name → Ensembl ids for the sources that give them beside the symbol."""
        if part.startswith("hpa."):
            return self.hpa.ensembl
        if part == "humantfs":
            return {symbol.strip(): (ensembl_id,) for ensembl_id, symbol, _ in self.factors}
        return {}

    def ensembl_symbols(self, ids: Iterable[str], what: str) -> dict[str, str]:
        """Return Ensembl id → approved symbol; ids without one are reported as left out."""
        symbols, report = self.symbols.resolve_all(ids)
        self.leave_out(f"{what}: no approved symbol for the id", [*report.unknown])
        self.leave_out(f"{what}: id of several genes", [*report.ambiguous])
        return symbols

    def leave_out(self, why: str, entries: Iterable[str]) -> None:
        """Note what a task leaves out, for the report of the build."""
        if found := sorted(set(entries)):
            self.left_out[why] = found


def open_upstream(options: BuildOptions) -> Upstream:
    """Find the files of every source; those of a source that cannot be had are noted as such."""
    files, unavailable = locate_all((SOURCES[name] for name in SOURCE_NAMES), options)
    return Upstream(files, unavailable, options)
