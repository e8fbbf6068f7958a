"""Double-double arithmetic: a number as the unevaluated sum of two doubles, about 32 decimal digits, in plain NumPy.

A `Pair` (high, low) stands for high + low with abs(low) <= ulp(high) / 2. It rests on error-free transformations: the
rounding error of one floating-point sum or product is itself a double, and can be computed. Nothing here needs a long
double of 80 bits or a fused multiply-add, so the digits are the same on every machine with IEEE 754 doubles.

The relative error of each operation is a few times 2**-104. Products lose their exactness where they overflow
(factors above 2**996) or their error underflows (products below 2**-969): scale by powers of two first.

References
----------
Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18, 1971.
Ogita, Rump, Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput. 26, 2005.
Hida, Li, Bailey, "Algorithms for quad-double precision floating point arithmetic", ARITH-15, 2001.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
SPLITTER = 2.0**27 + 1.0  # Veltkamp's constant: cuts 53 bits into 26 and 26 with a sign
ROWS = 1 << 14  # rows taken at a time, so that the dozen temporaries of a product stay in the cache


class Pair(NamedTuple):
    """Numbers of about 106 bits.

    Attributes
    ----------
    high : ndarray of float64
        The number rounded to a double.
    low : ndarray of float64, same shape
        What rounding took away.
    """

    high: Array
    low: Array

    def at(self, index: Any) -> Pair:
        """Index both halves alike."""
        return Pair(self.high[index], self.low[index])

    @property
    def T(self) -> Pair:  # noqa: N802 (NumPy's own name for it)
        """The transpose."""
        return Pair(self.high.T, self.low.T)


def pair(high: ArrayLike, low: ArrayLike | None = None) -> Pair:
    """Make a pair of doubles, exact, with a low part of 0 unless one is given."""
    high = np.asarray(high, dtype=np.float64)
    return Pair(high, np.zeros_like(high)) if low is None else two_sum(high, np.asarray(low, dtype=np.float64))


def two_sum(a: Array, b: Array) -> Pair:
    """Add doubles without error: ``high + low == a + b`` exactly (Knuth).

    Examples
    --------
    >>> total = two_sum(np.float64(1e16), np.float64(1.0))
    >>> float(total.high), float(total.low)
    (1e+16, 1.0)
    """
    high = a + b
    other = high - a
    return Pair(high, (a - (high - other)) + (b - other))


def two_product(a: Array, b: Array) -> Pair:
    """Multiply doubles without error: ``high + low == a * b`` exactly (Veltkamp's split, Dekker's product).

    Examples
    --------
    >>> product = two_product(np.float64(2.0**27 + 1), np.float64(2.0**27 + 1))
    >>> int(product.high) + int(product.low) == (2**27 + 1) ** 2
    True
    """
    high = a * b
    a_big, b_big = _split(a), _split(b)
    a_small, b_small = a - a_big, b - b_big
    return Pair(high, a_small * b_small - (((high - a_big * b_big) - a_small * b_big) - a_big * b_small))


def _split(a: Array) -> Array:
    """Round to the upper 26 bits."""
    scaled = SPLITTER * a
    return scaled - (scaled - a)


def _quick(high: Array, low: Array) -> Pair:
    """Renormalise where abs(high) >= abs(low)."""
    total = high + low
    return Pair(total, low - (total - high))


def add(a: Pair, b: Pair) -> Pair:
    """Add pairs; the relative error is 2**-104 even where the high parts cancel."""
    high, low = two_sum(a.high, b.high), two_sum(a.low, b.low)
    first = _quick(high.high, high.low + low.high)
    return _quick(first.high, first.low + low.low)


def negative(a: Pair) -> Pair:
    """Change the sign, exactly."""
    return Pair(-a.high, -a.low)


def subtract(a: Pair, b: Pair) -> Pair:
    """Subtract pairs."""
    return add(a, negative(b))


def multiply(a: Pair, b: Pair) -> Pair:
    """Multiply pairs; relative error 2**-103."""
    product = two_product(a.high, b.high)
    return _quick(product.high, product.low + (a.high * b.low + a.low * b.high))


def divide(a: Pair, b: Pair) -> Pair:
    """Divide pairs, by two steps of long division."""
    first = a.high / b.high
    rest = subtract(a, multiply(pair(first), b))
    second = rest.high / b.high
    rest = subtract(rest, multiply(pair(second), b))
    return add(_quick(first, second), pair(rest.high / b.high))


def square_root(a: Pair) -> Pair:
    """Take square roots of non-negative pairs: one Newton step from the double's root (0 stays 0)."""
    root = np.sqrt(a.high)
    rest = subtract(a, two_product(root, root))
    step = np.divide(rest.high, 2.0 * root, out=np.zeros_like(np.atleast_1d(root)), where=np.atleast_1d(root) > 0)
    return _quick(root, step.reshape(root.shape))


