"""Embeddings x tasks -> result rows: plan the splits, match the entities, fit, score."""

from __future__ import annotations

import contextlib
import importlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import cpu_count
from threadpoolctl import threadpool_limits

from hf_datasets.command import progress
from hf_datasets.errors import InputError, one_line
from hf_datasets.task import TaskType
from probes.arrays import Arrays
from probes.batches import Batch, make_batches
from probes.linear import Prediction, fit_trials, probe_name
from probes.matching import Match, make_plans, match_all
from probes.metrics import auroc_hard, evaluate
from probes.provenance import describe_run
from probes.published import published_metrics
from probes.report import Unconverged, run_notes
from probes.result import prediction_table
from probes.settings import WHOLE
from probes.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from extractors.store import Embeddings
    from probes.parts import Parts
    from probes.rounds import Round, Trial
    from probes.settings import Settings
    from probes.task_set import TaskSet

Row = dict[str, Any]
Predictions = list[list[Prediction | None]]

BY_ROUND = {
    "paper": "probes.paper:fit_predict",
    "knn": "probes.neighbours:fit_predict",
    "gbm": "probes.boosting:fit_predict",
    "mlp": "probes.mlp:fit_predict",
}
"""Probes that fit one round at a time, as `fit_predict(kind, train, labels, test, *, n_classes,
seed)`: raw features in float64, which they may overwrite, and `probes.linear.Prediction` back."""


@dataclass(frozen=True)
class Outcome:
    """What a run found."""

    rows: list[Row]
    """Rows of RESULT_SCHEMA, by embedding, task, repeat, fraction, fold, metric."""
    provenance: dict[str, Any]
    """What `probes.result.write_results` takes beside the rows."""
    notes: list[str]
    """What the user has to know to read the numbers, a line each."""
    problems: list[str]
    """What could not be done, a line each; none when all went well."""


@dataclass(frozen=True)
class Planned:
    """A run before anything is fitted."""

    embeddings: Sequence[Embeddings]
    task_set: TaskSet
    settings: Settings
    matches: list[Match]
    problems: list[str]
    provenance: dict[str, Any]
    """All that decides the numbers, ready for JSON."""


@dataclass(frozen=True)
class _Done:
    """What became of a batch."""

    rows: list[Row]
    unconverged: Unconverged
    problems: list[str]


def run_probes(
    embeddings: Sequence[Embeddings],
    task_set: TaskSet,
    settings: Settings,
    jobs: int | None = None,
) -> Outcome:
    """Score every embedding on every task: `plan_run` and `carry_out` in one."""
    return carry_out(plan_run(embeddings, task_set, settings), jobs)


def plan_run(embeddings: Sequence[Embeddings], task_set: TaskSet, settings: Settings) -> Planned:
    """Decide who is tested when, and who has a vector.

    Parameters
    ----------
    embeddings
        As from `extractors.store.load_embeddings`, each source once.
    task_set
        As from `probes.task_set.load_tasks`, with the same `split` as in the settings.
    settings
        All that decides the numbers.

    Raises
    ------
    InputError
        One source twice; a task asked for by name that cannot be split; an embedding without
        a vector for any entity; with `missing="error"`, any entity without a vector.

    """
    Arrays(device=settings.device)  # refuses one that is not there before anything is done
    seen = set()
    for one in embeddings:
        if one.source in seen:
            message = f"{one.source} is given twice; name each embedding once"
            raise InputError(message)
        seen.add(one.source)
    plans, task_problems = make_plans(task_set, settings)
    matches, hopeless = match_all(embeddings, plans, settings)
    problems = [*task_problems.values(), *hopeless.values()]
    provenance = describe_run(embeddings, plans, matches, settings)
    return Planned(embeddings, task_set, settings, matches, problems, provenance)


def carry_out(planned: Planned, jobs: int | None = None, parts: Parts | None = None) -> Outcome:
    """Fit and score what was planned.

    Parameters
    ----------
    planned
        As from `plan_run`.
    jobs
        How many batches of tasks to do at a time; None: one per core. It does not change the
        numbers: each runs on one thread, because the order of a parallel sum depends on the
        number of threads.
    parts
        Where finished batches are kept and found again; None: nowhere.

    """
    settings = planned.settings
    done: list[_Done] = []
    with (
        progress(len(planned.matches), "tasks", "probe") as bar,
        threadpool_limits(1),
        _quiet(settings),
    ):
        for batch, one in _all_batches(planned, jobs or cpu_count(), parts):
            done.append(one)
            bar.update(len(batch.members))
    rows = _in_order(planned.matches, done)
    unconverged = {place: count for one in done for place, count in one.unconverged.items()}
    ordered: Unconverged = {
        place: unconverged[place]
        for match in planned.matches
        if (place := (match.embedding.source, match.plan.data.task.path)) in unconverged
    }
    problems = [*planned.problems, *(text for one in done for text in one.problems)]
    provenance = planned.provenance | {
        "problems": problems,
        "unconverged": [
            {"embedding": source, "task": task, "fits": count}
            for (source, task), count in ordered.items()
        ],
    }
    notes = [*planned.task_set.notes, *run_notes(planned.matches, settings, rows, ordered)]
    return Outcome(rows, provenance, notes, problems)


