"""Numbers in an answer: which they are, and when a text commits itself to them."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from probes.language.parsed import Reason, UnreadableError
from probes.language.reading import Segment, sentences
from probes.language.words import EVASIVE, require_commitment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_I = re.IGNORECASE
_RUN = re.compile(r"(?<![\w.,^])(?<![A-Za-z]-)[+-]?(?:\d|\.(?=\d))[\d.,]*+(?:e[+-]?\d++)?", _I)
"""Digits with their points and commas; not within a word or a name such as H3 or sgRNA-3."""
_PLAIN = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:e[+-]?\d++)?", _I)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})++(?:\.\d++)?")
_POWER = re.compile(r"\s?[x\u00d7\u00b7]\s?10\s?\^\s?([+-]?\d++)(?![\w.])", _I)
_EXPONENT = re.compile(r"\^\s?([+-]?\d++)(?![\w.])")
_DEGREES = re.compile(r"\s?(?:\u00b0\s?C?|\u2103)", _I)
_PERCENT = re.compile(r"\s?(?:%|per\s?cent\b)", _I)
_FRACTION = re.compile(r"\s?/\s?\d")
_BOUND = re.compile(
    r"(?:[<>\u2264\u2265]=?|\b(?:at least|at most|more than|less than|greater than|below|above"
    r"|under|over|up to|not))\s?\Z",
    _I,
)
_NEGATIVE = re.compile(r"\b(?:minus|negative)\s\Z", _I)
_NOT_FINITE = re.compile(r"(?<!\w)(?:inf(?:inity)?|nan)\b|\u221e", _I)
_BEFORE = 16
"""Characters looked at before a number."""

LARGEST = 1e6
"""No number of any task is as large; a single one would decide a correlation."""
RANGES: Mapping[str, float] = {"sirna": 1000.0}
"""Task → largest size of a number, where the paper's scorer has one."""
PERCENT_TASKS = frozenset({"sirna"})
"""Tasks that ask for a percentage."""
DEGREE_TASKS = frozenset({"thermostability"})
"""Tasks that ask for a temperature in °C."""

KEYS: Mapping[str, str] = {
    "hk": r"(?i:\b(?:hk|house-?\s?keeping)\b)",
    "dev": r"(?i:\b(?:dev|developmental)\b)",
    "ON_OFF": r"\b(?i:on)\s?(?:_|/|-|to)\s?(?i:off)\b",
    "ON": r"\bON\b",
    "OFF": r"\bOFF\b",
}
"""How the name of a number may be written; "on" and "off" in small letters are other words."""


@dataclass(frozen=True)
class _Found:
    start: int
    value: float


def one_number(task: str, segment: Segment) -> float:
    """Read the only number of a text, or of the sentence that follows `Answer:`."""
    _require_number(segment)
    text = next(iter(sentences(segment.text)), "") if segment.marked else segment.text
    found = list(islice(_found(task, text), 2))
    if len(found) > 1:
        raise UnreadableError(Reason.SEVERAL)
    if not found:
        raise UnreadableError(Reason.NO_ANSWER)
    return found[0].value


def named_numbers(task: str, keys: tuple[str, ...], segment: Segment) -> dict[str, float]:
    """Read a number for each name: one behind each, or as many as asked for in their order."""
    _require_number(segment)
    mentions = list(_mentions(keys, segment.text))
    found = list(islice(_found(task, segment.text), None if mentions else len(keys) + 1))
    if mentions and found and found[0].start > mentions[0][0]:
        starts = [start for start, _ in mentions]
        mine: dict[str, set[float]] = {key: set() for key in keys}
        for one in found:
            mine[mentions[bisect_right(starts, one.start) - 1][1]].add(one.value)
        if all(len(values) == 1 for values in mine.values()):
            return {key: values.pop() for key, values in mine.items()}
    order = tuple(dict.fromkeys(key for _, key in mentions))
    if len(found) < len(keys):
        raise UnreadableError(Reason.NO_ANSWER)
    together = not mentions or (order == keys and found[0].start > mentions[-1][0])
    if len(found) > len(keys) or not together:
        raise UnreadableError(Reason.SEVERAL)
    return {key: one.value for key, one in zip(keys, found, strict=True)}


