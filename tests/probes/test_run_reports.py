"""What a run tells beside its numbers, and what must not change them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from threadpoolctl import (
    threadpool_info,
    threadpool_limits,
)

from extractors.store import load_embeddings
from probes import solver
from probes import work as work_module
from probes.linear import fit_trials
from probes.run import Outcome, run_probes
from probes.settings import Settings
from probes.summary import headline_scores, score_legend, score_table
from probes.task_set import load_tasks

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAME = 1e-3
"""Fits beside others in a batch end in other digits: so far apart may their AUROCs be."""
Vectors = dict[str, "NDArray[np.float32]"]
MakeEmbeddings = Callable[..., str]


def run(paths: list[str], tasks: list[str], jobs: int = 1, **settings: Any) -> Outcome:
    embeddings = [load_embeddings(path) for path in paths]
    return run_probes(embeddings, load_tasks(tasks), Settings(**settings), jobs)


def values(outcome: Outcome, metric: str, label: str | None = None, model: str = "") -> list[Any]:
    """The values of a metric in the order of repeats and folds."""
    return [
        row["value"]
        for row in outcome.rows
        if row["metric"] == metric
        and row["label"] == label
        and (not model or row["model"] == model)
    ]


def remarks(outcome: Outcome) -> list[str]:
    """The notes of a run, but for that on the one constant feature of `vectors`."""
    return [note for note in outcome.notes if "left out 1 of 6 features" not in note]


def test_neither_row_order_nor_jobs_change_a_number(
    bench: str,
    vectors: Vectors,
    make_embeddings: MakeEmbeddings,
    make_dataset: Callable[..., str],
) -> None:
    turned = dict(reversed(vectors.items()))
    plain = run([make_embeddings(vectors)], [bench], repeats=2)
    mixed = run([make_embeddings(turned, name="turned")], [bench], repeats=2, jobs=3)
    drop = {"embedding": None}
    assert [row | drop for row in plain.rows] == [row | drop for row in mixed.rows]

    from datasets import ClassLabel, Value

    (data,) = load_tasks([f"{bench}/one/binary"]).tasks
    features = {"symbol": Value("string"), "binary": ClassLabel(names=["no", "yes"])}
    columns = {"symbol": [key[0] for key in data.keys][::-1], "binary": data.labels[::-1].tolist()}
    other = make_dataset({"one": (features, columns)}, "backwards")
    again = run([make_embeddings(vectors)], [other], repeats=2)
    count = len(values(again, "auroc"))
    assert values(again, "auroc") == values(plain, "auroc")[:count]


def test_fits_that_stop_early_are_noted_and_recorded(
    bench: str,
    vectors: Vectors,
    make_embeddings: MakeEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solver, "MAX_ITER", 2)
    path = make_embeddings(vectors)
    outcome = run([path], [f"{bench}/one"], jobs=2, c=1.0)
    expected = {"bench/one/binary": 5, "bench/one/three": 5, "bench/one/labels": 15}
    assert [note.split(" fits")[0] for note in remarks(outcome)] == [
        f"{path} on {task}: {fits}" for task, fits in expected.items()
    ]
    assert outcome.provenance["unconverged"] == [
        {"embedding": path, "task": task, "fits": fits} for task, fits in expected.items()
    ]


def test_fits_run_on_one_thread_each(
    bench: str,
    vectors: Vectors,
    make_embeddings: MakeEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The order of a parallel sum depends on the number of threads."""
    seen: list[int] = []

    def watch(*arguments: Any, **more: Any) -> Any:
        seen.extend(pool["num_threads"] for pool in threadpool_info() if "blas" in pool["user_api"])
        return fit_trials(*arguments, **more)

    monkeypatch.setattr(work_module, "fit_trials", watch)
    with threadpool_limits(3):
        run([make_embeddings(vectors)], [f"{bench}/one/number"])
    assert set(seen) == {1}


def test_a_metric_without_a_value_is_null_and_counted(
    vectors: Vectors, make_embeddings: MakeEmbeddings, make_dataset: Callable[..., str]
) -> None:
    """A model that has no entity of one class in some test part."""
    from datasets import ClassLabel, List, Value

    genes = list(vectors)[:40]
    features = {
        "symbol": Value("string"),
        "y": ClassLabel(names=["no", "yes"]),
        "z": List(ClassLabel(names=["usual", "rare"])),
    }
    columns = {
        "symbol": genes,
        "y": [1] * 5 + [0] * 35,
        "z": [["rare"]] + [["usual"] if index % 2 else [] for index in range(39)],
    }
    root = make_dataset({"t": (features, columns)})
    path = make_embeddings({name: vectors[name] for name in genes[1:]})  # lacks one "yes"
    outcome = run([path], [root])
    found = {
        row["metric"]: row["value"]
        for row in outcome.rows
        if row["task"].endswith("/y") and row["value"] is None
    }
    assert set(found) >= {"auroc", "average_precision", "balanced_accuracy", "mcc", "f1"}
    assert set(found).isdisjoint({"accuracy", "log_loss", "C"})
    # Nobody who has a vector has the label `rare`: no model in any fold, the other label counts.
    assert values(outcome, "auroc", "rare") == [None] * 5
    assert values(outcome, "auroc", "usual") == [
        row["value"]
        for row in outcome.rows
        if (row["task"], row["metric"], row["label"]) == ("bench/t/z", "auroc", None)
    ]
    nulls = sum(row["value"] is None for row in outcome.rows)
    assert nulls > len(found)
    assert any(note.startswith(f"{nulls} of {len(outcome.rows)} values") for note in outcome.notes)
    score = headline_scores(outcome.rows)["bench/t/y", path]
    defined = [one for one in values(outcome, "auroc")[:5] if one is not None]
    assert score.mean == pytest.approx(np.mean(defined))
    assert score.mean is not None
    assert score.interval is not None
    assert score.interval[0] < score.mean < score.interval[1] <= 1


