"""How a text writes a sequence, and which of several wordings an entry gets."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

OPEN, CLOSE = "<seq>", "</seq>"


def spaced(sequence: str) -> str:
    """Return a sequence as texts have it, a token a residue.

    >>> spaced("MKV")
    '<seq> M K V </seq>'
    """
    return f"{OPEN} {' '.join(sequence)} {CLOSE}"


def choose_wording(wordings: Sequence[str], what: str, accession: str) -> str:
    """Return one of several wordings: always the same one for an accession, evenly over many."""
    return wordings[zlib.crc32(f"{what} {accession}".encode()) % len(wordings)]
