"""Ridge regression along a path of penalties, with the leave-one-out error of each in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import SpecificationError
from twofold.solvers.input_checks import check_finite, check_problem, full_pair, positive_rows
from twofold.solvers.leave_one_out import leave_one_out
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

    The error of predicting sample i without it is ``e_i / (1 - h_i)``, e the residuals and h the leverages of all
    samples together, both computed as accurately as coefficients are: see `twofold.solvers.leave_one_out`.

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
    errors = leave_one_out(problem, values)
    least = np.flatnonzero(errors <= errors.min())
    best = float(values[least].max())
    return RidgePath(values, errors, solve_qr(replace(problem, penalty=best)))
