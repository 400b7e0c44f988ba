"""Value bins of scGPT: each cell's counts as quantiles of the cell itself.

The rule is that of Cui et al. 2024 (10.1038/s41592-024-02201-0): edges are quantiles of the
cell's own values, and a value that lies on several edges falls on any of their bins, by a
uniform draw. The draws come from a generator of the cell's own, seeded by the run's seed and
the cell's id, so that a cell's bins depend neither on its batch nor on the order of the input.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from extractors.cells.cell import Cell


def cell_generator(seed: int, cell_id: str) -> np.random.Generator:
    """Return the generator of one cell."""
    key = seed.to_bytes(8, "little", signed=True)
    digest = hashlib.blake2b(cell_id.encode(), digest_size=16, key=key).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def value_bins(
    values: NDArray[np.float32], n_bins: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return bins 1 … n_bins - 1 of a cell's values, shape (n,), all above zero."""
    if not len(values):
        return np.zeros(0, np.int64)
    exact = values.astype(np.float64)
    edges = np.quantile(exact, np.linspace(0, 1, n_bins - 1))
    upper = np.searchsorted(edges, exact, side="right")
    lower = np.searchsorted(edges, exact, side="left")
    draws = generator.random(len(exact))
    return np.ceil(draws * (lower - upper) + upper).astype(np.int64)


def binned_cell(
    cell: Cell, n_bins: int, room: int, generator: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return genes and bins of a cell, those that the model reads first.

    Of a cell with more than `room` genes it reads a random subset, drawn after binning as
    upstream does.
    """
    bins = value_bins(cell.counts, n_bins, generator)
    if len(cell) <= room:
        return cell.genes, bins
    is_read = np.zeros(len(cell), np.bool_)
    is_read[generator.choice(len(cell), room, replace=False)] = True
    order = np.argsort(~is_read, kind="stable")
    return cell.genes[order], bins[order]
