"""The functions that definitions are written with, on NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.functions.expressions import FUNCTIONS, Language, function_of, python_lines, share

Array = NDArray[Any]


class NumpyFunctions:
    """The functions of `twofold.functions.expressions.FUNCTIONS` on arrays of one type.

    Parameters
    ----------
    dtype : numpy.dtype
        That of the results, also where both choices of `where` are plain numbers.
    """

    abs, exp, expm1, log, log1p = np.abs, np.exp, np.expm1, np.log, np.log1p
    maximum, minimum, sign, tanh = np.maximum, np.minimum, np.sign, np.tanh

    def __init__(self, dtype: Any) -> None:
        self._number = dtype.type

    def where(self, condition: Any, a: Any, b: Any) -> Array:
        """Return a where the condition holds, else b."""
        if isinstance(a, int | float) and isinstance(b, int | float):
            if (a, b) == (1, 0):
                return np.asarray(condition.astype(self._number))
            a, b = self._number(a), self._number(b)
        return np.where(condition, a, b)

    @staticmethod
    def sqrt(x: Any) -> Any:
        """Return the root, of a number a number: one of NumPy's would make float32 arrays float64."""
        return math.sqrt(x) if isinstance(x, int | float) else np.sqrt(x)

    @staticmethod
    def full(Z: Array, value: Any) -> Array:
        """Return what a definition gave, a number as an array of Z's shape and type."""
        return np.full_like(Z, value) if isinstance(value, int | float) else value

    @staticmethod
    def ndtr(Z: Array) -> Array:
        """``Phi(z)``, the normal distribution function."""
        try:
            from scipy.special import ndtr  # not at the top: the import takes 0.15 s and 10 MiB, and most do without
        except ImportError:
            return slow_ndtr(Z)
        result: Array = ndtr(Z)
        return result


def slow_ndtr(Z: Array) -> Array:
    """``Phi(z) = erfc(-z / sqrt(2)) / 2``, number by number: where SciPy is not installed."""
    values = [0.5 * math.erfc(-z / math.sqrt(2)) for z in Z.ravel().tolist()]
    return np.array(values, dtype=Z.dtype).reshape(Z.shape)


@cache
def of_type(dtype: Any) -> NumpyFunctions:
    """Return the functions on arrays of a type, such as ``numpy.dtype("float32")``."""
    return NumpyFunctions(dtype)


NUMPY = Language({"where": "where({0}, {1}, {2})"}, number=repr)


@cache
def together(expressions: tuple[Any, ...], dtype: Any) -> Callable[[Array], tuple[Any, ...]]:
    """Return a function of an array z of a type that computes several expressions, each part of them once."""
    lines = "".join(f"    {line}\n" for line in python_lines(share(*expressions), NUMPY))
    xp = of_type(dtype)
    return function_of(f"def formulas(z):\n{lines}", "formulas", {name: getattr(xp, name) for name in FUNCTIONS})
