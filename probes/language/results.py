"""From replies to numbers: the rows of the result table, those of the answers, and a summary.

==============  ==================  ============================================================
quiz            protocol            metrics
==============  ==================  ============================================================
with options    log-likelihood      `accuracy` (per byte), `accuracy_sum`, `accuracy_token`,
                                    `chance`, `calibration_error`, `log_loss`
with options    generate            `accuracy` of the first integer, as published; `chance`
instructions    paper, strict       those of the task, by the published rules and by ours
yes/no, class   log-likelihood      all that an embedding probe gets, with the same names
==============  ==================  ============================================================

Options that are weighed by their numbers make the protocol `log-likelihood-number`. Accuracy by
number of options is a row with a label; its intervals and the bias of places are in the file's
provenance and in the printed summary.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.biology_instructions.tasks import Answer
from hf_datasets.task import TaskType
from probes.language.choices import (
    READINGS,
    ChoiceScores,
    decide,
    first_integer,
    score_choices,
    score_loglikelihoods,
    softmax,
)
from probes.language.questions import YES_NO, Quiz
from probes.language.rows import MODALITY, PROBE, SPLIT, result_rows
from probes.metrics import evaluate
from probes.summary import share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from probes.language.asking import LanguageModel, Reply
    from probes.language.parsed import Rule
    from probes.language.questions import Question
    from probes.language.scoring import Scores

Row = dict[str, Any]
RULES: tuple[Rule, ...] = ("paper", "strict")


@dataclass(frozen=True)
class Scored:
    """What became of one quiz."""

    rows: list[Row]
    """Of RESULT_SCHEMA."""
    answers: list[Row]
    """Of ANSWER_SCHEMA, in the quiz's order."""
    summary: list[str]
    """The headline in words, a line each."""
    details: dict[str, Any] = field(default_factory=dict)
    """For the provenance: intervals, bias, calibration, coverage."""
    failed: int = 0


def score_quiz(
    quiz: Quiz, replies: Sequence[Reply], model: LanguageModel, *, seed: int, timings: bool = False
) -> Scored:
    """Score the replies to a quiz's questions, in their order.

    `seed` is the run's; `timings` keeps the seconds of each answer.
    """
    scored = _Scoring(quiz, replies, model, seed)
    if quiz.task is None:
        outcome = scored.choices()
    elif quiz.scoring == "log-likelihood":
        outcome = scored.classes()
    else:
        outcome = scored.instructions()
    if timings:
        for row, reply in zip(outcome.answers, replies, strict=True):
            row["seconds"] = reply.seconds
    return outcome


@dataclass(frozen=True)
class Texts:
    """Free answers scored by one rule."""

    scores: Scores
    coverage: float
    """Share of all questions, asked or not, with an answer that can be read."""
    rows: list[Row]


def score_texts(
    quiz: Quiz,
    questions: Sequence[Question],
    replies: Sequence[Reply],
    model: LanguageModel,
    rule: Rule,
    *,
    seed: int,
    path: str,
    total: int,
) -> tuple[Texts, str]:
    """Score free answers to questions of the kind of `quiz`; return them and a line of summary.

    `path` is the task's in the results; `total` counts its questions before any were sampled.
    """
    from probes.language.scoring import score

    task = quiz.task
    assert task is not None  # noqa: S101  questions with options have no free answers
    texts = [reply.text for reply in replies]
    labels = [question.label for question in questions]
    classes = quiz.place.classes if task.answer is Answer.EC else ()
    scores = score(task, texts, labels, rule, classes=classes, seed=seed)
    n_read = sum(one is not None for one in scores.parsed)
    made = result_rows(
        scores,
        path=path,
        model=model.name,
        source=source_of(model),
        dataset=quiz.dataset,
        revision=quiz.revision,
        config=quiz.place.config,
        seed=seed,
    )
    coverage = n_read / total
    rows = [row | {"coverage": coverage} for row in made]
    counts = (n_read, len(questions), total)
    line = _line(path, rule, scores.values, task.metrics, counts)
    return Texts(scores, coverage, rows), line


def source_of(model: LanguageModel) -> str:
    """Return what answers came from, for the column `embedding`."""
    return f"{model.name}@{model.revision}" if model.revision else model.name


