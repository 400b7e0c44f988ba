r"""Answers read strictly: one that does not commit itself, or commits itself twice, is unreadable.

What counts is the text behind `Answer:`, `\boxed{` or `<answer>`, else all of it, without
reasoning in `<think>`, tagged sequences, markup, questions and conditions; if a model goes on
to ask itself the next question, the rest is not its answer. A JSON object is read by its keys.
Case, spaces, underscores and dashes in names do not count; other names for the same thing do not
either: what is asked for is one of the names given. The truth is never looked at.
"""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING

from hf_datasets.biology_instructions.tasks import Answer
from probes.language.numbers import by_key, named_numbers, one_number
from probes.language.paper import NONE
from probes.language.parsed import Reason, UnreadableError
from probes.language.reading import Segment, plain, segments, structured
from probes.language.words import names_said, yes_or_no

if TYPE_CHECKING:
    from collections.abc import Callable

    from hf_datasets.biology_instructions.tasks import InstructionTask
    from probes.language.parsed import Value

SHORT = 2
"""Names of this length are read only in their own case: "am" and "um" are words."""
_NOTHING = (
    r"(?i:none|no\s(?:known\s|rna\s)?modifications?|unmodified|no\sec\snumbers?|not\san\senzyme)"
)
_EC = r"(?:(?i:ec)[\s:]{0,3})?(\d{1,3}(?:\.(?:\d{1,4}|-)){2}\.(?:n?\d{1,4}|-))"


def read_strict(task: InstructionTask, answer: str | None) -> Value:
    """Read an answer; UnreadableError where it does not say one thing."""
    if answer is None or not answer.strip():
        raise UnreadableError(Reason.EMPTY)
    text = answer
    said = structured(answer, single=task.answer in {Answer.YES_NO, Answer.NUMBER})
    if isinstance(said, dict) and task.answer is Answer.NUMBERS:
        return by_key(task.name, task.keys, said)
    if isinstance(said, str):
        text = said
    reader = _reader(task)
    values = [reader(one) for one in segments(plain(text))]
    if any(value != values[-1] for value in values):
        raise UnreadableError(Reason.CONTRADICTION)
    return values[-1]


def _reader(task: InstructionTask) -> Callable[[Segment], Value]:
    match task.answer:
        case Answer.YES_NO:
            return partial(yes_or_no, task.name)
        case Answer.CLASS:
            return partial(_one_class, task.classes)
        case Answer.LABELS:
            return partial(_labels, task.classes)
        case Answer.EC:
            return _ec_numbers
        case Answer.NUMBER:
            return partial(one_number, task.name)
        case Answer.NUMBERS:
            return partial(named_numbers, task.name, task.keys)


def _one_class(classes: tuple[str, ...], segment: Segment) -> str:
    said = names_said(segment, _names(classes), partial(_name_of, classes))
    if len(said) > 1:
        raise UnreadableError(Reason.SEVERAL)
    return said[0]


def _labels(classes: tuple[str, ...], segment: Segment) -> tuple[str, ...]:
    """Read label names; none of them is ("none",), so that it differs from no answer."""
    classes = tuple(name for name in classes if name != NONE)
    # m⁶A and m^6A are m6A.
    segment = Segment(segment.text.replace("^", ""), segment.marked, segment.lead)
    said = names_said(segment, _names(classes, none=True), partial(_name_of, classes))
    if NONE in said and len(said) > 1:
        raise UnreadableError(Reason.CONTRADICTION)
    if len(said) == len(classes) > 1:
        raise UnreadableError(Reason.COPIED)
    return said if NONE in said else tuple(name for name in classes if name in said)


def _ec_numbers(segment: Segment) -> tuple[str, ...]:
    """Read EC numbers of four fields; one that no enzyme has is wrong, not unreadable."""
    said = names_said(segment, _EC_PATTERN, lambda found: found[1] or NONE)
    if NONE in said and len(said) > 1:
        raise UnreadableError(Reason.CONTRADICTION)
    return said


_EC_PATTERN = re.compile(rf"(?<![\w.-])(?:{_EC}(?!\w|\.\w|-\w)|{_NOTHING}\b)")


@cache
def _names(classes: tuple[str, ...], *, none: bool = False) -> re.Pattern[str]:
    """Return a pattern for any of the names, the longest first, and perhaps for none of them."""
    longest = sorted(classes, key=len, reverse=True)
    names = "|".join([*map(_flexible, longest), *([_NOTHING] if none else [])])
    return re.compile(rf"(?<![\w.-])(?:{names})(?!\w|-\w)")


def _flexible(name: str) -> str:
    """Return a pattern for a name: separators optional, in any case but for short names."""
    parts = r"[\s_.-]?".join(re.findall(r"[A-Z]+|[a-z]+|\d+[A-Z]*", name))
    return parts if len(name) <= SHORT else f"(?i:{parts})(?:e?s)?"


@cache
def _folded(classes: tuple[str, ...]) -> dict[str, str]:
    return {_fold(name): name for name in classes}


def _fold(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


def _name_of(classes: tuple[str, ...], found: re.Match[str]) -> str:
    folded = _fold(found.group())
    names = _folded(classes)
    singular = (folded, folded.removesuffix("s"), folded.removesuffix("es"))
    return next((names[one] for one in singular if one in names), NONE)
