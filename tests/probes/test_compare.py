"""`probe compare`: real differences are found, chance is not, and the incomparable is refused."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Value
from scipy import stats

from hf_datasets.task import TaskType
from probes.compare import compare
from probes.comparison_table import SCHEMA
from probes.contenders import gather
from probes.evidence import Evidence
from probes.intervals import delong, paired_delong
from probes.metrics import evaluate
from probes.resampling import Ranked, resample
from probes.result import write_results

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Vectors = dict[str, "NDArray[np.float32]"]
MakeEmbeddings = Callable[..., str]
Probe = Callable[..., Any]
FOLDS = 4
N = 240


class World:
    """Results and predictions of models on tasks, as `probe` writes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []

    def score(
        self,
        model: str,
        task: str,
        truth: NDArray[Any],
        scores: NDArray[np.float64],
        *,
        kind: TaskType = TaskType.BINARY,
        folds: NDArray[np.intp] | None = None,
        **other: Any,
    ) -> World:
        """Add a model's scores on a task; entity i is in fold i % FOLDS."""
        fold = np.arange(len(truth)) % FOLDS if folds is None else folds
        config = task.split("/", maxsplit=1)[0]
        base = {
            "embedding": f"{model}.parquet", "model": model, "modality": "text",
            "dataset": "bench", "revision": "1", "config": config, "task": f"bench/{task}",
            "task_type": kind.value, "protocol": "standard", "split": "random",
            "probe": "logistic", "fraction": 1.0, "seed": 0, "repeat": 0, "coverage": 1.0,
        }  # fmt: skip
        labels = [f"l{one}" for one in range(scores.shape[1])] if scores.ndim > 1 else []
        for one in range(FOLDS):
            here = fold == one
            decided = scores[here] > 0
            for measure in evaluate(
                kind, labels or ["no", "yes"], truth[here], scores[here], decided
            ):
                self.rows.append(
                    base
                    | {"fold": one, "n_train": int((~here).sum()), "n_test": int(here.sum())}
                    | {"metric": measure.metric, "label": measure.label, "value": measure.value}
                    | other
                )
            for column, label in enumerate(labels or [None]):
                for row in np.flatnonzero(here):
                    place = (row, column) if labels else (row,)
                    self.said.append(
                        {
                            "embedding": f"{model}.parquet", "model": model,
                            "task": f"bench/{task}", "label": label, "repeat": 0, "fold": one,
                            "id": f"G{row:04}", "truth": float(truth[place]),
                            "score": scores[place],
                        }
                    )  # fmt: skip
        return self

    def write(self, name: str = "r.parquet", provenance: dict[str, Any] | None = None) -> str:
        """Write what there is so far, and forget it."""
        path = self.folder / name
        write_results(self.rows, provenance or {}, path)
        self.rows = []
        return str(path)

    def predictions(self, name: str = "p.parquet") -> Path:
        path = self.folder / name
        order = np.random.default_rng(0).permutation(len(self.said))
        pq.write_table(pa.Table.from_pylist([self.said[row] for row in order]), path)
        self.said = []
        return path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def labels(seed: int, share: float = 0.4) -> NDArray[np.int64]:
    return (np.random.default_rng(seed).random(N) < share).astype(np.int64)


def read(truth: NDArray[Any], seed: int, strength: float) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).normal(size=truth.shape)
    return np.asarray(noise + strength * truth)


def test_over_folds_it_is_the_corrected_t_test(world: World) -> None:
    truth = labels(0)
    world.score("a", "f/x", truth, read(truth, 1, 1.5)).score(
        "b", "f/x", truth, read(truth, 2, 0.5)
    )
    contest = gather([world.write()], None, [])
    (found,) = compare(contest).comparisons
    values = [
        [score.value or 0 for score in contest.trials[0].scores[name].values()] for name in "ab"
    ]
    gaps = np.array(values[0]) - values[1]
    error = np.sqrt((1 / FOLDS + 1 / (FOLDS - 1)) * gaps.var(ddof=1))
    assert found.difference == pytest.approx(gaps.mean())
    assert found.p == pytest.approx(2 * stats.t.sf(abs(gaps.mean()) / error, FOLDS - 1))
    assert found.interval == pytest.approx(stats.t.interval(0.95, FOLDS - 1, gaps.mean(), error))
    assert (found.test, found.rounds, found.q, found.holm) == ("corrected t", 4, found.p, found.p)
    assert found.first.score == pytest.approx(np.mean(values[0]))
    assert found.first.interval is not None
    assert found.first.interval[1] <= 1