class _Scoring:
    """One quiz with its replies."""

    def __init__(
        self, quiz: Quiz, replies: Sequence[Reply], model: LanguageModel, seed: int
    ) -> None:
        self.quiz, self.replies, self.model, self.seed = quiz, replies, model, seed
        self.source = source_of(model)
        self.failed = sum(reply.error is not None for reply in replies)

    def choices(self) -> Scored:
        """Score questions with options of their own."""
        quiz = self.quiz
        truths = [int(question.label) for question in quiz.questions]
        counts = [len(question.options) for question in quiz.questions]
        weighed = quiz.scoring == "log-likelihood"
        chosen: list[int | None]
        if weighed:
            sizes = [self._bytes(at) for at in range(len(counts))]
            sums = [reply.loglikelihoods for reply in self.replies]
            tokens = [reply.option_tokens for reply in self.replies]
            scores = score_loglikelihoods(sums, sizes, tokens, truths)
            chosen = [
                None if one is None else decide(one, size, some or [1] * len(size), READINGS[0])
                for one, size, some in zip(sums, sizes, tokens, strict=True)
            ]
        else:
            chosen = [
                first_integer(reply.text, count)
                for reply, count in zip(self.replies, counts, strict=True)
            ]
            scores = score_choices(chosen, truths, counts)
        protocol = quiz.scoring + ("-number" if weighed and quiz.listed else "")
        coverage = scores.answered / quiz.total
        values: dict[tuple[str, str | None], tuple[float | None, int]] = {}
        n = len(truths)
        values["accuracy", None] = scores.accuracy.value, n
        for name in READINGS[1:] if weighed else ():
            values[f"accuracy_{name}", None] = scores.readings[name].value, n
        values["chance", None] = scores.chance, n
        if weighed:
            values["calibration_error", None] = scores.calibration_error, scores.answered
            values["log_loss", None] = scores.log_loss, scores.answered
        for count, one in scores.by_options.items():
            values["accuracy", f"{count} options"] = one.value, one.n
        rows = [
            self._row(protocol, metric, value, label=label, n=n_test, coverage=coverage)
            for (metric, label), (value, n_test) in values.items()
        ]
        answers = [self._answer(at, chosen=one) for at, one in enumerate(chosen)]
        return Scored(
            rows, answers, _choice_summary(quiz, protocol, scores), _details(scores), self.failed
        )

    def classes(self) -> Scored:
        """Score the weighed options of a yes/no or class task, as an embedding probe's scores."""
        quiz, task = self.quiz, self.quiz.task
        assert task is not None  # noqa: S101  `choices` has the others
        known = YES_NO if task.answer is Answer.YES_NO else task.classes
        sums = [reply.loglikelihoods for reply in self.replies]
        used = [at for at, one in enumerate(sums) if one is not None]
        truth = np.array([known.index(quiz.questions[at].label) for at in used], dtype=np.int64)
        told = np.array([sums[at] for at in used], dtype=np.float64).reshape(len(used), len(known))
        binary = len(known) == 2  # noqa: PLR2004
        decided = told.argmax(axis=1) if used else truth
        if not used:
            scores = None
        elif binary:
            scores = told[:, 1] - told[:, 0]
        else:
            scores = np.array([softmax(row) for row in told.tolist()])
        kind = TaskType.BINARY if binary else TaskType.MULTI_CLASS
        coverage = len(used) / quiz.total
        measures = evaluate(kind, known, truth, scores, decided)
        rows = [
            self._row("log-likelihood", one.metric, one.value, label=one.label,
                      n=len(used), coverage=coverage)
            for one in measures
        ]  # fmt: skip
        place = dict(zip(used, decided.tolist(), strict=True))
        answers = [self._answer(at, chosen=place.get(at)) for at in range(len(sums))]
        whole = {one.metric: one.value for one in measures if one.label is None}
        wanted = ("mcc", "accuracy", "auroc")
        counts = (len(used), len(sums), quiz.total)
        line = _line(quiz.place.task, "log-likelihood", whole, wanted, counts)
        return Scored(rows, answers, [line], {"coverage": coverage}, self.failed)

    def instructions(self) -> Scored:
        """Score free text by both rules."""
        quiz = self.quiz
        rows: list[Row] = []
        summary: list[str] = []
        details: dict[str, Any] = {}
        parsed: dict[str, list[str | None]] = {}
        for rule in RULES:
            texts, line = score_texts(
                quiz, quiz.questions, self.replies, self.model, rule, seed=self.seed,
                path=quiz.place.task, total=quiz.total,
            )  # fmt: skip
            scores = texts.scores
            rows.extend(texts.rows)
            parsed[rule] = [one.json if one is not None else None for one in scores.parsed]
            summary.append(line)
            details[rule] = {
                "coverage": texts.coverage,
                "intervals": {name: list(pair) for name, pair in scores.intervals.items()},
                "unparsed": scores.unparsed,
                "leaked": scores.leaked,
            }
        answers = [
            self._answer(at, paper=parsed["paper"][at], strict=parsed["strict"][at])
            for at in range(len(self.replies))
        ]
        return Scored(rows, answers, summary, details, self.failed)

    def _bytes(self, at: int) -> list[int]:
        return [len(one.encode()) for one in self.quiz.questions[at].prompt.options]

    def _answer(
        self,
        at: int,
        *,
        chosen: int | None = None,
        paper: str | None = None,
        strict: str | None = None,
    ) -> Row:
        quiz, reply, question = self.quiz, self.replies[at], self.quiz.questions[at]
        return {
            "model": self.model.name,
            "revision": self.model.revision,
            "dataset": quiz.dataset,
            "dataset_revision": quiz.revision,
            "config": quiz.config,
            "task": quiz.task.name if quiz.task else "",
            "subtask": quiz.subtask,
            "id": question.id,
            "prompt": question.prompt.text,
            "answer": reply.text,
            "option_loglikelihoods": reply.loglikelihoods,
            "option_bytes": self._bytes(at) if question.prompt.options else None,
            "option_tokens": reply.option_tokens,
            "chosen": chosen,
            "label": question.label,
            "paper": paper,
            "strict": strict,
            "prompt_tokens": reply.prompt_tokens,
            "answer_tokens": reply.answer_tokens,
            "error": reply.error,
        }

    def _row(
        self,
        protocol: str,
        metric: str,
        value: float | None,
        *,
        n: int,
        coverage: float,
        label: str | None = None,
    ) -> Row:
        place = self.quiz.place
        return {
            "embedding": self.source,
            "model": self.model.name,
            "modality": MODALITY,
            "dataset": self.quiz.dataset,
            "revision": self.quiz.revision,
            "config": place.config,
            "task": place.task,
            "task_type": place.kind,
            "label": label,
            "protocol": protocol,
            "split": SPLIT,
            "probe": PROBE,
            "fraction": 1.0,
            "seed": self.seed,
            "repeat": 0,
            "fold": 0,
            "metric": metric,
            "value": None if value is None else float(value),
            "n_train": 0,
            "n_test": n,
            "coverage": coverage,
        }


