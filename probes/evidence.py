"""What predictions say about a difference: paired per entity, by DeLong or by bootstrap.

A prediction file of `probe --predictions` has a row per embedding, task, label, round and test
entity. Read task by task, it never has to fit into memory as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.errors import InputError
from probes.intervals import (
    Interval,
    auroc_influence,
    auroc_interval,
    normal_interval,
    normal_p,
)
from probes.predictions import PredictionFiles
from probes.resampling import Paired, Ranked, resample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from probes.contenders import Key
    from probes.predictions import Predictions

REGRESSION = ("spearman", "pearson", "r2", "rmse", "mae")
TESTED = ("auroc", "average_precision", *REGRESSION)
"""Metrics that can be tested on predictions; the others are tested over folds."""


@dataclass(frozen=True)
class Tested:
    """A comparison of two models on predictions."""

    test: str
    """`delong` or `bootstrap`."""
    scores: tuple[float, float]
    """As the predictions give them."""
    intervals: tuple[Interval | None, Interval | None]
    """Of the two scores."""
    difference: Interval | None
    p: float | None


class Evidence:
    """The prediction files of a comparison."""

    def __init__(self, paths: Sequence[Path], *, level: float = 0.95, seed: int = 0) -> None:
        """Open the files; `level` of the intervals, `seed` of the bootstrap."""
        self._files = PredictionFiles(paths)
        self._level = level
        self._seed = seed
        self._task = ""
        self._known: dict[Key, Predictions | None] = {}
        """What was read of one task: with several models each is in several pairs."""

    def test(self, task: str, metric: str, pair: tuple[Key, Key]) -> Tested | None:
        """Compare two models on a task; None where the files do not have both, or the metric.

        Averages over labels and rounds are those of the results: labels within a round first.
        Scores are paired by entity. For `auroc` the variance is DeLong's; a part with a single
        member or non-member adds nothing to it. The others draw entities with replacement
        1,000 times, within their class where there is one; the p-value is that of
        difference / bootstrap SD as a normal, since counting draws cannot give one below 0.002.

        Entities count as independent. Pairs that share a gene are not: there the variance is
        too small.

        InputError when the two models were not tested on the same entities.
        """
        if metric not in TESTED:
            return None
        first, second = (self._recall(task, key) for key in pair)
        if first is None or second is None:
            return None
        if not first.same_entities(second):
            message = (
                f"the predictions of {pair[0][0]} and {pair[1][0]} on {task} are not about the "
                "same entities; run `probe` on both embeddings at once with --common"
            )
            raise InputError(message)
        test = self._delong if metric == "auroc" else self._bootstrap
        return test(metric, first, second)

    def _recall(self, task: str, key: Key) -> Predictions | None:
        if task != self._task:
            self._task, self._known = task, {}
        if key not in self._known:
            self._known[key] = self._files.read(task, key)
        return self._known[key]

    def _delong(self, metric: str, first: Predictions, second: Predictions) -> Tested | None:
        del metric
        sides = [_Averaged.of(one) for one in (first, second)]
        if any(side is None for side in sides):
            return None
        one, other = (side for side in sides if side is not None)
        moves = one.influence - other.influence
        difference, variance = one.value - other.value, float(moves @ moves)
        intervals = [
            auroc_interval(
                side.value, float(side.influence @ side.influence), side.fewest, self._level
            )
            for side in (one, other)
        ]
        return Tested(
            "delong",
            (one.value, other.value),
            (intervals[0], intervals[1]),
            normal_interval(difference, variance, self._level),
            normal_p(difference, variance),
        )

    def _bootstrap(self, metric: str, first: Predictions, second: Predictions) -> Tested | None:
        sides = [_Weighted(metric, one) for one in (first, second)]
        strata = sides[0].strata
        draws = np.concatenate(
            [
                np.stack([side.draw(counts) for side in sides])
                for counts in resample(strata, seed=self._seed)
            ],
            axis=1,
        )
        gaps = draws[0] - draws[1]
        if np.isnan(gaps).any():
            return None
        observed = [float(side.draw(np.ones((1, len(strata)), np.uint8))[0]) for side in sides]
        tails = [(1 - self._level) / 2, (1 + self._level) / 2]
        low, high = np.quantile(np.vstack([draws, gaps]), tails, axis=1)
        spans = [(float(one), float(other)) for one, other in zip(low, high, strict=True)]
        p = normal_p(observed[0] - observed[1], float(np.var(gaps, ddof=1)))
        return Tested("bootstrap", (observed[0], observed[1]), (spans[0], spans[1]), spans[2], p)


@dataclass(frozen=True, eq=False)
class _Averaged:
    """An AUROC averaged over labels and rounds, with the influence of every entity on it."""

    value: float
    influence: NDArray[np.float64]
    fewest: int
    """Members or non-members, whichever are fewer, over all parts."""

    @classmethod
    def of(cls, predictions: Predictions) -> _Averaged | None:
        """Add up the parts; None if the AUROC is defined in none of them."""
        values = np.full(len(predictions.round), np.nan)
        moves = []
        fewest = 0
        for part, rows in enumerate(predictions.parts()):
            truth = predictions.truth[rows] > 0
            values[part], influence = auroc_influence(truth, predictions.score[rows])
            moves.append((rows, np.nan_to_num(influence)))
            fewest += min(int(truth.sum()), int((~truth).sum()))
        weight = _weights(values, predictions.round)
        if not weight.any():
            return None
        total = np.zeros(len(predictions.ids))
        for part, (rows, influence) in enumerate(moves):
            if weight[part]:
                total[predictions.entity[rows]] += weight[part] * influence
        return cls(float(np.nan_to_num(values) @ weight), total, fewest)


class _Weighted:
    """A metric averaged over labels and rounds, under any counts of entities."""

    def __init__(self, metric: str, predictions: Predictions) -> None:
        self._metric = metric
        self._round = predictions.round
        self._parts: list[tuple[NDArray[np.intp], Ranked | Paired]] = []
        for rows in predictions.parts():
            truth, score = predictions.truth[rows], predictions.score[rows]
            ready = Paired(truth, score) if metric in REGRESSION else Ranked(truth > 0, score)
            self._parts.append((predictions.entity[rows], ready))
        self.strata = _strata(metric, predictions)

    def draw(self, counts: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the metric of every draw, (draws,); NaN where it is defined in no part."""
        values = np.empty((len(self._parts), len(counts)))
        for place, (entity, ready) in enumerate(self._parts):
            mine = counts[:, entity]
            if isinstance(ready, Paired):
                values[place] = ready.metric(self._metric, mine)
            else:
                values[place] = ready.metrics(mine)[1]
        weight = _weights(values, self._round)
        total: NDArray[np.float64] = (np.nan_to_num(values) * weight).sum(axis=0)
        return np.where(weight.any(axis=0), total, np.nan)


def _strata(metric: str, predictions: Predictions) -> NDArray[np.intp]:
    """Return the class of every entity of a binary task; elsewhere all are alike."""
    strata = np.zeros(len(predictions.ids), dtype=np.intp)
    if metric not in REGRESSION and np.bincount(predictions.round).max() == 1:
        strata[predictions.entity] = predictions.truth > 0
    return strata


def _weights(values: NDArray[np.float64], rounds: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return what each part counts for in the mean over rounds of the mean over labels.

    Shape of `values`, (parts, …); NaN counts for nothing.
    """
    valued = ~np.isnan(values)
    labels = np.zeros((int(rounds.max()) + 1, *values.shape[1:]))
    np.add.at(labels, rounds, valued)
    used = (labels > 0).sum(axis=0)
    share: NDArray[np.float64] = valued / np.maximum(labels[rounds] * used, 1)
    return share
