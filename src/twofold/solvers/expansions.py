"""Sums to fourfold precision, and the whole numbers that they become.

Sums over millions of rows are collected in arrays of shape (4, ...): the number is the sum over the first axis. Adding
a double passes its rounding error on to the next part, so that only what falls below about 2**-200 of the largest
partial sum is lost, and the order of the summands doesn't show. What is left of them is small, d^2 numbers; they are
then taken as whole numbers in a fixed unit, Python's own, which have no rounding error at all.

References
----------
Ogita, Rump, Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput. 26, 2005, algorithm SumK.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.solvers.pairs import Pair

Array = NDArray[np.float64]
Whole = NDArray[Any]  # of Python's integers
PARTS = 4
UNIT_BITS = 300  # one unit of a whole number is 2**-300, below all that the four parts of a number near 1 hold


def accumulate(parts: Array, value: Array) -> None:
    """Add doubles to the sums, in place.

    Parameters
    ----------
    parts : ndarray, shape (4, ...)
    value : ndarray, shape (...)

    Examples
    --------
    >>> parts = np.zeros((PARTS, 1))
    >>> for value in (1e30, 1.0, 1e-30, -1e30, -1.0):
    ...     accumulate(parts, np.array([value]))
    >>> float(parts.sum())
    1e-30
    """
    for part in parts:  # `pairs.two_sum`, whose calls would take as long as small sums do
        total = part + value
        other = total - part
        value = (part - (total - other)) + (value - other)
        part[...] = total


def canonical(parts: Array) -> Array:
    """Write sums in the one form that their numbers have: the nearest double, that of the rest, and so on.

    Parameters
    ----------
    parts : ndarray, shape (4, ...)

    Returns
    -------
    ndarray, shape (4, ...)

    Examples
    --------
    >>> canonical(np.array([[1.0], [2.0**-53], [2.0**-53], [0.0]]))[:, 0].tolist() == [1.0 + 2.0**-52, 0.0, 0.0, 0.0]
    True
    """
    found = np.zeros_like(parts)
    for terms, into in zip(parts.reshape(PARTS, -1).T.tolist(), found.reshape(PARTS, -1).T, strict=True):
        for place in range(PARTS):
            into[place] = math.fsum(terms)
            terms.append(-into[place])
    return found


def to_whole(parts: Array, scale: Array | None = None) -> Whole:
    """Turn sums into whole numbers of units of 2**-300.

    Parameters
    ----------
    parts : ndarray, shape (4, ...)
    scale : ndarray, shape (...), optional
        Powers of two to multiply by first.

    Returns
    -------
    ndarray of int objects, shape (...)
    """
    result = np.zeros(parts.shape[1:], dtype=object)
    flat = result.reshape(-1)
    for part in parts:
        scaled = part if scale is None else part * scale
        flat += np.array([whole_of(number, UNIT_BITS) for number in scaled.ravel().tolist()], dtype=object)
    return result


def whole_of(number: float, bits: int) -> int:
    """Turn a double into units of ``2**-bits``, cut off below."""
    mantissa, exponent = math.frexp(number)
    whole, shift = int(math.ldexp(mantissa, 53)), exponent - 53 + bits
    return whole << shift if shift >= 0 else whole >> -shift


def to_double(whole: Whole, bits: int = UNIT_BITS) -> Array:
    """Round whole numbers of units of ``2**-bits`` to the nearest doubles."""
    unit = 1 << bits
    return np.array([number / unit for number in whole.ravel()], dtype=np.float64).reshape(whole.shape)


def to_pair(whole: Whole, bits: int = UNIT_BITS) -> Pair:
    """Round whole numbers of units of ``2**-bits`` to pairs of doubles."""
    high = to_double(whole, bits)
    rest = [n - whole_of(h, bits) for n, h in zip(whole.ravel(), high.ravel().tolist(), strict=True)]
    return Pair(high, to_double(np.array(rest, dtype=object), bits).reshape(high.shape))
