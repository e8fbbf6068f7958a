"""Triangular factors in doubles, which solve normal equations to the digits that a correction needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Triangle:
    """A factor ``M[order][:, order] = R' R`` in doubles.

    Attributes
    ----------
    R : ndarray, shape (p, p)
        Upper triangular, non-singular.
    order : ndarray of int, shape (p,)
    """

    R: Array
    order: NDArray[np.intp]

    @cached_property
    def inverse(self) -> Array:
        """About a root of M's inverse: T with ``T T' = M^-1``, (p, p)."""
        T = np.eye(len(self.R))
        T[self.order] = scipy.linalg.solve_triangular(self.R, T, check_finite=False) if self.R.size else T
        return T

    def seminormal(self, B: Array) -> Array:
        """Solve ``M x = B``."""
        return self.inverse @ (self.inverse.T @ B)

    @cached_property
    def condition(self) -> float:
        """The 2-norm condition number of R with its columns scaled to length 1.

        That is within sqrt(p) of the least that any scaling of columns can reach (van der Sluis 1969).
        """
        return scaled_condition(self.R)


def scaled_condition(R: Array) -> float:
    """Compute the 2-norm condition number of a matrix with its columns scaled to length 1."""
    if R.size == 0:
        return 1.0
    values = scipy.linalg.svdvals(R / np.sqrt(np.square(R).sum(axis=0)))
    return float(values[0] / values[-1]) if values[-1] > 0 else np.inf
