"""Intervals, groups and pairwise tests of a board against `probe compare` and plain arithmetic."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cards.duels import corrected_pairs, duel
from cards.leaderboard import build_leaderboard
from cards.merge import read_sources
from cards.site.profiles import Field, against_others, strengths
from cards.standing import group_ranks, joint, letters
from probes.compare import compare
from probes.contenders import gather
from probes.significance import corrected_mean

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cards.leaderboard import Leaderboard

    MakeRows = Callable[..., list[dict[str, Any]]]
    Write = Callable[..., Path]

FAMILIES = {
    "f": {"t": "binary", "u": "multi-class", "v": "binary"},
    "g": {"w": "binary", "r": "regression"},
}


@pytest.fixture
def results(make_rows: MakeRows, write: Write) -> Path:
    skills = {"a": 0.5, "b": 0.53, "c": 0.7, "d": 0.9}
    rows = [
        make_rows(name, families=FAMILIES, skill=skill, folds=5, repeats=2)
        for name, skill in skills.items()
    ]
    return write("r.parquet", *rows)


@pytest.fixture
def board(results: Path) -> Leaderboard:
    return build_leaderboard(read_sources([results]))


def test_duels_are_what_probe_compare_finds(results: Path, board: Leaderboard) -> None:
    found = compare(gather([results], None, []))
    duels = duel(board)
    place = {row.trial.task: at for at, row in enumerate(board.rows)}
    seen = 0
    for one in found.comparisons:
        at = place[one.trial.task]
        first, second = (duels.models.index(side.model) for side in (one.first, one.second))
        assert duels.difference[at, first, second] == pytest.approx(one.difference, abs=1e-12)
        assert duels.q[at, first, second] == pytest.approx(one.q, rel=1e-9)
        assert duels.q[at, second, first] == duels.q[at, first, second]
        better = one.better(0.05)
        assert bool(duels.better[at, first, second]) == (better == one.first.model)
        assert bool(duels.better[at, second, first]) == (better == one.second.model)
        seen += better is not None
    assert len(found.comparisons) == 6 * 5
    assert 0 < seen < 30


def test_standing_is_the_ranking_of_probe_compare(make_rows: MakeRows, write: Write) -> None:
    families = {"f": {"t": "binary", "u": "multi-class", "v": "binary"}, "g": {"w": "binary"}}
    rows = [make_rows(name, families=families) for name in "abc"]
    path = write("r.parquet", *rows)
    ranking = compare(gather([path], None, [])).ranking
    standing = build_leaderboard(read_sources([path])).standing
    assert ranking
    assert standing
    assert sorted(standing.ranks.values()) == pytest.approx(sorted(ranking.ranks))
    assert standing.critical_difference == ranking.critical_difference
    assert standing.friedman_p == ranking.friedman_p
    assert standing.tasks == 4


def test_the_interval_of_a_task_is_the_one_that_probe_prints(
    results: Path, board: Leaderboard
) -> None:
    for one in compare(gather([results], None, [])).comparisons:
        (row,) = [row for row in board.rows if row.trial.task == one.trial.task]
        for side in (one.first, one.second):
            assert row.intervals[side.model] == pytest.approx(side.interval, abs=1e-12)


def test_the_interval_of_a_mean_is_over_the_means_of_rounds(board: Leaderboard) -> None:
    def of_rounds(values: np.ndarray[Any, Any]) -> Any:
        return pytest.approx(corrected_mean(values, 0.5).interval, abs=1e-12)

    per_family = []
    for family in board.families:
        scores = [row.scores["b"].values for row in family.rows]
        rounds = np.array(scores, float).mean(axis=0)
        assert family.means["b"].interval == of_rounds(rounds)
        per_family += [rounds] if family.metric == "auroc" else []
    overall = next(entry.overall for entry in board.entries if entry.name == "b")
    assert overall
    assert overall.interval == of_rounds(np.array(per_family).mean(axis=0))


def test_joint_needs_the_same_rounds() -> None:
    assert joint([(1.0, 2.0), (3.0, 4.0)]) == (2.0, 3.0)
    assert joint([(1.0, None), (3.0, 4.0)]) == (2.0, None)
    assert joint([(1.0, 2.0), (3.0,)]) == ()
    assert joint([]) == ()


@pytest.mark.parametrize("seed", range(20))
def test_models_share_a_group_exactly_when_they_do_not_differ(seed: int) -> None:
    rng = random.Random(seed)
    ranks = {f"m{at}": round(rng.uniform(1, 20), 1) for at in range(rng.randint(2, 25))}
    difference = rng.choice([0.5, 2.0, 30.0])
    groups = group_ranks(ranks, difference)
    for one, other in itertools.combinations(ranks, 2):
        (low, high), (least, most) = groups[one], groups[other]
        share = low <= most and least <= high
        assert share == (abs(ranks[one] - ranks[other]) < difference)
    used = {at for first, last in groups.values() for at in range(first, last + 1)}
    assert used == set(range(len(used)))
    assert group_ranks(ranks, None) == {}


def test_letters() -> None:
    assert [letters((at, at)) for at in (0, 25, 26, 27, 702)] == ["a", "z", "aa", "ab", "aaa"]
    assert letters((1, 3)) == "b\N{EN DASH}d"


@pytest.mark.parametrize("seed", range(5))
def test_corrected_pairs_agree_with_one_pair_at_a_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.5, 1, (5, 6))
    values[0] = values[1]  # no difference at all
    values[2] = values[1] + 0.125  # the same difference in every round
    values[3, 2:] = np.nan
    ratio = rng.uniform(0.1, 1, 5)
    alike = np.ones((5, 5), bool)
    alike[4, 0] = False
    difference, p = corrected_pairs(values, ratio, alike)
    for one, other in itertools.permutations(range(5), 2):
        both = ~np.isnan(values[one] + values[other])
        expected = corrected_mean((values[one] - values[other])[both], ratio[one])
        assert difference[one, other] == pytest.approx(expected.value, abs=1e-15)
        if alike[one, other]:
            assert p[one, other] == pytest.approx(expected.p, rel=1e-9)
        else:
            assert np.isnan(p[one, other])


def test_models_scored_on_other_entities_or_in_one_round_are_not_tested(
    make_rows: MakeRows, write: Write
) -> None:
    families = {"f": {"t": "binary"}}
    sizes = [make_rows("a", families=families), make_rows("b", families=families, n_test=99)]
    board = build_leaderboard(read_sources([write("r.parquet", *sizes)]))
    duels = duel(board)
    assert not duels.tested.any()
    assert duels.difference[0, 0, 1] > 0
    single = [make_rows(name, families=families, folds=1, repeats=1) for name in "ab"]
    board = build_leaderboard(read_sources([write("s.parquet", *single)]))
    assert not duel(board).tested.any()
    assert board.rows[0].intervals == {"a": None, "b": None}


@pytest.mark.parametrize("metric", ["auroc", "rmse"])
def test_places_among_all_models(metric: str, board: Leaderboard) -> None:
    row = board.rows[0]
    numbers = {name: score.mean or 0.0 for name, score in row.scores.items()}
    field = Field(row.scores, metric)
    sign = -1 if metric == "rmse" else 1
    for name, mine in numbers.items():
        place = field.place(name)
        assert place
        others = [value for other, value in numbers.items() if other != name]
        assert place.rank == 1 + sum(sign * value > sign * mine for value in others)
        assert place.ahead == pytest.approx(sign * (mine - float(np.median(others))))
        assert (place.least, place.most) == (min(numbers.values()), max(numbers.values()))
    assert field.place("nobody") is None


def test_strengths_and_rivals(board: Leaderboard) -> None:
    fields = [Field(row.scores, row.metric) for row in board.rows]
    strong, weak = strengths(board, fields, "d")
    assert len(strong) == 4
    assert weak == []
    rivals = {one.model: one for one in against_others(board, duel(board), "d")}
    assert set(rivals) == {"a", "b", "c"}
    assert rivals["a"].tasks == 5
    assert rivals["a"].better >= rivals["c"].better
    assert rivals["a"].difference > rivals["c"].difference > 0
    assert all(one.worse == 0 for one in rivals.values())
