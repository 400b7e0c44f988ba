"""Small datasets and embeddings, written as the real ones are, and `probe` run in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import ClassLabel, Features, List, Value

from extractors.store import embedding_schema
from probes.__main__ import command

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

N_GENES = 120
DIM = 6
GENES = [f"G{index:03}" for index in range(N_GENES)]

Table = tuple[dict[str, Any], dict[str, list[Any]]]
MakeDataset = Callable[..., str]
MakeEmbeddings = Callable[..., str]


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


@pytest.fixture
def make_dataset(tmp_path: Path) -> MakeDataset:
    """Write tables {config: (features, columns)} as a dataset folder; return its path."""

    def make(tables: dict[str, Table], name: str = "bench") -> str:
        root = tmp_path / name
        configs = []
        for config, (features, columns) in tables.items():
            path = root / config / "train-00000-of-00001.parquet"
            path.parent.mkdir(parents=True)
            datasets.Dataset.from_dict(columns, Features(features)).to_parquet(path)
            files = [{"split": "train", "path": f"{config}/*.parquet"}]
            configs.append({"config_name": config, "version": "1.0.0", "data_files": files})
        head = yaml.safe_dump({"configs": configs}, sort_keys=False)
        (root / "README.md").write_text(f"---\n{head}---\n", encoding="utf-8")
        return str(root)

    datasets.disable_progress_bars()
    return make


@pytest.fixture
def make_embeddings(tmp_path: Path) -> MakeEmbeddings:
    """Write vectors by id as an embedding table; return its path."""

    def make(
        vectors: dict[str, NDArray[np.float32]],
        model: str = "model-a",
        failed: tuple[str, ...] = (),
        name: str | None = None,
    ) -> str:
        dim = len(next(iter(vectors.values())))
        ids = [*vectors, *failed]
        rows: list[list[float] | None] = [vector.tolist() for vector in vectors.values()]
        columns = {
            "id": ids,
            "embedding": rows + [None] * len(failed),
            "n_tokens": [3] * len(ids),
            "truncated": [False] * len(ids),
            "error": [None] * len(vectors) + ["too odd"] * len(failed),
        }
        provenance = {"model": model, "modality": "text", "revision": "abc"}
        schema = embedding_schema(dim, "float32", provenance)
        path = tmp_path / f"{name or model}.parquet"
        pq.write_table(pa.table(columns, schema=schema), path)
        return str(path)

    return make


@pytest.fixture
def vectors() -> dict[str, NDArray[np.float32]]:
    """A vector for every gene, of unequal scales and with one constant feature."""
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(N_GENES, DIM)) * np.array([1, 10, 0.1, 3, 1, 0]) + 2
    return dict(zip(GENES, matrix.astype(np.float32), strict=True))


@pytest.fixture
def signal(vectors: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """One number per gene that its vector tells, with noise."""
    matrix = np.array(list(vectors.values()), dtype=np.float64)[:, :5]
    matrix = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    noise = np.random.default_rng(2).normal(size=N_GENES)
    return np.asarray(matrix[:, 0] + matrix[:, 1] + matrix[:, 2] + noise)


@pytest.fixture
def bench(make_dataset: MakeDataset, signal: NDArray[np.float64]) -> str:
    """A dataset with a task of every type, and tables without tasks."""
    binary = [int(value > 0) for value in signal]
    three = np.digitize(signal, [-1, 1]).tolist()
    labels = [
        [index for index, cut in enumerate((-1.0, 0.0, 1.0)) if value > cut] for value in signal
    ]
    some = ClassLabel(names=["no", "yes"])
    pairs = [(index, (index * 7 + 3) % N_GENES) for index in range(N_GENES)]
    return make_dataset(
        {
            "genes": (
                {"symbol": Value("string"), "description": Value("string")},
                {"symbol": GENES, "description": [f"gene {name}" for name in GENES]},
            ),
            "one": (
                {
                    "symbol": Value("string"),
                    "binary": some,
                    "three": ClassLabel(names=["low", "middle", "high"]),
                    "labels": List(ClassLabel(names=["above -1", "above 0", "above 1"])),
                    "number": Value("float32"),
                },
                {
                    "symbol": GENES,
                    "binary": binary,
                    "three": three,
                    "labels": labels,
                    "number": signal.tolist(),
                },
            ),
            "two": (
                {"symbol_a": Value("string"), "symbol_b": Value("string"), "agree": some},
                {
                    "symbol_a": [GENES[first] for first, _ in pairs],
                    "symbol_b": [GENES[second] for _, second in pairs],
                    "agree": [int(signal[a] + signal[b] > 0) for a, b in pairs],
                },
            ),
        }
    )


@pytest.fixture
def probe(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `probe` with these arguments in this process."""

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        try:
            status = command(list(arguments))
        except SystemExit as end:  # how argparse ends, after its one line
            status = int(end.code or 0)
        captured = capsys.readouterr()
        return Ran(status, captured.out, captured.err)

    return run
