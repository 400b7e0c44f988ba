"""From a comment of UniProt to plain sentences: the rules that ProteinLMDataset publishes.

Dropped: `(PubMed:…)` and `(Ref.…)`, `{ECO:…}`, `[MIM:…]`, the topic (`SUBUNIT:`), the full stops
that this leaves behind (`. .`). And of our own: `(By similarity)`, `(Probable)` and `(Potential)`,
which say how it is known, as ECO does; `Note=`, whose sentences stay. `[Isoform 2]: …` becomes
`Isoform 2: …`. Reactions lose their Rhea and ChEBI numbers and keep those of the EC.
"""

from __future__ import annotations

import re

_EVIDENCE = re.compile(r"\s*\{ECO:[^{}]*\}")
_CITED = re.compile(r"\s*\((?:PubMed:|Ref\.\d)[^()]*\)")
_CITED_INSIDE = re.compile(r"[,;]?\s*\bPubMed:\d+|\s*\[MIM:[^\[\]]*\]")
_QUALIFIED = re.compile(r"\s*\((?:By similarity|Probable|Potential)\)")
_NOTE = re.compile(r"(?:(?<=\s)|^)Note=")
_MOLECULE = re.compile(r"^\[([^\[\]]+)\]:\s*")
_EMPTY = re.compile(r"\s*[(\[]\s*[)\]]")
_BEFORE_MARK = re.compile(r"\s+(?=[.,;:](?:\s|$))")
_STOPS = re.compile(r"[.;,](?:\s*\.)+(?=\s|$)")
_REACTION = re.compile(r"Reaction=(.*?)(?:;\s|;$|$)")
_EC = re.compile(r"\bEC=([\w.-]+)")
_COFACTOR = re.compile(r"\bName=(.*?)(?:;\s|;$|$)")
_LAST_NOTE = re.compile(r"\bNote=(.*)$")


def clean_comment(topic: str, text: str) -> str:
    """Return a comment, on one line and without its topic, as sentences; empty if none is left.

    >>> clean_comment("SUBUNIT", "SUBUNIT: Homodimer (PubMed:1). {ECO:0000269|PubMed:1}.")
    'Homodimer.'
    >>> clean_comment("FUNCTION", "[Isoform 2]: Binds DNA (By similarity).")
    'Isoform 2: Binds DNA.'
    """
    text = text.strip().removeprefix(f"{topic}:").strip()
    molecule = _MOLECULE.match(text)
    head = f"{molecule[1]}: " if molecule else ""
    body = text[molecule.end() :] if molecule else text
    if topic == "CATALYTIC ACTIVITY" and "Reaction=" in body:
        body = _reaction(body)
    elif topic == "COFACTOR" and "Name=" in body:
        body = _cofactor(body)
    body = clean_prose(body)
    return head + body if body else ""


def clean_prose(text: str) -> str:
    """Return sentences without evidence, citations and qualifiers, ending in a full stop."""
    if "{" in text:
        text = _EVIDENCE.sub("", text)
    if "(" in text:
        text = _QUALIFIED.sub("", _CITED.sub("", text))
    if "PubMed:" in text or "[MIM:" in text:
        text = _EMPTY.sub("", _CITED_INSIDE.sub("", text))
    if "Note=" in text:
        text = _NOTE.sub("", text)
    text = _BEFORE_MARK.sub("", " ".join(text.split()))
    text = _STOPS.sub(".", text).lstrip(".;,: ").rstrip(";,: ")
    if not text.strip(".;, "):
        return ""
    return text if text[-1] in ".!?" else f"{text}."


def _reaction(text: str) -> str:
    """Return `Reaction=A + B = C; Xref=Rhea:…; EC=1.1.1.1; …` as `A + B = C (EC 1.1.1.1)`."""
    found = _REACTION.search(text)
    reaction = found[1].strip() if found else ""
    number = _EC.search(text)
    return f"{reaction} (EC {number[1]})" if reaction and number else reaction


def _cofactor(text: str) -> str:
    """Return `Name=Zn(2+); Xref=…; Note=Binds 2 ions.;` as `Zn(2+). Binds 2 ions.`."""
    note = _LAST_NOTE.search(text)
    names = _COFACTOR.findall(text[: note.start()] if note else text)
    said = f" {note[1].strip().rstrip(';')}" if note else ""
    return f"{', '.join(name.strip() for name in names)}.{said}"
