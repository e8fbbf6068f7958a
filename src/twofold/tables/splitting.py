"""Parts of a table's rows, drawn by a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import SpecificationError
from twofold.randomness import Purpose, stream

Array = NDArray[Any]


def split_rows(y: Array, fraction: float, *, seed: int, place: int = 0, chunk: int = 0) -> tuple[Array, Array]:
    """Split rows in two at random; of each class the same part.

    Parameters
    ----------
    y : ndarray
        Class indices (n,), or numbers (n, 1).
    fraction : float
        Part of the rows that the second set gets, 0 <= fraction < 1; of a class at most all rows but one.
    seed, place, chunk : int
        What the draw depends on.

    Returns
    -------
    first, second : ndarray of int64
        Rows, rising.

    Raises
    ------
    SpecificationError
        If the fraction is out of range.

    Examples
    --------
    >>> [len(rows) for rows in split_rows(np.array([0] * 10 + [1] * 5), 0.2, seed=0)]
    [12, 3]
    """
    if not 0 <= fraction < 1:
        raise SpecificationError(f"the part to hold out is {fraction}; it must be at least 0 and less than 1")
    order = stream(seed, Purpose.SPLIT, place, chunk).permutation(len(y))
    if y.ndim == 1:  # a class's rows are spread evenly over the order, and its end then has its part of each
        kinds = y[order]
        rank = np.empty(len(y))
        for kind in np.unique(kinds):
            mine = np.flatnonzero(kinds == kind)
            rank[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
        order = order[np.argsort(rank, kind="stable")]
    cut = len(y) - round(fraction * len(y))
    return np.sort(order[:cut]), np.sort(order[cut:])
