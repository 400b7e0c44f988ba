"""What `probes.solver` is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEVER = -1e30
"""Intercept of a class that no training row has: its probability is 0."""


@dataclass(frozen=True, eq=False)
class Problems:
    """p problems of one kind over the n rows of a design."""

    targets: NDArray[np.bool_]
    """Shape (t, n): for two classes, who is in the positive one. Shape (t, k, n): who is in
    which class of a multinomial, exactly one in every row that trains."""
    target: NDArray[np.intp]
    """Shape (p,): which of the targets a problem is about."""
    masks: NDArray[np.bool_]
    """Shape (m, n): who trains; two classes at least are among them."""
    mask: NDArray[np.intp]
    """Shape (p,): the mask of each problem."""
    c: NDArray[np.float64]
    """Shape (p,): inverse strength of the penalty, as scikit-learn has it."""

    @property
    def classes(self) -> int:
        """Number of columns of scores per problem: 1 for two classes, k for a multinomial."""
        return 1 if self.targets.ndim == 2 else self.targets.shape[1]  # noqa: PLR2004

    def part(self, chosen: slice) -> Problems:
        """Return some of the problems."""
        return Problems(
            self.targets, self.target[chosen], self.masks, self.mask[chosen], self.c[chosen]
        )


@dataclass(frozen=True, eq=False)
class Solved:
    """What became of some problems of a group."""

    group: int
    """Which of the groups given to `solve`."""
    problems: slice
    """Which of its problems."""
    scores: NDArray[np.float32] | NDArray[np.float64]
    """Shape (p, classes, n): decision values of all rows, whether they trained or not. Of a
    multinomial only differences between classes mean anything."""
    arrived: NDArray[np.bool_]
    """Shape (p,): whether the optimum was reached."""


def log_odds(problems: Problems) -> NDArray[np.float64]:
    """Return the intercepts (p, classes) that are best without any weights."""
    masks = problems.masks.astype(np.float32)
    k = problems.classes
    flat = problems.targets.reshape(-1, masks.shape[1]).astype(np.float32)
    counts = (flat @ masks.T).reshape(-1, k, len(masks))[problems.target, :, problems.mask]
    share = counts.astype(np.float64) / masks.sum(axis=1)[problems.mask, None]
    if k == 1:
        odds: NDArray[np.float64] = np.log(share / (1 - share))
        return odds
    there = share > 0
    logs = np.log(np.where(there, share, 1))
    middle = logs.sum(axis=1, keepdims=True) / there.sum(axis=1, keepdims=True)
    centred: NDArray[np.float64] = np.where(there, logs - middle, NEVER)
    return centred
