"""Gram matrices to 106 bits at the speed of BLAS: products of short slices have no rounding error.

A column is cut into slices of so few bits that every product of two slices, summed over the rows of a block, is an
integer multiple of one power of two and fits into 53 bits. BLAS may then sum it in any order, with any number of
threads: the result is exact. The slices' products are added in pairs of doubles.

References
----------
Ozaki, Ogita, Oishi, Rump, "Error-free transformations of matrix multiplication by using fast routines of matrix
multiplication and its applications", Numer. Algorithms 59, 2012.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.pairs import Pair

Array = NDArray[np.float64]
ROWS = 4096  # 2**12: two slices of 20 bits multiplied and summed over that many rows take 52 bits
BITS = 20
MOST_SLICES = 7  # 140 bits below a column's largest number: what is below that doesn't show in a pair


def exact_gram(Z: Array, weight: Array | None = None) -> Pair:
    """Compute ``Z' diag(weight) Z`` in pairs of doubles.

    Parameters
    ----------
    Z : ndarray of float64, shape (n, k)
        Finite, magnitudes between about 1e-140 and 1e140.
    weight : ndarray, shape (n,), optional

    Returns
    -------
    Pair, shape (k, k)
        Symmetric; the error is about 2**-104 of the product of the columns' lengths.

    Examples
    --------
    >>> G = exact_gram(np.array([[1e8, 1.0], [1.0, 1e-8]]))
    >>> int(G.high[0, 0]) + int(G.low[0, 0]) == 10**16 + 1
    True
    """
    k = Z.shape[1]
    result = pairs.pair(np.zeros((k, k)))
    for start in range(0, len(Z), ROWS):
        block = Z[start : start + ROWS]
        left = slices(pairs.pair(block))
        right = left
        if weight is not None:
            right = slices(pairs.two_product(block, weight[start : start + ROWS, None]))
        products = np.hstack(left).T @ np.hstack(right)
        # From the smallest to the largest, so that little is lost on the way.
        for i in reversed(range(len(left))):
            for j in reversed(range(len(right))):
                tile = products[i * k : (i + 1) * k, j * k : (j + 1) * k]
                result = pairs.add(result, pairs.pair(tile))
    return result if weight is None else _symmetric(result)


def slices(Z: Pair) -> list[Array]:
    """Cut columns into slices of 20 bits, from the top; they add up to the pair, but for what is below 140 bits."""
    parts: list[Array] = []
    high, low = Z
    while len(parts) < MOST_SLICES:
        largest = np.abs(high).max(axis=0, initial=0.0)
        if not largest.any():
            break
        # Adding and taking away 2**(e + 53 - BITS) leaves the bits down to 2**(e - BITS), e the largest's exponent.
        anchor = np.where(largest > 0, np.ldexp(1.5, np.frexp(largest)[1] + 53 - BITS), 0.0)
        part = (high + anchor) - anchor
        parts.append(part)
        high, low = pairs.two_sum(high - part, low)
    return parts or [high]


def _symmetric(M: Pair) -> Pair:
    """Take the mean of M and its transpose."""
    return pairs.scale(pairs.add(M, M.T), 0.5)
