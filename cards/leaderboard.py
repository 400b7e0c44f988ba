"""The leaderboard: which model is better on what, by how much, compared on equal footing only.

How numbers are averaged
------------------------
* A **score** is the mean of the headline metric over all rounds (folds, repeats, seeds).
* A **family mean** is the mean over the tasks that every model of the family was scored on under
  the same condition; its spread is the standard deviation over those tasks.
* An **interval** (95%) is over the rounds of the cross-validation, corrected for the training
  entities that they share (`probes.significance`); that of a mean is over the means of each round.
* The **overall mean** is the mean of the family means, over the families that every model was
  scored on; its spread is the standard deviation over families. Ranks follow it.
* A task that is one label of another task on the board is shown, but not averaged a second time.
* Only scores on one scale are averaged. Classification tasks share the area under the ROC curve;
  regressions have a scale of their own, so they are listed beside and are not in the overall mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from cards.names import plain
from cards.published import headline
from cards.scores import Metrics, ModelInfo, Score, Trial, gather
from cards.standing import Standing, interval_over, joint, mean_ratio, stand
from probes.metrics import headline_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cards.merge import Source
    from probes.intervals import Interval

CONDITIONS = ("revision", "protocol", "split", "probe", "seeds", "rounds")
"""Parts of a trial that may differ between models and then keep their scores apart."""


@dataclass(frozen=True)
class Mean:
    """A mean with its spread and what it is over."""

    mean: float
    sd: float | None
    """Sample standard deviation; None for fewer than two."""
    n: int
    coverage: float | None
    """Lowest coverage of the scores in it."""
    interval: Interval | None = None
    """95%, over the rounds; None where the tasks do not share their rounds."""


@dataclass(frozen=True)
class TaskRow:
    """One trial with the scores of all models."""

    trial: Trial
    metric: str
    """The headline metric of its task type."""
    scores: dict[str, Score]
    """Model → headline score; only models that have one."""
    metrics: dict[str, Metrics]
    """Model → all metrics, for the whole task and per label."""
    part_of: str | None
    """The task on the board that this one is a label of, if any."""
    shared: bool
    """Whether it counts in the means: all models of its family have a score, and it is no part."""

    @cached_property
    def intervals(self) -> dict[str, Interval | None]:
        """Model → 95% interval of its score over the rounds."""
        return {
            model: interval_over(score.values, score.ratio, self.metric)
            for model, score in self.scores.items()
        }


@dataclass(frozen=True)
class Family:
    """The tasks of one table that are scored on one scale, under comparable conditions."""

    dataset: str
    config: str
    metric: str
    variant: str
    """The condition, where the same task was scored under several; otherwise empty."""
    parting: tuple[str, ...]
    """Those of CONDITIONS in which it differs from families of the same table."""
    rows: tuple[TaskRow, ...]
    means: dict[str, Mean]
    """Model → mean over the shared tasks."""
    complete: bool
    """Whether every model of the leaderboard has a mean here."""

    @property
    def shared(self) -> int:
        """Number of tasks in the means."""
        return sum(row.shared for row in self.rows)


@dataclass(frozen=True)
class Entry:
    """One model."""

    name: str
    info: ModelInfo
    rank: int | None
    overall: Mean | None
    tasks: int
    """Number of tasks with a headline score."""
    coverage: tuple[float, float] | None
    """Lowest and highest coverage over those tasks."""


@dataclass(frozen=True)
class Leaderboard:
    """All that the page, the plot and the printed table show."""

    entries: tuple[Entry, ...]
    """Best first; models without an overall mean last, by name."""
    families: tuple[Family, ...]
    """Those of the overall mean's metric first."""
    metric: str
    """The metric of the overall mean."""
    divided: tuple[str, ...]
    """Models that contradicting embeddings divided into several."""
    sources: tuple[Source, ...]
    left_out: int = 0
    """Rows of control tasks, noisy labels and parts of learning curves, which are no scores."""

    @cached_property
    def standing(self) -> Standing | None:
        """Average ranks over the tasks of the overall mean; None for fewer than two models."""
        models = [entry.name for entry in self.entries]
        rows = [row for family in self.ranked_families for row in family.rows if row.shared]
        scores = [[row.scores[model].mean or 0.0 for model in models] for row in rows]
        return stand(models, scores, self.metric, [row.trial.task for row in rows])

    @property
    def ranked_families(self) -> tuple[Family, ...]:
        """The families in the overall mean."""
        return tuple(f for f in self.families if f.complete and f.metric == self.metric)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The headline metrics, that of the overall mean first."""
        return tuple(dict.fromkeys(family.metric for family in self.families))

    @property
    def rows(self) -> tuple[TaskRow, ...]:
        """All tasks, family by family."""
        return tuple(row for family in self.families for row in family.rows)


def build_leaderboard(sources: Sequence[Source]) -> Leaderboard:
    """Average result files into a leaderboard; InputError for contradictions (`cards.merge`)."""
    scores = gather(sources)
    published = [name for name, info in scores.models.items() if info.published]
    groups: dict[tuple[str, str, str], dict[Trial, dict[str, Metrics]]] = {}
    for trial, per_model in scores.trials.items():
        found = {name for metrics in per_model.values() for label, name in metrics if label is None}
        theirs = [per_model[one] for one in published if one in per_model]
        metric = headline(headline_of(trial.task_type, found), theirs)
        groups.setdefault((metric, trial.dataset, trial.config), {})[trial] = per_model
    metrics = sorted({metric for metric, _, _ in groups}, key=lambda one: (one != "auroc", one))
    families = [
        family
        for metric in metrics
        for key in sorted(key for key in groups if key[0] == metric)
        for family in _families(metric, groups[key], frozenset(scores.models))
    ]
    entries = _rank([_entry(m, i, families, metrics[0]) for m, i in scores.models.items()])
    return Leaderboard(
        tuple(entries), tuple(families), metrics[0], scores.divided, tuple(sources), scores.left_out
    )


def average(values: Iterable[float], coverages: Iterable[float | None] = ()) -> Mean | None:
    """Return mean and sample standard deviation; None of nothing."""
    numbers = list(values)
    if not numbers:
        return None
    mean = math.fsum(numbers) / len(numbers)
    squares = math.fsum((number - mean) ** 2 for number in numbers)
    sd = math.sqrt(squares / (len(numbers) - 1)) if len(numbers) > 1 else None
    known = [share for share in coverages if share is not None]
    return Mean(mean, sd, len(numbers), min(known, default=None))


def _families(
    metric: str, trials: dict[Trial, dict[str, Metrics]], everyone: frozenset[str]
) -> list[Family]:
    """Divide the trials of one table where, and only where, a task was scored under several."""
    alike: dict[str, list[Trial]] = {}
    for trial in trials:
        alike.setdefault(trial.task, []).append(trial)
    parting = [
        name for name in CONDITIONS
        if any(len({getattr(trial, name) for trial in same}) > 1 for same in alike.values())
    ]  # fmt: skip
    parts: dict[tuple[object, ...], list[Trial]] = {}
    for trial in sorted(trials, key=lambda one: (one.task, repr(one))):
        parts.setdefault(tuple(getattr(trial, name) for name in parting), []).append(trial)
    # Rounds that differ by their seed only are told apart by the seed alone.
    alike_shapes = len({trial.shape for trial in trials}) == 1
    words = [name for name in parting if name != "rounds" or not alike_shapes]
    named = sorted(
        (", ".join(plain(condition(part[0], name)) for name in words), place, part)
        for place, part in enumerate(parts.values())
    )
    return [
        _family(metric, {trial: trials[trial] for trial in part}, variant, tuple(words), everyone)
        for variant, _, part in named
    ]


def condition(trial: Trial, name: str) -> str:
    """Return one of CONDITIONS of a trial in words."""
    if name == "rounds":
        return trial.shape
    if name == "seeds":
        seeds = [str(seed) for seed in trial.seeds]
        return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(seeds)}"
    return f"{name} {getattr(trial, name) or 'unknown'}"


def _family(
    metric: str,
    trials: dict[Trial, dict[str, Metrics]],
    variant: str,
    parting: tuple[str, ...],
    everyone: frozenset[str],
) -> Family:
    headlines = {
        trial: {
            model: found[None, metric]
            for model, found in sorted(per_model.items())
            if (None, metric) in found and found[None, metric].mean is not None
        }
        for trial, per_model in trials.items()
    }
    members = {model for scores in headlines.values() for model in scores}
    paths = {trial.task for trial in trials}
    rows = []
    for trial, scores in headlines.items():
        part_of = _whole_of(trial.task, paths)
        shared = bool(scores) and members == scores.keys() and part_of is None
        rows.append(TaskRow(trial, metric, scores, trials[trial], part_of, shared))
    counted = [row.scores for row in rows if row.shared]
    means = {}
    for model in sorted(members):
        mine = [row[model] for row in counted]
        values = [score.mean for score in mine if score.mean is not None]
        if mean := average(values, (score.coverage for score in mine)):
            rounds = joint(score.values for score in mine)
            interval = interval_over(rounds, mean_ratio(mine), metric)
            means[model] = replace(mean, interval=interval)
    first = rows[0].trial
    complete = members == everyone and bool(means)
    return Family(
        first.dataset, first.config, metric, variant, parting, tuple(rows), means, complete
    )


def _whole_of(task: str, paths: set[str]) -> str | None:
    """Return the longest other path that `task` lies below: the task it is a label of."""
    above = [path for path in paths if task.startswith(f"{path}/")]
    return max(above, key=len, default=None)


def _entry(model: str, info: ModelInfo, families: list[Family], metric: str) -> Entry:
    ranked = [f for f in families if f.complete and f.metric == metric]
    counted = [f.means[model] for f in ranked]
    overall = average((mean.mean for mean in counted), (mean.coverage for mean in counted))
    if overall:
        overall = replace(overall, interval=_overall_interval(model, ranked, metric))
    found = [row for f in families for row in f.rows if model in row.scores]
    known = (row.scores[model].coverage for row in found)
    shares = [share for share in known if share is not None]
    coverage = (min(shares), max(shares)) if shares else None
    return Entry(model, info, None, overall, len({row.trial.task for row in found}), coverage)


def _overall_interval(model: str, families: list[Family], metric: str) -> Interval | None:
    scores = [[row.scores[model] for row in family.rows if row.shared] for family in families]
    rounds = joint(joint(score.values for score in mine) for mine in scores)
    return interval_over(rounds, mean_ratio(score for mine in scores for score in mine), metric)


def _rank(entries: list[Entry]) -> list[Entry]:
    """Sort best first and number them; equal overall means share a rank."""
    order = sorted(
        entries, key=lambda one: (-(one.overall.mean if one.overall else -9e9), one.name)
    )
    means = [one.overall.mean for one in order if one.overall]
    return [
        replace(one, rank=1 + sum(mean > one.overall.mean for mean in means))
        if one.overall else one
        for one in order
    ]  # fmt: skip
