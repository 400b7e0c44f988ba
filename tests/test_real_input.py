"""The main job on real biology, as the README documents it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from extractors.store import load_embeddings
from probes.result import read_results

if TYPE_CHECKING:
    from pathlib import Path

INDEPENDENT = {"minilm-full-name": (0.905, 0.009), "minilm-symbol-alone": (0.835, 0.006)}
"""AUROC of an independent scikit-learn run: mean and SD over five stratified folds."""


@pytest.fixture(scope="module")
def done(upstream: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the documented command leaves."""
    out = tmp_path_factory.mktemp("tf")
    script = root / "benchmarks/tf_vs_non_tf.py"
    subprocess.run([sys.executable, str(script), str(upstream), "--out", str(out)], check=True)
    return out


def scores(out: Path, protocol: str, model: str) -> list[float]:
    table, _ = read_results([out / f"{protocol}.parquet"])
    rows: list[dict[str, Any]] = table.to_pylist()
    found = [row for row in rows if row["model"] == model and row["metric"] == "auroc"]
    assert [row["fold"] for row in found] == list(range(5))
    assert {row["n_train"] + row["n_test"] for row in found} == {2765}
    assert {row["coverage"] for row in found} == {1.0}
    return [row["value"] for row in found]


@pytest.mark.parametrize("model", INDEPENDENT)
def test_it_agrees_with_an_independent_run(done: Path, model: str) -> None:
    mean, spread = INDEPENDENT[model]
    ours = scores(done, "paper", model)
    noise = float(np.hypot(spread, np.std(ours, ddof=1)))
    assert abs(np.mean(ours) - mean) < noise


@pytest.mark.parametrize("model", INDEPENDENT)
def test_it_equals_scikit_learn_on_the_same_folds(done: Path, model: str) -> None:
    import datasets

    table = datasets.load_dataset("parquet", data_files=str(done / "tf/*.parquet"))["train"]
    judged = dict(zip(table["symbol"], table["transcription_factor"], strict=True))
    loaded = load_embeddings(str(done / f"{model.removeprefix('minilm-')}.parquet"))
    vectors = dict(zip(loaded.ids, loaded.vectors.astype(np.float64), strict=True))
    symbols = sorted(judged)
    features = np.array([vectors[symbol] for symbol in symbols])
    labels = np.array([judged[symbol] for symbol in symbols])
    expected = []
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(features, labels)
    for train, test in folds:
        fitted = LogisticRegression(max_iter=5000).fit(features[train], labels[train])
        expected.append(roc_auc_score(labels[test], fitted.decision_function(features[test])))
    assert np.abs(np.array(scores(done, "paper", model)) - expected).max() < 1e-6