def _details(scores: ChoiceScores) -> dict[str, Any]:
    return {name: value for name, value in asdict(scores).items() if value is not None}


def _choice_summary(quiz: Quiz, protocol: str, scores: ChoiceScores) -> list[str]:
    accuracy, bias = scores.accuracy, scores.bias
    span = accuracy.interval or (0.0, 0.0)
    first = (
        f"{quiz.name} ({protocol}): accuracy {accuracy.value or 0:.3f} "
        f"[{span[0]:.3f}, {span[1]:.3f}], chance {scores.chance or 0:.3f}, "
        f"{len(quiz.questions):,} of {quiz.total:,} questions, "
        f"{share(scores.answered / len(quiz.questions))} with a choice"
    )
    lines = [first]
    if scores.readings:
        others = ", ".join(
            f"by {name} {scores.readings[name].value or 0:.3f}" for name in READINGS[1:]
        )
        lines.append(
            f"  the headline is per byte; {others}; calibration error "
            f"{scores.calibration_error or 0:.3f}"
        )
    counts = ", ".join(
        f"{count}: {one.value or 0:.3f} (n={one.n})" for count, one in scores.by_options.items()
    )
    lines.append(f"  by number of options: {counts}")
    if bias.p is not None:
        lines.append(
            f"  places of wrong answers: {' '.join(map(str, bias.wrong))}, expected "
            f"{' '.join(f'{one:.0f}' for one in bias.expected)} "
            f"(chi-square {bias.statistic:.1f}, {bias.freedom} df, p = {bias.p:.2g})"
        )
    return lines


def _line(
    path: str,
    protocol: str,
    values: Mapping[str, float | None],
    wanted: Sequence[str],
    counts: tuple[int, int, int],
) -> str:
    """Tell scores; `counts` are the questions with a readable answer, those asked, and all."""
    n_read, asked, total = counts
    shown = [
        f"{name} {'undefined' if value is None else f'{value:.3f}'}"
        for name, value in values.items()
        if name.partition("/")[0] in wanted
    ]
    return (
        f"{path} ({protocol}): {', '.join(shown) or 'no score'}; {asked:,} of {total:,} "
        f"questions, {share(n_read / asked)} with an answer that can be read"
    )
