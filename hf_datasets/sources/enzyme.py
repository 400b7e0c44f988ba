"""ENZYME of the SIB: what IUBMB calls each enzyme, what it catalyses, and its comments.

https://ftp.expasy.org/databases/enzyme/enzyme.dat, after the recommendations of the Nomenclature
Committee of the IUBMB; the lines are explained in enzuser.txt beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hf_datasets.sources.salvage import Faults, read_bytes, split_records
from hf_datasets.sources.source import Source, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.sources.source import UsedFile

SOURCE = Source(
    name="enzyme",
    title="ENZYME, the nomenclature of the IUBMB",
    version="current",
    licence="CC-BY-4.0",
    citation="Bairoch, The ENZYME database in 2000, NAR 28:304 (2000)",
    homepage="https://enzyme.expasy.org",
    files=(
        SourceFile(
            key="entries",
            url="https://ftp.expasy.org/databases/enzyme/enzyme.dat",
            local=("enzyme*.dat*",),
            max_bytes=200_000_000,
        ),
    ),
)
COMPLETE = re.compile(r"\d+\.\d+\.\d+\.n?\d+")
"""A number of all four parts; `n` marks a preliminary one."""
_GONE = ("Deleted entry", "Transferred entry")
_END = b"\n//"


@dataclass(frozen=True)
class Enzyme:
    """One entry."""

    number: str
    name: str
    """The accepted name, without its full stop."""
    others: tuple[str, ...] = ()
    reactions: tuple[str, ...] = ()
    comments: tuple[str, ...] = field(default=())


def read_enzymes(used: UsedFile, faults: Faults) -> Iterator[Enzyme]:
    """Yield the entries in force; those that were deleted or transferred are passed over."""
    last = b""
    for piece in split_records(read_bytes(used, faults), _END, used):
        if b"\nID   " in b"\n" + piece:
            yield from _entry(piece.decode("utf-8", "replace"), faults)
        last = piece
    if last.strip() and b"ID   " in last and not faults.cut:
        faults.cut = "the last entry has no end (//): fetch it again"


def _entry(text: str, faults: Faults) -> Iterator[Enzyme]:
    lines: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line[2:5] == "   " and line[:2].isalpha():
            lines.setdefault(line[:2], []).append(line[5:].strip())
    number = " ".join(lines.get("ID", ()))
    name = _joined(lines.get("DE", [])).rstrip(".")
    if not COMPLETE.fullmatch(number):
        faults.add("entry whose ID is no EC number", number)
    elif not name:
        faults.add("entry without a name (DE)", number)
    elif not name.startswith(_GONE):
        yield Enzyme(
            number,
            name,
            _names(lines.get("AN", [])),
            _reactions(lines.get("CA", [])),
            _comments(lines.get("CC", [])),
        )


def _joined(lines: list[str]) -> str:
    """Return lines as one; a line that ends in a hyphen goes on without a space."""
    whole = ""
    for line in lines:
        goes_on = whole.endswith("-") and not whole.endswith(" -")
        whole += line if goes_on or not whole else f" {line}"
    return whole


def _names(lines: list[str]) -> tuple[str, ...]:
    """Return the other names: each ends with a full stop at the end of a line."""
    found, words = [], ""
    for line in lines:
        words = _joined([words, line])
        if line.endswith("."):
            found.append(words.rstrip("."))
            words = ""
    return (*found, words) if words else tuple(found)


def _reactions(lines: list[str]) -> tuple[str, ...]:
    """Return the reactions: one, or several that are numbered `(1)`, `(2)`, …."""
    whole = _joined(lines)
    parts = re.split(r"(?:^|\s)\(\d+\)\s", whole) if whole.startswith("(1)") else [whole]
    return tuple(text for part in parts if (text := part.strip().rstrip(".")))


def _comments(lines: list[str]) -> tuple[str, ...]:
    """Return the comments: each begins with `-!-`."""
    found: list[str] = []
    for line in lines:
        if line.startswith("-!-"):
            found.append(line[3:].strip())
        elif found:
            found[-1] = _joined([found[-1], line])
    return tuple(text for text in found if text)
