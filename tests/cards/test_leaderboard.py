"""The numbers of the leaderboard against plain arithmetic, and the rules of equal footing."""

from __future__ import annotations

import itertools
import math
import re
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from cards.leaderboard import Family, Leaderboard, build_leaderboard
from cards.merge import read_sources
from cards.notes import notes
from cards.sentences import footing, lead, summary
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Row = dict[str, Any]
    MakeRows = Callable[..., list[Row]]
    Write = Callable[..., Path]

HEADLINES = defaultdict(lambda: "auroc", regression="spearman")


def board_of(*paths: Path) -> Leaderboard:
    return build_leaderboard(read_sources(paths))


def family(board: Leaderboard, config: str, metric: str = "auroc") -> Family:
    (found,) = [f for f in board.families if f.config == config and f.metric == metric]
    return found


def subjects(board: Leaderboard) -> list[str]:
    return [note.subject for note in notes(board)]


def plain_means(rows: list[Row]) -> dict[tuple[str, str, str], dict[str, float]]:
    """Return (model, config, metric) → task → mean headline score, in the plainest way."""
    values: dict[tuple[str, str, str], dict[str, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in rows:
        metric = HEADLINES[row["task_type"]]
        if row["label"] is None and row["metric"] == metric and row["value"] is not None:
            values[row["model"], row["config"], metric][row["task"]].append(row["value"])
    return {
        key: {task: sum(found) / len(found) for task, found in tasks.items()}
        for key, tasks in values.items()
    }


def test_numbers_equal_plain_arithmetic(make_rows: MakeRows, write: Write) -> None:
    rows = [*make_rows("a", skill=0.7), *make_rows("b", skill=0.8), *make_rows("c", skill=0.6)]
    board = board_of(write("r.parquet", rows))
    expected = plain_means(rows)
    for one in board.families:
        for model, mean in one.means.items():
            tasks = expected[model, one.config, one.metric]
            assert mean.mean == pytest.approx(statistics.fmean(tasks.values()), abs=1e-12)
            if len(tasks) > 1:
                assert mean.sd == pytest.approx(statistics.stdev(tasks.values()), abs=1e-12)
            else:
                assert mean.sd is None
            for row in one.rows:
                score = row.scores[model]
                assert score.mean == pytest.approx(tasks[row.trial.task], abs=1e-12)
                assert (score.defined, score.rounds) == (6, 6)
    for entry in board.entries:
        families = [
            statistics.fmean(tasks.values())
            for (model, _, metric), tasks in expected.items()
            if model == entry.name and metric == "auroc"
        ]
        assert entry.overall
        assert entry.overall.mean == pytest.approx(statistics.fmean(families), abs=1e-12)
        assert entry.overall.sd == pytest.approx(statistics.stdev(families), abs=1e-12)
        assert entry.overall.n == 3
    means = [entry.overall.mean for entry in board.entries if entry.overall]
    assert means == sorted(means, reverse=True)
    assert [entry.rank for entry in board.entries] == [1, 2, 3]


def test_sd_over_folds_is_the_sample_sd(make_rows: MakeRows, write: Write) -> None:
    rows = make_rows("a", families={"f": {"t": "binary"}}, folds=5, repeats=1)
    values = [row["value"] for row in rows if row["metric"] == "auroc"]
    (row,) = board_of(write("r.parquet", rows)).rows
    assert row.scores["a"].sd == pytest.approx(statistics.stdev(values))


def test_order_of_rows_and_files_does_not_matter(make_rows: MakeRows, write: Write) -> None:
    one, other = make_rows("a"), make_rows("b")
    whole = board_of(write("whole.parquet", one, other))
    parts = board_of(write("b.parquet", reversed(other)), write("a.parquet", one))
    assert [entry.name for entry in whole.entries] == [entry.name for entry in parts.entries]
    for left, right in zip(whole.entries, parts.entries, strict=True):
        assert left.overall
        assert right.overall
        assert left.overall.mean == pytest.approx(right.overall.mean, abs=1e-12)


def test_regression_stands_beside(make_rows: MakeRows, write: Write) -> None:
    board = board_of(write("r.parquet", make_rows("a"), make_rows("b")))
    assert board.metrics == ("auroc", "spearman")
    assert len(family(board, "genomics").rows) == 2
    assert len(family(board, "genomics", "spearman").rows) == 1
    assert all(one.metric == "auroc" for one in board.ranked_families)
    assert "Listed beside" in subjects(board)


def test_only_regressions_are_ranked_among_themselves(make_rows: MakeRows, write: Write) -> None:
    families = {"f": {"t": "regression", "u": "regression"}}
    board = board_of(write("r.parquet", make_rows("a", families=families)))
    assert board.metric == "spearman"
    assert board.entries[0].rank == 1


def test_equal_means_share_a_rank(make_rows: MakeRows, write: Write) -> None:
    best, twin = make_rows("a", skill=0.84), make_rows("a", skill=0.84)
    for row in twin:
        row["model"], row["embedding"] = "twin", "twin.parquet"
    board = board_of(write("r.parquet", best, twin, make_rows("z", skill=0.3)))
    assert [(e.name, e.rank) for e in board.entries] == [("a", 1), ("twin", 1), ("z", 3)]
    assert lead(board) == "a and twin share the first place."


def test_means_are_over_shared_tasks_only(make_rows: MakeRows, write: Write) -> None:
    full = make_rows("full", skill=0.8)
    part = [row for row in make_rows("part") if not row["task"].endswith("/secreted")]
    board = board_of(write("r.parquet", full, part))
    found = family(board, "localization")
    assert found.shared == 1
    location = next(row for row in found.rows if row.trial.name == "location")
    assert found.means["full"].mean == pytest.approx(location.scores["full"].mean)
    assert "over the 4 of 5 tasks that all models share" in footing(board)
    (note,) = [note for note in notes(board) if note.subject == "Missing scores"]
    assert "Of 6 tasks, part has no score on 1 (secreted)" in note.text


def test_a_family_that_one_model_lacks_is_not_in_the_overall_mean(
    make_rows: MakeRows, write: Write
) -> None:
    narrow = [row for row in make_rows("narrow") if row["config"] == "genomics"]
    board = board_of(write("r.parquet", make_rows("full"), narrow))
    assert [one.config for one in board.ranked_families] == ["genomics"]
    assert not family(board, "localization").complete
    assert all(entry.overall and entry.overall.n == 1 for entry in board.entries)


def test_models_that_share_nothing_have_no_rank(make_rows: MakeRows, write: Write) -> None:
    one = make_rows("one", families={"f": {"t": "binary"}})
    other = make_rows("other", families={"g": {"u": "binary"}})
    board = board_of(write("r.parquet", one, other))
    assert [(entry.rank, entry.overall) for entry in board.entries] == [(None, None)] * 2
    assert "No overall mean" in subjects(board)
    assert "no overall mean" in footing(board)


@pytest.mark.parametrize(
    "changes",
    [{"protocol": "standard+shuffled"}, {"protocol": "paper+noise=0.1"}, {"fraction": 0.1}],
)
def test_control_tasks_and_learning_curves_are_no_scores(
    make_rows: MakeRows, write: Write, changes: dict[str, Any]
) -> None:
    families = {"f": {"t": "binary", "u": "binary"}}
    plain = [make_rows(name, families=families, fraction=1.0) for name in "ab"]
    altered = write("altered.parquet", make_rows("a", families=families, skill=0.3, **changes))
    whole = board_of(write("plain.parquet", *plain))
    board = board_of(write("again.parquet", *plain), altered)
    assert board.families == whole.families
    assert "Controls and learning curves" not in subjects(whole)
    (note,) = [one.text for one in notes(board) if one.subject == "Controls and learning curves"]
    assert note.startswith(f"{len(make_rows('a', families=families))} rows of shuffled labels")
    with pytest.raises(InputError, match="without --shuffle-labels"):
        board_of(altered)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"revision": "2.0.0"}, "revision"),
        ({"protocol": "unscaled"}, "protocol"),
        ({"split": "family"}, "split"),
        ({"probe": "forest"}, "probe"),
        ({"seed": 7}, "seed"),
    ],
)
def test_differing_conditions_are_kept_apart(
    make_rows: MakeRows, write: Write, changes: dict[str, Any], words: str
) -> None:
    families = {"f": {"t": "binary", "u": "binary"}}
    here = [make_rows("a", families=families), make_rows("b", families=families)]
    there = make_rows("c", families=families, **changes)
    board = board_of(write("here.parquet", *here), write("there.parquet", there))
    sides = {frozenset(one.means): one for one in board.families}
    assert set(sides) == {frozenset("ab"), frozenset("c")}
    assert all(one.shared == 2 for one in board.families)
    assert len({one.variant for one in board.families}) == 2
    assert not board.ranked_families
    (note,) = [note for note in notes(board) if note.subject == "Kept apart"]
    assert f"differing {words} " in note.text
    assert "Missing scores" not in subjects(board)