def by_key(task: str, keys: tuple[str, ...], values: Mapping[str, object]) -> dict[str, float]:
    """Read the numbers of a JSON object; case, spaces and underscores of its keys do not count."""
    wanted = {_folded(key): key for key in keys}
    said: dict[str, float] = {}
    for name, value in values.items():
        key = wanted.get(_folded(name))
        if key is None:
            continue
        if key in said:
            raise UnreadableError(Reason.CONTRADICTION)
        text = value if isinstance(value, str) else ""
        said[key] = one_number(task, Segment(text, marked=False, lead=""))
    if len(said) < len(keys):
        raise UnreadableError(Reason.NO_ANSWER)
    return {key: said[key] for key in keys}


def _folded(key: str) -> str:
    return "".join(filter(str.isalnum, key)).casefold()


def _require_number(segment: Segment) -> None:
    # A number is a commitment, "about" or "probably" or not.
    if EVASIVE.search(segment.text):
        raise UnreadableError(Reason.EVASIVE)
    require_commitment(Segment("", marked=segment.marked, lead=segment.lead))
    if _NOT_FINITE.search(segment.text):
        raise UnreadableError(Reason.NOT_FINITE)


def _mentions(keys: tuple[str, ...], text: str) -> Iterator[tuple[int, str]]:
    # Longer names first: ON_OFF before ON.
    ordered = sorted(keys, key=len, reverse=True)
    pattern = "|".join(f"(?P<{key}>{KEYS.get(key, re.escape(key))})" for key in ordered)
    for found in re.finditer(pattern, text):
        yield found.start(), str(found.lastgroup)


def _found(task: str, text: str) -> Iterator[_Found]:
    """Yield the numbers of a text; UnreadableError for one that does not say what it is worth."""
    unit = False
    nothing = True
    power: re.Match[str] | None = None
    for run in _RUN.finditer(text):
        if power and run.start() < power.end():
            continue  # the 10 of 1.2 x 10^3
        after = text[run.end() : run.end() + 1]
        power = _POWER.match(text, run.end()) or _EXPONENT.match(text, run.end())
        if not power and (after.isalpha() or after in {"_", "'"}):
            unit = True  # 5' or 50bp: a name or a length
            continue
        for value in _values(task, text, run):
            nothing = False
            yield _Found(run.start(), _checked(task, value))
    if nothing and unit:
        raise UnreadableError(Reason.UNIT)


def _values(task: str, text: str, run: re.Match[str]) -> list[float]:
    start, end = run.span()
    before = text[max(0, start - _BEFORE) : start]
    if before.endswith(("+", "-", "/")) or _BOUND.search(before) or _FRACTION.match(text, end):
        raise UnreadableError(Reason.MALFORMED)
    written = run.group().rstrip(".,")
    values = _written(written)
    if _PERCENT.match(text, end):
        _require_unit(known=task in PERCENT_TASKS)
    elif _DEGREES.match(text, end):
        _require_unit(known=task in DEGREE_TASKS)
    else:
        values = _with_power(values, text, end)
    numbers = [float(one) for one in values]
    if _NEGATIVE.search(before) and written[0].isdigit():
        numbers[0] = -numbers[0]
    return numbers


def _written(text: str) -> list[str]:
    """Return the numbers that digits, points and commas stand for, as Python writes them."""
    if _PLAIN.fullmatch(text):
        return [text]
    if _GROUPED.fullmatch(text):
        return [text.replace(",", "")]
    several = text.split(",")
    # 0.5,0.7 is two numbers; 0,5 or 1.2.3 could be anything.
    if not all(_PLAIN.fullmatch(one) and "." in one for one in several):
        raise UnreadableError(Reason.MALFORMED)
    return several


def _with_power(values: list[str], text: str, end: int) -> list[str]:
    """Take in a power of ten behind a number."""
    found = _POWER.match(text, end)
    if found is None and text.startswith("^", end) and values == ["10"]:
        values, found = ["1"], _EXPONENT.match(text, end)
    if found is None:
        if text.startswith("^", end):
            raise UnreadableError(Reason.MALFORMED)
        return values
    if len(values) > 1 or "e" in values[0].lower():
        raise UnreadableError(Reason.MALFORMED)
    return [f"{values[0]}e{found[1]}"]


def _require_unit(*, known: bool) -> None:
    if not known:
        raise UnreadableError(Reason.UNIT)


def _checked(task: str, value: float) -> float:
    if not math.isfinite(value):
        raise UnreadableError(Reason.NOT_FINITE)
    if abs(value) > RANGES.get(task, LARGEST):
        raise UnreadableError(Reason.OUT_OF_RANGE)
    return value
