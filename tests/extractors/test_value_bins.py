"""scGPT's bins against the published rule, written down literally."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.cells.cell import Cell
from extractors.expression.value_bins import binned_cell, cell_generator, value_bins

BINS = 51


def published(values: list[float], n_bins: int, draws: list[float]) -> list[int]:
    """Edges are quantiles; a value goes to a uniform bin among those whose edges it lies on."""
    edges = np.quantile(np.array(values, np.float64), np.linspace(0, 1, n_bins - 1)).tolist()
    found = []
    for value, draw in zip(values, draws, strict=True):
        left = sum(edge <= value for edge in edges)
        right = sum(edge < value for edge in edges)
        found.append(math.ceil(draw * (right - left) + left))
    return found


@given(
    values=st.lists(
        st.one_of(st.integers(1, 20), st.integers(1, 2**24)).map(float), min_size=1, max_size=200
    ),
    n_bins=st.integers(3, BINS),
)
@settings(max_examples=200, deadline=None)
def test_bins_follow_the_published_rule(values: list[float], n_bins: int) -> None:
    draws = cell_generator(3, "cell").random(len(values)).tolist()
    bins = value_bins(np.array(values, np.float32), n_bins, cell_generator(3, "cell"))
    assert bins.tolist() == published(values, n_bins, draws)
    assert 1 <= bins.min() <= bins.max() <= n_bins - 1


def test_a_count_that_most_genes_share_is_spread_over_its_bins() -> None:
    """600 of 700 genes have count 1: it lies on 42 of the 50 edges, and all get their share."""
    values = np.array([1.0] * 600 + [float(count) for count in range(2, 102)], np.float32)
    seen = np.zeros(BINS, int)
    for cell in range(200):
        bins = value_bins(values, BINS, cell_generator(0, f"c{cell}"))[:600]
        seen += np.bincount(bins, minlength=BINS)
    expected = 600 * 200 / 42
    assert set(np.flatnonzero(seen)) == set(range(1, 43))
    assert np.abs(seen[1:43] - expected).max() < 5 * math.sqrt(expected)


def test_bins_do_not_feel_normalisation() -> None:
    """Quantiles keep under log1p of counts per 10,000, so either input gives the same bins."""
    counts = np.random.default_rng(0).geometric(0.3, 500).astype(np.float32)
    logged = np.log1p(counts / counts.sum() * np.float32(1e4))
    raw = value_bins(counts, BINS, cell_generator(1, "c"))
    assert (raw == value_bins(logged, BINS, cell_generator(1, "c"))).mean() > 0.99


def test_a_long_cell_keeps_a_subset_that_depends_on_seed_and_id_alone() -> None:
    rng = np.random.default_rng(5)
    genes = np.sort(rng.choice(60_000, 3000, replace=False)).astype(np.int32)
    cell = Cell(genes, rng.geometric(0.4, 3000).astype(np.float32))

    def once(seed: int, name: str, room: int) -> tuple[list[int], list[int]]:
        order, bins = binned_cell(cell, BINS, room, cell_generator(seed, name))
        assert sorted(order.tolist()) == genes.tolist()
        return order[:room].tolist(), bins[:room].tolist()

    kept, bins = once(0, "a", 1199)
    assert once(0, "a", 1199) == (kept, bins)
    assert once(0, "b", 1199)[0] != kept
    assert once(1, "a", 1199)[0] != kept
    assert len(kept) == 1199
    assert kept == sorted(set(kept))
    # Drawn after binning: what is kept has the bins that it has in the whole cell.
    whole = dict(zip(*once(0, "a", 3000), strict=True))
    assert bins == [whole[gene] for gene in kept]
    # A fair subset: every stretch of the genes keeps its share.
    share = np.histogram(kept, bins=10, range=(0, 60_000))[0]
    assert share.min() > 80
    assert share.max() < 165
