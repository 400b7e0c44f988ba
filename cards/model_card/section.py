"""Our section in somebody's README: found by its markers, replaced only while it is ours alone."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from re import Match

OPENING = re.compile(
    r"^<!-- genezoo:results(?: sha256=(?P<digest>[0-9a-f]{64}))? -->[ \t]*(?:\r?\n|\Z)",
    re.MULTILINE,
)
CLOSING = re.compile(r"^<!-- /genezoo:results -->[ \t]*(?=\r?\n|\Z)", re.MULTILINE)
END = "<!-- /genezoo:results -->"


def digest(content: str) -> str:
    """Return the sha256 of a text, whatever its line ends: an editor may change all of them."""
    return hashlib.sha256("\n".join(content.splitlines()).strip().encode()).hexdigest()


def newline_of(text: str) -> str:
    """Return how most lines of a text end."""
    windows = text.count("\r\n")
    return "\r\n" if windows * 2 > text.count("\n") else "\n"


def with_section(body: str, content: str, where: str, *, replace: bool) -> str:
    r"""Put our section into a README's body: in place of the old one, or last.

    Parameters
    ----------
    body
        What follows the YAML head; all of it outside our markers is kept byte for byte.
    content
        The section, lines ended by `\n`; it is written with the line ends of the body.
    where
        The README's name, for messages.
    replace
        Whether to write over a section that was edited by hand.

    Raises
    ------
    InputError
        An edited section without `replace`; a marker without its partner; more than one section.

    """
    newline = newline_of(body)
    content = content.strip("\n")
    lines = [f"<!-- genezoo:results sha256={digest(content)} -->", *content.split("\n"), END]
    block = newline.join(lines)
    place = _find(body, where)
    if place is None:
        ending = "" if not body or body.endswith("\n") else newline
        gap = newline if body.strip() else ""
        return f"{body}{ending}{gap}{block}{newline}"
    opening, closing = place
    old = body[opening.end() : closing.start()]
    if digest(old) != opening["digest"] and not replace:
        message = (
            f"the section between <!-- genezoo:results --> and {END} in {where} was edited by "
            "hand; move what you want to keep out of it, then give --replace"
        )
        raise InputError(message)
    if digest(old) == digest(content) == opening["digest"]:
        return body
    return f"{body[: opening.start()]}{block}{body[closing.end() :]}"


def _find(body: str, where: str) -> tuple[Match[str], Match[str]] | None:
    """Return the lines that open and close our section; None where there is none."""
    openings, closings = list(OPENING.finditer(body)), list(CLOSING.finditer(body))
    if not openings and not closings:
        return None
    if len(openings) == len(closings) == 1 and openings[0].end() <= closings[0].start():
        return openings[0], closings[0]
    message = (
        f"{where} has {len(openings)} lines <!-- genezoo:results … --> and {len(closings)} lines "
        f"{END}; leave one of each, in this order"
    )
    raise InputError(message)
