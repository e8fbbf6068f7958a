"""Which columns carry information of their own: QR with column pivoting, and what the others depend on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from twofold.solvers.design import Design
from twofold.solvers.triangle import Triangle, scaled_condition

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class RankedFactor:
    """A pivoted QR factorisation, cut where the rest is rounding.

    Attributes
    ----------
    R : ndarray, shape (r, r)
        Upper triangular, of the independent columns.
    independent : ndarray of int, shape (r,)
        Columns of A in the order of the factor.
    dependent : ndarray of int, shape (p - r,)
    condition : float
        2-norm condition number of the (centred) columns scaled to length 1; infinite if columns depend on each other.
    """

    R: Array
    independent: Index
    dependent: Index
    condition: float

    @cached_property
    def triangle(self) -> Triangle:
        """The factor of ``A'A`` on the independent columns, numbered from 0."""
        return Triangle(self.R, np.arange(len(self.R)))


def rank_factor(design: Design) -> RankedFactor:
    """Factor A by Householder reflections with column pivoting, and find its rank.

    A column is dependent if what is left of it, once the columns before it are taken out, is no longer than the
    rounding of the input can make: ``8 max(sqrt(m), p) eps`` times its length before it was shifted. (A column
    1e9 + small integers has a rank of its own in exact arithmetic only if those integers exceed that rounding.)

    Parameters
    ----------
    design : Design

    Returns
    -------
    RankedFactor

    References
    ----------
    Businger, Golub, "Linear least squares solutions by Householder transformations", Numer. Math. 7, 1965.
    """
    A = design.augmented
    m, p = A.shape
    tolerance = 8 * max(np.sqrt(m), p) * np.finfo(np.float64).eps
    limits = tolerance * np.maximum(design.noise, np.sqrt(np.square(A).sum(axis=0)))  # (p,)
    candidates, dropped = np.arange(p), np.zeros(0, dtype=np.intp)
    while True:
        R, order = cast(
            "tuple[Array, Index]",
            scipy.linalg.qr(A[:, candidates], mode="r", pivoting=True, check_finite=False),
        )
        R = R[: len(order)]
        pivots = candidates[order]
        left = np.abs(np.diag(R))
        independent = left > limits[pivots[: len(left)]]
        r = len(left) if independent.all() else int(np.argmin(independent))
        if not independent[r:].any():
            break
        # A column of little noise comes after one that is lost in its own: without that one, it has its say.
        candidates, dropped = np.delete(candidates, order[r]), np.append(dropped, pivots[r])
    first = int(design.intercept)  # the first pivot, so that what is below it is of the centred columns
    condition = scaled_condition(R[first:, first:]) if r == p else np.inf
    return RankedFactor(R[:r, :r], pivots[:r], np.concatenate([pivots[r:], dropped]), condition)
