"""Scaling of features for the probes that depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def standardise(train: NDArray[np.float64], test: NDArray[np.float64]) -> None:
    """Bring both, in place, to mean 0 and SD 1 in the training rows.

    Shapes (n, d). A feature that is constant there is only centred.
    """
    constant = np.ptp(train, axis=0) == 0
    mean = train.mean(axis=0)
    train -= mean
    spread = np.sqrt(np.einsum("ij,ij->j", train, train) / len(train))
    spread[constant | (spread == 0)] = 1.0
    train /= spread
    test -= mean
    test /= spread
