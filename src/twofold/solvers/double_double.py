"""Double-double numbers that formulas are computed with: a `Pair` with operators, and the functions of ``xp``.

A loss that is written with ``xp``, see `twofold.functions.expressions`, gives about 30 digits of its value and slope if
it is called with `DoubleDouble` numbers and `PairFunctions`: the formula is the same that the engines train with.

References
----------
Hida, Li, Bailey, "Algorithms for quad-double precision floating point arithmetic", ARITH-15, 2001, section 3.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.solvers import pairs
from twofold.solvers.pairs import Pair, pair

Array = NDArray[np.float64]
LN2 = (6.931471805599452862e-01, 2.319046813846299558e-17, 5.707708438416212066e-34)  # three parts of log 2
HALVINGS = 9  # of the argument of exp, so that a short series is enough
TERMS = 7  # of that series: (log 2 / 1024)^8 / 8! is 2^-99 of the first term
MAX_EXPONENT, MIN_EXPONENT = 709.0, -745.0  # exponents beyond which exp overflows, or is 0


@dataclass(frozen=True, eq=False)
class DoubleDouble:
    """An array of double-double numbers with Python's operators.

    Attributes
    ----------
    pair : Pair

    Examples
    --------
    >>> third = DoubleDouble.of(1.0) / 3.0
    >>> float(third.pair.low)  # what a double's 1/3 lacks
    1.850371707708594e-17
    """

    pair: Pair

    __array_ufunc__ = None  # NumPy's arrays leave the operators to this class

    @classmethod
    def of(cls, values: Any) -> DoubleDouble:
        """Return numbers, doubles or a pair as double-double numbers."""
        if isinstance(values, DoubleDouble):
            return values
        return cls(values if isinstance(values, Pair) else pair(values))

    @property
    def high(self) -> Array:
        """Rounded to doubles."""
        return self.pair.high

    def __add__(self, other: Any) -> DoubleDouble:
        return DoubleDouble(pairs.add(self.pair, _pair(other)))

    def __radd__(self, other: Any) -> DoubleDouble:
        return self + other

    def __sub__(self, other: Any) -> DoubleDouble:
        return DoubleDouble(pairs.subtract(self.pair, _pair(other)))

    def __rsub__(self, other: Any) -> DoubleDouble:
        return DoubleDouble(pairs.subtract(_pair(other), self.pair))

    def __mul__(self, other: Any) -> DoubleDouble:
        return DoubleDouble(pairs.multiply(self.pair, _pair(other)))

    def __rmul__(self, other: Any) -> DoubleDouble:
        return self * other

    def __truediv__(self, other: Any) -> DoubleDouble:
        return DoubleDouble(pairs.divide(self.pair, _pair(other)))

    def __rtruediv__(self, other: Any) -> DoubleDouble:
        return DoubleDouble(pairs.divide(_pair(other), self.pair))

    def __pow__(self, exponent: int) -> DoubleDouble:
        result = self
        for _ in range(exponent - 1):
            result = result * self
        return result

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble(pairs.negative(self.pair))

    def __abs__(self) -> DoubleDouble:
        sign = np.where(self.high < 0, -1.0, 1.0)
        return DoubleDouble(pairs.scale(self.pair, sign))

    def __lt__(self, other: Any) -> Any:
        return (self - other).high < 0

    def __le__(self, other: Any) -> Any:
        return (self - other).high <= 0

    def __gt__(self, other: Any) -> Any:
        return (self - other).high > 0

    def __ge__(self, other: Any) -> Any:
        return (self - other).high >= 0

    def __getitem__(self, index: Any) -> DoubleDouble:
        return DoubleDouble(self.pair.at(index))

    def sum(self) -> float:
        """Return the sum, rounded once."""
        return float(pairs.total(Pair(np.ravel(self.pair.high), np.ravel(self.pair.low))).high)


class PairFunctions:
    """The functions of `twofold.functions.expressions.FUNCTIONS` that losses use, on double-double numbers."""

    abs = staticmethod(abs)

    @staticmethod
    def exp(x: Any) -> DoubleDouble:
        """Return ``e^x`` to about 2**-98 of itself; 0 below -745, infinite above 709."""
        number = DoubleDouble.of(x)
        high = number.high
        within = np.clip(high, MIN_EXPONENT, MAX_EXPONENT)
        inside = within == high
        k = np.rint(within / LN2[0])
        rest = _where(inside, number, DoubleDouble.of(within)).pair
        for part in LN2:
            rest = pairs.subtract(rest, pairs.two_product(k, np.full_like(k, part)))
        small = DoubleDouble(pairs.scale(rest, 2.0**-HALVINGS))
        series = DoubleDouble.of(np.zeros_like(high))
        for factor in reversed(_FACTORIALS):  # e^x - 1 = x (1 + x / 2 (1 + ...)), kept without its 1
            series = (series + factor) * small
        for _ in range(HALVINGS):
            series = series * 2.0 + series * series
        whole = (series + 1.0).pair
        half = np.trunc(k / 2)  # in two steps: 2**k alone may leave the doubles
        first = pairs.scale(whole, np.ldexp(1.0, half.astype(int)))
        value = pairs.scale(first, np.ldexp(1.0, (k - half).astype(int)))
        outside = np.where(high > MAX_EXPONENT, np.inf, np.where(high < MIN_EXPONENT, 0.0, np.nan))
        outside = np.where(inside, value.high, outside)
        return DoubleDouble(Pair(outside, np.where(inside, value.low, 0.0)))

    @staticmethod
    def log(x: Any) -> DoubleDouble:
        """Return the logarithm of positive numbers, by a step of Newton's method from the double's."""
        number = DoubleDouble.of(x)
        guess = DoubleDouble.of(np.log(number.high))
        error = number * PairFunctions.exp(-guess) - 1.0
        return guess + (error - error * error * 0.5)

    @staticmethod
    def log1p(x: Any) -> DoubleDouble:
        """Return ``log(1 + x)``, to 2**-98 absolutely."""
        return PairFunctions.log(DoubleDouble.of(x) + 1.0)

    @staticmethod
    def expm1(x: Any) -> DoubleDouble:
        """Return ``e^x - 1``, to 2**-98 absolutely."""
        return PairFunctions.exp(x) - 1.0

    @staticmethod
    def sqrt(x: Any) -> DoubleDouble:
        """Return the square root."""
        return DoubleDouble(pairs.square_root(_pair(x)))

    @staticmethod
    def where(condition: Any, a: Any, b: Any) -> DoubleDouble:
        """Return a where the condition holds, else b."""
        return _where(condition, DoubleDouble.of(a), DoubleDouble.of(b))

    @staticmethod
    def maximum(a: Any, b: Any) -> DoubleDouble:
        """Return the larger."""
        a, b = DoubleDouble.of(a), DoubleDouble.of(b)
        return _where(a > b, a, b)

    @staticmethod
    def minimum(a: Any, b: Any) -> DoubleDouble:
        """Return the smaller."""
        a, b = DoubleDouble.of(a), DoubleDouble.of(b)
        return _where(a < b, a, b)

    @staticmethod
    def sign(x: Any) -> DoubleDouble:
        """Return -1, 0 or 1."""
        return DoubleDouble.of(np.sign(DoubleDouble.of(x).high))

    @staticmethod
    def tanh(x: Any) -> DoubleDouble:
        """Return ``(e^2x - 1) / (e^2x + 1)``."""
        number = PairFunctions.minimum(PairFunctions.maximum(x, -300.0), 300.0)  # beyond, it is 1
        e = PairFunctions.exp(number * 2.0)
        return (e - 1.0) / (e + 1.0)


def _pair(values: ArrayLike | DoubleDouble | Pair) -> Pair:
    return DoubleDouble.of(values).pair


def _where(condition: Any, a: DoubleDouble, b: DoubleDouble) -> DoubleDouble:
    choose: Callable[..., Array] = np.where
    return DoubleDouble(Pair(choose(condition, a.pair.high, b.pair.high), choose(condition, a.pair.low, b.pair.low)))


def _nearest(value: Fraction) -> DoubleDouble:
    high = float(value)
    return DoubleDouble(pair(high, float(value - Fraction(high))))


def _coefficients() -> list[DoubleDouble]:
    """Return 1 / k! for k = 1, 2, ...; (0 + 1 / TERMS!) x + 1 / (TERMS - 1)! ... is the series by Horner."""
    found, factorial = [], 1
    for k in range(1, TERMS + 2):
        factorial *= k
        found.append(_nearest(Fraction(1, factorial)))
    return found


_FACTORIALS = _coefficients()
