"""Linear probes: logistic regression for classes, ridge for numbers.

==============  =========================================  =====================================
protocol        features                                   fit
==============  =========================================  =====================================
``standard``    standardised (see `probes.design`)         to the optimum, C chosen within the
                                                           training part, or as `--C` says
``unscaled``    raw vectors                                to the optimum, C = 1 or as `--C` says
``paper``       raw vectors                                scikit-learn's, as gene-benchmark calls
                                                           it (`probes.paper`)
==============  =========================================  =====================================

Two classes: one logistic. Several: multinomial. Multi-label: a logistic per label; a label that
all or no training entities have gets no model and no scores. Numbers: ridge, alpha = 1 / C.

C is one of GRID: for each round and label the one with the least log loss (for numbers: squared
error) on the parts of the training rows that `probes.splits` holds back. No test row is looked
at. Values are tried from the strongest penalty on, the first STAGES[0] of them at once and then
one more as long as the last one was the best; they are solved to SEARCH_TOLERANCE only.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.task import TaskType
from probes.problems import Problems
from probes.ridge import ridge
from probes.solver import solve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from probes.design import Design
    from probes.rounds import Round, Trial
    from probes.settings import Settings
    from probes.splits import Inner

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""The values of C to choose from, strongest penalty first: on a tie it wins."""
STAGES = (3, 1, 1)
"""How many of them are tried at a time: weak penalties cost most, and seldom are the best."""
FALLBACK = GRID[2]
"""Where nothing can be held back to choose by: a class of one member, a training part of two."""
SEARCH_TOLERANCE = 1e-2
"""Error of decision values (rms) that does not change which C is best."""
LEAST = 1e-12
"""Probabilities are at least so large when their logarithm is taken."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a probe says about the n test entities."""

    scores: Floats
    """Binary: decision values (n,). Multi-class: probabilities (n, classes). Multi-label:
    decision values (n, classes). Regression: predicted values (n,). NaN columns: no model."""
    decided: NDArray[Any]
    """Hard decisions, in the form of the labels; for a regression the predicted values."""
    unconverged: int = 0
    """How many fits stopped before their optimum."""
    c: tuple[float | None, ...] = ()
    """The C that was chosen: one, of a multi-label task one per label (None: no model)."""


def probe_name(kind: TaskType, settings: Settings, *, is_pair: bool) -> str:
    """Return the name for the column `probe`: the method, and the settings it depends on."""
    name: str = settings.probe
    if name == "linear" and kind is not TaskType.REGRESSION:
        name = "logistic"
    elif name == "linear":
        name = "least-squares" if settings.protocol == "paper" else "ridge"
    inside = []
    if settings.probe == "linear" and settings.protocol != "paper" and settings.fixed_c:
        inside.append(f"C={settings.fixed_c:g}")
    if is_pair:
        inside.append(f"pair={settings.pair}")
    return f"{name}({','.join(inside)})" if inside else name


def fit_trials(
    design: Design, trials: Sequence[Trial], places: Sequence[NDArray[np.intp]], settings: Settings
) -> list[list[Prediction | None]]:
    """Fit every round of some tasks that share a design.

    Parameters
    ----------
    design
        Features of the rows of all tasks.
    trials
        The tasks.
    places
        For each, the row of the design of every row of its plan; -1 where there is no vector.
    settings
        Protocol and C.

    Returns
    -------
    For each task the predictions of its rounds, in their order. None where there is nothing to
    fit or to predict: no test entity, or no two training entities that differ in their label.

    """
    found: list[list[Prediction | None]] = []
    classes: list[_Classes] = []
    for trial, place in zip(trials, places, strict=True):
        if trial.task.type is TaskType.REGRESSION:
            found.append(_regressions(design, trial, place, settings))
        else:
            classes.append(_Classes(design, trial, place))
            found.append(classes[-1].predictions)
    if settings.fixed_c is None:
        _choose(design, classes)
    else:
        for one in classes:
            one.chosen[:] = settings.fixed_c
    groups = [one.outer() for one in classes]
    for solved in solve(design, groups):
        for at in range(solved.problems.start, solved.problems.stop):
            here = at - solved.problems.start
            classes[solved.group].take(at, solved.scores[here], arrived=bool(solved.arrived[here]))
    for one in classes:
        one.finish()
    return found


