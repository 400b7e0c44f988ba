"""Runs against a plain scikit-learn loop on the same folds, and what models with holes share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import average_precision_score, r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from extractors.store import load_embeddings
from probes.result import RESULT_SCHEMA
from probes.run import Outcome, run_probes
from probes.settings import Protocol, Settings
from probes.task_set import load_tasks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from probes.settings import Pair

Vectors = dict[str, "NDArray[np.float32]"]
MakeEmbeddings = Callable[..., str]
SAME = 1e-6
PROTOCOLS: list[Protocol] = ["standard", "unscaled", "paper"]


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


def logistic(protocol: Protocol) -> Any:
    if protocol == "paper":
        return LogisticRegression(max_iter=5000)
    return LogisticRegression(tol=1e-8, max_iter=5000)


def how(protocol: Protocol) -> dict[str, Any]:
    """Settings of a protocol that a plain scikit-learn loop can follow."""
    return {"protocol": protocol} | ({} if protocol == "paper" else {"c": 1.0})


def entities(
    path: str, vectors: Vectors, protocol: Protocol = "paper"
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Features and labels of a task, sorted by key; standardised over all that have a vector."""
    (data,) = load_tasks([path]).tasks
    order = sorted(range(len(data.keys)), key=data.keys.__getitem__)
    found = vectors if protocol != "standard" else scaled(vectors)
    x = np.array([found[data.keys[row][0]] for row in order], dtype=np.float64)
    return x, data.labels[order]


def scaled(vectors: Vectors) -> dict[str, NDArray[np.float64]]:
    matrix = np.array(list(vectors.values()), dtype=np.float64)
    return dict(zip(vectors, StandardScaler().fit_transform(matrix), strict=True))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_binary(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings, protocol: Protocol
) -> None:
    outcome = run([make_embeddings(vectors)], [f"{bench}/one/binary"], **how(protocol))
    x, y = entities(f"{bench}/one/binary", vectors, protocol)
    auroc, precision = [], []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y):
        scores = logistic(protocol).fit(x[train], y[train]).decision_function(x[test])
        auroc.append(roc_auc_score(y[test], scores))
        precision.append(average_precision_score(y[test], scores))
    assert min(auroc) > 0.6
    assert values(outcome, "auroc") == pytest.approx(auroc, abs=SAME)
    assert values(outcome, "average_precision") == pytest.approx(precision, abs=SAME)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_multi_class(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings, protocol: Protocol
) -> None:
    outcome = run([make_embeddings(vectors)], [f"{bench}/one/three"], **how(protocol))
    x, y = entities(f"{bench}/one/three", vectors, protocol)
    expected: dict[str, list[float]] = {"macro": [], "weighted": []}
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y):
        scores = logistic(protocol).fit(x[train], y[train]).predict_proba(x[test])
        for average, found in expected.items():
            found.append(roc_auc_score(y[test], scores, multi_class="ovr", average=average))
    assert values(outcome, "auroc") == pytest.approx(expected["macro"], abs=SAME)
    assert values(outcome, "auroc_weighted") == pytest.approx(expected["weighted"], abs=SAME)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_multi_label(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings, protocol: Protocol
) -> None:
    outcome = run([make_embeddings(vectors)], [f"{bench}/one/labels"], **how(protocol))
    x, y = entities(f"{bench}/one/labels", vectors, protocol)
    expected = []
    for train, test in KFold(5, shuffle=True, random_state=0).split(x):
        models = [logistic(protocol).fit(x[train], y[train, one]) for one in range(3)]
        scores = np.column_stack([model.decision_function(x[test]) for model in models])
        expected.append([roc_auc_score(y[test, one], scores[:, one]) for one in range(3)])
    means = np.mean(expected, axis=1)
    assert values(outcome, "auroc") == pytest.approx(means, abs=SAME)
    assert values(outcome, "auroc", "above 0") == pytest.approx(np.array(expected)[:, 1], abs=SAME)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_regression(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings, protocol: Protocol
) -> None:
    outcome = run([make_embeddings(vectors)], [f"{bench}/one/number"], **how(protocol))
    x, y = entities(f"{bench}/one/number", vectors, protocol)
    r2, spearman = [], []
    for train, test in KFold(5, shuffle=True, random_state=0).split(x):
        model = LinearRegression() if protocol == "paper" else Ridge(alpha=1)
        scores = model.fit(x[train], y[train]).predict(x[test])
        r2.append(r2_score(y[test], scores))
        spearman.append(stats.spearmanr(y[test], scores).statistic)
    assert values(outcome, "r2") == pytest.approx(r2, abs=SAME)
    assert values(outcome, "spearman") == pytest.approx(spearman, abs=SAME)


