"""Gram matrices without rounding error at the speed of BLAS: products of short slices are exact.

A column is cut into slices of so few bits that every product of two slices, summed over the rows of a block, is an
integer multiple of one power of two and fits into 53 bits. BLAS may then sum it in any order, with any number of
threads: the result is exact. The slices' products are added to fourfold precision.

References
----------
Ozaki, Ogita, Oishi, Rump, "Error-free transformations of matrix multiplication by using fast routines of matrix
multiplication and its applications", Numer. Algorithms 59, 2012.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.expansions import PARTS, accumulate
from twofold.solvers.pairs import Pair

Array = NDArray[np.float64]
ROWS = 4096  # 2**12: two slices of 20 bits multiplied and summed over that many rows take 52 bits
BITS = 20
MOST_SLICES = 10  # 200 bits below a column's largest number: what is below that doesn't show in the sums


def exact_gram(Z: Array, weight: Array | None = None) -> Array:
    """Compute ``Z' diag(weight) Z`` to fourfold precision.

    Parameters
    ----------
    Z : ndarray of float64, shape (n, k)
        Finite, magnitudes between about 1e-110 and 1e140.
    weight : ndarray, shape (n,), optional

    Returns
    -------
    ndarray, shape (4, k, k)
        The parts of the sums, see `twofold.solvers.expansions`; the error is about 2**-200 of the product of the
        columns' lengths.

    Examples
    --------
    >>> G = exact_gram(np.array([[1e8, 1.0], [1.0, 1e-8]]))
    >>> sum(int(part) for part in G[:, 0, 0]) == 10**16 + 1
    True
    """
    k = Z.shape[1]
    result = np.zeros((PARTS, k, k))
    for start in range(0, len(Z), ROWS):
        block = Z[start : start + ROWS]
        left = slices(pairs.pair(block))
        right = left
        if weight is not None:
            right = slices(pairs.two_product(block, weight[start : start + ROWS, None]))
        products = np.hstack(left).T @ np.hstack(right)
        for i in range(len(left)):
            for j in range(len(right)):
                accumulate(result, products[i * k : (i + 1) * k, j * k : (j + 1) * k])
    return result


def slices(Z: Pair) -> list[Array]:
    """Cut columns into slices of 20 bits, from the top; they add up to the pair, but for what is below 200 bits."""
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
