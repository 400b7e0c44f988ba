"""What the answers to one task are worth: metrics, bootstrap intervals, coverage.

No answer is dropped. One that cannot be read counts as wrong: the other answer of yes and no, no
class, no EC number; of labels, none said under `paper` and each of them wrong under `strict`.
A correlation of numbers is that of the answered questions times their share, and is given beside
it under `…_answered`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from hf_datasets.biology_instructions.tasks import Answer
from probes.intervals import LEVEL
from probes.language.answers import read, read_label
from probes.language.paper import EC_NUMBER, NONE, denies
from probes.language.parsed import Parsed, Unparsed
from probes.language.statistics import (
    ByKey,
    Classes,
    Labels,
    MixedScore,
    Numbers,
    PublishedSets,
    Sets,
    Statistic,
    Together,
)
from probes.resampling import DRAWS, resample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from hf_datasets.biology_instructions.tasks import InstructionTask
    from probes.intervals import Interval
    from probes.language.parsed import Rule, Value


@dataclass(frozen=True)
class Scores:
    """The scores of one model's answers to one task under one rule."""

    task: InstructionTask
    rule: Rule
    values: dict[str, float | None]
    """Metric → value on its own scale, not times 100; None where it is undefined. Of named
    numbers also "pearson/hk" and so on, and under the plain name their mean."""
    intervals: dict[str, Interval]
    """Metric → 95 % interval: percentiles of a bootstrap over questions. It says how the value
    varies with the questions asked. A metric that has no value has no interval."""
    coverage: float
    """Share of parsable answers, from 0 to 1."""
    n: int
    """Questions."""
    parsed: list[Parsed | None]
    unparsed: dict[str, int]
    """Why answers could not be read → how many, the most frequent first."""
    leaked: int
    """Answers without a label name that `paper` took for "none" because that was the truth."""


def score(
    task: InstructionTask,
    answers: Sequence[str | None],
    labels: Sequence[str],
    rule: Rule,
    *,
    classes: Sequence[str] = (),
    seed: int = 0,
    draws: int = DRAWS,
    sentiment: Callable[[str], bool] | None = None,
) -> Scores:
    """Score a model's answers to one task.

    Parameters
    ----------
    task, rule, sentiment
        As in `probes.language.answers.read`.
    answers, labels
        The model's texts and the true answers as in the column `label`, one for each question.
    classes
        All EC numbers of the task, 538 in the published one; those in `labels` if not given.
        Only `paper` depends on them.
    seed, draws
        Of the bootstrap; equal seeds give equal intervals.

    Raises
    ------
    InputError
        A label that is none of the task's.
    ValueError
        Unequal numbers of answers and labels.

    """
    if len(answers) != len(labels):
        message = f"{len(answers)} answers to {len(labels)} questions"
        raise ValueError(message)
    truth = [read_label(task, label) for label in labels]
    found = [read(task, answer, rule, sentiment=sentiment) for answer in answers]
    parsed = [one if isinstance(one, Parsed) else None for one in found]
    said = [None if one is None else one.value for one in parsed]
    leaked = 0
    if rule == "paper" and task.answer is Answer.LABELS:
        said, leaked = _with_leak(said, truth, answers, sentiment)
    statistic = _statistic(task, rule, truth, said, classes)
    reasons = Counter(one.reason.value for one in found if isinstance(one, Unparsed))
    values, intervals = _evaluate(statistic, len(labels), seed, draws)
    return Scores(
        task=task,
        rule=rule,
        values=values,
        intervals=intervals,
        coverage=sum(one is not None for one in parsed) / len(parsed) if parsed else 0.0,
        n=len(labels),
        parsed=parsed,
        unparsed=dict(reasons.most_common()),
        leaked=leaked,
    )


