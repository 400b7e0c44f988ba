"""NCBI Gene: full names and the summaries that text models read.

https://ftp.ncbi.nlm.nih.gov/gene/DATA/: `gene_info` of human, and `gene_summary` of all species.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.sources.reading import header_and_rows, position, read_columns
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hf_datasets.sources.source import UsedFile

_URL = "https://ftp.ncbi.nlm.nih.gov/gene/DATA/"
SOURCE = Source(
    name="ncbi_gene",
    title="NCBI Gene",
    version="current",
    licence="public domain (US government work)",
    citation="Brown et al., Gene: a gene-centered information resource at NCBI, NAR 43:D36 (2015)",
    homepage="https://www.ncbi.nlm.nih.gov/gene",
    files=(
        SourceFile(
            key="names",
            url=f"{_URL}GENE_INFO/Mammalia/Homo_sapiens.gene_info.gz",
            local=("Homo_sapiens.gene_info*", "gene_info*"),
            min_rows=60_000,
            max_bytes=2_000_000_000,
        ),
        SourceFile(
            key="summaries",
            url=f"{_URL}gene_summary.gz",
            local=("gene_summary*", "*summar*"),
            min_rows=20_000,
            max_bytes=2_000_000_000,
            optional=True,
        ),
    ),
)
HUMAN = "9606"
_NOTHING = "-"
_INFO = (
    "#tax_id",
    "GeneID",
    "Symbol",
    "dbXrefs",
    "description",
    "Symbol_from_nomenclature_authority",
    "Full_name_from_nomenclature_authority",
)


def read_names(
    files: Mapping[str, UsedFile],
) -> dict[str, tuple[str, str, str | None, str | None]]:
    """Return {Entrez id: (symbol, full name, HGNC id or None, Ensembl id or None)}, human only.

    The nomenclature authority's symbol and name where there is one, else NCBI's own. The human
    file of November 2022 has 108,694 genes, beside 73 of Neanderthal and Denisovan, left out.
    Of several Ensembl ids the first is taken. A gene named `NA` keeps its name.
    """
    genes = {}
    for taxon, entrez, own, references, described, symbol, name in read_columns(
        used(files, SOURCE, "names"), _INFO
    ):
        if taxon == HUMAN:
            known = _references(references)
            genes[entrez] = (
                own if symbol == _NOTHING else symbol,
                _text(described if name == _NOTHING else name),
                known.get("HGNC"),
                known.get("Ensembl"),
            )
    return genes


def _references(cell: str) -> dict[str, str]:
    """Return {database: first id} of a cell such as `MIM:1|HGNC:HGNC:5|Ensembl:ENSG…`."""
    found: dict[str, str] = {}
    for reference in cell.split("|"):
        database, _, identifier = reference.partition(":")
        found.setdefault(database, identifier)
    return found


def _text(cell: str) -> str:
    return "" if cell == _NOTHING else cell


def read_summaries(files: Mapping[str, UsedFile]) -> dict[str, str]:
    """Return {Entrez id: summary}, human only; {} if the file is not at hand.

    `gene_summary.gz` has `#tax_id GeneID Source Summary`, all species; where a gene has
    several summaries the first stands.
    """
    if "summaries" not in files:
        return {}
    file = files["summaries"]
    rows = header_and_rows(file, "\t", quoted=False)
    header = [name.lstrip("#") for name in next(rows, [])]
    summaries: dict[str, str] = {}
    taxon, entrez, text = (position(file, header, name) for name in ("tax_id", "GeneID", "Summary"))
    for row in rows:
        if row[taxon] == HUMAN and row[text] not in {"", _NOTHING}:
            summaries.setdefault(row[entrez], row[text])
    file.expect_rows(len(summaries), "human summaries")
    return summaries
