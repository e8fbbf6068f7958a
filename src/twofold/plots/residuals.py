"""What a regression leaves over: residuals over fitted values, and against a normal distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray
from scipy import stats

from twofold.errors import DataError
from twofold.plots.axes_styling import legend, say, style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import SMALL, WIDTH

Array = NDArray[Any]

MAX_VECTOR_POINTS = 5000  # samples up to which each is a dot of an SVG file; more become one image in it


def residual_plot(actual: Array, fitted: Array, *, outliers: int = 3, ax: Axes | None = None) -> Axes:
    """Draw the residuals, actual minus fitted, over the fitted values, with their trend.

    A good fit leaves a band around 0 without a trend, as wide on the left as on the right. The trend is the mean of the
    residuals in tenths of the samples, by fitted value.

    Parameters
    ----------
    actual, fitted : ndarray, shape (n,) or (n, 1)
    outliers : int
        Of so many largest residuals the sample's index is written.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If the shapes differ or a number is not finite.

    Examples
    --------
    >>> ax = residual_plot(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.5, 3.5]), outliers=1)
    >>> ax.collections[0].get_offsets().tolist()
    [[1.0, 0.0], [2.5, -0.5], [3.5, 0.5]]
    """
    actual, fitted = _check(actual, fitted)
    residuals = actual - fitted
    ax, theme = open_axes(ax, (WIDTH, 2.9))
    ax.axhline(0, color=theme.soft, lw=0.8)
    ax.scatter(
        fitted,
        residuals,
        s=dot_size(len(fitted)),
        color=theme.color(0),
        alpha=0.45,
        lw=0,
        rasterized=len(fitted) > MAX_VECTOR_POINTS,
    )
    order = np.argsort(fitted, kind="stable")
    if len(fitted) >= 20:
        parts = np.array_split(order, 10)
        middle = [fitted[part].mean() for part in parts]
        ax.plot(middle, [residuals[part].mean() for part in parts], color=theme.color(1), lw=1.8, label=say("trend"))
        legend(ax, theme)
    for index in np.argsort(-np.abs(residuals), kind="stable")[:outliers]:
        place = fitted[index], residuals[index]
        ax.annotate(
            str(index), place, xytext=(4, 0), textcoords="offset points", va="center", fontsize=SMALL, color=theme.ink
        )
    return style_axes(ax, theme, x="fitted value", y="residual", grid="y")


def actual_plot(actual: Array, predicted: Array, *, name: str = "", log: bool = False, ax: Axes | None = None) -> Axes:
    """Draw the actual values over the predicted ones: the nearer to the line, the better.

    Parameters
    ----------
    actual, predicted : ndarray, shape (n,) or (n, 1)
    name : str
        What is predicted.
    log : bool
        Logarithmic scales, if all numbers are positive.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If the shapes differ or a number is not finite.

    Examples
    --------
    >>> ax = actual_plot(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.5, 3.5]))
    >>> ax.collections[0].get_offsets().tolist()
    [[1.0, 1.0], [2.5, 2.0], [3.5, 4.0]]
    """
    actual, predicted = _check(actual, predicted)
    ax, theme = open_axes(ax, (WIDTH, 3.9))
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    ax.plot(ends, ends, color=theme.color(1), lw=1.4, label=say("perfect"))
    ax.scatter(
        predicted,
        actual,
        s=dot_size(len(actual)),
        color=theme.color(0),
        alpha=0.35,
        lw=0,
        rasterized=len(actual) > MAX_VECTOR_POINTS,
    )
    if log and ends[0] > 0:
        ax.set_xscale("log")
        ax.set_yscale("log")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
            axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
            axis.set_minor_locator(NullLocator())
    legend(ax, theme, loc="upper left")
    return style_axes(ax, theme, title=name, x="predicted", y="actual", grid="both")


def quantile_plot(actual: Array, fitted: Array, *, ax: Axes | None = None) -> Axes:
    """Draw the standardised residuals over the quantiles of a normal distribution: on the line if they are normal.

    Parameters
    ----------
    actual, fitted : ndarray, shape (n,) or (n, 1)
        At least 3 samples.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If the shapes differ, a number is not finite, or there are fewer than 3 samples.

    Examples
    --------
    >>> ax = quantile_plot(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.5, 3.5]))
    >>> ax.get_xlabel()
    'normal quantile'
    """
    actual, fitted = _check(actual, fitted)
    n = len(actual)
    if n < 3:
        raise DataError(f"{n} residuals; their quantiles need at least 3")
    residuals = np.sort(actual - fitted)
    spread = residuals.std() or 1.0
    standardised = (residuals - residuals.mean()) / spread
    quantiles = stats.norm.ppf((np.arange(1, n + 1) - 0.375) / (n + 0.25))  # Blom 1958
    ax, theme = open_axes(ax, (WIDTH, 2.9))
    ends = np.array([quantiles[0], quantiles[-1]])
    ax.plot(ends, ends, color=theme.soft, lw=1)
    ax.scatter(
        quantiles, standardised, s=dot_size(n), color=theme.color(0), alpha=0.6, lw=0, rasterized=n > MAX_VECTOR_POINTS
    )
    return style_axes(ax, theme, x="normal quantile", y="standardised residual", grid="both")


def _check(actual: Array, fitted: Array) -> tuple[Array, Array]:
    """Return both as (n,) float64."""
    pair = []
    for name, values in (("actual", actual), ("fitted", fitted)):
        values = np.asarray(values, dtype=np.float64)
        flat = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
        if flat.ndim != 1 or flat.size == 0:
            raise DataError(f"{name} has shape {values.shape}; expected (n,) or (n, 1)")
        if not np.isfinite(flat).all():
            raise DataError(f"{name} holds a number that is not finite")
        pair.append(flat)
    if pair[0].shape != pair[1].shape:
        raise DataError(f"{len(pair[0])} actual and {len(pair[1])} fitted values; they must be as many")
    return pair[0], pair[1]


def dot_size(n: int) -> float:
    """Return the area of a dot, in square points: smaller the more there are."""
    return float(np.clip(4000 / n, 3, 24))
