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
from math import factorial
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
MAX_WHOLE_POWER = 64  # that is multiplied out
PI = Fraction("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")
TRIGONOMETRIC_TERMS = 14  # of the series of sine and cosine: (pi / 4)^28 / 28! is 2^-107


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

    def __pow__(self, exponent: Any) -> DoubleDouble:
        if isinstance(exponent, int | float) and exponent == int(exponent) and abs(exponent) <= MAX_WHOLE_POWER:
            return self._whole_power(int(exponent))
        positive = self.high > 0
        power = PairFunctions.exp(PairFunctions.log(_where(positive, self, DoubleDouble.of(1.0))) * exponent)
        with np.errstate(divide="ignore", invalid="ignore"):
            return _where(positive, power, DoubleDouble.of(self.high ** DoubleDouble.of(exponent).high))

    def __rpow__(self, base: Any) -> DoubleDouble:
        return DoubleDouble.of(base) ** self

    def _whole_power(self, exponent: int) -> DoubleDouble:
        if exponent < 0:
            return 1.0 / self._whole_power(-exponent)
        result = DoubleDouble.of(np.ones_like(self.high))
        for bit in f"{exponent:b}":
            result = result * result
            result = result * self if bit == "1" else result
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
    pi: DoubleDouble

    @staticmethod
    def exp(x: Any) -> DoubleDouble:
        """Return ``e^x`` to about 2**-98 of itself; 0 below -745, infinite above 709."""
        number = DoubleDouble.of(x)
        high = number.high
        within = np.clip(high, MIN_EXPONENT, MAX_EXPONENT)
        inside = within == high
        k, small = _exp_parts(_where(inside, number, DoubleDouble.of(within)))
        whole = (small + 1.0).pair
        half = np.trunc(k / 2)  # in two steps: 2**k alone may leave the doubles
        first = pairs.scale(whole, np.ldexp(1.0, half.astype(int)))
        value = pairs.scale(first, np.ldexp(1.0, (k - half).astype(int)))
        outside = np.where(high > MAX_EXPONENT, np.inf, np.where(high < MIN_EXPONENT, 0.0, np.nan))
        outside = np.where(inside, value.high, outside)
        return DoubleDouble(Pair(outside, np.where(inside, value.low, 0.0)))

    @staticmethod
    def expm1(x: Any) -> DoubleDouble:
        """Return ``e^x - 1``, to about 2**-98 of itself."""
        number = DoubleDouble.of(x)
        near = np.abs(number.high) < LN2[0] / 2
        _, small = _exp_parts(_where(near, number, DoubleDouble.of(0.0)))
        return _where(near, small, PairFunctions.exp(number) - 1.0)

    @staticmethod
    def log(x: Any) -> DoubleDouble:
        """Return the logarithm of positive numbers, by a step of Newton's method from the double's."""
        number = DoubleDouble.of(x)
        near = np.abs(number.high - 1.0) < 0.25
        guess = DoubleDouble.of(np.log(number.high))
        error = number * PairFunctions.exp(-guess) - 1.0
        far = guess + (error - error * error * 0.5)
        return _where(near, PairFunctions.log1p(_where(near, number - 1.0, DoubleDouble.of(0.0))), far)

    @staticmethod
    def log1p(x: Any) -> DoubleDouble:
        """Return ``log(1 + x)``, to about 2**-98 of itself."""
        number = DoubleDouble.of(x)
        guess = DoubleDouble.of(np.log1p(number.high))
        inverse = PairFunctions.expm1(-guess)  # 1 / (1 + x) - 1, but for the double's rounding
        far = (number + 1.0) * PairFunctions.exp(-guess) - 1.0
        error = _where(np.abs(number.high) < 0.5, inverse + number + number * inverse, far)
        return guess + (error - error * error * 0.5)

    @staticmethod
    def sin(x: Any) -> DoubleDouble:
        """Return the sine, to about 2**-100 absolutely."""
        return _turned(x, 0)

    @staticmethod
    def cos(x: Any) -> DoubleDouble:
        """Return the cosine, to about 2**-100 absolutely."""
        return _turned(x, 1)

    @staticmethod
    def arctan(x: Any) -> DoubleDouble:
        """Return the arc tangent, by a step of Newton's method from the double's."""
        number = DoubleDouble.of(x)
        guess = np.arctan(number.high)
        sine, cosine = _turned(guess, 0), _turned(guess, 1)
        return guess + (number * cosine - sine) / (number * sine + cosine)

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
        e = PairFunctions.expm1(number * 2.0)
        return e / (e + 2.0)


def _exp_parts(number: DoubleDouble) -> tuple[Array, DoubleDouble]:
    """Return k and s of ``e^x = 2^k (1 + s)``, by a short series and squarings; s is right relative to itself."""
    k = np.rint(number.high / LN2[0])
    rest = number.pair
    for part in LN2:
        rest = pairs.subtract(rest, pairs.two_product(k, np.full_like(k, part)))
    small = DoubleDouble(pairs.scale(rest, 2.0**-HALVINGS))
    series = DoubleDouble.of(np.zeros_like(number.high))
    for factor in reversed(_FACTORIALS):  # e^x - 1 = x (1 + x / 2 (1 + ...))
        series = (series + factor) * small
    for _ in range(HALVINGS):
        series = series * 2.0 + series * series
    return k, series


def _turned(x: Any, quarters: int) -> DoubleDouble:
    """Return ``sin(x + quarters pi / 2)``, by the series of what multiples of pi / 2 leave of x."""
    number = DoubleDouble.of(x)
    k = np.rint(number.high / float(PI / 2))
    rest = number.pair
    for part in _HALF_PI:
        rest = pairs.subtract(rest, pairs.two_product(k, np.full_like(k, part)))
    small = DoubleDouble(rest)
    square = small * small
    sine = cosine = DoubleDouble.of(np.zeros_like(number.high))
    for i in reversed(range(TRIGONOMETRIC_TERMS)):
        sine = sine * square + (-1.0) ** i * _INVERSE_FACTORIALS[2 * i + 1]
        cosine = cosine * square + (-1.0) ** i * _INVERSE_FACTORIALS[2 * i]
    turn = np.mod(k + quarters, 4.0)
    value = _where(np.mod(turn, 2.0) == 0, sine * small, cosine)
    return _where(turn >= 2, -value, value)


def _pair(values: ArrayLike | DoubleDouble | Pair) -> Pair:
    return DoubleDouble.of(values).pair


def _where(condition: Any, a: DoubleDouble, b: DoubleDouble) -> DoubleDouble:
    choose: Callable[..., Array] = np.where
    return DoubleDouble(Pair(choose(condition, a.pair.high, b.pair.high), choose(condition, a.pair.low, b.pair.low)))


def _nearest(value: Fraction) -> DoubleDouble:
    high = float(value)
    return DoubleDouble(pair(high, float(value - Fraction(high))))


def _parts(value: Fraction, count: int) -> tuple[float, ...]:
    found = []
    for _ in range(count):
        found.append(float(value))
        value -= Fraction(found[-1])
    return tuple(found)


_HALF_PI = _parts(PI / 2, 3)
_INVERSE_FACTORIALS = [_nearest(Fraction(1, factorial(k))) for k in range(2 * TRIGONOMETRIC_TERMS)]
_FACTORIALS = _INVERSE_FACTORIALS[1 : TERMS + 2]  # 1 / k! for k = 1, 2, ...
PairFunctions.pi = _nearest(PI)
