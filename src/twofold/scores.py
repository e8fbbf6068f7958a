"""Scores of predictions on a set that the model has not seen, each with a confidence interval: 95 %, or as asked for.

Proportions have Wilson's interval. The others are Student's, made to hold with few samples too:

- a mean loss, and a mean share of labels, with two more samples, one right and one wrong, as Agresti and Coull (1998,
  doi:10.1080/00031305.1998.10480550) add some to a proportion: a set without an error doesn't say that there are none;
- R2, RMSE and MAE with the upper end taken of the logarithm and the lower end of the root, since sums of squares are
  skew. (Of R2 this is its distance from 1.)

From 5 samples on they hold the truth about as often as they say if errors are normally distributed, more often for a
sure model, and with heavier tails less: of Laplace's distribution the RMSE's 95 % are 89 to 93 % up to 100 samples.
Samples are taken to be independent.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, ndtri, stdtrit

Array = NDArray[Any]

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A score and how sure it is.

    Attributes
    ----------
    name : str
    value : float
    low, high : float
        Ends of the interval that holds the score on all that could be drawn, in 95 % of draws (or as many as were asked
        for); NaN where there is none.
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


def wilson(right: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of a proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Examples
    --------
    >>> [round(end, 3) for end in wilson(9, 10)]
    [0.596, 0.982]
    """
    z = float(ndtri((1 + level) / 2))
    p, spread = right / n, z * z / n
    middle = (p + spread / 2) / (1 + spread)
    half = z * float(np.sqrt(p * (1 - p) / n + spread / (4 * n))) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def class_scores(O: Array, y: Array, *, unknown: int = 0, level: float = LEVEL) -> list[Estimate]:
    """Score raw outputs for classes.

    Parameters
    ----------
    O : ndarray of float, shape (n, q)
        Of which softmax makes probabilities.
    y : ndarray of int, shape (n,)
        Class indices.
    unknown : int
        Further samples, of classes that have no output: each is wrong, and has no log loss.
    level : float
        Of the intervals.

    Returns
    -------
    list of Estimate
        Accuracy, and log loss (mean ``- log y_hat_y``).
    """
    possible, right = log_losses(O), int((O.argmax(axis=1) == y).sum())
    n = len(y) + unknown
    accuracy = Estimate("accuracy", right / n, *wilson(right, n, level), "Wilson")
    return [accuracy, mean_loss("log loss", possible[np.arange(len(y)), y], possible, level=level)]


def log_losses(O: Array) -> Array:
    """Return the log loss of each sample for each class that it might be of, (n, q)."""
    return -log_softmax(O.astype(np.float64), axis=1)


def mean_loss(name: str, losses: Array, possible: Array, *, level: float = LEVEL) -> Estimate:
    """Return a mean loss.

    Parameters
    ----------
    name : str
    losses : ndarray, shape (n,)
    possible : ndarray, shape (n, k)
        What each sample's loss would be for each truth that there might be.
    level : float
        Of the interval.

    Returns
    -------
    Estimate
    """
    least = possible.min(axis=1)
    wrong = (possible.sum(axis=1) - least) / max(1, possible.shape[1] - 1)
    return _mean_between(name, losses, least, wrong, level=level)


def label_scores(O: Array, Y: Array, *, level: float = LEVEL) -> list[Estimate]:
    """Score raw outputs for labels, each with a sigmoid of its own.

    Parameters
    ----------
    O : ndarray of float, shape (n, q)
    Y : ndarray, shape (n, q)
        Labels, 0 or 1.
    level : float
        Of the intervals.

    Returns
    -------
    list of Estimate
        Accuracy, the share of labels that are right, and log loss, summed over labels.
    """
    O, right = O.astype(np.float64), (O > 0) == (Y > 0.5)
    shares = right.mean(axis=1)
    if O.shape[1] == 1:
        accuracy = Estimate("accuracy", float(shares.mean()), *wilson(int(right.sum()), len(O), level), "Wilson")
    else:
        found = _mean_between("accuracy", shares, np.ones(1), np.zeros(1), level=level)
        accuracy = replace(found, high=float(np.minimum(1.0, found.high)))
    losses = np.logaddexp(0, np.where(right, -1, 1) * np.abs(O)).sum(axis=1)
    return [accuracy, mean_loss("log loss", losses, label_losses(O), level=level)]


