"""UniProt's flat file (uniprot_sprot.dat), read entry by entry.

https://web.expasy.org/docs/userman.html. Of an entry only the lines ID, AC, DE, OS, CC and SQ are
looked at; they are found by position, since most of a file is cross-references and features.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from hf_datasets.sources.salvage import read_bytes, split_records
from hf_datasets.sources.uniprot_protein import TOPICS, Protein, without_evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.sources.salvage import Faults
    from hf_datasets.sources.source import UsedFile

_KNOWN = frozenset(TOPICS)
_END = b"\n//\n"
_LENGTH = re.compile(r"(\d+) AA\.")
_COMMENTS_END = re.compile(r"\n(?!CC   )|\nCC   -{10}")
# Lines break after a hyphen too, and that is no place for a space. UniProt's writer never breaks
# a line after the hyphen of "N- and C-terminal"; files by others might.
_HYPHEN = re.compile(r"(?<=\S)-\nCC +(?!(?:and|or|to|but|nor)\b)")
_WRAP = re.compile(r"\nCC +")


def read_flat(used: UsedFile, faults: Faults) -> Iterator[Protein]:
    """Yield the entries of a flat file, plain or gzip."""
    chunks = read_bytes(used, faults)
    head = next(chunks, b"")
    chunks = itertools.chain((head,), chunks)
    if b"\r\n" in head:
        chunks = (chunk.replace(b"\r", b"") for chunk in chunks)
    last: bytes | None = None
    for piece in split_records(chunks, _END, used):
        if last is not None:
            yield from _entries(last, faults)
        last = piece
    last = (last or b"").rstrip()
    if last.endswith(b"\n//"):
        yield from _entries(last[:-3], faults)
    elif last and last != b"//":
        faults.add("entry without an end (//)", _named(last.rpartition(b"\nID   ")[2]))


def _entries(piece: bytes, faults: Faults) -> Iterator[Protein]:
    """Yield the entry of a piece; where two ran together, the first has lost its end."""
    *torn, whole = piece.split(b"\nID   ")
    for start in torn:
        faults.add("entry without an end (//)", _named(start))
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        faults.add("not UTF-8", _named(whole))
        return
    yield parse_entry(text)


def _named(piece: bytes) -> str:
    """Return the entry name on the ID line, as far as there is one."""
    words = piece[:60].decode("ascii", "replace").removeprefix("ID   ").split()
    return words[0] if words else "?"


def parse_entry(text: str) -> Protein:
    """Return the entry whose lines, from ID to the sequence, are `text`; a missing field is empty.

    `text` may have lost the `ID   ` before its first word.
    """
    first = text[: text.find("\n")]
    stated = _LENGTH.search(first)
    body = text.find("\nSQ   ")
    start = text.find("\n", body + 1)
    return Protein(
        accession=_line(text, "\nAC   ").partition(";")[0].strip(),
        name=_name(text),
        organism=_organism(text),
        sequence="".join(text[start:].split()) if 0 <= body < start else "",
        length=int(stated[1]) if stated else None,
        comments=tuple(_comments(text)),
        reviewed="Unreviewed;" not in first,
    )


def _line(text: str, code: str) -> str:
    """Return the rest of the first line that starts with `code`, empty if none does."""
    at = text.find(code)
    return text[at + len(code) : text.find("\n", at + 1)] if at >= 0 else ""


def _name(text: str) -> str:
    found = _line(text, "\nDE   RecName: Full=") or _line(text, "\nDE   SubName: Full=")
    return without_evidence(found.strip().removesuffix(";"))


def _organism(text: str) -> str:
    at = text.find("\nOS   ")
    if at < 0:
        return ""
    lines = []
    while text.startswith("\nOS   ", at):
        end = text.find("\n", at + 1)
        lines.append(text[at + 6 : end])
        at = end
    return " ".join(lines).strip().removesuffix(".")


def _comments(text: str) -> Iterator[tuple[str, str]]:
    start = text.find("\nCC   -!- ")
    if start < 0:
        return
    end = _COMMENTS_END.search(text, start)
    for comment in text[start : end.start() if end else None].split("\nCC   -!- ")[1:]:
        topic, _, body = comment.partition(":")
        if topic in _KNOWN:
            if "-\n" in body:
                body = _HYPHEN.sub("-", body)
            yield topic, _WRAP.sub(" ", body).strip()
