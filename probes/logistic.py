"""L2-penalised logistic regression to the optimum: all labels of a task in one batch.

The objective is scikit-learn's: C times the sum of the log losses plus half the squared norm of
the weights, the intercept unpenalised. What makes it quick:

- Features are centred and turned into the eigenvectors of X'X, once per fit. Neither changes the
  optimum (the intercept takes up the mean, a rotation keeps the norm), and in these coordinates
  the Hessian is nearly diagonal, so a diagonal preconditioner does.
- All labels go through one L-BFGS (Liu and Nocedal 1989, doi 10.1007/BF01589116) side by side:
  two matrix products an iteration, line search on scores that are already there, labels that
  have arrived are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TOLERANCE = 1e-7
"""A label has arrived when its next step would move the decision values by less (rms)."""
MAX_ITER = 2000
HISTORY = 10
"""Steps that L-BFGS remembers."""
SLOPE = 0.5
"""A step is long enough when the slope along it has fallen to this share."""
SEARCHES = 30
BLOCK_ROWS = 8192


@dataclass(frozen=True)
class Logistic:
    """A fitted model: decision values are `features @ weights + intercepts`."""

    weights: Floats
    """Shape (d, k): a column per label, or per class of a multinomial."""
    intercepts: Floats
    """Shape (k,)."""
    arrived: NDArray[np.bool_]
    """Shape (k,): whether the optimum was reached."""

    def decide(self, features: Floats) -> Floats:
        """Return decision values, shape (n, k)."""
        return features @ self.weights + self.intercepts


def fit_labels(features: Floats, labels: NDArray[np.bool_], c: float = 1.0) -> Logistic:
    """Fit one two-class regression per column of `labels`.

    Parameters
    ----------
    features
        Shape (n, d). **Overwritten.**
    labels
        Shape (n, k); every column has both values.
    c
        Inverse strength of the penalty, as scikit-learn has it.

    """
    return _fit(features, labels.astype(np.float64), c, joint=False)


def fit_classes(
    features: Floats, classes: NDArray[np.int64], n_classes: int, c: float = 1.0
) -> Logistic:
    """Fit a multinomial regression; every class 0 … n_classes - 1 occurs in `classes` (n,).

    `features` of shape (n, d) are **overwritten**. Only differences between the classes'
    decision values mean anything.
    """
    return _fit(features, np.eye(n_classes)[classes], c, joint=True)


def _fit(features: Floats, targets: Floats, c: float, *, joint: bool) -> Logistic:
    mean = features.mean(axis=0)
    features -= mean
    spectrum, basis = np.linalg.eigh(features.T @ features)
    for start in range(0, len(features), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        features[block] = features[block] @ basis
    search = _Search(features, np.maximum(spectrum, 0), targets, 1 / c, joint=joint)
    weights, intercepts, arrived = search.run()
    weights = basis @ weights
    return Logistic(weights, intercepts - mean @ weights, arrived)


def _log_odds(targets: Floats, *, joint: bool) -> Floats:
    """Return the intercepts that are best without any weights."""
    share = targets.mean(axis=0)
    if joint:
        logs = np.log(share)
        centred: Floats = logs - logs.mean()
        return centred
    odds: Floats = np.log(share / (1 - share))
    return odds


class _Search:
    """L-BFGS over a batch of problems: one per column, or all columns as one (joint)."""

    def __init__(
        self, z: Floats, spectrum: Floats, targets: Floats, penalty: float, *, joint: bool
    ) -> None:
        self.z, self.spectrum, self.penalty, self.joint = z, spectrum, penalty, joint
        self.n, k = targets.shape
        self.targets = targets
        self.bias = _log_odds(targets, joint=joint)
        self.weights = np.zeros((z.shape[1], k))
        self.scores = np.tile(self.bias, (self.n, 1))
        self.shares = self._probabilities(self.scores)
        self.gradient = self._gradient()
        self.memory: list[tuple[Floats, Floats, Floats]] = []
        """(step, change of gradient, 1 / their product), weights and bias stacked."""

    def run(self) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return weights (d, k), intercepts (k,) and which columns arrived (k,)."""
        active = np.arange(self.targets.shape[1])
        weights, bias = np.zeros_like(self.weights), np.zeros_like(self.bias)
        arrived = np.zeros(len(active), dtype=np.bool_)
        for _ in range(MAX_ITER):
            step = self._direction()
            moves = self.z @ step[:-1] + step[-1]
            size = np.sqrt((moves**2).mean(axis=0))
            done = np.full(len(active), size.max() < TOLERANCE) if self.joint else size < TOLERANCE
            if done.any():
                at = active[done]
                weights[:, at], bias[at] = self.weights[:, done], self.bias[done]
                arrived[at] = True
                if done.all():
                    return weights, bias, arrived
                active, step, moves = active[~done], step[:, ~done], moves[:, ~done]
                self._keep(~done)
            self._advance(step, moves)
        weights[:, active], bias[active] = self.weights, self.bias
        return weights, bias, arrived

    def _keep(self, columns: NDArray[np.bool_]) -> None:
        """Go on with some columns only."""
        for name in ("targets", "weights", "scores", "shares", "gradient"):
            setattr(self, name, np.ascontiguousarray(getattr(self, name)[:, columns]))
        self.bias = self.bias[columns]
        self.memory = [(s[:, columns], y[:, columns], rho[columns]) for s, y, rho in self.memory]

    def _probabilities(self, scores: Floats) -> Floats:
        if not self.joint:
            logistic: Floats = 0.5 * (1 + np.tanh(0.5 * scores))  # never overflows
            return logistic
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: Floats = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def _gradient(self) -> Floats:
        """Return the gradient by weights, and by bias in the last row: shape (d + 1, k)."""
        residual = self.shares - self.targets
        by_weight = self.z.T @ residual + self.penalty * self.weights
        return np.vstack([by_weight, residual.sum(axis=0)])

    def _dot(self, a: Floats, b: Floats) -> Floats:
        """Return the inner product of each problem; for a joint one the same in every column."""
        products: Floats = np.einsum("ij,ij->j", a, b)
        return np.full_like(products, products.sum()) if self.joint else products

    def _direction(self) -> Floats:
        """Return minus the gradient times the approximate inverse Hessian (two-loop recursion)."""
        q = self.gradient.copy()
        factors = []
        for s, y, rho in reversed(self.memory):
            factor = rho * self._dot(s, q)
            q -= factor * y
            factors.append(factor)
        x = self._precondition(q)
        for (s, y, rho), factor in zip(self.memory, reversed(factors), strict=True):
            x += (factor - rho * self._dot(y, x)) * s
        return -x

    def _precondition(self, q: Floats) -> Floats:
        """Divide by the Hessian as it would be if every entity were equally certain."""
        p = self.shares
        if not self.joint:
            curvature = np.maximum((p * (1 - p)).mean(axis=0), np.finfo(np.float64).tiny)
            bulk = q[:-1] / (self.spectrum[:, None] * curvature + self.penalty)
            return np.vstack([bulk, q[-1] / (self.n * curvature)])
        between = (np.diag(p.sum(axis=0)) - p.T @ p) / self.n
        curvature, turn = np.linalg.eigh(between)
        curvature = np.maximum(curvature, 0)
        turned = q @ turn
        bulk = turned[:-1] / (self.spectrum[:, None] * curvature + self.penalty)
        # The same bias for all classes changes nothing: that direction has no curvature.
        real = curvature > 1e-12 * curvature.max()
        bias = np.where(real, turned[-1] / np.where(real, self.n * curvature, 1), 0)
        stacked: Floats = np.vstack([bulk, bias]) @ turn.T
        return stacked

    def _advance(self, step: Floats, moves: Floats) -> None:
        """Go along `step`, which changes the scores by `moves`, and remember what it taught."""
        length = self._length(step, moves)
        step = step * length
        self.weights = self.weights + step[:-1]
        self.bias = self.bias + step[-1]
        self.scores += moves * length
        self.shares = self._probabilities(self.scores)
        before, self.gradient = self.gradient, self._gradient()
        change = self.gradient - before
        product = self._dot(step, change)
        useful = product > np.finfo(np.float64).tiny
        rho = np.where(useful, 1 / np.where(useful, product, 1), 0)
        self.memory = [*self.memory, (step, change, rho)][-HISTORY:]

    def _length(self, step: Floats, moves: Floats) -> Floats:
        """Return how far to go, per column: to where the slope has fallen to a share of itself.

        The objective is convex, so the slope along the step only grows: a bracket and secants.
        """
        start = self._dot(self.gradient, step)
        linear = self._dot(self.weights, step[:-1]) * self.penalty
        square = self._dot(step[:-1], step[:-1]) * self.penalty
        length = np.ones_like(start)
        low, low_slope = np.zeros_like(start), start.copy()
        high = np.full_like(start, np.inf)
        for _ in range(SEARCHES):
            residual = self._probabilities(self.scores + moves * length) - self.targets
            slope = self._dot(residual, moves) + linear + square * length
            open_ = np.abs(slope) > SLOPE * np.abs(start)
            if not open_.any():
                break
            beyond = slope > 0
            high = np.where(open_ & beyond, length, high)
            secant = low + (length - low) * low_slope / np.where(
                low_slope == slope, -1, low_slope - slope
            )
            short = open_ & ~beyond
            low_slope = np.where(short, slope, low_slope)
            low = np.where(short, length, low)
            bounded = np.isfinite(high)
            room = np.where(bounded, high, 0) - np.where(bounded, low, 0)
            inside = np.clip(secant, low + 0.1 * room, low + 0.9 * room)
            further = np.clip(secant, 1.5 * length, 4 * length)
            length = np.where(open_, np.where(bounded, inside, further), length)
        return length
