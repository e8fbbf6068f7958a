"""Changes of variables in which softmax regression is nearly round, so that a few iterations find its minimum.

The Hessian of the cross entropy is ``sum_i s_i (diag(p_i) - p_i p_i^T) (x) x_i x_i^T``. Wherever one is,
``diag(p) - p p^T <= I / 2`` (Boehning 1992, doi:10.1007/BF00048682), for two classes 1 / 4: one matrix for all classes,
known before the first step. Near the minimum its diagonal blocks, ``sum_i s_i p_ij (1 - p_ij) x_i x_i^T``, are closer.
Either is estimated from a part of the samples, factored once as L L^T, and used for many iterations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from twofold.randomness import Purpose, stream
from twofold.solvers.softmax import SoftmaxProblem

Array = NDArray[Any]
Map = Callable[[Array], Array]

ROWS_PER_COLUMN = (1, 4)  # samples that a block is estimated from, at least and at most
PART = 20  # and one in so many of all: beyond, a block costs more iterations than it saves
MAX_COLUMNS = 4000  # beyond, only the diagonal is used
MAX_NUMBERS = 3 * 10**7  # of all classes' blocks together; beyond, one matrix serves all
RIDGE = 1e-7  # of the diagonal: makes columns that depend on each other harmless


class Preconditioner:
    """A change of variables ``v = theta L``, class by class.

    Parameters
    ----------
    factors : list of ndarray
        L of each class, lower triangular (k, k), or its diagonal (k,); a single one serves all.
    """

    def __init__(self, factors: list[Array]) -> None:
        self._factors = factors

    def to_variables(self, theta: Array) -> Array:
        """Return ``L^T theta_j`` for each class j."""
        return self._apply(theta, lambda L, t: L * t if L.ndim == 1 else t @ L)

    def to_parameters(self, v: Array) -> Array:
        """Undo `to_variables`."""
        return self._apply(v, lambda L, t: t / L if L.ndim == 1 else _solve(L, t, transposed=True))

    def to_gradient(self, gradient: Array) -> Array:
        """Turn the gradient of the parameters into that of the variables."""
        return self._apply(gradient, lambda L, t: t / L if L.ndim == 1 else _solve(L, t, transposed=False))

    def inverse(self, gradient: Array) -> Array:
        """Multiply by the inverse of the matrix that was factored."""
        return self.to_parameters(self.to_gradient(gradient))

    def _apply(self, values: Array, function: Callable[[Array, Array], Array]) -> Array:
        if len(self._factors) == 1:
            return function(self._factors[0], values)
        return np.vstack([function(L, row[None]) for L, row in zip(self._factors, values, strict=True)])


def _solve(L: Array, rows: Array, *, transposed: bool) -> Array:
    solved: Array = solve_triangular(L, rows.T, lower=True, trans="T" if transposed else "N", check_finite=False)
    return solved.T


def bound(problem: SoftmaxProblem) -> Preconditioner:
    """Factor Boehning's bound, right wherever one starts."""
    rows = _some_rows(problem, ROWS_PER_COLUMN[1] * problem.d)
    factor = 0.25 if problem.rows == 1 else 0.5
    return Preconditioner([_factor(problem, problem.X[rows], rows, np.full(len(rows), factor))])


def blocks(problem: SoftmaxProblem, theta: Array) -> Preconditioner:
    """Factor the Hessian's diagonal blocks at theta; where they would be too large, their mean."""
    least, most = (k * problem.d for k in ROWS_PER_COLUMN)
    rows = _some_rows(problem, min(max(problem.n // PART, least), most))
    P = problem.probabilities(theta, rows)
    weights = P * (1 - P)
    mean = np.average(weights, axis=1, weights=None if problem.shares is None else problem.shares[rows])
    weights += 1e-3 * mean[:, None]  # a class that is nowhere in doubt keeps a curvature
    if problem.d > MAX_COLUMNS or problem.rows * problem.d**2 > MAX_NUMBERS:
        weights = weights.mean(axis=0, keepdims=True)
    X = problem.X[rows]
    return Preconditioner([_factor(problem, X, rows, weight) for weight in weights])


def _some_rows(problem: SoftmaxProblem, rows: int) -> Array:
    """Choose rows at random, the same each time; all if there are few."""
    if problem.n <= max(1000, rows):
        return np.arange(problem.n)
    return np.sort(stream(0, Purpose.DIRECTION, problem.n).permutation(problem.n)[: max(1000, rows)])


def _factor(problem: SoftmaxProblem, X: Any, rows: Array, weights: Array) -> Array:
    """Factor ``sum_i s_i w_i x_i x_i^T + penalty I`` over the rows X, scaled up to all; its diagonal if it is large."""
    shares = np.full(len(rows), 1 / len(rows)) if problem.shares is None else problem.shares[rows].astype(np.float64)
    total = shares.sum()
    w = weights * (shares / total if total > 0 else 1 / len(rows))
    k = problem.shape[1]
    penalty = np.full(k, problem.penalty)
    penalty[problem.d :] = 0.0
    if problem.d > MAX_COLUMNS:
        squares = X.multiply(X) if hasattr(X, "indptr") else np.square(X)
        diagonal = np.append(np.asarray(squares.T @ w).ravel(), [w.sum()] * problem.fit_intercept) + penalty
        return np.sqrt(diagonal + RIDGE * diagonal.max() + np.finfo(float).tiny)
    X = X.toarray() if hasattr(X, "indptr") else X
    Z = np.hstack([X, np.ones((len(X), int(problem.fit_intercept)), dtype=X.dtype)])
    Z *= np.sqrt(w)[:, None].astype(X.dtype)
    # Each column in a unit of its own, so that squares are numbers and small columns are no worse off than large ones.
    unit = np.maximum(np.abs(Z).max(axis=0).astype(np.float64), np.sqrt(penalty))
    unit = np.where(unit > 0, unit, 1.0)
    Z = (Z / unit).astype(X.dtype)
    A = (Z.T @ Z).astype(np.float64)
    A[np.diag_indices(k)] += penalty / unit / unit
    scale = np.sqrt(np.where(np.diag(A) > 0, np.diag(A), 1.0))
    A /= np.outer(scale, scale)
    A[np.diag_indices(k)] += RIDGE if X.dtype == np.float64 else 1e-5
    return np.linalg.cholesky(A) * (scale * unit)[:, None]
