"""UniProt: keywords and canonical sequences of the reviewed human proteins.

https://rest.uniprot.org: the stream of reviewed human entries as JSON (or TSV, or FASTA for the
sequences alone), and a converted table of gene and keyword.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.sources.reading import read_columns
from hf_datasets.sources.source import Source, SourceFile, used
from hf_datasets.sources.uniprot_formats import Entry, read_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hf_datasets.sources.source import UsedFile

_REST = "https://rest.uniprot.org"
_ENTRIES = (
    f"{_REST}/uniprotkb/stream?compressed=true&format=json"
    "&fields=accession,gene_primary,keyword,sequence"
    "&query=%28model_organism%3A9606%29%20AND%20%28reviewed%3Atrue%29"
)
_TERMS = f"{_REST}/keywords/stream?compressed=true&format=tsv&query=*&fields=id,name,category"

SOURCE = Source(
    name="uniprot",
    title="UniProtKB/Swiss-Prot, human",
    version="current",
    licence="CC-BY-4.0",
    citation="The UniProt Consortium, UniProt 2025, NAR 53:D609 (2025)",
    homepage="https://www.uniprot.org",
    files=(
        SourceFile(
            key="entries",
            url=_ENTRIES,
            local=("uniprot*.json*", "*.json*", "uniprot*.tsv*"),
            min_rows=19_000,
            max_bytes=6_000_000_000,
            optional=True,
        ),
        SourceFile(
            key="keywords",
            url="",
            local=("human_gene_keywords.tsv*",),
            min_rows=100_000,
            max_bytes=200_000_000,
            optional=True,
        ),
        SourceFile(
            key="terms",
            url=_TERMS,
            local=("keyword_terms.tsv*", "keywords*.tsv*"),
            min_rows=1_000,
            optional=True,
            download=False,
        ),
        SourceFile(
            key="sequences",
            url="",
            local=("*.fasta*", "*.fa", "*.fa.gz"),
            min_rows=19_000,
            max_bytes=1_000_000_000,
            optional=True,
        ),
    ),
)


def read_keywords(files: Mapping[str, UsedFile]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return (symbol, keyword, its categories), each pair once, in file order.

    From `entries` if they are there, else from the converted `keywords` (September 2023: 18,050
    genes, 702 keywords, where a category cell like `Ligand;Domain` means both). An entry counts
    under the first name of its first gene; entries without a gene name are dropped, as
    gene-benchmark does. TSV entries need `terms` for the categories.

    The converted table is incomplete: of some keywords it has only the genes that a narrower one
    implies (`ATP-binding` 136 by `Helicase`, `Nucleus` 43, `Glycoprotein` 243, `DNA-binding` 49),
    so a gene without such a keyword there may well have it. `entries` has no such gaps.
    """
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    if "entries" in files:
        terms = _term_categories(files)
        for entry in _entries(files["entries"]):
            for keyword, category in entry.keywords if entry.symbol else ():
                categories = (category,) if category else terms.get(keyword, ())
                found.setdefault((entry.symbol, keyword), categories)
    else:
        file = used(files, SOURCE, "keywords")
        for symbol, keyword, cell in read_columns(file, ("symbol", "keyword", "category")):
            found.setdefault((symbol, keyword), _split(cell))
    return [(symbol, keyword, categories) for (symbol, keyword), categories in found.items()]


def read_sequences(files: Mapping[str, UsedFile]) -> dict[str, tuple[str, str]]:
    """Return {accession: (symbol, canonical sequence)} of the reviewed human entries.

    From `sequences` (FASTA or TSV) if it is there, else from `entries`. The symbol is empty
    for an entry without a gene name: the accession still leads to its gene through HGNC.
    """
    file = files["sequences"] if "sequences" in files else used(files, SOURCE, "entries")
    return {
        entry.accession: (entry.symbol, entry.sequence)
        for entry in _entries(file)
        if entry.sequence
    }


def _entries(file: UsedFile) -> list[Entry]:
    entries = list(read_entries(file))
    file.expect_rows(len(entries), "entries")
    return entries


def _term_categories(files: Mapping[str, UsedFile]) -> dict[str, tuple[str, ...]]:
    """Return {keyword: categories} from UniProt's list of keywords, if it is at hand."""
    if "terms" not in files:
        return {}
    header = ("identifier", "category")
    return {name: _split(cell) for name, cell in read_columns(files["terms"], header)}


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split(";") if part)
