"""Least squares with coefficients that must not be negative.

The active-set method of Lawson and Hanson (1974, chapter 23) on the triangular factor finds which coefficients are 0;
the others are then solved for like any least squares, to the same digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from twofold.solvers.design import Problem, build_design
from twofold.solvers.from_moments import factor_moments, solve_moments
from twofold.solvers.moments import Moments
from twofold.solvers.orthogonal import solve_qr
from twofold.solvers.solution import MAX_DIGITS, LeastSquares

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def solve_nonnegative(problem: Problem) -> LeastSquares:
    """Minimise over ``W >= 0``; b is free.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    LeastSquares
        Of method ``"nonnegative"``, without spread: standard errors of bounded coefficients are not normal theory's.
    """
    design = build_design(problem)
    Q, R = np.linalg.qr(design.augmented)

    def on_columns(target: int, free: Index) -> LeastSquares:
        part = replace(problem, X=problem.X.at((slice(None), free)), Y=problem.Y[:, target : target + 1])
        return solve_qr(part)

    B = design.B if design.weight is None else design.B * np.sqrt(design.weight)[:, None]
    return _combine(solve_qr(problem), R, Q[: len(B)].T @ B, on_columns)


def solve_nonnegative_moments(moments: Moments, *, fit_intercept: bool = True, penalty: float = 0.0) -> LeastSquares:
    """Minimise over ``W >= 0`` from the sums of a stream; see `solve_moments`."""
    R, targets = factor_moments(moments, fit_intercept=fit_intercept, penalty=penalty)

    def on_columns(target: int, free: Index) -> LeastSquares:
        return solve_moments(moments.on_columns(free, target), fit_intercept=fit_intercept, penalty=penalty)

    return _combine(solve_moments(moments, fit_intercept=fit_intercept, penalty=penalty), R, targets, on_columns)


def _combine(
    whole: LeastSquares, R: Array, targets: Array, on_columns: Callable[[int, Index], LeastSquares]
) -> LeastSquares:
    """Solve target by target, and keep what doesn't depend on the signs from the free solution."""
    parts = [_solve_one(whole, R, targets, k=k, on_columns=on_columns) for k in range(targets.shape[1])]
    return replace(
        whole,
        W=np.hstack([part.W for part in parts]),
        b=np.concatenate([part.b for part in parts]),
        digits=np.hstack([part.digits for part in parts]),
        residuals=replace(whole.residuals, rss=np.concatenate([part.residuals.rss for part in parts])),
        spread=None,
        method="nonnegative",
    )


def _solve_one(
    whole: LeastSquares, R: Array, targets: Array, *, k: int, on_columns: Callable[[int, Index], LeastSquares]
) -> LeastSquares:
    """Solve one target; while refinement turns a coefficient negative by rounding, leave it out too."""
    first, d = int(whole.intercept), len(whole.W)
    free = _positive_columns(R, targets[:, k], first)
    part = on_columns(k, free)
    while (part.W < 0).any():
        free = free[part.W[:, 0] > 0]
        part = on_columns(k, free)
    W, digits = np.zeros((d, 1)), np.full((first + d, 1), MAX_DIGITS)
    W[free], digits[first + free], digits[:first] = part.W, part.digits[first:], part.digits[:first]
    return replace(part, W=W, digits=digits)


def _positive_columns(R: Array, target: Array, first: int) -> Index:
    """Find the columns whose coefficients are positive; the intercept is taken out beforehand by projection."""
    if first:
        unit = R[:, :1] / np.linalg.norm(R[:, 0])
        R, target = R[:, 1:] - unit @ (unit.T @ R[:, 1:]), target - unit[:, 0] * (unit[:, 0] @ target)
    if not R.size:
        return np.zeros(0, dtype=np.intp)
    x, _ = scipy.optimize.nnls(R, target)
    return np.flatnonzero(x > 0)
