"""Nucleotides to token ids: one a token, k-mers that overlap, or k-mers side by side.

DNA and RNA alike: lower case counts as upper case, U as T, and each IUPAC code for several bases
as N. Anything else is the row's error, with its position.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

BASES = "ACGT"
ANY_BASE = 4
"""Code of a base that is not known; those of BASES are 0 to 3."""
AMBIGUOUS = "NRYKMSWBDHV"
"""IUPAC codes that stand for more than one base."""
NO_BASE = 255


def _codes() -> NDArray[np.uint8]:
    table = np.full(256, NO_BASE, dtype=np.uint8)
    known = {base: code for code, base in enumerate(BASES)} | {"U": BASES.index("T")}
    for letter, code in (known | dict.fromkeys(AMBIGUOUS, ANY_BASE)).items():
        table[ord(letter)] = table[ord(letter.lower())] = code
    return table


_CODES = _codes()
_LETTERS = np.frombuffer(f"{BASES}N".encode(), dtype=np.uint8)


def read_bases(value: str) -> NDArray[np.uint8] | str:
    """Return a sequence as codes, uint8: 0 to 3 for A, C, G, T, 4 for N; or why it is none.

    White space is left out.
    """
    text = "".join(value.split())
    if not text:
        return "empty sequence"
    # A letter outside Latin-1 becomes "?", which is no nucleotide.
    codes = _CODES[np.frombuffer(text.encode("latin-1", errors="replace"), dtype=np.uint8)]
    if (bad := np.flatnonzero(codes == NO_BASE)).size:
        place = int(bad[0])
        return f"{text[place]!r} at position {place + 1} is no nucleotide"
    return codes


def write_bases(codes: NDArray[np.uint8]) -> str:
    """Return codes as letters of ACGTN."""
    return _LETTERS[codes].tobytes().decode()


def token_id(ids: Mapping[str, int], token: str, rows: int) -> int:
    """Return a token's id; InputError when there is none, or no row of the token table for it."""
    found = ids.get(token)
    if found is None or found >= rows:
        why = "is not in the vocabulary" if found is None else f"has id {found}"
        message = f"token {token!r} {why}, and the model has {rows} tokens; give its own vocabulary"
        raise InputError(message)
    return found


class SingleBases:
    """Each nucleotide is a token.

    `ids` gives the id of A, C, G, T and N; `rows` the length of the model's token table.
    """

    def __init__(self, ids: Mapping[str, int], rows: int) -> None:
        self._ids = np.array([token_id(ids, base, rows) for base in f"{BASES}N"], dtype=np.int64)

    def tokenize(self, values: Sequence[str]) -> list[NDArray[np.int64] | str]:
        """Return the ids of each value, int64, or why it has none."""
        return [self._one(value) for value in values]

    def _one(self, value: str) -> NDArray[np.int64] | str:
        codes = read_bases(value)
        return codes if isinstance(codes, str) else self._ids[codes]


class Kmers:
    """All words of `k` bases, and where they stand in a sequence."""

    def __init__(self, k: int, ids: Mapping[str, int], rows: int) -> None:
        words = map("".join, product(BASES, repeat=k))
        self.k = k
        self.ids = np.array([token_id(ids, word, rows) for word in words], dtype=np.int64)
        """Id of each word, by its number in base 4."""

    def at(self, codes: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the id of the word that begins at each base, and whether it has no N.

        Both of shape (bases - k + 1,), which must not be negative.
        """
        count = len(codes) - self.k + 1
        number = np.zeros(count, dtype=np.int64)
        known = np.ones(count, dtype=np.bool_)
        for shift in range(self.k):
            part = codes[shift : shift + count]
            known &= part != ANY_BASE
            number = number * len(BASES) + np.where(part == ANY_BASE, 0, part)
        return self.ids[number], known


class OverlappingKmers:
    """A k-mer for every base but the last k - 1, as DNABERT reads them.

    A k-mer with an N is `[UNK]`. Source: Ji et al. 2021, 10.1093/bioinformatics/btab083.
    """

    def __init__(self, k: int, ids: Mapping[str, int], rows: int) -> None:
        self._kmers = Kmers(k, ids, rows)
        self._unknown = token_id(ids, "[UNK]", rows)

    def tokenize(self, values: Sequence[str]) -> list[NDArray[np.int64] | str]:
        """Return the ids of each value, int64, or why it has none."""
        return [self._one(value) for value in values]

    def _one(self, value: str) -> NDArray[np.int64] | str:
        codes = read_bases(value)
        if isinstance(codes, str):
            return codes
        if len(codes) < self._kmers.k:
            return f"{len(codes)} bases, fewer than one {self._kmers.k}-mer"
        found, known = self._kmers.at(codes)
        return np.where(known, found, self._unknown)


class SideBySideKmers:
    """k-mers one after the other from the left, single letters where none fits.

    What lies between two Ns, or an N and an end, is cut into k-mers; the bases left over and
    the Ns are tokens of their own. Source: Dalla-Torre et al. 2025, 10.1038/s41592-024-02523-z.
    """

    def __init__(self, k: int, ids: Mapping[str, int], rows: int) -> None:
        self._kmers = Kmers(k, ids, rows)
        self._single = np.array([token_id(ids, base, rows) for base in f"{BASES}N"], dtype=np.int64)

    def tokenize(self, values: Sequence[str]) -> list[NDArray[np.int64] | str]:
        """Return the ids of each value, int64, or why it has none."""
        return [self._one(value) for value in values]

    def _one(self, value: str) -> NDArray[np.int64] | str:
        codes = read_bases(value)
        if isinstance(codes, str):
            return codes
        ids, k = self._single[codes], self._kmers.k
        if len(codes) < k:
            return ids
        found, known = self._kmers.at(codes)
        places = np.arange(len(codes))
        last_unknown = np.maximum.accumulate(np.where(codes == ANY_BASE, places, -1))
        into_word = (places - last_unknown - 1) % k
        begins = np.flatnonzero(known & (into_word[: len(known)] == 0))
        ids[begins] = found[begins]
        keep = np.ones(len(codes), dtype=np.bool_)
        for shift in range(1, k):
            keep[begins + shift] = False
        return ids[keep]
