"""Ridge regression along a path of penalties, with the leave-one-out error of each in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import SpecificationError
from twofold.solvers.border import check_finite, check_problem, full_pair, positive_rows
from twofold.solvers.design import Problem
from twofold.solvers.orthogonal import solve_qr
from twofold.solvers.pairs import Pair
from twofold.solvers.solution import LeastSquares

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RidgePath:
    """Penalties, what each would cost on a sample left out, and the best solution.

    Attributes
    ----------
    penalties : ndarray, shape (k,)
    errors : ndarray, shape (k,)
        Mean squared error of leaving one sample out, over samples (by weight) and targets; infinite where a sample
        alone determines a coefficient, so that nothing can be said of it without it.
    best : LeastSquares
        At the penalty of least error; the larger of two that are equal.
    """

    penalties: Array
    errors: Array
    best: LeastSquares


def ridge_path(
    X: ArrayLike | Pair,
    Y: ArrayLike,
    penalties: Sequence[float] | Array,
    sample_weight: ArrayLike | None = None,
    *,
    fit_intercept: bool = True,
) -> RidgePath:
    """Solve ridge regression for the penalty with the least leave-one-out error.

    One singular value decomposition serves all penalties: with ``A = U S V'`` (centred, rows times sqrt(w)), the hat
    matrix is ``H = U diag(s^2 / (s^2 + penalty)) U'`` plus the mean's part, and the error of predicting sample i
    without it is ``e_i / (1 - h_i)``. Where the columns can follow any targets, both go to 0 with the penalty, and
    their ratio is taken without either: at 0, it is that of the shortest solution.

    Parameters
    ----------
    X : array or Pair, shape (n, d)
    Y : array, shape (n, q)
    penalties : sequence of float
        At least one, each at least 0.
    sample_weight : array, shape (n,), optional
    fit_intercept : bool

    Returns
    -------
    RidgePath

    Raises
    ------
    DataError
        As `solve_least_squares`.
    SpecificationError
        If a penalty is negative or there is none.

    References
    ----------
    Golub, Heath, Wahba, "Generalized cross-validation as a method for choosing a good ridge parameter",
    Technometrics 21, 1979.

    Examples
    --------
    >>> path = ridge_path([[0.0], [1.0], [2.0], [3.0]], [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0])
    >>> path.best.penalty
    0.0
    """
    try:
        values = np.asarray(penalties, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.zeros(0)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all() or (values < 0).any():
        raise SpecificationError(
            f"penalties are {penalties!r}; expected at least one number, each finite and not negative"
        )
    problem = check_problem(X, Y, sample_weight, intercept=fit_intercept, penalty=0.0)
    check_finite("X", problem.X.high)
    problem = positive_rows(problem)
    problem = replace(problem, X=full_pair(problem.X))
    errors = _left_out(problem, values)
    least = np.flatnonzero(errors <= errors.min())
    best = float(values[least].max())
    return RidgePath(values, errors, solve_qr(replace(problem, penalty=best)))


def _left_out(problem: Problem, penalties: Array) -> Array:
    """Compute the mean squared leave-one-out error for each penalty."""
    X, Y = problem.X.high, problem.Y
    weight = np.ones(len(Y)) if problem.weight is None else problem.weight
    share = weight / weight.sum()  # (n,)
    root = np.sqrt(weight)[:, None]  # (n, 1)
    mean_part = np.zeros(len(Y))
    if problem.intercept:
        X, Y, mean_part = X - share @ X, Y - share @ Y, share
    U, s, _ = np.linalg.svd(root * X, full_matrices=False)
    independent = s > s.max(initial=0.0) * max(X.shape) * np.finfo(np.float64).eps
    U, s = U[:, independent], s[independent]
    C = U.T @ (root * Y)  # (r, q)
    outside, free = Y - U @ C / root, 1 - mean_part - np.square(U).sum(axis=1)  # (n, q), (n,): what no penalty explains
    full = len(s) == len(Y) - int(problem.intercept)
    if full:
        outside, free = np.zeros_like(outside), np.zeros_like(free)  # but for rounding
    free = np.where(free > len(Y) * np.finfo(np.float64).eps, free, 0.0)
    errors = []
    for penalty in penalties:
        with np.errstate(divide="ignore", over="ignore"):
            kept = 1 / (1 + np.square(s / np.sqrt(penalty)))  # (r,): penalty / (s^2 + penalty)
        if full and not kept.all():  # the same up to a factor that cancels
            smallest = s.min(initial=np.inf)
            kept = np.square(smallest / s) * (1 + penalty / smallest / smallest) / (1 + penalty / s / s)
        e = outside + U @ (kept[:, None] * C) / root  # (n, q)
        rest = free + np.square(U) @ kept  # (n,)
        with np.errstate(divide="ignore", invalid="ignore"):
            left_out = e / rest[:, None]
            total = float(share @ np.square(left_out).sum(axis=1)) / Y.shape[1]
        errors.append(total if np.isfinite(total) else np.inf)
    return np.array(errors)
