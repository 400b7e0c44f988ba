"""Cells per CPU second: our rank-value tokens against the way upstream's tokenizer makes them.

    python benchmarks/geneformer_tokens.py [--cells 20000] [--genes 20000] [--rounds 5]

Simulated counts, 5 % of the matrix above zero, seeded. "Upstream's way" is written after
Geneformer's `tokenize_anndata`: chunks of 512 cells of a CSR matrix, divided by totals and
medians, then one sparse row and one argsort a cell. Rounds are interleaved in one process;
medians of process CPU time. That all tokens agree is checked against an exact sort.
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from machine import describe_machine

from extractors.cells.cell import Cells, gather
from extractors.expression.rank_value import rank_value_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CHUNK = 512
ROOM = 2048
TOTAL = 10_000


def simulated(n_cells: int, n_genes: int, share: float) -> sp.csr_matrix:
    """Return counts with about `share` of them above zero, genes of very different strength."""
    rng = np.random.default_rng(0)
    strength = np.cumsum(rng.lognormal(0, 1.2, n_genes))
    strength /= strength[-1]
    rows = []
    for size in np.maximum(20, rng.normal(share, share / 4, n_cells) * n_genes).astype(int):
        drawn = np.unique(np.searchsorted(strength, rng.random(int(size * 1.25))))
        rows.append(np.sort(rng.choice(drawn, min(size, len(drawn)), replace=False)))
    starts = np.cumsum([0, *map(len, rows)])
    counts = rng.geometric(0.45, starts[-1]).astype(np.float32)
    return sp.csr_matrix((counts, np.concatenate(rows), starts), shape=(n_cells, n_genes))


def upstream_way(
    counts: sp.csr_matrix, medians: NDArray[np.float64], tokens: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Return the tokens of each cell."""
    totals = np.asarray(counts.sum(axis=1))
    cells = []
    for start in range(0, counts.shape[0], CHUNK):
        chunk = counts[start : start + CHUNK]
        scaled = sp.csr_matrix(chunk / totals[start : start + CHUNK] * TOTAL / medians)
        for row in range(scaled.shape[0]):
            order = np.argsort(-scaled[row].data)
            cells.append(tokens[scaled[row].indices][order][:ROOM])
    return cells


def exact_way(cells: Cells, medians: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Return the tokens of each cell by one stable sort of the plain values a cell."""
    found = []
    for start, end in pairwise(cells.starts.tolist()):
        genes = cells.genes[start:end].astype(np.int64)
        values = cells.counts[start:end] / medians[genes]
        found.append(genes[np.argsort(-values, kind="stable")][:ROOM])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    counts = simulated(options.cells, options.genes, options.share)
    rng = np.random.default_rng(1)
    medians = rng.lognormal(0.5, 0.5, options.genes)
    tokens = np.arange(options.genes)
    order = rng.permutation(options.genes).astype(np.int32)  # a file's columns in another order
    starts = counts.indptr.astype(np.int64)
    cells = Cells(starts, counts.indices.astype(np.int32), counts.data)

    def whole() -> object:
        gathered = gather(starts, counts.indices, counts.data, order)
        return rank_value_tokens(gathered, medians)

    ways: dict[str, Callable[[], object]] = {
        "upstream's way": lambda: upstream_way(counts, medians, tokens),
        "one stable argsort a cell": lambda: exact_way(cells, medians),
        "genezoo, tokens": lambda: rank_value_tokens(cells, medians),
        "genezoo, columns to genes and tokens": whole,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            start = time.process_time()
            way()
            seconds[name].append(time.process_time() - start)
    ours = rank_value_tokens(cells, medians)
    same = all(
        np.array_equal(ours.cell(row, ROOM), expected)
        for row, expected in enumerate(exact_way(cells, medians))
    )
    print(describe_machine())
    print(f"{options.cells:,} cells, {options.genes:,} genes, {counts.nnz:,} counts, rounds "
          f"interleaved: {options.rounds}; tokens agree with the exact sort: {same}")  # fmt: skip
    first = statistics.median(seconds["upstream's way"])
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"{name:38} {options.cells / median:10,.0f} cells/CPU-s  {first / median:5.2f}x")


if __name__ == "__main__":
    main()
