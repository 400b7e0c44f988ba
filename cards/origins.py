"""Where embeddings come from, as far as a result file's provenance tells.

Provenance is free-form JSON: whatever is not in the shape that `probe` and `extract` write is
passed over here; the page shows all of it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cards.leaderboard import Entry
    from cards.merge import Source

SHOWN_DIGITS = 12
"""Digits of a hash that are shown; the whole of it is in the provenance."""


@dataclass(frozen=True, order=True)
class Origin:
    """One embedding as one result file names it."""

    model: str
    embedding: str
    digest: str
    """sha256 of the embedding file, empty if unknown."""
    revision: str
    """Of the model: a commit, or the hash of its weights; empty if unknown."""


def origins(sources: Iterable[Source]) -> list[Origin]:
    """Return the embeddings that the provenance of result files names, sorted, each once."""
    found = set()
    for source in sources:
        records = _field(source.provenance, "embeddings")
        for record in records if isinstance(records, list) else []:
            encoder = _field(_field(record, "provenance"), "encoder")
            weights = _field(encoder, "weights")
            revision = _text(encoder, "revision")
            if not revision and isinstance(weights, list):
                hashes = [item.removeprefix("sha256:") for item in weights if isinstance(item, str)]
                revision = ", ".join(f"weights {digest[:SHOWN_DIGITS]}" for digest in hashes)
            model, embedding = _text(record, "model"), _text(record, "source")
            found.add(Origin(model, embedding, _text(record, "sha256"), revision))
    return sorted(found)


def entry_origins(entry: Entry, known: Iterable[Origin]) -> list[Origin]:
    """Return the origins of one model on the leaderboard, one per embedding at least."""
    mine = [
        one for one in known
        if one.embedding in entry.info.embeddings
        and entry.name in {one.model, f"{one.model} ({one.embedding})"}
    ]  # fmt: skip
    named = {one.embedding for one in mine}
    bare = [Origin(entry.name, one, "", "") for one in entry.info.embeddings if one not in named]
    return sorted([*mine, *bare])


def changed(sources: Iterable[Source]) -> list[str]:
    """Return the embedding files that were not the same for all result files that name them."""
    digests: dict[tuple[str, str], set[str]] = {}
    for one in origins(sources):
        if one.digest:
            digests.setdefault((one.model, one.embedding), set()).add(one.digest)
    return sorted({embedding for (_, embedding), found in digests.items() if len(found) > 1})


def _field(record: object, name: str) -> object:
    return record.get(name) if isinstance(record, dict) else None


def _text(record: object, name: str) -> str:
    value = _field(record, name)
    return value if isinstance(value, str) else ""
