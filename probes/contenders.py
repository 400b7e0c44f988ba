"""Result files as models to compare, and the refusal to compare what is not comparable."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hf_datasets.errors import InputError, choose, nearest, shorten
from hf_datasets.tables import require_file
from probes.metrics import headline_of
from probes.result import RESULT_SCHEMA, read_results

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBER = ("label", "metric", "value", "repeat", "fold", "n_train", "n_test", "coverage")
CONTENDER = ("embedding", "model", "modality")
CONDITION = tuple(n for n in RESULT_SCHEMA.names if n not in {*NUMBER, *CONTENDER})
"""What two scores must share to be comparable, besides their folds and entities."""

Key = tuple[str, str]
"""(model, embedding)."""
Condition = tuple[Any, ...]
"""The values of CONDITION."""
Round = tuple[int, int]
"""(repeat, fold)."""


@dataclass(frozen=True)
class Score:
    """One metric in one round."""

    value: float | None
    n_train: int
    n_test: int
    metric: str


@dataclass(frozen=True)
class Trial:
    """A task under one condition and metric, as all models in it were scored."""

    condition: dict[str, Any]
    metric: str
    scores: dict[str, dict[Round, Score]]
    """Model's name → round → score; the same rounds and entities for every model."""

    @property
    def task(self) -> str:
        """The task's path."""
        return str(self.condition["task"])

    @property
    def family(self) -> str:
        """Dataset and table."""
        return f"{self.condition['dataset']}/{self.condition['config']}"


@dataclass(frozen=True)
class Contest:
    """What there is to compare."""

    names: dict[str, Key]
    """Model's name, as shown → (model, embedding), in the order of the files."""
    trials: list[Trial]
    notes: list[str] = field(default_factory=list)


def gather(paths: Sequence[str | Path], metric: str | None, models: Sequence[str]) -> Contest:
    """Read result files and put together what may be compared.

    Parameters
    ----------
    paths
        Result tables of `probe`.
    metric
        None: the headline metric of each task type.
    models
        Names of the models to compare; empty: all.

    Raises
    ------
    InputError
        No result table; fewer than two models; an unknown model or metric; models scored under
        different conditions, folds or entities; two values for one number.

    """
    rows, provenance = read_rows(paths, metric)
    rows, notes = _without_controls(rows)
    names = _chosen(rows, models)
    shown = {key: name for name, key in names.items()}
    found: dict[str, dict[str, dict[Condition, dict[Round, Score]]]] = {}
    for row in rows:
        name = shown.get((row["model"], row["embedding"]))
        if name is not None:
            _add(found, name, row)
    alone = [task for task, mine in found.items() if len(mine) < 2]  # noqa: PLR2004
    if alone:
        notes.append(
            f"{len(alone)} of {len(found)} tasks were scored for one model only and are left out: "
            + shorten(alone, 3)
        )
    trials: list[Trial] = []
    for task, mine in found.items():
        if task not in alone:
            trials.extend(_trials(task, mine))
    for trial in trials:
        _require_same_entities(trial, names, _missing(provenance))
    if not trials:
        message = f"no task was scored for two models: {shorten(found, 3)}; probe both on the same"
        raise InputError(message)
    return Contest(names, trials, notes)


