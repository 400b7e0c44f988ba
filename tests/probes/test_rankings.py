"""Average ranks against scipy and the worked example of Demšar (JMLR 2006)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from hf_datasets.tables import read_columns
from probes.rankings import critical_difference, rank_models, rank_tasks

if TYPE_CHECKING:
    from pathlib import Path


def test_ranks_are_scipys() -> None:
    scores = np.random.default_rng(0).normal(size=(20, 5)).round(1)
    assert np.array_equal(rank_tasks(scores), stats.rankdata(-scores, axis=1))


def test_published_critical_difference() -> None:
    """Section 3.2.2: four classifiers on 14 data sets, q = 2.569, CD = 1.25; 2.291, 1.12 at 0.1."""
    assert critical_difference(4, 14) == pytest.approx(2.569 * (20 / 84) ** 0.5, abs=1e-3)
    assert critical_difference(4, 14, alpha=0.1) == pytest.approx(1.12, abs=0.01)


def test_friedman_is_scipys_with_ties() -> None:
    scores = np.random.default_rng(1).normal(size=(15, 4)).round(0) + np.array([0, 0, 0.5, 1])
    found = rank_models(scores, [str(row) for row in range(15)])
    assert found.friedman_p == pytest.approx(stats.friedmanchisquare(*scores.T).pvalue)
    assert found.ranks == pytest.approx(stats.rankdata(-scores, axis=1).mean(axis=0))
    assert rank_models(np.ones((3, 3)), list("abc")).friedman_p == 1.0


def test_tasks_of_one_group_are_drawn_together() -> None:
    """Fifty copies of one task say no more than that task."""
    rng = np.random.default_rng(2)
    apart = rng.normal(size=(10, 2)) + np.array([0.4, 0])
    copied = np.repeat(apart, 50, axis=0)
    names = [f"task {row}" for row in range(10)]
    once = rank_models(apart, names)
    together = rank_models(copied, np.repeat(names, 50).tolist())
    assert together.intervals == once.intervals
    assert (together.tasks, together.groups) == (500, 10)
    blind = rank_models(copied, [str(row) for row in range(500)])
    width, narrow = (one.intervals[0][1] - one.intervals[0][0] for one in (together, blind))
    assert narrow < width / 3


def test_one_task_has_no_test() -> None:
    found = rank_models(np.array([[0.9, 0.8, 0.7]]), ["a"])
    assert found.ranks.tolist() == [1, 2, 3]
    assert (found.critical_difference, found.friedman_p) == (None, None)


def test_published_scores_of_nine_models(upstream: Path) -> None:
    """gene-benchmark's own table: nine models on 62 tasks with an AUROC, and who is told apart."""
    path = upstream / "gene_benchmark" / "published_scores.csv.gz"
    columns = ["task_name", "model_name", "metric", "score"]
    scores: dict[str, dict[str, list[float]]] = {}
    for batch in read_columns(path, columns):
        for task, model, metric, score in zip(*batch, strict=True):
            if metric == "roc_auc":
                by_model = scores.setdefault(str(task), {})
                by_model.setdefault(str(model), []).append(float(score or "nan"))
    models = sorted({model for by in scores.values() for model in by})
    assert len(models) == 9
    table = np.array([[np.mean(by[model]) for model in models] for by in scores.values()])
    found = rank_models(table, list(scores))
    wanted = stats.friedmanchisquare(*table.T)
    assert found.friedman_p == pytest.approx(wanted.pvalue)
    assert found.friedman_p is not None
    assert found.friedman_p < 1e-10
    assert (found.tasks, len(scores)) == (62, 62)
    rank = dict(zip(models, found.ranks, strict=True))
    means = dict(zip(models, table.mean(axis=0), strict=True))
    assert min(rank, key=rank.__getitem__) == max(means, key=means.__getitem__) == "geneformer"
    assert max(rank, key=rank.__getitem__) == min(means, key=means.__getitem__) == "GEARS"
    # Geneformer and cellPLM are not told apart, Geneformer and bag of words are.
    assert found.critical_difference == pytest.approx(3.102 * (90 / (6 * 62)) ** 0.5, abs=1e-2)
    assert rank["cellPLM"] - rank["geneformer"] < found.critical_difference
    assert rank["bag_of_words"] - rank["geneformer"] > found.critical_difference
