"""L2 logistic regression to its optimum: many problems over the same entities as one batch.

The objective is scikit-learn's: C times the sum of the log losses plus half the squared norm of
the weights, the intercept unpenalised. A problem is one label, or one multinomial, with its own
training rows and its own C: labels, folds, repeats and values of C all become problems. What
makes a batch quick:

- Features are centred and turned into the eigenvectors of X'X (`probes.design`). Neither changes
  the optimum (the intercept takes up the mean, a rotation keeps the norm), and in these
  coordinates the Hessian is nearly diagonal, so a diagonal preconditioner does.
- All problems go through one L-BFGS (Liu and Nocedal 1989, doi 10.1007/BF01589116) side by side:
  two wide matrix products an iteration, line search on scores that are already there, problems
  that have arrived are dropped, and their last step is taken without another product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from probes.problems import NEVER, Solved, log_odds

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from probes.arrays import Array
    from probes.design import Design
    from probes.problems import Problems

TOLERANCE = 2e-5
"""A problem has arrived when its decision values are expected to be so near the optimum (rms).

The expectation may be off by a factor of up to 10: measured, they are within 2e-4. Where they are
large (weak penalty), float32 itself leaves more; `--exact` does not."""
EXACT_TOLERANCE = 1e-7
MAX_ITER = 2000
HISTORY = 8
"""Steps that L-BFGS remembers."""
SLOPE = 0.5
"""A step is long enough when the slope along it has fallen to this share."""
SEARCHES = 30
MAX_COLUMNS = 384
"""Problems times classes that are solved at a time: wide enough for the matrix products."""
CACHED = 1 << 17
"""Scores that a CPU works on at a time, to find them in its cache."""
DROPPED = 0.1
"""Arrived problems are dropped once they are this share of a batch: dropping copies the rest."""
CURVED = frozenset({0, 2, 5, *(10 << power for power in range(8))})
"""After these iterations the preconditioner is made anew."""
TINY = 1e-30
LEAST_CURVED = 0.02
"""Curvature is at least this share of that at the start: a step too far makes the losses of all
entities flat, and what an intercept is then divided by would be rounding."""
FLAT = 1e-5
"""Curvature between classes below this share of the largest is rounding."""


def solve(
    design: Design, groups: Sequence[Problems], *, tolerance: float | None = None
) -> Iterator[Solved]:
    """Solve groups of problems over one design; yield them piece by piece, each problem once.

    `tolerance` is the error of decision values (rms) at which a problem counts as solved; None:
    TOLERANCE in float32, EXACT_TOLERANCE in float64.
    """
    if tolerance is None:
        tolerance = TOLERANCE if design.arrays.single else EXACT_TOLERANCE
    for pieces in _batches(groups):
        searches = [_Search(design, groups[at].part(part), tolerance) for at, part in pieces]
        _run(design, searches)
        for (at, part), search in zip(pieces, searches, strict=True):
            yield Solved(at, part, design.arrays.host(search.final), search.arrived)


def _batches(groups: Sequence[Problems]) -> Iterator[list[tuple[int, slice]]]:
    """Cut the groups into batches of about MAX_COLUMNS columns."""
    batch: list[tuple[int, slice]] = []
    room = MAX_COLUMNS
    for at, group in enumerate(groups):
        start, count = 0, len(group.target)
        while start < count:
            fits = max(room // group.classes, 0 if batch else 1)
            if not fits:
                yield batch
                batch, room = [], MAX_COLUMNS
                continue
            part = slice(start, min(start + fits, count))
            batch.append((at, part))
            room -= (part.stop - start) * group.classes
            start = part.stop
    if batch:
        yield batch


def _run(design: Design, searches: Sequence[_Search]) -> None:
    """Let all searches go in step, so that their matrix products are one."""
    running = {at: search.run() for at, search in enumerate(searches)}
    residuals = {at: next(steps) for at, steps in running.items()}
    while residuals:
        gradients = _split(design.backward(_stacked(design, residuals)), residuals)
        steps = {at: running[at].send(part) for at, part in gradients.items()}
        moves = _split(design.forward(_stacked(design, steps)), steps)
        residuals = {}
        for at, part in moves.items():
            try:
                residuals[at] = running[at].send(part)
            except StopIteration:
                del running[at]


def _stacked(design: Design, parts: dict[int, Array]) -> Array:
    """Lay the rows of (p, k, m) arrays under each other."""
    shapes = [(len(part) * part.shape[1], part.shape[2]) for part in parts.values()]
    flat = [part.reshape(one) for part, one in zip(parts.values(), shapes, strict=True)]
    return flat[0] if len(flat) == 1 else design.arrays.xp.concatenate(flat)


def _split(whole: Array, like: dict[int, Array]) -> dict[int, Array]:
    """Undo `_stacked`, for rows of another length."""
    found, start = {}, 0
    for at, part in like.items():
        end = start + part.shape[0] * part.shape[1]
        found[at] = whole[start:end].reshape(part.shape[0], part.shape[1], whole.shape[-1])
        start = end
    return found


class _Search:
    """L-BFGS over some problems of one kind; its caller makes the products with the features."""

    def __init__(self, design: Design, problems: Problems, tolerance: float) -> None:
        arrays = self.arrays = design.arrays
        self.xp, self.tolerance, self.moment = arrays.xp, tolerance, design.moment
        self.n, self.k, self.d = design.n, problems.classes, design.d
        p = len(problems.target)
        shaped = problems.targets.reshape(len(problems.targets), self.k, self.n)
        self.targets, self.masks = arrays.floats(shaped), arrays.floats(problems.masks)
        self.target, self.mask = arrays.places(problems.target), arrays.places(problems.mask)
        self.rows = arrays.floats(problems.masks.sum(axis=1)[problems.mask])
        self.penalty = arrays.floats(1 / problems.c)
        self.bias = arrays.floats(log_odds(problems))
        self.present = arrays.floats(log_odds(problems) > NEVER / 2) if self.k > 1 else None
        self.weights = arrays.zeros(p, self.k, self.d)
        self.scores = arrays.zeros(p, self.k, self.n) + self.bias[:, :, None]
        self.residual = arrays.zeros(p, self.k, self.n)
        self.final = arrays.zeros(p, self.k, self.n)
        self.arrived = np.zeros(p, dtype=np.bool_)
        self.least: Array | None = None
        """Shape (p,): the least curvature of each problem."""
        self.active = np.arange(p)
        self.memory: list[tuple[Array, ...]] = []
        """(step, step of bias, change of gradient, change by bias, 1 / their product)."""

    def run(self) -> Generator[Array, Array, None]:
        """Yield, in turn, residuals (to be sent their gradients) and steps (their scores)."""
        self._evaluate(slice(None), self.scores)
        self._curve()
        self._take((yield self.residual))
        size = np.full(len(self.active), np.inf)
        for iteration in range(MAX_ITER):
            step, lift = self._direction()
            moves = yield step
            moves += lift[:, :, None]
            before, size = size, self._size(moves)
            # What is left after this step is about its size times how much sizes shrink.
            known = np.isfinite(before) & (before > 0)
            shrinks = np.divide(size, before, out=np.ones(len(size)), where=known)
            done = size * np.minimum(shrinks, 1) < self.tolerance
            last = iteration == MAX_ITER - 1
            if last or done.all() or done.mean() > DROPPED:
                self._finish(done, moves, everyone=last)
                if last or done.all():
                    return
                step, lift, moves = self._keep(~done, step, lift, moves)
                size = size[~done]
            length = self._length(step, lift, moves)
            moves *= length[:, None, None]
            self.scores += moves
            del moves
            step, lift = step * length[:, None, None], lift * length[:, None]
            self.weights += step
            self.bias += lift
            gradient, by_bias = self.gradient, self.by_bias
            self._take((yield self.residual))
            self._remember(step, lift, self.gradient - gradient, self.by_bias - by_bias)
            if iteration in CURVED:
                self._curve()

    def _finish(self, done: NDArray[np.bool_], moves: Array, *, everyone: bool) -> None:
        """Put down the scores of the problems that end, their last step taken."""
        ends = np.flatnonzero(done | everyone)
        here = self.arrays.places(ends)
        self.final[self.arrays.places(self.active[ends])] = self.scores[here] + moves[here]
        self.arrived[self.active[ends]] = done[ends]

    def _keep(self, stays: NDArray[np.bool_], *beside: Array) -> list[Array]:
        """Go on with some problems only; return what of `beside` is theirs."""
        self.active = self.active[stays]
        here = self.arrays.places(np.flatnonzero(stays))
        for name in ("target", "mask", "rows", "penalty", "bias", "weights", "scores", "residual",
                     "gradient", "by_bias", "curvature", "least", "turn", "present"):  # fmt: skip
            if (kept := getattr(self, name)) is not None:
                setattr(self, name, kept[here])
        self.memory = [tuple(part[here] for part in step) for step in self.memory]
        return [part[here] for part in beside]

    def _take(self, gradient: Array) -> None:
        self.gradient = self._centred(gradient + self.penalty[:, None, None] * self.weights)
        self.by_bias = self._centred(self.residual.sum(axis=-1)[:, :, None])[:, :, 0]

    def _centred(self, values: Array) -> Array:
        """Take out what all classes of a multinomial have in common: at the optimum it is 0.

        It changes no probability, so only the penalty holds it, and rounding would grow in it.
        """
        if self.present is None:
            return values
        here = self.present[:, :, None]
        return here * (values - (here * values).sum(axis=1)[:, None] / here.sum(axis=1)[:, None])

    def _remember(self, step: Array, lift: Array, change: Array, by_bias: Array) -> None:
        product = self._dot(step, lift, change, by_bias)
        useful = product > TINY
        rho = self.xp.where(useful, 1 / self.xp.where(useful, product, 1.0), 0.0)
        self.memory = [*self.memory, (step, lift, change, by_bias, rho)][-HISTORY:]

    def _size(self, moves: Array) -> NDArray[np.float64]:
        """Return how far a step would move the decision values, rms over all rows."""
        squares = self.arrays.host(self.xp.einsum("pkn,pkn->p", moves, moves))
        sizes: NDArray[np.float64] = np.sqrt(squares.astype(np.float64) / (self.k * self.n))
        return sizes

    def _dot(self, a: Array, a_lift: Array, b: Array, b_lift: Array) -> Array:
        return self.xp.einsum("pkd,pkd->p", a, b) + (a_lift * b_lift).sum(axis=-1)

    def _direction(self) -> tuple[Array, Array]:
        """Return minus the gradient times the approximate inverse Hessian (two-loop recursion)."""
        q, lift = self.gradient, self.by_bias
        factors = []
        for s, s_lift, y, y_lift, rho in reversed(self.memory):
            factor = rho * self._dot(s, s_lift, q, lift)
            q = q - factor[:, None, None] * y
            lift = lift - factor[:, None] * y_lift
            factors.append(factor)
        x, lift = self._precondition(q, lift)
        for (s, s_lift, y, y_lift, rho), factor in zip(self.memory, reversed(factors), strict=True):
            more = factor - rho * self._dot(y, y_lift, x, lift)
            x = x + more[:, None, None] * s
            lift = lift + more[:, None] * s_lift
        return -x, -lift

    def _precondition(self, q: Array, lift: Array) -> tuple[Array, Array]:
        """Divide by the Hessian as it would be if every entity were equally certain."""
        if self.turn is not None:
            q = self.xp.einsum("pkd,pkl->pld", q, self.turn)
            lift = self.xp.einsum("pk,pkl->pl", lift, self.turn)
        weight = self.curvature
        x = q / (weight[:, :, None] * self.moment + self.penalty[:, None, None])
        lift = lift / weight
        if self.turn is not None:
            x = self._centred(self.xp.einsum("pld,pkl->pkd", x, self.turn))
            lift = self.xp.einsum("pl,pkl->pk", lift, self.turn)
            lift = self._centred(lift[:, :, None])[:, :, 0]
        return x, lift

    def _curve(self) -> None:
        """Sum the curvature of the log loss over the training rows, from the residuals.

        For a multinomial in the eigenvectors of its matrix between classes.
        """
        r = self.residual
        if self.k == 1:
            # p(1 - p) is |r|(1 - |r|), whichever the class; rows that do not train have r = 0.
            spread = abs(r).sum(axis=-1) - self.xp.einsum("pkn,pkn->pk", r, r)
            self.turn = None
            self._bend(spread)
            return
        between = np.empty((len(r), self.k, self.k))
        for at in range(len(r)):
            shares = r[at] + self.targets[self.target[at]] * self.masks[self.mask[at]]
            squares = self.arrays.host(shares @ shares.T).astype(np.float64)
            sums = self.arrays.host(shares.sum(axis=-1)).astype(np.float64)
            between[at] = np.diag(sums) - squares
        values, vectors = np.linalg.eigh(between)
        self.turn = self.arrays.floats(vectors)
        self._bend(self.arrays.floats(values))

    def _bend(self, found: Array) -> None:
        """Take over a curvature, or the least where there is less."""
        if self.least is None:
            # The same for all classes changes nothing: that direction has no curvature.
            real = found > FLAT * self.xp.amax(found, axis=1)[:, None]
            self.least = LEAST_CURVED * self.xp.amin(self.xp.where(real, found, np.inf), axis=1)
        self.curvature = self.xp.maximum(found, self.least[:, None])

    def _chunks(self, chosen: NDArray[np.intp]) -> Iterator[slice | Array]:
        """Cut problems into pieces that fit a CPU's cache; a device takes them as one."""
        if self.arrays.device is not None:
            yield self.arrays.places(chosen)
            return
        whole = len(chosen) == len(self.active)
        step = max(1, CACHED // (self.k * self.n))
        for start in range(0, len(chosen), step):
            yield slice(start, start + step) if whole else chosen[start : start + step]

    def _evaluate(self, part: slice | Array, scores: Array) -> None:
        """Write the residuals of some problems: probability minus target where a row trains."""
        if self.k == 1:
            shares = self.xp.tanh(scores * 0.5)  # never overflows
            shares *= 0.5
            shares += 0.5
        else:
            shares = self.xp.exp(scores - self.xp.amax(scores, axis=1)[:, None])
            shares /= shares.sum(axis=1)[:, None]
        shares -= self.targets[self.target[part]]
        shares *= self.masks[self.mask[part]][:, None]
        self.residual[part] = shares

    def _slope(self, chosen: NDArray[np.intp], length: Array, moves: Array) -> Array:
        """Return the slope of the losses of some problems at a length along their moves."""
        found = []
        for part in self._chunks(chosen):
            scores = moves[part] * length[part][:, None, None]
            scores += self.scores[part]
            self._evaluate(part, scores)
            found.append(self.xp.einsum("pkn,pkn->p", self.residual[part], moves[part]))
        return self.xp.concatenate(found)

    def _length(self, step: Array, lift: Array, moves: Array) -> Array:
        """Return how far to go, per problem: to where the slope has fallen to a share of itself.

        The objective is convex, so the slope along the step only grows: a bracket and secants.
        The residuals are left as they are there.
        """
        host = self.arrays.host
        start = host(self._dot(self.gradient, self.by_bias, step, lift)).astype(np.float64)
        zero = lift * 0.0
        linear = host(self.penalty * self._dot(self.weights, zero, step, zero)).astype(np.float64)
        square = host(self.penalty * self._dot(step, zero, step, zero)).astype(np.float64)
        length, brackets = np.ones(len(start)), _Brackets(start)
        chosen = np.arange(len(start))
        for _ in range(SEARCHES):
            losses = host(self._slope(chosen, self.arrays.floats(length), moves))
            slope = losses.astype(np.float64) + linear[chosen] + square[chosen] * length[chosen]
            far = np.abs(slope) > SLOPE * np.abs(start[chosen])
            chosen, slope = chosen[far], slope[far]
            if not len(chosen):
                break
            length[chosen] = brackets.narrow(chosen, length[chosen], slope)
        return self.arrays.floats(length)


class _Brackets:
    """Where the best length of each problem is known to lie."""

    def __init__(self, slopes: NDArray[np.float64]) -> None:
        """Start from the slopes at length 0."""
        self.low, self.slopes = np.zeros(len(slopes)), slopes.copy()
        self.high = np.full(len(slopes), np.inf)

    def narrow(
        self, chosen: NDArray[np.intp], tried: NDArray[np.float64], slope: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Take in the slopes that were found for some problems; return the lengths to try next."""
        before, before_slope = self.low[chosen], self.slopes[chosen]
        fall = np.where(slope == before_slope, -1, before_slope - slope)
        secant = before + (tried - before) * before_slope / fall
        beyond = slope > 0
        self.high[chosen[beyond]] = tried[beyond]
        self.low[chosen[~beyond]], self.slopes[chosen[~beyond]] = tried[~beyond], slope[~beyond]
        bottom, top = self.low[chosen], self.high[chosen]
        bounded = np.isfinite(top)
        room = np.where(bounded, top, 0) - np.where(bounded, bottom, 0)
        inside = np.clip(secant, bottom + 0.1 * room, bottom + 0.9 * room)
        further = np.clip(secant, 1.5 * tried, 4 * tried)
        lengths: NDArray[np.float64] = np.where(bounded, inside, further)
        return lengths
