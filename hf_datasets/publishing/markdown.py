"""Names and descriptions in Markdown: whatever they hold, they stay text."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST = 200
"""Characters of a name or a description that a card shows."""
SPECIAL = re.compile(r"[&<>|`*\[\]\\~$\"]|(?<![^\W_])_|_(?![^\W_])|https?(?=://)|(?<!\w)www(?=\.)")
"""What Markdown, or the page that shows it, would take for more than text."""
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the text around them."""


def visible(value: object, most: int = MOST) -> str:
    r"""Return a value as one line of at most `most` characters, odd characters written out.

    Control characters and marks of writing direction become `\x1b`, white space one space; a
    long text loses its end.
    """
    text = " ".join(str(value).split())
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return "".join(
        char.encode("unicode_escape").decode()
        if char in BIDI or unicodedata.category(char) in {"Cc", "Cs", "Co", "Cn"}
        else char
        for char in shown
    )


def plain(value: object, most: int = MOST) -> str:
    """Return a value as Markdown that shows it as it is, also in a cell of a table."""
    return SPECIAL.sub(lambda found: _entities(found[0]), visible(value, most))


def _entities(text: str) -> str:
    return "".join(f"&#{ord(char)};" for char in text)


def code(value: object, most: int = MOST) -> str:
    """Return a value as code in a line of text or a cell of a table."""
    shown = visible(value, most)
    if not shown or re.search(r"[`|]|^ | $", shown):
        return f"<code>{plain(value, most)}</code>"
    return f"`{shown}`"


def fenced(text: str, language: str = "") -> str:
    """Return a block of code that nothing in `text` can end."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """Return a table; cells are Markdown already, columns `numbers` are set to the right."""
    right = set(numbers)
    rule = "|".join("---:" if at in right else "---" for at in range(len(heads)))
    lines = [f"| {' | '.join(heads)} |", f"|{rule}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def number_of(count: int, noun: str) -> str:
    """Return a count with its noun: 1 row, 1,234 rows, 2 entities."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def size(count: float) -> str:
    """Return a number of bytes with its unit, powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
