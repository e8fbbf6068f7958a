"""Arrays whose rows are on disk: some at a time come into memory, when they are asked for."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import FileFormatError

Array = NDArray[Any]

PIECE = 1 << 14  # records that are in memory at a time, where all are read


@dataclass(frozen=True, eq=False)
class Stored:
    """An array (n, ...) of which a file has what it is computed from; NumPy's functions bring all of it into memory.

    Attributes
    ----------
    records : ndarray, shape (n,)
        Mapped into memory, or in it.
    read : callable
        Computes rows of the array from rows of the records, each from its own.
    tail : tuple of int
        The array's shape but for n.
    dtype : numpy.dtype
    """

    records: Array
    read: Callable[[Array], Array]
    tail: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole array."""
        return (len(self.records), *self.tail)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return 1 + len(self.tail)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, rows: slice | Array) -> Array:
        """Read rows into memory.

        Raises
        ------
        FileFormatError
            If a record can't be.
        """
        try:
            return self.read(np.array(self.records[rows]))
        except IndexError as error:  # a code of a category that there is not
            raise FileFormatError(f"packed rows are damaged: {error}; pack the table again") from error
        finally:
            _let_go(self.records)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read all rows, without all records in memory."""
        parts = [self[start : start + PIECE] for start in range(0, len(self), PIECE)]
        return np.concatenate(parts, dtype=dtype) if parts else np.empty(self.shape, dtype or self.dtype)


def evenly_spread(n: int, most: int) -> Array:
    """Return at most so many places of n, from the first to the last, int64.

    Examples
    --------
    >>> evenly_spread(9, 3).tolist(), evenly_spread(2, 3).tolist()
    ([0, 4, 8], [0, 1])
    """
    return np.linspace(0, n - 1, min(n, most)).round().astype(np.int64)


def _let_go(records: Array) -> None:
    """Let the system have the pages of a mapped file back, which it keeps as long as it has no better use."""
    mapped = getattr(records, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def in_pieces(function: Callable[[Any], Array], X: Any, rows: int) -> Array:
    """Compute a function of an array's rows, of so many at a time if they are on disk, and of all otherwise."""
    if not isinstance(X, Stored):
        return function(X)
    return np.concatenate([function(X[start : start + rows]) for start in range(0, len(X), rows)])
