"""Is a difference real: the corrected t test over folds, and corrections for many tasks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from probes.intervals import Interval

LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over the rounds of a cross-validation."""

    value: float
    interval: Interval | None
    """None for fewer than two rounds."""
    p: float | None
    """Two-sided, of the mean being 0; None for fewer than two rounds."""


def corrected_mean(
    values: Sequence[float] | NDArray[np.float64], ratio: float, level: float = LEVEL
) -> Mean:
    """Return the mean of scores or of paired differences over folds and repeats, corrected.

    The rounds of a cross-validation share training entities, so that the plain t test finds
    differences that are none. Nadeau & Bengio (Machine Learning 2003, 52:239) replace 1/J in
    the variance of the mean by 1/J + n_test/n_train; Bouckaert & Frank (PAKDD 2004) show it for
    repeated cross-validation. t has J - 1 degrees of freedom. It is an approximation: no
    unbiased estimate of that variance exists (Bengio & Grandvalet 2004), and with five rounds
    it can only see large differences; more repeats help. It is about the learning procedure,
    other training entities included, and takes entities for independent.

    When all rounds agree exactly, t would be infinite: the p-value is then that of the sign
    test, 2/2^J, and the interval has no width.

    Parameters
    ----------
    values
        One number a round, J of them.
    ratio
        n_test / n_train, the mean over the rounds.
    level
        Of the interval.

    """
    rounds = len(values)
    mean = float(np.mean(values))
    if rounds < 2:  # noqa: PLR2004
        return Mean(mean, None, None)
    # Sums of floats differ in their last bits; below that, all rounds agree.
    spread = float(np.var(values, ddof=1))
    if spread <= (1e-12 * max(1.0, abs(mean))) ** 2:
        p = 1.0 if abs(mean) <= 1e-12 else 2.0 ** (1 - rounds)  # noqa: PLR2004
        return Mean(mean, (mean, mean), p)
    from scipy.special import stdtr, stdtrit

    error = math.sqrt((1 / rounds + ratio) * spread)
    half = float(stdtrit(rounds - 1, (1 + level) / 2)) * error
    p = 2 * float(stdtr(rounds - 1, -abs(mean) / error))
    return Mean(mean, (mean - half, mean + half), p)


def holm(p: Sequence[float]) -> NDArray[np.float64]:
    """Return p-values corrected for their number, step down (Holm, Scand. J. Stat. 1979).

    Below alpha: with probability 1 - alpha not one of those is a chance finding, whatever the
    dependence between tasks.
    """
    raw = np.asarray(p, dtype=np.float64)
    order = np.argsort(raw)
    scaled = raw[order] * np.arange(len(raw), 0, -1)
    corrected = np.empty(len(raw))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return corrected


def benjamini_hochberg(p: Sequence[float]) -> NDArray[np.float64]:
    """Return q-values (Benjamini & Hochberg, J. R. Stat. Soc. B 1995, 57:289).

    Of those below alpha a share of at most alpha is expected to be chance findings, for tests
    that are independent or positively dependent, as tasks on the same genes are.
    """
    raw = np.asarray(p, dtype=np.float64)
    count = len(raw)
    order = np.argsort(raw)[::-1]
    scaled = raw[order] * count / np.arange(count, 0, -1)
    corrected = np.empty(count)
    corrected[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return corrected
