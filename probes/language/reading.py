"""The text of an answer made plain: which part of it answers, in which sentences and clauses.

Every step takes time linear in the length of the text; patterns are possessive or bounded where
they could otherwise try again and again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from probes.language.parsed import Reason, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN = str.maketrans(
    dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\u2015\ufe63", "-")
    | dict.fromkeys("\u2018\u2019\u02bc\u2032", "'")
    | dict.fromkeys('\u201c\u201d\u201e"`*$\\\u200b\u200c\u200d\u2060\ufeff', "")
    | dict.fromkeys("{}[]|\u00a0\u2007\u2009\u202f\t", " ")
    | {"\u3002": ".", "\r": "\n"}
    | {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # full-width forms
)
_RAISED = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
_LOWER = str.maketrans(_RAISED + "\u207a\u207b", "0123456789+-")
_SUPERSCRIPT = re.compile(rf"[\u207a\u207b]?[{_RAISED}]++")
_SEQUENCE = re.compile(r"<(dna|rna|protein|seq)>[^<]*+(?:</?\1>)?", re.IGNORECASE)
"""A tagged sequence; published records often close the tag without its slash."""
_FENCE = re.compile(r"```[a-z]{0,12}", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s{0,3}\{")
_ANSWER_TAG = re.compile(r"<answer>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][a-z_ ]{0,30}>", re.IGNORECASE)
_LATEX = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\b")
_TIMES = re.compile(r"(?<=\d)\s?\*\s?(?=10)")
_ITALIC = re.compile(r"(?<![^\W_])_++|_++(?![^\W_])")
_TURN = re.compile(
    r"(?:^|\n)[\s#>]{0,8}(?:question|human|user|instruction|input|prompt|q)\s?:", re.IGNORECASE
)
_SPECIAL = re.compile(r"<\|[\w ]{1,40}\|>|</s>|\[/?INST\]")
"""Tokens that chat models end or begin their turns with."""
_MARKER = re.compile(
    r"\b(?:answer|prediction|verdict)\b(?:\s{0,3}\(?final\)?)?\s{0,3}(?:is\b|[:=])[\s:=]{0,8}",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])(?=[\s)])|\n")
_CLAUSE = re.compile(
    r"[;()]|,(?=\s{0,3}(?:it|this|that|the|there|they|i|we|but|so|yes|no|not|rather|instead|thus"
    r"|therefore|hence|positive|negative|is|which|actually)\b)|\b(?:but|however|although|though"
    r"|whereas|while|yet|because|since|so)\b|(?<=\bno)\s(?=(?:it|this|that|the|there|they|we)\b)",
    re.IGNORECASE,
)
_CONDITIONAL = re.compile(r"\b(?:if|whether)\b", re.IGNORECASE)
_ANSWER_KEYS = ("final_answer", "answer", "prediction", "label", "result", "output", "class")


@dataclass(frozen=True)
class Segment:
    """A part of an answer that commits itself."""

    text: str
    marked: bool
    """Whether it follows `Answer:` or the like."""
    lead: str
    """What stands before that in the same sentence."""


def plain(answer: str) -> str:
    """Strip reasoning, sequences, markup and typographic variants from an answer.

    UnreadableError where nothing is left, or where the reasoning never ended.
    """
    _, closed, after = answer.rpartition("</think>")
    text = after if closed else answer
    if "<think>" in text:
        raise UnreadableError(Reason.UNFINISHED)
    text = _SEQUENCE.sub(" ", _own_turn(_SPECIAL, text))
    text = _FENCE.sub(" ", text)
    text = _ANSWER_TAG.sub(" answer: ", _BOXED.sub(" answer: ", text))
    text = _LATEX.sub("", _TAG.sub(" ", text.replace("\\times", "\u00d7").replace("\\%", "%")))
    text = _SUPERSCRIPT.sub(lambda found: "^" + found.group().translate(_LOWER), text)
    text = _TIMES.sub("\u00d7", text.replace("**", ""))
    text = _ITALIC.sub("", text.translate(_PLAIN))
    text = _own_turn(_TURN, text).strip()
    if not text:
        raise UnreadableError(Reason.EMPTY)
    return text


def _own_turn(border: re.Pattern[str], text: str) -> str:
    """Cut off where the model goes on to ask itself; skip a question that it repeats first."""
    first, *others = border.split(text, maxsplit=2)
    return first if first.strip() or not others else others[0]


def structured(answer: str, *, single: bool) -> dict[str, Any] | str | None:
    """Return what an answer that is one JSON object says; None for any other text.

    Parameters
    ----------
    answer
        The text; it may stand in a code fence.
    single
        Whether the value of a sole key is the answer, whatever the key is called.

    Returns
    -------
    The text under the key that holds the answer (`answer`, `prediction`, …), or else the object.
    UnreadableError if a key comes twice.

    """
    text = _FENCE.sub(" ", answer).strip()
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(
            text, object_pairs_hook=_once, parse_int=str, parse_float=str, parse_constant=str
        )
    except (ValueError, RecursionError):
        return None
    named = [found[key] for key in found if key.casefold().replace(" ", "_") in _ANSWER_KEYS]
    values = named if len(named) == 1 else list(found.values()) if single else []
    if len(values) != 1:
        return dict(found)
    value = values[0]
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return _text(value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableError(Reason.CONTRADICTION)
    return found


def _text(value: object) -> str:
    return "" if value is None else str(value)


def segments(text: str) -> list[Segment]:
    """Split an answer at its markers; without one it is a single segment."""
    marks = list(_MARKER.finditer(text))
    if not marks:
        return [Segment(text, marked=False, lead="")]
    found = []
    ends = [mark.start() for mark in marks[1:]]
    before = 0
    for mark, end in zip(marks, [*ends, len(text)], strict=True):
        lead = sentences(text[before : mark.start()] + ".")[-1:]
        found.append(Segment(text[mark.end() : end], marked=True, lead="".join(lead)))
        before = mark.end()
    # A marker with nothing behind it, as in a heading, marks nothing.
    return [one for one in found if one.text.strip()] or found[-1:]


def sentences(text: str) -> list[str]:
    """Split a text into sentences and lines; a point within a number ends none."""
    return [one for one in _SENTENCE.split(text) if one.strip()]


def statements(text: str) -> list[str]:
    """Return the sentences that state something: no questions, no conditions."""
    return [
        one
        for one in sentences(text)
        if not one.rstrip(" )'").endswith("?") and not _CONDITIONAL.search(one)
    ]


def clauses(sentence: str) -> Iterable[str]:
    """Split a sentence where a negation ends."""
    return (one for one in _CLAUSE.split(sentence) if one.strip())