def test_differing_folds_are_kept_apart(make_rows: MakeRows, write: Write) -> None:
    families = {"f": {"t": "binary"}}
    board = board_of(
        write(
            "r.parquet",
            make_rows("a", families=families, folds=3),
            make_rows("b", families=families, folds=5),
        )
    )
    assert sorted(one.variant for one in board.families) == [
        "3 folds \N{MULTIPLICATION SIGN} 2 repeats",
        "5 folds \N{MULTIPLICATION SIGN} 2 repeats",
    ]
    assert not board.ranked_families


def test_equal_seeds_are_averaged_together(make_rows: MakeRows, write: Write) -> None:
    families = {"f": {"t": "binary"}}
    rows = [
        row
        for model, seed in itertools.product("ab", (0, 1))
        for row in make_rows(model, families=families, seed=seed)
    ]
    board = board_of(write("r.parquet", rows))
    (row,) = board.rows
    assert row.trial.seeds == (0, 1)
    assert row.scores["a"].rounds == 12


def test_the_common_seed_is_compared_when_one_model_has_more(
    make_rows: MakeRows, write: Write
) -> None:
    families = {"f": {"t": "binary"}}
    rows = [make_rows("a", families=families, seed=seed) for seed in (0, 1)]
    board = board_of(write("r.parquet", *rows, make_rows("b", families=families)))
    assert {one.variant: set(one.means) for one in board.families} == {
        "seed 0": {"a", "b"},
        "seed 1": {"a"},
    }
    assert [one.variant for one in board.ranked_families] == ["seed 0"]


