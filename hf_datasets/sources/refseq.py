"""RefSeq: which protein a gene makes (gene2refseq of NCBI Gene), and its sequence (FASTA).

https://ftp.ncbi.nlm.nih.gov/gene/DATA/gene2refseq.gz holds all species; the sequences of one come
from its genome's folder, as GRCh38_latest_protein.faa.gz for humans.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from hf_datasets.sources.reading import open_lines, position
from hf_datasets.sources.salvage import Faults, read_bytes
from hf_datasets.sources.source import Source, SourceFile
from hf_datasets.sources.uniprot_protein import LETTERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.sources.source import UsedFile

SOURCE = Source(
    name="refseq",
    title="RefSeq proteins of human genes",
    version="current",
    licence="public domain",
    citation="O'Leary et al., Reference sequence (RefSeq) database at NCBI, NAR 44:D733 (2016)",
    homepage="https://www.ncbi.nlm.nih.gov/refseq/",
    files=(
        SourceFile(
            key="genes",
            url="https://ftp.ncbi.nlm.nih.gov/gene/DATA/gene2refseq.gz",
            local=("gene2refseq*",),
            max_bytes=80_000_000_000,
        ),
        SourceFile(
            key="proteins",
            url="https://ftp.ncbi.nlm.nih.gov/refseq/H_sapiens/annotation/GRCh38_latest/"
            "refseq_identifiers/GRCh38_latest_protein.faa.gz",
            local=("*protein*.faa*", "*.faa*", "*.fasta*", "*.fa*"),
            max_bytes=2_000_000_000,
        ),
    ),
)
HUMAN = "9606"
CURATED = "NP_"
_NONE = "-"


def read_genes(used: UsedFile, tax_id: str = HUMAN) -> dict[str, str]:
    """Return symbol → accession.version of its protein, for the genes of one species.

    Of curated proteins (`NP_…`) only; of several isoforms the one with the lowest accession,
    which as a rule is the first that was described.
    """
    found: dict[str, str] = {}
    with open_lines(used) as lines:
        table = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = [name.lstrip("#") for name in next(table, [])]
        taxon, protein, symbol = (
            position(used, header, name)
            for name in ("tax_id", "protein_accession.version", "Symbol")
        )
        for row in table:
            if len(row) <= symbol or row[taxon] != tax_id or not row[protein].startswith(CURATED):
                continue
            name = row[symbol]
            if name != _NONE:
                found[name] = min(found.get(name, row[protein]), row[protein])
    return found


def read_sequences(used: UsedFile, wanted: frozenset[str], faults: Faults) -> dict[str, str]:
    """Return accession.version → sequence of those that are wanted."""
    found: dict[str, str] = {}
    for name, sequence in _fasta(used, faults):
        if name not in wanted:
            continue
        if not sequence or not LETTERS.issuperset(sequence):
            faults.add("sequence that is empty or has other letters than residues", name)
        else:
            found[name] = sequence
    return found


def _fasta(used: UsedFile, faults: Faults) -> Iterator[tuple[str, str]]:
    rest, name = b"", ""
    parts: list[bytes] = []
    for chunk in read_bytes(used, faults):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b">"):
                if name:
                    yield name, b"".join(parts).decode("ascii", "replace")
                name, parts = line[1:].split(None, 1)[0].decode() if line[1:].split() else "?", []
            else:
                parts.append(line.strip())
    if name:
        yield name, b"".join([*parts, rest.strip()]).decode("ascii", "replace")
