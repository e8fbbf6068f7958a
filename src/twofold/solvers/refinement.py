"""Iterative refinement of least squares: as many digits as doubles hold, from a factorisation made in doubles.

Residuals r and unknowns x solve one square system, the augmented system::

    [ I   A ] [ r ]   [ B ]
    [ A'  0 ] [ x ] = [ G ]

With G = 0 it is least squares, min |A x - B|. With B = 0 and G = -t it gives x = (A'A)^-1 t and, in r = -A x, its
length: |r|^2 = t' (A'A)^-1 t is the variance of t'x. Both right-hand sides are computed from the data in pairs of
doubles, the correction by Householder's Q and R in doubles. Each round shrinks the error by a factor of about
cond(A) * eps, not cond(A)^2 * eps as refining the normal equations would.

References
----------
Björck, "Iterative refinement of linear least squares solutions I", BIT 7, 1967.
Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2002, section 20.5.
Demmel, Hida, Riedy, Li, "Extra-precise iterative refinement for overdetermined least squares problems",
ACM Trans. Math. Softw. 35, 2009.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.pairs import Pair

Array = NDArray[np.float64]
ROUNDS = 40
SETTLED = 2.0**-60  # a correction this small changes no bit of a double


@dataclass(frozen=True)
class Factor:
    """A full-rank factorisation ``A = Q R`` in doubles.

    Attributes
    ----------
    Q : ndarray, shape (m, p)
        Orthonormal columns.
    R : ndarray, shape (p, p)
        Upper triangular, non-singular.
    """

    Q: Array
    R: Array

    def lower(self, G: Array) -> Array:
        """Solve ``R' h = G``."""
        return scipy.linalg.solve_triangular(self.R, G, trans="T", check_finite=False) if self.R.size else G

    def upper(self, H: Array) -> Array:
        """Solve ``R x = H``."""
        return scipy.linalg.solve_triangular(self.R, H, check_finite=False) if self.R.size else H


@dataclass(frozen=True)
class Refined:
    """The solution of the augmented system.

    Attributes
    ----------
    x : Pair, shape (p, k)
    r : Pair, shape (m, k)
    error : ndarray, shape (p, k)
        Estimate of the absolute error left in x.
    """

    x: Pair
    r: Pair
    error: Array


def refine(A: Pair, B: Pair, G: Array, factor: Factor) -> Refined:
    """Solve the augmented system until the corrections stop shrinking.

    Parameters
    ----------
    A : Pair, shape (m, p)
        Of full column rank, columns of comparable length.
    B : Pair, shape (m, k)
    G : ndarray, shape (p, k)
    factor : Factor
        Of A rounded to doubles, in the same order of columns.

    Returns
    -------
    Refined

    Examples
    --------
    >>> A = pairs.pair([[1.0], [1.0], [1.0]])
    >>> Q, R = np.linalg.qr(A.high)
    >>> refine(A, pairs.pair([[1e17], [1.0], [-1e17]]), np.zeros((1, 1)), Factor(Q, R)).x.high  # the mean: 1/3
    array([[0.33333333]])
    """
    (m, k), p = B.high.shape, A.high.shape[1]
    if p == 0:  # nothing explains anything: no correction would ever count as a gain
        return Refined(pairs.pair(np.zeros((0, k))), B, np.zeros((0, k)))
    x, r = pairs.pair(np.zeros((p, k))), pairs.pair(np.zeros((m, k)))
    F, g = B, G
    # Until something was corrected, what rounding may do is measured by sizes in which nothing cancels.
    bound = before = _largest_possible(factor, B.high, G)
    left = np.zeros_like(x.high)
    for number in range(ROUNDS):
        h, c = factor.lower(g), factor.Q.T @ F.high  # (p, k) both
        correction = factor.upper(c - h)
        size = np.abs(correction).max(axis=0, initial=0.0)
        # Columns that no longer gain are left as they are: what they would get is rounding error.
        # The second correction is the first to know G - A'r; it may be the larger one where the first was 0 by chance.
        going = size < (bound if number < 2 else before) / 2
        rate = np.minimum(np.divide(size, before, out=np.ones_like(size), where=before > 0), 1.0)
        left = np.where(going, np.abs(correction) * rate, np.abs(correction))
        if not going.any():
            break
        x = pairs.add(x, pairs.pair(np.where(going, correction, 0.0)))
        r = pairs.add(r, pairs.pair(np.where(going, F.high + factor.Q @ (h - c), 0.0)))
        before = np.where(going, size, before)
        F = pairs.subtract(pairs.subtract(B, r), pairs.matrix_product(A, x))
        g = pairs.subtract(pairs.pair(G), pairs.transposed_product(A, r)).high
        small = np.abs(correction) <= SETTLED * np.abs(x.high)
        # Likewise the first correction settles nothing.
        if number and small.all() and _settled(F.high, r.high):
            break
    return Refined(x, r, left)


def _largest_possible(factor: Factor, B: Array, G: Array) -> Array:
    """Bound the first correction of each column, with room: it must count as a gain."""
    inverse = np.abs(factor.upper(np.eye(len(factor.R))))  # (p, p)
    sizes = np.abs(factor.Q).T @ np.abs(B) + inverse.T @ np.abs(G)
    return 4.0 * (inverse @ sizes).max(axis=0, initial=0.0)


def _settled(F: Array, r: Array) -> bool:
    """Tell whether residuals have all their bits."""
    return bool((np.abs(F) <= SETTLED * np.abs(r)).all())
