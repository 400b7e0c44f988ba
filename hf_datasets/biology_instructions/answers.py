"""Labels in their three forms: the origin's, the canonical text, and columns with a type.

Canonical text, the column `label` of instruction tables: `positive` or `negative`; the class;
labels joined by commas in the order of the classes, `none` without any; EC numbers joined by
commas; `repr` of a number; a JSON object of numbers by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hf_datasets.biology_instructions.tasks import LABEL, Answer, InstructionTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hf_datasets.sources.labelled import Label

YES, NO, NONE = "positive", "negative", "none"


def canonical(task: InstructionTask, label: Label) -> str | None:
    """Return the canonical text of a label, None if the task has no such label."""
    text: str | None = None
    match task.answer, label:
        case Answer.YES_NO, bool():
            text = YES if label else NO
        case Answer.CLASS, str() if label in task.classes:
            text = label
        case Answer.LABELS, tuple() if set(task.classes).issuperset(label):
            text = ",".join(name for name in task.classes if name in label) or NONE
        case Answer.EC, tuple() if label:
            text = ",".join(dict.fromkeys(label))
        case Answer.NUMBER, float():
            text = repr(label)
        case Answer.NUMBERS, Mapping() if label.keys() == set(task.keys):
            text = json.dumps({key: label[key] for key in task.keys})
    return text


def names(text: str) -> list[str]:
    """Return the labels that a canonical text of several lists, [] for `none`."""
    return [] if text == NONE else text.split(",")


def columns(
    task: InstructionTask, text: str, subtask: str, classes: Sequence[str]
) -> dict[str, Any]:
    """Return label column → value of one row; columns of other data sets are left out.

    A ClassLabel is its name, `no` or `yes` if binary. `classes` is for checking EC numbers.
    """
    match task.answer:
        case Answer.YES_NO:
            return {subtask or LABEL: int(text == YES)}
        case Answer.CLASS:
            return {LABEL: task.classes.index(text)}
        case Answer.LABELS | Answer.EC:
            return {LABEL: [classes.index(name) for name in names(text)]}
        case Answer.NUMBER:
            return {LABEL: float(text)}
        case Answer.NUMBERS:
            values: dict[str, float] = json.loads(text)
            return dict(values)
