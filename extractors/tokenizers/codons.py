"""Messenger RNA to tokens: untranslated bases one by one, the coding part codon by codon."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from extractors.tokenizers.nucleotides import Kmers, read_bases, token_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

CODON = 3
REMEDY = "mark the coding part, AAA[ATGGCC]TTT, or put a space after each base and codon"


class BasesAndCodons:
    """Single bases outside the coding sequence, codons within it, as mRNABERT reads them.

    What is coding cannot be told from the letters, so the input says it: words of one base or of
    one codon with spaces between them (`A T G ATG GCC`), or the coding part in brackets
    (`AT[ATGGCC]GT`). A codon with an N is `[UNK]`. Source: Xiong et al. 2025,
    10.1038/s41467-025-65340-8.
    """

    def __init__(self, ids: Mapping[str, int], rows: int) -> None:
        self._codons = Kmers(CODON, ids, rows)
        self._single = np.array([token_id(ids, base, rows) for base in "ACGTN"], dtype=np.int64)
        self._unknown = token_id(ids, "[UNK]", rows)

    def tokenize(self, values: Sequence[str]) -> list[NDArray[np.int64] | str]:
        """Return the ids of each value, int64, or why it has none."""
        return [self._one(value) for value in values]

    def _one(self, value: str) -> NDArray[np.int64] | str:
        words = self._bracketed(value) if "[" in value or "]" in value else value.split()
        if isinstance(words, str):
            return words
        pieces: list[NDArray[np.int64]] = []
        for number, word in enumerate(words, 1):
            codes = read_bases(word)
            if isinstance(codes, str):
                return f"word {number}: {codes}"
            if len(codes) == 1:
                pieces.append(self._single[codes])
            elif len(codes) == CODON:
                found, known = self._codons.at(codes)
                pieces.append(np.where(known, found, self._unknown))
            else:
                return f"word {number} has {len(codes)} bases, neither 1 nor {CODON}; {REMEDY}"
        return np.concatenate(pieces) if pieces else "empty sequence"

    @staticmethod
    def _bracketed(value: str) -> list[str] | str:
        """Return the words of a sequence with its coding parts in brackets, or what is wrong."""
        words: list[str] = []
        text = "".join(value.split())
        for part in re.split(r"(\[[^\[\]]*\])", text):
            inside = part.startswith("[") and part.endswith("]")
            bases = part[1:-1] if inside else part
            if "[" in bases or "]" in bases:
                return f"brackets that do not match; {REMEDY}"
            if inside and len(bases) % CODON:
                return f"a coding part of {len(bases)} bases, no multiple of {CODON}"
            size = CODON if inside else 1
            words += [bases[start : start + size] for start in range(0, len(bases), size)]
        return words