def label_losses(O: Array) -> Array:
    """Return the log loss of each sample if all labels are as predicted, and if none is, (n, 2)."""
    size = np.abs(O.astype(np.float64))
    return np.stack([np.logaddexp(0, -size).sum(axis=1), np.logaddexp(0, size).sum(axis=1)], axis=1)


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


def number_scores(predicted: Array, y: Array, *, level: float = LEVEL) -> list[Estimate]:
    """Score predicted numbers.

    Parameters
    ----------
    predicted, y : ndarray of float, shape (n,)
    level : float
        Of the intervals.

    Returns
    -------
    list of Estimate
        R2 (``1 - sum (y - p)^2 / sum (y - mean)^2``), RMSE and MAE, the latter two in the target's unit. R2 is NaN
        where all targets are alike; of one sample there is no interval.
    """
    y = y.astype(np.float64)
    errors, apart = np.abs(y - predicted), np.abs(y - y.mean())
    largest = float(errors.max()) or 1.0  # squares of the errors over it are numbers, whatever their size
    square = _positive_mean("", np.square(errors / largest), level=level)
    value, low, high = (largest * math.sqrt(part) for part in (square.value, square.low, square.high))
    return [
        _r2(np.square(errors / largest), apart, largest, level=level),
        Estimate("RMSE", value, low, high, square.how),
        _positive_mean("MAE", errors, level=level),
    ]


def _r2(squares: Array, apart: Array, largest: float, *, level: float) -> Estimate:
    """Return R2 from squares of the errors over the largest, and from the targets' distances from their mean."""
    name, n, spread = "R2", len(squares), float(apart.max())
    if spread == 0:
        return Estimate(name, float("nan"), float("nan"), float("nan"), "no R2: all targets are alike")
    around = np.square(apart / spread)
    unit = (largest / spread) ** 2
    ratio = unit * float(squares.mean() / around.mean())
    if ratio == 0:
        return Estimate(name, 1.0, 1.0, 1.0, "Student")
    deviations = squares / squares.mean() - around / around.mean()
    # Targets lie nearer to their own mean than to that of all that could be drawn, by (n - 1) / n.
    low, high = _ends(ratio * (n - 1) / n, deviations, level=level)
    return Estimate(name, 1 - ratio, 1 - max(high, ratio), 1 - min(low, ratio), "Student")


def _positive_mean(name: str, values: Array, *, level: float) -> Estimate:
    """Return the mean of numbers that are not negative."""
    mean = float(values.mean())
    if len(values) == 1:
        return _unknown(name, mean)
    low, high = (mean, mean) if mean == 0 else _ends(mean, values / mean, level=level)
    return Estimate(name, mean, low, high, "Student")


def _mean_between(name: str, values: Array, right: Array, wrong: Array, *, level: float) -> Estimate:
    """Return the mean of what each sample brings, its ``right`` if it is right and about its ``wrong`` if it isn't."""
    n, mean = len(values), float(values.mean())
    if n == 1:
        return _unknown(name, mean)
    more = np.concatenate([values, [right.mean(), wrong.mean()]])
    largest = float(np.abs(more).max()) or 1.0
    deviation = largest * float(np.std(more / largest))
    half = float(stdtrit(n + 1, (1 + level) / 2)) * deviation / math.sqrt(n + 2)
    middle = float(more.mean())
    return Estimate(name, mean, max(0.0, middle - half), middle + half, "Student, with one right and one wrong more")


def _unknown(name: str, value: float) -> Estimate:
    return Estimate(name, value, float("nan"), float("nan"), "one row has no spread")


def _ends(value: float, relative: Array, *, level: float) -> tuple[float, float]:
    """Return the ends for a positive value, from what each of n samples adds to it relative to the value.

    Two samples less are counted, which makes up for the spread that a small sample of a skew distribution lacks.
    """
    n = len(relative)
    half = float(stdtrit(n - 1, (1 + level) / 2)) * float(relative.std(ddof=1)) / math.sqrt(max(1, n - 2))
    return value * max(0.0, 1 - half / 2) ** 2, value * math.exp(half)