def _choose(design: Design, classes: Sequence[_Classes]) -> None:
    """Choose C for every round and target of some tasks."""
    start = 0
    for count in STAGES:
        groups = [one.search(range(start, start + count)) for one in classes]
        for solved in solve(design, groups, tolerance=SEARCH_TOLERANCE):
            for at in range(solved.problems.start, solved.problems.stop):
                classes[solved.group].judge(at, solved.scores[at - solved.problems.start])
        start += count
        for one in classes:
            one.settle(start)


class _Classes:
    """The problems of one classification task over a design."""

    def __init__(self, design: Design, trial: Trial, place: NDArray[np.intp]) -> None:
        self.trial, self.place, self.n = trial, place, design.n
        self.several = trial.task.type is TaskType.MULTI_CLASS
        self.rounds = list(trial.rounds())
        self.predictions: list[Prediction | None] = [None] * len(self.rounds)
        taught = _indicators(trial)
        """Shape (targets, n) or, for several classes, (1, classes, n), over the plan's rows."""
        self.taught = taught
        self.targets = self._spread(taught)
        count = len(taught)
        self.chosen = np.full((len(self.rounds), count), np.nan)
        self.losses = np.zeros((len(self.rounds), count, len(GRID)))
        self.looking = np.ones((len(self.rounds), count), dtype=np.bool_)
        self.searches: list[tuple[list[tuple[int, Mask]], int, int]] = []
        """Per problem of the search: who judges it (round, rows), its target, its C."""
        self.fits: list[tuple[int, int]] = []
        """Per problem: its round and target."""
        self.scores: dict[int, Floats] = {}
        self.late: dict[int, int] = defaultdict(int)

    def _spread(self, rows: NDArray[Any]) -> NDArray[np.bool_]:
        """Lay what is said of the plan's rows (…, n_plan) out over those of the design."""
        there = self.place >= 0
        whole = np.zeros((*rows.shape[:-1], self.n), dtype=np.bool_)
        whole[..., self.place[there]] = rows[..., there]
        return whole

    def _differs(self, mask: Mask) -> Mask:
        """Return for which targets two classes are among some rows."""
        inside = self.taught[..., mask].sum(axis=-1)
        if self.several:
            return np.asarray((inside > 0).sum(axis=1) > 1)
        return np.asarray((inside > 0) & (inside < mask.sum()))

    def outer(self) -> Problems:
        """Return the problems whose scores are the result."""
        masks, problems = [], []
        for at, one in enumerate(self.rounds):
            if not one.test.any():
                continue
            masks.append(one.train)
            problems += [
                (int(target), len(masks) - 1, at)
                for target in np.flatnonzero(self._differs(one.train))
            ]
        problems.sort()
        self.fits = [(at, target) for target, _, at in problems]
        c = [self.chosen[at, target] for at, target in self.fits]
        return self._problems(problems, masks, c)

    def search(self, tried: range) -> Problems:
        """Return the problems that tell how good some values of C are, for who still looks."""
        groups: dict[tuple[object, ...], list[tuple[int, Inner]]] = defaultdict(list)
        for at, one in enumerate(self.rounds):
            for inner in one.inner if one.test.any() else ():
                groups[one.repeat, one.fraction, inner.name].append((at, inner))
        masks, problems, self.searches = [], [], []
        for uses in groups.values():
            judges = [(at, inner.held_back) for at, inner in uses if inner.held_back.any()]
            masks.append(uses[0][1].train)
            for target in np.flatnonzero(self._differs(masks[-1])):
                # Each for itself: what one round looks at must not depend on another's test rows.
                mine = [(at, rows) for at, rows in judges if self.looking[at, target]]
                if mine:
                    problems += [(int(target), len(masks) - 1, c) for c in tried]
                    self.searches += [(mine, int(target), c) for c in tried]
        return self._problems(problems, masks, [GRID[c] for _, _, c in problems])

    def _problems(
        self, problems: list[tuple[int, int, int]], masks: list[Mask], c: Sequence[float]
    ) -> Problems:
        return Problems(
            self.targets,
            np.array([target for target, _, _ in problems], dtype=np.intp),
            self._spread(np.array(masks)) if masks else np.zeros((0, self.n), dtype=np.bool_),
            np.array([mask for _, mask, _ in problems], dtype=np.intp),
            np.array(c, dtype=np.float64),
        )

    def judge(self, problem: int, scores: NDArray[Any]) -> None:
        """Add the log loss of what was held back from a problem of the search."""
        judges, target, c = self.searches[problem]
        for at, held_back in judges:
            mine = scores[:, self.place[held_back]].astype(np.float64)
            if self.several:
                own = self.taught[0][:, held_back].argmax(axis=0)
                loss = -np.log(np.maximum(_softmax(mine.T)[np.arange(len(own)), own], LEAST))
            else:
                sign = np.where(self.taught[target, held_back], -1.0, 1.0)
                loss = np.logaddexp(0, sign * mine[0])
            self.losses[at, target, c] += loss.sum()

    def settle(self, tried: int) -> None:
        """Take the best of the values of C tried so far; go on where it is the last of them."""
        best = self.losses[:, :, :tried].argmin(axis=2)
        judged = self.losses[:, :, 0] > 0
        now = np.where(judged, np.array(GRID)[best], FALLBACK)
        self.chosen = np.where(self.looking, now, self.chosen)
        self.looking &= judged & (best == tried - 1)

    def take(self, problem: int, scores: NDArray[Any], *, arrived: bool) -> None:
        """Keep the scores of the test rows of a problem."""
        at, target = self.fits[problem]
        tested = scores[:, self.place[self.rounds[at].test]].astype(np.float64)
        if at not in self.scores:
            columns = len(self.trial.task.classes) if self.several else len(self.taught)
            self.scores[at] = np.full((tested.shape[1], columns), np.nan)
        if self.several:
            self.scores[at][:] = tested.T
        else:
            self.scores[at][:, target] = tested[0]
        self.late[at] += not arrived

    def finish(self) -> None:
        """Turn scores into predictions."""
        for at, scores in self.scores.items():
            one, late = self.rounds[at], self.late[at]
            chosen = self.chosen[at]
            if self.several:
                present = self.taught[0][:, one.train].any(axis=1)
                probabilities = np.where(present, _softmax(scores), np.nan)
                decided = np.where(present, probabilities, -1).argmax(axis=1)
                made = Prediction(probabilities, decided, late, (float(chosen[0]),))
            elif self.trial.task.type is TaskType.BINARY:
                decision = scores[:, 0]
                made = Prediction(
                    decision, (decision > 0).astype(np.int64), late, (float(chosen[0]),)
                )
            else:
                differs = self._differs(one.train)
                always = self.taught[:, np.flatnonzero(one.train)[0]]
                decided = np.where(differs, scores > 0, always)
                c = tuple(
                    float(value) if fitted else None
                    for value, fitted in zip(chosen, differs, strict=True)
                )
                made = Prediction(scores, decided, late, c)
            self.predictions[at] = made


