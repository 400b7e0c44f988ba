"""PubMed: titles and abstracts, from the XML files of the National Library of Medicine.

https://ftp.ncbi.nlm.nih.gov/pubmed/baseline/ and /updatefiles/: `pubmed26n0001.xml.gz` and on,
`PubmedArticleSet` of `PubmedArticle`s (https://dtd.nlm.nih.gov/ncbi/pubmed/). A later file may
revise a record of an earlier one, or delete it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_datasets.sources.salvage import Faults, read_bytes
from hf_datasets.sources.source import Source, SourceFile
from hf_datasets.sources.xml_pieces import elements, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from xml.etree import ElementTree as ET

    from hf_datasets.sources.source import UsedFile

SOURCE = Source(
    name="pubmed",
    title="PubMed",
    version="current",
    licence="terms of the NLM; abstracts may be under copyright of their publishers",
    citation="National Library of Medicine, PubMed, https://pubmed.ncbi.nlm.nih.gov",
    homepage="https://pubmed.ncbi.nlm.nih.gov/download/",
    files=(
        SourceFile(
            key="articles",
            url="https://ftp.ncbi.nlm.nih.gov/pubmed/baseline/",
            local=("baseline",),
            max_bytes=4_000_000_000,
            # Tens of gigabytes in over a thousand files: fetched by who wants them.
            download=False,
            listing=r"pubmed\w+\.xml\.gz",
            parts=("*.xml", "*.xml.gz"),
        ),
    ),
)
LARGEST_ID = 1 << 27
"""PMIDs are below it (they have reached a third of it in fifty years)."""
_PMID = re.compile(rb"<PMID[^>]*>([^<]*)")
_DELETED = re.compile(rb"<DeleteCitation>(.*?)</DeleteCitation>", re.DOTALL)
_TAIL = 1 << 16
_YEAR = re.compile(r"\b(1[89]|20)\d\d\b")


@dataclass(frozen=True, slots=True)
class Abstract:
    """One article with an abstract."""

    pmid: str
    title: str
    sections: tuple[tuple[str, str], ...]
    """(label, text); the label is empty where the abstract is not structured."""
    language: str
    """Of the article, as PubMed codes it: `eng`."""
    year: str

    @property
    def text(self) -> str:
        """The abstract as paragraphs, a structured one with its labels."""
        return "\n".join(f"{label}: {text}" if label else text for label, text in self.sections)


class Numbers:
    """A set of PMIDs: a bit each, 16 MiB for all there can be."""

    def __init__(self) -> None:
        self._bits = bytearray(LARGEST_ID // 8)

    def add(self, number: int) -> bool:
        """Put a number in; return whether it is new."""
        place, bit = number >> 3, 1 << (number & 7)
        fresh = not self._bits[place] & bit
        self._bits[place] |= bit
        return fresh


def read_abstracts(used: UsedFile, account: Callable[[UsedFile], Faults]) -> Iterator[Abstract]:
    """Yield every article that has an abstract, in its newest version.

    Files of a folder are read from the last to the first, so that what comes later in PubMed
    stands, and what it deletes is gone. `account` gives the faults of one file.
    """
    seen = Numbers()
    for file in reversed(used.each()):
        faults = account(file)
        tail = _Tail()
        chunks = tail.watch(read_bytes(file, faults))
        mine: set[int] = set()
        for element in elements(chunks, "PubmedArticle", _PMID, faults):
            found = _abstract(element, faults)
            if found is None:
                continue
            number = int(found.pmid)
            # Within one file the first stands: versions of a record are given newest first.
            if number in mine:
                faults.add("PMID that was there before", found.pmid)
            elif seen.add(number):
                mine.add(number)
                yield found
        if b"</PubmedArticleSet>" not in tail.last and not faults.cut:
            faults.cut = "the XML ends without </PubmedArticleSet>: fetch it again"
        for deleted in _DELETED.findall(tail.last):
            for pmid in _PMID.findall(deleted):
                if pmid.strip().isdigit() and int(pmid) < LARGEST_ID:
                    seen.add(int(pmid))


class _Tail:
    """What a file ends with: deletions stand behind its last article."""

    def __init__(self) -> None:
        self.last = b""

    def watch(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.last = (self.last + chunk)[-max(_TAIL, len(chunk)) :]
            yield chunk


def _abstract(article: ET.Element, faults: Faults) -> Abstract | None:
    """Return an article, None without an abstract; one that lacks what it must have is a fault."""
    pmid = (article.findtext("MedlineCitation/PMID") or "").strip()
    if not pmid.isdecimal() or int(pmid) >= LARGEST_ID:
        faults.add("article without a PMID", pmid or plain_text(article.find(".//ArticleTitle")))
        return None
    inside = article.find("MedlineCitation/Article")
    if inside is None:
        faults.add("article without <Article>", pmid)
        return None
    sections = tuple(
        ((part.get("Label") or "").strip(), text)
        for part in inside.iterfind("Abstract/AbstractText")
        if (text := plain_text(part))
    )
    if not sections:
        return None
    title = plain_text(inside.find("ArticleTitle"))
    if not title:
        faults.add("abstract without a title", pmid)
        return None
    date = inside.find("Journal/JournalIssue/PubDate")
    year = _YEAR.search(plain_text(date))
    language = (inside.findtext("Language") or "").strip()
    return Abstract(pmid, title, sections, language, year[0] if year else "")
