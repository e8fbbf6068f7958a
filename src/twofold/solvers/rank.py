"""Which columns carry information of their own: QR with column pivoting, and what the others depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from twofold.solvers.design import Design
from twofold.solvers.refinement import Factor

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class RankedFactor:
    """A pivoted QR factorisation, cut where the rest is rounding.

    Attributes
    ----------
    factor : Factor
        Of the independent columns.
    independent : ndarray of int, shape (r,)
        Columns of A in the order of the factor.
    dependent : ndarray of int, shape (p - r,)
    condition : float
        2-norm condition number of A with columns of length 1; infinite if columns depend on each other.
    """

    factor: Factor
    independent: Index
    dependent: Index
    condition: float


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
    A = design.A.high
    m, p = A.shape
    tolerance = 8 * max(np.sqrt(m), p) * np.finfo(np.float64).eps
    limits = tolerance * np.maximum(design.noise, np.sqrt(np.square(A).sum(axis=0)))  # (p,)
    candidates, dropped = np.arange(p), np.zeros(0, dtype=np.intp)
    while True:
        Q, R, order = cast(
            "tuple[Array, Array, Index]",
            scipy.linalg.qr(A[:, candidates], mode="economic", pivoting=True, check_finite=False),
        )
        pivots = candidates[order]
        left = np.abs(np.diag(R))
        independent = left > limits[pivots[: len(left)]]
        r = len(left) if independent.all() else int(np.argmin(independent))
        if not independent[r:].any():
            break
        # A column of little noise comes after one that is lost in its own: without that one, it has its say.
        candidates, dropped = np.delete(candidates, order[r]), np.append(dropped, pivots[r])
    condition = scaled_condition(R) if r == p else np.inf
    return RankedFactor(Factor(Q[:, :r], R[:r, :r]), pivots[:r], np.concatenate([pivots[r:], dropped]), condition)


def scaled_condition(R: Array) -> float:
    """Compute the 2-norm condition number of R with its columns scaled to length 1.

    That is within sqrt(p) of the least that any scaling of columns can reach (van der Sluis 1969).
    """
    if R.size == 0:
        return 1.0
    values = scipy.linalg.svdvals(R / np.sqrt(np.square(R).sum(axis=0)))
    return float(values[0] / values[-1]) if values[-1] > 0 else np.inf


def minimum_norm(K: Array, x: Array, scale: Array, ranked: RankedFactor, *, intercept: bool) -> Array:
    """Find the shortest W among all that fit equally well.

    With ``A = A_i [I K]`` (A_i the independent columns), every solution z in the user's units obeys ``M z = x`` where
    ``M = [I K] / scale``. The intercept is free: it takes no part in the length.

    Parameters
    ----------
    K : ndarray, shape (r, p - r)
        The dependent columns in terms of the independent ones.
    x : ndarray, shape (r, q)
        The solution on the independent columns.
    scale : ndarray, shape (p,)
    ranked : RankedFactor
    intercept : bool

    Returns
    -------
    ndarray, shape (p, q)
        Coefficients of the shifted features, in the user's units; the intercept first, if there is one.
    """
    p = len(scale)
    M = np.empty((len(x), p))
    M[:, ranked.independent] = np.eye(len(x))
    M[:, ranked.dependent] = K
    M /= scale
    z = np.zeros((p, x.shape[1]))
    # The intercept is the first pivot (see build_design), so its row of M is the first.
    rows = M[1:, 1:] if intercept else M
    target = x[1:] if intercept else x
    unit = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    Q, R = np.linalg.qr((rows / unit).T)
    z[int(intercept) :] = Q @ Factor(Q, R).lower(target / unit)
    if intercept:
        z[0] = (x[0] - M[0, 1:] @ z[1:]) / M[0, 0]
    return z
