"""Count matrices on disk, read a few rows at a time: sparse or dense, never whole.

Sparse rows are HDF5 groups of `data`, `indices` and `indptr`, which is what both AnnData
(https://anndata.readthedocs.io/en/stable/fileformat-prose.html) and 10x Genomics write.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

BLOCK_VALUES = 1 << 21
"""Values read at once; a block takes about 50 MB while it is turned into cells."""
BLOCK_ROWS = 4096
COLUMN_WISE_LIMIT = 100_000_000
"""Non-zero values of a matrix stored by columns that is still turned around in memory."""


class Block(NamedTuple):
    """Some rows (CSR)."""

    starts: NDArray[np.int64]
    columns: NDArray[np.integer]
    counts: NDArray[Any]


class CountMatrix(ABC):
    """Rows are cells, columns genes."""

    n_cells: int
    n_genes: int
    in_memory = False
    """Whether it can be read after its file was closed."""

    @abstractmethod
    def read(self, start: int, stop: int) -> Block:
        """Return the rows from `start` to before `stop`."""

    @abstractmethod
    def cuts(self) -> Iterator[tuple[int, int]]:
        """Yield (start, stop) of blocks of bounded size, in order."""


class SparseRows(CountMatrix):
    """Rows stored one after the other; `data`, `indices`: datasets of a file, or arrays."""

    def __init__(self, data: Any, indices: Any, starts: NDArray[np.int64], n_genes: int) -> None:  # noqa: ANN401
        self.n_cells, self.n_genes = len(starts) - 1, n_genes
        self._data, self._indices, self._starts = data, indices, starts
        if starts[0] != 0 or starts[-1] != len(data) or (np.diff(starts) < 0).any():
            message = "its row pointers do not fit its values: the file is damaged"
            raise InputError(message)

    def read(self, start: int, stop: int) -> Block:
        """Return the rows from `start` to before `stop`."""
        first, last = int(self._starts[start]), int(self._starts[stop])
        columns = self._indices[first:last]
        if len(columns) and not 0 <= columns.min() <= columns.max() < self.n_genes:
            message = f"a column lies beyond its {self.n_genes:,} genes: the file is damaged"
            raise InputError(message)
        return Block(self._starts[start : stop + 1] - first, columns, self._data[first:last])

    def cuts(self) -> Iterator[tuple[int, int]]:
        """Yield (start, stop) of blocks of at most BLOCK_VALUES values, or of one row."""
        start = 0
        while start < self.n_cells:
            most = self._starts[start] + BLOCK_VALUES
            stop = int(np.searchsorted(self._starts, most, side="right")) - 1
            stop = min(max(stop, start + 1), start + BLOCK_ROWS, self.n_cells)
            yield start, stop
            start = stop


class DenseRows(CountMatrix):
    """A plain matrix, in a file or in memory."""

    def __init__(self, values: Any) -> None:  # noqa: ANN401
        self.n_cells, self.n_genes = values.shape
        self._values = values

    def read(self, start: int, stop: int) -> Block:
        """Return the rows from `start` to before `stop`, without their zeros."""
        values = self._values[start:stop]
        rows, columns = np.nonzero(values)  # NaN is not zero: it stays, and is found
        starts = np.searchsorted(rows, np.arange(stop - start + 1))
        return Block(starts, columns, values[rows, columns])

    def cuts(self) -> Iterator[tuple[int, int]]:
        """Yield (start, stop) of blocks of at most BLOCK_VALUES entries, or of one row."""
        step = min(BLOCK_ROWS, max(1, BLOCK_VALUES // max(1, self.n_genes)))
        for start in range(0, self.n_cells, step):
            yield start, min(start + step, self.n_cells)


def stored_matrix(item: Any, where: str) -> CountMatrix:  # noqa: ANN401  h5py has no types
    """Return the matrix that an AnnData file holds in an HDF5 group or dataset.

    InputError for one stored by columns with more than COLUMN_WISE_LIMIT values, whose rows
    could only be had by reading all of it again and again.
    """
    kind = item.attrs.get("encoding-type", item.attrs.get("h5sparse_format", "array"))
    if hasattr(item, "shape"):
        if len(item.shape) != 2:  # noqa: PLR2004
            message = f"{where} is no matrix: shape {item.shape}"
            raise InputError(message)
        return DenseRows(item)
    shape = item.attrs.get("shape", item.attrs.get("h5sparse_shape"))
    if shape is None or not {"data", "indices", "indptr"} <= set(item):
        message = f"{where} is stored as {kind!r}; sparse and dense matrices can be read"
        raise InputError(message)
    starts = item["indptr"][:].astype(np.int64)
    if not str(kind).startswith("csc"):
        return SparseRows(item["data"], item["indices"], starts, int(shape[1]))
    return _turned(item, starts, (int(shape[0]), int(shape[1])), where)


def _turned(
    item: Any,  # noqa: ANN401
    starts: NDArray[np.int64],
    shape: tuple[int, int],
    where: str,
) -> SparseRows:
    """Return the rows of a matrix stored by columns."""
    from scipy.sparse import csc_matrix

    if len(item["data"]) > COLUMN_WISE_LIMIT:
        message = (
            f"{where} is stored by genes (CSC) and has {len(item['data']):,} values, too many to "
            "turn around in memory; write it by cells: adata.X = adata.X.tocsr()"
        )
        raise InputError(message)
    rows = csc_matrix((item["data"][:], item["indices"][:], starts), shape=shape).tocsr()
    turned = SparseRows(rows.data, rows.indices, rows.indptr.astype(np.int64), shape[1])
    turned.in_memory = True
    return turned
