"""The normal distribution function as arithmetic alone, for GELU; the C library's erfc takes seven times as long.

``erfc(x) = t exp(-x^2 + P(2 t - 1))`` for ``x >= 0``, with ``t = 2 / (2 + x)`` and a polynomial P, here of degree 24,
that interpolates at Chebyshev's points: W. H. Press et al., Numerical Recipes, 3rd edition, section 6.2.2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy.special import erfcx

from twofold.engines.numba.exponential import exp, four_more
from twofold.engines.numba.jit import inlined

Array = NDArray[Any]


def interpolated(s: Array) -> Array:
    """Return P(s), from ``erfcx(x) = exp(x^2) erfc(x)``."""
    t = (s + 1) / 2
    return np.log(erfcx(2 / t - 2) / t)


interpolate: Any = chebyshev.chebinterpolate  # whose annotations expect a function of single numbers
A = tuple(float(a) for a in chebyshev.cheb2poly(interpolate(interpolated, 24))[::-1])  # the highest power's first


@inlined
def normal(z: Any) -> Any:
    """``Phi(z) = erfc(-z / sqrt(2)) / 2``, to 1e-14 of itself where z is not far below 0."""
    number = type(z)
    x = abs(z) * number(math.sqrt(0.5))
    t = number(2) / (number(2) + x)
    s = number(2) * t - number(1)
    P = four_more(number(A[0]), s, A[1], A[2], A[3], A[4])
    P = four_more(P, s, A[5], A[6], A[7], A[8])
    P = four_more(P, s, A[9], A[10], A[11], A[12])
    P = four_more(P, s, A[13], A[14], A[15], A[16])
    P = four_more(P, s, A[17], A[18], A[19], A[20])
    P = four_more(P, s, A[21], A[22], A[23], A[24])
    upper = number(0.5) * t * exp(P - x * x)  # Phi(-|z|)
    return number(1) - upper if z > 0 else upper
