"""What to cite, as BibTeX."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hf_datasets.publishing.markdown import visible

if TYPE_CHECKING:
    from hf_datasets.publishing.dataset_facts import CardFacts

MOST = 400
"""Characters of a field or a line."""
MOST_LINES = 200
PLACE = "FOLDER"
"""Stands for the dataset's name on the Hub until it is pushed."""


def citations(facts: CardFacts) -> str:
    """Return what to cite as BibTeX: the dataset, its paper and its sources."""
    entries = []
    if facts.citation.strip():
        entries.append(_given(facts.citation))
    else:
        entries.append(
            bibtex(
                facts.name,
                title=f"{facts.name} {facts.version}".strip(),
                howpublished="Hugging Face dataset",
                url=f"https://huggingface.co/datasets/{PLACE}",
            )
        )
    if paper := facts.record.get("citation"):
        entries.append(_given(str(paper)))
    for name, source in (facts.record.get("sources") or {}).items():
        entries.append(
            bibtex(
                f"{facts.name}-{name}",
                title=source.get("title", name),
                note=source.get("citation", ""),
                edition=source.get("version", ""),
            )
        )
    return "\n".join(entries)


def _given(text: str) -> str:
    """Return BibTeX of others line by line, odd characters written out."""
    lines = text.strip().splitlines()
    return "\n".join(
        " " * (len(line) - len(line.lstrip())) + visible(line, MOST) for line in lines[:MOST_LINES]
    )


def bibtex(key: str, **fields: str) -> str:
    """Return a @misc entry; characters that mean something to BibTeX are escaped."""
    lines = [
        f"  {name} = {{{_bibtex_text(text)}}},"
        for name, text in fields.items()
        if text and text.strip()
    ]
    plain_key = re.sub(r"[^A-Za-z0-9.-]+", "-", key).strip("-") or "dataset"
    return "\n".join([f"@misc{{{plain_key[:80]},", *lines, "}"])


def _bibtex_text(text: str) -> str:
    kept = re.sub(r"[{}\\]", "", " ".join(text.split()))
    return re.sub(r"([%&#$])", r"\\\1", visible(kept, MOST))
