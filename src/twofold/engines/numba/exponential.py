"""Exponentials and a logarithm as arithmetic alone, of which machine code does as many at a time as a vector holds.

The C library's are a call for each number and take five times as long. Reduction and series are the classical ones:
W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980, chapter 6.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from twofold.engines.numba.instructions import power_of_two
from twofold.engines.numba.jit import inlined

# ln 2 = LN2_HIGH + LN2_LOW, the first of so few digits that whole multiples of it are exact, in float32 too.
LN2_HIGH, LN2_LOW = 0.693145751953125, 1.42860682030941723212e-6
TAYLOR = tuple(1 / math.factorial(degree) for degree in range(13, 1, -1))
LEAST = -1000.0  # whose exponential is 0 in any type


@inlined
def exp(x: Any) -> Any:
    """``exp(x)`` for ``x <= 0``, to two units in the last place; what is smaller than any normal number may be 0."""
    s, q = parts_of_exp(x)
    return s + s * q


@inlined
def expm1(x: Any) -> Any:
    """``exp(x) - 1`` for ``x <= 0``, with as many digits near 0 as elsewhere."""
    s, q = parts_of_exp(x)
    return s * q + (s - type(x)(1))


@inlined
def log1p(x: Any) -> Any:
    """``log(1 + x) = 2 artanh(x / (2 + x))`` for ``0 <= x <= 1``, by the series of artanh up to degree 33."""
    number = type(x)
    s = x / (number(2) + x)  # at most 1 / 3
    r = s * s
    P = four_more(number(1 / 33), r, 1 / 31, 1 / 29, 1 / 27, 1 / 25)
    P = four_more(P, r, 1 / 23, 1 / 21, 1 / 19, 1 / 17)
    P = four_more(P, r, 1 / 15, 1 / 13, 1 / 11, 1 / 9)
    P = four_more(P, r, 1 / 7, 1 / 5, 1 / 3, 1.0)
    return number(2) * s * P


@inlined
def four_more(P: Any, x: Any, a: float, b: float, c: float, d: float) -> Any:
    """``P x^4 + a x^3 + b x^2 + c x + d``: series are written out, since a loop would hold up the one around it."""
    number = type(x)
    return (((P * x + number(a)) * x + number(b)) * x + number(c)) * x + number(d)


@inlined
def parts_of_exp(x: Any) -> tuple[Any, Any]:
    """Return s and q of ``exp(x) = s (1 + q)``: a power of two, and a Taylor series of degree 13."""
    number = type(x)
    y = number(LEAST) if x < number(LEAST) else x  # NaN stays NaN
    k = number(np.floor(y * number(1 / math.log(2)) + number(0.5)))
    r = (y - k * number(LN2_HIGH)) - k * number(LN2_LOW)  # |r| <= ln(2) / 2
    q = four_more(number(TAYLOR[0]), r, TAYLOR[1], TAYLOR[2], TAYLOR[3], TAYLOR[4])
    q = four_more(q, r, TAYLOR[5], TAYLOR[6], TAYLOR[7], TAYLOR[8])
    q = ((q * r + number(TAYLOR[9])) * r + number(TAYLOR[10])) * r + number(TAYLOR[11])
    return power_of_two(k), q * (r * r) + r