def test_conditions_may_vary_by_task(make_rows: MakeRows, write: Write) -> None:
    one = make_rows("a", families={"f": {"t": "binary"}}, probe="logistic")
    other = make_rows("a", families={"f": {"u": "binary"}}, probe="logistic (pair=mean)")
    board = board_of(write("r.parquet", one, other))
    assert [(f.variant, f.shared) for f in board.families] == [("", 2)]


def test_unequal_coverage_is_said(make_rows: MakeRows, write: Write) -> None:
    rows = [make_rows("a"), make_rows("b", coverage=0.875)]
    board = board_of(write("r.parquet", *rows))
    entry = next(entry for entry in board.entries if entry.name == "b")
    assert entry.coverage == (0.875, 0.875)
    assert family(board, "pairs").means["b"].coverage == 0.875
    (note,) = [note for note in notes(board) if note.subject == "Unequal coverage"]
    assert "b covers 87% and a 100%" in note.text


def test_undefined_folds_are_left_out_and_said(make_rows: MakeRows, write: Write) -> None:
    rows = make_rows("a", families={"f": {"t": "binary"}})
    headline = [one for one in rows if one["metric"] == "auroc"]
    headline[0]["value"], headline[1]["value"] = None, math.inf
    board = board_of(write("r.parquet", rows))
    (row,) = board.rows
    defined = [one["value"] for one in headline[2:]]
    assert row.scores["a"].mean == pytest.approx(statistics.fmean(defined))
    assert (row.scores["a"].defined, row.scores["a"].rounds) == (4, 6)
    assert "Undefined folds" in subjects(board)


def test_a_task_without_any_value_is_no_score(make_rows: MakeRows, write: Write) -> None:
    rows = make_rows("a", families={"f": {"t": "binary"}}, value=None)
    board = board_of(write("r.parquet", rows))
    assert board.entries[0].overall is None
    assert board.rows[0].scores == {}


def test_labels_are_details_and_not_averaged(make_rows: MakeRows, write: Write) -> None:
    families = {"f": {"t": "multi-label"}}
    rows = make_rows("a", families=families, labels=("X", "Y"))
    (row,) = board_of(write("r.parquet", rows)).rows
    mine = [r["value"] for r in rows if r["label"] == "X" and r["metric"] == "auroc"]
    assert row.metrics["a"]["X", "auroc"].mean == pytest.approx(statistics.fmean(mine))
    assert row.scores["a"].rounds == 6


def test_derived_tasks_are_not_counted_twice(make_rows: MakeRows, write: Write) -> None:
    rows = make_rows("a", families={"f": {"t": "multi-label", "t/X": "binary", "u": "binary"}})
    board = board_of(write("r.parquet", rows))
    (found,) = board.families
    assert [(row.trial.name, row.shared) for row in found.rows] == [
        ("t", True), ("t/X", False), ("u", True),
    ]  # fmt: skip
    assert "over the 2 of 2 tasks" in footing(board)
    assert "Labels as tasks" in subjects(board)
    alone = [row for row in rows if row["task"].endswith("t/X")]
    assert board_of(write("alone.parquet", alone)).rows[0].shared


def test_equal_rows_of_two_files_are_merged(make_rows: MakeRows, write: Write) -> None:
    rows = make_rows("a")
    once, twice = write("1.parquet", rows), write("2.parquet", rows, make_rows("b"))
    board = board_of(once, twice, once)
    assert len(board.entries) == 2
    assert all(row.scores["a"].rounds == 6 for row in board.rows)


def test_negative_zero_is_no_contradiction(make_rows: MakeRows, write: Write) -> None:
    rows = [make_rows("a", value=zero) for zero in (0.0, -0.0)]
    board = board_of(write("r.parquet", *rows))
    assert all(row.scores["a"].rounds == 6 for row in board.rows)