def _indicators(trial: Trial) -> NDArray[np.bool_]:
    """Return the labels that train as targets of `Problems`, over the plan's rows."""
    taught = trial.taught
    if trial.task.type is TaskType.MULTI_LABEL:
        return np.ascontiguousarray(taught.T)
    if trial.task.type is TaskType.BINARY:
        return np.asarray(taught > 0)[None]
    return np.asarray(taught == np.arange(len(trial.task.classes))[:, None])[None]


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _regressions(
    design: Design, trial: Trial, place: NDArray[np.intp], settings: Settings
) -> list[Prediction | None]:
    """Fit every round of a regression task."""
    rounds, taught = list(trial.rounds()), trial.taught.astype(np.float64)
    found: list[Prediction | None] = []
    held_back: dict[tuple[object, ...], Floats] = {}
    for one in rounds:
        values = taught[one.train]
        if not one.test.any() or not len(values) or not (values != values[0]).any():
            found.append(None)
            continue
        c = settings.fixed_c or _best_c(design, taught, place, one, held_back)
        scores = ridge(design, place[one.train], values, [c])[place[one.test], 0]
        found.append(Prediction(scores, scores, 0, (c,)))
    return found


def _best_c(
    design: Design,
    taught: Floats,
    place: NDArray[np.intp],
    one: Round,
    known: dict[tuple[object, ...], Floats],
) -> float:
    """Choose the C of a round by squared error; `known` keeps fits that rounds share."""
    error, count = np.zeros(len(GRID)), 0
    for inner in one.inner:
        values = taught[inner.train]
        if not inner.held_back.any() or not len(values) or not (values != values[0]).any():
            continue
        name = (one.repeat, one.fraction, inner.name)
        if name not in known:
            known[name] = ridge(design, place[inner.train], values, GRID)
        wrong = known[name][place[inner.held_back]] - taught[inner.held_back][:, None]
        error += np.square(wrong).sum(axis=0)
        count += len(wrong)
    return GRID[int(error.argmin())] if count else FALLBACK
