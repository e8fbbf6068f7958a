"""How sure a score is: intervals for accuracies, mean losses and errors, over the drawing of the test set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from twofold.errors import DataError
from twofold.randomness import Purpose, stream

Array = NDArray[Any]

LEVEL = 0.95
RESAMPLES = 1000
MOST_RESAMPLED = 20_000  # samples; a larger set is resampled in one subset of this size, and the interval shrunk


@dataclass(frozen=True)
class Interval:
    """A score and the interval that covers its true value in 95 of 100 test sets.

    Attributes
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float

    def text(self, digits: int = 4) -> str:
        """Write ``0.8260 (0.8184 to 0.8333)``."""
        return f"{self.value:.{digits}g} ({self.low:.{digits}g} to {self.high:.{digits}g})"


def proportion(right: float, n: int) -> Interval:
    """Return a share with Wilson's interval (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Parameters
    ----------
    right : float
        How many of the n; a whole number.
    n : int
        At least 1.

    Returns
    -------
    Interval

    Raises
    ------
    DataError
        If n is 0.

    Examples
    --------
    >>> proportion(80, 100).text()
    '0.8 (0.7112 to 0.8666)'
    """
    if n < 1:
        raise DataError("there are no samples to take a share of")
    k = round(right)
    found = stats.binomtest(k, n).proportion_ci(LEVEL, method="wilson")
    return Interval(k / n, float(found.low), float(found.high))


def mean(values: Array) -> Interval:
    """Return a mean with Student's interval: the values' own spread over the root of n.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One of each sample; with n = 1 the interval is unknown, NaN.

    Returns
    -------
    Interval

    Examples
    --------
    >>> mean(np.array([1.0, 2.0, 3.0])).text()
    '2 (-0.4841 to 4.484)'
    """
    n, value = len(values), float(np.mean(values))
    if n < 2:
        return Interval(value, np.nan, np.nan)
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Interval(value, value - half, value + half)


def bootstrap(score: Callable[[Array], float], n: int, seed: int = 0) -> Interval:
    """Return a score with the percentile interval over samples drawn again (Efron 1979, doi:10.1214/aos/1176344552).

    Parameters
    ----------
    score : callable
        Of the indices of samples, (n,): the score of these.
    n : int
        Samples there are.
    seed : int
        Of the draws.

    Returns
    -------
    Interval

    Examples
    --------
    >>> values = np.arange(100.0)
    >>> found = bootstrap(lambda places: float(values[places].mean()), 100)
    >>> found.value, bool(found.low < 49.5 < found.high)
    (49.5, True)
    """
    draw = stream(seed, Purpose.DATA, 1000)
    value = score(np.arange(n))
    size = min(n, MOST_RESAMPLED)
    scores = np.array([score(draw.integers(n, size=size)) for _ in range(RESAMPLES)])
    low, high = np.quantile(scores, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    # The spread falls with the root of the size: what a subset has too much of is taken out.
    shrink = np.sqrt(size / n)
    return Interval(value, value + shrink * float(low - value), value + shrink * float(high - value))
