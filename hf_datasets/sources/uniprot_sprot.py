"""UniProtKB/Swiss-Prot, all species: the flat file, the XML or the table of reviewed entries.

https://ftp.uniprot.org/pub/databases/uniprot/current_release/knowledgebase/complete/. All three
give the same entries; a file is told by how it starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.errors import InputError
from hf_datasets.sources.salvage import Faults, read_bytes
from hf_datasets.sources.source import Source, SourceFile
from hf_datasets.sources.uniprot_protein import is_sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hf_datasets.sources.source import UsedFile
    from hf_datasets.sources.uniprot_protein import Protein

_FTP = "https://ftp.uniprot.org/pub/databases/uniprot/current_release/knowledgebase"
_HEAD = 65536

SOURCE = Source(
    name="uniprot-sprot",
    title="UniProtKB/Swiss-Prot",
    version="current",
    licence="CC-BY-4.0",
    citation="The UniProt Consortium, UniProt 2025, NAR 53:D609 (2025)",
    homepage="https://www.uniprot.org",
    files=(
        SourceFile(
            key="entries",
            url=f"{_FTP}/complete/uniprot_sprot.dat.gz",
            local=("uniprot*.dat*", "uniprot*.xml*", "uniprot*.tsv*", "*.xml*", "*.tsv*"),
            max_bytes=60_000_000_000,
        ),
        SourceFile(
            key="uniref",
            url=f"{_FTP}/idmapping/idmapping.dat.gz",
            local=("idmapping*", "*uniref*"),
            max_bytes=100_000_000_000,
            optional=True,
            download=False,
        ),
    ),
)


def read_proteins(used: UsedFile, faults: Faults) -> Iterator[Protein]:
    """Yield the sound entries of a file, each accession once; all others go to `faults`.

    InputError for a file that is none of the three formats. At least one entry must be sound.
    """
    seen: set[str] = set()
    for protein in _reader(used)(used, faults):
        if not is_sound(protein, faults):
            continue
        if protein.accession in seen:
            faults.add("accession that was there before", protein.accession)
            continue
        seen.add(protein.accession)
        yield protein
    if not seen:
        message = f"{used.path} has no entry that can be used; {faults.reason() or 'it is empty'}"
        raise InputError(message)


def _reader(used: UsedFile) -> Callable[[UsedFile, Faults], Iterator[Protein]]:
    """Return the reader of the format that a file is in."""
    from hf_datasets.sources.uniprot_flat import read_flat
    from hf_datasets.sources.uniprot_tsv import read_tsv
    from hf_datasets.sources.uniprot_xml import read_xml

    head = file_head(used).lstrip()
    if head.startswith(b"ID   "):
        return read_flat
    if head.startswith(b"<") and b"<html" not in head[:512].lower():
        return read_xml
    if head.split(b"\n")[0].startswith((b"Entry\t", b"\xef\xbb\xbfEntry\t")):
        return read_tsv
    message = (
        f"{used.path} starts with {head[:20].decode('utf-8', 'replace')!r}: it is neither "
        "UniProt's flat file, nor its XML, nor its TSV with the column Entry first"
    )
    raise InputError(message)


def columns_not_there(used: UsedFile) -> dict[str, str]:
    """Return topic → its usual column, for those that a table was written without; else {}."""
    from hf_datasets.sources.uniprot_tsv import missing_columns, read_tsv

    if _reader(used) is not read_tsv:
        return {}
    return missing_columns(file_head(used).split(b"\n")[0].decode("utf-8", "replace").split("\t"))


def file_head(used: UsedFile) -> bytes:
    """Return the first bytes of a file, unpacked."""
    return next(read_bytes(used, Faults(used.path.name)), b"")[:_HEAD]
