"""Scores of predictions on a set that the model has not seen, each with a 95 % confidence interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

Array = NDArray[Any]

Z = 1.959963984540054  # the normal distribution has 95 % between -Z and Z


@dataclass(frozen=True)
class Estimate:
    """A score and how sure it is.

    Attributes
    ----------
    name : str
    value : float
    low, high : float
        Ends of the interval that holds the score on all that could be drawn, in 95 % of draws; NaN where there is none.
    how : str
        How the interval is made, or why there is none.
    """

    name: str
    value: float
    low: float
    high: float
    how: str

    @property
    def interval(self) -> str:
        """The interval in words.

        Examples
        --------
        >>> Estimate("accuracy", 0.9, 0.596, 0.98212, "Wilson").interval
        '0.596 to 0.9821'
        """
        return between(self.low, self.high)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, fit for JSON: None for what is no finite number."""
        fields = asdict(self)
        return {name: None if isinstance(x, float) and not np.isfinite(x) else x for name, x in fields.items()}


def between(low: float, high: float) -> str:
    """Write an interval; "none" where there is none."""
    return "none" if np.isnan(low) else f"{low:.4g} to {high:.4g}"


def wilson(right: int, n: int) -> tuple[float, float]:
    """Return the interval of a proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Examples
    --------
    >>> [round(end, 3) for end in wilson(9, 10)]
    [0.596, 0.982]
    """
    p, spread = right / n, Z * Z / n
    middle = (p + spread / 2) / (1 + spread)
    half = Z * float(np.sqrt(p * (1 - p) / n + spread / (4 * n))) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def class_scores(O: Array, y: Array) -> list[Estimate]:
    """Score raw outputs for classes.

    Parameters
    ----------
    O : ndarray of float, shape (n, q)
        Of which softmax makes probabilities.
    y : ndarray of int, shape (n,)
        Class indices.

    Returns
    -------
    list of Estimate
        Accuracy, with Wilson's interval, and log loss (mean ``- log y_hat_y``), with the normal distribution's.
    """
    right = int((O.argmax(axis=1) == y).sum())
    losses = -log_softmax(O.astype(np.float64), axis=1)[np.arange(len(y)), y]
    accuracy = Estimate("accuracy", right / len(y), *wilson(right, len(y)), "Wilson")
    return [accuracy, _mean("log loss", losses)]


def confusion(predicted: Array, y: Array, q: int) -> Array:
    """Count how often each class is taken for each.

    Parameters
    ----------
    predicted, y : ndarray of int, shape (n,)
    q : int
        Number of classes.

    Returns
    -------
    ndarray of int64, shape (q, q)
        Rows are true classes, columns predicted ones.
    """
    return np.bincount(y * q + predicted, minlength=q * q).reshape(q, q)


def number_scores(predicted: Array, y: Array) -> list[Estimate]:
    """Score predicted numbers.

    Parameters
    ----------
    predicted, y : ndarray of float, shape (n,)

    Returns
    -------
    list of Estimate
        R2 (``1 - sum (y - p)^2 / sum (y - mean)^2``), RMSE and MAE, the latter two in the target's unit. The intervals
        are the normal distribution's: R2's by the delta method, RMSE's the root of that of the mean square. R2 is NaN
        where all targets are alike; of one sample there is no interval.
    """
    errors = y.astype(np.float64) - predicted
    squares, around = errors**2, (y - y.mean()) ** 2.0
    mean_square = _mean("", squares)
    low, middle, high = (float(np.sqrt(end)) for end in (mean_square.low, mean_square.value, mean_square.high))
    how = mean_square.how if len(y) == 1 else "normal, of the mean square"
    rmse = Estimate("RMSE", middle, low, high, how)
    return [_r2(squares, around), rmse, _mean("MAE", np.abs(errors))]


def _r2(squares: Array, around: Array) -> Estimate:
    """Return R2 with the interval of a ratio of means, linearised."""
    variance, name, how = float(around.mean()), "R2", "normal, delta method"
    if variance == 0:
        return Estimate(name, float("nan"), float("nan"), float("nan"), "no R2: all targets are alike")
    ratio = float(squares.mean()) / variance
    half = _half((squares - ratio * around) / variance)
    return Estimate(name, 1 - ratio, 1 - ratio - half, 1 - ratio + half, how)


def _mean(name: str, values: Array) -> Estimate:
    """Return the mean of numbers that are not negative, with the normal distribution's interval, cut off at 0."""
    mean = float(values.mean())
    if len(values) == 1:
        return Estimate(name, mean, float("nan"), float("nan"), "one row has no spread")
    half = _half(values)
    return Estimate(name, mean, max(0.0, mean - half), mean + half, "normal")


def _half(values: Array) -> float:
    """Return half the width of the interval of a mean of two values or more."""
    return Z * float(values.std(ddof=1)) / float(np.sqrt(len(values)))
