"""Rank-value tokens of Geneformer: a cell is its genes, by how much they stand out in it.

Each count is divided by the gene's median over the training corpus, and genes are sorted, the
highest first (Theodoris et al. 2023, 10.1038/s41586-023-06139-9). Upstream also divides by the
cell's total, which cannot change the order. Upstream's sort leaves the order of equal values to
chance; here they are ordered by token.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from extractors.cells.cell import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from extractors.cells.cell import Cells

WORD = 64


@dataclass(frozen=True, eq=False)
class RankedCells:
    """Tokens of several cells, end to end."""

    starts: NDArray[np.int64]
    """Shape (cells + 1,): cell i is `tokens[starts[i]:starts[i + 1]]`."""
    tokens: NDArray[np.int32]

    def cell(self, number: int, room: int | None = None) -> NDArray[np.int32]:
        """Return the tokens of a cell, at most the `room` highest."""
        start, end = int(self.starts[number]), int(self.starts[number + 1])
        return self.tokens[start : end if room is None else min(end, start + room)]


def rank_value_tokens(cells: Cells, medians: NDArray[np.float64]) -> RankedCells:
    """Sort each cell's genes by count / median in float64, highest first; ties by token.

    `cells` is over the token ids, each once and ascending within a cell, counts above zero;
    `medians`: shape (tokens,), above zero for every gene.
    """
    tokens = np.empty(len(cells.genes), np.int32)
    edges = cells.starts
    for first, last in stretches(edges):
        own = slice(int(edges[first]), int(edges[last]))
        rows = (edges[first : last + 1] - edges[first]).tolist()
        tokens[own] = _ranked(cells.genes[own], cells.counts[own], rows, medians)
    return RankedCells(edges, tokens)


def _ranked(
    genes: NDArray[np.int32],
    counts: NDArray[np.float32],
    edges: list[int],
    medians: NDArray[np.float64],
) -> NDArray[np.int32]:
    """Return the tokens of some cells, end to end; `edges`: where each begins, and the end."""
    if not len(genes):
        return genes
    values = counts / medians[genes]  # float32 / float64: exact counts, a float64 ratio
    # The bits of positive floats are ordered as the floats are. Counted down from the highest,
    # with the token below, they make one number whose order is the one that is wanted, and
    # numbers sort far quicker than places do.
    keys = values.view(np.uint64)
    keys = keys.max() - keys
    width = np.uint64(max(1, (len(medians) - 1).bit_length()))
    cut = np.uint64(max(0, int(keys.max()).bit_length() + int(width) - WORD))
    keys >>= cut
    keys <<= width
    keys |= genes.view(np.uint32)
    for start, end in pairwise(edges):
        keys[start:end].sort()
    tokens: NDArray[np.int32] = (keys & ((np.uint64(1) << width) - np.uint64(1))).astype(np.int32)
    if cut:
        keys >>= width
        alike = np.flatnonzero(keys[1:] == keys[:-1])
        rows = np.unique(np.searchsorted(edges, alike, side="right")) - 1
        for row in rows.tolist():  # they may differ in bits that were cut off: sort these exactly
            own = slice(edges[row], edges[row + 1])
            tokens[own] = genes[own][np.argsort(-values[own], kind="stable")]
    return tokens
