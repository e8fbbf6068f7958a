"""The covariance of the coefficients from exact sums, computed where it is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.design import power_of_two
from twofold.solvers.exact_products import Parts, exact_product
from twofold.solvers.inverse_root import inverse_root
from twofold.solvers.solution import DERIVED_DIGITS

Array = NDArray[np.float64]
MAX_SMALL = 1000.0
EPS = float(np.finfo(np.float64).eps)


def residual_digits(wrong: Array, rss: Array) -> float:
    """Tell how many digits squared residuals have, those too that are a thousandth of the others; of the worst target.

    Cook's distances and robust errors are made of squares, whose relative error is twice that of what is squared.

    Parameters
    ----------
    wrong : ndarray, shape (q,)
        By how much the fit may be wrong, as a length.
    rss : ndarray, shape (q,)
        In the same units, squared.

    Returns
    -------
    float
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = -np.log10(2 * MAX_SMALL * wrong / np.sqrt(rss))
    return float(np.nan_to_num(digits, nan=0.0).clip(0.0, DERIVED_DIGITS).min(initial=DERIVED_DIGITS))


def exact_spread(
    M: Parts,
    T: Array,
    *,
    directions: Array,
    scale: Array,
    condition: float,
    most: float = DERIVED_DIGITS,
    noise: Array | None = None,
) -> dict[str, Any]:
    """Compute the root, the deviations and their digits; see `twofold.solvers.solution.Spread`.

    Parameters
    ----------
    M : parts, each of shape (p, p)
        ``A'A``.
    T : ndarray, shape (p, p)
        About a root of its inverse.
    directions : ndarray, shape (p, p)
        ``coefficients = directions' x``, in the user's units.
    scale : ndarray, shape (p,)
        What the root's rows are multiplied by for the user's units: powers of two.
    condition : float
        Of the scaled columns: what is left of the digits if M is singular to doubles.
    most : float
        The digits that residuals allow.
    noise : ndarray, shape (p, p), optional
        What rounding may have done to M, see `twofold.solvers.moments.Moments`; in the user's units.

    Returns
    -------
    dict
    """
    root = inverse_root(M, T)
    errors = [10.0**-most]
    if root is None:
        errors.append(len(T) * EPS * condition)
        root = pairs.pair(T)
    unit = power_of_two(np.abs(directions).max(axis=0, initial=0.0))  # so that squares stay within the doubles
    effects = pairs.pair(*exact_product([(directions * unit).T], root, parts=2))  # (p, p)
    if noise is not None and noise.any():
        moved = effects.high / unit[:, None]
        errors.append(len(T) * EPS * np.sqrt(max(float((moved * (noise @ moved)).sum()), 0.0)))
    high, low = pairs.scale(root, scale[:, None])
    deviations = np.sqrt(pairs.sum_of_squares(effects.T).high) / unit
    digits = float(np.clip(-np.log10(max(errors)), 0.0, DERIVED_DIGITS))
    return {"root": high, "low": low, "deviations": deviations, "digits": digits}
