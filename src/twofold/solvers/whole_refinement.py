"""Refinement of normal equations in whole numbers: no rounding error but the last.

A factor in pairs of doubles gives ``M x = C`` to cond^2 * 1e-32; the residual ``C - M x`` in Python's integers is
exact, and each round of corrections gains as many digits again. So the sums of a stream yield what they determine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twofold.solvers.expansions import UNIT_BITS, Whole, to_double, to_pair, whole_of
from twofold.solvers.pairs import Pair

Array = NDArray[np.float64]
BITS = 240  # of a solution, below its unit
MAX_ROUNDS = 30


@dataclass(frozen=True)
class WholeSolution:
    """Of ``M x = C``.

    Attributes
    ----------
    x : Whole, shape (p, q)
        In units of 2**-240.
    error : ndarray, shape (p, q)
        Estimate of what is still wrong.
    """

    x: Whole
    error: Array

    @property
    def pair(self) -> Pair:
        """Round to pairs."""
        return to_pair(self.x, BITS)


def refine_whole(M: Whole, C: Whole, solve: Callable[[Pair], Array]) -> WholeSolution:
    """Solve until corrections no longer shrink, or are 0.

    Parameters
    ----------
    M : Whole, shape (p, p)
    C : Whole, shape (p, q)
        Both in units of 2**-300.
    solve : callable
        ``solve(B)`` is about the solution of ``M x = B``, B (p, q): of its
        digits the first cond^2 are lost, so that doubles wouldn't do.

    Returns
    -------
    WholeSolution
    """
    x = np.zeros(C.shape, dtype=object)
    before, error = np.full(C.shape[1], np.inf), np.full(C.shape, np.inf)
    for _ in range(MAX_ROUNDS):
        left = (C << BITS) - M @ x if x.any() else C << BITS
        correction = solve(to_pair(left, UNIT_BITS + BITS))
        size = np.abs(correction).max(axis=0, initial=0.0)
        going = (size < before / 2) & (size > 0)
        rate = np.divide(size, before, out=np.zeros_like(size), where=before > 0)
        error = np.where(size < before / 2, np.abs(correction) * rate, np.abs(correction))
        step = np.where(going, correction, 0.0)
        whole = np.array([whole_of(v, BITS) for v in step.ravel().tolist()], dtype=object).reshape(x.shape)
        if not whole.any():
            break
        x, before = x + whole, np.where(going, size, before)
    return WholeSolution(x, error)


def residual_squares(M: Whole, C: Whole, D: Whole, x: Whole) -> Array:
    """Compute ``d - 2 x'c + x'M x`` for each target, which is right to twice as many digits as x.

    Parameters
    ----------
    M, C : Whole, shapes (p, p) and (p, q)
    D : Whole, shape (q,)
        The targets' squares.
    x : Whole, shape (p, q)

    Returns
    -------
    ndarray, shape (q,)
        In units of 1.
    """
    squares = (D << (2 * BITS)) - (x * ((C << (BITS + 1)) - M @ x)).sum(axis=0)
    return np.maximum(to_double(squares, UNIT_BITS + 2 * BITS), 0.0)
