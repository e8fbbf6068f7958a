"""Powers of x as pairs of doubles, so that the columns of a polynomial fit keep what a double would round away.

Filip's certified coefficients have 15 digits; from powers rounded to doubles even exact arithmetic gives back 7.6.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from twofold.errors import DataError, SpecificationError
from twofold.solvers.pairs import Pair, multiply, pair


def polynomial_features(x: ArrayLike, degree: int) -> Pair:
    """Form ``x, x^2, ..., x^degree`` with the rounding error of each power beside it.

    Parameters
    ----------
    x : array, shape (n,) or (n, 1)
        Finite numbers, taken as exact doubles.
    degree : int
        At least 1.

    Returns
    -------
    Pair, shape (n, degree)
        ``high`` are the powers as doubles, ``high + low`` the powers to about 31 digits. `solve_least_squares` and
        `LinearRegression` take the pair in place of X.

    Raises
    ------
    SpecificationError
        If the degree is not a whole number of at least 1.
    DataError
        If x is not one column of finite numbers, or a power leaves the range of doubles.

    Examples
    --------
    >>> powers = polynomial_features([0.1, 3.0], 2)
    >>> powers.high
    array([[0.1 , 0.01],
           [3.  , 9.  ]])
    >>> bool(powers.low[0, 1] != 0), bool(powers.low[1, 1] == 0)  # 0.1 * 0.1 is no double; 3 * 3 is
    (True, True)
    """
    if isinstance(degree, bool) or not isinstance(cast("object", degree), int | np.integer) or degree < 1:
        raise SpecificationError(f"degree is {degree!r}; it must be a whole number of at least 1")
    x = np.asarray(x, dtype=np.float64)
    if x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    if x.ndim != 1:
        raise DataError(f"x has shape {x.shape}; powers are formed of one column, (n,) or (n, 1)")
    largest = float(np.abs(x).max(initial=0.0))
    if not np.isfinite(largest) or (largest > 0 and abs(degree * np.log2(largest)) > 990):
        raise DataError(f"x reaches {largest}; its power {degree} leaves the range of doubles: rescale x")
    powers = [pair(x)]
    while len(powers) < degree:
        powers.append(multiply(powers[-1], powers[0]))
    return Pair(np.stack([p.high for p in powers], axis=1), np.stack([p.low for p in powers], axis=1))
