"""Generalised linear models by Newton's method, finished in double-double arithmetic.

The coefficients minimise half the deviance, ``f(beta) = sum_i w_i l(o_i, y_i)`` with ``o = X beta + offset``. Each step
is a weighted least-squares problem (McCullagh and Nelder 1989, section 2.5), ``X' C X delta = -X' s`` with the slopes
``s_i = w_i l'(o_i)`` and curvatures ``C_ii = w_i l''(o_i)``. The last steps compute o, exp and s with about 30 digits,
and solve for the correction exactly: what remains is a sum of slopes that is 0 to about 25 digits, and coefficients
that are right to the last digit of a double.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, NotConvergedError
from twofold.functions.numpy_functions import of_type
from twofold.solvers import pairs
from twofold.solvers.double_double import DoubleDouble, PairFunctions
from twofold.solvers.inference import spread_of
from twofold.solvers.input_checks import check_finite, check_problem, full_pair
from twofold.solvers.least_squares import solve_least_squares
from twofold.solvers.pairs import Pair, pair
from twofold.solvers.solution import DERIVED_DIGITS, LeastSquares, correct_digits
from twofold.statistics.families import Family, find_family
from twofold.statistics.separation import find_separation, refuse_separation
from twofold.values import count

Array = NDArray[np.float64]
MAX_DECREMENT = 1e-5  # Newton's decrement from which the double-double steps finish
MIN_SURE = 15.0  # a linear predictor that only separated samples, or very sure ones, have
MAX_FINAL_STEPS = 20
MAX_SETTLED = 1e-10  # standard errors: a step that is no shorter than the one before is rounding
NUMPY = of_type(np.dtype("float64"))


@dataclass(frozen=True)
class GlmSolution:
    """The maximum of the likelihood.

    Attributes
    ----------
    family : Family
    coefficients : Pair, shape (p,)
        The intercept first, if there is one; `coefficients.high` are the doubles.
    digits : ndarray, shape (p,)
        Estimate of the correct decimal digits of each coefficient, for these very numbers.
    predictor : ndarray, shape (n,)
        o, the linear predictor with its offset.
    fitted : ndarray, shape (n,)
        Means.
    deviance, null_deviance : float
        Twice what the log-likelihood lacks to that of a perfect fit; null: of the intercept (and offset) alone.
    pearson : float
        Pearson's chi squared, ``sum_i w_i (y_i - m_i)^2 / V(m_i)``.
    dispersion : float
        1, or Pearson's over n - p.
    log_likelihood : float
    iterations : int
        Newton's steps, all together.
    last : LeastSquares
        The weighted least squares of the last step: its spread is the coefficients' covariance over the dispersion.
    working : ndarray, shape (n,)
        Working residuals ``(y - m) do/dm``, the targets of the last step.
    weight : ndarray, shape (n,)
        Its weights.
    """

    family: Family
    coefficients: Pair
    digits: Array
    predictor: Array
    fitted: Array
    deviance: float
    null_deviance: float
    pearson: float
    dispersion: float
    log_likelihood: float
    iterations: int
    last: LeastSquares
    working: Array
    weight: Array

    def __repr__(self) -> str:
        coefficients = count(len(self.digits), "coefficient")
        return f"<GlmSolution of {self.family.name}: {coefficients}, deviance {self.deviance:.6g}>"

    @property
    def df(self) -> int:
        """Samples of positive weight less coefficients."""
        return self.last.residuals.n - len(self.digits)

    @property
    def standard_errors(self) -> Array:
        """Of each coefficient, from the expected information, as R has it; shape (p,)."""
        return np.asarray(np.sqrt(self.dispersion) * spread_of(self.last).deviations)

    @property
    def error_digits(self) -> float:
        """Estimate of the correct decimal digits of the standard errors."""
        return min(spread_of(self.last).digits, DERIVED_DIGITS - 1)

    @property
    def aic(self) -> float:
        """``2 p - 2 log-likelihood``; p counts coefficients alone, as for linear regression."""
        return 2 * len(self.digits) - 2 * self.log_likelihood


def solve_glm(
    X: ArrayLike | Pair,
    y: ArrayLike,
    family: str,
    *,
    sample_weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    fit_intercept: bool = True,
    max_iter: int = 50,
    names: Sequence[str] | None = None,
) -> GlmSolution:
    """Fit a generalised linear model by maximum likelihood.

    Parameters
    ----------
    X : array or Pair, shape (n, d)
        Finite numbers; columns must not depend on each other.
    y : array, shape (n,)
        As the family allows: of ``"binomial"`` 0 and 1, or shares with the numbers of trials as weights.
    family : {"gaussian", "binomial", "poisson", "gamma"}
        With the links identity, logit, log and log.
    sample_weight : array, shape (n,), optional
        Non-negative prior weights: numbers of trials, or of samples that a mean is of.
    offset : array, shape (n,), optional
        Added to the linear predictor: ``log(exposure)``.
    fit_intercept : bool
    max_iter : int
        Most steps of Newton's method.
    names : sequence of str, optional
        Of the columns, for messages.

    Returns
    -------
    GlmSolution

    Raises
    ------
    DataError
        If shapes don't fit, a number is not finite or none that the family allows, or columns depend on each other.
    SeparationError
        If a combination of columns tells the targets apart, so that coefficients would grow for ever.
    NotConvergedError
        If max_iter is too small.

    References
    ----------
    McCullagh, Nelder, "Generalized Linear Models", 2nd edition, 1989, chapters 2, 4, 6 and 8.

    Examples
    --------
    >>> fit = solve_glm([[0.0], [0.0], [1.0], [1.0]], [1.0, 3.0, 4.0, 8.0], "poisson")
    >>> np.exp(fit.coefficients.high).round(12), fit.digits.round(2)  # a mean of 2, then three times that
    (array([2., 3.]), array([15.95, 15.95]))
    """
    kind = find_family(family)
    column = np.asarray(y, dtype=np.float64)
    if column.ndim != 1:
        raise DataError(f"y has shape {column.shape}; expected one target, (n,)")
    problem = check_problem(X, column[:, None], sample_weight, intercept=fit_intercept, penalty=0.0)
    check_finite("X", problem.X.high)
    n = len(problem.Y)
    shift = np.zeros(n) if offset is None else np.asarray(offset, dtype=np.float64)
    if shift.shape != (n,):
        raise DataError(f"offset has shape {shift.shape}; X has {n} samples, so it must be ({n},)")
    check_finite("offset", shift[:, None])
    weight = np.ones(n) if problem.weight is None else problem.weight
    rows = weight > 0
    X_rows = full_pair(problem.X).at(rows)
    labels = tuple(names) if names is not None else None
    model = _Likelihood(kind, X_rows, problem.Y[rows, 0], weight[rows], shift[rows], bool(fit_intercept), labels)
    kind.check(model.y)
    found = model.maximize(max_iter)
    return model.solution(found, found.deviance if not problem.X.high.shape[1] else model.without_features(max_iter))


@dataclass(frozen=True)
class _Point:
    """Where the maximum is, and how it was come by."""

    W: Pair
    b: Pair
    error: Array
    deviance: float
    iterations: int


@dataclass(frozen=True)
class _Likelihood:
    """A model's likelihood in its coefficients."""

    family: Family
    X: Pair
    y: Array
    weight: Array
    offset: Array
    intercept: bool
    names: tuple[str, ...] | None

    def maximize(self, max_iter: int) -> _Point:
        """Step by step in doubles, then in double-double arithmetic."""
        o = self.family.start(self.y, self.weight)
        o, beta, steps = self._approach(o, max_iter)
        W, b = pair(beta[1:] if self.intercept else beta), pair(beta[:1] if self.intercept else np.zeros(1))
        return self._finish(W, b, steps)

    def without_features(self, max_iter: int) -> float:
        """Return the deviance of the intercept and the offset alone."""
        return replace(self, X=self.X.at((slice(None), slice(0))), names=()).maximize(max_iter).deviance

    def _approach(self, o: Array, max_iter: int) -> tuple[Array, Array, int]:
        """Take Newton's steps in doubles, halved until the deviance falls; the first goes from a start to a fit."""
        A, unit = self._design()
        o, beta = self._first(A, o)
        value, asked = self._half_deviance(o), False
        for step in range(2, max_iter + 1):
            _, slope = self.family.loss.of_outputs(o, self.y, NUMPY)
            curvature = self._floored(self.weight * self.family.curvature(o, self.y, NUMPY))
            delta = _least_squares(A, -self.weight * slope / curvature, curvature)
            change, length = A @ delta, 1.0
            decrement = float(np.sqrt(curvature @ np.square(change)))
            lower = self._half_deviance(o + change)
            while not lower <= value + 1e-12 * (1 + abs(value)) and length > 1e-8:
                length /= 2
                lower = self._half_deviance(o + length * change)
            settled = value - lower <= 1e-13 * (1 + abs(value))  # the deviance tells doubles no more
            o, beta, value = o + length * change, beta + length * delta, lower
            if decrement > MAX_DECREMENT and self._is_sure(o) and not asked:
                self._refuse_separation()
                asked = True
            if decrement <= MAX_DECREMENT or length <= 1e-8 or settled:
                return o, beta * unit, step
        raise _not_converged(max_iter, decrement)

    def _is_sure(self, o: Array) -> bool:
        """Tell whether predictions have come as near to what can't be reached as separated samples bring them."""
        if self.family.name == "binomial":
            return bool(((o > MIN_SURE) & (self.y == 1)).any() or ((o < -MIN_SURE) & (self.y == 0)).any())
        return self.family.name == "poisson" and bool(((o < -MIN_SURE) & (self.y == 0)).any())

    def _refuse_separation(self) -> None:
        counts = self.family.name == "poisson"
        found = find_separation(self.X.high, self.y, counts=counts, intercept=self.intercept)
        what = "counts of 0 and others" if counts else "y = 0 and y = 1"
        refuse_separation(found, self.names, intercept=self.intercept, what=what)

    def _design(self) -> tuple[Array, Array]:
        """Return X with its intercept and columns of length about 1, and what the columns were divided by."""
        A = np.column_stack([np.ones((len(self.y), int(self.intercept))), self.X.high])
        largest = np.abs(A).max(axis=0, initial=0.0)
        return A / np.where(largest > 0, largest, 1.0), 1 / np.where(largest > 0, largest, 1.0)

    def _first(self, A: Array, o: Array) -> tuple[Array, Array]:
        information = self._floored(self.weight * self.family.information(o, self.y, NUMPY))
        beta = _least_squares(A, o - self.offset, information)
        return A @ beta + self.offset, beta

    def _half_deviance(self, o: Array) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            losses, _ = self.family.loss.of_outputs(o, self.y, NUMPY)
            total = float(self.weight @ losses)
        return total if np.isfinite(total) else np.inf

    @staticmethod
    def _floored(weight: Array) -> Array:
        """Keep weights from vanishing beside the others, which would make their targets infinite."""
        return np.maximum(weight, 1e-30 * weight.max(initial=0.0))

    def _finish(self, W: Pair, b: Pair, steps: int) -> _Point:
        """Take Newton's last steps with slopes of 30 digits, until they are as small as those digits allow."""
        last = np.inf
        for _ in range(MAX_FINAL_STEPS):
            o = self.predictor(W, b)
            slope = self._slope(o)
            curvature = self._floored(self.weight * self.family.curvature(o, self.y, PairFunctions).high)
            target = -slope / curvature
            delta, spread, length = self._step(target, curvature)
            W = pairs.add(W, delta.at(slice(int(self.intercept), None)))
            b = pairs.add(b, delta.at(slice(0, 1))) if self.intercept else b
            steps += 1
            if is_last(length, last):
                break
            last = length
        refuse_unsettled(steps, length)
        o = self.predictor(W, b)
        rounding = 2.0**-95 * self.weight * (np.abs(self.y) + self.family.mean(o.high)) * (1 + np.abs(o.high))
        noise = float(np.sqrt(np.sum(np.square(rounding) / curvature)))
        error = np.abs(delta.high) * min(1.0, length) + spread * noise
        return _Point(W, b, error, 2 * self._deviance(o), steps)

    def _step(self, target: DoubleDouble, curvature: Array) -> tuple[Pair, Array, float]:
        """Solve for a correction; return it, the coefficients' spread, and its length in standard errors."""
        found = exact_step(self.X, np.column_stack(target.pair), curvature, intercept=self.intercept)
        refuse_dependent(found, self.names)
        delta = corrections(found)
        deviations = spread_of(found).deviations
        return delta, deviations, float(np.max(np.abs(delta.high) / deviations, initial=0.0))

    def predictor(self, W: Pair, b: Pair) -> DoubleDouble:
        """Compute ``X W + b + offset``, (n,), to 30 digits."""
        column = pairs.matrix_product(self.X, Pair(W.high[:, None], W.low[:, None])).at((slice(None), 0))
        return DoubleDouble(pairs.add(pairs.add(column, b), pair(self.offset)))

    def _slope(self, o: DoubleDouble) -> DoubleDouble:
        _, slope = self.family.loss.of_outputs(o, DoubleDouble.of(self.y), PairFunctions)
        return DoubleDouble.of(slope) * self.weight

    def _deviance(self, o: DoubleDouble) -> float:
        losses, _ = self.family.loss.of_outputs(o, DoubleDouble.of(self.y), PairFunctions)
        saturated = self.family.saturated(self.y)
        return max(((DoubleDouble.of(losses) - saturated) * self.weight).sum(), 0.0)

    def solution(self, found: _Point, null_deviance: float) -> GlmSolution:
        """Put together what follows from the maximum."""
        o = self.predictor(found.W, found.b)
        information = self._floored(self.weight * self.family.information(o, self.y, PairFunctions).high)
        working = (-self._slope(o) / information).high
        last = exact_step(self.X, working[:, None], information, intercept=self.intercept)
        first = int(self.intercept)
        coefficients = Pair(*(np.concatenate([one[:first], rest]) for one, rest in zip(found.b, found.W, strict=True)))
        m = self.family.mean(o.high)
        df = len(self.y) - len(found.error)
        pearson = float(np.sum(self.weight * np.square(self.y - m) / self.family.variance(m)))
        estimated = pearson / df if df > 0 else np.nan
        with np.errstate(divide="ignore", invalid="ignore"):
            likelihood = float(self.family.log_likelihood(self.y, m, self.weight, found.deviance).sum())
        return GlmSolution(
            family=self.family,
            coefficients=coefficients,
            digits=correct_digits(found.error, coefficients.high),
            predictor=o.high,
            fitted=m,
            deviance=found.deviance,
            null_deviance=null_deviance,
            pearson=pearson,
            dispersion=1.0 if self.family.known_dispersion else estimated,
            log_likelihood=likelihood,
            iterations=found.iterations,
            last=last,
            working=working,
            weight=information,
        )