def test_over_entities_it_is_delong_in_every_fold(world: World) -> None:
    """One fold's variance each, added up: the folds test different entities."""
    truth = labels(0)
    one, other = (read(truth, seed, strength) for seed, strength in ((1, 1.5), (2, 1.0)))
    world.score("a", "f/x", truth, one).score("b", "f/x", truth, other)
    contest = gather([world.write()], None, [])
    (found,) = compare(contest, evidence=Evidence([world.predictions()])).comparisons
    pairs, alone = [], []
    for fold in range(FOLDS):
        here = np.arange(N) % FOLDS == fold
        first, second = (scores[here] for scores in (one, other))
        pairs.append(paired_delong(truth[here] > 0, first, second))
        alone.append(delong(truth[here] > 0, first))
    gap, spread = (float(np.mean([pair[0] for pair in pairs])), sum(p[1] for p in pairs) / FOLDS**2)
    assert found.test == "delong"
    assert found.difference == pytest.approx(gap)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(gap) / spread**0.5))
    assert found.interval == pytest.approx(stats.norm.interval(0.95, gap, spread**0.5))
    low, high = found.first.interval or (0.0, 0.0)
    auroc = np.mean([value for value, _ in alone])
    width = 1.96 * (sum(variance for _, variance in alone) / FOLDS**2) ** 0.5
    assert (low, high) == pytest.approx((auroc - width, auroc + width), abs=0.02)
    assert low < auroc - width  # the interval leans away from 1
    assert high < auroc + width


def test_many_labels_share_their_entities(world: World) -> None:
    """The variance of a mean over correlated labels, against drawing entities with replacement."""
    rng = np.random.default_rng(5)
    core = rng.normal(size=(N, 1))
    truth = core + rng.normal(size=(N, 3)) * 0.5 > [0, 0.5, 1]
    one, other = (read(truth, seed, strength) + core * 0.3 for seed, strength in ((6, 1.5), (7, 1)))
    for model, scores in (("a", one), ("b", other)):
        world.score(model, "f/many", truth, scores, kind=TaskType.MULTI_LABEL)
    contest = gather([world.write()], None, [])
    (found,) = compare(contest, evidence=Evidence([world.predictions()])).comparisons
    low, high = found.interval or (0.0, 0.0)
    parts = [
        [Ranked(truth[f::FOLDS, k], scores[f::FOLDS, k]) for f in range(FOLDS) for k in range(3)]
        for scores in (one, other)
    ]
    fold = np.arange(N) % FOLDS
    gaps = []
    for counts in resample(fold, draws=600, seed=8):
        drawn = [counts[:, fold == f] for f in range(FOLDS) for _ in range(3)]
        values = [
            [part.metrics(mine)[0] for part, mine in zip(side, drawn, strict=True)]
            for side in parts
        ]
        gaps.append(np.nanmean(values[0], axis=0) - np.nanmean(values[1], axis=0))
    assert found.test == "delong"
    assert (high - low) / 2 / 1.96 == pytest.approx(np.concatenate(gaps).std(), rel=0.12)
    whole = [score.value or 0 for score in contest.trials[0].scores["a"].values()]
    assert found.first.score == pytest.approx(np.mean(whole))


def test_a_label_with_one_member_in_a_fold_is_no_infinity(world: World) -> None:
    rng = np.random.default_rng(5)
    truth = rng.random((N, 3)) < 0.4
    truth[:, 2] = np.arange(N) < FOLDS + 1  # one member in most folds
    for model, seed in (("a", 6), ("b", 7)):
        scores = read(truth, seed, 1.0)
        world.score(model, "f/many", truth, scores, kind=TaskType.MULTI_LABEL)
    contest = gather([world.write()], None, [])
    (found,) = compare(contest, evidence=Evidence([world.predictions()])).comparisons
    low, high = found.interval or (-1.0, 1.0)
    assert -0.3 < low < found.difference < high < 0.3
    assert found.first.interval is not None
    assert 0.5 < found.first.interval[0] < found.first.interval[1] < 0.95


