"""Least squares with coefficients that must not be negative."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import NDArray

from twofold.solvers.design import Problem, build_design
from twofold.solvers.orthogonal import solve_qr
from twofold.solvers.solution import MOST_DIGITS, LeastSquares, Residuals

Array = NDArray[np.float64]


def solve_nonnegative(problem: Problem) -> LeastSquares:
    """Minimise over ``W >= 0``; b is free.

    The active-set method of Lawson and Hanson (1974, chapter 23) on the triangular factor finds which coefficients are
    0; the others are then solved for by QR and refined like any least squares.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    LeastSquares
        Of method ``"nonnegative"``, without spread: standard errors of bounded coefficients are not normal theory's.
    """
    design = build_design(problem)
    first = int(problem.intercept)
    q, d = problem.Y.shape[1], problem.X.high.shape[1]
    Q, R = np.linalg.qr(design.A.high)
    target = Q.T @ design.B.high  # (min(m, p), q)
    solved = []
    for k in range(q):
        free = _positive_columns(R, target[:, k], first) if d else np.zeros(0, dtype=np.intp)
        solved.append(_on_columns(replace(problem, Y=problem.Y[:, k : k + 1]), free, d))
    whole = solve_qr(problem)
    return replace(
        whole,
        W=np.hstack([s.W for s in solved]),
        b=np.concatenate([s.b for s in solved]),
        digits=np.hstack([s.digits for s in solved]),
        residuals=replace(whole.residuals, rss=np.concatenate([s.residuals.rss for s in solved])),
        spread=None,
        method="nonnegative",
    )


def _positive_columns(R: Array, target: Array, first: int) -> NDArray[np.intp]:
    """Find the columns whose coefficients are positive; the intercept is taken out beforehand by projection."""
    if first:
        unit = R[:, :1] / np.linalg.norm(R[:, 0])
        R, target = R[:, 1:] - unit @ (unit.T @ R[:, 1:]), target - unit[:, 0] * (unit[:, 0] @ target)
    x, _ = scipy.optimize.nnls(R, target)
    return np.flatnonzero(x > 0)


def _on_columns(problem: Problem, free: NDArray[np.intp], d: int) -> LeastSquares:
    """Solve on some columns; while refinement turns a coefficient negative by rounding, leave it out too."""
    while True:
        part = solve_qr(replace(problem, X=problem.X.at((slice(None), free))))
        if (part.W >= 0).all():
            break
        free = free[part.W[:, 0] > 0]
    W, digits = np.zeros((d, 1)), np.full((d, 1), MOST_DIGITS)
    W[free] = part.W
    first = int(problem.intercept)
    digits[free] = part.digits[first:]
    return replace(part, W=W, digits=np.vstack([part.digits[:first], digits]))
