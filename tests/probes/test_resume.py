"""Interrupted runs go on; tasks that fail are named; predictions; fixed splits of sequences."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, List, Value
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef, roc_auc_score
from sklearn.preprocessing import StandardScaler

from probes import work as work_module
from probes.linear import fit_trials
from probes.parts import Parts
from probes.result import PREDICTION_SCHEMA, read_results

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Vectors = dict[str, "NDArray[np.float32]"]
Probe = Callable[..., Any]
Make = Callable[..., str]


@pytest.fixture
def emb(vectors: Vectors, make_embeddings: Make) -> str:
    return make_embeddings(vectors)


class Killed(BaseException):
    """As when a process ends: nothing of ours catches it."""


@pytest.mark.parametrize("when", [0, 1, 2])
def test_a_killed_run_goes_on_and_gives_the_same_bytes(
    *,
    when: int,
    probe: Probe,
    emb: str,
    bench: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def command(name: str, *more: str) -> tuple[str, ...]:
        files = ("--out", str(tmp_path / f"{name}.parquet"))
        scores = ("--predictions", str(tmp_path / f"{name}.scores.parquet"))
        return (emb, "--tasks", bench, *files, *scores, *more)

    assert probe(*command("whole")).status == 0
    assert probe(*command("threads", "--jobs", "2")).status == 0
    write = Parts.write
    written: list[int] = []

    def dies(parts: Parts, number: int, *what: Any) -> None:
        if len(written) == when:
            raise Killed
        written.append(number)
        write(parts, number, *what)

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "write", dies)
        with pytest.raises(Killed):
            probe(*command("killed", "--jobs", "1"))
    folder = tmp_path / "killed.parquet.parts"
    assert len(list(folder.glob("*.rows.parquet"))) == when
    assert not (tmp_path / "killed.parquet").exists()
    other = probe(*command("killed", "--seed", "7"))
    assert other.status == 2
    assert "holds an unfinished run with other settings (seed was 0, now 7)" in other.err
    done: list[Any] = []

    def counted(*what: Any) -> Any:
        done.append(what)
        return fit_trials(*what)

    with monkeypatch.context() as patch:
        patch.setattr(work_module, "fit_trials", counted)
        assert probe(*command("killed")).status == 0
    assert not folder.exists()
    assert len(done) == 3 - when  # of three batches
    for name in ("killed", "threads"):
        for end in ("parquet", "scores.parquet"):
            found, whole = (tmp_path / f"{one}.{end}" for one in (name, "whole"))
            assert found.read_bytes() == whole.read_bytes()


def test_restart_discards(
    probe: Probe, emb: str, bench: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = str(tmp_path / "r.parquet")

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "write", dies)
        with pytest.raises(Killed):
            probe(emb, "--tasks", bench, "--out", out)
    assert probe(emb, "--tasks", bench, "--out", out, "--seed", "7", "--restart").status == 0
    _, (provenance,) = read_results([out])
    assert provenance["seed"] == 7


def test_a_task_that_fails_is_named_and_the_rest_is_done(
    probe: Probe, emb: str, bench: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = str(tmp_path / "r.parquet")

    def breaks(design: Any, trials: Any, *more: Any) -> Any:
        if any(trial.task.column == "three" for trial in trials):
            message = "Singular matrix"
            raise np.linalg.LinAlgError(message)
        return fit_trials(design, trials, *more)

    monkeypatch.setattr(work_module, "fit_trials", breaks)
    scores = str(tmp_path / "p.parquet")
    ran = probe(emb, "--tasks", bench, "--out", out, "--predictions", scores)
    assert ran.status == 1
    assert f"not done: {emb} on bench/one/three: LinAlgError: Singular matrix" in ran.err
    table, (provenance,) = read_results([out])
    assert len(table["task"].unique()) == 4
    assert set(pq.read_table(scores)["task"].unique()) == set(table["task"].unique())
    assert len(provenance["problems"]) == 1


def test_predictions_give_the_scores(probe: Probe, emb: str, bench: str, tmp_path: Path) -> None:
    out, scores = tmp_path / "r.parquet", tmp_path / "p.parquet"
    ran = probe(emb, "--tasks", bench, "--repeats", "2", "--out", str(out),
                "--predictions", str(scores))  # fmt: skip
    assert ran.status == 0
    table = pq.read_table(scores)
    assert table.schema.equals(PREDICTION_SCHEMA)
    assert f"wrote {scores} ({len(table):,} predictions)" in ran.err
    rows = table.to_pylist()
    results, _ = read_results([out])
    whole = {
        (row["task"], row["label"], row["repeat"], row["fold"]): row["value"]
        for row in results.to_pylist()
        if row["metric"] == "auroc"
    }
    by_round: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        place = (row["task"], row["label"], row["repeat"], row["fold"])
        by_round.setdefault(place, []).append(row)
    checked = 0
    for place, found in by_round.items():
        truth = [row["truth"] for row in found]
        if place[0].endswith(("binary", "agree", "labels")):
            auroc = roc_auc_score(truth, [row["score"] for row in found])
            assert auroc == pytest.approx(whole[place], abs=1e-6)
            checked += 1
    assert checked == (1 + 1 + 3) * 2 * 5
    three = [found for place, found in by_round.items() if place[0].endswith("three")]
    assert sum(row["score"] for found in three for row in found) == pytest.approx(2 * 120)
    assert sum(row["truth"] for found in three for row in found) == 2 * 120
    assert any("|" in row["id"] for row in rows)


def test_predictions_of_a_learning_curve_are_of_the_whole(
    probe: Probe, emb: str, bench: str, tmp_path: Path
) -> None:
    out, whole, curve = (str(tmp_path / f"{name}.parquet") for name in "rwc")
    command = (emb, "--tasks", f"{bench}/one", "--out", out)
    assert probe(*command, "--predictions", whole).status == 0
    ran = probe(*command, "--predictions", curve, "--fractions", "0.3,1")
    assert ran.status == 0
    # The same fits, though a batch holds others beside them.
    first, second = pq.read_table(whole), pq.read_table(curve)
    assert first.drop(["score"]).equals(second.drop(["score"]))
    np.testing.assert_allclose(first["score"], second["score"], atol=2e-3)
    ran = probe(*command, "--predictions", curve, "--fractions", "0.1,0.3")
    assert ran.status == 2
    assert "--predictions needs fits on all training entities; add 1 to --fractions" in ran.err


def test_where_predictions_may_not_go(probe: Probe, emb: str, bench: str, tmp_path: Path) -> None:
    out = str(tmp_path / "r.parquet")
    for place, why in ((out, "is --out too"), (emb, "is one of the embeddings"), ("p.csv", "Parq")):
        ran = probe(emb, "--tasks", bench, "--out", out, "--predictions", place)
        assert ran.status == 2
        assert why in ran.err


def sequences(rows: int) -> list[str]:
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list("ACGT"), 40)) for _ in range(rows)]


def counts(texts: list[str], length: int) -> NDArray[np.float32]:
    """How often each word of so many letters occurs."""
    words = ["".join(word) for word in itertools.product("ACGT", repeat=length)]
    place = {word: at for at, word in enumerate(words)}
    found = np.zeros((len(texts), len(words)), np.float32)
    for row, text in enumerate(texts):
        for start in range(len(text) - length + 1):
            at = place.get(text[start : start + length])
            if at is not None:
                found[row, at] += 1
    return found


def test_a_table_of_sequences_has_a_fixed_split(
    probe: Probe, make_dataset: Make, make_embeddings: Make, tmp_path: Path
) -> None:
    """Train, choose C on validation, score on test; each once."""
    texts = sequences(120)
    ids = [f"s{index:03}" for index in range(120)]
    vectors = counts(texts, 1)
    rich = vectors[:, 1] + vectors[:, 2] + np.random.default_rng(0).normal(size=120)
    order = np.argsort(np.argsort(rich))
    split = [("train", "train", "valid", "test")[index % 4] for index in range(120)]
    features = {
        "id": Value("string"), "sequence": Value("string"), "split": Value("string"),
        "rich": ClassLabel(names=["no", "yes"]), "level": ClassLabel(names=["a", "b", "c"]),
        "marks": List(ClassLabel(names=["u", "v"])), "amount": Value("float32"),
    }  # fmt: skip
    columns = {
        "id": ids, "sequence": texts, "split": split,
        "rich": (order > 60).astype(int).tolist(), "level": (order // 40).tolist(),
        "marks": [[at for at in (0, 1) if one > 40 * at + 40] for one in order],
        "amount": rich.tolist(),
    }  # fmt: skip
    root = make_dataset({"t": (features, columns)})
    emb = make_embeddings(dict(zip(ids, vectors, strict=True)))
    out = str(tmp_path / "r.parquet")
    ran = probe(emb, "--tasks", root, "--out", out)
    assert ran.status == 0, ran.err
    rows = read_results([out])[0].to_pylist()
    assert len({row["task"] for row in rows}) == 4
    assert {(row["split"], row["repeat"], row["fold"]) for row in rows} == {("fixed", 0, 0)}
    assert {(row["n_train"], row["n_test"]) for row in rows} == {(60, 30)}
    first = {row["task"][8:]: row["value"] for row in rows if row["metric"] == "auroc"}
    assert min(first.values()) > 0.7
    again = probe(emb, "--tasks", root, "--out", out, "--split", "random")
    assert again.status == 0
    assert set(read_results([out])[0]["split"].to_pylist()) == {"random"}
    bad = probe(emb, "--tasks", root, "--out", out, "--repeats", "2")
    assert bad.status == 2
    assert "--repeats 2: column 'split' fixes the split" in bad.err


def test_real_promoters(
    upstream: Path, probe: Probe, make_dataset: Make, make_embeddings: Make, tmp_path: Path
) -> None:
    """TATA promoters of GUE by counts of words of four letters, against scikit-learn's fit."""
    texts, labels, split = [], [], []
    for name, word in (("train", "train"), ("dev", "dev"), ("test", "test")):
        with gzip.open(upstream / f"gue/prom_300/tata_{name}.csv.gz", "rt") as stream:
            for row in csv.DictReader(stream):
                texts.append(row["sequence"])
                labels.append(int(row["label"]))
                split.append(word)
    ids = [f"p{index:05}" for index in range(len(texts))]
    vectors = counts(texts, 4)
    features = {
        "id": Value("string"), "sequence": Value("string"), "split": Value("string"),
        "promoter": ClassLabel(names=["no", "yes"]),
    }  # fmt: skip
    columns = {"id": ids, "sequence": texts, "split": split, "promoter": labels}
    root = make_dataset({"tata": (features, columns)}, "gue")
    emb = make_embeddings(dict(zip(ids, vectors, strict=True)))
    out = str(tmp_path / "r.parquet")
    scores = str(tmp_path / "p.parquet")
    ran = probe(emb, "--tasks", root, "--out", out, "--predictions", scores)
    assert ran.status == 0, ran.err
    rows = {row["metric"]: row for row in read_results([out])[0].to_pylist()}
    assert rows["auroc"]["n_test"] == split.count("test")
    assert rows["auroc"]["value"] > 0.7
    assert rows["mcc"]["value"] > 0.3
    x, y, part = StandardScaler().fit_transform(vectors.astype(np.float64)), np.array(labels), split
    train, test = (np.array([one == name for one in part]) for name in ("train", "test"))
    peer = LogisticRegression(C=rows["C"]["value"], tol=1e-6, max_iter=1000)
    peer.fit(x[train], y[train])
    expected = roc_auc_score(y[test], peer.decision_function(x[test]))
    assert rows["auroc"]["value"] == pytest.approx(expected, abs=1e-4)
    predicted = pq.read_table(scores)
    truth, score = predicted["truth"].to_numpy(), predicted["score"].to_numpy()
    assert roc_auc_score(truth, score) == pytest.approx(rows["auroc"]["value"], abs=1e-6)
    assert matthews_corrcoef(truth, score > 0) == pytest.approx(rows["mcc"]["value"], abs=1e-6)
