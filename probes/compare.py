"""Which differences between models are real: pairs of models, task by task, family by family."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.errors import InputError, choose
from probes.intervals import bounded
from probes.metrics import LOWER_IS_BETTER
from probes.rankings import Ranking, rank_models
from probes.significance import benjamini_hochberg, corrected_mean, holm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from probes.contenders import Contest, Score, Trial
    from probes.evidence import Evidence
    from probes.intervals import Interval

SAME_SCORE = 1e-5
"""Predictions that are of the results give their scores, but for the order of sums."""


@dataclass(frozen=True)
class Side:
    """One model on one task."""

    model: str
    score: float
    interval: Interval | None


@dataclass(frozen=True)
class Comparison:
    """Two models on one task."""

    trial: Trial
    first: Side
    second: Side
    difference: float
    """Score of the first minus that of the second."""
    interval: Interval | None
    p: float | None
    """None where there is no test: a single round, or an unknown variance."""
    test: str
    """`corrected t` over rounds; `delong` or `bootstrap` over entities; `none`."""
    rounds: int
    """Rounds in which both have a value."""
    q: float | None = None
    """Expected share of chance findings among the pair's tests with a q of at most this."""
    holm: float | None = None
    """p, corrected for the number of tests of all pairs."""

    def better(self, alpha: float) -> str | None:
        """Return the model that is better at q < alpha, None if neither is."""
        if self.q is None or self.q >= alpha or not self.difference:
            return None
        higher = (self.difference > 0) != (self.trial.metric in LOWER_IS_BETTER)
        return self.first.model if higher else self.second.model


@dataclass(frozen=True)
class Compared:
    """All that a comparison found."""

    models: list[str]
    comparisons: list[Comparison]
    ranking: Ranking | None
    """Over the tasks with a score for every model; None without one."""
    notes: list[str]


def compare(
    contest: Contest,
    *,
    evidence: Evidence | None = None,
    baseline: str | None = None,
    alpha: float = 0.05,
) -> Compared:
    """Test every pair of models on every task, and rank the models over all of them.

    Without predictions, a task's difference is tested over its rounds by the corrected t test
    (`probes.significance.corrected_mean`), which counts how scores vary with the training
    entities, but has few rounds to see it; with predictions, over its entities
    (`probes.evidence`), which sees finer differences, but takes the fitted models as given. The
    q-values are over all tests of a pair of models, Holm's p-values over those of all pairs.

    Parameters
    ----------
    contest
        As from `probes.contenders.gather`.
    evidence
        Predictions, or None.
    baseline
        Compare all others with this model; None: all pairs.
    alpha
        1 - the level of the intervals.

    Raises
    ------
    InputError
        An unknown baseline; predictions of two models on different entities.

    """
    models = list(contest.names)
    if baseline is not None:
        choose(baseline, contest.names, "baseline")
        pairs = [(model, baseline) for model in models if model != baseline]
    else:
        pairs = list(itertools.combinations(models, 2))
    notes = list(contest.notes)
    comparisons: list[Comparison] = []
    empty: list[str] = []
    for trial in contest.trials:
        for pair in pairs:
            if not all(model in trial.scores for model in pair):
                continue
            found = _compare(contest, trial, pair, evidence, 1 - alpha)
            if found is None:
                empty.append(trial.task)
            else:
                comparisons.append(found)
    notes.extend(_remarks(comparisons, len(empty), asked=evidence is not None))
    return Compared(models, _correct(comparisons), _rank(contest, models, alpha), notes)


def _remarks(comparisons: Sequence[Comparison], empty: int, *, asked: bool) -> Iterator[str]:
    """Say what the numbers do not show; `asked` is whether there are predictions."""
    if empty:
        yield f"{empty} comparisons have no round in which both models have a value"
    untested = sum(one.p is None for one in comparisons)
    if untested:
        yield f"{untested} comparisons have no test: one round only, or no known variance"
    folded = sum(one.test == "corrected t" for one in comparisons)
    if asked and folded:
        yield (
            f"{folded} comparisons were tested over folds: no predictions for both models, or a "
            "metric that is not tested on predictions"
        )
    paired = sum("pair=" in one.trial.condition["probe"] for one in comparisons)
    if paired:
        yield (
            f"{paired} comparisons are about pairs: pairs that share a gene are not independent, "
            "so their intervals are too narrow and their p-values too small"
        )