@pytest.mark.parametrize("pair", ["mean", "concat", "product"])
def test_pairs(bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings, pair: Pair) -> None:
    more = how("standard")
    outcome = run(
        [make_embeddings(vectors)], [f"{bench}/two"], pair=pair, repeats=2, seed=4, **more
    )
    (data,) = load_tasks([f"{bench}/two"]).tasks
    order = sorted(range(len(data.keys)), key=data.keys.__getitem__)
    y = data.labels[order]
    a, b = (np.array([scaled(vectors)[data.keys[row][side]] for row in order]) for side in (0, 1))
    x = {"mean": (a + b) / 2, "concat": np.hstack([a, b]), "product": a * b}[pair]
    expected = []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=4).split(x, y):
        scores = logistic("standard").fit(x[train], y[train]).decision_function(x[test])
        expected.append(roc_auc_score(y[test], scores))
    assert values(outcome, "auroc")[:5] == pytest.approx(expected, abs=SAME)
    assert len(values(outcome, "auroc")) == 10
    assert {row["probe"] for row in outcome.rows} == {f"logistic(C=1,pair={pair})"}


def test_small_problems_are_solved_as_exactly_as_all_with_exact(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings
) -> None:
    """Rare words and a weak penalty: an optimum so flat that float32 misses it."""
    generator = np.random.default_rng(3)
    words = {one: generator.poisson(0.02, 300).astype(np.float32) for one in vectors}
    path = make_embeddings(words)
    plain, exact = (
        run([path], [f"{bench}/one/binary"], c=100.0, exact=exact) for exact in (False, True)
    )
    assert values(plain, "log_loss") == pytest.approx(values(exact, "log_loss"), rel=1e-9)


def test_rows_fit_the_schema(bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings) -> None:
    path = make_embeddings(vectors)
    outcome = run([path], [bench], repeats=2)
    assert all(set(row) == set(RESULT_SCHEMA.names) for row in outcome.rows)
    row = outcome.rows[0]
    assert row["embedding"] == path
    assert (row["model"], row["modality"]) == ("model-a", "text")
    assert (row["config"], row["task"]) == ("one", "bench/one/binary")
    assert (row["split"], row["seed"], row["coverage"]) == ("random", 0, 1.0)
    assert row["n_train"] + row["n_test"] == 120
    places = {(r["task"], r["label"], r["metric"], r["repeat"], r["fold"]) for r in outcome.rows}
    assert len(places) == len(outcome.rows)
    assert outcome.problems == []


def test_folds_are_shared_whatever_a_model_lacks(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings
) -> None:
    """A model without some genes is tested on the same folds, less those genes."""
    holes = {name: vector for name, vector in vectors.items() if int(name[1:]) % 10 != 3}
    full, part = make_embeddings(vectors), make_embeddings(holes, "model-b", failed=("G003",))
    outcome = run([full, part], [f"{bench}/one/binary"], protocol="paper")
    x, y = entities(f"{bench}/one/binary", vectors)
    kept = np.arange(120) % 10 != 3
    expected = []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y):
        has_train, has_test = train[kept[train]], test[kept[test]]
        model = logistic("paper").fit(x[has_train], y[has_train])
        expected.append(roc_auc_score(y[has_test], model.decision_function(x[has_test])))
    assert values(outcome, "auroc", model="model-b") == pytest.approx(expected, abs=SAME)
    alone = run([full], [f"{bench}/one/binary"], protocol="paper")
    assert values(outcome, "auroc", model="model-a") == values(alone, "auroc")
    coverage = {row["model"]: row["coverage"] for row in outcome.rows}
    assert coverage == {"model-a": 1.0, "model-b": 0.9}
    (note,) = outcome.notes
    assert note.startswith(
        f"{part}: left out 12 entities without a vector (1 because their extraction failed): "
        "G003, G013, G023, G033, G043 and 7 more; lowest coverage 90.0%"
    )
    (missing,) = outcome.provenance["missing_entities"]
    assert missing["embedding"] == part
    assert missing["entities"] == 12
    assert missing["names"] == [f"G{index:03}" for index in range(3, 120, 10)]


def test_coverage_of_pairs_needs_both(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings
) -> None:
    path = make_embeddings({name: one for name, one in vectors.items() if name != "G010"})
    outcome = run([path], [f"{bench}/two"])
    # G010 is the first of one pair and the second of another.
    assert {row["coverage"] for row in outcome.rows} == {118 / 120}
    (missing,) = outcome.provenance["missing_entities"]
    assert (missing["entities"], missing["names"]) == (2, ["G010"])


def test_common_scores_all_models_on_the_same_entities(
    bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings
) -> None:
    no_even = {name: vector for name, vector in vectors.items() if int(name[1:]) % 10 != 2}
    no_odd = {name: vector for name, vector in vectors.items() if int(name[1:]) % 10 != 3}
    paths = [make_embeddings(no_even), make_embeddings(no_odd, "model-b")]
    # Not `standard`, which scales by all that an embedding has.
    outcome = run(paths, [f"{bench}/one/binary"], common=True, protocol="unscaled", exact=True)
    first, second = (values(outcome, "auroc", model=name) for name in ("model-a", "model-b"))
    assert first == pytest.approx(second, abs=SAME)  # their common vectors are the same
    assert {row["coverage"] for row in outcome.rows} == {96 / 120}
    (note,) = [one for one in outcome.notes if one.startswith("--common")]
    assert note.endswith("on 1 tasks, the largest shares first: bench/one/binary (24 of 120)")
    apart = run(paths, [f"{bench}/one/binary"], protocol="unscaled", exact=True)
    assert {row["coverage"] for row in apart.rows} == {108 / 120}
    assert values(apart, "auroc", model="model-a") != first
