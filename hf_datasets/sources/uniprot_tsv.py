"""UniProt's table (TSV of rest.uniprot.org/uniprotkb/stream), read row by row.

Columns may be any selection that has Entry, Protein names, Organism, Length and Sequence. Comments
are known by the topic that each cell starts with (`FUNCTION: …`), so their columns may have any
name. A name that ends in parentheses of its own loses them: the table puts synonyms there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError, nearest, shorten
from hf_datasets.sources.salvage import read_bytes, split_records
from hf_datasets.sources.uniprot_protein import TOPICS, Protein

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.sources.salvage import Faults
    from hf_datasets.sources.source import UsedFile

NEEDED = ("Entry", "Protein names", "Organism", "Length", "Sequence")
_TOPIC = re.compile(rf"({'|'.join(map(re.escape, TOPICS))}):(?:\s|$)")
_NEXT = {topic: re.compile(rf"[;.]\s+{re.escape(topic)}:\s") for topic in TOPICS}
COLUMNS = {
    "FUNCTION": "Function [CC]",
    "SUBUNIT": "Subunit structure",
    "TISSUE SPECIFICITY": "Tissue specificity",
    "PTM": "Post-translational modification",
    "INDUCTION": "Induction",
    "DISEASE": "Involvement in disease",
}
"""Topic → its usual column, for the topics that questions are asked about."""


def read_tsv(used: UsedFile, faults: Faults) -> Iterator[Protein]:
    """Yield the entries of a table, plain or gzip; InputError if it lacks a needed column."""
    rows = split_records(read_bytes(used, faults), b"\n", used)
    header = next(rows).decode("utf-8-sig", "replace").rstrip("\r").split("\t")
    for name in NEEDED:
        if name not in header:
            message = f"no column {name!r} in {used.path}{nearest(name, header)} columns: "
            raise InputError(message + shorten(header, 12))
    before: bytes | None = None
    for number, row in enumerate(rows, 1):
        if before is not None:
            yield from _row(header, number, before, faults)
        before = row.rstrip(b"\r")
    if before and faults.cut:
        faults.add("row that is cut short", before.split(b"\t")[0].decode("utf-8", "replace"))
    elif before is not None:
        yield from _row(header, number + 1, before, faults)


def _row(header: list[str], number: int, line: bytes, faults: Faults) -> Iterator[Protein]:
    """Yield the entry of a line, unless the line is empty or broken."""
    if not line:
        return
    try:
        cells = line.decode().split("\t")
    except UnicodeDecodeError:
        faults.add("not UTF-8", f"line {number}")
        return
    if len(cells) != len(header):
        faults.add("row of another width", f"line {number}, {cells[0]}")
        return
    yield parse_row(dict(zip(header, cells, strict=True)))


def missing_columns(header: list[str]) -> dict[str, str]:
    """Return topic → its usual column, for those that the table's header lacks."""
    return {topic: column for topic, column in COLUMNS.items() if column not in header}


def parse_row(cells: dict[str, str]) -> Protein:
    """Return the entry of a row, {column: cell}; a missing field is empty."""
    stated = cells["Length"].strip()
    return Protein(
        accession=cells["Entry"].strip(),
        name=first_name(cells["Protein names"]),
        organism=cells["Organism"].strip(),
        sequence=cells["Sequence"].strip(),
        length=int(stated) if stated.isdecimal() else None,
        comments=tuple(comment for cell in cells.values() for comment in _comments(cell)),
        reviewed=cells.get("Reviewed", "reviewed") == "reviewed",
    )


def _comments(cell: str) -> Iterator[tuple[str, str]]:
    """Yield the comments of a cell: the table writes those of one topic one after the other."""
    topic = _TOPIC.match(cell)
    if topic:
        for text in _NEXT[topic[1]].split(cell[topic.end() :]):
            yield topic[1], text.strip()


def first_name(names: str) -> str:
    """Return the recommended name of a cell like `Name (Synonym) (EC 1.1.1.1) [Includes: …]`.

    >>> first_name("tRNA (guanine-N(7)-)-methyltransferase (EC 2.1.1.33) (tRNA(m7G46)-MTase)")
    'tRNA (guanine-N(7)-)-methyltransferase'
    """
    name = names.strip()
    while name.endswith((")", "]")):
        depth = at = 0
        for at in range(len(name) - 1, 0, -1):
            depth += (name[at] in ")]") - (name[at] in "([")
            if depth == 0:
                break
        if at < 2 or name[at - 1] != " ":  # noqa: PLR2004  a letter and a space
            break
        name = name[:at].rstrip()
    return name
