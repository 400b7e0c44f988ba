"""Ridge regression in closed form: half the squared error plus |w|² / 2C, intercept unpenalised.

That is scikit-learn's `Ridge(alpha=1 / C)`, so that C means the same as for classes. One
decomposition-free solve a C, in float64: over features, or over entities where these are fewer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from probes.design import Design

    Floats = NDArray[np.float64]


def ridge(design: Design, train: NDArray[np.intp], values: Floats, c: Sequence[float]) -> Floats:
    """Fit the training rows once per C, and predict every row.

    Parameters
    ----------
    design
        Features of n rows.
    train
        The m rows that train.
    values
        Their numbers, shape (m,).
    c
        Inverse strengths of the penalty.

    Returns
    -------
    Predictions, shape (n, len(c)).

    """
    from scipy.linalg import solve

    m, middle = len(train), values.mean()
    rest = (values - middle)[:, None]
    if m > design.d:
        mean = design.sums(train, np.ones((m, 1))) / m
        square = design.gram(train) - m * (mean @ mean.T)
        right = design.sums(train, rest)
        diagonal = np.diag_indices(design.d)
    else:
        features = design.matrix(train)
        mean = features.mean(axis=0)[:, None]
        features -= mean.T
        square, right = features @ features.T, rest
        diagonal = np.diag_indices(m)
    weights = np.empty((design.d, len(c)))
    plain = square[diagonal].copy()
    for at, one in enumerate(c):
        square[diagonal] = plain + 1 / one
        found = solve(square, right, assume_a="pos")[:, 0]
        weights[:, at] = found if m > design.d else features.T @ found
    predicted: Floats = design.apply(weights) - mean.T @ weights + middle
    return predicted
