r"""A card in sections: what we wrote stands between marks, what people wrote stands around them.

>>> write("tasks", "## Tasks")
'<!-- written by genezoo: publish card: tasks -->\n## Tasks\n<!-- end of tasks -->\n'

A section that is written anew replaces the one of its name. All other text stays where it
stands: after the section that it followed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hf_datasets.publishing.card import WRITTEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

SECTION = re.compile(
    rf"^{re.escape(WRITTEN)} (?:card|push): (?P<name>[a-z-]+) -->[ \t]*\r?\n"
    r".*?^<!-- end of (?P=name) -->[ \t]*(?:\r?\n|\Z)"
    r"|^<!-- (?P<digest>content) sha256:\w+ -->[ \t]*(?:\r?\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
START = ""
"""The place of the text before the first section."""


class ConflictError(Exception):
    """Text of people in one place that is new both here and there; `place` precedes it."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


def write(name: str, text: str) -> str:
    """Return a section; `name` is lower-case letters and dashes."""
    return f"{WRITTEN} card: {name} -->\n{text.strip()}\n<!-- end of {name} -->\n"


def take_apart(body: str) -> list[tuple[str, str]]:
    """Return the pieces of a card: section name (START for the text of people) and text."""
    pieces = []
    at = 0
    for found in SECTION.finditer(body):
        pieces.append((START, body[at : found.start()]))
        pieces.append((found["name"] or found["digest"], found[0]))
        at = found.end()
    return [piece for piece in [*pieces, (START, body[at:])] if piece[1]]


def sections(body: str) -> dict[str, str]:
    """Return the sections of a card by name, marks included."""
    return {name: text for name, text in take_apart(body) if name != START}


def places(body: str, known: Iterable[str]) -> dict[str, str]:
    """Return the text of people by the section that it follows, of those that are `known`.

    What follows another section counts to the known one before that.
    """
    names = set(known)
    found: dict[str, str] = {}
    last = START
    for name, text in take_apart(body):
        if name in names:
            last = name
        elif name == START and text.strip():
            found[last] = found.get(last, "") + text
    return found


def put_together(written: Mapping[str, str], around: Mapping[str, str]) -> str:
    """Return a card of sections, in their order, with the text of people after each."""
    pieces = [around.get(START, "")]
    for name, text in written.items():
        pieces.append(text if text.endswith("\n") else f"{text}\n")
        pieces.append(around.get(name, "\n"))
    # A line each for the marks, whatever stands before them.
    joined = ""
    for piece in pieces:
        joined += "\n" * bool(joined and piece and not joined.endswith("\n")) + piece
    return joined.rstrip("\n") + "\n"


def with_sections(
    body: str, new: Mapping[str, str], order: Sequence[str] = (), gone: Iterable[str] = ()
) -> str:
    """Return a card with sections written anew; its other sections and its text stay.

    Sections follow each other as in `order`, those that are not in it come last. Sections that
    are `gone` are left out, unless they are among the new.
    """
    old = {name: text for name, text in sections(body).items() if name not in set(gone)}
    together = {**old, **new}
    ranks = {name: rank for rank, name in enumerate(order)}
    names = sorted(together, key=lambda name: ranks.get(name, len(ranks)))
    return put_together({name: together[name] for name in names}, places(body, names))


def merged(ours: str, theirs: str, earlier: Callable[[], Sequence[str]]) -> str:
    """Return our card with what people wrote into theirs.

    The sections are ours. Where the text beside them differs, the new one stands: new is what no
    card had that was published before, which `earlier` returns when it is needed.

    Raises
    ------
    ConflictError
        Both are new.

    """
    own = sections(ours)
    here, there = places(ours, own), places(theirs, own)
    known: list[dict[str, str]] | None = None
    around = {}
    for place in {**here, **there}:
        now, other = (texts.get(place, "").strip() for texts in (here, there))
        chosen = here
        if now != other:
            if now and known is None:
                known = [places(body, own) for body in earlier()]
            before = {"", *(texts.get(place, "").strip() for texts in known or ())}
            if now not in before and other not in before:
                raise ConflictError(place)
            chosen = there if now in before else here
        around[place] = chosen.get(place, "")
    return put_together(own, {place: text for place, text in around.items() if text.strip()})
