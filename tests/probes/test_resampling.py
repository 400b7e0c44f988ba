"""A weighted metric is that of entities repeated, and the bootstrap agrees with DeLong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from probes.intervals import delong
from probes.resampling import Paired, Ranked, resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT = 1e-9
SINGLE = 1e-6
rows = st.lists(
    st.tuples(st.booleans(), st.integers(-3, 3), st.integers(0, 4)), min_size=2, max_size=30
)


@given(rows)
@settings(deadline=None)
def test_ranked_is_what_repeating_entities_gives(rows: list[tuple[bool, int, int]]) -> None:
    truth = np.array([row[0] for row in rows])
    scores = np.array([float(row[1]) for row in rows])
    counts = np.array([[row[2] for row in rows]], dtype=np.uint8)
    auroc, precision = (one[0] for one in Ranked(truth, scores).metrics(counts))
    chosen = np.repeat(np.arange(len(rows)), counts[0])
    if len(set(truth[chosen])) < 2:
        assert np.isnan(auroc)
        assert np.isnan(precision)
        return
    assert auroc == pytest.approx(sk.roc_auc_score(truth[chosen], scores[chosen]), abs=SINGLE)
    wanted = sk.average_precision_score(truth[chosen], scores[chosen])
    assert precision == pytest.approx(wanted, abs=SINGLE)


@pytest.mark.parametrize("decimals", [0, 6])
def test_paired_is_what_repeating_entities_gives(decimals: int) -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(size=40).round(decimals) + 3
    predicted = (truth + rng.normal(size=40)).round(decimals)
    counts = rng.integers(0, 4, (5, 40)).astype(np.uint8)
    paired = Paired(truth, predicted)
    functions = {
        "spearman": lambda a, b: stats.spearmanr(a, b).statistic,
        "pearson": lambda a, b: stats.pearsonr(a, b).statistic,
        "r2": sk.r2_score,
        "rmse": sk.root_mean_squared_error,
        "mae": sk.mean_absolute_error,
    }
    for name, function in functions.items():
        found = paired.metric(name, counts)
        for draw, mine in enumerate(counts):
            chosen = np.repeat(np.arange(40), mine)
            wanted = function(truth[chosen], predicted[chosen])
            assert found[draw] == pytest.approx(wanted, abs=EXACT), name
    with pytest.raises(ValueError, match="choices: spearman"):
        paired.metric("auroc", counts)
    flat = Paired(np.ones(40), predicted)
    assert all(np.isnan(flat.metric(name, counts)).all() for name in ("spearman", "pearson", "r2"))


def test_draws_keep_the_size_of_every_stratum() -> None:
    strata = np.array([0] * 7 + [2] * 300 + [1] * 3)
    blocks = list(resample(strata, draws=600, seed=4))
    counts = np.concatenate(blocks)
    assert counts.shape == (600, 310)
    for one, size in ((0, 7), (1, 3), (2, 300)):
        assert (counts[:, strata == one].sum(axis=1) == size).all()
    # Each entity is drawn once on average, and as often as a Poisson number would be.
    assert counts.mean(axis=0) == pytest.approx(np.ones(310), abs=0.25)
    assert counts[:, strata == 2].var() == pytest.approx(1 - 1 / 300, abs=0.02)
    again = np.concatenate(list(resample(strata, draws=600, seed=4)))
    assert np.array_equal(again, counts)
    assert not np.array_equal(np.concatenate(list(resample(strata, draws=600, seed=5))), counts)


def test_the_bootstrap_of_auroc_has_the_spread_of_delong() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(1500) < 0.2
    scores = rng.normal(size=1500) + truth
    ranked = Ranked(truth, scores)
    draws = np.concatenate(
        [ranked.metrics(counts)[0] for counts in resample(truth.astype(np.intp), seed=1)]
    )
    auroc, variance = delong(truth, scores)
    assert draws.mean() == pytest.approx(auroc, abs=0.002)
    assert draws.std() == pytest.approx(variance**0.5, rel=0.07)


def test_the_bootstrap_of_spearman_has_the_spread_of_sampling() -> None:
    rng = np.random.default_rng(2)

    def sample() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        truth = rng.normal(size=400)
        return truth, truth + rng.normal(size=400)

    spread = np.std([stats.spearmanr(*sample()).statistic for _ in range(500)])
    paired = Paired(*sample())
    draws = np.concatenate(
        [paired.metric("spearman", counts) for counts in resample(np.zeros(400, dtype=np.intp))]
    )
    assert draws.std() == pytest.approx(spread, rel=0.2)
