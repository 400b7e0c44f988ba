"""Scores that others published, read from their tables and put beside ours.

==================  ==========================================================================
table               columns
==================  ==========================================================================
gene-benchmark      task_name, model_name, fold, metric, score, task_type; Model and Model
                    family if there (arXiv 2412.04075, per-fold scores)
language models     task, metric, model, value; n_test if there (Biology-Instructions, arXiv
                    2412.19191); without task, ProteinLMBench (arXiv 2406.05540)
==================  ==========================================================================

Published names become our task paths, published metrics the names that mean the same here. Two
of gene-benchmark's are not our headline: the AUROC of several classes is weighted by their size
(`auroc_weighted`), and that of several labels is of hard decisions (`auroc_hard`).

Published folds were drawn without a seed: they are not our folds, and no two models of the table
share theirs. So nothing here is ever paired by fold, and published scores carry no interval.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cards.merge import Source
from cards.names import counted, listed
from hf_datasets.errors import InputError, shorten
from hf_datasets.tables import column_names, read_columns
from hf_datasets.task import TaskType
from probes.result import RESULT_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from cards.leaderboard import Entry
    from cards.scores import Metrics, Trial
    from hf_datasets.listing import ListedTask

Row = dict[str, Any]

PER_FOLD = ("task_name", "model_name", "fold", "metric", "score", "task_type")
PER_MODEL = ("model", "metric", "value")
PROTOCOL = "paper"
TYPES = {
    "binary": TaskType.BINARY,
    "category": TaskType.MULTI_CLASS,
    "multi label": TaskType.MULTI_LABEL,
    "regression": TaskType.REGRESSION,
}
"""gene-benchmark's word for a task type → ours."""
WEIGHTED = {name: f"{name}_weighted" for name in ("precision", "recall", "f1")}
GENE_METRICS: dict[TaskType, dict[str, str]] = {
    TaskType.BINARY: {name: name for name in ("accuracy", "precision", "recall", "f1")}
    | {"roc_auc": "auroc"},
    TaskType.MULTI_CLASS: WEIGHTED | {"accuracy": "accuracy", "roc_auc": "auroc_weighted"},
    TaskType.MULTI_LABEL: WEIGHTED
    | {"accuracy": "subset_accuracy", "roc_auc": "auroc_hard", "hamming": "hamming_loss"},
    TaskType.REGRESSION: {"r2": "r2", "rmse": "rmse", "mae": "mae"},
}
"""Task type → metric as gene-benchmark names it → the same metric here."""
MODALITIES = {"llm": "text", "scrna-seq": "expression"}
"""gene-benchmark's `Model family` → modality."""
LANGUAGE_METRICS = {
    "mcc": "mcc",
    "accuracy": "accuracy",
    "spearman-rho": "spearman",
    "r2": "squared_pearson",
    "auc": "macro_auroc",
    "fmax": "fmax",
    "mixed-score": "mixed_score",
}
NUMBERED = {"pcc-housekeeping": "hk", "pcc-developmental": "dev"}
"""Pearson's r of one of the numbers of a task → that number's name."""
QUIZ = "protein-lm-bench"
GENERATED = "generate"
"""The protocol of `probe --model` that is ProteinLMBench's own."""
PERCENT_ABOVE = 1.5
"""A table with larger scores than this is in per cent: but for UNBOUNDED, none goes beyond 1."""
UNBOUNDED = frozenset({"rmse", "mae", "r2"})
HEADLINES = ("auroc", "auroc_weighted", "auroc_hard")
"""gene-benchmark's own headline, by task type: its area under the ROC curve."""
MARK = "(published)"


def left_out_note(source: Source) -> str | None:
    """Say what of a published table has no counterpart here; None for nothing."""
    found = source.provenance.get("left_out") if isinstance(source.provenance, dict) else None
    if not found:
        return None
    names = [f"{name} ({rows})" for name, rows in found.items()]
    return (
        f"{counted(sum(found.values()), 'row')} of {source.name} have no counterpart here: "
        f"{listed(names, 8)}"
    )


class _Unknown(Exception):  # noqa: N818  not an error of the program
    """A task or metric that has no counterpart here; its text names it."""