def _with_leak(
    said: list[Value | None],
    truth: list[Value],
    answers: Sequence[str | None],
    sentiment: Callable[[str], bool] | None,
) -> tuple[list[Value | None], int]:
    """Give "none" to nameless answers that deny, but only where it is the truth, as published."""
    leaks = [
        one is None and not true and denies(answer, sentiment)
        for one, true, answer in zip(said, truth, answers, strict=True)
    ]
    return [(NONE,) if leak else one for leak, one in zip(leaks, said, strict=True)], sum(leaks)


def _statistic(  # noqa: PLR0911  one for each form of answer
    task: InstructionTask,
    rule: Rule,
    truth: list[Value],
    said: list[Value | None],
    classes: Sequence[str],
) -> Statistic:
    match task.answer:
        case Answer.YES_NO:
            # Wrong is the other answer, not a third one.
            decided = [
                not true if one is None else one for true, one in zip(truth, said, strict=True)
            ]
            return Classes([str(one) for one in truth], [str(one) for one in decided])
        case Answer.CLASS:
            return Classes(cast("list[str]", truth), cast("list[str | None]", said))
        case Answer.LABELS:
            return _label_statistic(task, rule, truth, said)
        case Answer.EC:
            true, named = _sets(truth), _sets(said)
            if rule == "strict":
                return Sets(true, named)
            known = classes or sorted(frozenset[str]().union(*true))
            # The truth is read like an answer, and loses preliminary numbers such as 2.7.7.n1.
            true = [frozenset(EC_NUMBER.findall(",".join(one))) for one in true]
            return PublishedSets(true, named, known)
        case Answer.NUMBER:
            columns = (_column(truth), _column(said))
            if "mixed_score" in task.metrics:
                return Together((Numbers(*columns), MixedScore(*columns)))
            return Numbers(*columns)
        case Answer.NUMBERS:
            return ByKey(
                {key: Numbers(_column(truth, key), _column(said, key)) for key in task.keys}
            )


def _label_statistic(
    task: InstructionTask, rule: Rule, truth: list[Value], said: list[Value | None]
) -> Labels:
    names = [name for name in task.classes if name != NONE]
    true = _hot(names, [one or (NONE,) for one in truth])
    named = _hot(names, said)
    if rule == "strict":
        silent = np.array([one is None for one in said], dtype=np.bool_)
        named[silent] = ~true[silent]
    return Labels(true, named)


def _hot(names: list[str], sets: Sequence[Value | None]) -> NDArray[np.bool_]:
    columns = [*names, NONE]
    said = _sets(sets)
    hot = [[name in one for name in columns] for one in said]
    return np.array(hot, dtype=np.bool_).reshape(len(said), len(columns))


def _sets(values: Sequence[Value | None]) -> list[frozenset[str]]:
    return [frozenset(cast("tuple[str, ...]", one or ())) for one in values]


def _column(values: Sequence[Value | None], key: str | None = None) -> NDArray[np.float64]:
    """Return numbers, NaN where there is none."""
    if key is None:
        return np.array([np.nan if one is None else one for one in values], dtype=np.float64)
    return np.array(
        [np.nan if one is None else cast("dict[str, float]", one)[key] for one in values]
    )


def _evaluate(
    statistic: Statistic, n: int, seed: int, draws: int
) -> tuple[dict[str, float | None], dict[str, Interval]]:
    if not n:
        return {}, {}
    values = statistic.values()
    together = np.zeros(n, dtype=np.intp)
    blocks = [statistic.draws(counts) for counts in resample(together, draws=draws, seed=seed)]
    intervals = {}
    for name, value in values.items():
        drawn = np.concatenate([block[name] for block in blocks]) if blocks else np.empty(0)
        known = drawn[~np.isnan(drawn)]
        # With most draws undefined, the others tell nothing of the metric's spread.
        if not np.isnan(value) and 2 * len(known) > len(drawn):
            low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            intervals[name] = (float(low), float(high))
    return {name: None if np.isnan(one) else one for name, one in values.items()}, intervals
