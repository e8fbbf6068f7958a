"""Matrix products without rounding error at the speed of BLAS: products of short slices are exact.

Numbers are given by their parts, arrays of doubles that add up to them, see `twofold.solvers.expansions`. They are cut
into slices of so few bits that every product of two slices, summed over the terms of a block, is an integer multiple of
one power of two and fits into 53 bits. BLAS may then sum it in any order, with any number of threads: the result is
exact. The slices' products are added to fourfold precision.

References
----------
Ozaki, Ogita, Oishi, Rump, "Error-free transformations of matrix multiplication by using fast routines of matrix
multiplication and its applications", Numer. Algorithms 59, 2012.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.expansions import PARTS, accumulate

Array = NDArray[np.float64]
Parts = Sequence[Array] | Array  # arrays of one shape that add up to the numbers, the largest first
TERMS = 2048  # summed in one product of slices: of fewer, slices are wider, and fewer of them hold a double
DEPTH = 200  # bits below the largest number of a row or column: what is below that doesn't show in the sums


@dataclass(frozen=True)
class Cut:
    """A matrix that is multiplied more than once, ready for it.

    Attributes
    ----------
    shape : tuple of int
    slices : list of list of ndarray
        Of so many columns at a time: their slices, transposed.
    depth : int
        Bits below a row's largest number that count.
    """

    shape: tuple[int, int]
    slices: list[list[Array]]
    depth: int


def cut(A: Parts, *, depth: int = DEPTH) -> Cut:
    """Cut a matrix's rows into slices."""
    m, t = np.shape(A[0])
    pieces = [[part[:, start : start + TERMS].T for part in A] for start in range(0, t, TERMS)]
    return Cut((m, t), [slices(piece, depth) for piece in pieces], depth)


def exact_product(A: Parts | Cut, B: Parts, *, parts: int = PARTS) -> Array:
    """Compute ``A B`` to fourfold precision, or less.

    Parameters
    ----------
    A : parts, each of shape (m, t), or Cut
        Finite, magnitudes between about 1e-110 and 1e140.
    B : parts, each of shape (t, k)
    parts : int
        Of the result.

    Returns
    -------
    ndarray, shape (parts, m, k)
        Parts of the product; its error is about 2**-200 of the largest number of A's row times that of B's column.

    Examples
    --------
    >>> C = exact_product([np.array([[1e17, 1.0, -1e17]])], [np.ones((3, 1))])
    >>> float(C[0, 0, 0])
    1.0
    """
    left = A if isinstance(A, Cut) else cut(A)
    result = np.zeros((parts, left.shape[0], np.shape(B[0])[1]))
    for number, piece in enumerate(left.slices):
        terms = slice(number * TERMS, (number + 1) * TERMS)
        _add_levels(result, piece, slices([part[terms] for part in B], left.depth), left.depth)
    return result


def exact_gram(Z: Array | Parts, weight: Array | None = None) -> Array:
    """Compute ``Z' diag(weight) Z`` to fourfold precision.

    Parameters
    ----------
    Z : ndarray of float64, shape (n, k), or its parts
        Finite, magnitudes between about 1e-110 and 1e140.
    weight : ndarray, shape (n,), optional

    Returns
    -------
    ndarray, shape (4, k, k)

    Examples
    --------
    >>> G = exact_gram(np.array([[1e8, 1.0], [1.0, 1e-8]]))
    >>> sum(int(part) for part in G[:, 0, 0]) == 10**16 + 1
    True
    """
    parts = [Z] if isinstance(Z, np.ndarray) and Z.ndim == 2 else Z
    if len(parts) == 1 and weight is None:
        return _gram_of_doubles(parts[0])
    n, k = parts[0].shape
    result = np.zeros((PARTS, k, k))
    for start in range(0, n, TERMS):
        rows = slice(start, start + TERMS)
        left = right = slices([part[rows] for part in parts])
        if weight is not None:
            right = slices(weighted([part[rows] for part in parts], weight[rows]))
        _add_levels(result, left, right, DEPTH)
    return result


