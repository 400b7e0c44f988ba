"""Synthetic result files: every row is written through `probes.result.write_results`."""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from probes.result import write_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Row = dict[str, Any]

FAMILIES = {
    "localization": {"location": "multi-label", "secreted": "binary"},
    "genomics": {"chromosome": "multi-class", "essential": "binary", "length": "regression"},
    "pairs": {"interacts": "binary"},
}
METRICS = {"regression": ("spearman", "r2", "rmse")}
USUAL_METRICS = ("auroc", "average_precision", "mcc")


def rows_of(
    model: str,
    *,
    families: Mapping[str, Mapping[str, str]] = FAMILIES,
    folds: int = 3,
    repeats: int = 2,
    labels: Sequence[str] = ("Cytosol", "Nucleus"),
    skill: float = 0.8,
    **columns: object,
) -> list[Row]:
    """Return the rows of one model; keywords that are columns change all of them."""
    dataset = str(columns.get("dataset", "gene-benchmark"))
    rng = random.Random(model + str(columns.get("seed", 0)))
    rows = []
    for config, tasks in families.items():
        for task, kind in tasks.items():
            own = [None, *labels] if kind == "multi-label" else [None]
            rounds = itertools.product(own, range(repeats), range(folds))
            for (label, repeat, fold), metric in itertools.product(
                rounds, METRICS.get(kind, USUAL_METRICS)
            ):
                row = {
                    "embedding": f"{model[:40]}.parquet",
                    "model": model,
                    "modality": "text",
                    "dataset": dataset,
                    "revision": "1.0.0",
                    "config": config,
                    "task": f"{dataset}/{config}/{task}",
                    "task_type": kind,
                    "label": label,
                    "protocol": "standard",
                    "split": "random",
                    "probe": "ridge" if kind == "regression" else "logistic",
                    "seed": 0,
                    "repeat": repeat,
                    "fold": fold,
                    "metric": metric,
                    "value": min(1.0, skill + rng.uniform(-0.15, 0.15)),
                    "n_train": 200,
                    "n_test": 100,
                    "coverage": 1.0,
                }
                rows.append(row | columns)
    return rows


@pytest.fixture(scope="session")
def make_rows() -> Callable[..., list[Row]]:
    """`rows_of`: the rows of one model."""
    return rows_of


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write rows to a result file in the test's folder; return its path."""

    def write_file(
        name: str, *rows: Iterable[Row], provenance: dict[str, Any] | None = None
    ) -> Path:
        path = tmp_path / name
        write_results(list(itertools.chain(*rows)), provenance or {"made": "by a test"}, path)
        return path

    return write_file


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two controls on two tables of the sample: (folder of the dataset, results)."""
    from extractors.__main__ import command as extract
    from hf_datasets.__main__ import command as publish
    from probes.__main__ import command as probe

    folder = tmp_path_factory.mktemp("sample")
    data = folder / "gene-benchmark-sample"
    assert publish(["build", "gene-benchmark-sample", "--out", str(data)]) == 0
    before = Path.cwd()
    os.chdir(folder)  # so that the provenance names files and not folders
    try:
        for model in ("random", "bag-of-words"):
            words = ["--model", model, "--input", data.name, "--out", f"{model}.parquet"]
            assert extract(words) == 0
        tasks = [f"{data.name}/{config}" for config in ("localization", "gene2gene")]
        words = ["random.parquet", "bag-of-words.parquet", "--tasks", *tasks]
        assert probe([*words, "--folds", "3", "--out", "results.parquet"]) == 0
    finally:
        os.chdir(before)
    return data, folder / "results.parquet"
