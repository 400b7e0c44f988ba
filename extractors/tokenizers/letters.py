"""One token a letter: proteins and nucleotides, through a table of 256 ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

UNKNOWN = -1
"""In the table: no such letter in this alphabet."""


class Letters:
    """Upper-cased letters to ids; what stands for a whole input is left to the encoder.

    `ids` holds the id of each letter; `same_as` letters that are read as another one (for
    example J as X). White space is removed; a `*` at the end of a protein is the stop codon.
    """

    def __init__(
        self, ids: Mapping[str, int], same_as: Mapping[str, str], *, what: str = "letter"
    ) -> None:
        self._table = np.full(256, UNKNOWN, dtype=np.int64)
        for letter, other in {**{letter: letter for letter in ids}, **same_as}.items():
            for form in {letter, letter.lower()}:
                self._table[ord(form)] = ids[other]
        self._what = what

    def tokenize(self, values: Sequence[str]) -> list[NDArray[np.int64] | str]:
        """Return the ids of each value, int64, or why it has none."""
        return [self._one(value) for value in values]

    def _one(self, value: str) -> NDArray[np.int64] | str:
        text = "".join(value.split()).rstrip("*")
        if not text:
            return "empty sequence"
        # A letter outside Latin-1 becomes "?", which no alphabet has.
        letters = np.frombuffer(text.encode("latin-1", errors="replace"), dtype=np.uint8)
        ids = self._table[letters]
        if (bad := np.flatnonzero(ids == UNKNOWN)).size:
            place = int(bad[0])
            return f"{text[place]!r} at position {place + 1} is no {self._what}"
        return ids
