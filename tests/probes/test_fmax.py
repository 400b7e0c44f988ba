"""Fmax against a plain loop over thresholds, and where an embedding probe reports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hf_datasets.task import Task, TaskType
from probes.fmax import fmax, fmax_of_sets
from probes.language.statistics import MixedScore
from probes.published import published_metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT = 1e-9


def looped(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    best = 0.0
    for threshold in np.unique(scores[~np.isnan(scores)]):
        said = scores >= threshold
        rows = [row for row in range(len(truth)) if said[row].any()]
        precision = float(np.mean([(said & truth)[row].sum() / said[row].sum() for row in rows]))
        recall = float(np.mean((said & truth).sum(1) / np.maximum(truth.sum(1), 1)))
        if precision + recall:
            best = max(best, 2 * precision * recall / (precision + recall))
    return best


@pytest.mark.parametrize("seed", range(8))
def test_fmax_is_the_best_of_all_thresholds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.random((40, 9)) < 0.3
    scores = rng.normal(size=truth.shape) + truth
    if seed % 2:
        scores = scores.round()  # ties, also between proteins
    if seed > 4:
        scores[:, 2] = np.nan  # a label without a model
        scores[3] = -5
    assert fmax(truth, scores) == pytest.approx(looped(truth, scores), abs=EXACT)


def test_fmax_of_decisions_has_one_threshold() -> None:
    rng = np.random.default_rng(0)
    truth, said = rng.random((2, 50, 6)) < 0.3
    scores = np.where(said, 1.0, np.nan)
    right, named, members = (one.sum(axis=1) for one in (truth & said, said, truth))
    value = fmax_of_sets(right, named, members, np.ones((1, 50)))[0]
    assert value == pytest.approx(looped(truth, scores), abs=EXACT)


def test_fmax_without_true_labels_is_undefined() -> None:
    assert fmax(np.zeros((3, 2), dtype=np.bool_), np.ones((3, 2))) is None
    assert fmax(np.zeros((0, 2), dtype=np.bool_), np.ones((0, 2))) is None
    assert fmax(np.ones((3, 2), dtype=np.bool_), np.full((3, 2), np.nan)) == 0


def task(dataset: str, config: str, kind: TaskType) -> Task:
    return Task(dataset, config, "label", kind, ("a", "b"), ("id",))


def test_published_metrics_belong_to_their_tasks() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random((30, 2)) < 0.5
    scores = rng.normal(size=truth.shape)
    kind = TaskType.MULTI_LABEL
    for dataset in ("biology-instructions", "org/biology-instructions", "./biology-instructions/"):
        found = published_metrics(task(dataset, "ec", kind), truth, scores)
        assert found == {"fmax": pytest.approx(looped(truth, scores), abs=EXACT)}
    assert published_metrics(task("biology-instructions", "ec", kind), truth, None) == {
        "fmax": None
    }
    assert not published_metrics(task("biology-instructions", "modification", kind), truth, scores)
    assert not published_metrics(task("gene-benchmark", "ec", kind), truth, scores)
    left, guess = rng.uniform(0, 100, (2, 30))
    sirna = task("biology-instructions", "sirna", TaskType.REGRESSION)
    expected = MixedScore(left, guess).values()["mixed_score"]
    assert published_metrics(sirna, left, guess) == {"mixed_score": expected}
    assert published_metrics(sirna, left, None) == {"mixed_score": None}
