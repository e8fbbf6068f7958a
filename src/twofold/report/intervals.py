"""How sure a mean is, and a score written with its interval; the other intervals are those of `twofold.scores`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from twofold.scores import Estimate

Array = NDArray[Any]


def mean(name: str, values: Array) -> Estimate:
    """Return a mean with Student's 95 % interval: the values' own spread over the root of n.

    Parameters
    ----------
    name : str
    values : ndarray, shape (n,)
        One of each sample, of any sign, such as differences; with n = 1 the interval is unknown, NaN.

    Returns
    -------
    Estimate

    Examples
    --------
    >>> written(mean("loss", np.array([1.0, 2.0, 3.0])))
    '2 (-0.4841 to 4.484)'
    """
    n, value = len(values), float(np.mean(values))
    half = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else np.nan
    return Estimate(name, value, value - half, value + half, "Student")


def written(score: Estimate) -> str:
    """Write a score with its interval."""
    return f"{score.value:.4g} ({score.interval})"


def cells(score: Estimate) -> tuple[float, str]:
    """Return a score and its interval as two cells of a table."""
    return score.value, score.interval
