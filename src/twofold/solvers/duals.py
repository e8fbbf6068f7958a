"""Forward differentiation: a number that carries its derivatives by parameters, over any kind of number.

A function written with arithmetic and the functions of ``xp`` gives its value and its slopes if it is called with
`Dual` numbers and `DualFunctions`. The numbers within may be NumPy arrays, `DoubleDouble` numbers, or duals again,
which gives second derivatives.

References
----------
Griewank, Walther, "Evaluating Derivatives", 2nd edition, SIAM 2008, section 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Dual:
    """A number and its derivatives.

    Attributes
    ----------
    xp : Any
        The functions of the numbers within.
    value : Any
    slopes : mapping of int to Any
        By parameter; 0 where there is none.

    Examples
    --------
    >>> import math
    >>> x = Dual(math, 3.0, {0: 1.0})
    >>> (x * x + 2 * x).slopes
    {0: 8.0}
    """

    xp: Any
    value: Any
    slopes: Mapping[int, Any] = field(default_factory=dict)

    __array_ufunc__ = None  # NumPy's arrays leave the operators to this class

    def number(self, other: Any) -> Dual:
        """Return a constant as a dual; a dual as it is."""
        return other if isinstance(other, Dual) and other.xp is self.xp else Dual(self.xp, other)

    def follow(self, value: Any, derivative: Any) -> Dual:
        """Return a function's value here with its slopes, by the chain rule."""
        return Dual(self.xp, value, _times(self.slopes, derivative))

    def __add__(self, other: Any) -> Dual:
        other = self.number(other)
        return Dual(self.xp, self.value + other.value, _sum(self.slopes, other.slopes))

    def __neg__(self) -> Dual:
        return self.follow(-self.value, -1.0)

    def __sub__(self, other: Any) -> Dual:
        return self + -self.number(other)

    def __rsub__(self, other: Any) -> Dual:
        return self.number(other) + -self

    def __mul__(self, other: Any) -> Dual:
        other = self.number(other)
        slopes = _sum(_times(self.slopes, other.value), _times(other.slopes, self.value))
        return Dual(self.xp, self.value * other.value, slopes)

    def __truediv__(self, other: Any) -> Dual:
        other = self.number(other)
        value = self.value / other.value
        top = _sum(self.slopes, _times(other.slopes, -value))
        return Dual(self.xp, value, {k: slope / other.value for k, slope in top.items()})

    def __rtruediv__(self, other: Any) -> Dual:
        return self.number(other) / self

    def __pow__(self, exponent: Any) -> Dual:
        other = self.number(exponent)
        value = self.value**other.value
        slopes = _times(self.slopes, other.value * self.value ** (other.value - 1.0)) if self.slopes else {}
        if other.slopes:  # 0 to a positive power has slope 0 in the power; of numbers below 0 there is no such slope
            outside = self.xp.where(self.value < 0, math.nan, 1.0)
            log = self.xp.log(self.xp.where(self.value > 0, self.value, outside))
            slopes = _sum(slopes, _times(other.slopes, value * log))
        return Dual(self.xp, value, slopes)

    def __rpow__(self, base: Any) -> Dual:
        return self.number(base) ** self

    __radd__, __rmul__ = __add__, __mul__

    def __abs__(self) -> Dual:
        return self.follow(self.xp.abs(self.value), self.xp.where(self.value < 0, -1.0, 1.0))

    def __lt__(self, other: Any) -> Any:
        return self.value < self.number(other).value

    def __le__(self, other: Any) -> Any:
        return self.value <= self.number(other).value

    def __gt__(self, other: Any) -> Any:
        return self.value > self.number(other).value

    def __ge__(self, other: Any) -> Any:
        return self.value >= self.number(other).value

    def __getitem__(self, index: Any) -> Dual:
        if self.slopes:
            raise TypeError("only x can be indexed")
        return Dual(self.xp, self.value[index])


def _times(slopes: Mapping[int, Any], factor: Any) -> dict[int, Any]:
    return {k: factor * slope for k, slope in slopes.items()}


def _sum(a: Mapping[int, Any], b: Mapping[int, Any]) -> dict[int, Any]:
    found = dict(a)
    for k, slope in b.items():
        found[k] = found[k] + slope if k in found else slope
    return found


class DualFunctions:
    """The functions of ``xp`` on duals.

    Parameters
    ----------
    xp : Any
        The functions of the numbers within.
    """

    def __init__(self, xp: Any) -> None:
        self._xp = xp
        self.pi = Dual(xp, xp.pi)

    def _dual(self, x: Any) -> Dual:
        return x if isinstance(x, Dual) and x.xp is self._xp else Dual(self._xp, x)

    def exp(self, x: Any) -> Dual:
        """Return ``e^x``."""
        x = self._dual(x)
        value = self._xp.exp(x.value)
        return x.follow(value, value)

    def expm1(self, x: Any) -> Dual:
        """Return ``e^x - 1``."""
        x = self._dual(x)
        value = self._xp.expm1(x.value)
        return x.follow(value, value + 1.0)

    def log(self, x: Any) -> Dual:
        """Return the natural logarithm."""
        x = self._dual(x)
        return x.follow(self._xp.log(x.value), 1.0 / x.value)

    def log1p(self, x: Any) -> Dual:
        """Return ``log(1 + x)``."""
        x = self._dual(x)
        return x.follow(self._xp.log1p(x.value), 1.0 / (x.value + 1.0))

    def sqrt(self, x: Any) -> Dual:
        """Return the square root."""
        x = self._dual(x)
        value = self._xp.sqrt(x.value)
        return x.follow(value, 0.5 / value)

    def sin(self, x: Any) -> Dual:
        """Return the sine."""
        x = self._dual(x)
        return x.follow(self._xp.sin(x.value), self._xp.cos(x.value))

    def cos(self, x: Any) -> Dual:
        """Return the cosine."""
        x = self._dual(x)
        return x.follow(self._xp.cos(x.value), -self._xp.sin(x.value))

    def arctan(self, x: Any) -> Dual:
        """Return the arc tangent."""
        x = self._dual(x)
        return x.follow(self._xp.arctan(x.value), 1.0 / (x.value * x.value + 1.0))

    def tanh(self, x: Any) -> Dual:
        """Return the hyperbolic tangent."""
        x = self._dual(x)
        value = self._xp.tanh(x.value)
        return x.follow(value, 1.0 - value * value)

    def abs(self, x: Any) -> Dual:
        """Return the absolute value; its slope at 0 counts as 1."""
        return abs(self._dual(x))

    def where(self, condition: Any, a: Any, b: Any) -> Dual:
        """Return a where the condition holds, else b."""
        a, b = self._dual(a), self._dual(b)
        choose = self._xp.where
        keys = {*a.slopes, *b.slopes}
        slopes = {k: choose(condition, a.slopes.get(k, 0.0), b.slopes.get(k, 0.0)) for k in keys}
        return Dual(self._xp, choose(condition, a.value, b.value), slopes)

    def maximum(self, a: Any, b: Any) -> Dual:
        """Return the larger."""
        a, b = self._dual(a), self._dual(b)
        return self.where(a >= b, a, b)

    def minimum(self, a: Any, b: Any) -> Dual:
        """Return the smaller."""
        a, b = self._dual(a), self._dual(b)
        return self.where(a <= b, a, b)
