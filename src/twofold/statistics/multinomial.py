"""Multinomial regression by maximum likelihood: softmax regression against a first class, with standard errors.

``P(y = j) = exp(o_j) / sum_l exp(o_l)`` with ``o_j = x beta_j`` and ``o_0 = 0``. Newton's steps are finished in
double-double arithmetic like those of `twofold.statistics.generalized_linear`. The curvature of a sample,
``diag(p) - p p' = L L'``, has a Cholesky factor in closed form (Tanabe and Sagae 1992), so that each step is a problem
of least squares with the rows ``L' (x) x``, which are exact as pairs of doubles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, NotConvergedError
from twofold.functions.links import softmax
from twofold.solvers import pairs
from twofold.solvers.double_double import DoubleDouble, PairFunctions
from twofold.solvers.inference import spread_of
from twofold.solvers.input_checks import check_finite, check_problem
from twofold.solvers.pairs import Pair, pair
from twofold.solvers.solution import LeastSquares, correct_digits
from twofold.statistics.generalized_linear import (
    MAX_DECREMENT,
    MAX_FINAL_STEPS,
    MIN_SURE,
    corrections,
    exact_step,
    is_last,
    refuse_dependent,
    refuse_unsettled,
)
from twofold.statistics.separation import find_class_separation, refuse_separation

Array = NDArray[np.float64]
MIN_PROBABILITY = 1e-60  # of a probability in the curvature, whose root must not vanish


@dataclass(frozen=True)
class MultinomialSolution:
    """The maximum of the likelihood.

    Attributes
    ----------
    coefficients : Pair, shape (k - 1, p)
        A row a class but the first; the intercept first, if there is one.
    digits, standard_errors : ndarray, shape (k - 1, p)
        Estimate of the correct decimal digits of each coefficient; and its standard error.
    probabilities : ndarray, shape (n, k)
    deviance, null_deviance : float
        ``-2 log-likelihood``; null: of the shares of the classes alone.
    iterations : int
    last : LeastSquares
        The least squares of the last step.
    """

    coefficients: Pair
    digits: Array
    standard_errors: Array
    probabilities: Array
    deviance: float
    null_deviance: float
    iterations: int
    last: LeastSquares

    def __repr__(self) -> str:
        rows, columns = self.digits.shape
        return f"<MultinomialSolution: {rows} x {columns} coefficients, deviance {self.deviance:.6g}>"

    @property
    def log_likelihood(self) -> float:
        """Of the samples, with their weights."""
        return -self.deviance / 2

    @property
    def aic(self) -> float:
        """``2 p - 2 log-likelihood``, p the number of all coefficients."""
        return 2 * self.digits.size + self.deviance


def solve_multinomial(
    X: ArrayLike,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    fit_intercept: bool = True,
    max_iter: int = 50,
    names: Sequence[str] | None = None,
) -> MultinomialSolution:
    """Fit multinomial regression by maximum likelihood.

    Parameters
    ----------
    X : array, shape (n, d)
        Finite numbers; columns must not depend on each other.
    y : array of int, shape (n,)
        Class indices from 0 on, each of which occurs.
    sample_weight : array, shape (n,), optional
        Non-negative.
    fit_intercept : bool
    max_iter : int
        Most steps of Newton's method.
    names : sequence of str, optional
        Of the columns, for messages.

    Returns
    -------
    MultinomialSolution

    Raises
    ------
    DataError
        If shapes don't fit, a number is not finite, a class has no sample, or columns depend on each other.
    SeparationError
        If a combination of columns tells classes apart.
    NotConvergedError
        If max_iter is too small.

    References
    ----------
    Tanabe, Sagae, "An exact Cholesky decomposition and the generalized inverse of the variance-covariance matrix of the
    multinomial distribution", J. R. Statist. Soc. B 54, 1992.

    Examples
    --------
    >>> fit = solve_multinomial([[0.0], [0.0], [0.0], [1.0], [1.0], [1.0], [1.0]], [0, 1, 2, 0, 1, 1, 2])
    >>> np.exp(fit.coefficients.high[0]).round(12)  # odds of class 1: 1, then twice that
    array([1., 2.])
    """
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f"y has shape {labels.shape} and dtype {labels.dtype}; expected class indices, (n,) of integers"
        )
    problem = check_problem(X, labels[:, None], sample_weight, intercept=fit_intercept, penalty=0.0)
    check_finite("X", problem.X.high)
    weight = np.ones(len(labels)) if problem.weight is None else problem.weight
    rows = weight > 0
    labels, weight, X_rows = labels[rows], weight[rows], problem.X.high[rows]
    counts = np.zeros(1)
    if labels.min() >= 0:
        counts = np.asarray(np.bincount(labels, weights=weight), dtype=np.float64)
    if len(counts) < 2 or (counts == 0).any():
        raise DataError(f"y has {len(counts)} classes of which one has no sample; expected each of 0, 1, ... to occur")
    model = _Likelihood(X_rows, labels, weight, counts, bool(fit_intercept), None if names is None else tuple(names))
    return model.solution(*model.approach(max_iter))


@dataclass(frozen=True)
class _Likelihood:
    X: Array
    y: NDArray[np.intp]
    weight: Array
    counts: Array
    intercept: bool
    names: tuple[str, ...] | None

    @property
    def columns(self) -> Array:
        """The columns with ones in front, if there is an intercept."""
        return np.column_stack([np.ones((len(self.y), int(self.intercept))), self.X])

    @property
    def indicators(self) -> Array:
        """1 at each sample's class but the first, (n, k - 1)."""
        return np.eye(len(self.counts))[self.y][:, 1:]

    def approach(self, max_iter: int) -> tuple[Array, int]:
        """Take Newton's steps in doubles, in columns about their means and of largest entry 1."""
        first, Y = int(self.intercept), self.indicators
        centre = self.X.mean(axis=0) if first else np.zeros(self.X.shape[1])
        A = np.column_stack([np.ones((len(Y), first)), self.X - centre])
        unit = np.abs(A).max(axis=0, initial=0.0)
        unit = np.where(unit > 0, unit, 1.0)
        A = A / unit
        theta = np.zeros((Y.shape[1], A.shape[1]))
        value, P = self._value(A @ theta.T)
        asked = False
        for step in range(1, max_iter + 1):
            gradient = ((P[:, 1:] - Y) * self.weight[:, None]).T @ A
            delta = -np.linalg.lstsq(self._hessian(A, P), gradient.ravel(), rcond=1e-15)[0].reshape(theta.shape)
            decrement, length = float(np.sqrt(max(-np.vdot(delta, gradient), 0.0))), 1.0
            lower, P_next = self._value(A @ (theta + delta).T)
            while not lower <= value + 1e-12 * (1 + abs(value)) and length > 1e-8:
                length /= 2
                lower, P_next = self._value(A @ (theta + length * delta).T)
            settled = value - lower <= 1e-13 * (1 + abs(value))  # the deviance tells doubles no more
            theta, value, P = theta + length * delta, lower, P_next
            if decrement <= MAX_DECREMENT or length <= 1e-8 or settled:
                theta = theta / unit
                theta[:, :first] -= (theta[:, first:] @ centre)[:, None]
                return theta, step
            if not asked and (P.max(axis=1) > 1 - np.exp(-MIN_SURE)).any():
                self._refuse_separation()
                asked = True
        raise NotConvergedError(f"Newton's method has not converged after {max_iter} steps; raise max_iter")

    def _refuse_separation(self) -> None:
        found = find_class_separation(self.X, self.y, len(self.counts), intercept=self.intercept)
        refuse_separation(found, self.names, intercept=self.intercept, what="classes")

    def _value(self, O: Array) -> tuple[float, Array]:
        P = softmax(np.column_stack([np.zeros(len(O)), O]))
        with np.errstate(divide="ignore"):
            return float(-self.weight @ np.log(P[np.arange(len(P)), self.y])), P

    def _hessian(self, A: Array, P: Array) -> Array:
        k, p = P.shape[1] - 1, A.shape[1]
        H = np.empty((k, p, k, p))
        for j in range(k):
            for m in range(k):
                share = self.weight * P[:, j + 1] * ((j == m) - P[:, m + 1])
                H[j, :, m, :] = A.T @ (A * share[:, None])
        return H.reshape(k * p, k * p)

    def solution(self, theta: Array, steps: int) -> MultinomialSolution:
        """Take the last steps with slopes of 30 digits, and put together what follows from the maximum."""
        A, found, last = self.columns, pair(theta), np.inf
        for _ in range(MAX_FINAL_STEPS):
            P, _ = self._probabilities(A, found)
            Z, factor = self._rows(A, P[:, 1:].high)
            target = _forward(factor, (DoubleDouble.of(self.indicators) - P[:, 1:]) * self.weight[:, None])
            step = exact_step(Z, np.column_stack([half.ravel() for half in target.pair]), None, intercept=False)
            refuse_dependent(step, names=self._labels())
            delta = corrections(step)
            length = float(np.max(np.abs(delta.high) / spread_of(step).deviations))
            found = pairs.add(found, Pair(*(half.reshape(theta.shape) for half in delta)))
            steps += 1
            if is_last(length, last):
                break
            last = length
        refuse_unsettled(steps, length)
        P, deviance = self._probabilities(A, found)
        errors = spread_of(step).deviations.reshape(theta.shape)
        noise = 2.0**-90 * np.sqrt(len(A)) * (1 + np.abs(A @ found.high.T).max())
        wrong = np.abs(delta.high).reshape(theta.shape) * min(1.0, length) + errors * noise
        shares = self.counts / self.counts.sum()
        null = -2 * float(self.counts @ np.log(shares if self.intercept else np.full(len(shares), 1 / len(shares))))
        return MultinomialSolution(
            found, correct_digits(wrong, found.high), errors, P.high, deviance, null, steps, step
        )

    def _labels(self) -> tuple[str, ...] | None:
        """Name each class's columns."""
        if self.names is None:
            return None
        names = [*["intercept"][: int(self.intercept)], *self.names]
        return tuple(f"{j}: {name}" for j in range(1, len(self.counts)) for name in names)

    def _probabilities(self, A: Array, theta: Pair) -> tuple[DoubleDouble, float]:
        """Compute all classes' probabilities (n, k) to 30 digits, and the deviance."""
        O = pairs.matrix_product(pair(A), theta.T)
        zero = np.zeros((len(A), 1))
        O = Pair(np.hstack([zero, O.high]), np.hstack([zero, O.low]))
        S = DoubleDouble(O) - O.high.max(axis=1, keepdims=True)
        E = PairFunctions.exp(S)
        total = E[:, :1]
        for j in range(1, O.high.shape[1]):
            total = total + E[:, j : j + 1]
        own = DoubleDouble(S.pair.at((np.arange(len(A)), self.y)))
        losses = PairFunctions.log(total[:, 0]) - own
        return E / total, 2 * (losses * self.weight).sum()

    def _rows(self, A: Array, P: Array) -> tuple[Pair, Array]:
        """Return the rows ``L' (x) x`` of the least squares, (n (k - 1), (k - 1) p), and L, (n, k - 1, k - 1)."""
        n, k = P.shape
        P = np.maximum(P, MIN_PROBABILITY)
        rest = np.maximum(1 - P.sum(axis=1), MIN_PROBABILITY)  # the first class
        tail = np.empty((n, k + 1))  # of what is left after each class
        tail[:, k] = rest
        for j in reversed(range(k)):
            tail[:, j] = tail[:, j + 1] + P[:, j]
        L = np.zeros((n, k, k))
        for j in range(k):
            L[:, j, j] = np.sqrt(P[:, j] * tail[:, j + 1] / tail[:, j])
            L[:, j + 1 :, j] = -P[:, j + 1 :] * np.sqrt(P[:, j] / (tail[:, j] * tail[:, j + 1]))[:, None]
        L *= np.sqrt(self.weight)[:, None, None]
        product = pairs.two_product(L.transpose(0, 2, 1)[:, :, :, None], A[:, None, None, :])
        shape = (n * k, k * A.shape[1])
        return Pair(product.high.reshape(shape), product.low.reshape(shape)), L


def _forward(L: Array, S: DoubleDouble) -> DoubleDouble:
    """Solve ``L_i r_i = s_i`` for each sample to 30 digits, (n, k)."""
    columns: list[DoubleDouble] = []
    for j in range(L.shape[1]):
        rest = S[:, j]
        for m, column in enumerate(columns):
            rest = rest - column * L[:, j, m]
        columns.append(rest / L[:, j, j])
    return DoubleDouble(
        Pair(
            np.column_stack([column.pair.high for column in columns]),
            np.column_stack([column.pair.low for column in columns]),
        )
    )