def test_small_classes_are_left_out_and_named(
    vectors: Vectors, make_embeddings: MakeEmbeddings, make_dataset: Callable[..., str]
) -> None:
    from datasets import ClassLabel, Value

    features = {"symbol": Value("string"), "y": ClassLabel(names=["a", "b", "rare"])}
    columns = {"symbol": list(vectors)[:43], "y": [0, 1] * 20 + [2] * 3}
    outcome = run([make_embeddings(vectors)], [make_dataset({"t": (features, columns)})])
    (note,) = remarks(outcome)
    assert "left out 3 entities of classes with fewer than 5 members: rare (3)" in note
    (task,) = outcome.provenance["tasks"]
    assert (task["entities"], task["left_out"], task["family"]) == (40, {"rare": 3}, "t")
    assert {row["n_train"] + row["n_test"] for row in outcome.rows} == {40}


def test_a_model_without_any_entity_of_one_task_is_a_problem(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings, make_dataset: Callable[..., str]
) -> None:
    from datasets import ClassLabel, Value

    features = {"id": Value("string"), "y": ClassLabel(names=["no", "yes"])}
    columns = {"id": [f"window-{index}" for index in range(20)], "y": [0, 1] * 10}
    other = make_dataset({"t": (features, columns)}, "windows")
    path = make_embeddings(vectors)
    outcome = run([path], [f"{bench}/one/binary", other])
    (problem,) = outcome.problems
    assert f"{path} has a vector for no entity of windows/t/y (window-0" in problem
    assert {row["dataset"] for row in outcome.rows} == {"bench"}
    assert outcome.provenance["problems"] == [problem]


def test_pairs_both_ways_round_are_remarked(
    vectors: Vectors, make_embeddings: MakeEmbeddings, make_dataset: Callable[..., str]
) -> None:
    from datasets import ClassLabel, Value

    genes = list(vectors)[:20]
    text = Value("string")
    features = {"symbol_a": text, "symbol_b": text, "y": ClassLabel(names=["no", "yes"])}
    first, second = genes[:10] + genes[10:], genes[10:] + genes[:10]
    columns = {"symbol_a": first, "symbol_b": second, "y": [0, 1] * 10}
    root = make_dataset({"t": (features, columns)})
    (note,) = remarks(run([make_embeddings(vectors)], [root]))
    assert "10 pairs are there both ways round" in note
    assert not remarks(run([make_embeddings(vectors)], [root], pair="concat"))


def test_constant_features_are_counted_where_they_are_dropped(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings
) -> None:
    path, task = make_embeddings(vectors), f"{bench}/one/number"
    said = f"{path}: left out 1 of 6 features that are the same for all its entities"
    assert run([path], [task]).notes == [said]
    assert run([path], [task], protocol="unscaled").notes == [said]
    assert run([path], [task], protocol="paper").notes == []
    assert run([path], [task], probe="knn").notes == []


def test_the_table_shows_the_whole_of_a_learning_curve(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings
) -> None:
    path, task = make_embeddings(vectors), f"{bench}/one/binary"
    whole, curve = (run([path], [task], fractions=given) for given in ((1.0,), (0.2, 1.0)))
    (first,), (second,) = (headline_scores(one.rows).values() for one in (whole, curve))
    assert second.mean == pytest.approx(first.mean, abs=SAME)
    assert second.interval == pytest.approx(first.interval, abs=SAME)
    part = run([path], [task], fractions=(0.1, 0.2))
    assert score_legend(part.rows).endswith("trained on 20% of the training parts")
    (third,) = headline_scores(part.rows).values()
    assert third.mean != pytest.approx(first.mean, abs=SAME)


def test_provenance(bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings) -> None:
    import hashlib
    from pathlib import Path

    path = make_embeddings(vectors)
    found = run([path], [f"{bench}/one"], seed=9, protocol="paper").provenance
    assert (found["seed"], found["folds"], found["protocol"]) == (9, 5, "paper")
    assert set(found["versions"]) == {"genezoo", "numpy", "scikit-learn", "scipy"}
    (embedding,) = found["embeddings"]
    assert embedding["sha256"] == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert embedding["provenance"]["revision"] == "abc"
    assert found["datasets"][0]["revision"].startswith("sha256:")
    assert [task["classes"] for task in found["tasks"]][3] == []


def test_two_embeddings_of_one_model_stay_apart(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings
) -> None:
    paths = [make_embeddings(vectors), make_embeddings(vectors, name="copy")]
    outcome = run(paths, [f"{bench}/one/binary"])
    assert any("2 embeddings are of model 'model-a'" in note for note in outcome.notes)
    table = score_table(outcome.rows)
    assert all(f"model-a ({path})" in table.splitlines()[0] for path in paths)
    assert len(headline_scores(outcome.rows)) == 2


def test_vectors_that_are_all_the_same_know_nothing(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings
) -> None:
    same = {name: np.ones(3, dtype=np.float32) for name in vectors}
    outcome = run([make_embeddings(same)], [bench])
    assert not outcome.problems
    scores = headline_scores(outcome.rows).values()
    assert {score.mean for score in scores} == {0.5, None}  # no ranks: Spearman is undefined
    assert any("left out 3 of 3 features" in note for note in outcome.notes)
