"""The three formats of UniProt's stream, each read entry by entry in bounded memory."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, shorten
from hf_datasets.sources.reading import header_and_rows, open_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from hf_datasets.sources.source import UsedFile

_CHUNK = 1 << 20
_FASTA_HEADER = re.compile(r">(?P<db>sp|tr)\|(?P<accession>[A-Z0-9]+)(?P<isoform>-\d+)?\|")
_GENE_NAME = re.compile(r"\bGN=(\S+)")
_TAXON = re.compile(r"\bOX=(\d+)")
_HUMAN = "9606"
_GAP = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One reviewed human protein."""

    accession: str
    symbol: str
    """First name of the first gene, or empty."""
    keywords: tuple[tuple[str, str], ...]
    """(keyword, category); the category is empty where the format has none."""
    sequence: str
    """Canonical, one letter an amino acid, or empty."""


def read_entries(file: UsedFile) -> Iterator[Entry]:
    """Yield the entries of a JSON, TSV or FASTA stream, told apart by their first character.

    Unreviewed entries and, in FASTA, isoforms and other species are skipped.
    """
    with open_lines(file) as lines:
        first = lines.read(1)
    if first in ("{", ">"):
        yield from (_json if first == "{" else _fasta)(file)
    else:
        yield from _tsv(file)


def _json(file: UsedFile) -> Iterator[Entry]:
    """Read `{"results": [entry, …]}` one entry at a time: the whole can be gigabytes."""
    decoder = json.JSONDecoder()
    with open_lines(file) as stream:
        text, at = _seek_results(file, stream)
        while True:
            at = _GAP.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing too
            if text.startswith("]", at):
                return
            try:
                record, at = decoder.raw_decode(text, at)
            except json.JSONDecodeError as error:
                more = stream.read(max(_CHUNK, len(text) - at))
                if not more:
                    message = f"{file.path} ends within an entry ({error.msg}); fetch it again"
                    raise InputError(message) from error
                text, at = text[at:] + more, 0
                continue
            yield from _json_entry(file, record)


def _seek_results(file: UsedFile, stream: IO[str]) -> tuple[str, int]:
    """Return the first piece of the stream and where its list of results begins."""
    text = stream.read(_CHUNK)
    if start := re.search(r'"results"\s*:\s*\[', text):
        return text, start.end()
    message = f"{file.path} has no list `results`; give UniProtKB's JSON stream"
    raise InputError(message)


def _json_entry(file: UsedFile, record: dict[str, Any]) -> Iterator[Entry]:
    """Yield the entry of a JSON record, unless it is unreviewed."""
    try:
        if "TrEMBL" in record.get("entryType", ""):
            return
        gene = (record.get("genes") or [{}])[0]
        entry = Entry(
            accession=record["primaryAccession"],
            symbol=gene.get("geneName", {}).get("value", ""),
            keywords=tuple(
                (keyword["name"], keyword.get("category", ""))
                for keyword in record.get("keywords", ())
            ),
            sequence=record.get("sequence", {}).get("value", ""),
        )
    except (KeyError, TypeError, AttributeError) as error:
        message = f"{file.path} has an entry of another shape ({error!r}); expected UniProtKB JSON"
        raise InputError(message) from error
    yield entry


def _tsv(file: UsedFile) -> Iterator[Entry]:
    """Read the TSV stream; its keywords have no categories. Columns may be a selection."""
    rows = header_and_rows(file, "\t", quoted=False)
    header = next(rows, [])
    if "Entry" not in header:
        message = f"no column 'Entry' in {file.path} columns: {shorten(header, 12) or 'none'}"
        raise InputError(message)
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        names = cells.get("Gene Names (primary)", cells.get("Gene Names", ""))
        if cells.get("Reviewed", "reviewed") == "reviewed":
            yield Entry(
                accession=cells["Entry"],
                symbol=next(iter(re.split(r"[;\s]+", names)), ""),
                keywords=tuple((name, "") for name in cells.get("Keywords", "").split(";") if name),
                sequence=cells.get("Sequence", ""),
            )


def _fasta(file: UsedFile) -> Iterator[Entry]:
    header = ""
    letters: list[str] = []
    with open_lines(file) as lines:
        for line in lines:
            if line.startswith(">"):
                yield from _fasta_entry(file, header, letters)
                header, letters = line.strip(), []
            else:
                letters.append(line.strip())
        yield from _fasta_entry(file, header, letters)


def _fasta_entry(file: UsedFile, header: str, letters: list[str]) -> Iterator[Entry]:
    """Yield the entry under `header`, unless it is an isoform, unreviewed or of another species."""
    if not header:
        return
    known = _FASTA_HEADER.match(header)
    if known is None:
        message = f"{file.path}: header {header!r:.80} is not UniProt's `>sp|P04217|A1BG_HUMAN …`"
        raise InputError(message)
    taxon, name = _TAXON.search(header), _GENE_NAME.search(header)
    human = taxon is None or taxon[1] == _HUMAN
    if known["db"] == "sp" and not known["isoform"] and human:
        yield Entry(known["accession"], name[1] if name else "", (), "".join(letters))
