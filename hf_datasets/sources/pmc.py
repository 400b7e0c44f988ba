"""PubMed Central, open access subset: whole articles as JATS XML.

https://ftp.ncbi.nlm.nih.gov/pub/pmc/oa_bulk/: `oa_comm_xml.PMC000xxxxxx.baseline.….tar.gz`, an
article a member; or the articles themselves, `.xml`, `.nxml` or gzipped. Each names its licence.
https://jats.nlm.nih.gov/archiving/
"""

from __future__ import annotations

import io
import re
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_datasets.sources.salvage import Faults, read_bytes
from hf_datasets.sources.source import Source, SourceFile
from hf_datasets.sources.xml_pieces import elements, local_name, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from xml.etree import ElementTree as ET

    from hf_datasets.sources.source import UsedFile

SOURCE = Source(
    name="pmc",
    title="PubMed Central, open access subset",
    version="current",
    licence="each article's own, in the column `licence`",
    citation="National Library of Medicine, PMC Open Access Subset",
    homepage="https://pmc.ncbi.nlm.nih.gov/tools/openftlist/",
    files=(
        SourceFile(
            key="articles",
            url="https://ftp.ncbi.nlm.nih.gov/pub/pmc/oa_bulk/oa_comm/xml/",
            local=("oa_comm", "oa_bulk"),
            max_bytes=60_000_000_000,
            download=False,
            listing=r"oa_comm_xml\.[\w.-]+\.tar\.gz",
            parts=("*.tar.gz", "*.tar", "*.xml", "*.nxml", "*.xml.gz", "*.nxml.gz"),
        ),
    ),
)
LEFT_OUT = frozenset({
    "table-wrap", "fig", "fig-group", "disp-formula", "disp-formula-group", "inline-formula",
    "tex-math", "math", "supplementary-material", "media", "graphic", "inline-graphic", "fn",
    "ref-list", "code", "object-id", "alternatives", "boxed-text",
})  # fmt: skip
"""Elements whose text is no prose."""
_ID = re.compile(rb'<article-id[^>]*pub-id-type="pmc(?:id|aid)?"[^>]*>([^<]*)')
_CITED = re.compile(r"\s*[(\[][\s,;\u2013\u2014-]*[)\]]")
"""What brackets are left with when the numbers of references are out."""
_BEFORE_MARK = re.compile(r"\s+(?=[.,;:](?:\s|$))")
_CREATIVE = re.compile(r"creativecommons\.org/(licenses|publicdomain)/([\w-]+)/?(\d\.\d)?")
_LARGEST = 1 << 27
"""Bytes of one article in an archive."""


@dataclass(frozen=True, slots=True)
class Article:
    """One article."""

    pmcid: str
    """With its `PMC`."""
    pmid: str
    licence: str
    """As `CC-BY-4.0` where the article says so by its usual address, else empty."""
    title: str
    abstract: str
    sections: tuple[tuple[str, str], ...]
    """(heading, paragraphs joined by line ends), in order; a heading can be empty."""


def read_articles(used: UsedFile, account: Callable[[UsedFile], Faults]) -> Iterator[Article]:
    """Yield every article with a title and a body, each PMCID once; others go to the faults."""
    seen: set[str] = set()
    for file in used.each():
        faults = account(file)
        for chunks in _documents(file, faults):
            for element in elements(chunks, "article", _ID, faults):
                found = _article(element, faults)
                if found is None:
                    continue
                if found.pmcid in seen:
                    faults.add("PMCID that was there before", found.pmcid)
                    continue
                seen.add(found.pmcid)
                yield found


