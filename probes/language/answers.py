"""Free-text answers to instruction tasks, read by one of two rules.

`paper` reads as the authors of Biology-Instructions do (`probes.language.paper`), `strict` takes
only what commits itself (`probes.language.strict`). Neither sees the truth.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from hf_datasets.biology_instructions.tasks import Answer
from hf_datasets.errors import InputError
from probes.language.paper import read_paper
from probes.language.parsed import Parsed, Rule, Unparsed, UnreadableError
from probes.language.strict import read_strict

if TYPE_CHECKING:
    from collections.abc import Callable

    from hf_datasets.biology_instructions.tasks import InstructionTask
    from probes.language.parsed import Value

YES_NO = {"positive": True, "negative": False}


def parse(
    task: InstructionTask,
    answer: str | None,
    rule: Rule,
    *,
    sentiment: Callable[[str], bool] | None = None,
) -> Parsed | None:
    """Return what an answer says, or None where it says nothing that can be scored.

    The arguments are those of `read`, which also says why.
    """
    found = read(task, answer, rule, sentiment=sentiment)
    return found if isinstance(found, Parsed) else None


def read(
    task: InstructionTask,
    answer: str | None,
    rule: Rule,
    *,
    sentiment: Callable[[str], bool] | None = None,
) -> Parsed | Unparsed:
    """Return what an answer says, or why it cannot be read.

    Parameters
    ----------
    task
        What was asked.
    answer
        The model's text; None if there is none.
    rule
        `paper` or `strict`.
    sentiment
        For `paper`: whether a text is positive rather than negative. The authors put yes-no
        answers without a keyword to such a model; without one they are unparsable, under the
        reason "needs sentiment".

    Returns
    -------
    The value is a bool (yes-no), a class name, a tuple of labels or EC numbers ("none" standing
    for an explicit none), a float, or floats by key. It takes time linear in the answer's length.

    """
    try:
        if rule == "paper":
            return Parsed(read_paper(task, answer, sentiment))
        return Parsed(read_strict(task, answer))
    except UnreadableError as error:
        return Unparsed(error.reason)


def read_label(task: InstructionTask, label: str) -> Value:
    """Return the true answer that the column `label` of an instruction table holds.

    Labels and EC numbers come as a tuple, empty for "none". InputError for a label that is none
    of the task's.
    """
    try:
        match task.answer:
            case Answer.YES_NO:
                return YES_NO[label]
            case Answer.CLASS:
                return task.classes[task.classes.index(label)]
            case Answer.LABELS | Answer.EC:
                names = tuple(name.strip() for name in label.split(","))
                return () if names == ("none",) else _known(task, names)
            case Answer.NUMBER:
                return _finite(label)
            case Answer.NUMBERS:
                values = json.loads(label)
                return {key: _finite(values[key]) for key in task.keys}
    except (ValueError, KeyError, TypeError) as error:
        message = (
            f"label {label[:80]!r} is no answer to {task.name!r}; it must be {_form(task)}; "
            "build the table again"
        )
        raise InputError(message) from error


def _known(task: InstructionTask, names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(names) or (task.classes and not set(names) <= set(task.classes)):
        raise ValueError(names)
    return names


def _finite(value: str | float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(number)
    return number


def _form(task: InstructionTask) -> str:
    match task.answer:
        case Answer.YES_NO:
            return "positive or negative"
        case Answer.CLASS:
            return f"one of {', '.join(task.classes)}"
        case Answer.LABELS:
            return f"none or some of {','.join(task.classes)}"
        case Answer.EC:
            return "EC numbers with commas between them, as in 1.1.1.1,2.7.11.-"
        case Answer.NUMBER:
            return "a number"
        case Answer.NUMBERS:
            return f"a JSON object of numbers named {', '.join(task.keys)}"