def is_last(length: float, before: float) -> bool:
    """Tell whether a step of Newton's method, in standard errors, is as short as rounding lets it be."""
    return length < 1e-20 or (length > 0.01 * before and length < MAX_SETTLED)


def refuse_unsettled(steps: int, length: float) -> None:
    """Raise `NotConvergedError` if the last step was more than rounding."""
    if not length < MAX_SETTLED:
        raise _not_converged(steps, length)


def _not_converged(steps: int, length: float) -> NotConvergedError:
    return NotConvergedError(
        f"Newton's method has not converged after {steps} steps, the last of {length:.2g} standard errors; "
        "raise max_iter, or rescale the columns"
    )


def exact_step(X: Pair, targets: Array, weight: Array | None, *, intercept: bool) -> LeastSquares:
    """Solve weighted least squares the careful way, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return solve_least_squares(X, targets, weight, fit_intercept=intercept, method="qr")


def corrections(found: LeastSquares) -> Pair:
    """Return the coefficients for the sum of two targets, the halves of a pair, (p,)."""
    W_low, b_low = found.low if found.low is not None else (0 * found.W, 0 * found.b)
    first = int(found.intercept)
    high = np.concatenate([found.b[None][:first], found.W])
    low = np.concatenate([b_low[None][:first], W_low])
    return pairs.add(Pair(high[:, 0], low[:, 0]), Pair(high[:, 1], low[:, 1]))


def refuse_dependent(found: LeastSquares, names: tuple[str, ...] | None) -> None:
    """Raise `DataError` if columns depend on each other."""
    if found.dependent:
        which = "; ".join(item.describe(names) for item in found.dependent[:5])
        raise DataError(f"columns depend on each other: {which}; leave some out")


def _least_squares(A: Array, target: Array, weight: Array) -> Array:
    root = np.sqrt(weight)[:, None]
    return np.asarray(np.linalg.lstsq(A * root, target * root[:, 0], rcond=1e-14)[0], dtype=np.float64)
