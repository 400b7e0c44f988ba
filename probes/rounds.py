"""The rounds of a task for one embedding: who trains on which labels, and who is tested."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hf_datasets.task import Task
    from probes.matching import Match
    from probes.settings import Settings
    from probes.splits import Inner

    Mask = NDArray[np.bool_]

NOISE, FRACTION = 1, 2
"""Set apart what is drawn with one seed."""


@dataclass(frozen=True, eq=False)
class Round:
    """One fit: a fold of a repeat, on a fraction of its training part."""

    repeat: int
    fold: int
    fraction: float
    train: Mask
    """Shape (n,): over the rows of the plan's folds."""
    test: Mask
    inner: tuple[Inner, ...]
    """For the choice of C, none where it is fixed; their names tell equal training rows of one
    repeat and fraction."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A task seen by one embedding, with its labels as they train and as they are tested."""

    match: Match
    settings: Settings

    @property
    def task(self) -> Task:
        """The task."""
        return self.match.plan.data.task

    @property
    def count(self) -> int:
        """Number of rounds."""
        folds = self.match.plan.folds
        return self.settings.repeats * folds.count * len(self.settings.fractions)

    @cached_property
    def truth(self) -> NDArray[Any]:
        """Labels of the plan's rows, as in `probes.task_set.TaskData`."""
        plan = self.match.plan
        labels: NDArray[Any] = plan.data.labels[plan.folds.rows]
        return labels

    @cached_property
    def taught(self) -> NDArray[Any]:
        """The labels that training parts see: with `--label-noise`, a share of them wrong."""
        share = self.settings.label_noise
        if not share:
            return self.truth
        rng = np.random.default_rng([self.settings.seed, NOISE])
        return noisy(self.task.type, self.truth, share, len(self.task.classes), rng)

    def rounds(self) -> Iterator[Round]:
        """Yield the rounds by repeat, fraction and fold."""
        folds, used = self.match.plan.folds, self.match.used
        chooses = self.settings.fixed_c is None
        for repeat in range(self.settings.repeats):
            for fraction in self.settings.fractions:
                mine = used & self._subset(fraction, repeat)
                for fold in range(folds.count):
                    inner = tuple(
                        type(one)(one.name, one.train & mine, one.held_back & mine)
                        for one in (folds.inner(repeat, fold) if chooses else ())
                    )
                    yield Round(
                        repeat, fold, fraction,
                        folds.train(repeat, fold) & mine, folds.test(repeat, fold) & used, inner,
                    )  # fmt: skip

    def _subset(self, fraction: float, repeat: int) -> Mask:
        """Draw a fraction of the rows, alike in every fold and class; larger ones hold smaller.

        At least one of every class in every fold, so that a small class does not vanish.
        """
        n = len(self.truth)
        if fraction >= 1:
            return np.ones(n, dtype=np.bool_)
        strata = self.match.plan.folds.test_fold[repeat].astype(np.int64)
        if self.truth.ndim == 1 and self.task.type is not TaskType.REGRESSION:
            strata = strata * (len(self.task.classes) + 1) + self.truth
        rng = np.random.default_rng([self.settings.seed, FRACTION, repeat])
        order = rng.permutation(n)
        drawn = np.zeros(n, dtype=np.bool_)
        for stratum in np.unique(strata):
            members = order[strata[order] == stratum]
            drawn[members[: max(1, round(fraction * len(members)))]] = True
        return drawn


def noisy(
    kind: TaskType,
    labels: NDArray[Any],
    share: float,
    n_classes: int,
    rng: np.random.Generator,
) -> NDArray[Any]:
    """Return labels of which a share is wrong.

    A class becomes one of the others; of a multi-label task a share of each label's answers is
    turned round; the numbers chosen of a regression are dealt out among themselves anew.
    """
    n, changed = len(labels), labels.copy()
    if kind is TaskType.MULTI_LABEL:
        for column in range(labels.shape[1]):
            chosen = rng.permutation(n)[: round(share * n)]
            changed[chosen, column] ^= True
        return changed
    chosen = rng.permutation(n)[: round(share * n)]
    if kind is TaskType.REGRESSION:
        changed[chosen] = rng.permutation(labels[chosen])
    else:
        changed[chosen] = (labels[chosen] + rng.integers(1, n_classes, len(chosen))) % n_classes
    return changed
