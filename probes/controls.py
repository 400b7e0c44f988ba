"""What a score is worth: against shuffled labels, against a floor, with noise, with fewer genes.

All of them are about paired rounds: the same folds and repeats for both sides. Intervals are
those of `probes.significance.corrected_mean`, with its assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from probes.significance import LEVEL, Mean, corrected_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


def selectivity(
    scores: Sequence[float], control: Sequence[float], ratio: float, level: float = LEVEL
) -> Mean:
    """Return a task's score minus the score on its control task, round by round.

    The control task has the same entities with shuffled labels (Hewitt & Liang, EMNLP 2019): a
    probe that does well there has memorised rather than read the embedding. Entities here are
    tested on labels that were not trained on, so a control above chance means leakage between
    training and test part. Higher is better for both; `ratio` is n_test / n_train.
    """
    return _paired(scores, control, ratio, level)


def gain(
    scores: Sequence[float], floor: Sequence[float], ratio: float, level: float = LEVEL
) -> Mean:
    """Return a model's score minus that of a floor, such as random vectors of its dimension.

    Random vectors know nothing but which entity is which: what they score is due to the folds
    and to chance, and only the gain over them is the embedding's.
    """
    return _paired(scores, floor, ratio, level)


def _paired(one: Sequence[float], other: Sequence[float], ratio: float, level: float) -> Mean:
    differences = [first - second for first, second in zip(one, other, strict=True)]
    return corrected_mean(differences, ratio, level)


@dataclass(frozen=True)
class Slope:
    """How a score moves with something that was varied."""

    per_unit: Mean
    """Change of the score for one unit, the mean over rounds."""
    points: dict[float, Mean]
    """Setting → score, settings rising."""


def noise_sensitivity(
    scores: Mapping[float, Sequence[float]], ratio: float, level: float = LEVEL
) -> Slope:
    """Return by how much the score falls as training labels are flipped.

    `scores` holds, for each share of flipped labels (0 to 1), the scores of the same rounds. The
    slope is a straight line through each round's scores by least squares, per unit share: -0.2
    says that a tenth of wrong labels costs 0.02. Over a wide range the fall is not straight:
    look at the points.
    """
    return _slope(dict(scores), ratio, level)


def learning_curve(scores: Mapping[int, Sequence[float]], ratios: Mapping[int, float]) -> Slope:
    """Return the score by number of training entities, and its gain per doubling of them.

    `scores` holds, for each size of the training part, the scores of the same rounds on the same
    test parts; `ratios` the n_test / n_train of each. The gain is the slope of each round's
    scores over log2 of the size; where it is near 0 more labels would not help.
    """
    curve = _slope(
        {float(np.log2(size)): values for size, values in scores.items()}, max(ratios.values())
    )
    points = {float(size): corrected_mean(scores[size], ratios[size]) for size in sorted(scores)}
    return Slope(curve.per_unit, points)


def _slope(scores: Mapping[float, Sequence[float]], ratio: float, level: float = LEVEL) -> Slope:
    settings = sorted(scores)
    if len(settings) < 2:  # noqa: PLR2004
        message = f"a slope needs two settings or more, got {settings}"
        raise ValueError(message)
    values: NDArray[np.float64] = np.array([scores[one] for one in settings], dtype=np.float64)
    x = np.array(settings) - np.mean(settings)
    slopes = x @ values / (x @ x)
    return Slope(
        corrected_mean(slopes.tolist(), ratio, level),
        {one: corrected_mean(scores[one], ratio, level) for one in settings},
    )
