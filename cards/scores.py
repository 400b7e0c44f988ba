"""From result rows to scores: one mean and spread per model, task, condition and metric.

Two scores may be compared when they come from the same `Trial`: one task, and all that can move
a score besides the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from cards.merge import IDENTITY, MEASURED, group, merge
from cards.names import counted
from cards.published import seat

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cards.merge import Source

SETTING = (
    "dataset", "config", "task", "task_type", "revision", "protocol", "split", "probe",
)  # fmt: skip

Round = tuple[int | None, int | None, int | None]


@dataclass(frozen=True)
class Trial:
    """A task under one condition: what scores must have in common to be compared."""

    dataset: str
    config: str
    task: str
    task_type: str
    revision: str | None
    protocol: str | None
    split: str | None
    probe: str | None
    rounds: tuple[Round, ...]
    """(seed, repeat, fold) of every round that was run, sorted."""

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """The seeds of the rounds, sorted."""
        return tuple(dict.fromkeys(seed for seed, _, _ in self.rounds))

    @property
    def shape(self) -> str:
        """The rounds in words: `5 folds x 2 repeats`."""
        folds = len({fold for _, _, fold in self.rounds})
        repeats = len({repeat for _, repeat, _ in self.rounds})
        times = f" \N{MULTIPLICATION SIGN} {counted(repeats, 'repeat')}" if repeats > 1 else ""
        return counted(folds, "fold") + times

    @property
    def name(self) -> str:
        """The task's path below its dataset and config."""
        return self.task.removeprefix(f"{self.dataset}/{self.config}/")


@dataclass(frozen=True)
class Score:
    """One metric of one model in one trial, over its rounds."""

    mean: float | None
    """None when the metric is defined in no round."""
    sd: float | None
    """Sample standard deviation over the rounds; None for fewer than two."""
    defined: int
    """Rounds in which the metric has a value."""
    rounds: int
    n_train: float | None
    """Mean number of training entities per round."""
    n_test: float | None
    coverage: float | None
    """Lowest share of the task's entities that have a vector."""
    values: tuple[float | None, ...] = ()
    """One value for each of the trial's rounds, in their order; empty for metrics of a label."""

    @property
    def ratio(self) -> float:
        """Tested entities for each that trained, which `corrected_mean` needs; 0 if unknown."""
        return (self.n_test or 0.0) / self.n_train if self.n_train else 0.0


@dataclass(frozen=True)
class ModelInfo:
    """What the result rows say about a model."""

    modality: str
    embeddings: tuple[str, ...]
    published: bool = False
    """Whether somebody else published its scores; they were not made by a run of `probe`."""


Metrics = dict[tuple[str | None, str], Score]
"""(label or None for the whole task, metric) → score."""


@dataclass(frozen=True)
class Scores:
    """All scores of some result files."""

    models: dict[str, ModelInfo]
    trials: dict[Trial, dict[str, Metrics]]
    divided: tuple[str, ...] = ()
    """Models that different embeddings contradict; each embedding is a model of its own here."""
    left_out: int = 0
    """Rows of control tasks, noisy labels and parts of learning curves."""


def gather(sources: Iterable[Source]) -> Scores:
    """Merge result files (see `cards.merge.merge`) and average over rounds."""
    distinct, divided, left_out = merge(sources)
    rows = _stratify(group(distinct, *IDENTITY, *MEASURED).aggregate([]))
    models = _models(distinct)
    published = frozenset(name for name, info in models.items() if info.published)
    return Scores(models, seat(_average(rows), published), divided, left_out)


def _stratify(rows: pa.Table) -> pa.Table:
    """Add `stratum`: the seed, where the models of a setting were run with unequal seeds.

    There each seed is a trial of its own; elsewhere all seeds are averaged together.
    """
    uneven: set[tuple[str | None, ...]] = set()
    if pc.count_distinct(rows["seed"], mode="all").as_py() > 1:
        seeds: dict[tuple[str | None, ...], dict[str, set[int | None]]] = {}
        for row in group(rows, *SETTING, "model", "seed").aggregate([]).to_pylist():
            setting = tuple(row[name] for name in SETTING)
            seeds.setdefault(setting, {}).setdefault(row["model"], set()).add(row["seed"])
        uneven = {key for key, per in seeds.items() if len(set(map(frozenset, per.values()))) > 1}
    settings = zip(*(rows[name].to_pylist() for name in SETTING), strict=True) if uneven else ()
    strata = [
        str(seed) if setting in uneven else ""
        for setting, seed in zip(settings, rows["seed"].to_pylist() if uneven else (), strict=True)
    ]
    column = pa.array(strata or [""] * len(rows), pa.string())
    return rows.append_column("stratum", column)


def _models(distinct: pa.Table) -> dict[str, ModelInfo]:
    modalities: dict[str, set[str]] = {}
    embeddings: dict[str, set[str]] = {}
    published: dict[str, bool] = {}
    rows = group(distinct, "model", "modality", "embedding", "published").aggregate([])
    for row in rows.to_pylist():
        modalities.setdefault(row["model"], set()).add(row["modality"] or "unknown")
        embeddings.setdefault(row["model"], set()).add(row["embedding"] or "unknown")
        published[row["model"]] = row["published"]
    return {
        model: ModelInfo(
            ", ".join(sorted(modalities[model])),
            tuple(sorted(embeddings[model])),
            published[model],
        )
        for model in sorted(modalities)
    }


def _average(rows: pa.Table) -> dict[Trial, dict[str, Metrics]]:
    keys = (*SETTING, "stratum", "model")
    rounds: dict[tuple[str | None, ...], set[Round]] = {}
    found: dict[tuple[str | None, ...], dict[Round, float | None]] = {}
    whole = rows.filter(pc.is_null(rows["label"]))
    columns = [whole[name].to_pylist() for name in (*keys, "metric")]
    places = [whole[name].to_pylist() for name in ("seed", "repeat", "fold")]
    for *where, metric, value, place in zip(
        *columns, whole["value"].to_pylist(), zip(*places, strict=True), strict=True
    ):
        rounds.setdefault(tuple(where), set()).add(place)
        found.setdefault((*where, metric), {})[place] = value
    averages = group(rows, *keys, "label", "metric").aggregate(
        [
            ("value", "mean"),
            ("value", "stddev", pc.VarianceOptions(ddof=1)),
            ("value", "count"),
            ([], "count_all"),
            ("n_train", "mean"),
            ("n_test", "mean"),
            ("coverage", "min"),
        ]
    )
    trials: dict[Trial, dict[str, Metrics]] = {}
    ordered = {key: tuple(sorted(some, key=_round_order)) for key, some in rounds.items()}
    for row in averages.to_pylist():
        key = tuple(row[name] for name in keys)
        trial = Trial(**{name: row[name] for name in SETTING}, rounds=ordered.get(key, ()))
        mine = {} if row["label"] is not None else found[*key, row["metric"]]
        score = Score(
            row["value_mean"], row["value_stddev"], row["value_count"], row["count_all"],
            row["n_train_mean"], row["n_test_mean"], row["coverage_min"],
            tuple(mine.get(place) for place in trial.rounds) if mine else (),
        )  # fmt: skip
        metrics = trials.setdefault(trial, {}).setdefault(row["model"], {})
        metrics[row["label"], row["metric"]] = score
    return trials


def _round_order(one: Round) -> tuple[int, ...]:
    return tuple(-1 if part is None else part for part in one)
