"""Retrieval and clustering against scikit-learn and by hand, one query at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from datasets import ClassLabel, List, Value
from sklearn.metrics import average_precision_score, roc_auc_score, v_measure_score

from probes.result import RESULT_SCHEMA, read_results
from probes.retrieval import retrieval, sharing

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Vectors = dict[str, "NDArray[np.float32]"]
MakeEmbeddings = Callable[..., str]
MakeDataset = Callable[..., str]
Probe = Callable[..., Any]


def by_hand(ranked: list[list[bool]], total: list[int], k: int) -> tuple[float, float, float]:
    gains, precisions, shares = [], [], []
    for one, count in zip(ranked, total, strict=True):
        if not count:
            continue
        ideal = sum(1 / math.log2(place + 2) for place in range(min(k, count)))
        gains.append(sum(1 / math.log2(p + 2) for p, hit in enumerate(one[:k]) if hit) / ideal)
        found = [sum(one[: p + 1]) / (p + 1) for p, hit in enumerate(one[:k]) if hit]
        precisions.append(sum(found) / min(k, count))
        shares.append(sum(one[:k]) / k)
    return tuple(float(np.mean(each)) for each in (gains, precisions, shares))  # type: ignore[return-value]


def test_retrieval_is_its_definition() -> None:
    rng = np.random.default_rng(0)
    ranked = rng.random((30, 5)) < 0.4
    total = ranked.sum(axis=1) + rng.integers(0, 3, 30)
    assert retrieval(ranked, total, 5) == pytest.approx(
        by_hand(ranked.tolist(), total.tolist(), 5), abs=1e-12
    )
    # Fewer others than k: the ideal ranking is as long as it can be.
    short = np.array([[True, True], [False, True]])
    assert retrieval(short, np.array([2, 1]), 10) == pytest.approx(
        by_hand(short.tolist(), [2, 1], 10)
    )
    assert retrieval(short, np.zeros(2, dtype=np.intp), 10) == (None, None, None)


def test_sharing_counts_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.retrieval.BLOCK_CELLS", 100)
    labels = np.random.default_rng(1).random((33, 4)) < 0.3
    wanted = [
        sum(bool((one & other).any()) for place, other in enumerate(labels) if place != row)
        for row, one in enumerate(labels)
    ]
    assert sharing(labels).tolist() == wanted


@pytest.fixture
def clustered() -> Vectors:
    """Three directions with noise, in lengths that must not matter."""
    rng = np.random.default_rng(2)
    centres = np.eye(4)[:3]
    rows = np.repeat(centres, 20, axis=0) + rng.normal(size=(60, 4)) * 0.1
    rows *= rng.lognormal(size=(60, 1))
    return {f"G{row:02}": vector.astype(np.float32) for row, vector in enumerate(rows)}


@pytest.fixture
def groups(make_dataset: MakeDataset, clustered: Vectors) -> str:
    names = list(clustered)
    group = [row // 20 for row in range(60)]
    pairs = [(row, (row * 7 + 1) % 60) for row in range(60)]
    features = {
        "symbol": Value("string"),
        "group": ClassLabel(names=["a", "b", "c"]),
        "sets": List(ClassLabel(names=["a", "b", "c", "d"])),
        "number": Value("float32"),
    }
    columns = {
        "symbol": [*names, "GONE"],
        "group": [*group, 0],
        "sets": [*([one, 3] if row % 5 else [one] for row, one in enumerate(group)), []],
        "number": [float(row) for row in range(61)],
    }
    together = {"symbol_a": Value("string"), "symbol_b": Value("string")}
    same = {
        "symbol_a": [names[one] for one, _ in pairs],
        "symbol_b": [names[other] for _, other in pairs],
        "same": [int(group[one] == group[other]) for one, other in pairs],
    }
    return make_dataset(
        {
            "one": (features, columns),
            "two": (together | {"same": ClassLabel(names=["no", "yes"])}, same),
        }
    )


def test_what_lies_together_is_found(
    probe: Probe, clustered: Vectors, groups: str, make_embeddings: MakeEmbeddings, tmp_path: Path
) -> None:
    good = make_embeddings(clustered)
    rng = np.random.default_rng(3)
    bad = make_embeddings(
        {name: rng.normal(size=4).astype(np.float32) for name in clustered},
        model="random",
        name="random.parquet",
    )
    out = tmp_path / "zero.parquet"
    command = ("zero-shot", good, bad, "--tasks", groups, "--k", "5", "--out", str(out))
    ran = probe(*command)
    assert ran.status == 0, ran.err
    table, (provenance,) = read_results([out])
    assert table.schema.equals(RESULT_SCHEMA)
    rows = table.to_pylist()
    assert {(row["probe"], row["protocol"], row["n_train"]) for row in rows} == {
        ("zero-shot", "zero-shot", 0)
    }
    assert provenance["k"] == 5
    values = {
        (row["model"], "/".join(row["task"].split("/")[-2:]), row["metric"]): row["value"]
        for row in rows
    }
    for name in ("ndcg_at_5", "map_at_5", "precision_at_5", "v_measure"):
        assert values["model-a", "one/group", name] == pytest.approx(1, abs=0.02)
        assert values["random", "one/group", name] < 0.6
    assert values["model-a", "two/same", "auroc"] == 1
    assert values["model-a", "one/sets", "precision_at_5"] > 0.95
    assert ("model-a", "one/sets", "v_measure") not in values
    assert not any(task == "one/number" for _, task, _ in values)
    assert "one/number: no zero-shot metric for its type" in ran.err
    assert "one/group: left out 1 entities" in ran.err
    assert next(row for row in rows if row["config"] == "one")["coverage"] == 60 / 61
    first = out.read_bytes()
    assert probe(*command).status == 0
    assert out.read_bytes() == first


def test_values_are_those_of_a_plain_loop(
    probe: Probe, groups: str, clustered: Vectors, make_embeddings: MakeEmbeddings, tmp_path: Path
) -> None:
    rng = np.random.default_rng(4)
    noisy = {
        name: (vector + rng.normal(size=4) * 0.8).astype(np.float32)
        for name, vector in clustered.items()
    }
    out = tmp_path / "zero.parquet"
    assert (
        probe("zero-shot", make_embeddings(noisy), "--tasks", groups, "--out", str(out)).status == 0
    )
    values = {
        (row["config"], row["task"].split("/")[-1], row["metric"]): row["value"]
        for row in read_results([out])[0].to_pylist()
    }
    x = np.array(list(noisy.values()), dtype=np.float64)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    likeness = x @ x.T
    group = np.arange(60) // 20
    np.fill_diagonal(likeness, -2)
    order = np.argsort(-likeness, axis=1)[:, :10]
    wanted = by_hand((group[order] == group[:, None]).tolist(), [19] * 60, 10)
    names = ("ndcg_at_10", "map_at_10", "precision_at_10")
    assert [values["one", "group", name] for name in names] == pytest.approx(wanted, abs=1e-9)
    pairs = [(row, (row * 7 + 1) % 60) for row in range(60)]
    cosine = [x[one] @ x[other] for one, other in pairs]
    truth = [group[one] == group[other] for one, other in pairs]
    assert values["two", "same", "auroc"] == pytest.approx(roc_auc_score(truth, cosine))
    assert values["two", "same", "average_precision"] == pytest.approx(
        average_precision_score(truth, cosine)
    )
    assert 0 < values["one", "group", "v_measure"] < 1
    assert v_measure_score(group, group) == 1


def test_bad_input_costs_one_line(
    probe: Probe, groups: str, clustered: Vectors, make_embeddings: MakeEmbeddings, tmp_path: Path
) -> None:
    good = make_embeddings(clustered)
    alien = make_embeddings({"X": np.ones(4, np.float32)}, model="x", name="x.parquet")
    out = str(tmp_path / "zero.parquet")
    for arguments, said in (
        ([good, "--k", "0"], "--k 0 is not possible"),
        ([good, good], "name each embedding once"),
        ([alien], "no zero-shot score"),
        ([good, "--out", "x.csv"], "is not a Parquet file"),
        ([good, "--out", good], "is one of the inputs"),
    ):
        words = ["zero-shot", *arguments, "--tasks", groups]
        ran = probe(*words, *(() if "--out" in words else ("--out", out)))
        assert ran.status == 2
        assert said in ran.err
        assert len(ran.err.splitlines()) == 1
    ran = probe("zero-shot", good, alien, "--tasks", groups, "--out", out)
    assert ran.status == 1
    assert "not done:" in ran.err
