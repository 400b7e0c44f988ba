"""HGNC: the approved human gene symbols, their aliases, identifiers and gene groups.

https://www.genenames.org/download/archive/: the complete set, as TSV or JSON, and the list of
withdrawn entries.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError
from hf_datasets.sources.reading import header_and_rows, open_lines, read_columns
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.source import UsedFile

_URL = "https://storage.googleapis.com/public-download-files/hgnc/"
SOURCE = Source(
    name="hgnc",
    title="HGNC complete set",
    version="current",
    licence="CC0-1.0",
    citation="Seal et al., Genenames.org: the HGNC resources in 2023, NAR 51:D1003 (2023)",
    homepage="https://www.genenames.org",
    files=(
        SourceFile(
            key="genes",
            url=f"{_URL}tsv/tsv/hgnc_complete_set.txt",
            local=(
                "hgnc_complete_set*.txt*",
                "hgnc_complete_set*.tsv*",
                "hgnc_complete_set*.json*",
            ),
            min_rows=40_000,
            max_bytes=400_000_000,
        ),
        SourceFile(
            key="withdrawn",
            url=f"{_URL}tsv/tsv/withdrawn.txt",
            local=("withdrawn*.txt*",),
            min_rows=1_000,
            optional=True,
        ),
    ),
)
_TEXTS = ("hgnc_id", "symbol", "name", "status", "locus_group", "location")
_LISTS = ("alias_symbol", "prev_symbol", "gene_group", "gene_group_id", "uniprot_ids")
_IDS = ("entrez_id", "ensembl_gene_id")
_REQUIRED = ("hgnc_id", "symbol", "name", "status")


@dataclass(frozen=True, slots=True)
class HgncGene:
    """One entry of HGNC; texts are empty and tuples are () where HGNC says nothing."""

    hgnc_id: str
    """`HGNC:5`."""
    symbol: str
    name: str
    status: str
    """`Approved`, `Entry Withdrawn` or `Merged/Split`."""
    locus_group: str
    """`protein-coding gene`, `non-coding RNA`, `pseudogene` or `other`."""
    location: str
    """Cytogenetic, `19q13.43`."""
    alias_symbols: tuple[str, ...]
    previous_symbols: tuple[str, ...]
    gene_groups: tuple[str, ...]
    """Names of gene groups, in step with `gene_group_ids`."""
    gene_group_ids: tuple[int, ...]
    entrez_id: str
    ensembl_gene_id: str
    uniprot_ids: tuple[str, ...]
    merged_into: tuple[str, ...] = ()
    """For a withdrawn entry: the symbols that took its place."""


def read_genes(files: Mapping[str, UsedFile]) -> list[HgncGene]:
    """Return every entry of the complete set in file order, then the withdrawn ones if given.

    The complete set of October 2024 has 43,882 entries, all approved; withdrawn entries come
    from the file `withdrawn`, or from a complete set that holds them. Their status tells.
    """
    file = used(files, SOURCE, "genes")
    genes = [_gene(record) for record in _records(file)]
    file.expect_rows(len(genes), "genes")
    known = {gene.hgnc_id for gene in genes}
    if "withdrawn" in files:
        genes += [gene for gene in _withdrawn(files["withdrawn"]) if gene.hgnc_id not in known]
    return genes


def _records(file: UsedFile) -> Iterator[dict[str, Any]]:
    """Yield one mapping per entry, from the TSV (values joined by `|`) or the JSON (lists)."""
    with open_lines(file) as lines:
        is_json = lines.read(64).lstrip().startswith("{")
    if is_json:
        yield from _json_records(file)
        return
    rows = header_and_rows(file, "\t", quoted=True)
    header = next(rows, [])
    for column in (*_REQUIRED, *_LISTS, *_IDS):
        if column not in header:
            message = f"no column {column!r} in {file.path}; give HGNC's complete set"
            raise InputError(message)
    wanted = [(name, header.index(name)) for name in (*_TEXTS, *_IDS, *_LISTS) if name in header]
    for row in rows:
        record: dict[str, Any] = {name: row[index] for name, index in wanted}
        for name in _LISTS:
            record[name] = [value for value in record[name].split("|") if value]
        yield record


def _json_records(file: UsedFile) -> Iterator[dict[str, Any]]:
    with open_lines(file) as lines:
        try:
            records = json.load(lines)["response"]["docs"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            message = f"{file.path} is not HGNC's JSON (response.docs): {error}; fetch it again"
            raise InputError(message) from error
    for record in records:
        if not isinstance(record, dict) or any(name not in record for name in _REQUIRED):
            message = f"{file.path} has an entry without {', '.join(_REQUIRED)}: {record!r:.80}"
            raise InputError(message)
        yield record


def _gene(record: dict[str, Any]) -> HgncGene:
    texts = {name: str(record.get(name) or "") for name in (*_TEXTS, *_IDS)}
    lists = {name: [str(value) for value in record.get(name) or ()] for name in _LISTS}
    return HgncGene(
        hgnc_id=texts["hgnc_id"],
        symbol=texts["symbol"],
        name=texts["name"],
        status=texts["status"],
        locus_group=texts["locus_group"],
        location=texts["location"],
        entrez_id=texts["entrez_id"],
        ensembl_gene_id=texts["ensembl_gene_id"],
        alias_symbols=tuple(lists["alias_symbol"]),
        previous_symbols=tuple(lists["prev_symbol"]),
        gene_groups=tuple(lists["gene_group"]),
        gene_group_ids=tuple(int(value) for value in lists["gene_group_id"]),
        uniprot_ids=tuple(lists["uniprot_ids"]),
    )


def _withdrawn(file: UsedFile) -> Iterator[HgncGene]:
    """Yield the entries of HGNC's withdrawn list: `HGNC:1/SYMBOL/Approved` says what replaces."""
    columns = ("HGNC_ID", "STATUS", "WITHDRAWN_SYMBOL", _merged_column(file))
    for identifier, status, symbol, merged in read_columns(file, columns, quoted=True):
        parts = [entry.strip().replace("|", "/").split("/") for entry in merged.split(",")]
        targets = tuple(part[1] for part in parts if len(part) > 1)
        record = {"hgnc_id": identifier, "symbol": symbol, "status": status}
        yield replace(_gene(record), merged_into=targets)


def _merged_column(file: UsedFile) -> str:
    header = next(header_and_rows(file, "\t", quoted=True), [])
    merged = [name for name in header if name.startswith("MERGED_INTO_REPORT")]
    return merged[0] if merged else "MERGED_INTO_REPORT(S)"
