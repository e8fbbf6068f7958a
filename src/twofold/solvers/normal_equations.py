"""Normal equations without rounding error: sums to fourfold precision, and solutions in pairs of doubles.

Forming ``A'A`` in doubles loses cond(A)^2 eps; formed by exact products it loses 2**-200 of that. The residual
``C - M x`` is then exact enough that the triangular factor of a QR factorisation in doubles corrects x by cond(A) eps
in each round; and no round looks at the samples again.

References
----------
Björck, "Numerical Methods for Least Squares Problems", SIAM 1996, section 6.6.5 (corrected seminormal equations).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.design import Design
from twofold.solvers.exact_products import DEPTH, Cut, collapsed, cut, exact_gram, exact_product, weighted
from twofold.solvers.expansions import accumulate, to_double, to_whole
from twofold.solvers.inverse_root import inverse_root
from twofold.solvers.pairs import Pair
from twofold.solvers.triangle import Triangle

Array = NDArray[np.float64]
Index = NDArray[np.intp]
MAX_ROUNDS = 12
MAX_CONVERGED_ERROR = 2.0**-80  # errors that show that corrections shrank as they must
MAX_SETTLED_CORRECTION = 2.0**-100  # a correction this small changes no bit of a pair that is worth having


@dataclass(frozen=True)
class Sums:
    """What least squares needs to know of the samples, in a design's units.

    Attributes
    ----------
    free : ndarray, shape (4, r + q, r + q)
        ``[A, B]' W [A, B]`` over the samples, A the independent columns; see `twofold.solvers.expansions`.
    M : ndarray, shape (4, r, r)
        ``A'WA`` with the penalty.
    others : ndarray, shape (4, r, k)
        ``A'W`` times other columns of the design.
    """

    free: Array
    M: Array
    others: Array

    @property
    def C(self) -> Array:  # noqa: N802 - the formula's letter
        """``A'WB``, shape (4, r, q)."""
        r = self.M.shape[1]
        return self.free[:, :r, r:]


def exact_sums(design: Design, own: Index, others: Index) -> Sums:
    """Sum products over the samples of a design: of its independent columns, and of these with others."""
    A = design.columns(own)
    free = exact_gram([np.hstack([A.high, design.B]), np.hstack([A.low, np.zeros_like(design.B)])], design.weight)
    M = free[:, : len(own), : len(own)].copy()
    accumulate(M, np.diag(design.penalty[own]))
    left = [part.T for part in weighted(A, design.weight)]
    return Sums(free, M, exact_product(left, design.columns(others)) if len(others) else M[:, :, :0])


@dataclass(frozen=True)
class Solved:
    """A solution of ``M x = C``.

    Attributes
    ----------
    x : Pair, shape (p, q)
    error : ndarray, shape (p, q)
        Estimate of the absolute error left in x.
    misfit : ndarray, shape (q,)
        Estimate of ``|A d|``, d the error left in x.
    """

    x: Pair
    error: Array
    misfit: Array


def refine_normal(M: Array, C: Array, solve: Callable[[Array], Array], *, depth: int = DEPTH) -> Solved:
    """Solve ``M x = C`` until corrections no longer shrink.

    Parameters
    ----------
    M, C : ndarray, shapes (4, p, p) and (4, p, q)
    solve : callable
        ``solve(B)`` is about the solution of ``M x = B``, (p, q), B given by its parts, (4, p, q).
    depth : int
        Bits of M that count.

    Returns
    -------
    Solved
    """
    x, left_side = pairs.pair(np.zeros(C.shape[1:])), cut(M, depth=depth)
    before, error, misfit = np.full(C.shape[2], np.inf), np.zeros(C.shape[1:]), np.zeros(C.shape[2])
    for number in range(MAX_ROUNDS):
        rest = _rest(left_side, C, x)
        correction = solve(rest)
        size = np.abs(correction).max(axis=0, initial=0.0)
        # The first correction rounds C, which may be all that it is: only from the second on they must shrink.
        going = (size < before / 2) | (number < 2)
        rate = np.minimum(np.divide(size, before, out=np.ones_like(size), where=before > 0), 1.0)
        left = np.where(going, rate, 1.0)
        error, misfit = np.abs(correction) * left, np.sqrt(np.abs((correction * collapsed(rest)).sum(axis=0))) * left
        if not going.any():
            break
        x = pairs.add(x, pairs.pair(np.where(going, correction, 0.0)))
        before = np.where(going, size, before)
        if number and (np.abs(correction) <= MAX_SETTLED_CORRECTION * np.abs(x.high)).all():
            break
    return Solved(x, error, misfit)


def solve_normal(M: Array, C: Array, triangle: Triangle, *, whole: bool = False) -> Solved:
    """Solve ``M x = C``: see `refine_normal`; if corrections in doubles don't do, with M's inverse root in pairs.

    With `whole`, each number of x is a pair of its own, not one to a pair's rounding of the largest.
    """
    # A pair's bits, what the condition takes of the square, and some to spare.
    depth = DEPTH if whole else min(DEPTH, 120 + 2 * int(np.log2(min(triangle.condition, 1e16))))
    found = refine_normal(M, C, lambda rest: triangle.seminormal(collapsed(rest)), depth=depth)
    if (found.error <= MAX_CONVERGED_ERROR * np.abs(found.x.high).max(axis=0, initial=0.0)).all():
        return found
    T = inverse_root(M, triangle.inverse)
    if T is None:
        return found

    return refine_normal(M, C, lambda rest: collapsed(exact_product(T, exact_product(T.T, rest))))


def _rest(M: Array | Cut, C: Array, x: Pair) -> Array:
    """Compute ``C - M x``, (4, p, q)."""
    rest = -exact_product(M, x)
    for part in C:
        accumulate(rest, part)
    return rest


def residual_squares(sums: Sums, x: Pair) -> Array:
    """Compute ``|B - A x|^2`` of each target, (q,), which is right to twice as many digits as x."""
    p = len(x.high)
    M, C, D = sums.free[:, :p, :p], sums.C, sums.free[:, p:, p:]
    both = _rest(M, C, x)
    for part in C:
        accumulate(both, part)  # 2 C - M x
    squares = np.empty(x.high.shape[1])
    for k in range(len(squares)):
        found = -exact_product([part.T for part in x.at((slice(None), [k]))], both[:, :, [k]])  # (4, 1, 1)
        for part in D[:, k, k]:
            accumulate(found, np.array([[part]]))
        squares[k] = collapsed(found)[0, 0]
    return np.maximum(squares, 0.0)


def centred_squares(free: Array, columns: slice, *, intercept: bool) -> Array:
    """Compute the squares of some columns, about their means if column 0 is the intercept's."""
    squares = to_whole(np.diagonal(free, axis1=1, axis2=2)[:, columns])
    if not intercept:
        return to_double(squares)
    moved, total = to_whole(free[:, 0, columns]), to_whole(free[:, :1, 0])[0]
    return to_double((squares * total - moved * moved) // total)
