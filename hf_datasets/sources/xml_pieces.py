"""XML files of many records, cut into pieces that are parsed one by one.

One broken record costs only itself, and what a file declares in its head (a document type,
entities that expand without end, files to fetch) never reaches a parser.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hf_datasets.sources.salvage import Faults

LONGEST = 1 << 28
"""Bytes of one record at most: a book among articles."""


def elements(
    chunks: Iterable[bytes], tag: str, identity: re.Pattern[bytes], faults: Faults
) -> Iterator[ET.Element]:
    """Yield every `<tag …>…</tag>`; those that are broken or without an end go to `faults`.

    `identity` finds, in its first group, what a record is called in messages.
    """
    end, start = f"</{tag}>".encode(), re.compile(rf"<{tag}[\s>]".encode())
    rest = b""
    for chunk in chunks:
        *pieces, rest = (rest + chunk).split(end)
        for piece in pieces:
            yield from _parsed(piece, end, start, identity, faults)
        if len(rest) > LONGEST:
            faults.add(f"record longer than {LONGEST:,} bytes", _named(rest, identity))
            rest = rest[-len(end) :]
    if start.search(rest):
        faults.add(f"record without an end ({end.decode()})", _named(rest, identity))


def _parsed(
    piece: bytes,
    end: bytes,
    start: re.Pattern[bytes],
    identity: re.Pattern[bytes],
    faults: Faults,
) -> Iterator[ET.Element]:
    """Yield the record that ends a piece; those before it in the piece have lost their end."""
    starts = [found.start() for found in start.finditer(piece)]
    for one, following in itertools.pairwise(starts):
        lost = piece[one:following]
        faults.add(f"record without an end ({end.decode()})", _named(lost, identity))
    if not starts:
        faults.add("broken XML", f"{_named(piece, identity)}: no beginning before {end.decode()}")
        return
    whole = piece[starts[-1] :] + end
    try:
        # No document type can stand before a record, so there are no entities to expand.
        yield ET.fromstring(_bound(whole))  # noqa: S314
    except (ET.ParseError, ValueError) as error:
        faults.add("broken XML", f"{_named(whole, identity)}: {error}")


_PREFIX = re.compile(rb"</?([A-Za-z][\w-]*):|\s([A-Za-z][\w-]*):[\w-]+=")


def _bound(whole: bytes) -> bytes:
    """Declare the prefixes that a record uses, as the head that it was cut from may have done."""
    head, close, body = whole.partition(b">")
    used = {one or other for one, other in _PREFIX.findall(whole)} - {b"xml", b"xmlns"}
    missing = sorted(name for name in used if b"xmlns:" + name + b"=" not in whole)
    declared = b"".join(b' xmlns:%s="urn:%s"' % (name, name) for name in missing)
    if head.endswith(b"/"):
        return whole
    return head + declared + close + body


def _named(piece: bytes, identity: re.Pattern[bytes]) -> str:
    found = identity.search(piece)
    return found[1].decode("utf-8", "replace").strip() if found else "?"


def plain_text(element: ET.Element | None, without: frozenset[str] = frozenset()) -> str:
    """Return all text inside an element on one line, markup dropped.

    Elements named in `without` are left out whole; what follows them stays.
    """
    return " ".join("".join(_texts(element, without)).split()) if element is not None else ""


def _texts(element: ET.Element, without: frozenset[str]) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if local_name(child) not in without:
            yield from _texts(child, without)
        yield child.tail or ""


def local_name(element: ET.Element) -> str:
    """Return an element's name without its namespace."""
    # Comments and processing instructions have a function as their tag.
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
