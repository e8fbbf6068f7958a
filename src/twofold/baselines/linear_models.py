"""The linear model that a network is held against: ridge regression of numbers, softmax regression of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Linear = tuple[Array, Array]  # W (d, q) and b (q,)

PENALTIES = (1.0, 10.0, 100.0)  # of the sum of squared errors, or of log losses, over the rows; features are scaled
MAX_ITERATIONS = 100
TOLERANCE = 1e-4  # of the mean log loss's gradient: more digits change no score


def fit_linear(
    X: Array, y: Array, weight: Array | None = None, *, classes: int = 0, penalties: Sequence[float] = PENALTIES
) -> list[Linear]:
    """Fit a linear model with an L2 penalty on the weights, for each of several penalties.

    Parameters
    ----------
    X : ndarray, shape (n, d)
    y : ndarray
        Class indices (n,), or numbers (n, q).
    weight : ndarray, shape (n,), optional
        Sample weights.
    classes : int
        Number of classes; 0 for numbers.
    penalties : sequence of float
        Each positive.

    Returns
    -------
    list of (W, b)
        Of float64, shapes (d, q) and (q,), one for each penalty.

    Examples
    --------
    >>> X = np.array([[-1.0], [0.0], [1.0]])
    >>> [(W, b)] = fit_linear(X, 2 * X + 1, penalties=[1e-9])
    >>> W.round(6).tolist(), b.round(6).tolist()
    ([[2.0]], [1.0])
    """
    shares = np.full(len(X), 1 / len(X)) if weight is None else weight / weight.sum()
    over_rows = [penalty / len(X) for penalty in penalties]
    return _softmax(X, y, shares, penalties=over_rows, classes=classes) if classes else _ridge(X, y, shares, over_rows)


def _ridge(X: Array, Y: Array, shares: Array, penalties: Sequence[float]) -> list[Linear]:
    """Solve ``(X^T S X + penalty I) W = X^T S Y``, X and Y centred, by the eigenvalues of ``X^T S X``."""
    x_mean, y_mean = shares @ X, shares @ Y
    A = (X - x_mean) * np.sqrt(shares)[:, None]  # (n, d)
    B = (Y - y_mean) * np.sqrt(shares)[:, None]  # (n, q)
    values, V = np.linalg.eigh(A.T @ A)
    right = V.T @ (A.T @ B)  # (d, q)
    weights = [V @ (right / (np.maximum(values, 0) + penalty)[:, None]) for penalty in penalties]
    return [(W, y_mean - x_mean @ W) for W in weights]


def _softmax(X: Array, y: Array, shares: Array, *, penalties: Sequence[float], classes: int) -> list[Linear]:
    """Minimise the cross entropy by L-BFGS, from the strongest penalty on, each from the last one's minimum."""
    from twofold.solvers.softmax import SoftmaxProblem
    from twofold.solvers.softmax_regression import minimize_lbfgs

    found: dict[float, Linear] = {}
    start: Array | None = None
    for penalty in sorted(penalties, reverse=True):
        problem = SoftmaxProblem(X, y, classes=classes, shares=shares, penalty=penalty, fit_intercept=True)
        start = np.zeros(problem.shape) if start is None else start
        start = minimize_lbfgs(problem, start, tol=TOLERANCE, max_iter=MAX_ITERATIONS).theta
        theta = np.vstack([-start / 2, start / 2]) if classes == 2 else start
        found[penalty] = theta[:, :-1].T, theta[:, -1]
    return [found[penalty] for penalty in penalties]
