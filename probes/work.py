"""The batches of one embedding, and how each is fitted and scored, wherever that is done."""

from __future__ import annotations

import contextlib
import importlib
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from hf_datasets.errors import one_line
from hf_datasets.task import TaskType
from probes.batches import Batch
from probes.linear import Prediction, fit_trials, probe_name
from probes.metrics import auroc_hard, evaluate
from probes.published import published_metrics
from probes.result import prediction_table
from probes.settings import WHOLE
from probes.space import Space, Turned, turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from extractors.store import Embeddings
    from probes.report import Unconverged
    from probes.rounds import Round, Trial
    from probes.settings import Settings

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
class Done:
    """What became of a batch."""

    rows: list[Row]
    unconverged: Unconverged
    problems: list[str]
    """What could not be done, a line each."""
    predictions: list[pa.Table]
    """Those that are wanted, as `probes.result.PREDICTION_SCHEMA`."""


@dataclass(frozen=True, eq=False)
class Work:
    """The batches of one embedding."""

    embedding: Embeddings
    batches: Mapping[int, Batch]
    """All of them, by their numbers in the run: they share the axes of the embedding."""
    settings: Settings
    order: NDArray[np.intp]
    """The rows of the embedding by name, whatever the order of its file."""
    predictions: bool
    """Whether they are wanted."""

    @property
    def by_round(self) -> str | None:
        """What fits a round by itself; None: linear probes, which share what `turned` makes."""
        settings = self.settings
        return BY_ROUND.get("paper" if settings.protocol == "paper" else settings.probe)

    def turned(self) -> Turned:
        """Make what linear probes share."""
        return turn(self.embedding.vectors, self.order, self.batches.values(), self.settings)

    def travelling(self) -> Work:
        """Return it without the names that no fit looks at: nearly all that is left is arrays."""
        embedding = replace(self.embedding, ids=[], failed={}, provenance={})

        def light(trial: Trial) -> Trial:
            match, data = trial.match, trial.match.plan.data
            keys = data.keys if self.predictions else []
            plan = replace(match.plan, data=replace(data, keys=keys, placement=None))
            return replace(trial, match=replace(match, embedding=embedding, plan=plan, lacking=()))

        batches = {
            number: Batch(
                tuple(light(trial) for trial in batch.trials),
                {
                    at: [(light(trial), column) for trial, column in found]
                    for at, found in batch.followers.items()
                },
            )
            for number, batch in self.batches.items()
        }
        return replace(self, embedding=embedding, batches=batches)

    def failed(self, batch: Batch, why: str) -> Done:
        """Return what becomes of a batch that cannot be done: every task of it is named."""
        source = self.embedding.source
        paths = [trial.task.path for trial in batch.members]
        return Done([], {}, [f"{source} on {path}: {why}" for path in paths], [])


@contextlib.contextmanager
def fitting(settings: Settings) -> Iterator[None]:
    """Prepare a process for fits: one thread each, because the order of a parallel sum depends on
    their number, and scikit-learn's warnings of fits that stop early counted, where it does them.
    """  # noqa: D205
    with threadpool_limits(1):
        if settings.protocol != "paper":
            yield
            return
        from probes.paper import convergence_counted

        with convergence_counted():
            yield


class Fitter:
    """Does the batches of one embedding, from several threads if need be."""

    def __init__(self, work: Work, turned: Turned | None = None) -> None:
        self.work, self.settings, self.by_round = work, work.settings, work.by_round
        self.lock = Lock()
        self.turned = turned
        self.space: Space | None = None

    def do(self, batch: Batch) -> Done:
        """Fit and score a batch; if it fails, its tasks one by one, to name those that do."""
        try:
            return self._score(batch)
        except Exception as error:  # noqa: BLE001  one bad task must not cost the others
            if len(batch.members) == 1:
                return self.work.failed(batch, reason(error))
        alone = [self.do(Batch((trial,))) for trial in batch.members]
        return Done(
            [row for one in alone for row in one.rows],
            {place: n for one in alone for place, n in one.unconverged.items()},
            [text for one in alone for text in one.problems],
            [table for one in alone for table in one.predictions],
        )

    def _score(self, batch: Batch) -> Done:
        predictions = self._linear(batch) if self.by_round is None else self._by_round(batch)
        done = Done([], {}, [], [])
        for trial, found in _with_followers(batch, predictions):
            stopped = sum(one.unconverged for one in found if one)
            if stopped:
                done.unconverged[trial.match.embedding.source, trial.task.path] = stopped
            for one, prediction in zip(trial.rounds(), found, strict=True):
                done.rows.extend(self._rows(trial, one, prediction))
                if self.work.predictions and one.fraction == WHOLE and prediction is not None:
                    done.predictions.append(_predicted(trial, one, prediction))
        return done

    def _linear(self, batch: Batch) -> Predictions:
        with self.lock:
            if self.space is None:
                turned = self.turned or self.work.turned()
                self.space = Space(self.work.embedding.vectors, turned, self.settings)
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


def _predicted(trial: Trial, one: Round, prediction: Prediction) -> pa.Table:
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
    return prediction_table(shared, ids, task.classes if several else (), truth, prediction.scores)


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


def reason(error: Exception) -> str:
    """Return one line about an error."""
    return one_line(f"{type(error).__name__}: {error}")
