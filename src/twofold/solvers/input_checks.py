"""What comes into the solvers is checked here, once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, SpecificationError
from twofold.solvers.design import Problem
from twofold.solvers.pairs import Pair, pair

Array = NDArray[np.float64]
BLOCK = 1 << 20  # numbers looked at together


def check_problem(
    X: ArrayLike | Pair,
    Y: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    intercept: bool,
    penalty: float,
    weightless: bool = False,
) -> Problem:
    """Bring the arguments to float64 arrays that fit each other; X is not yet searched for what is not finite.

    Parameters
    ----------
    X : array or Pair, shape (n, d)
    Y : array, shape (n, q)
    sample_weight : array, shape (n,), optional
    intercept : bool
    penalty : float
    weightless : bool
        Whether every weight may be 0, as in a block of many.

    Returns
    -------
    Problem

    Raises
    ------
    DataError
        If shapes don't fit, there are no samples, or a target or weight is not finite.
    SpecificationError
        If the penalty is negative or not finite.
    """
    if not np.isfinite(penalty) or penalty < 0:
        raise SpecificationError(f"penalty is {penalty}; it must be a finite number of at least 0")
    features = _checked_pair(X) if isinstance(X, Pair) else Pair(_table("X", X, "d"), _NOTHING)
    targets = _table("Y", Y, "q")
    n = len(features.high)
    if n == 0:
        raise DataError("X has no samples; give at least one row")
    if len(targets) != n:
        raise DataError(f"X has {n} samples and Y has {len(targets)}; they must be as many")
    check_finite("Y", targets)
    weight = check_weights(sample_weight, n, weightless=weightless)
    return Problem(features, targets, weight, bool(intercept), float(penalty))


_NOTHING = np.zeros((0, 0))


def full_pair(X: Pair) -> Pair:
    """Give a plain table the low part of zeros that pair arithmetic reads."""
    return pair(X.high) if X.low is _NOTHING else X


def positive_rows(problem: Problem) -> Problem:
    """Leave out samples of weight 0, which could otherwise set the units that all others are computed in."""
    if problem.weight is None or problem.weight.all():
        return problem
    rows = problem.weight > 0
    X = Pair(problem.X.high[rows], _NOTHING if is_plain(problem.X) else problem.X.low[rows])
    return replace(problem, X=X, Y=problem.Y[rows], weight=problem.weight[rows])


def is_plain(X: Pair) -> bool:
    """Tell whether X has no low part."""
    return X.low is _NOTHING


def check_finite(name: str, table: Array) -> None:
    """Raise `DataError` with the place of the first number that is not finite."""
    size = max(1, BLOCK // max(1, table.shape[1]))
    for start in range(0, len(table), size):
        wrong = ~np.isfinite(table[start : start + size])
        if wrong.any():
            row, column = (int(i) for i in np.argwhere(wrong)[0])
            value = "NaN" if np.isnan(table[start + row, column]) else "infinity, inf"
            raise DataError(f"{name}[{start + row}, {column}] is {value}; expected a finite number: drop or fill it")


def _table(name: str, values: ArrayLike, width: str) -> Array:
    try:
        table = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name} is no table: {error}; expected rows of equal length") from error
    if np.ma.is_masked(values):
        raise DataError(f"{name} has masked numbers; fill them, or drop their rows")
    if table.ndim != 2:
        hint = f"; write {name.lower()}[:, None]" if table.ndim == 1 and name == "Y" else ""
        raise DataError(f"{name} has shape {table.shape}; expected a table, (n, {width}){hint}")
    if table.dtype.kind not in "iubf":
        raise DataError(f"{name} has dtype {table.dtype}; expected real numbers")
    return np.asarray(table, dtype=np.float64)


def _checked_pair(X: Pair) -> Pair:
    high, low = _table("X", X.high, "d"), _table("X.low", X.low, "d")
    if high.shape != low.shape:
        raise DataError(f"X is a Pair of shapes {high.shape} and {low.shape}; they must be the same")
    check_finite("X.low", low)
    return Pair(high, low)


def check_weights(sample_weight: ArrayLike | None, n: int, *, weightless: bool = False) -> Array | None:
    """Bring weights to float64.

    Parameters
    ----------
    sample_weight : array, shape (n,), optional
    n : int
    weightless : bool
        Whether all may be 0.

    Returns
    -------
    ndarray, shape (n,), or None

    Raises
    ------
    DataError
        If they are not as many, or one is negative or not finite, or all are 0.
    """
    if sample_weight is None:
        return None
    try:
        weight = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"sample_weight holds something that is no real number: {error}") from error
    if weight.shape != (n,):
        raise DataError(f"sample_weight has shape {weight.shape}; X has {n} samples, so it must be ({n},)")
    check_finite("sample_weight", weight[:, None])
    if (negative := np.flatnonzero(weight < 0)).size:
        raise DataError(f"sample_weight[{negative[0]}] is {weight[negative[0]]}; weights are not negative")
    with np.errstate(over="ignore"):
        total = weight.sum()
    if not np.isfinite(total):
        raise DataError("the weights' sum leaves the range of doubles; divide them all by a number")
    if not weightless and not weight.any():
        raise DataError("every sample_weight is zero; at least one must be positive")
    return weight