def test_bootstrap_of_other_metrics(world: World) -> None:
    truth = labels(0)
    for model, strength in (("a", 2.0), ("b", 0.2)):
        world.score(model, "f/x", truth, read(truth, 3 + int(strength), strength))
    number = np.random.default_rng(9).normal(size=N)
    for model, strength in (("a", 2.0), ("b", 1.9)):
        scores = read(number, 11 + int(strength), strength)
        world.score(model, "f/n", number, scores, kind=TaskType.REGRESSION)
    results, evidence = world.write(), Evidence([world.predictions()])
    (found,) = compare(gather([results], "average_precision", []), evidence=evidence).comparisons
    assert found.test == "bootstrap"
    assert found.p is not None
    assert found.p < 1e-4
    assert found.better(0.05) == "a"
    low, high = found.interval or (0.0, 0.0)
    assert 0 < low < found.difference < high
    (number_task,) = compare(gather([results], "spearman", []), evidence=evidence).comparisons
    assert (number_task.test, number_task.better(0.05)) == ("bootstrap", None)
    (error,) = compare(gather([results], "mae", []), evidence=evidence).comparisons
    assert (error.difference > 0) == (error.first.score > error.second.score)
    (folded,) = compare(gather([results], "accuracy", []), evidence=evidence).comparisons
    assert folded.test == "corrected t"


def test_a_lower_error_wins(world: World) -> None:
    number = np.random.default_rng(9).normal(size=N)
    for model, noise in (("good", 0.1), ("bad", 2.0)):
        scores = number + np.random.default_rng(1).normal(size=N) * noise
        world.score(model, "f/n", number, scores, kind=TaskType.REGRESSION)
    found = compare(gather([world.write()], "rmse", []))
    assert found.comparisons[0].better(0.05) == "good"
    assert found.ranking is not None
    assert found.ranking.ranks.tolist() == [1, 2]


def test_chance_is_not_found_and_what_is_real_is(world: World) -> None:
    """Forty tasks on which two models are equal, five on which one is better."""
    for task in range(45):
        truth = labels(task)
        better = 1.0 if task >= 40 else 0.0
        world.score("a", f"f{task % 3}/t{task}", truth, read(truth, 1000 + task, 1 + better))
        world.score("b", f"f{task % 3}/t{task}", truth, read(truth, 2000 + task, 1))
    results, predictions = world.write(), world.predictions()
    found = compare(gather([results], None, []), evidence=Evidence([predictions]))
    winners = {one.trial.task: one.better(0.05) for one in found.comparisons}
    real = {f"bench/f{task % 3}/t{task}" for task in range(40, 45)}
    assert {task for task, winner in winners.items() if winner == "a"} >= real
    assert sum(winner is not None for winner in winners.values()) <= 7
    raw = sum((one.p or 0) < 0.05 for one in found.comparisons if one.trial.task not in real)
    assert raw <= 6
    assert all((one.holm or 0) >= (one.q or 0) >= (one.p or 0) for one in found.comparisons)


