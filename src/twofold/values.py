"""What kind of thing a value is, where anyone may have given it."""

from __future__ import annotations

from numbers import Integral, Real


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
