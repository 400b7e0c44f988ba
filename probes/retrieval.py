"""Retrieval: how well a ranking of neighbours finds the entities that are relevant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from probes.nearest import BLOCK_CELLS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def retrieval(
    relevant: NDArray[np.bool_], total: NDArray[np.intp], k: int
) -> tuple[float | None, float | None, float | None]:
    """Return nDCG@k, MAP@k and precision@k, the means over queries.

    Parameters
    ----------
    relevant
        Shape (queries, at most k): whether what was ranked there is relevant, best first.
    total
        Shape (queries,): how many relevant entities there are besides the query. Queries with
        none are left out; None for all if that leaves no query.
    k
        nDCG and MAP divide by what an ideal ranking of k would reach.

    """
    asked = total > 0
    if not asked.any():
        return None, None, None
    gained = relevant[asked].astype(np.float64)
    possible = np.minimum(total[asked], k)
    width = gained.shape[1]
    discount = 1 / np.log2(np.arange(2, max(width, k) + 2))
    ideal = np.cumsum(discount)[possible - 1]
    precision = np.cumsum(gained, axis=1) / np.arange(1, width + 1)
    return (
        float((gained @ discount[:width] / ideal).mean()),
        float(((precision * gained).sum(axis=1) / possible).mean()),
        float((gained.sum(axis=1) / k).mean()),
    )


def sharing(labels: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return with how many others each entity shares a label, block by block."""
    members = labels.astype(np.float32)
    counts = np.empty(len(labels), dtype=np.intp)
    step = max(1, BLOCK_CELLS // len(labels))
    for start in range(0, len(labels), step):
        shared = members[start : start + step] @ members.T
        counts[start : start + step] = (shared > 0).sum(axis=1)
    return counts - labels.any(axis=1)
