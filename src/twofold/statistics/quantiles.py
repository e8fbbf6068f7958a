"""Quantile regression, exactly: a linear program finds the samples that the fit goes through, and these give it.

The minimiser of ``sum_i w_i rho(y_i - x_i beta)`` with ``rho(r) = tau r`` above 0 and ``(tau - 1) r`` below goes
through as many samples as there are coefficients (Koenker and Bassett 1978). HiGHS solves the dual, whose variables lie
strictly between their bounds at just these samples; their equations are then solved to the last digit, and multipliers
computed anew from them prove that the fit is the minimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, NotConvergedError, SpecificationError
from twofold.functions.losses import LOSSES
from twofold.solvers import pairs
from twofold.solvers.aliasing import independent_columns
from twofold.solvers.input_checks import check_finite, check_problem
from twofold.statistics.generalized_linear import exact_step
from twofold.values import count

Array = NDArray[np.float64]
MIN_INSIDE = 1e-7  # from its bounds: a variable that is strictly between
MAX_SLACK = 1e-9  # beyond its bounds: rounding
MAX_TIE = 1e-12  # of the largest residual: one that is 0 but for rounding


@dataclass(frozen=True)
class QuantileSolution:
    """The minimum of the quantile loss.

    Attributes
    ----------
    coefficients : ndarray, shape (p,)
        The intercept first, if there is one.
    digits : ndarray, shape (p,)
        Estimate of the correct decimal digits of each coefficient.
    through : ndarray of int
        Samples that the fit goes through, as many as coefficients.
    unique : bool
        Whether it is the only minimum for sure.
    loss : float
        Mean loss, of weight: ``twofold.functions.LOSSES["quantile:tau"]``.
    """

    coefficients: Array
    digits: Array
    through: NDArray[np.intp]
    unique: bool
    loss: float

    def __repr__(self) -> str:
        return f"<QuantileSolution: {count(len(self.digits), 'coefficient')}, loss {self.loss:.6g}>"


def solve_quantile(
    X: ArrayLike,
    y: ArrayLike,
    quantile: float = 0.5,
    *,
    sample_weight: ArrayLike | None = None,
    fit_intercept: bool = True,
) -> QuantileSolution:
    """Fit a quantile of y as a linear function.

    Parameters
    ----------
    X : array, shape (n, d)
        Finite numbers; columns must not depend on each other.
    y : array, shape (n,)
    quantile : float
        tau, between 0 and 1: 0.5 is the median.
    sample_weight : array, shape (n,), optional
        Non-negative.
    fit_intercept : bool

    Returns
    -------
    QuantileSolution

    Raises
    ------
    DataError
        If shapes don't fit, a number is not finite, columns depend on each other, or there are fewer samples than
        coefficients.
    SpecificationError
        If the quantile is not between 0 and 1.
    NotConvergedError
        If the linear program can't be solved to the digits that prove the minimum.

    References
    ----------
    Koenker, Bassett, "Regression quantiles", Econometrica 46, 1978. Koenker, "Quantile Regression", Cambridge 2005.

    Examples
    --------
    >>> fit = solve_quantile([[1.0], [2.0], [3.0], [4.0], [5.0]], [3.0, 2.0, 4.0, 5.5, 100.0])
    >>> fit.coefficients, fit.through  # through the samples of index 2 and 3
    (array([-0.5,  1.5]), array([2, 3]))
    """
    tau = float(quantile)
    if not 0 < tau < 1:
        raise SpecificationError(f"quantile is {quantile}; it must lie between 0 and 1, such as 0.5")
    target = np.asarray(y, dtype=np.float64)
    if target.ndim != 1:
        raise DataError(f"y has shape {target.shape}; expected one target, (n,)")
    problem = check_problem(X, target[:, None], sample_weight, intercept=fit_intercept, penalty=0.0)
    check_finite("X", problem.X.high)
    weight = np.ones(len(target)) if problem.weight is None else problem.weight
    rows = np.flatnonzero(weight > 0)
    features, target, weight = problem.X.high[rows], target[rows], weight[rows]
    aliased = independent_columns(pairs.pair(features), None, intercept=fit_intercept).aliased
    A = np.column_stack([np.ones((len(target), int(fit_intercept))), features])
    if len(aliased) or A.shape[1] > len(A):
        raise DataError(f"columns {aliased.tolist()} depend on earlier ones or outnumber the samples; leave them out")
    dual, beta = _linear_program(A, target, tau, weight)
    through = _through(A, np.abs(target - A @ beta), (dual > MIN_INSIDE) & (dual < 1 - MIN_INSIDE))
    solved = exact_step(pairs.pair(features[through]), target[through, None], None, intercept=bool(fit_intercept))
    beta = np.concatenate([solved.b[: int(fit_intercept)], solved.W[:, 0]])
    residuals = target - A @ beta
    residuals[through] = 0.0
    own, ties = _multipliers(A, residuals, dual, tau=tau, weight=weight, through=through)
    if (own < -MAX_SLACK).any() or (own > 1 + MAX_SLACK).any():
        raise NotConvergedError("the linear program's solution is not the minimum: rescale the columns to like sizes")
    losses, _ = LOSSES[f"quantile:{tau}"].samples(-residuals[:, None], np.zeros((len(A), 1)))
    unique = not ties and bool((own > MAX_SLACK).all() and (own < 1 - MAX_SLACK).all())
    loss = float(weight @ losses) / float(weight.sum())
    return QuantileSolution(beta, solved.digits[:, 0], rows[through], unique, loss)


def _linear_program(A: Array, y: Array, tau: float, weight: Array) -> tuple[Array, Array]:
    """Maximise ``sum_i w_i y_i a_i`` with ``sum_i w_i x_i (a_i - (1 - tau)) = 0``, a within 0 and 1; return a, beta.

    The multipliers of the equations are the coefficients.
    """
    unit, height = np.abs(A).max(axis=0), float(np.abs(y).max(initial=0.0)) or 1.0
    W = (A / unit) * weight[:, None]
    found = scipy.optimize.linprog(
        -weight * (y / height), A_eq=W.T, b_eq=(1 - tau) * W.sum(axis=0), bounds=(0.0, 1.0), method="highs-ds"
    )
    if found.x is None:
        raise NotConvergedError(f"the linear program has no solution: {found.message}")
    return np.clip(found.x, 0.0, 1.0), -found.eqlin.marginals * height / unit


def _through(A: Array, distance: Array, inside: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Choose as many independent samples as coefficients: those strictly inside, then those nearest to the fit."""
    order = np.lexsort((distance, ~inside))
    scaled = A / np.abs(A).max(axis=0)
    basis = np.zeros((0, A.shape[1]))
    chosen = []
    for i in order:
        rest = scaled[i]
        for _ in range(2):
            rest = rest - (basis @ rest) @ basis
        length = float(np.sqrt(rest @ rest))
        if length > 1e-12 * float(np.sqrt(scaled[i] @ scaled[i])):
            chosen.append(int(i))
            basis = np.vstack([basis, rest / length])
        if len(chosen) == A.shape[1]:
            break
    return np.sort(np.array(chosen, dtype=np.intp))


def _multipliers(
    A: Array, residuals: Array, dual: Array, *, tau: float, weight: Array, through: NDArray[np.intp]
) -> tuple[Array, bool]:
    """Return the dual variables of the samples that the fit goes through, and whether others lie on it too.

    The others' are 1 above the fit and 0 below, so that the equations leave no choice; the fit is the minimum if theirs
    are within 0 and 1, and the only one if strictly.
    """
    a = np.where(residuals > 0, 1.0, 0.0)
    tied = np.abs(residuals) <= MAX_TIE * np.abs(residuals).max(initial=0.0)
    tied[through] = False
    a[tied] = dual[tied]
    a[through] = 0.0
    scaled = A / np.abs(A).max(axis=0) * weight[:, None]
    right = (1 - tau) * scaled.sum(axis=0) - a @ scaled
    return np.linalg.solve(scaled[through].T, right), bool(tied.any())
