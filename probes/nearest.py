"""Exact nearest neighbours by cosine, block by block: memory does not grow with queries x base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_CELLS = 1 << 23
"""Similarities held at a time: 32 MB, and twice that for finding the largest."""


def unit_rows(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Return the rows at length 1, as a new float32 matrix; a zero row stays zero."""
    rows = vectors.astype(np.float32)
    # Twice: the square of a huge or a tiny number has no place in single precision.
    largest = np.maximum(rows.max(axis=1, keepdims=True), -rows.min(axis=1, keepdims=True))
    np.divide(rows, largest, out=rows, where=largest > 0)
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    np.divide(rows, length, out=rows, where=length > 0)
    return rows


def nearest(
    queries: NDArray[np.float32], base: NDArray[np.float32], k: int, *, same: bool = False
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the k rows of `base` most similar to each query, best first, and their cosines.

    Parameters
    ----------
    queries, base
        Rows of length 1, shapes (q, d) and (n, d), as from `unit_rows`.
    k
        At most n, with `same` n - 1. Between equal cosines the lower row goes first, except at
        the last place, where which one is taken is left open.
    same
        Whether both are the same entities: none is then its own neighbour.

    Returns
    -------
    Indices and cosines, shapes (q, k).

    """
    count = len(queries)
    indices = np.empty((count, k), dtype=np.intp)
    cosines = np.empty((count, k), dtype=np.float32)
    step = max(1, BLOCK_CELLS // max(len(base), 1))
    for start in range(0, count, step):
        likeness = queries[start : start + step] @ base.T
        here = np.arange(len(likeness))
        if same:
            likeness[here, start + here] = -np.inf
        if k < len(base):
            top = np.sort(np.argpartition(likeness, len(base) - k, axis=1)[:, -k:], axis=1)
        else:
            top = np.broadcast_to(np.arange(len(base)), likeness.shape)
        found = np.take_along_axis(likeness, top, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        indices[start : start + step] = np.take_along_axis(top, order, axis=1)
        cosines[start : start + step] = np.take_along_axis(found, order, axis=1)
    return indices, cosines
