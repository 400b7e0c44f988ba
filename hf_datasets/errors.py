"""The one error that users see: what was given, what would do, and how to mend it."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

T = TypeVar("T")
COLOUR = re.compile("\x1b\\[[0-9;]*m")
"""What other libraries colour their messages with."""


class InputError(Exception):
    """Bad input. The message is one line: the value, the choices and the remedy.

    Commands print it after their name and end with exit status 2.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(text: object) -> str:
    """Fold all white space of `text` into single spaces and drop colours: it prints as a line."""
    return " ".join(COLOUR.sub("", str(text)).split())


def shorten(names: Iterable[object], most: int = 5) -> str:
    """Join names for a message: at most `most` of them, then how many more there are."""
    listed = [str(name) for name in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def nearest(value: str, choices: Iterable[str]) -> str:
    """Say `; did you mean X?` for the choice closest to `value`; only `;` if none is close.

    It stands between what is wrong and the list of what would do.
    """
    lowered = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(value.lower(), lowered, n=1, cutoff=0.5)
    return f"; did you mean {lowered[close[0]]}?" if close else ";"


def choose(value: str, choices: Mapping[str, T], what: str, remedy: str = "") -> T:
    """Return `choices[value]`.

    Raises InputError naming `what`, the value, the nearest choice and the choices themselves;
    `remedy` is appended as it is.
    """
    if value in choices:
        return choices[value]
    named = shorten(sorted(choices), 12) or "none"
    tail = f"; {remedy}" if remedy else ""
    message = f"unknown {what} {value!r}{nearest(value, choices)} choices: {named}{tail}"
    raise InputError(message)
