"""Cholesky's factor and triangular systems in pairs of doubles, for the small matrices that streams reduce to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.pairs import Pair

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PairFactor:
    """``M[order][:, order] = R' R`` as far as the rank goes.

    Attributes
    ----------
    R : Pair, shape (k, k)
        Upper triangular in its first `rank` rows; the rest of the lower right corner is the Schur complement.
    order : ndarray of int, shape (k,)
        Pivots first, in the order they were taken; then the dependent columns; then those that were not candidates.
    rank : int
    """

    R: Pair
    order: NDArray[np.intp]
    rank: int


def pivoted_cholesky(M: Pair, candidates: int, limit: Array, *, first: bool) -> PairFactor:
    """Factor the leading columns of a symmetric, positive semidefinite matrix, largest pivot first.

    Parameters
    ----------
    M : Pair, shape (k, k)
    candidates : int
        Columns 0 to candidates - 1 are factored; the others (targets) are carried along.
    limit : ndarray, shape (candidates,)
        A column whose pivot is at most that depends on those before it.
    first : bool
        Take column 0 (the intercept's) first, whatever its size.

    Returns
    -------
    PairFactor

    References
    ----------
    Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2002, section 10.3.
    """
    k = len(M.high)
    work = Pair(M.high.copy(), M.low.copy())
    order = np.arange(k)
    size = np.sqrt(np.maximum(np.diag(M.high)[:candidates], np.finfo(np.float64).tiny))
    rank = candidates
    for j in range(candidates):
        # Compared as if columns had length 1, so that units don't choose the pivots.
        pivots, columns = np.diag(work.high)[j:candidates], order[j:candidates]
        left = np.where(pivots > limit[columns], pivots / np.square(size[columns]), -np.inf)
        i = j if first and j == 0 else j + int(np.argmax(left))
        if not left[i - j] > -np.inf:
            rank = j
            break
        for half in work:
            half[[j, i]] = half[[i, j]]
            half[:, [j, i]] = half[:, [i, j]]
        order[[j, i]] = order[[i, j]]
        pivot = pairs.square_root(work.at((slice(j, j + 1), slice(j, j + 1))))  # (1, 1)
        row = pairs.divide(work.at((slice(j, j + 1), slice(j, None))), pivot)  # (1, k - j)
        below = row.at((slice(None), slice(1, None)))
        rest = pairs.subtract(work.at((slice(j + 1, None), slice(j + 1, None))), pairs.multiply(below.T, below))
        for half, new, line in zip(work, rest, row, strict=True):
            half[j + 1 :, j + 1 :] = new
            half[j, j:] = line[0]
            half[j + 1 :, j] = 0.0
    return PairFactor(work, order, rank)


def solve_upper(R: Pair, B: Pair) -> Pair:
    """Solve ``R x = B``: R (p, p) upper triangular, B (p, q)."""
    x, inverse = Pair(B.high.copy(), B.low.copy()), _inverse_diagonal(R)
    for j in reversed(range(len(R.high))):
        row = pairs.multiply(x.at(slice(j, j + 1)), inverse.at(j))  # (1, q)
        above = pairs.multiply(R.at((slice(0, j), slice(j, j + 1))), row)  # (j, q)
        rest = pairs.subtract(x.at(slice(0, j)), above)
        for half, new, line in zip(x, rest, row, strict=True):
            half[:j] = new
            half[j] = line[0]
    return x


def solve_lower(R: Pair, B: Pair) -> Pair:
    """Solve ``R' x = B`` by the same steps, from the top."""
    x, inverse = Pair(B.high.copy(), B.low.copy()), _inverse_diagonal(R)
    for j in range(len(R.high)):
        row = pairs.multiply(x.at(slice(j, j + 1)), inverse.at(j))
        below = pairs.multiply(R.at((slice(j, j + 1), slice(j + 1, None))).T, row)
        rest = pairs.subtract(x.at(slice(j + 1, None)), below)
        for half, new, line in zip(x, rest, row, strict=True):
            half[j + 1 :] = new
            half[j] = line[0]
    return x


def _inverse_diagonal(R: Pair) -> Pair:
    """Divide once for each pivot and not in each step: a division takes as long as six products."""
    diagonal = Pair(np.diag(R.high), np.diag(R.low))
    return pairs.divide(pairs.pair(np.ones(len(R.high))), diagonal)