def read_rows(
    paths: Sequence[str | Path], metric: str | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of whole tasks for a metric (None: the headline), and the provenance.

    InputError for what is no result table, and for a metric that is in none of them.
    """
    for path in paths:
        _require_results(Path(path))
    table, provenance = read_results(paths)
    table = table.filter(pc.is_null(table["label"]))
    return table.filter(_wanted(table, metric)).to_pylist(), provenance


def _require_results(path: Path) -> None:
    require_file(path)
    try:
        columns = pq.read_schema(path).names
    except pa.ArrowInvalid:
        columns = []
    if "metric" not in columns:
        message = (
            f"{path} is no result table; if it holds embeddings, score them with `probe {path} "
            "--tasks … --out results.parquet` and compare the results, or compare the vectors "
            "with `probe similarity`"
        )
        raise InputError(message)


def _wanted(table: pa.Table, metric: str | None) -> pa.Array:
    """Mark the rows of the metric."""
    if metric is None:
        columns = [table[name].to_pylist() for name in ("task", *CONDITION)]
        trials = list(zip(*columns, strict=True))
        metrics = table["metric"].to_pylist()
        found: dict[tuple[Any, ...], set[str]] = {}
        for trial, name in zip(trials, metrics, strict=True):
            found.setdefault(trial, set()).add(name)
        kind = 1 + CONDITION.index("task_type")
        headline = {trial: headline_of(trial[kind], names) for trial, names in found.items()}
        return pa.array([headline[one] == name for one, name in zip(trials, metrics, strict=True)])
    known = table["metric"].unique().to_pylist()
    if metric not in known:
        message = f"no metric {metric!r} in the results{nearest(metric, known)} choices: " + (
            shorten(sorted(known), 30)
        )
        raise InputError(message)
    return pc.equal(table["metric"], metric)


def _without_controls(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Leave out control tasks, noise and learning curves, unless there is nothing else."""
    plain = [row for row in rows if row["fraction"] in {None, 1.0} and "+" not in row["protocol"]]
    if not plain or len(plain) == len(rows):
        return rows, []
    note = (
        f"left out {len(rows) - len(plain)} numbers of control tasks, noise and learning curves; "
        "`probe controls` reads them"
    )
    return plain, [note]


def _chosen(rows: list[dict[str, Any]], models: Sequence[str]) -> dict[str, Key]:
    names = name_models(rows)
    if models:
        names = {name: choose(name, names, "model") for name in models}
    if len(names) < 2:  # noqa: PLR2004
        message = f"only {shorten(names)} to compare; give results of two models or more"
        raise InputError(message)
    return names


def name_models(rows: list[dict[str, Any]]) -> dict[str, Key]:
    """Name the models of result rows; those of one name by their embedding as well."""
    keys = dict.fromkeys((row["model"], row["embedding"]) for row in rows)
    counts = Counter(model for model, _ in keys)
    return {
        model if counts[model] == 1 else f"{model} ({embedding})": (model, embedding)
        for model, embedding in keys
    }


def _add(
    found: dict[str, dict[str, dict[Condition, dict[Round, Score]]]],
    name: str,
    row: dict[str, Any],
) -> None:
    condition = tuple(row[column] for column in CONDITION)
    mine = found.setdefault(row["task"], {}).setdefault(name, {}).setdefault(condition, {})
    place = (row["repeat"], row["fold"])
    score = Score(row["value"], row["n_train"], row["n_test"], row["metric"])
    if mine.setdefault(place, score) != score:
        message = (
            f"two different results of {name} for {row['task']}, repeat {place[0]}, fold "
            f"{place[1]}: {mine[place].value} and {score.value}; give one run of each model"
        )
        raise InputError(message)


def _trials(task: str, mine: dict[str, dict[Condition, dict[Round, Score]]]) -> list[Trial]:
    """Return the conditions that all models of a task share; InputError if there is none."""
    shared = [one for one in next(iter(mine.values())) if all(one in by for by in mine.values())]
    if not shared:
        _refuse_conditions(task, mine)
    trials = []
    for one in shared:
        scores = {name: by[one] for name, by in mine.items()}
        _require_same_rounds(task, scores)
        condition = dict(zip(CONDITION, one, strict=True))
        first = next(iter(next(iter(scores.values())).values()))
        trials.append(Trial(condition, first.metric, scores))
    return trials


def _refuse_conditions(task: str, mine: dict[str, dict[Condition, dict[Round, Score]]]) -> None:
    (first, one), *others = mine.items()
    for name, other in others:
        for place, column in enumerate(CONDITION):
            here, there = ({condition[place] for condition in by} for by in (one, other))
            if not here & there:
                message = (
                    f"{first} and {name} were scored on {task} with different {column}: "
                    f"{shorten(sorted(map(str, here)))} and {shorten(sorted(map(str, there)))}; "
                    "run `probe` on both with the same"
                )
                raise InputError(message)
    message = f"{shorten(mine)} were not scored on {task} alike; run `probe` on all of them at once"
    raise InputError(message)


def _require_same_rounds(task: str, scores: dict[str, dict[Round, Score]]) -> None:
    (first, one), *others = scores.items()
    for name, other in others:
        sizes = [sum(score.n_test for score in by.values()) for by in (one, other)]
        parts = [{at: (s.n_test, s.n_train) for at, s in by.items()} for by in (one, other)]
        if parts[0] == parts[1]:
            continue
        if one.keys() != other.keys() or sizes[0] == sizes[1]:
            message = (
                f"{first} and {name} were scored on {task} in different folds ({len(one)} and "
                f"{len(other)} rounds); run `probe` on both with the same --folds and --repeats"
            )
            raise InputError(message)
        message = (
            f"{first} and {name} were scored on different entities of {task} ({sizes[0]:,} and "
            f"{sizes[1]:,} tested); run `probe` on both embeddings at once with --common"
        )
        raise InputError(message)


def _missing(provenance: Sequence[dict[str, Any]]) -> dict[tuple[str, str], tuple[int, list[str]]]:
    """Return (embedding, task) → how many entities it lacked, and the first of their names.

    Runs with --common are left out: what they scored does not follow from what one model lacks.
    """
    return {
        (one["embedding"], one["task"]): (one["entities"], one["names"])
        for origin in provenance
        if not origin.get("common")
        for one in origin.get("missing_entities", ())
    }


def _require_same_entities(
    trial: Trial,
    names: dict[str, Key],
    missing: dict[tuple[str, str], tuple[int, list[str]]],
) -> None:
    """InputError when models lack as many entities as each other, but not the same."""
    lacked = {name: missing.get((names[name][1], trial.task)) for name in trial.scores}
    known = {name: lack for name, lack in lacked.items() if lack}
    for (first, one), (second, other) in itertools.pairwise(known.items()):
        if one != other:
            message = (
                f"{first} and {second} were scored on different entities of {trial.task}: they "
                f"lack {shorten(one[1], 2)} and {shorten(other[1], 2)}; run `probe` on both "
                "embeddings at once with --common"
            )
            raise InputError(message)
