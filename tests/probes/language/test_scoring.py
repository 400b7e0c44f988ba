"""Scoring answers: every metric against scikit-learn, scipy or a plain loop, to 1e-9."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from hf_datasets.biology_instructions.phrasings import output
from hf_datasets.biology_instructions.tasks import TASKS
from hf_datasets.errors import InputError
from probes.language.answers import parse, read_label
from probes.language.parsed import Parsed
from probes.language.rows import result_rows
from probes.language.scoring import Scores, score
from probes.language.statistics import Classes, Labels, MixedScore, Numbers, PublishedSets, Sets
from probes.resampling import resample
from probes.result import read_results, write_results

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from probes.language.parsed import Rule
    from probes.language.statistics import Statistic

RULES: tuple[Rule, ...] = ("paper", "strict")
DRAWS = 40
RNG = np.random.default_rng(7)
BAD = ("", None, "I cannot determine this from the sequence.")
EC = ("1.1.1.1", "1.1.1.-", "2.7.11.1", "2.7.11.-", "3.4.21.4", "4.2.1.1", "5.1.1.1")
MARKS = TASKS["modification"].classes


def near(value: float | None, reference: float) -> None:
    assert value is not None
    assert math.isclose(value, reference, rel_tol=1e-9, abs_tol=1e-9), (value, reference)


def scored(task: str, answers: Sequence[str | None], labels: Sequence[str], rule: Rule) -> Scores:
    return score(TASKS[task], answers, labels, rule, draws=DRAWS)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize("rule", RULES)
def test_yes_and_no(rng: np.random.Generator, rule: Rule) -> None:
    truth = rng.random(200) < 0.4
    said = truth ^ (rng.random(200) < 0.3)
    bad = rng.random(200) < 0.1
    answers = [BAD[at % 2] if bad[at] else "Yes." if said[at] else "No." for at in range(200)]
    labels = ["positive" if one else "negative" for one in truth]
    found = scored("emp", answers, labels, rule)
    counted = np.where(bad, ~truth, said)
    near(found.values["mcc"], sk.matthews_corrcoef(truth, counted))
    near(found.values["accuracy"], sk.accuracy_score(truth, counted))
    near(found.coverage, 1 - bad.mean())
    assert found.unparsed == {"empty": bad.sum()}
    assert found.n == len(found.parsed) == 200


def test_a_family(rng: np.random.Generator) -> None:
    names = TASKS["ncrna"].classes
    truth = rng.integers(0, len(names), 300)
    said = np.where(rng.random(300) < 0.6, truth, rng.integers(0, len(names), 300))
    bad = rng.random(300) < 0.1
    answers = ["none of these" if bad[at] else f"It is {names[said[at]]}" for at in range(300)]
    for rule in RULES:
        found = scored("ncrna", answers, [names[one] for one in truth], rule)
        counted = np.where(bad, -1, said)
        near(found.values["accuracy"], sk.accuracy_score(truth, counted))
        near(found.values["mcc"], sk.matthews_corrcoef(truth, counted))


def hot(sets: Sequence[Sequence[str]]) -> Any:
    return np.array([[name in one for name in (*MARKS, "none")] for one in sets])


def test_modifications(rng: np.random.Generator) -> None:
    truth = [[name for name in MARKS if rng.random() < 0.1] or ["none"] for _ in range(300)]
    said = [[name for name in MARKS if (name in one) == (rng.random() < 0.9)] for one in truth]
    said = [one or ["none"] for one in said]
    answers: list[str | None] = [", ".join(one) for one in said]
    for at in range(0, 300, 10):
        answers[at] = "Hm."
    labels = [",".join(one) for one in truth]
    true, hard = hot(truth), hot(said)
    for rule in RULES:
        hard[::10] = ~true[::10] if rule == "strict" else False
        found = scored("modification", answers, labels, rule)
        areas = [sk.roc_auc_score(true[:, at], hard[:, at]) for at in range(len(MARKS) + 1)]
        near(found.values["macro_auroc"], float(np.mean(areas)))
        near(found.values["auroc"], float(np.mean(areas[:-1])))
        near(found.coverage, 0.9)


def test_the_leak_is_the_papers_alone() -> None:
    """It takes a nameless no for "none" where that is the truth, and nowhere else."""
    labels = ["none", "m6A", "none", "none", "m6A"]
    answers = ["No.", "No.", "Nothing special", "Yes", "m6A"]
    paper = scored("modification", answers, labels, "paper")
    assert paper.leaked == 2  # "No." and "Nothing"
    assert paper.parsed == [None] * 4 + [Parsed(("m6A",))]
    strict = scored("modification", answers, labels, "strict")
    assert strict.leaked == 0
    said = [["none"], [], ["none"], [], ["m6A"]]
    true, hard = hot([[one] for one in labels]), hot(said)
    both = [MARKS.index("m6A"), len(MARKS)]
    areas = [sk.roc_auc_score(true[:, at], hard[:, at]) for at in both]
    near(paper.values["macro_auroc"], float(np.mean(areas)))
    asked = score(TASKS["modification"], ["hm"], ["none"], "paper", sentiment=lambda _: False)
    assert asked.leaked == 1


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("task", ["mrl", "stability"])
def test_a_number(rng: np.random.Generator, task: str, rule: Rule) -> None:
    truth = rng.normal(size=250).round(3)
    said = (truth + rng.normal(size=250)).round(3)
    bad = rng.random(250) < 0.2
    answers = [BAD[0] if bad[at] else f"The value is {said[at]}." for at in range(250)]
    found = scored(task, answers, [repr(float(one)) for one in truth], rule)
    r, rho = stats.pearsonr(truth[~bad], said[~bad])[0], stats.spearmanr(truth[~bad], said[~bad])[0]
    share = 1 - bad.mean()
    for name, value in {"pearson": r, "squared_pearson": r**2, "spearman": rho}.items():
        near(found.values[name], value * share)
        near(found.values[f"{name}_answered"], value)
        low, high = found.intervals[name]
        assert low < value * share < high
    near(found.coverage, share)


def test_several_numbers(rng: np.random.Generator) -> None:
    for task, keys in (("ea", ("hk", "dev")), ("prs", ("ON", "OFF", "ON_OFF"))):
        truth = rng.normal(size=(100, len(keys))).round(3)
        said = (truth + rng.normal(size=truth.shape)).round(3)
        answers = [
            ", ".join(f"{key}: {v}" for key, v in zip(keys, row, strict=True)) for row in said
        ]
        answers[:20] = ["0.5"] * 20
        labels = [json.dumps(dict(zip(keys, row, strict=True))) for row in truth.tolist()]
        for rule in RULES:
            found = scored(task, answers, labels, rule)
            r = [stats.pearsonr(truth[20:, at], said[20:, at])[0] * 0.8 for at in range(len(keys))]
            for at, key in enumerate(keys):
                near(found.values[f"pearson/{key}"], r[at])
                near(found.values[f"squared_pearson/{key}"], r[at] ** 2 / 0.8)
            near(found.values["pearson"], float(np.mean(r)))
            near(found.values["squared_pearson"], float(np.mean(np.square(r) / 0.8)))
            assert set(found.intervals) == set(found.values)


def mixed(truth: Any, said: Any) -> float:
    """The published formula, step by step."""
    f1 = sk.f1_score(truth < 30, said < 30, zero_division=0)
    inside = (said >= 0) & (said <= 30)
    ranged = sk.mean_absolute_error(truth[inside], said[inside]) if inside.any() else 100
    whole = min(sk.mean_absolute_error(truth, said), 100)
    return float(0.5 * (1 - whole / 100) + 0.5 * f1 * (1 - min(ranged, 100) / 100))


def test_the_mixed_score(rng: np.random.Generator) -> None:
    truth = rng.uniform(0, 120, 200).round(2)
    for spread in (5, 50, 400):
        said = (truth + rng.normal(size=200) * spread).round(2)
        answers = [str(one) for one in said]
        answers[:10] = ["no idea"] * 10
        answers[10:20] = ["99999"] * 10
        labels = [repr(float(one)) for one in truth]
        kept = np.arange(200) >= 20
        kept &= np.abs(said) <= 1000
        reference = mixed(truth[kept], said[kept])
        for rule in RULES:
            found = scored("sirna", answers, labels, rule)
            near(found.values["mixed_score_answered"], reference)
            near(found.values["mixed_score"], reference * kept.mean())
        assert scored("sirna", answers, labels, "strict").unparsed["out of range"] >= 10


def published_fmax(
    truth: Sequence[set[str]], said: Sequence[set[str]], names: Sequence[str]
) -> float:
    """One prediction after the other, first all said ones, then all the others."""
    n = len(truth)
    cells = [(row, name) for row in range(n) for name in names if name in said[row]]
    cells += [(row, name) for row in range(n) for name in names if name not in said[row]]
    taken: dict[int, int] = {}
    hits: dict[int, int] = {}
    best = 0.0
    for row, name in cells:
        taken[row] = taken.get(row, 0) + 1
        hits[row] = hits.get(row, 0) + (name in truth[row])
        precision = math.fsum(hits[one] / taken[one] for one in taken) / len(taken)
        recall = math.fsum(hits[one] / len(truth[one]) for one in taken if truth[one]) / n
        if precision + recall:
            best = max(best, 2 * precision * recall / (precision + recall))
    return best


def test_enzymes(rng: np.random.Generator) -> None:
    truth = [{name for name in EC if rng.random() < 0.25} or {EC[0]} for _ in range(40)]
    said = [{name for name in EC if (name in one) == (rng.random() < 0.8)} for one in truth]
    answers: list[str | None] = [", ".join(f"EC {one}" for one in sorted(mine)) for mine in said]
    answers[0] = "EC 9.9.9.9, EC 1.1.1.1"
    said[0] = {"1.1.1.1", "9.9.9.9"}
    labels = [",".join(sorted(one)) for one in truth]
    task = TASKS["ec"]
    paper = score(task, answers, labels, "paper", classes=EC, draws=DRAWS)
    near(paper.values["fmax"], published_fmax(truth, [one & set(EC) for one in said], EC))
    strict = score(task, answers, labels, "strict", classes=EC, draws=DRAWS)
    precision = np.mean([len(a & b) / len(b) for a, b in zip(truth, said, strict=True) if b])
    recall = np.mean([len(a & b) / len(a) for a, b in zip(truth, said, strict=True)])
    near(strict.values["fmax"], float(2 * precision * recall / (precision + recall)))
    preliminary = ["EC 2.7.7.n1"], ["2.7.7.n1"]
    assert scored("ec", *preliminary, "strict").values["fmax"] == 1
    assert scored("ec", *preliminary, "paper").values["fmax"] is None
    silent = scored("ec", [None] * 3, ["1.1.1.1"] * 3, "strict")
    assert silent.values["fmax"] == 0
    assert silent.coverage == 0


@pytest.mark.parametrize("rule", RULES)
def test_silence_and_sameness(rule: Rule) -> None:
    labels = ["0.1", "0.2", "0.4"]
    silent = scored("mrl", [None] * 3, labels, rule)
    assert silent.values["spearman"] == 0
    assert silent.values["spearman_answered"] is None
    same = scored("mrl", ["0.1"] * 3, labels, rule)
    assert same.values["spearman"] is None
    assert "spearman" not in same.intervals
    assert same.coverage == 1
    empty = scored("mrl", [], [], rule)
    assert (empty.values, empty.n, empty.coverage) == ({}, 0, 0)
    wrong = scored("emp", [None] * 4, ["positive", "negative"] * 2, rule)
    assert (wrong.values["mcc"], wrong.values["accuracy"]) == (-1, 0)
    never = scored("emp", ["yes", "no"], ["positive", "positive"], rule)
    assert never.values["mcc"] is None
    assert never.values["accuracy"] == 0.5


def test_a_bootstrap_is_a_metric_of_drawn_questions(rng: np.random.Generator) -> None:
    """Under counts as weights, as of a table in which a question stands as often as drawn."""
    n = 30
    names = np.array(["a", "b", "c"])
    truth, said = names[rng.integers(0, 3, n)], names[rng.integers(0, 3, n)]
    numbers, other = rng.normal(size=n) * 40, rng.normal(size=n) * 40
    other[:4] = np.nan
    sets = [frozenset(name for name in EC if rng.random() < 0.4) for _ in range(2 * n)]
    columns = rng.random((2, n, 4)) < 0.5

    def statistics(rows: Any) -> list[Statistic]:
        one, two = [sets[at] for at in rows], [sets[at + n] for at in rows]
        return [
            Classes(list(truth[rows]), list(said[rows])),
            Numbers(numbers[rows], other[rows]),
            MixedScore(numbers[rows], other[rows]),
            Labels(columns[0][rows], columns[1][rows]),
            Sets(one, two),
        ]

    whole = statistics(np.arange(n))
    counts = next(resample(np.zeros(n, dtype=np.intp), draws=DRAWS, seed=3))
    drawn = [one.draws(counts) for one in whole]
    for draw in range(DRAWS):
        rows = np.repeat(np.arange(n), counts[draw])
        for mine, reference in zip(drawn, statistics(rows), strict=True):
            for name, value in reference.values().items():
                np.testing.assert_allclose(mine[name][draw], value, 1e-9, 1e-9, err_msg=name)


def test_the_published_fmax_of_some_questions(rng: np.random.Generator) -> None:
    """Its value depends on the order of questions; one drawn twice goes on twice as fast."""
    sets = [frozenset(name for name in EC if rng.random() < 0.4) for _ in range(60)]
    truth, said = sets[:30], sets[30:]
    kept = rng.random((DRAWS, 30)) < 0.6
    drawn = PublishedSets(truth, said, EC).draws(kept.astype(np.uint8))["fmax"]
    for value, mine in zip(drawn, kept, strict=True):
        one, two = ([sets[at] for at in np.flatnonzero(mine) + shift] for shift in (0, 30))
        near(value, published_fmax([set(a) for a in one], [set(b) for b in two], EC))


def test_intervals_depend_on_the_seed_alone() -> None:
    answers, labels = ["yes", "no", "yes", "no"] * 20, ["positive", "negative", "negative"] * 26
    task = TASKS["emp"]
    one, same, other = (
        score(task, answers[:78], labels, "strict", seed=seed, draws=200).intervals
        for seed in (1, 1, 2)
    )
    assert one == same != other


ANY_ANSWER = st.one_of(
    st.sampled_from(["yes", "not positive", "m6A", "none", "No", "tRNA", "0.5", "hk 1 dev 2", ""]),
    st.text(max_size=30),
    st.none(),
)
TWO_LABELS = {
    "emp": ("positive", "negative"), "ncrna": ("tRNA", "leader"), "modification": ("none", "m6A"),
    "ec": ("1.1.1.1", "2.7.11.-,3.4.21.4"), "mrl": ("0.5", "-3.0"),
    "ea": ('{"hk": 1, "dev": 2}', '{"hk": 0.5, "dev": -2}'),
}  # fmt: skip


@given(st.lists(ANY_ANSWER, min_size=1, max_size=6), st.sampled_from(sorted(TWO_LABELS)))
def test_what_is_read_never_depends_on_the_truth(answers: list[str | None], name: str) -> None:
    for rule in RULES:
        one, other = (
            score(TASKS[name], answers, [label] * len(answers), rule, draws=2)
            for label in TWO_LABELS[name]
        )
        assert one.parsed == other.parsed
        assert one.unparsed == other.unparsed
        assert one.coverage == other.coverage
        assert sum(one.unparsed.values()) == one.parsed.count(None)


LABELS_OF = {
    **dict.fromkeys(("emp", "solubility", "aan", "rpi", "epi", "pd300", "tb-human"),
                    ("positive", "negative")),
    "ncrna": TASKS["ncrna"].classes,
    "modification": ("none", "m6A", "Am,m6Am,Psi", "AtoI"),
    "ec": ("1.1.1.1", "2.7.11.-", "1.1.1.1,3.4.21.-"),
    **dict.fromkeys(("mrl", "apa", "stability", "thermostability", "sirna", "crispr-on-target"),
                    ("0.25", "-1.5", "55.25")),
    "ea": ('{"hk": 0.5, "dev": -1.25}',),
    "prs": ('{"ON": 0.5, "OFF": 0.25, "ON_OFF": 0.25}',),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(LABELS_OF))
def test_the_tables_own_answers_are_read_by_both_rules(name: str) -> None:
    task = TASKS[name]
    for label in LABELS_OF[name]:
        truth = read_label(task, label)
        for rule in RULES:
            said = ("none",) if truth == () else truth
            assert parse(task, output(task, label), rule) == Parsed(said), rule


@pytest.mark.parametrize(
    ("name", "label"),
    [("emp", "yes"), ("ncrna", "trna"), ("modification", "m6a"), ("modification", "m6A,,Am"),
     ("mrl", "much"), ("mrl", "nan"), ("ea", '{"hk": 1}'), ("ea", "[1, 2]"), ("ea", "1")],
)  # fmt: skip
def test_a_bad_label_is_named(name: str, label: str) -> None:
    with pytest.raises(InputError) as caught:
        scored(name, ["yes"], [label], "strict")
    assert repr(label) in str(caught.value)
    assert name in str(caught.value)


def test_answers_and_labels_must_match() -> None:
    with pytest.raises(ValueError, match="2 answers to 1 questions"):
        scored("emp", ["yes", "no"], ["positive"], "paper")


def test_scores_become_result_rows(tmp_path: Path) -> None:
    labels = [json.dumps({"hk": one, "dev": -one}) for one in (0.1, 0.2, 0.4)]
    scores = scored("ea", ["0.1, 0.2", "0.2, 0.4", "none"], labels, "strict")
    rows = result_rows(
        scores, path="biology-instructions/ea", model="chat", source="chat@1", config="dna",
        dataset="biology-instructions", revision="1.0.0",
    )  # fmt: skip
    write_results(rows, {}, tmp_path / "r.parquet")
    table, _ = read_results([tmp_path / "r.parquet"])
    found = {(row["task"], row["metric"]): row for row in table.to_pylist()}
    assert len(found) == len(rows) == len(scores.values)
    row = found["biology-instructions/ea/hk", "pearson"]
    near(row["value"], 2 / 3)
    assert (row["protocol"], row["probe"], row["n_test"]) == ("strict", "answers", 3)
    assert row["task_type"] == "regression"
    near(row["coverage"], 2 / 3)
    assert found["biology-instructions/ea", "pearson"]["value"] == scores.values["pearson"]