def _compare(
    contest: Contest,
    trial: Trial,
    pair: tuple[str, str],
    evidence: Evidence | None,
    level: float,
) -> Comparison | None:
    first, second = (trial.scores[model] for model in pair)
    both = [
        (one, other, first[place].n_test / max(first[place].n_train, 1))
        for place in sorted(first)
        if (one := first[place].value) is not None and (other := second[place].value) is not None
    ]
    if not both:
        return None
    mine, theirs, ratios = (np.array(column) for column in zip(*both, strict=True))
    ratio = float(ratios.mean())
    alone = [corrected_mean(values, ratio, level) for values in (mine, theirs)]
    gap = corrected_mean(mine - theirs, ratio, level)
    spans = (alone[0].interval, alone[1].interval)
    span, p, test = gap.interval, gap.p, "none" if gap.p is None else "corrected t"
    if evidence is not None:
        keys = (contest.names[pair[0]], contest.names[pair[1]])
        tested = evidence.test(trial.task, trial.metric, keys)
        if tested is not None:
            _require_one_run(trial.task, pair, (alone[0].value, alone[1].value), tested.scores)
            spans, span, p, test = tested.intervals, tested.difference, tested.p, tested.test
    sides = [
        Side(model, one.value, bounded(trial.metric, interval))
        for model, one, interval in zip(pair, alone, spans, strict=True)
    ]
    return Comparison(trial, sides[0], sides[1], gap.value, span, p, test, len(both))


def _require_one_run(
    task: str,
    pair: tuple[str, str],
    results: tuple[float, float],
    predictions: tuple[float, float],
) -> None:
    """InputError when predictions do not give the scores that the results say."""
    for model, one, other in zip(pair, results, predictions, strict=True):
        if abs(one - other) > SAME_SCORE:
            message = (
                f"the predictions give {model} a score of {other:.4f} on {task}, the results "
                f"{one:.4f}; give the predictions of the same run of `probe`"
            )
            raise InputError(message)


def _correct(comparisons: list[Comparison]) -> list[Comparison]:
    """Fill in q-values over the tests of each pair, and Holm's over all.

    A pair for itself: else the clear wins of some pairs would pay for chance findings in others.
    """
    tested = [(at, one.p) for at, one in enumerate(comparisons) if one.p is not None]
    out = list(comparisons)
    for (at, _), strict in zip(tested, holm([p for _, p in tested]).tolist(), strict=True):
        out[at] = replace(out[at], holm=strict)
    by_pair: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for at, p in tested:
        pair = (comparisons[at].first.model, comparisons[at].second.model)
        by_pair.setdefault(pair, []).append((at, p))
    for mine in by_pair.values():
        shares = benjamini_hochberg([p for _, p in mine]).tolist()
        for (at, _), q in zip(mine, shares, strict=True):
            out[at] = replace(out[at], q=q)
    return out


def _rank(contest: Contest, models: Sequence[str], alpha: float) -> Ranking | None:
    scores, groups = [], []
    for trial in contest.trials:
        means = [_mean(trial.scores[name].values()) for name in models if name in trial.scores]
        if len(means) < len(models) or any(mean is None for mean in means):
            continue
        sign = -1 if trial.metric in LOWER_IS_BETTER else 1
        scores.append([sign * mean for mean in means if mean is not None])
        # dataset/config/column: the derived tasks of one column share its genes and labels.
        depth = len(trial.family.split("/")) + 1
        groups.append("/".join(trial.task.split("/")[:depth]))
    if not scores:
        return None
    return rank_models(np.array(scores), groups, alpha=alpha)


def _mean(scores: Iterable[Score]) -> float | None:
    values = [one.value for one in scores if one.value is not None]
    return float(np.mean(values)) if values else None