def read_published(path: Path) -> Source:
    """Read a table of published scores, told by its columns.

    CSV, TSV, JSON lines or Parquet, gzipped or not. Rows whose task or metric has no counterpart
    are counted in the provenance under `left_out`. Published scores have no n_train, coverage,
    seed or revision, and n_test only where the table has it: those are null.

    Raises
    ------
    InputError
        No such file, other columns, a score that is no number, no row with a counterpart, two
        different scores for one number.

    """
    columns = set(column_names(path))
    if columns.issuperset(RESULT_SCHEMA.names):
        message = f"{path} is a result table of `probe`, not published scores; give it as RESULT"
        raise InputError(message)
    if columns.issuperset(PER_FOLD):
        given, convert = [*PER_FOLD, "Model", "Model family"], _gene_row
    elif columns.issuperset(PER_MODEL):
        given, convert = [*PER_MODEL, "task", "n_test"], _language_row
    else:
        message = (
            f"{path} is no table of published scores: it has {shorten(sorted(columns), 8)}; give "
            f"one with {', '.join(PER_FOLD)}, or with {', '.join(('task', *PER_MODEL))}"
        )
        raise InputError(message)
    records = list(_records(path, [name for name in given if name in columns]))
    rows, left_out = _converted(path, records, convert)
    if not rows:
        message = (
            f"{path} has no score of a task that is known here: {shorten(left_out, 6)}; "
            "`publish list --tasks` lists the published names"
        )
        raise InputError(message)
    table = pa.Table.from_pylist(_distinct(path, rows), schema=RESULT_SCHEMA)
    provenance = {"published": path.name, "left_out": left_out}
    return Source(path.name, table, provenance, published=True)


def _records(path: Path, columns: list[str]) -> Iterator[Row]:
    for batch in read_columns(path, columns):
        for cells in zip(*batch, strict=True):
            yield dict(zip(columns, cells, strict=True))


def _converted(
    path: Path, records: list[Row], convert: Callable[[Row], Row]
) -> tuple[list[Row], dict[str, int]]:
    """Return the result rows, and what has no counterpart with its number of rows."""
    column = "score" if convert is _gene_row else "value"
    rows: list[Row] = []
    left_out: Counter[str] = Counter()
    for line, record in enumerate(records, 2):
        try:
            row = convert(record)
        except _Unknown as unknown:
            left_out[str(unknown)] += 1
            continue
        value = _number(path, line, record[column])
        rows.append({"protocol": PROTOCOL} | row | {"value": value, "embedding": path.name})
    scores = [row for row in rows if row["value"] is not None and row["metric"] not in UNBOUNDED]
    if max((abs(row["value"]) for row in scores), default=0.0) > PERCENT_ABOVE:
        for row in scores:
            row["value"] /= 100
    return rows, dict(left_out)


def _number(path: Path, line: int, text: str | None) -> float | None:
    """Return a score, None where the table has none."""
    if text is None or not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        message = f"{path} line {line} has the score {text!r}; give a number, or leave it empty"
        raise InputError(message)
    return value


def _required(record: Row, name: str) -> str:
    text = (record.get(name) or "").strip()
    if not text:
        message = f"a published score has no {name}: {shorten(map(str, record.values()), 4)}"
        raise InputError(message)
    return text


def _gene_row(record: Row) -> Row:
    """Return one of gene-benchmark's scores as a result row, without its value."""
    name = _required(record, "task_name")
    task = _gene_tasks().get(name) or _gene_tasks().get(name.casefold())
    if task is None:
        unknown = f"task {name}"
        raise _Unknown(unknown)
    kind = TYPES.get(_required(record, "task_type"), task.type)
    metric = GENE_METRICS[kind].get(_required(record, "metric"))
    if kind is not task.type or metric is None:
        unknown = f"{record['metric']} of {kind} task {name}"
        raise _Unknown(unknown)
    dataset, config, _ = task.path.split("/", 2)
    family = (record.get("Model family") or "").strip().lower()
    return {
        "model": (record.get("Model") or "").strip() or _required(record, "model_name"),
        "modality": MODALITIES.get(family, "unknown"),
        "dataset": dataset,
        "config": config,
        "task": task.path,
        "task_type": kind.value,
        "split": "random",
        "probe": "least-squares" if kind is TaskType.REGRESSION else "logistic",
        "repeat": 0,
        "fold": _fold(record),
        "metric": metric,
    }


@cache
def _gene_tasks() -> dict[str, ListedTask]:
    """Return gene-benchmark's tasks by published name, as it is and in small letters."""
    from hf_datasets.gene_benchmark.tasks import listed_tasks

    listed = {task.published: task for task in listed_tasks()}
    # The per-fold table writes some names in small letters that the task list does not.
    return {name.casefold(): task for name, task in listed.items()} | listed


def _fold(record: Row) -> int:
    text = _required(record, "fold")
    if not text.isdigit():
        message = f"a published score has the fold {text!r}; give a whole number"
        raise InputError(message)
    return int(text)


