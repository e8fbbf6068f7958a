"""The shortest of all solutions of linear equations, where there are more unknowns than equations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.design import power_of_two
from twofold.solvers.exact_products import exact_gram, exact_product
from twofold.solvers.normal_equations import solve_normal
from twofold.solvers.pairs import Pair
from twofold.solvers.triangle import Triangle

Array = NDArray[np.float64]
PAIR_EPS = 2.0**-98  # what a handful of operations on pairs leave
MARGIN = 8.0  # estimates of what is wrong with an entry that is 0 in truth were found 4 times too small
MIN_SHORT = 2.0**-14  # of the largest number: below, the short way to the largest one's 120 bits leaves no pair's


@dataclass(frozen=True)
class Shortest:
    """The least ``|w|`` with ``rows w + column b = targets``.

    Attributes
    ----------
    w : Pair, shape (d, q)
    b : Pair, shape (1, q), or (0, q) without a column
    error, error_b : ndarray, of the same shapes
        Estimates of what is wrong.
    """

    w: Pair
    b: Pair
    error: Array
    error_b: Array

    @property
    def together(self) -> tuple[Pair, Array, Array]:
        """Values, errors and sizes, the intercept, if there is one, before the features."""
        z = Pair(*(np.concatenate(both) for both in zip(self.b, self.w, strict=True)))
        return z, np.concatenate([self.error_b, self.error]), np.abs(z.high)


def shortest(rows: Pair, column: Pair | None, targets: Pair, *, wrong: tuple[Array, Array] | None = None) -> Shortest:
    """Solve ``rows w + column b = targets`` for the shortest w; b is free.

    With ``K = rows rows' + column column'``, ``w = rows' a`` where ``K a = targets - column b`` and
    ``b = column' K^-1 targets / column' K^-1 column``.

    Parameters
    ----------
    rows : Pair, shape (r, d)
        Of full row rank, with the column.
    column : Pair, shape (r, 1), or None
    targets : Pair, shape (r, q)
    wrong : tuple of ndarray, shapes (r, d) and (r, q), optional
        By how much the rows and the targets may be wrong.

    Returns
    -------
    Shortest
    """
    q, d = targets.high.shape[1], rows.high.shape[1]
    size = _size(rows)  # so that products stay within the doubles
    rows = pairs.scale(rows, 1.0 / size)
    wrong = None if wrong is None else (MARGIN * wrong[0] / size, MARGIN * wrong[1])
    both = rows if column is None else _beside(rows, pairs.scale(column, _size(rows) / _size(column)))
    unit = power_of_two(np.sqrt(np.square(both.high / _size(both)).sum(axis=1))) / _size(both)  # (r,)
    both = pairs.scale(both, unit[:, None])
    triangle = row_triangle(both.high)
    right = pairs.scale(targets, unit[:, None])
    if column is not None:
        column = pairs.scale(column, unit[:, None])
        right = _beside(right, column)
    K = exact_gram([part.T for part in both])
    solved = solve_normal(K, np.stack(right), triangle)
    sizes = np.abs(solved.x.high)
    if (sizes < MIN_SHORT * sizes.max(axis=0, initial=0.0)).any():
        solved = solve_normal(K, np.stack(right), triangle, whole=True)
    a, error = solved.x, solved.error
    error = error + PAIR_EPS * np.abs(a.high)
    b, error_b = pairs.pair(np.zeros((0, q))), np.zeros((0, q))
    if column is not None:
        free, own = a.at((slice(None), slice(q))), a.at((slice(None), slice(q, None)))  # (r, q), (r, 1)
        weight = pairs.transposed_product(column, own)  # (1, 1)
        b = pairs.divide(pairs.transposed_product(column, free), weight)
        unsure = error[:, :q] + error[:, q:] * np.abs(b.high) + PAIR_EPS * np.abs(free.high)
        error_b = np.abs(column.high).T @ unsure / np.abs(weight.high)
        a = pairs.subtract(free, pairs.multiply(own, b))
        error = error[:, :q] + error[:, q:] * np.abs(b.high) + np.abs(own.high) * error_b
    scaled = both.at((slice(None), slice(d)))
    found = exact_product([part.T for part in scaled], a, parts=2)
    w = pairs.pair(found[0], found[1])
    sizes = np.abs(scaled.high).T
    error = sizes @ (error + PAIR_EPS * np.abs(a.high))
    if wrong is not None:
        sideways = (unit[:, None] * wrong[0]).T @ np.abs(a.high)  # (d, q)
        moved = unit[:, None] * (wrong[1] + wrong[0] @ np.abs(w.high)) + sizes.T @ sideways  # (r, q)
        lever = np.abs(triangle.seminormal(scaled.high))  # (r, d): K^-1 rows
        error += lever.T @ moved + sideways
        if column is not None:
            error_b += np.abs(own.high).T @ moved / np.abs(weight.high)
    return Shortest(pairs.scale(w, 1.0 / size), b, error / size, error_b)


def row_triangle(rows: Array) -> Triangle:
    """Factor ``rows rows' = R' R``; columns of unlike sizes cost nothing: the largest come first."""
    order = np.argsort(-np.abs(rows).max(axis=0, initial=0.0), kind="stable")
    R, pivots = cast(
        "tuple[Array, NDArray[np.intp]]",
        scipy.linalg.qr(rows.T[order], mode="r", pivoting=True, check_finite=False),
    )
    return Triangle(R[: len(rows)], pivots)


def _beside(first: Pair, second: Pair) -> Pair:
    return Pair(*(np.hstack([mine, other]) for mine, other in zip(first, second, strict=True)))


def _size(table: Pair) -> float:
    """Return a power of two near the largest number."""
    return 1.0 / float(power_of_two(np.abs(table.high).max(initial=0.0)))
