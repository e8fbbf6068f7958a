"""Calibration: whether a model that is 80 % sure is right 80 % of the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import stats

from twofold.errors import DataError, SpecificationError
from twofold.plots.axes_styling import legend, say, style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import WIDTH

Array = NDArray[Any]


@dataclass(frozen=True)
class Calibration:
    """Samples sorted by the model's confidence into bins.

    Attributes
    ----------
    counts : ndarray of int, shape (k,)
        Samples in each bin; empty bins are left out.
    confidence, accuracy : ndarray, shape (k,)
        Mean of each bin.
    low, high : ndarray, shape (k,)
        95 % interval of each accuracy (Wilson 1927, doi:10.1080/01621459.1927.10502953).
    error : float
        Expected calibration error: the mean distance of accuracy from confidence, bins weighted by their samples
        (Guo et al. 2017).
    """

    counts: Array
    confidence: Array
    accuracy: Array
    low: Array
    high: Array
    error: float


def calibration(actual: Array, probabilities: Array, *, bins: int = 10) -> Calibration:
    """Hold a classifier's confidence, the probability of its prediction, against how often it is right.

    Parameters
    ----------
    actual : ndarray of int, shape (n,)
    probabilities : ndarray, shape (n, q)
        Rows that sum to 1.
    bins : int
        Of even width between 0 and 1.

    Returns
    -------
    Calibration

    Raises
    ------
    DataError
        If the shapes don't fit or a row is no probabilities.
    SpecificationError
        If there is no bin.

    Examples
    --------
    >>> calibration(np.array([0, 0, 1, 0]), np.array([[0.75, 0.25]] * 4)).error
    0.0
    """
    y, P = np.asarray(actual), np.asarray(probabilities, dtype=np.float64)
    if bins < 1:
        raise SpecificationError(f"bins is {bins}; it must be at least 1")
    if P.ndim != 2 or y.shape != P.shape[:1] or y.size == 0:
        raise DataError(f"probabilities have shape {P.shape} and classes {y.shape}; expected (n, q) and (n,)")
    if not ((P >= 0).all() and np.allclose(P.sum(axis=1), 1, atol=1e-3)):
        raise DataError("a row is no probabilities; give softmax(outputs), rows of numbers from 0 that sum to 1")
    confidence, right = P.max(axis=1), P.argmax(axis=1) == y
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    there = counts > 0
    counts = counts[there]
    means = np.bincount(place, confidence, bins)[there] / counts
    accuracy = np.bincount(place, right, bins)[there] / counts
    low, high = wilson(accuracy, counts)
    error = float(np.average(np.abs(accuracy - means), weights=counts))
    return Calibration(counts, means, accuracy, low, high, error)


def wilson(share: Array, n: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Return Wilson's interval of shares that were counted among n."""
    z = stats.norm.ppf((1 + level) / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def calibration_plot(actual: Array, probabilities: Array, *, bins: int = 10, ax: Axes | None = None) -> Axes:
    """Draw the reliability diagram: accuracy over confidence, with 95 % intervals, and where the samples lie.

    Points below the line are overconfident. Bars at the bottom are the share of the samples in each bin.

    Parameters
    ----------
    actual, probabilities, bins
        As for `calibration`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If the shapes don't fit or a row is no probabilities.
    SpecificationError
        If there is no bin.

    Examples
    --------
    >>> ax = calibration_plot(np.array([0, 0, 1, 0]), np.array([[0.75, 0.25]] * 4))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('confidence', 'accuracy')
    """
    found = calibration(actual, probabilities, bins=bins)
    ax, theme = open_axes(ax, (WIDTH, 3.6))
    left = np.minimum(np.floor(found.confidence * bins), bins - 1) / bins
    shares = found.counts / found.counts.sum()
    ax.bar(left, shares, 1 / bins, align="edge", color=theme.faint, ec=theme.paper, label=say("share of samples"))
    ax.plot((0, 1), (0, 1), color=theme.soft, lw=1, ls="--", label=say("perfect"))
    bars = np.abs(np.stack([found.low, found.high]) - found.accuracy)
    label = f"{say('measured')} (ECE {found.error:.3f})"
    ax.errorbar(found.confidence, found.accuracy, bars, fmt="o-", ms=4, color=theme.color(0), lw=1.6, label=label)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    legend(ax, theme, loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, columnspacing=1.0, handlelength=1.5)
    return style_axes(ax, theme, x="confidence", y="accuracy", grid="y")
