"""Metrics of read answers, as they are and under the weights of a bootstrap over questions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from probes.fmax import PublishedFmax, fmax_of_sets
from probes.formulas import pearson, spearman
from probes.resampling import Paired

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Columns = dict[str, "NDArray[np.float64]"]
"""Metric → its value in every draw, NaN where it is undefined."""
ANSWERED = "_answered"
"""Ends the name of a metric of the parsable answers alone."""
LOW = 30.0
"""siRNA efficiencies below this, in percent, are the class whose F1 the mixed score takes in."""
MOST = 1000.0
"""A larger prediction of it gets a mixed score of 0."""


class Statistic(Protocol):
    """Metrics of the answers to one task."""

    def draws(self, counts: NDArray[Any]) -> Columns:
        """Return every metric under counts of shape (draws, n)."""

    def values(self) -> dict[str, float]:
        """Return every metric as it is; NaN where undefined."""


class _ByDraws(ABC):
    """Takes the values from a draw of every question once."""

    n: int

    @abstractmethod
    def draws(self, counts: NDArray[Any]) -> Columns:
        """Return every metric of every draw."""

    def values(self) -> dict[str, float]:
        """Return every metric."""
        every = np.ones((1, self.n), dtype=np.uint8)
        return {name: float(column[0]) for name, column in self.draws(every).items()}


class Classes(_ByDraws):
    """Accuracy and Matthews' correlation, for two classes and more.

    The correlation is undefined where all questions are of one class, and 0 where one class was
    said throughout, as in `probes.formulas.matthews`.
    """

    def __init__(self, truth: Sequence[str], said: Sequence[str | None]) -> None:
        """Take class names; None, or a name that no question has, is wrong."""
        self.n = len(truth)
        names = {name: at for at, name in enumerate(dict.fromkeys([*truth, *said]))}
        rows = np.arange(self.n)
        self._truth, self._said = np.zeros((2, self.n, max(len(names), 1)))
        self._truth[rows, [names[one] for one in truth]] = 1
        self._said[rows, [names[one] for one in said]] = 1
        self._right = np.array([a == b for a, b in zip(truth, said, strict=True)], dtype=np.float64)

    def draws(self, counts: NDArray[Any]) -> Columns:
        """Return every metric of every draw."""
        weights = counts.astype(np.float64)
        total = weights.sum(axis=1)
        right = weights @ self._right
        truth, said = weights @ self._truth, weights @ self._said
        spread = total**2 - (truth**2).sum(axis=1)
        spread_said = total**2 - (said**2).sum(axis=1)
        agreement = right * total - (truth * said).sum(axis=1)
        mcc = _ratio(agreement, np.sqrt(spread * spread_said), otherwise=0.0)
        return {
            "accuracy": _ratio(right, total),
            "mcc": np.where(spread > 0, mcc, np.nan),
        }


class Labels(_ByDraws):
    """Macro AUROC of 0/1 answers: of a label, the mean of recall and specificity."""

    def __init__(self, truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> None:
        """Take shapes (n, labels + 1): the last column is "none", having none of the others."""
        self.n = len(truth)
        both = (truth & said, truth, ~truth & ~said)
        self._both, self._truth, self._kept = (one.astype(np.float64) for one in both)

    def draws(self, counts: NDArray[Any]) -> Columns:
        """Return every metric of every draw."""
        weights = counts.astype(np.float64)
        members = weights @ self._truth
        others = weights.sum(axis=1, keepdims=True) - members
        recall = _ratio(weights @ self._both, members)
        area = (recall + _ratio(weights @ self._kept, others)) / 2
        return {"macro_auroc": _mean(area), "auroc": _mean(area[:, :-1])}


class Sets(_ByDraws):
    """Fmax of sets of labels; a label that is no label of any question counts as said wrongly."""

    def __init__(self, truth: Sequence[frozenset[str]], said: Sequence[frozenset[str]]) -> None:
        """Take the true and the said labels of every question; an unparsable answer said none."""
        self.n = len(truth)
        self._right = np.array([len(a & b) for a, b in zip(truth, said, strict=True)])
        self._said = np.array([len(one) for one in said])
        self._members = np.array([len(one) for one in truth])

    def draws(self, counts: NDArray[Any]) -> Columns:
        """Return every metric of every draw."""
        return {"fmax": fmax_of_sets(self._right, self._said, self._members, counts)}


class PublishedSets(_ByDraws):
    """Fmax as the authors of Biology-Instructions compute it; labels outside a list are dropped."""

    def __init__(
        self,
        truth: Sequence[frozenset[str]],
        said: Sequence[frozenset[str]],
        classes: Sequence[str],
    ) -> None:
        self.n = len(truth)
        place = {name: at for at, name in enumerate(classes)}
        self._curve = PublishedFmax(_hot(truth, place), _hot(said, place))

    def draws(self, counts: NDArray[Any]) -> Columns:
        """Return every metric of every draw."""
        return {"fmax": self._curve.values(counts)}


class Numbers:
    """Correlations of predicted numbers, of all questions and of the answered ones.

    The metric of all questions is that of the answered ones times their share; without any
    answer it is 0, and undefined where the answers, or the true values, do not differ.
    """

    def __init__(self, truth: NDArray[np.float64], said: NDArray[np.float64]) -> None:
        """Take shapes (n,); NaN for an unparsable answer."""
        self._answered = ~np.isnan(said)
        self._truth, self._said = truth[self._answered], said[self._answered]

    def values(self) -> dict[str, float]:
        """Return every metric."""
        if len(self._said):
            found = {
                "pearson": pearson(self._truth, self._said),
                "spearman": spearman(self._truth, self._said),
            }
            mine = {name: np.nan if one is None else one for name, one in found.items()}
        else:
            mine = dict.fromkeys(("pearson", "spearman"), np.nan)
        columns = {name: np.array([value]) for name, value in mine.items()}
        share = np.array([self._answered.mean()])
        return {name: float(one[0]) for name, one in _all_metrics(columns, share).items()}

    def draws(self, counts: NDArray[Any]) -> Columns:
        """Return every metric of every draw."""
        mine = counts[:, self._answered]
        if not mine.shape[1]:
            columns = dict.fromkeys(("pearson", "spearman"), np.full(len(counts), np.nan))
        else:
            pairs = Paired(self._truth, self._said)
            columns = {name: np.clip(pairs.metric(name, mine), -1, 1)
                       for name in ("pearson", "spearman")}  # fmt: skip
        share = _ratio(mine.sum(axis=1, dtype=np.float64), counts.sum(axis=1, dtype=np.float64))
        return _all_metrics(columns, share)


def _all_metrics(columns: Columns, share: NDArray[np.float64]) -> Columns:
    columns = columns | {"squared_pearson": columns["pearson"] ** 2}
    whole = {name: np.where(share > 0, value * share, 0.0) for name, value in columns.items()}
    return whole | {name + ANSWERED: value for name, value in columns.items()}


class MixedScore(_ByDraws):
    """The mixed score of siRNA efficiencies in percent.

    0.5 (1 - MAE/100) + 0.5 F1 (1 - range MAE/100): the F1 is that of values below 30, the range
    MAE that of predictions from 0 to 30; either MAE is 100 at most, and 100 where there is none.
    Times the share of answered questions; a prediction beyond ±1000 counts as no answer.
    """

    def __init__(self, truth: NDArray[np.float64], said: NDArray[np.float64]) -> None:
        """Take shapes (n,); NaN for an unparsable answer."""
        self.n = len(truth)
        self._answered = np.abs(said) <= MOST
        truth, said = truth[self._answered], said[self._answered]
        self._error = np.abs(truth - said)
        self._low, self._said_low = ((one < LOW).astype(np.float64) for one in (truth, said))
        self._range = ((said >= 0) & (said <= LOW)).astype(np.float64)

    def draws(self, counts: NDArray[Any]) -> Columns:
        """Return every metric of every draw."""
        weights = counts[:, self._answered].astype(np.float64)
        answered = weights.sum(axis=1)
        error = _ratio(weights @ self._error, answered, otherwise=100.0)
        in_range = _ratio(
            weights @ (self._error * self._range), weights @ self._range, otherwise=100.0
        )
        f1 = _ratio(
            2 * (weights @ (self._low * self._said_low)),
            weights @ self._low + weights @ self._said_low,
            otherwise=0.0,
        )
        near, near_range = (1 - np.minimum(one, 100) / 100 for one in (error, in_range))
        score = 0.5 * near + 0.5 * f1 * near_range
        share = _ratio(answered, counts.sum(axis=1, dtype=np.float64))
        return {
            "mixed_score": score * share,
            "mixed_score" + ANSWERED: np.where(answered > 0, score, np.nan),
        }


class Together:
    """The metrics of several statistics of the same answers."""

    def __init__(self, parts: Sequence[Statistic]) -> None:
        """Take statistics whose metrics have different names."""
        self._parts = parts

    def values(self) -> dict[str, float]:
        """Return every metric."""
        return {name: value for one in self._parts for name, value in one.values().items()}

    def draws(self, counts: NDArray[Any]) -> Columns:
        """Return every metric of every draw."""
        return {name: value for one in self._parts for name, value in one.draws(counts).items()}


class ByKey:
    """The metrics of several named numbers, each under "metric/key", and their plain means."""

    def __init__(self, parts: Mapping[str, Numbers]) -> None:
        """Take the statistic of each number."""
        self._parts = parts

    def values(self) -> dict[str, float]:
        """Return every metric; a mean is undefined where one of its parts is."""
        columns = {key: one.values() for key, one in self._parts.items()}
        arrays = {
            key: {name: np.array([value]) for name, value in one.items()}
            for key, one in columns.items()
        }
        return {name: float(one[0]) for name, one in _by_key(arrays).items()}

    def draws(self, counts: NDArray[Any]) -> Columns:
        """Return every metric of every draw."""
        return _by_key({key: one.draws(counts) for key, one in self._parts.items()})


def _by_key(parts: Mapping[str, Columns]) -> Columns:
    names = next(iter(parts.values()))
    means = {name: np.mean([one[name] for one in parts.values()], axis=0) for name in names}
    return means | {f"{name}/{key}": one[name] for name in names for key, one in parts.items()}


def _hot(sets: Sequence[frozenset[str]], place: dict[str, int]) -> NDArray[np.bool_]:
    hot = np.zeros((len(sets), max(len(place), 1)), dtype=np.bool_)
    for row, names in enumerate(sets):
        hot[row, [place[name] for name in names if name in place]] = True
    return hot


def _ratio(
    part: NDArray[np.float64], whole: NDArray[np.float64], *, otherwise: float = np.nan
) -> NDArray[np.float64]:
    share: NDArray[np.float64] = np.full(part.shape, otherwise)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def _mean(area: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over the labels that have members and non-members."""
    valued = ~np.isnan(area)
    return _ratio(np.where(valued, area, 0.0).sum(axis=1), valued.sum(axis=1, dtype=np.float64))
