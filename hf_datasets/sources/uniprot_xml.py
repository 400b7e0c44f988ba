"""UniProt's XML (uniprot_sprot.xml), read entry by entry.

https://www.uniprot.org/docs/uniprot.xsd. The file is cut at `</entry>`, and each entry is parsed
by itself: one broken entry costs only itself, and whatever a file declares in its head (a document
type, entities that expand without end, files to fetch) never reaches a parser.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.parsers import expat

from hf_datasets.sources.salvage import read_bytes, split_records
from hf_datasets.sources.uniprot_protein import TOPICS, Protein

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.sources.salvage import Faults
    from hf_datasets.sources.source import UsedFile

_KNOWN = {topic.lower(): topic for topic in TOPICS}
_END = b"</entry>"
_START = re.compile(rb"<entry[\s>]")
_NAMESPACE = re.compile(rb'\sxmlns="[^"]*"')
_ACCESSION = re.compile(rb"<accession>([^<]*)")


def read_xml(used: UsedFile, faults: Faults) -> Iterator[Protein]:
    """Yield the entries of an XML file, plain or gzip."""
    last: bytes | None = None
    for piece in split_records(read_bytes(used, faults), _END, used):
        if last is not None:
            yield from _entries(last, faults)
        last = piece
    last = last or b""
    if _START.search(last):
        faults.add("entry without an end (</entry>)", _named(last))
    if b"</uniprot>" not in last and not faults.cut:
        faults.cut = "the XML ends without </uniprot>: fetch it again"


def _entries(piece: bytes, faults: Faults) -> Iterator[Protein]:
    """Yield the entry that ends this piece; those before it in the piece have lost their end."""
    starts = [found.start() for found in _START.finditer(piece)]
    for start, end in itertools.pairwise(starts):
        faults.add("entry without an end (</entry>)", _named(piece[start:end]))
    if not starts:
        faults.add("broken XML", f"{_named(piece)}: no <entry> before </entry>")
        return
    whole = piece[starts[-1] :] + _END
    try:
        # No document type can stand before an entry, so there are no entities to expand.
        expat.ParserCreate().Parse(whole, True)  # noqa: FBT003  the only way it takes it
        entry = ET.fromstring(_NAMESPACE.sub(b"", _without_references(whole), 1))  # noqa: S314
    except (ET.ParseError, expat.ExpatError, ValueError) as error:
        faults.add("broken XML", f"{_named(whole)}: {error}")
        return
    yield parse_entry(entry)


def _without_references(entry: bytes) -> bytes:
    """Return a well-formed entry without what lies between its comments and its sequence.

    Cross-references, keywords and features: most of the file, of which nothing is read.
    """
    start, end = entry.rfind(b"</comment>"), entry.rfind(b"<sequence ")
    return entry[: start + len(b"</comment>")] + entry[end:] if 0 < start < end else entry


def _named(piece: bytes) -> str:
    found = _ACCESSION.search(piece)
    return found[1].decode("ascii", "replace") if found else "?"


def parse_entry(entry: ET.Element) -> Protein:
    """Return the entry of an `<entry>` without namespace; a missing field is empty."""
    sequence = entry.find("sequence")
    stated = sequence.get("length", "") if sequence is not None else ""
    letters = (sequence.text or "") if sequence is not None else ""
    name = entry.findtext("protein/recommendedName/fullName")
    return Protein(
        accession=(entry.findtext("accession") or "").strip(),
        name=(name or entry.findtext("protein/submittedName/fullName") or "").strip(),
        organism=_organism(entry),
        sequence="".join(letters.split()),
        length=int(stated) if stated.isdecimal() else None,
        comments=tuple(_comments(entry)),
        reviewed=entry.get("dataset", "Swiss-Prot") == "Swiss-Prot",
    )


def _organism(entry: ET.Element) -> str:
    """Return the names as the flat file writes them: scientific (common) (synonym)."""
    kinds = ("scientific", "common", "synonym")
    names = [
        name.text.strip()
        for kind in kinds
        for name in entry.iterfind("organism/name")
        if name.get("type") == kind and name.text
    ]
    return " ".join([*names[:1], *(f"({name})" for name in names[1:])])


def _comments(entry: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield the comments as the flat file writes them."""
    for comment in entry.iterfind("comment"):
        topic = _KNOWN.get((comment.get("type") or "").lower())
        if topic is None:
            continue
        said = " ".join(_sentence(text.text) for text in comment.iterfind("text"))
        if topic in _SHAPES:
            said = _SHAPES[topic](comment, f"Note={said}" if said else "")
        molecule = (comment.findtext("molecule") or "").strip()
        yield topic, f"[{molecule}]: {said}" if molecule else said


def _sentence(text: str | None) -> str:
    """Return a text with a full stop: the flat file has one where the XML may not."""
    said = (text or "").strip()
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _disease(comment: ET.Element, note: str) -> str:
    disease = comment.find("disease")
    if disease is None:
        return note
    name, acronym = disease.findtext("name"), disease.findtext("acronym")
    described = _sentence(disease.findtext("description"))
    return f"{name} ({acronym}): {described} {note}"


def _location(comment: ET.Element, note: str) -> str:
    places = [
        "; ".join((part.text or "").strip() for part in place)
        for place in comment.iterfind("subcellularLocation")
    ]
    return f"{'. '.join(places)}. {note}" if places else note


def _reaction(comment: ET.Element, note: str) -> str:
    reaction = comment.find("reaction")
    if reaction is None:
        return note
    numbers = [
        f"EC={number.get('id')};"
        for number in reaction.iterfind("dbReference")
        if number.get("type") == "EC"
    ]
    return f"Reaction={reaction.findtext('text')}; {' '.join(numbers)}"


def _cofactor(comment: ET.Element, note: str) -> str:
    names = [f"Name={name.text};" for name in comment.iterfind("cofactor/name")]
    return " ".join([*names, note])


_SHAPES = {
    "DISEASE": _disease,
    "SUBCELLULAR LOCATION": _location,
    "CATALYTIC ACTIVITY": _reaction,
    "COFACTOR": _cofactor,
}
