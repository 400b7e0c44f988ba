"""SIFTS: which chain of a PDB entry is which protein, which enzyme, and from which paper.

https://www.ebi.ac.uk/pdbe/docs/sifts/quick.html: tables of tab-separated values, gzipped, after a
comment line with the date.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from hf_datasets.sources.reading import open_lines, position
from hf_datasets.sources.source import Source, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.sources.salvage import Faults
    from hf_datasets.sources.source import UsedFile

_FTP = "https://ftp.ebi.ac.uk/pub/databases/msd/sifts/flatfiles/tsv"


def _table(key: str) -> SourceFile:
    return SourceFile(
        key=key,
        url=f"{_FTP}/{key}.tsv.gz",
        local=(f"{key}*.tsv*", f"{key}*.csv*"),
        max_bytes=2_000_000_000,
    )


SOURCE = Source(
    name="sifts",
    title="SIFTS",
    version="current",
    licence="CC0-1.0",
    citation="Dana et al., SIFTS: updated, NAR 47:D482 (2019)",
    homepage="https://www.ebi.ac.uk/pdbe/docs/sifts/",
    files=(_table("pdb_chain_enzyme"), _table("pdb_chain_uniprot"), _table("pdb_pubmed")),
)


def read_enzymes(used: UsedFile, faults: Faults) -> Iterator[tuple[str, str]]:
    """Yield (UniProt accession, EC number) of every chain of an enzyme."""
    yield from _rows(used, ("ACCESSION", "EC_NUMBER"), faults)


def read_chains(used: UsedFile, faults: Faults) -> Iterator[tuple[str, str]]:
    """Yield (PDB entry, UniProt accession) of every chain."""
    for entry, accession in _rows(used, ("PDB", "SP_PRIMARY"), faults):
        yield entry.lower(), accession


def read_papers(used: UsedFile, faults: Faults) -> Iterator[tuple[str, str]]:
    """Yield (PMID, PDB entry) of every paper of an entry."""
    for entry, pmid in _rows(used, ("PDB", "PUBMED_ID"), faults):
        if pmid.isdecimal():
            yield pmid, entry.lower()
        elif pmid not in {"null", "-1", "0"}:
            faults.add("PubMed id that is no number", f"{entry} {pmid}")


def _rows(used: UsedFile, columns: tuple[str, str], faults: Faults) -> Iterator[tuple[str, str]]:
    """Yield two columns of a table; rows that are too short, or empty there, go to `faults`."""
    with open_lines(used) as lines:
        text = (line for line in lines if not line.startswith("#"))
        table = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = next(table, [])
        one, other = (position(used, header, name) for name in columns)
        for row in table:
            if len(row) > max(one, other) and row[one].strip() and row[other].strip():
                yield row[one].strip(), row[other].strip()
            elif row:
                faults.add("row without all of its columns", " ".join(row))
