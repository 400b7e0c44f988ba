"""What a protocol promises: C never sees a test row, splits keep what belongs together apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from datasets import ClassLabel, List, Value
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from extractors.store import Embeddings
from hf_datasets.errors import InputError
from hf_datasets.task import Task, TaskType
from probes.linear import GRID
from probes.matching import make_plans, match_all
from probes.rounds import Trial, noisy
from probes.run import Outcome, run_probes
from probes.settings import Settings
from probes.splits import Placement
from probes.task_set import TaskData, TaskSet, load_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

N, DIM = 150, 12
GENES = [f"G{index:03}" for index in range(N)]
CLASSES = {
    TaskType.BINARY: ("no", "yes"),
    TaskType.MULTI_CLASS: ("a", "b", "c"),
    TaskType.MULTI_LABEL: ("u", "v"),
    TaskType.REGRESSION: (),
}


@pytest.fixture
def cloud() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(N, DIM)).astype(np.float32)


def made(kind: TaskType, cloud: NDArray[np.float32], **more: Any) -> TaskData:
    """A task that the vectors tell, with noise."""
    score = cloud[:, :3].sum(axis=1) + np.random.default_rng(1).normal(size=N) * 1.5
    labels: dict[TaskType, NDArray[Any]] = {
        TaskType.BINARY: (score > 0).astype(np.int64),
        TaskType.MULTI_CLASS: np.digitize(score, [-1, 1]),
        TaskType.MULTI_LABEL: np.column_stack([score > -1, score > 1]),
        TaskType.REGRESSION: score,
    }
    task = Task("bench", "one", kind.value, kind, CLASSES[kind], ("symbol",))
    return TaskData(task, "1", [(name,) for name in GENES], labels[kind], **more)


def run(data: list[TaskData], cloud: NDArray[np.float32], **how: Any) -> Outcome:
    embedding = Embeddings("emb", "model", "unknown", GENES, cloud)
    return run_probes([embedding], TaskSet(data), Settings(**how), 1)


def chosen(outcome: Outcome) -> dict[tuple[str, Any, int], float]:
    return {
        (row["task"], row["label"], row["fold"]): row["value"]
        for row in outcome.rows
        if row["metric"] == "C"
    }


def spoiled(data: TaskData, rows: NDArray[np.intp]) -> TaskData:
    """The same task with other labels in some rows."""
    labels = data.labels.copy()
    if data.task.type is TaskType.REGRESSION:
        labels[rows] = 100 * np.arange(len(rows))
    elif labels.ndim > 1:
        labels[rows] = ~labels[rows]
    else:
        labels[rows] = (labels[rows] + 1) % len(data.task.classes)
    return TaskData(data.task, data.revision, data.keys, labels, placement=data.placement)


@pytest.mark.parametrize("kind", TaskType)
@pytest.mark.parametrize("count", [2, 3, 5])
def test_c_never_sees_a_test_row(kind: TaskType, count: int, cloud: NDArray[np.float32]) -> None:
    """Other labels in the tested fold: the C of that fold stays, those of others may change."""
    fold_of = np.arange(N) % count
    placement = Placement("fold", fold_of.tolist())
    data = made(kind, cloud, placement=placement)
    plain = chosen(run([data], cloud, split="column:fold"))
    assert set(plain.values()) <= set(GRID)
    changed = False
    for fold in range(count):
        some = np.flatnonzero((fold_of == fold) & (np.arange(N) % 7 < 3))
        other = chosen(run([spoiled(data, some)], cloud, split="column:fold"))
        for place, c in plain.items():
            if place[2] == fold:
                assert other[place] == c
            else:
                changed |= other[place] != c
    assert changed


def test_the_chosen_c_is_the_best_of_the_ring(cloud: NDArray[np.float32]) -> None:
    """Against a plain loop: log loss on the two neighbours of each fold, no more than needed."""
    data = made(TaskType.BINARY, cloud)
    settings = Settings()
    embedding = Embeddings("emb", "model", "unknown", GENES, cloud)
    plans, _ = make_plans(TaskSet([data]), settings)
    fold_of = plans[0].folds.test_fold[0]
    x, y = StandardScaler().fit_transform(cloud.astype(np.float64)), data.labels
    found = chosen(run_probes([embedding], TaskSet([data]), settings, 1))
    for fold in range(5):
        losses = []
        for c in GRID:
            total = 0.0
            for held_back in ((fold + 1) % 5, (fold - 1) % 5):
                train, judged = ~np.isin(fold_of, (fold, held_back)), fold_of == held_back
                model = LogisticRegression(C=c, tol=1e-8, max_iter=1000).fit(x[train], y[train])
                total += log_loss(y[judged], model.predict_proba(x[judged]), normalize=False)
            losses.append(total)
        best = 3
        while best < len(GRID) and np.argmin(losses[:best]) == best - 1:
            best += 1
        assert found["bench/one/binary", None, fold] == GRID[int(np.argmin(losses[:best]))]


def test_a_family_is_never_torn(cloud: NDArray[np.float32]) -> None:
    families = [f"F{index // 4}" if index % 3 else None for index in range(N)]
    data = made(TaskType.BINARY, cloud, placement=Placement("gene_family", families))
    plans, _ = make_plans(TaskSet([data]), Settings(split="column:gene_family", repeats=2))
    folds = plans[0].folds
    for repeat in (0, 1):
        for family in {one for one in families if one}:
            members = [at for at, one in enumerate(families) if one == family]
            assert len(set(folds.test_fold[repeat, members])) == 1
    assert (folds.test_fold[0] != folds.test_fold[1]).any()
    assert folds.split == "column:gene_family"


def test_pairs_split_by_genes_share_none(cloud: NDArray[np.float32]) -> None:
    rng = np.random.default_rng(0)
    keys: list[tuple[str, ...]] = [
        (GENES[a], GENES[b]) for a, b in {tuple(rng.integers(0, N, 2)) for _ in range(900)}
    ]
    task = Task("bench", "two", "agree", TaskType.BINARY, ("no", "yes"), ("symbol_a", "symbol_b"))
    data = TaskData(task, "1", keys, rng.integers(0, 2, len(keys)))
    settings = Settings(split="genes", repeats=2)
    plans, _ = make_plans(TaskSet([data]), settings)
    embedding = Embeddings("emb", "model", "unknown", GENES, cloud)
    matches, _ = match_all([embedding], plans, settings)
    ordered = plans[0].keys
    tested: list[int] = []
    for one in Trial(matches[0], settings).rounds():
        train, test = (
            {name for at in np.flatnonzero(mask) for name in ordered[at]}
            for mask in (one.train, one.test)
        )
        assert train
        assert test
        assert not train & test
        for inner in one.inner:
            held_back = {n for at in np.flatnonzero(inner.held_back) for n in ordered[at]}
            inside = {n for at in np.flatnonzero(inner.train) for n in ordered[at]}
            assert not held_back & (inside | test)
            assert not inside & test
        if one.repeat == 0:
            tested.extend(np.flatnonzero(one.test))
    assert len(tested) == len(set(tested)) < len(keys)
    outcome = run_probes([embedding], TaskSet([data]), settings, 1)
    across = len(keys) - len(tested)
    assert any(f"{across} of {len(keys)} pairs have their genes in two" in n for n in outcome.notes)
    assert {row["split"] for row in outcome.rows} == {"genes"}


@pytest.mark.parametrize(
    ("values", "repeats", "message"),
    [
        ([0] * N, 1, "folds are numbered 0, 1"),
        ([index % 2 * 2 for index in range(N)], 1, "folds are numbered 0, 1"),
        ([index % 3 for index in range(N)], 2, "--repeats 2: column 'c' fixes the split"),
        (["train"] * N, 1, "has no row of the test part; use --split random"),
        (["test", "dev"] * (N // 2), 1, "has no row of the train part"),
    ],
)
def test_columns_that_are_no_split(
    values: list[Any], repeats: int, message: str, cloud: NDArray[np.float32]
) -> None:
    data = made(TaskType.BINARY, cloud, named=True, placement=Placement("c", values))
    with pytest.raises(InputError, match=message):
        make_plans(TaskSet([data]), Settings(split="column:c", repeats=repeats))


def test_rows_without_a_fold_are_counted(cloud: NDArray[np.float32]) -> None:
    values = [None if index % 10 == 0 else index % 3 for index in range(N)]
    data = made(TaskType.BINARY, cloud, placement=Placement("fold_family", values))
    outcome = run([data], cloud, split="family")
    (note,) = outcome.notes
    assert f"15 of {N} entities neither train nor are tested, because the column of" in note
    assert note.endswith(f"--split family gives them no fold; coverage is of the other {N - 15}")
    assert {row["split"] for row in outcome.rows} == {"family"}
    assert {row["n_train"] + row["n_test"] for row in outcome.rows} == {N - 15}
    (task,) = outcome.provenance["tasks"]
    assert (task["split"], task["folds"], task["without_fold"]) == ("family", 3, 15)


def test_a_table_without_the_column(bench: str) -> None:
    with pytest.raises(InputError, match="bench/one has no column 'fold_family'"):
        load_tasks([bench], split="family")


def test_a_label_as_a_task_has_the_scores_it_has_in_the_whole(
    make_dataset: Callable[..., str], cloud: NDArray[np.float32]
) -> None:
    """Alone, beside the whole task, and as its label."""
    score = cloud[:, 0] + np.random.default_rng(1).normal(size=N)
    features = {"symbol": Value("string"), "z": List(ClassLabel(names=["u", "v"]))}
    cells = [[at for at, cut in enumerate((0, 1)) if one > cut] for one in score]
    root = make_dataset({"t": (features, {"symbol": GENES, "z": cells})})
    embedding = Embeddings("emb", "model", "unknown", GENES, cloud)

    def auroc(outcome: Outcome, task: str, label: str | None) -> list[float]:
        wanted = ("auroc", task, label)
        return [
            row["value"]
            for row in outcome.rows
            if (row["metric"], row["task"], row["label"]) == wanted
        ]

    both = run_probes([embedding], load_tasks([f"{root}/t/z"], derived=True), Settings(), 1)
    alone = run_probes([embedding], load_tasks([f"{root}/t/z/v"]), Settings(exact=True), 1)
    in_whole = auroc(both, "bench/t/z", "v")
    assert len(in_whole) == 5
    assert auroc(both, "bench/t/z/v", None) == in_whole
    assert auroc(alone, "bench/t/z/v", None) == pytest.approx(in_whole, abs=1e-2)


def test_shuffled_labels_leave_nothing_to_learn(cloud: NDArray[np.float32]) -> None:
    data = made(TaskType.BINARY, cloud)
    real = run([data], cloud, c=0.01, repeats=3)
    control = run([data], cloud, c=0.01, repeats=3, shuffle_labels=True)
    means = [
        np.mean([row["value"] for row in one.rows if row["metric"] == "auroc"])
        for one in (real, control)
    ]
    assert means[0] > 0.75
    assert means[1] < 0.6
    assert {row["protocol"] for row in control.rows} == {"standard+shuffled"}


@pytest.mark.parametrize("kind", TaskType)
def test_noise_makes_a_share_of_labels_wrong(kind: TaskType, cloud: NDArray[np.float32]) -> None:
    labels = made(kind, cloud).labels
    found = noisy(kind, labels, 0.2, len(CLASSES[kind]), np.random.default_rng(0))
    wrong = (found != labels).sum(axis=0)
    if kind is TaskType.REGRESSION:
        assert sorted(found) == sorted(labels)
        assert 0.1 * N < wrong <= 0.2 * N
    else:
        assert (np.atleast_1d(wrong) == 0.2 * N).all()
        assert found.min() >= 0
        assert found.max() < max(2, len(CLASSES[kind]))


def test_noise_is_in_the_training_part_only(cloud: NDArray[np.float32]) -> None:
    data = made(TaskType.BINARY, cloud)
    settings = Settings(label_noise=0.3)
    plans, _ = make_plans(TaskSet([data]), settings)
    embedding = Embeddings("emb", "model", "unknown", GENES, cloud)
    matches, _ = match_all([embedding], plans, settings)
    trial = Trial(matches[0], settings)
    assert (trial.taught != trial.truth).sum() == round(0.3 * N)
    assert (trial.truth == data.labels).all()
    outcome = run([data], cloud, label_noise=0.3)
    assert {row["protocol"] for row in outcome.rows} == {"standard+noise=0.3"}


def test_a_learning_curve_takes_more_of_the_same(cloud: NDArray[np.float32]) -> None:
    data = made(TaskType.MULTI_CLASS, cloud)
    settings = Settings(fractions=(0.2, 0.5, 1.0))
    plans, _ = make_plans(TaskSet([data]), settings)
    embedding = Embeddings("emb", "model", "unknown", GENES, cloud)
    matches, _ = match_all([embedding], plans, settings)
    by_fold: dict[int, list[NDArray[np.bool_]]] = {}
    for one in Trial(matches[0], settings).rounds():
        by_fold.setdefault(one.fold, []).append(one.train)
        assert not (one.train & one.test).any()
        assert one.test.sum() == 30
    for small, middle, whole in by_fold.values():
        assert 0 < small.sum() < middle.sum() < whole.sum() == 120
        assert not (small & ~middle).any()
        for label in range(3):
            members = (data.labels[plans[0].folds.rows] == label) & whole
            assert (middle & members).sum() == pytest.approx(members.sum() / 2, abs=3)
    outcome = run([data], cloud, fractions=(0.2, 0.5, 1.0))
    sizes = {(row["fraction"], row["n_train"]) for row in outcome.rows}
    assert {fraction for fraction, _ in sizes} == {0.2, 0.5, 1.0}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"c": 0.0}, "--C 0.0 is not possible"),
        ({"c": 1.0, "protocol": "paper"}, "does not go with --protocol paper"),
        ({"c": 1.0, "probe": "knn"}, "--C is about linear probes"),
        ({"protocol": "paper", "probe": "knn"}, "--protocol paper is about linear probes"),
        ({"split": "column:"}, "--split column: is not possible"),
        ({"split": "folds"}, "choices: auto, random, family, genes, column:NAME"),
        ({"fractions": (0.0, 1.0)}, "--fractions"),
        ({"label_noise": 1.0}, "--label-noise 1.0 is not possible"),
        ({"device": "abacus"}, "--device abacus is not there; choices: cpu"),
    ],
)
def test_settings_without_sense(
    how: dict[str, Any], message: str, cloud: NDArray[np.float32]
) -> None:
    with pytest.raises(InputError, match=message):
        run([made(TaskType.BINARY, cloud)], cloud, **how)


@pytest.mark.parametrize("probe", ["knn", "gbm", "mlp"])
def test_other_probes_run_in_the_same_frame(probe: Any, cloud: NDArray[np.float32]) -> None:
    data = [made(kind, cloud) for kind in (TaskType.BINARY, TaskType.REGRESSION)]
    outcome = run(data, cloud, probe=probe, folds=2)
    assert outcome.problems == []
    found = [row["value"] for row in outcome.rows if row["metric"] in {"auroc", "spearman"}]
    assert len(found) == 4
    assert np.mean(found) > 0.5
    assert {row["probe"] for row in outcome.rows} == {probe}