def _quiet(settings: Settings) -> Any:  # noqa: ANN401  a context manager
    """Count scikit-learn's warnings of fits that stop early, where it does the fitting."""
    if settings.protocol == "paper":
        from probes.paper import convergence_counted

        return convergence_counted()
    return contextlib.nullcontext()


def _in_order(matches: Sequence[Match], done: Sequence[_Done]) -> list[Row]:
    by_place: dict[tuple[str, str], list[Row]] = {}
    for one in done:
        for row in one.rows:
            by_place.setdefault((row["embedding"], row["task"]), []).append(row)
    places = [(match.embedding.source, match.plan.data.task.path) for match in matches]
    return [row for place in places for row in by_place.get(place, [])]


def _all_batches(planned: Planned, jobs: int, parts: Parts | None) -> Iterator[tuple[Batch, _Done]]:
    """Do the batches of one embedding after another; yield them in order."""
    number = 0
    for embedding in planned.embeddings:
        mine = [match for match in planned.matches if match.embedding is embedding]
        batches = make_batches(mine, planned.settings)
        numbers = range(number, number + len(batches))
        number += len(batches)
        kept = {at: parts.read(at) for at in numbers} if parts else {}
        work = _Work(embedding, batches, planned.settings, parts)
        pool = ThreadPoolExecutor(jobs)
        try:
            waiting = [
                None if kept.get(at) else pool.submit(work.do, at, batch)
                for at, batch in zip(numbers, batches, strict=True)
            ]
            for at, batch, future in zip(numbers, batches, waiting, strict=True):
                found = kept.get(at)
                yield batch, _Done(*found, []) if found else future.result()  # type: ignore[union-attr]
        finally:
            # After Ctrl-C only the batches that run are waited for, not those that wait.
            pool.shutdown(cancel_futures=True)


