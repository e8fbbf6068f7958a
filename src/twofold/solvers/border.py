"""What comes into the solvers is checked here, once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, SpecificationError
from twofold.solvers.design import Problem
from twofold.solvers.pairs import Pair, pair

Array = NDArray[np.float64]
BLOCK = 1 << 20  # numbers looked at together


def check_problem(
    X: ArrayLike | Pair, Y: ArrayLike, sample_weight: ArrayLike | None, *, intercept: bool, penalty: float
) -> Problem:
    """Bring the arguments to float64 arrays that fit each other; X is not yet searched for what is not finite.

    Parameters
    ----------
    X : array or Pair, shape (n, d)
    Y : array, shape (n, q)
    sample_weight : array, shape (n,), optional
    intercept : bool
    penalty : float

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
    features = X if isinstance(X, Pair) else Pair(_table("X", X, "d"), _NOTHING)
    targets = _table("Y", Y, "q")
    n = len(features.high)
    if n == 0:
        raise DataError("X has no samples; give at least one row")
    if len(targets) != n:
        raise DataError(f"X has {n} samples and Y has {len(targets)}; they must be as many")
    check_finite("Y", targets)
    return Problem(features, targets, _weights(sample_weight, n), bool(intercept), float(penalty))


_NOTHING = np.zeros((0, 0))


def full_pair(X: Pair) -> Pair:
    """Give a plain table the low part of zeros that pair arithmetic reads."""
    return pair(X.high) if X.low is _NOTHING else X


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
    table = np.asarray(values)
    if table.ndim != 2:
        hint = f"; write {name.lower()}[:, None]" if table.ndim == 1 and name == "Y" else ""
        raise DataError(f"{name} has shape {table.shape}; expected a table, (n, {width}){hint}")
    if table.dtype.kind not in "iubf":
        raise DataError(f"{name} has dtype {table.dtype}; expected real numbers")
    return np.asarray(table, dtype=np.float64)


def _weights(sample_weight: ArrayLike | None, n: int) -> Array | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n,):
        raise DataError(f"sample_weight has shape {weight.shape}; X has {n} samples, so it must be ({n},)")
    check_finite("sample_weight", weight[:, None])
    if (negative := np.flatnonzero(weight < 0)).size:
        raise DataError(f"sample_weight[{negative[0]}] is {weight[negative[0]]}; weights are not negative")
    if not weight.any():
        raise DataError("every sample_weight is zero; at least one must be positive")
    return weight
