"""The inverse of a positive definite matrix known to fourfold precision, as a root times the root's transpose.

A root T in doubles, about ``T' M T = I``, is all that is needed to begin with: ``T' M T`` is computed without rounding
error, its Cholesky factor in pairs of doubles, and what it is away from I is taken out of T. The condition of M costs
no digits that way, as long as T is good enough to begin with.

References
----------
Ogita, Oishi, "Accurate and robust inverse Cholesky factorization", Nonlinear Theory and its Applications 3, 2012.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.exact_products import Parts, cut, exact_product
from twofold.solvers.expansions import accumulate
from twofold.solvers.pairs import Pair

Array = NDArray[np.float64]
MAX_ROUNDS = 6
MAX_NEAR = 1e-11  # of I: the third power of such a difference is below a pair's rounding
MAX_CLOSE = 0.25


def inverse_root(M: Parts, T: Array) -> Pair | None:
    """Find T with ``T' M T = I`` in pairs of doubles.

    Parameters
    ----------
    M : parts, each of shape (p, p)
        Symmetric, positive definite.
    T : ndarray, shape (p, p)
        About such a root, as the inverse of a triangular factor in doubles.

    Returns
    -------
    Pair, shape (p, p), or None
        None if T isn't near enough to a root to begin with, so that M is singular to doubles.

    Examples
    --------
    >>> root = inverse_root([np.array([[4.0]])], np.array([[0.4]]))
    >>> float(root.high[0, 0])
    0.5
    """
    root, left = pairs.pair(T), cut(M)
    for _ in range(MAX_ROUNDS):
        G = exact_product(root.T, exact_product(left, root))
        accumulate(G, -np.eye(len(T)))
        E = pairs.pair(G[0], G[1])  # what is left of I
        away = float(np.abs(E.high).sum(axis=0).max(initial=0.0))
        if not away < np.inf:
            return None
        if away <= MAX_CLOSE:
            moved = exact_product(root, _series(E))
            root = pairs.add(root, pairs.pair(moved[0], moved[1]))
            if away <= MAX_NEAR:
                return root
        else:
            try:
                L = np.linalg.cholesky(np.eye(len(T)) + E.high)
            except np.linalg.LinAlgError:
                return None
            step = np.linalg.inv(L).T
            product = exact_product(root, [step])
            root = pairs.pair(product[0], product[1])
    return root if away < MAX_CLOSE else None


def _series(E: Pair) -> Pair:
    """Return Y upper triangular with ``(I + Y)' (I + E) (I + Y) = I``, but for the third power of E."""
    first = _upper(pairs.scale(E, -0.5))
    # With Y = Y1 + Y2: Y1' + Y1 = -E, and Y2' + Y2 = -(Y1'Y1 + Y1'E + E Y1) to second order.
    Y1, H = first.high, E.high
    second = _upper(pairs.pair(-0.5 * (Y1.T @ Y1 + Y1.T @ H + H @ Y1)))
    return pairs.add(first, second)


def _upper(half: Pair) -> Pair:
    """Return the upper triangle of twice a matrix, with its diagonal once."""
    return Pair(*(np.triu(part) + np.triu(part, 1) for part in half))
