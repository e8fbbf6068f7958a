"""From a user's table to the matrix that is factored: shifted, weighted, scaled, and all of it without losing a bit.

The unknowns become ``x``: ``X W + b = A x`` with ``A`` of columns ``[1, X - shift]``, each times a power of two.
Shifting makes the intercept nearly orthogonal to the rest, scaling makes columns comparable, and pairs of doubles make
both exact: the problem solved is the one that was given. Only what is factored in doubles is rounded: there, weights
multiply rows by their square roots, and a ridge penalty adds one row ``sqrt(penalty)`` for each feature (Golub and Van
Loan 2013, sections 5.3.7 and 6.1.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.solvers import pairs
from twofold.solvers.pairs import Pair

Array = NDArray[np.float64]
MIN_SHIFT_RATIO = 8.0  # mean over standard deviation from which columns are shifted
MAX_EXPONENT = 1022  # a power of two has a reciprocal up to that


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
    """The scaled problem: minimise ``sum_i w_i |a_i x - b_i|^2 + sum_j penalty_j |x_j|^2``.

    Attributes
    ----------
    A : Pair, shape (n, p)
        The intercept's column first, if there is one.
    B : ndarray, shape (n, q)
    weight : ndarray, shape (n,), or None
    penalty : ndarray, shape (p,)
    shift : ndarray, shape (d,)
        Subtracted from the features; 0 without an intercept, or where a column lies near 0.
    scale : ndarray, shape (p,)
        Powers of two: coefficient j of the shifted features is ``scale[j] * x[j]``.
    unit : ndarray, shape (q,)
        Powers of two: what 1 in B is worth in Y.
    noise : ndarray, shape (p,)
        Length of each column before it was shifted, in A's units: rounding of the input is eps times that.
    weight_unit : float
        What 1 in the weights is worth in the user's.
    intercept : bool
    """

    A: Pair
    B: Array
    weight: Array | None
    penalty: Array
    shift: Array
    scale: Array
    unit: Array
    noise: Array
    weight_unit: float
    intercept: bool

    @property
    def weighted(self) -> Array:
        """A in doubles with rows times the roots of their weights, (n, p)."""
        return self.A.high if self.weight is None else self.A.high * np.sqrt(self.weight)[:, None]

    @property
    def augmented(self) -> Array:
        """The weighted A, and below it a row for each penalty, (m, p)."""
        if not self.penalty.any():
            return self.weighted
        return np.concatenate([self.weighted, np.diag(np.sqrt(self.penalty))[int(self.intercept) :]])

    def columns(self, index: NDArray[np.intp]) -> Pair:
        """Take some columns of A."""
        return self.A.at((slice(None), index))


def power_of_two(values: Array) -> Array:
    """Return powers of two that bring each positive value into [1, 2), or as near as doubles go; 1 for a value of 0."""
    exponent = np.clip(np.frexp(values)[1] - 1, -MAX_EXPONENT, MAX_EXPONENT)
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
    n, first = len(X.high), int(problem.intercept)
    # To magnitudes near 1 before anything is multiplied: nothing overflows, and products keep their exact errors.
    before = power_of_two(np.abs(X.high).max(axis=0, initial=0.0))  # (d,)
    X = pairs.scale(X, before)
    unit = power_of_two(np.abs(problem.Y).max(axis=0, initial=0.0))  # (q,)
    weight, weight_unit = _scaled_weights(problem.weight)
    raw, shift = _lengths(X.high, weight), np.zeros(d)  # (d,) both
    if first:
        shift = _far_means(X.high, problem.weight)
        if shift.any():
            X = pairs.subtract(X, pairs.pair(np.broadcast_to(shift, X.high.shape)))
        X = Pair(*(np.concatenate([np.full((n, 1), one), half], 1) for one, half in zip((1.0, 0.0), X, strict=True)))
        raw, before = np.concatenate([_lengths(X.high[:, :1], weight), raw]), np.concatenate([[1.0], before])
    penalty = problem.penalty / weight_unit
    with np.errstate(over="ignore"):  # what leaves the range is refused right below
        added = np.sqrt(penalty) * before  # what the penalty's row adds to a column
        added[:first] = 0.0
        second = power_of_two(np.hypot(_lengths(X.high, weight), added))
        second[:first] *= 4.0  # the longest column is the first pivot: the intercept is never the one that depends
        scale = before * second
    if not np.isfinite(added).all() or not np.isfinite(scale).all() or not (scale > 0).all():
        raise DataError("a column of X spans more than doubles can hold once squared; rescale it by a power of ten")
    penalties = penalty * scale * scale  # in this order: the square alone may leave the doubles
    penalties[:first] = 0.0
    return Design(
        A=pairs.scale(X, second),
        B=problem.Y * unit,
        weight=weight,
        penalty=penalties,
        shift=shift / before[first:],
        scale=scale,
        unit=1.0 / unit,
        noise=raw * second,
        weight_unit=weight_unit,
        intercept=problem.intercept,
    )


def _lengths(X: Array, weight: Array | None) -> Array:
    return np.sqrt(np.square(X).sum(axis=0) if weight is None else weight @ np.square(X))


def _far_means(X: Array, weight: Array | None) -> Array:
    """Return the means of columns that lie far from 0, and 0 for the others, which lose nothing by it, (d,).

    A number less the mean of numbers near it is a double; less any other mean it often is none.
    """
    share = np.full(len(X), 1.0) if weight is None else weight / weight.max()
    share = share / share.sum()
    mean, square = share @ X, share @ np.square(X)
    return np.where(np.square(mean) > MIN_SHIFT_RATIO**2 * (square - np.square(mean)), mean, 0.0)


def _scaled_weights(weight: Array | None) -> tuple[Array | None, float]:
    """Scale weights by a power of four to at most 4; return what 1 is worth then."""
    if weight is None:
        return None, 1.0
    unit = min(float(power_of_two(np.sqrt(weight.max(initial=0.0)))), 2.0**511) ** 2
    return weight * unit, 1.0 / unit
