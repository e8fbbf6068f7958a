"""From a user's table to the matrix that is factored: shifted, weighted, scaled, and all of it without losing a bit.

The unknowns become ``x``: ``X W + b = A x`` with ``A`` of columns ``[1, X - shift]``, each times a power of two.
Shifting makes the intercept nearly orthogonal to the rest, scaling makes columns comparable, and pairs of doubles make
both exact: the problem solved is the one that was given. Weights multiply rows by their square roots; a ridge penalty
adds one row ``sqrt(penalty)`` for each feature (Golub and Van Loan 2013, sections 5.3.7 and 6.1.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.solvers import pairs
from twofold.solvers.pairs import Pair

Array = NDArray[np.float64]
MOST_EXPONENT = 1022  # a power of two has a reciprocal up to that


@dataclass(frozen=True)
class Problem:
    """What a user asks to be solved, checked.

    Attributes
    ----------
    X : Pair, shape (n, d)
    Y : ndarray, shape (n, q)
    weight : ndarray, shape (n,), or None
    intercept : bool
    penalty : float
        Added to the sum of squares as ``penalty * |W|^2``; the intercept is free.
    """

    X: Pair
    Y: Array
    weight: Array | None
    intercept: bool
    penalty: float = 0.0


@dataclass(frozen=True)
class Design:
    """The scaled problem: minimise ``|A x - B|``.

    Attributes
    ----------
    A : Pair, shape (m, p)
        Weighted rows, then penalty rows; the intercept's column first, if there is one.
    B : Pair, shape (m, q)
    shift : ndarray, shape (d,)
        Subtracted from the features; 0 without an intercept.
    scale : ndarray, shape (p,)
        Powers of two: coefficient j of the shifted features is ``scale[j] * x[j]``.
    unit : ndarray, shape (q,)
        Powers of two: what 1 in B is worth in Y.
    noise : ndarray, shape (p,)
        Length of each column before it was shifted, in A's units: rounding of the input is eps times that.
    weight_unit : float
        What 1 in the weights that A holds is worth in the user's.
    samples : int
        Rows of A that are samples; the rest are the penalty's.
    intercept : bool
    """

    A: Pair
    B: Pair
    shift: Array
    scale: Array
    unit: Array
    noise: Array
    weight_unit: float
    samples: int
    intercept: bool

    def columns(self, index: NDArray[np.intp]) -> Pair:
        """Take some columns of A."""
        return self.A.at((slice(None), index))


def power_of_two(values: Array) -> Array:
    """Return powers of two that bring each positive value into [1, 2), or as near as doubles go; 1 for a value of 0."""
    exponent = np.clip(np.frexp(values)[1] - 1, -MOST_EXPONENT, MOST_EXPONENT)
    return np.where(values > 0, np.ldexp(1.0, -exponent), 1.0)


def build_design(problem: Problem) -> Design:
    """Shift, weight and scale.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    Design

    Raises
    ------
    DataError
        If a column spans more than doubles can square.
    """
    X, d = problem.X, problem.X.high.shape[1]
    n = len(X.high)
    # To magnitudes near 1 before anything is multiplied: nothing overflows, and products keep their exact errors.
    first = power_of_two(np.abs(X.high).max(axis=0, initial=0.0))  # (d,)
    X = pairs.scale(X, first)
    unit = power_of_two(np.abs(problem.Y).max(axis=0, initial=0.0))  # (q,)
    B = pairs.pair(problem.Y * unit)
    root, weight_unit = _roots(problem.weight)
    raw = np.sqrt(np.square(X.high if root is None else X.high * root.high).sum(axis=0))  # (d,)
    shift = np.zeros(d)
    if problem.intercept:
        share = np.full(n, 1.0) if problem.weight is None else problem.weight / problem.weight.max()
        shift = share @ X.high / share.sum()
        X = pairs.subtract(X, pairs.pair(np.broadcast_to(shift, X.high.shape)))
        X = Pair(np.concatenate([np.ones((n, 1)), X.high], 1), np.concatenate([np.zeros((n, 1)), X.low], 1))
    if root is not None:
        X, B = pairs.multiply(X, root), pairs.multiply(B, root)
    length = np.sqrt(np.square(X.high).sum(axis=0))  # (p,)
    before = np.concatenate([[1.0], first]) if problem.intercept else first
    penalty = problem.penalty / weight_unit
    with np.errstate(over="ignore"):  # what leaves the range is refused right below
        added = np.sqrt(penalty) * before  # what the penalty's row adds to a column
        added[: int(problem.intercept)] = 0.0
        second = power_of_two(np.hypot(length, added))
        scale = before * second
    if not np.isfinite(added).all() or not np.isfinite(scale).all() or not (scale > 0).all():
        raise DataError("a column of X spans more than doubles can hold once squared; rescale it by a power of ten")
    A = pairs.scale(X, second)
    noise = np.concatenate([length[:1], raw] if problem.intercept else [raw]) * second
    if problem.intercept:  # the longest column is the first pivot: the intercept is never the one that depends
        noise[0] *= 4.0
        A.high[:, 0] *= 4.0
        A.low[:, 0] *= 4.0
        scale[0] *= 4.0
    if problem.penalty:
        A, B = _with_penalty(A, B, scale[problem.intercept :], penalty)
    return Design(A, B, shift / first, scale, 1.0 / unit, noise, weight_unit, n, problem.intercept)


def _roots(weight: Array | None) -> tuple[Pair | None, float]:
    """Take square roots of weights, (n, 1), once they are scaled by a power of four to at most 4."""
    if weight is None:
        return None, 1.0
    unit = min(float(power_of_two(np.sqrt(weight.max(initial=0.0)))), 2.0**511) ** 2
    return pairs.square_root(pairs.pair((weight * unit)[:, None])), 1.0 / unit


def _with_penalty(A: Pair, B: Pair, scale: Array, penalty: float) -> tuple[Pair, Pair]:
    """Append a row ``sqrt(penalty) * scale[j]`` for each feature, and targets of 0."""
    d = len(scale)
    root = pairs.square_root(pairs.pair(np.array(penalty)))
    offset = A.high.shape[1] - d
    rows = []
    for half, top in zip(root, A, strict=True):
        extra = np.zeros((d, A.high.shape[1]))
        extra[np.arange(d), offset + np.arange(d)] = half * scale
        rows.append(np.concatenate([top, extra]))
    zeros = np.zeros((d, B.high.shape[1]))
    return Pair(*rows), Pair(np.concatenate([B.high, zeros]), np.concatenate([B.low, zeros]))
