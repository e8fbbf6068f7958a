"""Columns that earlier ones give: which are kept, and which are left out, from left to right as R does it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twofold.solvers.design import Problem, build_design
from twofold.solvers.pairs import Pair
from twofold.solvers.rank import rank_factor

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class Columns:
    """Columns in order.

    Attributes
    ----------
    kept : ndarray of int
        Those that no column to their left, nor the intercept, gives.
    aliased : ndarray of int
        The others.
    """

    kept: Index
    aliased: Index


def independent_columns(X: Pair, weight: Array | None, *, intercept: bool) -> Columns:
    """Find the columns that no combination of columns before them gives.

    What is no longer than the rounding of the input is none, by the same limits as in `twofold.solvers.rank`.

    Parameters
    ----------
    X : Pair, shape (n, d)
    weight : ndarray, shape (n,), optional
    intercept : bool
        Whether there is a column of ones before them.

    Returns
    -------
    Columns

    Examples
    --------
    >>> from twofold.solvers.pairs import pair
    >>> independent_columns(pair([[1.0, 2.0, 1.0], [2.0, 4.0, 0.0], [3.0, 6.0, 5.0]]), None, intercept=False).aliased
    array([1])
    """
    n, d = X.high.shape
    design = build_design(Problem(X, np.zeros((n, 1)), weight, intercept))
    if not len(rank_factor(design).dependent):
        return Columns(np.arange(d), np.arange(0))
    A = design.weighted
    limits = 8 * max(np.sqrt(n), A.shape[1]) * np.finfo(np.float64).eps * np.maximum(design.noise, _length(A))
    basis, kept = np.zeros((n, 0)), []
    for j in range(A.shape[1]):
        rest = A[:, j]
        for _ in range(2):  # once more takes out what rounding has left
            rest = rest - basis @ (basis.T @ rest)
        if _length(rest) > limits[j]:
            kept.append(j)
            basis = np.column_stack([basis, rest / _length(rest)])
    first = int(intercept)
    chosen = np.array([j - first for j in kept if j >= first], dtype=np.intp)
    return Columns(chosen, np.setdiff1d(np.arange(d), chosen))


def _length(A: Array) -> Array:
    return np.sqrt(np.square(A).sum(axis=0))
