"""From dataset paths to quizzes: the questions of one task, and where their scores belong.

A table with `question`, `options` and `answer` holds questions with options (ProteinLMBench); one
with `task`, `instruction` and `label` holds instructions (Biology-Instructions), whose answers are
scored under the path of the sequence table with the same test rows, so that they stand beside
embedding probes. Any dataset of either shape will do: a folder, a short name, or org/name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.biology_instructions.tasks import CONFIGS, TASKS, Answer, InstructionTask
from hf_datasets.errors import InputError, choose, nearest, shorten
from hf_datasets.reference import OpenedDataset, open_dataset, parse_reference
from hf_datasets.task import tasks_of_table
from probes.language.asking import (
    INSTRUCTION_TOKENS,
    PUBLISHED_TEMPERATURE,
    PUBLISHED_TOKENS,
    AskSettings,
    Prompt,
    Scoring,
)
from probes.language.rows import TASK_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import datasets

MULTIPLE_CHOICE = "multiple-choice"
"""The task type of questions with options of their own."""
CHOICE_COLUMNS = frozenset({"id", "question", "options", "answer"})
INSTRUCTION_COLUMNS = frozenset({"id", "task", "subtask", "instruction", "label"})
YES_NO = ("negative", "positive")
"""Canonical labels of a yes/no task, in the order of its classes."""
YES_NO_WORDS = ("No", "Yes")


@dataclass(frozen=True)
class Question:
    """One question of a quiz."""

    id: str
    prompt: Prompt
    options: tuple[str, ...]
    """What can be chosen; empty for a free answer."""
    label: str
    """The canonical answer; of a question with options its place, from 0."""


@dataclass(frozen=True)
class Place:
    """Where scores belong in the result table."""

    task: str
    """Path of the task."""
    config: str
    kind: str
    """Task type."""
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quiz:
    """The questions of one task, scored together."""

    dataset: str
    revision: str
    config: str
    """The table that the questions are in."""
    task: InstructionTask | None
    """None for questions with options of their own."""
    subtask: str
    scoring: Scoring
    listed: bool
    """Whether the prompt lists the options and asks for a number."""
    place: Place
    questions: tuple[Question, ...]
    total: int
    """Questions of the task before `limit`."""

    @property
    def name(self) -> str:
        """What messages call it."""
        own = [self.task.name, self.subtask] if self.task else []
        return "/".join([self.dataset, self.config, *filter(None, own)])


def load_quizzes(specs: Sequence[str], settings: AskSettings) -> list[Quiz]:
    """Read the questions that dataset paths stand for, each task once.

    Raises
    ------
    InputError
        An unknown dataset, table, task or subtask; a dataset without questions; a question whose
        answer is not among its options; a scoring that does not fit the task.

    """
    found: dict[tuple[str, str, str, str], Quiz] = {}
    for spec in specs:
        reference = parse_reference(spec.rstrip("/") or spec)
        dataset = open_dataset(reference)
        for quiz in _quizzes(dataset, reference.parts, settings):
            task = quiz.task.name if quiz.task else ""
            key = (quiz.dataset, quiz.config, task, quiz.subtask)
            if key in found and found[key].revision != quiz.revision:
                message = f"two datasets are named {quiz.dataset!r}; ask each in a run of its own"
                raise InputError(message)
            found.setdefault(key, quiz)
    return list(found.values())


def _quizzes(
    dataset: OpenedDataset, parts: tuple[str, ...], settings: AskSettings
) -> Iterator[Quiz]:
    configs = dataset.configs()
    config, *rest = parts or ("",)
    if config in TASKS and config not in CONFIGS:  # the path of the sequence table
        config, rest = TASKS[config].config, [config, *rest]
    asked = [config] if config else [one for one in configs if one in CONFIGS] or configs
    seen = []
    anything = False
    for one in asked:
        splits = dataset.splits(one)
        columns = {name for part in splits.values() for name in part.column_names}
        if columns >= CHOICE_COLUMNS:
            if rest:
                message = f"{dataset.name}/{one} is one task; leave out /{'/'.join(rest)}"
                raise InputError(message)
            anything = True
            yield _choices(dataset, one, splits, settings)
        elif columns >= INSTRUCTION_COLUMNS:
            anything = True
            yield from _Instructions(dataset, one, configs, settings).quizzes(splits, rest)
        seen.append(f"{one} ({shorten(sorted(columns), 8)})")
    if not anything:
        message = (
            f"no questions for a language model in {dataset.name}: {shorten(seen, 3)}; a table of "
            f"them has {', '.join(sorted(CHOICE_COLUMNS))} or "
            f"{', '.join(sorted(INSTRUCTION_COLUMNS))}"
        )
        raise InputError(message)


# Questions with options


def listing(question: str, options: Sequence[str]) -> str:
    """Return a question that lists its options and asks for a number, in our own words."""
    lines = [f"option {number}: {text}" for number, text in enumerate(options, 1)]
    return "\n".join(
        [
            f"Question: {question}",
            *lines,
            "Which option is right? Reply with its number alone.",
            "Answer:",
        ]
    )


def bare(question: str) -> str:
    """Return a question without its options."""
    return f"Question: {question}\nAnswer:"


def _choices(
    dataset: OpenedDataset, config: str, splits: datasets.DatasetDict, settings: AskSettings
) -> Quiz:
    scoring: Scoring = settings.scoring or "log-likelihood"
    listed = scoring == "generate" or settings.options == "number"
    rows = [row for part in splits.values() for row in part.to_list()]
    kept = _sample(len(rows), settings)
    warm = PUBLISHED_TEMPERATURE if settings.temperature is None else settings.temperature
    questions = []
    for row in (rows[at] for at in kept):
        options = tuple(map(str, row["options"]))
        answer = int(row["answer"])
        if len(options) < 2 or not 0 <= answer < len(options):  # noqa: PLR2004
            message = (
                f"question {row['id']} of {dataset.name}/{config} has {len(options)} options and "
                f"the answer {answer}, counted from 0; mend it in the dataset"
            )
            raise InputError(message)
        text = listing(row["question"], options) if listed else bare(row["question"])
        numbers = tuple(str(number + 1) for number in range(len(options)))
        prompt = (
            Prompt(text, max_tokens=settings.max_tokens or PUBLISHED_TOKENS,
                   temperature=warm, seed=settings.seed)
            if scoring == "generate"
            else Prompt(text, options=numbers if listed else options)
        )  # fmt: skip
        questions.append(Question(str(row["id"]), prompt, options, str(answer)))
    place = Place(f"{dataset.name}/{config}", config, MULTIPLE_CHOICE)
    return Quiz(
        dataset.name, dataset.revision, config, None, "", scoring, listed, place,
        tuple(questions), len(rows),
    )  # fmt: skip


# Instructions


@dataclass(frozen=True)
class _Instructions:
    """An instruction table."""

    dataset: OpenedDataset
    config: str
    configs: Sequence[str]
    """All tables of the dataset."""
    settings: AskSettings

    def quizzes(self, splits: datasets.DatasetDict, rest: Sequence[str]) -> Iterator[Quiz]:
        """Yield a quiz for each task and subtask that `rest` of the path names."""
        dataset, settings = self.dataset, self.settings
        where = f"{dataset.name}/{self.config}"
        if settings.split not in splits:
            message = (
                f"no split {settings.split!r} in {where}{nearest(settings.split, list(splits))} "
                f"splits: {', '.join(splits)}"
            )
            raise InputError(message)
        table = splits[settings.split]
        rows_of: dict[tuple[str, str], list[int]] = {}
        for at, (name, part) in enumerate(zip(table["task"], table["subtask"], strict=True)):
            rows_of.setdefault((name, part or ""), []).append(at)
        for name, subtask in _wanted(where, rows_of, rest):
            task = choose(name, TASKS, f"task in {where}")
            rows = rows_of[name, subtask]
            scoring = _scoring(task, settings, named=bool(rest))
            if scoring is None:
                continue
            kept = table.select([rows[at] for at in _sample(len(rows), settings)])
            place = _place(dataset, self.configs, task, subtask)
            yield Quiz(
                dataset=dataset.name,
                revision=dataset.revision,
                config=self.config,
                task=task,
                subtask=subtask,
                scoring=scoring,
                listed=False,
                place=place,
                questions=tuple(_asked(kept, task, scoring, settings)),
                total=len(rows),
            )


def _wanted(
    where: str, known: Iterable[tuple[str, str]], rest: Sequence[str]
) -> list[tuple[str, str]]:
    """Return the (task, subtask) that the rest of a path names; InputError for one that is none."""
    found = list(known)
    for place, what in enumerate(rest):
        kept = [one for one in found if one[place] == what]
        if not kept:
            names = sorted({one[place] for one in found})
            kind = ("task", "subtask")[place]
            message = (
                f"no {kind} {what!r} in {where}{nearest(what, names)} "
                f"{kind}s: {shorten(names, 12) or 'none'}"
            )
            raise InputError(message)
        found = kept
    return found


def _scoring(task: InstructionTask, settings: AskSettings, *, named: bool) -> Scoring | None:
    """Return how a task is scored; None for one that was met by the way and cannot be so."""
    if settings.scoring != "log-likelihood":
        return "generate"
    if task.answer in {Answer.YES_NO, Answer.CLASS}:
        return "log-likelihood"
    if named:
        message = (
            f"--scoring log-likelihood weighs answers that can be listed, and {task.name} asks "
            f"for {task.answer}; use --scoring generate"
        )
        raise InputError(message)
    return None


def _asked(
    table: datasets.Dataset, task: InstructionTask, scoring: Scoring, settings: AskSettings
) -> Iterator[Question]:
    options = YES_NO_WORDS if task.answer is Answer.YES_NO else task.classes
    weighed = scoring == "log-likelihood"
    for row in table:
        text = str(row["instruction"])
        prompt = (
            Prompt(text, options=options)
            if weighed
            else Prompt(
                text,
                max_tokens=settings.max_tokens or INSTRUCTION_TOKENS,
                temperature=settings.temperature or 0.0,
                seed=settings.seed,
            )
        )
        yield Question(str(row["id"]), prompt, options if weighed else (), str(row["label"]))


def _place(
    dataset: OpenedDataset, configs: Sequence[str], task: InstructionTask, subtask: str
) -> Place:
    """Return where the scores of a task belong: the sequence table's own task, if it is there.

    Of a task with several numbers, the path above theirs.
    """
    kind = TASK_TYPES[task.answer].value
    classes = YES_NO if task.answer is Answer.YES_NO else task.classes
    path = "/".join([dataset.name, task.name, *filter(None, [subtask])])
    tables = [one for one in (f"{task.name}-{subtask}", task.name) if one in configs]
    if not tables:
        return Place(path, task.name, kind, classes)
    config = tables[0]
    columns = {
        one.column: one for one in tasks_of_table(dataset.name, config, dataset.features(config))
    }
    if task.keys:
        return Place(f"{dataset.name}/{config}", config, kind)
    own = columns.get(subtask) or (next(iter(columns.values())) if len(columns) == 1 else None)
    if own is None:
        return Place(path, config, kind, classes)
    return Place(own.path, config, own.type.value, own.classes)


def _sample(count: int, settings: AskSettings) -> list[int]:
    """Return which rows are asked, in the table's order."""
    if settings.limit is None or settings.limit >= count:
        return list(range(count))
    drawn = np.random.default_rng(settings.seed).choice(count, settings.limit, replace=False)
    return sorted(drawn.tolist())