def test_tables_divided_alike_share_a_note(make_rows: MakeRows, write: Write) -> None:
    rows = [make_rows("a"), make_rows("b", revision="2")]
    board = board_of(write("r.parquet", *rows))
    (note,) = [note for note in notes(board) if note.subject == "Kept apart"]
    assert "genomics, localization and pairs were scored under differing revision" in note.text
    assert "(revision 1.0.0: a; revision 2: b)" in note.text


def test_unequal_rows_of_two_files_are_refused(make_rows: MakeRows, write: Write) -> None:
    rows, changed = make_rows("minilm"), make_rows("minilm")
    changed[0]["value"] = 0.123
    paths = write("1.parquet", rows), write("2.parquet", changed)
    with pytest.raises(InputError) as caught:
        board_of(*paths)
    for words in ("minilm", changed[0]["task"], "0.123", "1.parquet", "2.parquet", "fold 0"):
        assert words in str(caught.value)


def test_contradicting_embeddings_are_models_of_their_own(
    make_rows: MakeRows, write: Write
) -> None:
    families = {"f": {"t": "binary"}}
    one = make_rows("m", families=families, embedding="layer-6.parquet")
    other = make_rows("m", families=families, embedding="layer-12.parquet", value=0.5)
    board = board_of(write("r.parquet", one, other, make_rows("n", families=families)))
    names = {entry.name for entry in board.entries}
    assert names == {"m (layer-6.parquet)", "m (layer-12.parquet)", "n"}
    assert "One name, several embeddings" in subjects(board)


def test_agreeing_embeddings_are_one_model(make_rows: MakeRows, write: Write) -> None:
    one = make_rows("m", families={"f": {"t": "binary"}}, embedding="genes.parquet")
    other = make_rows("m", families={"g": {"u": "binary"}}, embedding="proteins.parquet")
    copy = [row | {"embedding": "copy.parquet"} for row in one]
    board = board_of(write("r.parquet", one, other, copy))
    (entry,) = board.entries
    assert entry.info.embeddings == ("copy.parquet", "genes.parquet", "proteins.parquet")
    assert "Several files" in subjects(board)


def test_an_embedding_that_changed_between_files_is_said(make_rows: MakeRows, write: Write) -> None:
    def origin(digest: str) -> dict[str, Any]:
        return {"embeddings": [{"model": "m", "source": "m.parquet", "sha256": digest}]}

    first = make_rows("m", families={"f": {"t": "binary"}})
    second = make_rows("m", families={"g": {"u": "binary"}})
    one = write("1.parquet", first, provenance=origin("1"))
    two = write("2.parquet", second, provenance=origin("2"))
    assert "Changed embeddings" in subjects(board_of(one, two))
    assert "Changed embeddings" not in subjects(board_of(one))


@pytest.mark.parametrize("column", ["model", "dataset", "config", "task", "task_type", "metric"])
def test_a_row_without_a_name_is_refused(make_rows: MakeRows, write: Write, column: str) -> None:
    rows = make_rows("a")
    rows[3][column] = None
    with pytest.raises(InputError, match=re.escape(f"r.parquet has a row without {column}")):
        board_of(write("r.parquet", rows))


def test_an_unknown_task_type_is_refused(make_rows: MakeRows, write: Write) -> None:
    rows = make_rows("a", families={"f": {"t": "binray"}})
    with pytest.raises(InputError, match=r"unknown task type 'binray'; did you mean binary\?"):
        board_of(write("r.parquet", rows))


def test_the_sentences_name_every_condition(make_rows: MakeRows, write: Write) -> None:
    rows = [make_rows("a", seed=3, skill=0.9), make_rows("b", seed=3, skill=0.5)]
    board = board_of(write("r.parquet", *rows))
    assert summary(board) == (
        "2 models compared on 6 tasks in 3 families of gene-benchmark (revision 1.0.0); "
        "protocol standard, split random, probe logistic and ridge, "
        "3 folds \N{MULTIPLICATION SIGN} 2 repeats, seed 3."
    )
    first = board.entries[0].overall
    second = board.entries[1].overall
    assert first
    assert second
    ahead = f"{first.mean - second.mean:.3f}"
    assert lead(board) == f"a is ahead of b by {ahead} overall and on 5 of the 5 shared tasks."
    assert lead(board_of(write("one.parquet", rows[0]))) is None


def test_a_large_board_is_quick(make_rows: MakeRows, write: Write) -> None:
    families = {f"f{i}": {f"t{j}": "binary" for j in range(10)} for i in range(10)}
    rows = [make_rows(f"m{i}", families=families, folds=5) for i in range(10)]
    board = board_of(write("r.parquet", *rows))
    assert (len(board.entries), len(board.rows)) == (10, 100)
