"""How much text there is: bytes, words, and tokens by a rule that needs no tokenizer's files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hf_datasets.protein_lm_dataset.wording import CLOSE, OPEN

RULE = (
    "a token is a run of letters, a digit, another character that is no white space, a residue "
    "inside `<seq>`, or one of the tags `<seq>` and `</seq>`"
)
_TOKEN = re.compile(r"[^\W\d_]+|\S")
_TAGS = 2


@dataclass
class TextSize:
    """How much text was counted."""

    bytes: int = 0
    """Bytes in UTF-8."""
    words: int = 0
    """Pieces between white space; a residue is one."""
    tokens: int = 0
    """By RULE."""

    def add(self, text: str) -> None:
        """Count one text."""
        self.bytes += len(text) if text.isascii() else len(text.encode())
        self.words += len(text.split())
        self.tokens += count_tokens(text)


def count_tokens(text: str) -> int:
    """Return the tokens of a text by RULE.

    >>> count_tokens("Binds 12 ions: <seq> M K V </seq>")
    10
    """
    count = at = 0
    while (start := text.find(OPEN, at)) >= 0:
        end = text.find(CLOSE, start)
        if end < 0:
            break
        count += len(_TOKEN.findall(text, at, start)) + _TAGS
        count += len(text[start + len(OPEN) : end].split())
        at = end + len(CLOSE)
    return count + len(_TOKEN.findall(text, at))
