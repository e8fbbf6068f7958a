"""Nonlinear least squares of a function of one's own: what `nls` is to users of R."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError
from twofold.solvers import pairs
from twofold.solvers.inference import spread_of
from twofold.solvers.input_checks import check_finite, check_weights
from twofold.solvers.pairs import Pair
from twofold.solvers.solution import DERIVED_DIGITS, correct_digits
from twofold.statistics.fit_summary import FitSummary, coefficient_rows
from twofold.statistics.fitted_function import FittedFunction, Model
from twofold.statistics.generalized_linear import exact_step, refuse_dependent
from twofold.statistics.linear_model import MAX_PERFECT, PERFECT_FIT, PerfectFitWarning
from twofold.statistics.nonlinear_search import Minimum, approach, finish

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NonlinearLeastSquares:
    """The minimum that was found of ``sum_i w_i (y_i - f(x_i, b))^2``.

    Attributes
    ----------
    coefficients : ndarray, shape (p,)
    digits : ndarray, shape (p,)
        Estimate of the correct decimal digits of each coefficient, for these very numbers; at most 15.95.
    standard_errors : ndarray, shape (p,)
        From the slopes at the minimum, ``sigma^2 (J'J)^-1``; NaN without degrees of freedom.
    error_digits : float
        Estimate of the correct decimal digits of the standard errors and of sigma, at most 15.
    covariance : ndarray, shape (p, p)
    rss : float
        The sum of squares.
    df : int
        Samples of positive weight less coefficients.
    residuals, fitted : ndarray, shape (n,)
        ``y - f`` without weights, and f; of the samples of positive weight.
    iterations : int
        Steps of both methods.
    """

    coefficients: Array
    digits: Array
    standard_errors: Array
    error_digits: float
    covariance: Array
    rss: float
    df: int
    residuals: Array
    fitted: Array
    iterations: int

    @property
    def is_perfect(self) -> bool:
        """Whether the residuals are but rounding."""
        return bool(self.df > 0 and self.rss / self.df < MAX_PERFECT * np.mean(np.square(self.fitted)))

    @property
    def sigma(self) -> float:
        """Residual standard deviation, ``sqrt(rss / df)``; NaN without degrees of freedom."""
        return float(np.sqrt(self.rss / self.df)) if self.df else np.nan

    def summary(self, *, level: float = 0.95) -> FitSummary:
        """Return coefficients with Wald's tests and intervals, of Student's t."""
        names = [f"b[{k}]" for k in range(len(self.coefficients))]
        errors, digits = self.standard_errors, self.digits
        rows = coefficient_rows(names, self.coefficients, errors, digits=digits, level=level, df=self.df)
        facts: dict[str, float | int | str] = {
            "n": len(self.fitted),
            "df": self.df,
            "sigma": self.sigma,
            "iterations": self.iterations,
        }
        notes = (PERFECT_FIT,) if self.is_perfect else ()
        return FitSummary("Nonlinear least squares", "t", level, rows, facts, notes)


def nonlinear_least_squares(
    model: Model,
    x: ArrayLike,
    y: ArrayLike,
    start: Sequence[float] | Array,
    *,
    sample_weight: ArrayLike | None = None,
    max_iter: int = 5000,
) -> NonlinearLeastSquares:
    """Fit a function of one's own by least squares.

    Parameters
    ----------
    model : callable
        ``model(x, b, xp)`` gives f for all samples. It is written with arithmetic, ``**`` and the functions of ``xp``:
        abs, arctan, cos, exp, expm1, log, log1p, maximum, minimum, sin, sqrt, tanh, where, and the number ``xp.pi``;
        so it can be computed with 30 digits, and its derivatives with it. Constants count as doubles: write ``x / 10``
        rather than ``0.1 * x``, where a tenth is meant.
    x : array, shape (n,) or (n, d)
        Finite numbers; ``x[:, j]`` is a column.
    y : array, shape (n,)
    start : sequence of float, shape (p,)
        Where the search begins: which minimum is found may depend on it.
    sample_weight : array, shape (n,), optional
        Non-negative: inverse variances up to a factor.
    max_iter : int
        Most steps of Levenberg and Marquardt's method.

    Returns
    -------
    NonlinearLeastSquares

    Raises
    ------
    SpecificationError
        If the model calls what isn't xp's, or its shape is not (n,).
    DataError
        If shapes don't fit, a number is not finite, there are fewer samples than coefficients, the model is not finite
        at the start, or it doesn't determine the coefficients where the search ends.
    NotConvergedError
        If the search ends where there is no minimum, or max_iter is too small.

    Warns
    -----
    PerfectFitWarning
        If the residuals are but rounding.

    Examples
    --------
    >>> def decay(x, b, xp):
    ...     return b[0] * xp.exp(-b[1] * x)
    >>> fit = nonlinear_least_squares(decay, [0.0, 1.0, 2.0, 3.0], [8.1, 3.9, 2.1, 0.9], start=[1.0, 1.0])
    >>> fit.coefficients.round(4), fit.digits.round(2)
    (array([8.0833, 0.7074]), array([15.95, 15.95]))
    """
    problem = _checked(model, x, y, sample_weight)
    beta = _checked_start(start, len(problem.y))
    beta, steps = approach(problem, beta, max_iter)
    found = _result(problem, finish(problem, beta), steps)
    if found.is_perfect:
        warnings.warn(PERFECT_FIT, PerfectFitWarning, stacklevel=2)
    return found


def _result(problem: FittedFunction, found: Minimum, steps: int) -> NonlinearLeastSquares:
    """Put together what follows from the minimum, with what is known of its rounding."""
    r, J = problem.pair_slopes(found.b)
    last = exact_step(J, r.high[:, None], None, intercept=False)
    refuse_dependent(last, tuple(f"b[{k}]" for k in range(len(found.error))))
    spread, df = spread_of(last), len(problem.y) - len(found.error)
    rss = float(pairs.sum_of_squares(Pair(r.high[:, None], r.low[:, None])).high[0])
    digits = correct_digits(found.error, found.b.high)
    residual_digits = float(correct_digits(np.array(found.wrong), np.sqrt(np.array(rss))))
    variance = rss / df if df else np.nan
    root = problem.root
    return NonlinearLeastSquares(
        coefficients=found.b.high,
        digits=digits,
        standard_errors=np.sqrt(variance) * spread.deviations,
        error_digits=float(min(spread.digits, residual_digits, digits.min(), DERIVED_DIGITS - 1)) + 0.0,
        covariance=variance * spread.root @ spread.root.T,
        rss=rss,
        df=df,
        residuals=r.high / root,
        fitted=problem.y - r.high / root,
        iterations=steps + found.steps,
    )


def _checked(model: Model, x: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> FittedFunction:
    features, target = (_numbers(name, values) for name, values in (("x", x), ("y", y)))
    if target.ndim != 1 or len(features) != len(target):
        raise DataError(f"x has shape {features.shape} and y {target.shape}; expected (n,) or (n, d), and (n,)")
    weight = check_weights(sample_weight, len(target))
    if weight is not None:
        features, target, weight = (values[weight > 0] for values in (features, target, weight))
    return FittedFunction(model, features, target, weight)


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        numbers = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name} is no array: {error}; expected rows of equal length") from error
    if numbers.dtype.kind not in "iubf" or np.ma.is_masked(values):
        what = "masked numbers" if np.ma.is_masked(values) else f"dtype {numbers.dtype}"
        raise DataError(f"{name} has {what}; expected real numbers")
    if not numbers.size or numbers.ndim not in (1, 2):
        raise DataError(f"{name} has shape {numbers.shape}; expected numbers in one dimension, or x in two")
    check_finite(name, numbers.reshape(len(numbers), -1))
    return np.asarray(numbers, dtype=np.float64)


def _checked_start(start: Sequence[float] | Array, n: int) -> Array:
    beta = _numbers("start", start)
    if beta.ndim != 1:
        raise DataError(f"start has shape {beta.shape}; expected a number for each coefficient, (p,)")
    if n < len(beta):
        raise DataError(f"{n} samples don't determine {len(beta)} coefficients; give at least as many samples")
    return beta
