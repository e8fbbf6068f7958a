"""What each sample does to a least-squares solution, and how well the others predict it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twofold.solvers.inference import (
    check_samples,
    check_target,
    goodness,
    left_of_1,
    leverage_rows,
    row_squares,
    spread_of,
    weighted_residuals,
)
from twofold.solvers.solution import LeastSquares

Array = NDArray[np.float64]
MAX_LEFT_OUT = 100_000  # samples up to which each is predicted without it; of more, one more or less changes nothing


@dataclass(frozen=True)
class Influence:
    """What each sample does to the fit; of the weighted rows, as statsmodels has it.

    Where the leverage is 1, nothing is left to judge a sample by: the last three are NaN.

    Attributes
    ----------
    residual : ndarray, shape (n,)
        ``sqrt(w) (y - y_hat)``.
    leverage : ndarray, shape (n,)
        h: how far y_hat follows its own y, from 0 to 1.
    studentized : ndarray, shape (n,)
        Residual over its standard error, with sigma of all samples (internal).
    studentized_external : ndarray, shape (n,)
        With sigma of all other samples: follows Student's t with df - 1.
    cook : ndarray, shape (n,)
        Cook's distance.
    """

    residual: Array
    leverage: Array
    studentized: Array
    studentized_external: Array
    cook: Array


def influence(
    solution: LeastSquares,
    X: Array,
    Y: Array,
    weight: Array | None = None,
    *,
    target: int = 0,
    sigma: float | None = None,
) -> Influence:
    """Compute leverage, studentised residuals and Cook's distance of the samples that were fitted.

    Parameters
    ----------
    solution : LeastSquares
    X, Y : ndarray, shapes (n, d) and (n, q)
    weight : ndarray, shape (n,), optional
    target : int
    sigma : float, optional
        The noise's standard deviation where it is known, as of counts; no sample then does anything to it.

    Returns
    -------
    Influence

    Raises
    ------
    DataError
        If there are other samples or weights than were fitted.

    References
    ----------
    Cook, "Detection of influential observations in linear regression", Technometrics 19, 1977.
    """
    fit = goodness(solution, target)
    check_samples(solution, X, weight)
    leverage = row_squares(leverage_rows(solution, X, weight))
    e, h = weighted_residuals(solution, X, Y, weight)[:, target], leverage.high
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = left_of_1(spread_of(solution), leverage)
        t = e / ((fit.sigma if sigma is None else sigma) * np.sqrt(rest))
        external = t * np.sqrt((fit.df - 1) / (fit.df - t**2)) if sigma is None else t
        return Influence(e, h, t, external, t**2 * h / rest / fit.parameters)


@dataclass(frozen=True)
class LeftOut:
    """How well each sample is predicted by the fit to all others: what to expect of new ones.

    Attributes
    ----------
    r2, rmse : float
        ``1 - sum_i w_i (e_i / (1 - h_i))^2 / tss``, also called predicted R2, and the error itself, in the target's
        unit; NaN where no sample is left.
    alone : int
        Samples that are in neither, since each determines a coefficient alone: the others say nothing of it.
    """

    r2: float
    rmse: float
    alone: int


def left_out_scores(
    solution: LeastSquares, X: Array, Y: Array, weight: Array | None = None, *, target: int = 0
) -> LeftOut:
    """Score the prediction of each sample without it, in closed form.

    Parameters
    ----------
    solution : LeastSquares
    X, Y : ndarray, shapes (n, d) and (n, q)
        The samples that were fitted.
    weight : ndarray, shape (n,), optional
    target : int

    Returns
    -------
    LeftOut

    Raises
    ------
    SpecificationError
        If the solution has no leverages: penalised, non-negative, dependent columns.
    DataError
        If there are other samples or weights than were fitted.

    References
    ----------
    Allen, "The relationship between variable selection and data augmentation and a method for prediction",
    Technometrics 16, 1974.

    Examples
    --------
    >>> from twofold import solve_least_squares
    >>> X, Y = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([[2.0], [3.0], [5.0], [5.0]])
    >>> left_out_scores(solve_least_squares(X, Y), X, Y).r2.__round__(4)
    0.5599
    """
    check_target(solution, target)
    check_samples(solution, X, weight)
    rest = left_of_1(spread_of(solution), row_squares(leverage_rows(solution, X, weight)))
    kept = ~np.isnan(rest)
    share = (np.ones(len(X)) if weight is None else weight)[kept]
    if not share.sum():
        return LeftOut(np.nan, np.nan, len(X))
    y = Y[kept, target]
    errors = weighted_residuals(solution, X, Y, weight)[kept, target] / rest[kept]
    total = float(share @ np.square(y - (np.average(y, weights=share) if solution.intercept else 0.0)))
    press = float(errors @ errors)
    r2 = 1 - press / total if total else np.nan
    return LeftOut(r2, float(np.sqrt(press / share.sum())), int((~kept).sum()))