def _language_row(record: Row) -> Row:
    """Return one score of a language model as a result row, without its value."""
    from hf_datasets.biology_instructions.tasks import DATASET, TASKS, task_path
    from probes.language.pooled import POOLED
    from probes.language.questions import MULTIPLE_CHOICE
    from probes.language.rows import PROBE, SPLIT, TASK_TYPES

    given = _required(record, "metric")
    name = (record.get("task") or QUIZ).strip()
    metric = "pearson" if given in NUMBERED else LANGUAGE_METRICS.get(given, given)
    if metric not in {"pearson", *LANGUAGE_METRICS.values()}:
        unknown = f"metric {given}"
        raise _Unknown(unknown)
    if name == QUIZ:
        place = {
            "dataset": QUIZ, "config": "evaluation", "task": f"{QUIZ}/evaluation",
            "protocol": GENERATED,
        }  # fmt: skip
        kind = MULTIPLE_CHOICE
    elif task := TASKS.get(name.removeprefix(f"{DATASET}/")):
        key = NUMBERED.get(given)
        if key is not None and key not in task.keys:
            unknown = f"metric {given} of task {name}"
            raise _Unknown(unknown)
        path = task_path(task, key) if key else task_path(task)
        if task.subtasks:
            path = f"{DATASET}/{task.name}/{POOLED}"
        elif task.keys and not key:  # over several numbers: that of the table they are in
            path = f"{DATASET}/{task.name}"
        place = {"dataset": DATASET, "config": task.name, "task": path}
        kind = TASK_TYPES[task.answer].value
    else:
        unknown = f"task {name}"
        raise _Unknown(unknown)
    size = (record.get("n_test") or "").strip()
    return place | {
        "model": _required(record, "model"),
        "modality": "text",
        "task_type": kind,
        "split": SPLIT,
        "probe": PROBE,
        "repeat": 0,
        "fold": 0,
        "metric": metric,
        "n_test": int(size) if size.isdigit() else None,
    }


def _distinct(path: Path, rows: list[Row]) -> list[Row]:
    """Return every number once; InputError for two values of one."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(row[name] for name in ("model", "task", "metric", "fold"))
        if found.setdefault(key, row)["value"] != row["value"]:
            message = (
                f"{path} has two scores for {key[0]} on {key[1]} ({key[2]}, fold {key[3]}): "
                f"{found[key]['value']} and {row['value']}; leave one of them out"
            )
            raise InputError(message)
    return list(found.values())


def seat(
    trials: Mapping[Trial, Mapping[str, Metrics]], published: frozenset[str]
) -> dict[Trial, dict[str, Metrics]]:
    """Put published models into the trials of runs under the same protocol and split.

    A run is one of the same task when dataset, table and column have the same names, whoever
    publishes the dataset. Their mean has no values by round (`Score.values`), so that nothing
    is paired by fold. What no run stands beside stays a trial of its own.
    """
    seated = {trial: dict(per_model) for trial, per_model in trials.items()}
    if not published:
        return seated
    runs: dict[tuple[str | None, ...], list[Trial]] = {}
    for trial, per_model in trials.items():
        if per_model.keys() - published:
            runs.setdefault(_seat_of(trial), []).append(trial)
    for trial, per_model in trials.items():
        for model in published & per_model.keys():
            hosts = runs.get(_seat_of(trial), [])
            if hosts and trial not in hosts:
                del seated[trial][model]
            for host in hosts or [trial]:
                unpaired = (None,) * len(host.rounds)
                seated[host][model] = {
                    (label, metric): replace(score, values=() if label else unpaired)
                    for (label, metric), score in per_model[model].items()
                }
    return {trial: per_model for trial, per_model in seated.items() if per_model}


def _seat_of(trial: Trial) -> tuple[str | None, ...]:
    short = trial.dataset.rsplit("/", 1)[-1]
    return short, trial.config, trial.name, trial.task_type, trial.protocol, trial.split


def headline(usual: str, published: Iterable[Metrics]) -> str:
    """Return the metric by which a task is compared: the usual one, or what was published of it.

    `published` are the metrics of the published models in the trial. Where gene-benchmark's
    table has another area under the ROC curve than the usual one, all models are compared by it.
    """
    known = {metric for metrics in published for label, metric in metrics if label is None}
    return next((metric for metric in HEADLINES if metric in known), usual)


def marked(entry: Entry) -> str:
    """Return a model's name, with MARK if its scores are published ones."""
    bare = not entry.info.published or entry.name.endswith(MARK)
    return entry.name if bare else f"{entry.name} {MARK}"
