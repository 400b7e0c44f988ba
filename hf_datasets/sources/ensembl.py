"""Ensembl: where the genes of GRCh38 lie.

https://ftp.ensembl.org/pub/release-111/: a GTF, or the converted gene table, and the genome.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError
from hf_datasets.sources.reading import open_lines, read_columns
from hf_datasets.sources.source import Source, SourceFile, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.source import UsedFile

RELEASE = "111"
_URL = f"https://ftp.ensembl.org/pub/release-{RELEASE}/"
SOURCE = Source(
    name="ensembl",
    title="Ensembl, human GRCh38",
    version=RELEASE,
    licence="free for all use (EMBL-EBI terms)",
    citation="Harrison et al., Ensembl 2024, NAR 52:D891 (2024)",
    homepage="https://www.ensembl.org",
    files=(
        SourceFile(
            key="genes",
            url="",
            local=("grch38_genes.tsv*",),
            min_rows=60_000,
            optional=True,
        ),
        SourceFile(
            key="gtf",
            url=f"{_URL}gtf/homo_sapiens/Homo_sapiens.GRCh38.{RELEASE}.gtf.gz",
            local=("Homo_sapiens.GRCh38.*.gtf*", "*.gtf*"),
            min_rows=50_000,
            max_bytes=4_000_000_000,
            optional=True,
            unless=("genes",),
        ),
        SourceFile(
            key="genome",
            url=(f"{_URL}fasta/homo_sapiens/dna/Homo_sapiens.GRCh38.dna.primary_assembly.fa.gz"),
            local=("*dna.primary_assembly.fa", "*dna.primary_assembly.fa*gz", "*GRCh38*.fa*"),
            max_bytes=4_000_000_000,
            optional=True,
            download=False,
        ),
    ),
)
PRIMARY = frozenset([*map(str, range(1, 23)), "X", "Y", "MT"])
"""Names of the primary chromosomes; others are patches, haplotypes and unplaced contigs."""
_ATTRIBUTE = re.compile(r'(\w+) "([^"]*)"')
_COLUMNS = ("ensgene", "entrez", "symbol", "chr", "start", "end", "strand", "biotype")
_STRANDS = {"1": 1, "-1": -1, "+": 1, "-": -1}
_GTF_FIELDS = 9


@dataclass(frozen=True, slots=True)
class EnsemblGene:
    """One gene; texts are empty where the file says nothing."""

    id: str
    """`ENSG…`, without a version."""
    entrez: str
    symbol: str
    chromosome: str
    """`1` … `22`, `X`, `Y`, `MT`, or the name of a contig."""
    start: int
    """First base, 1-based."""
    end: int
    """Last base, included."""
    strand: int
    """1 or -1."""
    biotype: str

    @property
    def primary(self) -> bool:
        """Whether it lies on a primary chromosome."""
        return self.chromosome in PRIMARY

    @property
    def tss(self) -> int:
        """Where transcription starts, 1-based: `end` on the minus strand."""
        return self.start if self.strand == 1 else self.end


def read_genes(files: Mapping[str, UsedFile]) -> list[EnsemblGene]:
    """Return the genes in file order, from the converted table if it is there, else the GTF.

    The table has 75,118 rows: one per gene and Entrez id, so a gene may occur twice; a GTF has
    no Entrez ids. Genes of patches and haplotypes are among them, `primary` tells.
    """
    for key, reader in (("genes", _table), ("gtf", _gtf)):
        if key in files:
            genes = list(reader(files[key]))
            files[key].expect_rows(len(genes), "genes")
            return genes
    raise unavailable(SOURCE, SOURCE.file("gtf"), "no gene table is at hand")


def _table(file: UsedFile) -> Iterator[EnsemblGene]:
    for gene, entrez, symbol, chromosome, start, end, strand, biotype in read_columns(
        file, _COLUMNS
    ):
        entrez_id = "" if entrez == "NA" else entrez
        place = _place(file, gene, (start, end, strand))
        yield EnsemblGene(gene, entrez_id, symbol, chromosome, *place, biotype)


def _gtf(file: UsedFile) -> Iterator[EnsemblGene]:
    """Yield the `gene` lines of a GTF, Ensembl's or GENCODE's (`chr1`, versions in the id)."""
    with open_lines(file) as lines:
        for line in lines:
            if line.startswith("#"):
                continue
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) != _GTF_FIELDS:
                message = f"{file.path} is no GTF: a line has {len(fields)} fields, expected 9"
                raise InputError(message)
            if fields[2] != "gene":
                continue
            known: dict[str, str] = dict(_ATTRIBUTE.findall(fields[8]))
            gene = known.get("gene_id", "").partition(".")[0]
            chromosome = fields[0].removeprefix("chr")
            yield EnsemblGene(
                gene,
                "",
                known.get("gene_name", ""),
                "MT" if chromosome == "M" else chromosome,
                *_place(file, gene, (fields[3], fields[4], fields[6])),
                known.get("gene_biotype", known.get("gene_type", "")),
            )


def _place(file: UsedFile, gene: str, texts: tuple[str, str, str]) -> tuple[int, int, int]:
    """Return (start, end, strand); InputError if they are no place on a chromosome."""
    start, end, strand = texts
    if start.isdigit() and end.isdigit() and strand in _STRANDS and 0 < int(start) <= int(end):
        return int(start), int(end), _STRANDS[strand]
    message = f"{file.path}: {gene} lies at {start}-{end} strand {strand}; expected 1-based, 1/-1"
    raise InputError(message)