def _gram_of_doubles(Z: Array) -> Array:
    """Compute ``Z' Z`` as `exact_gram` does, in memory that is taken once.

    The C library may give large arrays back to the system one by one, as it does in Dask's workers, and then each new
    one costs more than what is computed in it.
    """
    n, k = Z.shape
    result, terms = np.zeros((PARTS, k, k)), min(n, TERMS)
    bits = slice_bits(terms)
    most = -(-DEPTH // bits)
    rest, stacked = np.empty(k * terms), np.empty(most * k * terms)
    products = np.empty((most * k) ** 2)
    for start in range(0, n, terms):
        m = min(terms, n - start)
        left = rest[: k * m].reshape(k, m)
        np.copyto(left, Z[start : start + m].T)
        found = _slice_rows(left, stacked[: most * k * m].reshape(most, k, m), bits)
        S = stacked[: found * k * m].reshape(found * k, m)
        # One array and its own transpose are a symmetric product to BLAS, at half the work.
        P = np.dot(S, S.T, out=products[: (found * k) ** 2].reshape(found * k, found * k))
        blocks = P.reshape(found, k, found, k)
        for level in range(min(2 * found - 1, DEPTH // bits + 1)):
            first, last = max(0, level - found + 1), min(level + 1, found)
            total = blocks[first, :, level - first]
            for i in range(first + 1, last):
                total = total + blocks[i, :, level - i]
            accumulate(result, total)
    return result


def _slice_rows(rest: Array, into: Array, bits: int) -> int:
    """Cut rows (k, m) into slices as `slices` cuts columns, in place; return how many there are."""
    np.abs(rest, out=into[0])
    largest = into[0].max(axis=1, initial=0.0)[:, None]
    anchor = np.where(largest > 0, np.ldexp(1.5, np.frexp(largest)[1] + 52 - bits), 0.0)
    for place, part in enumerate(into):
        np.add(rest, anchor, out=part)
        part -= anchor
        rest -= part
        if not rest.any():
            return place + 1
        anchor *= 2.0**-bits
    return len(into)


def weighted(Z: Parts, weight: Array | None) -> Parts:
    """Multiply rows by weights, exactly."""
    if weight is None:
        return Z
    products = [pairs.two_product(part, weight[:, None]) for part in Z if np.any(part)]
    return [half for product in products for half in product] or Z


def collapsed(parts: Array) -> Array:
    """Round numbers of several parts to doubles, however far the parts cancel."""
    rest = list(parts)
    for _ in range(2):
        _carry(rest)
    return np.asarray(sum(reversed(rest)))


def _carry(parts: list[Array]) -> None:
    """Move what belongs to larger parts into them, in place; the sum stays what it is."""
    for i in range(len(parts) - 1, 0, -1):
        a, b = parts[i - 1], parts[i]
        total = a + b
        other = total - a
        parts[i - 1], parts[i] = total, (a - (total - other)) + (b - other)


def slices(parts: Parts, depth: int = DEPTH) -> list[Array]:
    """Cut columns into slices of `slice_bits` bits, from the top; what is so many bits below it is left out."""
    rest = [part for part in parts if part.any()] or [np.asarray(parts[0])]
    bits = slice_bits(len(rest[0]))
    _carry(rest)
    largest = np.abs(rest[0]).max(axis=0, initial=0.0)
    for part in rest[1:]:
        largest = largest + np.abs(part).max(axis=0, initial=0.0)
    # Adding and taking away 1.5 2**(e + 52 - bits) leaves the bits down to 2**(e - bits), e the largest's exponent.
    anchor = np.where(largest > 0, np.ldexp(1.5, np.frexp(largest)[1] + 52 - bits), 0.0)
    found: list[Array] = []
    while True:
        part = (rest[0] + anchor) - anchor
        found.append(part)
        rest[0] = rest[0] - part
        _carry(rest)
        if len(found) * bits >= depth or not any(part.any() for part in rest):
            return found
        anchor = anchor * 2.0**-bits


def slice_bits(terms: int) -> int:
    """Return how many bits slices may have: products of two, summed over the terms and over 16 slices, take 53."""
    return (49 - math.ceil(math.log2(max(min(terms, TERMS), 1)))) // 2


def _add_levels(result: Array, left: list[Array], right: list[Array], depth: int) -> None:
    """Add all products of slices that show; those of one level have the same unit, so that their sum is exact too."""
    m, k = left[0].shape[1], right[0].shape[1]
    stacked = np.hstack(left)
    # One array and its own transpose are a symmetric product to BLAS, at half the work.
    products = stacked.T @ (stacked if left is right else np.hstack(right))
    for level in range(min(len(left) + len(right) - 1, depth // slice_bits(len(stacked)) + 1)):
        first, last = max(0, level - len(right) + 1), min(level + 1, len(left))
        total = products[first * m : (first + 1) * m, (level - first) * k : (level - first + 1) * k]
        for i in range(first + 1, last):
            total = total + products[i * m : (i + 1) * m, (level - i) * k : (level - i + 1) * k]
        accumulate(result, total)
