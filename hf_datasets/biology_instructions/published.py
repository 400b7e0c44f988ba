"""The published records of Biology-Instructions, read back into sequences and labels.

Sequences stand in `<dna>…</dna>`, `<rna>…</rna>` or `<protein>…</protein>`; much of what was
released closes without the slash. Prefixes such as `[Classification: …]` are prompt, not data.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hf_datasets.biology_instructions.answers import NO, NONE, YES
from hf_datasets.biology_instructions.tasks import TASKS, Answer, InstructionTask
from hf_datasets.sources.biology_instructions import read_records
from hf_datasets.sources.labelled import SPLITS, Label, Labelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_TAGGED = re.compile(r"<(dna|rna|protein)>(.*?)</?\1>", re.DOTALL | re.IGNORECASE)
_EC = re.compile(r"(?:\d+)(?:\.(?:\d+|-|n\d+)){3}")
PREFIX = re.compile(r"\s*\[Classification:[^\]]*\]", re.IGNORECASE)
"""What some published prompts begin with."""


def read_published(
    files: Mapping[str, UsedFile], problems: Problems
) -> Iterator[tuple[InstructionTask, Labelled]]:
    """Yield the task and the row of every published record that can be used.

    The others are counted: broken lines, missing fields, unknown tasks, prompts whose tags are
    not those of the task, labels that the task does not have.
    """
    for split in SPLITS:
        if split not in files:
            continue
        counts: Counter[str] = Counter()
        for line, record in read_records(files[split], problems):
            place = f"{split} line {line}"
            found = task_of(str(record["task"]))
            if found is None:
                problems.add(f"unknown task {str(record['task'])[:40]!r}", place)
                continue
            task, subtask = found
            counts[f"{task.name} {subtask}"] += 1
            if task.subtasks and not subtask:
                problems.add(f"{task.name} without one of its data sets", place)
                continue
            sequences = sequences_of(task, str(record["input"]))
            if sequences is None:
                wanted = " and ".join(f"<{molecule}>" for molecule in task.molecules)
                problems.add(f"{task.name} prompt without {wanted}", place)
                continue
            label = label_of(task, record["label"])
            if label is None:
                problems.add(f"{task.name} label that the task does not have", place)
                continue
            if PREFIX.match(str(record["input"])):
                problems.add("prompt begins with [Classification: …] (kept, prefix dropped)", place)
            number = counts[f"{task.name} {subtask}"]
            yield task, Labelled(split, number, sequences, label, subtask)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


_ALIASES = sorted(
    ((_plain(alias), task) for task in TASKS.values() for alias in task.upstream),
    key=lambda pair: len(pair[0]),
    reverse=True,
)


def task_of(published: str) -> tuple[InstructionTask, str] | None:
    """Return the task and the data set of a published task name, such as `emp-H3`."""
    plain = _plain(published.strip())
    for alias, task in _ALIASES:
        if plain == alias or plain.startswith(f"{alias}-"):
            rest = plain[len(alias) :].strip("-")
            # The longest first: `notata` ends in `tata`.
            for subtask in sorted(task.subtasks, key=len, reverse=True):
                if rest.endswith(_plain(subtask)):
                    return task, subtask
            return task, ""
    return None


def sequences_of(task: InstructionTask, prompt: str) -> tuple[str, ...] | None:
    """Return the sequences in a prompt in the order of the task's molecules, else None."""
    left = [(tag.lower(), "".join(body.split())) for tag, body in _TAGGED.findall(prompt)]
    if len(left) != len(task.molecules):
        return None
    found = []
    for molecule in task.molecules:
        match = next((pair for pair in left if pair[0] == molecule), None)
        if match is None:
            return None
        left.remove(match)
        found.append(match[1])
    return tuple(found)


def label_of(task: InstructionTask, value: Any) -> Label | None:  # noqa: ANN401  JSON
    """Return a published label as the task has it, None if it has none such."""
    text = value.strip() if isinstance(value, str) else value
    match task.answer:
        case Answer.YES_NO:
            return {YES: True, NO: False, "1": True, "0": False}.get(str(text).lower())
        case Answer.CLASS:
            return text if text in task.classes else None
        case Answer.LABELS | Answer.EC:
            return _labels(task, ",".join(text) if isinstance(text, list) else str(text))
        case Answer.NUMBER:
            return _number(text)
        case Answer.NUMBERS:
            found = {key: text.get(key) for key in task.keys} if isinstance(text, Mapping) else {}
            numbers = {key: _number(one) for key, one in found.items()}
            known = {key: one for key, one in numbers.items() if one is not None}
            return known if len(known) == len(task.keys) else None


def _labels(task: InstructionTask, text: str) -> tuple[str, ...] | None:
    if task.answer is Answer.EC:
        return tuple(_EC.findall(text)) or None
    labels = tuple(one for part in text.split(",") if (one := part.strip()) not in {"", NONE})
    return labels if set(task.classes).issuperset(labels) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