def test_the_command(probe: Probe, world: World, tmp_path: Path) -> None:
    truth = labels(0)
    first = (
        world.score("a", "f/x", truth, read(truth, 1, 3))
        .score("a", "g/y", truth, read(truth, 3, 0))
        .write("a.parquet")
    )
    second = world.score("b", "f/x", truth, read(truth, 22, 0)).score(
        "b", "g/y", truth, read(truth, 4, 0)
    ).score("c", "f/x", truth, read(truth, 23, 0)).write("b.parquet")  # fmt: skip
    predictions = str(world.predictions())
    out = tmp_path / "c.csv"
    command = ("compare", first, second, "--predictions", predictions)
    ran = probe(*command, "--out", str(out))
    assert ran.status == 0, ran.err
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == SCHEMA.names
    assert [(row["model_a"], row["model_b"], row["better"]) for row in rows] == [
        ("a", "b", "a"), ("a", "c", "a"), ("b", "c", ""), ("a", "b", ""),
    ]  # fmt: skip
    assert "bench/f  a  b  1         0         0" in ran.out
    assert "average rank" in ran.out
    ran = probe(*command, "--only-significant", "--baseline", "b", "--out", str(tmp_path / "c.pq"))
    assert ran.status == 0
    assert "bench/g/y" not in ran.out
    saved = pq.read_table(tmp_path / "c.pq")
    assert saved.schema.equals(SCHEMA)
    assert saved["model_b"].unique().to_pylist() == ["b"]
    ran = probe("compare", first, second, "--models", "b", "c")
    assert ran.status == 0
    assert "1 of 2 tasks were scored for one model only" in ran.err
    assert "no difference" not in ran.out
    assert probe(
        "compare", first, second, "--models", "b", "c", "--only-significant"
    ).out.startswith("no difference with q < 0.05")


def test_what_is_not_comparable_is_refused(probe: Probe, world: World, vectors: Vectors,
                                           make_embeddings: MakeEmbeddings) -> None:  # fmt: skip
    truth, scores = labels(0), read(labels(0), 1, 1)
    first = world.score("a", "f/x", truth, scores).write("a.parquet")

    def other(name: str, **changed: Any) -> str:
        return world.score("b", "f/x", truth, scores, **changed).write(f"{name}.parquet")

    half = np.arange(N) % FOLDS
    half[::7] = -1
    lacks = {"missing_entities": [{"embedding": "a.parquet", "task": "bench/f/x", "entities": 1,
                                   "names": ["G1"]}]}  # fmt: skip
    lacks_other = {"missing_entities": [lacks["missing_entities"][0] | {
        "embedding": "b.parquet", "names": ["G2"]}]}  # fmt: skip
    holed = world.score("a", "f/x", truth, scores).write("holed.parquet", lacks)
    holed_too = world.score("b", "f/x", truth, scores).write("too.parquet", lacks_other)
    double = world.score("a", "f/x", truth, scores + truth).write("double.parquet")
    world.said = []
    for arguments, said in (
        ([first, other("p", protocol="paper")], "different protocol: standard and paper"),
        ([first, other("s", split="family")], "different split"),
        ([first, other("r", revision="2")], "different revision: 1 and 2"),
        ([first, other("e", seed=1)], "different seed: 0 and 1"),
        ([first, other("f", folds=np.arange(N) % 2)], "--folds"),
        ([first, other("g", folds=half)], "--common"),
        ([holed, holed_too], "lack G1 and G2; run `probe` on both embeddings at once"),
        ([first, double, other("b")], "two different results of a"),
        ([first], "only a to compare"),
        ([first, make_embeddings(vectors)], "is no result table; if it holds embeddings"),
        ([first, "nowhere.parquet"], "no file nowhere.parquet"),
        ([first, other("m"), "--metric", "auc"], "no metric 'auc' in the results; did you mean"),
        ([first, other("b"), "--models", "a", "z"], "unknown model 'z'"),
        ([first, other("b"), "--baseline", "z"], "unknown baseline 'z'"),
        ([first, other("b"), "--alpha", "5"], "--alpha 5 is not possible"),
        ([first, other("b"), "--predictions", first], "holds no predictions"),
        ([first, other("b"), "--out", first], "is one of the inputs"),
    ):  # fmt: skip
        ran = probe("compare", *arguments)
        assert ran.status == 2, said
        assert said in ran.err
        assert len(ran.err.splitlines()) == 1


def test_predictions_on_other_entities_are_refused(probe: Probe, world: World) -> None:
    truth, scores = labels(0), read(labels(0), 1, 1)
    world.score("a", "f/x", truth, scores).score("b", "f/x", truth, scores)
    results = world.write()
    world.said = [row for row in world.said if (row["model"], row["id"]) != ("b", "G0001")]
    ran = probe("compare", results, "--predictions", str(world.predictions()))
    assert ran.status == 2
    assert "not about the same entities" in ran.err
    for model in "abb":
        world.score(model, "f/x", truth, scores)
    ran = probe("compare", results, "--predictions", str(world.predictions()))
    assert ran.status == 2
    assert "b has several predictions of 'G0000'" in ran.err
    for model in "ab":
        world.score(model, "f/x", truth, read(truth, 77, 0.5))
    ran = probe("compare", results, "--predictions", str(world.predictions()))
    assert ran.status == 2
    assert "give the predictions of the same run" in ran.err