class _Work:
    """What threads do with the batches of one embedding."""

    def __init__(
        self,
        embedding: Embeddings,
        batches: list[Batch],
        settings: Settings,
        parts: Parts | None,
    ) -> None:
        self.embedding, self.batches, self.settings, self.parts = (
            embedding,
            batches,
            settings,
            parts,
        )
        self.by_round = BY_ROUND.get("paper" if settings.protocol == "paper" else settings.probe)
        self.lock = Lock()
        self.space: Space | None = None

    def do(self, number: int, batch: Batch) -> _Done:
        """Fit and score a batch; if it fails, its tasks one by one, to name those that do."""
        try:
            rows, late, predictions = self._score(batch)
        except Exception as error:  # noqa: BLE001  one bad task must not cost the others
            if len(batch.members) > 1:
                alone = [self.do(-1, Batch((trial,))) for trial in batch.members]
                merged = {place: n for one in alone for place, n in one.unconverged.items()}
                return _Done(
                    [row for one in alone for row in one.rows], merged,
                    [text for one in alone for text in one.problems],
                )  # fmt: skip
            path = batch.trials[0].task.path
            why = one_line(f"{type(error).__name__}: {error}")
            return _Done([], {}, [f"{self.embedding.source} on {path}: {why}"])
        if self.parts is not None and number >= 0:
            self.parts.write(number, rows, late, predictions)
        return _Done(rows, late, [])

    def _score(self, batch: Batch) -> tuple[list[Row], Unconverged, list[pa.Table]]:
        predictions = self._linear(batch) if self.by_round is None else self._by_round(batch)
        rows: list[Row] = []
        late: Unconverged = {}
        tables: list[pa.Table] = []
        keeps = self.parts is not None and self.parts.predictions
        for trial, found in _with_followers(batch, predictions):
            stopped = sum(one.unconverged for one in found if one)
            if stopped:
                late[self.embedding.source, trial.task.path] = stopped
            for one, prediction in zip(trial.rounds(), found, strict=True):
                rows.extend(self._rows(trial, one, prediction))
                if keeps and one.fraction == WHOLE and prediction is not None:
                    tables.append(self._predicted(trial, one, prediction))
        return rows, late, tables

    def _linear(self, batch: Batch) -> Predictions:
        with self.lock:
            if self.space is None:
                self.space = Space(self.embedding, self.batches, self.settings)
        design, places = self.space.design(batch)
        return fit_trials(design, batch.trials, places, self.settings)

    def _by_round(self, batch: Batch) -> Predictions:
        """Fit the rounds of the one task of a batch, each by itself."""
        (trial,) = batch.trials
        module, name = str(self.by_round).split(":")
        fit_predict: Callable[..., Prediction] = getattr(importlib.import_module(module), name)
        found: list[Prediction | None] = []
        features, taught = trial.match.features, trial.taught
        for one in trial.rounds():
            train, test = np.flatnonzero(one.train), np.flatnonzero(one.test)
            labels = taught[train]
            if not len(test) or not len(train) or not (labels != labels[0]).any():
                found.append(None)
                continue
            made = fit_predict(
                trial.task.type,
                features.matrix(train),
                labels,
                features.matrix(test),
                n_classes=len(trial.task.classes),
                seed=self.settings.seed,
            )
            found.append(made)
        return [found]

    def _rows(self, trial: Trial, one: Round, prediction: Prediction | None) -> Iterator[Row]:
        """Yield the result rows of a round."""
        task, match, settings = trial.task, trial.match, self.settings
        truth = trial.truth[one.test]
        base: Row = {
            "embedding": match.embedding.source,
            "model": match.embedding.model,
            "modality": match.embedding.modality,
            "dataset": task.dataset,
            "revision": match.plan.data.revision,
            "config": task.config,
            "task": task.path,
            "task_type": task.type.value,
            "protocol": settings.protocol_name,
            "split": match.plan.folds.split,
            "probe": probe_name(task.type, settings, is_pair=task.is_pair),
            "fraction": one.fraction,
            "seed": settings.seed,
            "repeat": one.repeat,
            "fold": one.fold,
            "n_train": int(one.train.sum()),
            "n_test": int(one.test.sum()),
            "coverage": match.coverage,
        }
        scores = prediction.scores if prediction else None
        decided = prediction.decided if prediction else None
        for measure in evaluate(task.type, task.classes, truth, scores, decided):
            if measure.label in match.plan.folds.left_out:
                continue  # too small a class to be in the task at all
            yield base | {
                "metric": measure.metric, "label": measure.label, "value": measure.value,
            }  # fmt: skip
        if settings.protocol == "paper" and task.type is TaskType.MULTI_LABEL:
            value = None if decided is None else auroc_hard(truth, decided)
            yield base | {"metric": "auroc_hard", "label": None, "value": value}
        for name, value in published_metrics(task, truth, scores).items():
            yield base | {"metric": name, "label": None, "value": value}
        if self.by_round is None and settings.fixed_c is None and prediction is not None:
            labels = task.classes if task.type is TaskType.MULTI_LABEL else (None,)
            for label, c in zip(labels, prediction.c, strict=True):
                yield base | {"metric": "C", "label": label, "value": c}

    def _predicted(self, trial: Trial, one: Round, prediction: Prediction) -> pa.Table:
        task, keys = trial.task, trial.match.plan.keys
        truth = trial.truth[one.test]
        several = task.type in {TaskType.MULTI_CLASS, TaskType.MULTI_LABEL}
        if task.type is TaskType.MULTI_CLASS:
            truth = truth[:, None] == np.arange(len(task.classes))
        shared = {
            "embedding": trial.match.embedding.source,
            "model": trial.match.embedding.model,
            "task": task.path,
            "repeat": one.repeat,
            "fold": one.fold,
        }
        ids = ["|".join(keys[row]) for row in np.flatnonzero(one.test)]
        return prediction_table(
            shared, ids, task.classes if several else (), truth, prediction.scores
        )


def _with_followers(
    batch: Batch, predictions: Predictions
) -> Iterator[tuple[Trial, list[Prediction | None]]]:
    """Yield every task of a batch with its predictions."""
    for at, (trial, found) in enumerate(zip(batch.trials, predictions, strict=True)):
        yield trial, found
        for follower, column in batch.followers.get(at, ()):
            yield follower, [one and _column(one, column) for one in found]


def _column(one: Prediction, column: int) -> Prediction | None:
    """Return what a multi-label prediction says about one label; None without a model."""
    scores = one.scores[:, column]
    if np.isnan(scores).any():
        return None
    decided = one.decided[:, column].astype(np.int64)
    return Prediction(scores, decided, 0, (one.c[column],))
