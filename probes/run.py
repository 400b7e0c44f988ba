"""Embeddings x tasks -> result rows: plan the folds, match the entities, fit, score."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import cpu_count
from threadpoolctl import threadpool_limits

from hf_datasets.command import progress
from hf_datasets.errors import InputError
from probes.linear import convergence_counted, fit_predict, probe_name
from probes.matching import Match, make_plans, match_all
from probes.metrics import evaluate
from probes.provenance import describe_run
from probes.report import Unconverged, run_notes
from probes.splits import SPLIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extractors.store import Embeddings
    from probes.settings import Settings
    from probes.task_set import TaskSet

Row = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a run found."""

    rows: list[Row]
    """Rows of RESULT_SCHEMA, by embedding, task, repeat, fold, metric."""
    provenance: dict[str, Any]
    """What `probes.result.write_results` takes beside the rows."""
    notes: list[str]
    """What the user has to know to read the numbers, a line each."""
    problems: list[str]
    """What could not be done, a line each; none when all went well."""


@dataclass(frozen=True)
class _Job:
    """One fold of one match: what a thread does at a time."""

    match: Match
    repeat: int
    fold: int


def run_probes(
    embeddings: Sequence[Embeddings],
    task_set: TaskSet,
    settings: Settings,
    jobs: int | None = None,
) -> Outcome:
    """Score every embedding on every task.

    Parameters
    ----------
    embeddings
        As from `extractors.store.load_embeddings`, each source once.
    task_set
        As from `probes.task_set.load_tasks`.
    settings
        All that decides the numbers.
    jobs
        How many folds to fit at a time; None: one per core. It does not change the numbers:
        each fit runs on one thread, because the order of a parallel sum depends on the number
        of threads.

    Raises
    ------
    InputError
        One source twice; a task asked for by name that cannot be split; an embedding without
        a vector for any entity; with `missing="error"`, any entity without a vector.

    """
    _require_distinct(embeddings)
    plans, task_problems = make_plans(task_set, settings)
    matches, hopeless = match_all(embeddings, plans, settings)
    work = [
        _Job(match, repeat, fold)
        for match in matches
        for repeat in range(settings.repeats)
        for fold in range(settings.folds)
    ]
    rows: list[Row] = []
    unconverged: Unconverged = {}
    with (
        progress(len(work), "folds", "probe") as bar,
        threadpool_limits(1),
        convergence_counted(),
    ):
        for job, (found, late) in _in_threads(work, settings, jobs or cpu_count()):
            rows.extend(found)
            if late:
                place = (job.match.embedding.source, job.match.plan.data.task.path)
                unconverged[place] = unconverged.get(place, 0) + late
            bar.update(1)
    problems = [*task_problems.values(), *hopeless.values()]
    provenance = describe_run(embeddings, plans, matches, settings) | {
        "problems": problems,
        "unconverged": [
            {"embedding": source, "task": task, "fits": count}
            for (source, task), count in unconverged.items()
        ],
    }
    return Outcome(
        rows,
        provenance,
        [*task_set.notes, *run_notes(matches, settings, rows, unconverged)],
        problems,
    )


def _require_distinct(embeddings: Sequence[Embeddings]) -> None:
    seen = set()
    for one in embeddings:
        if one.source in seen:
            message = f"{one.source} is given twice; name each embedding once"
            raise InputError(message)
        seen.add(one.source)


def _in_threads(
    work: list[_Job], settings: Settings, jobs: int
) -> Iterator[tuple[_Job, tuple[list[Row], int]]]:
    """Do the work in threads; yield it in order."""
    pool = ThreadPoolExecutor(jobs)
    try:
        done = pool.map(lambda job: _score(job, settings), work)
        yield from zip(work, done, strict=True)
    finally:
        # After Ctrl-C only the fits that run are waited for, not those that wait.
        pool.shutdown(cancel_futures=True)


def _score(job: _Job, settings: Settings) -> tuple[list[Row], int]:
    """Fit and score one fold; return its rows and how many fits did not converge."""
    match, folds = job.match, job.match.plan.folds
    task, labels = match.plan.data.task, match.plan.data.labels[folds.rows]
    tested = folds.test_fold[job.repeat] == job.fold
    train = np.flatnonzero(match.used & ~tested)
    test = np.flatnonzero(match.used & tested)
    prediction = fit_predict(
        task.type,
        settings.protocol,
        match.features.matrix(train),
        labels[train],
        match.features.matrix(test),
        n_classes=len(task.classes),
    )
    base: Row = {
        "embedding": match.embedding.source,
        "model": match.embedding.model,
        "modality": match.embedding.modality,
        "dataset": task.dataset,
        "revision": match.plan.data.revision,
        "config": task.config,
        "task": task.path,
        "task_type": task.type.value,
        "protocol": settings.protocol,
        "split": SPLIT,
        "probe": probe_name(task.type, settings.protocol, settings.pair if task.is_pair else None),
        "seed": settings.seed,
        "repeat": job.repeat,
        "fold": job.fold,
        "n_train": len(train),
        "n_test": len(test),
        "coverage": match.coverage,
    }
    measures = evaluate(
        task.type,
        task.classes,
        labels[test],
        prediction.scores if prediction else None,
        prediction.decided if prediction else None,
    )
    rows = [
        base | {"metric": one.metric, "label": one.label, "value": one.value} for one in measures
    ]
    return rows, prediction.unconverged if prediction else 0
