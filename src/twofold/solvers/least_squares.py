"""Linear regression solved exactly: the front door, and the choice of the way."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from twofold.errors import DataError, SpecificationError, check_name
from twofold.solvers.design import Problem
from twofold.solvers.gram import solve_gram
from twofold.solvers.input_checks import check_finite, check_problem, full_pair, is_plain, positive_rows
from twofold.solvers.nonnegative import solve_nonnegative
from twofold.solvers.orthogonal import solve_qr
from twofold.solvers.pairs import Pair
from twofold.solvers.solution import AccuracyWarning, DependentColumnsWarning, LeastSquares
from twofold.solvers.threads import MAX_NARROW_COLUMNS, own_threads

METHODS = ("auto", "gram", "qr")
MIN_DIGITS = 6.0
MIN_TALL_SIZE = 1 << 16  # numbers in X from which on the Gram matrix may pay
MIN_SHARED_WORK = 1e8  # multiplications of a factorisation from which on a second core is worth the waiting


def solve_least_squares(
    X: ArrayLike | Pair,
    Y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    fit_intercept: bool = True,
    penalty: float = 0.0,
    positive: bool = False,
    method: Literal["auto", "gram", "qr"] = "auto",
    names: Sequence[str] | None = None,
) -> LeastSquares:
    """Solve linear regression exactly.

    Columns are shifted and scaled, factored by Householder QR with column pivoting, and the solution is refined with
    residuals in double-double arithmetic until it is right to the last digits of a double for the very matrix that was
    given. Tall tables whose condition proves it safe take a cheaper way, see `twofold.solvers.gram`.

    Parameters
    ----------
    X : array or Pair, shape (n, d)
        Finite real numbers, read as float64: integers beyond 2**53 and long doubles are rounded to it. A `Pair`, as
        `polynomial_features` makes, counts with the digits of its low part.
    Y : array, shape (n, q)
    sample_weight : array, shape (n,), optional
        Non-negative, not all 0.
    fit_intercept : bool
        Whether there is a b.
    penalty : float
        Ridge: at least 0, added to the sum of squares as ``penalty * |W|^2``; b is free.
    positive : bool
        Demand ``W >= 0`` (Lawson and Hanson 1974, chapter 23).
    method : {"auto", "gram", "qr"}
        ``"gram"`` raises if the condition doesn't prove it safe, or with a penalty or ``positive``, which it doesn't
        know; ``"auto"`` takes it where it is.
    names : sequence of str, optional
        Of the columns, for warnings.

    Returns
    -------
    LeastSquares

    Raises
    ------
    DataError
        If shapes don't fit, there are no samples, or a number is not finite.
    SpecificationError
        If an option has no such value.

    Warns
    -----
    DependentColumnsWarning
        If columns depend on each other: which ones, on which.
    AccuracyWarning
        If fewer than 6 digits of a coefficient can be relied upon.

    References
    ----------
    Björck, "Numerical Methods for Least Squares Problems", SIAM 1996, sections 2.4 and 2.9.

    Examples
    --------
    >>> solution = solve_least_squares([[1.0], [2.0], [3.0]], [[3.0], [5.0], [7.0]])
    >>> solution.W, solution.b, solution.rank
    (array([[2.]]), array([1.]), 1)
    """
    check_name("method", method, METHODS)
    problem = check_problem(X, Y, sample_weight, intercept=fit_intercept, penalty=penalty)
    if method == "gram" and (positive or penalty):
        raise SpecificationError("method 'gram' takes neither a penalty nor positive=True; use method 'auto'")
    with _blas_threads(*problem.X.high.shape):
        solution = _solve(problem, method, positive=positive)
    warn_about(solution, names)
    return solution


def _blas_threads(n: int, d: int) -> AbstractContextManager[Any]:
    """Take BLAS's own threads away from small matrices: there they wait for each other longer than they work."""
    return own_threads(2) if n * d * min(n, d) < MIN_SHARED_WORK else nullcontext()


def _solve(problem: Problem, method: str, *, positive: bool) -> LeastSquares:
    """Take the cheap way if it is safe, the orthogonal one otherwise."""
    solution = None if positive or method == "qr" else _try_gram(problem, method)
    if solution is not None:
        return solution
    check_finite("X", problem.X.high)
    problem = positive_rows(problem)
    problem = replace(problem, X=full_pair(problem.X))
    is_narrow = problem.X.high.shape[1] < MAX_NARROW_COLUMNS
    # What comes of numbers that leave the doubles is looked at.
    with np.errstate(over="ignore", invalid="ignore"), own_threads(2) if is_narrow else nullcontext():
        solution = solve_nonnegative(problem) if positive else solve_qr(problem)
    if not (np.isfinite(solution.W).all() and np.isfinite(solution.b).all()):
        raise DataError(
            f"X or Y reach {_largest(problem):.1e}; the sums of least squares leave the doubles: rescale them"
        )
    return solution


def _largest(problem: Problem) -> float:
    return float(max(np.abs(problem.X.high).max(initial=0.0), np.abs(problem.Y).max(initial=0.0)))


def _try_gram(problem: Problem, method: str) -> LeastSquares | None:
    """Take the cheap way where it is asked for or may pay; None where it isn't taken, or isn't safe."""
    wanted = method == "gram"
    n, d = problem.X.high.shape
    possible = is_plain(problem.X) and not problem.penalty and d > 0
    tall = n >= 16 * (d + 1) and n * d >= MIN_TALL_SIZE
    solution = solve_gram(problem) if possible and (tall or wanted) else None
    if wanted and solution is None:
        raise SpecificationError("method 'gram' can't be trusted with this problem; use method 'auto'")
    return solution


def warn_about(solution: LeastSquares, names: Sequence[str] | None) -> None:
    """Warn of dependent columns, and of few digits."""
    if solution.dependent:
        known = tuple(names) if names is not None else None
        phrases = [item.describe(known) for item in solution.dependent[:5]]
        more = len(solution.dependent) - len(phrases)
        also = f", and {more} more" if more else ""
        warnings.warn(
            f"columns depend on each other: {'; '.join(phrases)}{also}; the coefficients are "
            f"{'one of many solutions' if solution.method == 'nonnegative' else 'the minimum-norm solution'}: "
            "drop columns or set a penalty",
            DependentColumnsWarning,
            stacklevel=3,
        )
    elif solution.digits.size and solution.digits.min() < MIN_DIGITS:
        warnings.warn(
            f"only about {int(solution.digits.min())} digits of a coefficient are right (condition number "
            f"{solution.condition:.1e}); centre or drop columns, or set a penalty",
            AccuracyWarning,
            stacklevel=3,
        )