def _documents(file: UsedFile, faults: Faults) -> Iterator[Iterator[bytes]]:
    """Yield the XML documents of a file: of its members, if it is an archive."""
    if ".tar" not in file.path.name:
        yield read_bytes(file, faults)
        return
    # Not gzip's own reader, which gives nothing of the last block of a file that was cut short.
    stream = io.BufferedReader(_Stream(read_bytes(file, faults)))
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if not member.name.endswith((".xml", ".nxml")):
                    continue
                if member.size > _LARGEST:
                    faults.add(f"article of more than {_LARGEST:,} bytes", member.name)
                elif content := archive.extractfile(member):
                    yield iter([content.read()])
    except tarfile.TarError as error:
        faults.cut = faults.cut or f"the archive is damaged ({error}): fetch it again"


class _Stream(io.RawIOBase):
    """Bytes that come in pieces, as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def readable(self) -> bool:
        """Say that it can be read, as BufferedReader asks."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` with the next bytes; return how many."""
        while not self._rest:
            piece = next(self._chunks, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _article(element: ET.Element, faults: Faults) -> Article | None:
    meta = element.find("front/article-meta")
    ids = {
        (one.get("pub-id-type") or ""): (one.text or "").strip()
        for one in (meta if meta is not None else ())
        if local_name(one) == "article-id"
    }
    number = next((ids[kind] for kind in ("pmc", "pmcid", "pmcaid") if ids.get(kind)), "")
    name = f"PMC{number.upper().removeprefix('PMC')}" if number else ids.get("pmid", "?")
    if meta is None or not number:
        faults.add("article without a PMCID", name)
        return None
    title = _prose(meta.find("title-group/article-title"))
    body = element.find("body")
    sections = tuple(_sections(body)) if body is not None else ()
    if not title or not sections:
        faults.add("article without a title" if not title else "article without a body", name)
        return None
    abstract = "\n".join(
        text
        for one in meta.iterfind("abstract")
        # A short one for the press stands beside the author's.
        if one.get("abstract-type") in {None, "summary", "structured"}
        for text in _paragraphs(one)
    )
    return Article(name, ids.get("pmid", ""), _licence(meta), title, abstract, sections)


def _licence(meta: ET.Element) -> str:
    """Return the Creative Commons licence that the article links to."""
    for one in meta.iterfind("permissions//*"):
        texts = [*one.attrib.values(), one.text or ""]
        for text in texts:
            if found := _CREATIVE.search(text):
                kind, name, version = found.groups()
                if kind == "publicdomain":
                    return "CC0-1.0" if name == "zero" else "public domain"
                return f"CC-{name.upper()}" + (f"-{version}" if version else "")
    return ""


def _sections(body: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield the sections of a body and those inside them, each with its own paragraphs."""
    own = list(_own_paragraphs(body))
    if own:
        yield "", "\n".join(own)
    for section in (one for one in body if local_name(one) == "sec"):
        heading = _prose(section.find("title"))
        inside = list(_sections(section))
        if inside and not inside[0][0]:
            yield heading, inside.pop(0)[1]
        elif heading and inside:
            inside[0] = (f"{heading}: {inside[0][0]}", inside[0][1])
        yield from inside


def _own_paragraphs(parent: ET.Element) -> Iterator[str]:
    for child in parent:
        name = local_name(child)
        if name == "p" and (text := _prose(child)):
            yield text
        elif name in {"list", "list-item", "disp-quote", "def-list", "statement"}:
            yield from _paragraphs(child)


def _paragraphs(parent: ET.Element) -> Iterator[str]:
    """Yield all paragraphs below an element, those of what is left out excepted."""
    for child in parent:
        name = local_name(child)
        if name == "p":
            if text := _prose(child):
                yield text
        elif name not in LEFT_OUT and name != "title":
            yield from _paragraphs(child)


def _prose(element: ET.Element | None) -> str:
    """Return the text of a paragraph without references to the literature."""
    if element is None:
        return ""
    for one in element.iter():
        if local_name(one) == "xref" and one.get("ref-type") == "bibr":
            tail = one.tail
            one.clear()
            one.tail = tail
    text = plain_text(element, LEFT_OUT)
    return _BEFORE_MARK.sub("", _CITED.sub("", text)).strip()
