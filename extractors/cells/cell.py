"""One cell as a model sees it: which of its genes were counted, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

STRETCH = 1 << 17
"""Values that are worked on in one go: what fits the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """The counts of one cell over a model's vocabulary.

    Like a text it has a length and bytes that tell it from others, which is all that the engine
    asks of a value.
    """

    genes: NDArray[np.int32]
    """Shape (n,): the model's numbers of the genes, ascending, each once."""
    counts: NDArray[np.float32]
    """Shape (n,): how often each was counted, above zero."""

    def __len__(self) -> int:
        """Return how many genes were counted."""
        return len(self.genes)

    def encode(self) -> bytes:
        """Return bytes that only an equal cell has."""
        genes, counts = self.genes.astype("<i4"), self.counts.astype("<f4")
        return len(self).to_bytes(8, "little") + genes.tobytes() + counts.tobytes()


EMPTY = Cell(np.zeros(0, np.int32), np.zeros(0, np.float32))


@dataclass(frozen=True, eq=False)
class Cells:
    """Several cells as one sparse matrix of rows (CSR), in the dtypes of `Cell`."""

    starts: NDArray[np.int64]
    """Shape (cells + 1,): row i is `starts[i]:starts[i + 1]` of the two others."""
    genes: NDArray[np.int32]
    counts: NDArray[np.float32]

    @classmethod
    def join(cls, cells: Sequence[Cell | None]) -> Cells:
        """Put cells one below the other; None is an empty row."""
        rows = [EMPTY if cell is None else cell for cell in cells]
        starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        genes = np.concatenate([EMPTY.genes, *(row.genes for row in rows)])
        return cls(starts, genes, np.concatenate([EMPTY.counts, *(row.counts for row in rows)]))

    def split(self) -> list[Cell]:
        """Return the rows, as views."""
        return [
            Cell(self.genes[start:end], self.counts[start:end])
            for start, end in pairwise(self.starts.tolist())
        ]


def stretches(starts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield (first row, row after the last) of stretches that fit the processor's cache."""
    first, n_rows = 0, len(starts) - 1
    while first < n_rows:
        last = int(np.searchsorted(starts, starts[first] + STRETCH, side="right")) - 1
        last = min(max(last, first + 1), n_rows)
        yield first, last
        first = last


def gather(
    starts: NDArray[np.int64],
    columns: NDArray[np.integer],
    counts: NDArray[np.generic],
    column_gene: NDArray[np.int32],
) -> Cells:
    """Return rows of a file's matrix (CSR) over the model's genes.

    `column_gene` has the model's number of each column's gene, -1 for one it does not know.
    Unknown genes and zeros fall out, counts of the same gene are summed, genes are sorted.
    """
    genes = np.empty(len(columns), np.int32)
    values = np.empty(len(columns), np.float32)
    edges = np.zeros(len(starts), np.int64)
    for first, last in stretches(starts):
        own = slice(int(starts[first]), int(starts[last]))
        own_starts = starts[first : last + 1] - starts[first]
        piece = _gathered(own_starts, columns[own], counts[own], column_gene)
        edges[first + 1 : last + 1] = edges[first] + piece.starts[1:]
        new = slice(int(edges[first]), int(edges[last]))
        genes[new], values[new] = piece.genes, piece.counts
    return Cells(edges, genes[: edges[-1]], values[: edges[-1]])


def _gathered(
    starts: NDArray[np.int64],
    columns: NDArray[np.integer],
    counts: NDArray[np.generic],
    column_gene: NDArray[np.int32],
) -> Cells:
    """Do the work of `gather` for a stretch of rows."""
    genes = column_gene[columns]
    values = counts.astype(np.float32, copy=False)
    kept = (genes >= 0) & (counts != 0)
    if not kept.all():
        before = np.zeros(len(genes) + 1, np.int64)
        np.cumsum(kept, out=before[1:])
        starts, genes, values = before[starts], genes[kept], values[kept]
    # The gene above the bits of its count: rows sort as plain numbers, which numpy does fast.
    keys = genes.astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= values.view(np.uint32)
    for start, end in pairwise(starts.tolist()):
        keys[start:end].sort()
    genes = (keys >> np.uint64(32)).astype(np.int32)
    values = keys.astype(np.uint32).view(np.float32)  # drops the upper half
    return _sum_repeats(Cells(starts, genes, values))


def _sum_repeats(cells: Cells) -> Cells:
    """Sum the counts of a gene that a row holds more than once."""
    first = np.ones(len(cells.genes) + 1, np.bool_)
    first[1:-1] = cells.genes[1:] != cells.genes[:-1]
    first[cells.starts] = True
    first = first[:-1]
    if first.all():
        return cells
    places = np.flatnonzero(first)
    counts = np.add.reduceat(cells.counts, places)
    return Cells(np.searchsorted(places, cells.starts), cells.genes[places], counts)
