"""Single values: what kind of thing one is, where anyone may have given it; and how many, in words."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, NamedTuple

from twofold.errors import DataError


class Range(NamedTuple):
    """What a real number may be.

    Attributes
    ----------
    low, high : float
    words : str
        What is said after "it must be".
    ends : str
        A bracket for each end: ``[`` and ``]`` where it is within, ``(`` and ``)`` where it isn't.
    whole : bool
        Whether it must be an integer, Python's own.
    """

    low: float
    high: float
    words: str
    ends: str = "()"
    whole: bool = False

    def holds(self, value: object) -> bool:
        """Tell whether a value is a real number within."""
        if not is_real(value) or (self.whole and not isinstance(value, int)):
            return False
        number: Any = value
        above = self.low <= number if self.ends[0] == "[" else self.low < number
        return bool(above and (number <= self.high if self.ends[1] == "]" else number < self.high))


class PowerOf2(Range):
    """What a power of 2 may be."""

    __slots__ = ()

    def holds(self, value: object) -> bool:
        """Tell whether a value is a power of 2 within."""
        return super().holds(value) and isinstance(value, int) and value.bit_count() == 1


POSITIVE = Range(0, math.inf, "positive and finite")
NOT_NEGATIVE = Range(0, math.inf, "at least 0 and finite", "[)")
FRACTION = Range(0, 1, "at least 0 and less than 1", "[)")


def is_real(value: object) -> bool:
    """Tell whether a value is one real number, Python's or NumPy's; a boolean is none.

    Examples
    --------
    >>> is_real(0.5), is_real(3), is_real("3"), is_real(True)
    (True, True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Tell whether a value is one whole number, Python's or NumPy's; a boolean is none.

    Examples
    --------
    >>> is_whole(3), is_whole(3.0)
    (True, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_sparse(value: object) -> bool:
    """Tell whether a value is one of SciPy's sparse matrices.

    SciPy is not imported for the answer, which takes 0.15 s and 12 MiB: where it isn't, no such matrix is.

    Examples
    --------
    >>> is_sparse([[0.0, 1.0]])
    False
    >>> from scipy.sparse import csr_array
    >>> is_sparse(csr_array([[0.0, 1.0]]))
    True
    """
    issparse = getattr(sys.modules.get("scipy.sparse"), "issparse", None)
    return issparse is not None and bool(issparse(value))


def refuse_masked(name: str, values: object) -> None:
    """Raise `DataError` if an array has masked cells: NumPy would take what lies beneath for numbers.

    Examples
    --------
    >>> import numpy as np
    >>> refuse_masked("X", np.ma.masked_array([1.0, 2.0], mask=[False, True]))
    Traceback (most recent call last):
    twofold.errors.DataError: X has 1 masked cell; fill or drop it: TableEncoder takes masked cells as gaps
    """
    ma: Any = sys.modules.get("numpy.ma")  # where it wasn't imported, no such array is; `numpy.ma` would import it
    if ma and isinstance(values, ma.MaskedArray) and (masked := int(ma.getmaskarray(values).sum())):
        cells = f"{count(masked, 'masked cell')}; fill or drop {'it' if masked == 1 else 'them'}"
        raise DataError(f"{name} has {cells}: TableEncoder takes masked cells as gaps")


def count(number: int, what: str) -> str:
    """Write how many there are, the word in the plural unless it is one.

    Examples
    --------
    >>> count(1, "epoch"), count(0, "test row"), count(60000, "sample")
    ('1 epoch', '0 test rows', '60000 samples')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def either(names: Iterable[str], word: str = "or") -> str:
    """Write names as a choice, or with another word between the last two.

    Examples
    --------
    >>> either(["sgd", "momentum", "adam"])
    'sgd, momentum or adam'
    """
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last