def scale(a: Pair, factor: Array | float) -> Pair:
    """Multiply by powers of two, exactly."""
    return Pair(a.high * factor, a.low * factor)


def total(a: Pair) -> Pair:
    """Sum over the first axis, halving the number of terms again and again.

    Parameters
    ----------
    a : Pair, shape (n, ...)

    Returns
    -------
    Pair, shape (...)
        The error is at most about log2(n) * 2**-104 of the sum of absolute values.

    Examples
    --------
    >>> float(total(pair([1e30, 1.0, -1e30])).high)
    1.0
    """
    while len(a.high) > 1:
        half = len(a.high) // 2
        summed = add(a.at(slice(0, half)), a.at(slice(half, 2 * half)))
        if len(a.high) % 2:
            rest = a.at(slice(2 * half, None))
            a = Pair(np.concatenate([summed.high, rest.high]), np.concatenate([summed.low, rest.low]))
        else:
            a = summed
    if len(a.high) == 0:
        return pair(np.zeros(a.high.shape[1:]))
    return a.at(0)


def matrix_product(A: Pair, B: Pair) -> Pair:
    """Multiply matrices of pairs.

    Parameters
    ----------
    A : Pair, shape (n, p)
    B : Pair, shape (p, q)

    Returns
    -------
    Pair, shape (n, q)
    """
    n, q = len(A.high), B.high.shape[1]
    result = Pair(np.empty((n, q)), np.empty((n, q)))
    for start in range(0, n, ROWS):
        rows = slice(start, start + ROWS)
        running = pair(np.zeros((len(A.high[rows]), q)))
        for j in range(B.high.shape[0]):
            running = add(running, multiply(A.at((rows, slice(j, j + 1))), B.at(j)))
        result.high[rows], result.low[rows] = running
    return result


def transposed_product(A: Pair, R: Pair) -> Pair:
    """Compute ``A.T @ R`` of pairs, a sum over many rows.

    Parameters
    ----------
    A : Pair, shape (n, p)
    R : Pair, shape (n, q)

    Returns
    -------
    Pair, shape (p, q)
    """
    p, q = A.high.shape[1], R.high.shape[1]
    if q > p:  # the loop is over the fewer columns
        turned = transposed_product(R, A)
        return Pair(turned.high.T, turned.low.T)
    running = pair(np.zeros((p, q)))
    size = max(16, ROWS // max(p, 1))
    for start in range(0, len(A.high), size):
        rows = slice(start, start + size)
        block = np.concatenate
        parts = [total(multiply(A.at((rows, slice(None))), R.at((rows, slice(k, k + 1))))) for k in range(q)]
        running = add(
            running, Pair(block([x.high[:, None] for x in parts], 1), block([x.low[:, None] for x in parts], 1))
        )
    return running


def sum_of_squares(R: Pair) -> Pair:
    """Sum the squares of each column: (n, q) to (q,)."""
    running = pair(np.zeros(R.high.shape[1]))
    for start in range(0, len(R.high), ROWS):
        block = R.at(slice(start, start + ROWS))
        running = add(running, total(multiply(block, block)))
    return running