def test_from_probe_to_compare(
    probe: Probe, bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings, tmp_path: Path
) -> None:
    """Results and predictions of `probe` itself, tasks of every type and pairs."""
    rng = np.random.default_rng(0)
    noise = {name: rng.normal(size=6).astype(np.float32) for name in vectors}
    sources = (
        make_embeddings(vectors),
        make_embeddings(noise, model="noise", name="noise.parquet"),
    )
    results, predictions = str(tmp_path / "r.parquet"), str(tmp_path / "p.parquet")
    ran = probe(
        *sources, "--tasks", bench, "--repeats", "2", "--C", "1",
        "--out", results, "--predictions", predictions,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    for extra, tests in (
        ((), {"corrected t"}),
        (
            ("--predictions", predictions),
            {"delong", "bootstrap"},
        ),
    ):
        out = tmp_path / "c.parquet"
        ran = probe("compare", results, *extra, "--out", str(out))
        assert ran.status == 0, ran.err
        rows = pq.read_table(out).to_pylist()
        assert len(rows) == 5
        assert "1 comparisons are about pairs" in ran.err
        assert {row["test"] for row in rows} == tests
        assert {row["better"] for row in rows} <= {"model-a", None}
        assert sum(row["better"] == "model-a" for row in rows) >= 3
        assert all(row["low"] <= row["difference"] <= row["high"] for row in rows)
        assert all(row["low_a"] <= row["score_a"] <= row["high_a"] for row in rows)


def test_predicted_numbers_keep_their_order(
    probe: Probe,
    vectors: Vectors,
    make_embeddings: MakeEmbeddings,
    make_dataset: Any,
    tmp_path: Path,
) -> None:
    """A strong penalty on numbers far from 0: predictions differ by less than float32 can say."""
    rng = np.random.default_rng(0)
    features = {"symbol": Value("string"), "far": Value("float32")}
    columns = {"symbol": list(vectors), "far": (1e5 + rng.normal(size=len(vectors))).tolist()}
    root = make_dataset({"t": (features, columns)})
    other = {name: -one[::-1] for name, one in vectors.items()}
    sources = make_embeddings(vectors), make_embeddings(other, model="b")
    results, predictions = str(tmp_path / "r.parquet"), str(tmp_path / "p.parquet")
    given = ("--C", "1e-4", "--out", results, "--predictions", predictions)
    assert probe(*sources, "--tasks", root, *given).status == 0
    scores = pq.read_table(predictions)["score"].to_numpy()
    assert len(np.unique(scores.astype(np.float32))) < len(scores) / 4
    ran = probe("compare", results, "--predictions", predictions)
    assert ran.status == 0, ran.err


def test_clear_wins_of_one_pair_do_not_pay_for_another(world: World) -> None:
    """q is over the tests of a pair: what a third model does changes nothing between two."""
    for task in range(8):
        truth = labels(task)
        for model, strength in (("a", 0.3), ("b", 0.3), ("c", 6.0)):
            seed = 100 * task + ord(model)
            world.score(model, f"f/t{task}", truth, read(truth, seed, strength))
    results = world.write()
    evidence = [world.predictions()]
    three, two = (
        compare(gather([results], None, names), evidence=Evidence(evidence)).comparisons
        for names in ([], ["a", "b"])
    )
    between = [one for one in three if (one.first.model, one.second.model) == ("a", "b")]
    assert [one.q for one in between] == [one.q for one in two]
    reference = stats.false_discovery_control([one.p for one in two])
    assert [one.q for one in two] == pytest.approx(reference.tolist())
    strict = [one.holm or 0 for one in between]
    assert all(one >= (alone.holm or 0) for one, alone in zip(strict, two, strict=True))
    assert sum(one.better(0.05) is not None for one in three) >= 16
