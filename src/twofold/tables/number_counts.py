"""How often each number comes: exactly for few different ones, in narrow buckets for many, and mergeable either way.

A bucket holds the 64-bit keys that agree in all but their last ``shift`` bits, and knows how many there are, the least
and the greatest. ``shift`` is the least with which `MAX_BUCKETS` buckets hold all keys. A part of the keys never needs
a larger one than all, so that pieces merge to what all keys at once would give, in any grouping and order. Doubles have
keys in their own order (IEEE 754); buckets of theirs are at most 2**(shift - 52) of their numbers wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]

MAX_BUCKETS = 1 << 16
MAX_SHIFT = 63
_ALL_BUT_SIGN = np.int64(2**63 - 1)


@dataclass(frozen=True, eq=False)
class NumberCounts:
    """Counts of keys.

    Attributes
    ----------
    low, high : ndarray of int64, shape (k,)
        Least and greatest key of each bucket, rising.
    counts : ndarray of int64, shape (k,)
    shift : int
        0 where each different key is counted by itself.
    """

    low: Keys
    high: Keys
    counts: Keys
    shift: int = 0

    @classmethod
    def of(cls, keys: Keys) -> NumberCounts:
        """Count keys (n,).

        Examples
        --------
        >>> NumberCounts.of(np.array([7, 5, 7])).counts.tolist()
        [1, 2]
        """
        different, counts = np.unique(keys, return_counts=True)
        return cls(different, different, counts.astype(np.int64))._within(MAX_BUCKETS)

    @property
    def total(self) -> int:
        """How many keys there are."""
        return int(self.counts.sum())

    @staticmethod
    def merged(pieces: Sequence[NumberCounts]) -> NumberCounts:
        """Put several counts together."""
        shift = max(piece.shift for piece in pieces)
        low, high, counts = (
            np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("low", "high", "counts")
        )
        order = np.argsort(low, kind="stable")
        return NumberCounts(low[order], high[order], counts[order])._at(shift)._within(MAX_BUCKETS)

    def _within(self, most: int) -> NumberCounts:
        """Take the least shift with which so many buckets hold all keys."""
        if len(self.low) <= most:
            return self
        narrow, wide = self.shift, MAX_SHIFT  # the first doesn't do, the second does
        while wide - narrow > 1:
            middle = (narrow + wide) // 2
            if np.count_nonzero(np.diff(self.low >> middle)) < most:
                wide = middle
            else:
                narrow = middle
        return self._at(wide)

    def _at(self, shift: int) -> NumberCounts:
        """Join what is in one bucket of a shift."""
        if not len(self.low):
            return NumberCounts(self.low, self.high, self.counts, shift)
        starts = np.flatnonzero(np.diff(self.low >> shift, prepend=(self.low[0] >> shift) - 1))
        return NumberCounts(
            np.minimum.reduceat(self.low, starts),
            np.maximum.reduceat(self.high, starts),
            np.add.reduceat(self.counts, starts),
            shift,
        )


def keys_of(numbers: NDArray[np.float64]) -> Keys:
    """Turn doubles without NaN (n,) into whole numbers in the same order; 0 and -0 are one.

    Examples
    --------
    >>> keys = keys_of(np.array([-np.inf, -1.5, 0.0, 5e-324, 2.0]))
    >>> bool((np.diff(keys) > 0).all()), numbers_of(keys).tolist()
    (True, [-inf, -1.5, 0.0, 5e-324, 2.0])
    """
    bits = (numbers + 0.0).view(np.int64)
    return bits ^ ((bits >> 63) & _ALL_BUT_SIGN)


def numbers_of(keys: Keys) -> NDArray[np.float64]:
    """Turn the keys of doubles into them."""
    return (keys ^ ((keys >> 63) & _ALL_BUT_SIGN)).view(np.float64)
