"""CKA, RSA and shared neighbours against their definitions on whole matrices."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from extractors.store import Embeddings
from probes.similarity import cka, compare_embeddings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MakeEmbeddings = Callable[..., str]
Probe = Callable[..., Any]


def embedding(name: str, vectors: NDArray[Any], ids: list[str] | None = None) -> Embeddings:
    names = ids or [f"G{row}" for row in range(len(vectors))]
    return Embeddings(f"{name}.parquet", name, "text", names, vectors.astype(np.float32))


def hsic(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """The estimators of Gretton 2005 and Song 2012, from the n x n kernels."""
    n = len(first)
    kernel, other = first @ first.T, second @ second.T
    centre = np.eye(n) - 1 / n
    biased = np.trace(kernel @ centre @ other @ centre) / (n - 1) ** 2
    np.fill_diagonal(kernel, 0)
    np.fill_diagonal(other, 0)
    unbiased = (
        np.trace(kernel @ other)
        + kernel.sum() * other.sum() / ((n - 1) * (n - 2))
        - 2 * (kernel @ other).sum() / (n - 2)
    ) / (n * (n - 3))
    return float(biased), float(unbiased)


@pytest.fixture
def related() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(60, 5)) * [3, 1, 1, 1, 0.1] + 2
    return first, np.tanh(first) @ rng.normal(size=(5, 8)) + rng.normal(size=(60, 8))


def test_cka_is_that_of_the_kernels(
    related: tuple[NDArray[np.float64], NDArray[np.float64]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.similarity.BLOCK_ROWS", 17)
    first, second = related
    crossed, one, other = hsic(first, second), hsic(first, first), hsic(second, second)
    wanted = [crossed[kind] / np.sqrt(one[kind] * other[kind]) for kind in (0, 1)]
    assert cka(first, second) == pytest.approx(wanted, abs=1e-10)
    turned = first @ stats.ortho_group.rvs(5, random_state=1) * 7 + 3
    assert cka(first, turned) == pytest.approx((1, 1), abs=1e-10)
    # The debiased one does not rise with the dimension.
    rng = np.random.default_rng(2)
    plain, debiased = cka(rng.normal(size=(60, 300)), rng.normal(size=(60, 300)))
    assert plain is not None
    assert debiased is not None
    assert plain > 0.7
    assert abs(debiased) < 0.05
    assert cka(np.ones((60, 2)), first) == (None, None)


def test_rsa_and_neighbours_are_those_of_all_distances(
    related: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    first, second = related
    (pair,) = compare_embeddings(
        [embedding("a", first), embedding("b", second)], neighbours=7
    ).pairs
    distances = [pdist(one, "cosine") for one in (first, second)]
    assert pair.rsa == pytest.approx(stats.spearmanr(*distances).statistic, abs=1e-4)
    near = []
    for one in (first, second):
        unit = one / np.linalg.norm(one, axis=1, keepdims=True)
        likeness = unit @ unit.T
        np.fill_diagonal(likeness, -2)
        near.append([set(row) for row in np.argsort(-likeness, axis=1)[:, :7].tolist()])
    shared = np.mean([len(one & other) / 7 for one, other in zip(*near, strict=True)])
    assert pair.neighbours == pytest.approx(shared)
    assert pair.chance == pytest.approx(7 / 59)
    assert pair.entities == 60


def test_only_common_entities_count_and_their_order_does_not() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(40, 4))
    names = [f"G{row}" for row in range(40)]
    order = rng.permutation(40)
    whole = embedding("a", vectors, names)
    turned = embedding("b", vectors[order][:30] * 2, [names[row] for row in order[:30]])
    third = embedding("c", rng.normal(size=(40, 4)), names)
    found = compare_embeddings([whole, turned, third], sample=20)
    assert [(one.first, one.second) for one in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert (found.entities, found.sampled) == (30, 20)
    same = found.pairs[0]
    assert (same.cka, same.rsa, same.neighbours) == pytest.approx((1, 1, 1), abs=1e-6)
    assert abs(found.pairs[1].rsa or 1) < 0.3


def test_the_command(
    probe: Probe, vectors: dict[str, Any], make_embeddings: MakeEmbeddings, tmp_path: Path
) -> None:
    first = make_embeddings(vectors)
    second = make_embeddings(
        {name: -3 * vector for name, vector in vectors.items()}, model="model-b", name="b.parquet"
    )
    for suffix in ("csv", "parquet"):
        out = tmp_path / f"similarity.{suffix}"
        ran = probe("similarity", first, second, "--out", str(out))
        assert ran.status == 0, ran.err
        if suffix == "csv":
            rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
        else:
            rows = pq.read_table(out).to_pylist()
        assert [(row["first"], row["second"]) for row in rows] == [("model-a", "model-b")]
        assert float(rows[0]["cka"]) == pytest.approx(1)
    assert "on 120 common entities" in ran.out
    other = make_embeddings({"X1": np.ones(3, np.float32)}, model="model-c", name="c.parquet")
    for arguments, said in (
        ([first], "give two different embeddings"),
        ([first, first], "give two different embeddings"),
        ([first, other], "0 entities are in all embeddings, 12 are needed"),
        ([first, second, "--neighbours", "0"], "--neighbours 0"),
        ([first, second, "--out", first], "is one of the inputs"),
        ([first, second, "--out", "x.txt"], "neither CSV nor Parquet"),
    ):
        ran = probe("similarity", *arguments)
        assert ran.status == 2
        assert said in ran.err
        assert len(ran.err.splitlines()) == 1
