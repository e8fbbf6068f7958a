"""The four diagnostic plots of a regression in one picture, as R's ``plot(fit)`` draws them one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.plots.axes_styling import legend, say, style_axes
from twofold.plots.figures import panels
from twofold.plots.residuals import MAX_VECTOR_POINTS, dot_size, quantile_plot, residual_plot
from twofold.plots.style import SMALL, WIDTH, Theme, root_figure, theme_on

Array = NDArray[Any]
CONTOURS = (0.5, 1.0)  # of Cook's distance: R's


def diagnostic_plots(
    fitted: Array, residuals: Array, standardized: Array, leverage: Array, *, parameters: int, named: int = 3
) -> Figure:
    """Draw residuals over fitted values, their normal quantiles, their spread, and their leverages.

    Read them so: the first should show no trend (else the formula lacks a curve), the second a line (else the errors
    aren't normal), the third no trend either (else their variance differs: take robust errors), and the fourth no dot
    beyond the dashed lines (Cook's distance 0.5 and 1: samples that move the fit by themselves).

    Parameters
    ----------
    fitted, residuals, standardized, leverage : ndarray, shape (n,)
        Standardised: internally studentised residuals.
    parameters : int
        Coefficients, for Cook's distance.
    named : int
        So many of the largest samples have their index written.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        If there are fewer than 3 samples.

    References
    ----------
    Cook, Weisberg, "Residuals and Influence in Regression", Chapman and Hall 1982.

    Examples
    --------
    >>> x = np.arange(5.0)
    >>> figure = diagnostic_plots(x, np.sin(x), np.sin(x), np.full(5, 0.4), parameters=2)
    >>> [ax.get_title(loc="left") for ax in figure.axes]
    ['Residuals', 'Normal quantiles', 'Spread', 'Leverage']
    """
    if len(fitted) < 3:
        raise DataError(f"{len(fitted)} samples; the diagnostic plots need at least 3")
    first, second, third, fourth = panels(4, columns=2, size=(1.35 * WIDTH, 1.1 * WIDTH))
    theme = theme_on(first)
    whole = np.isfinite(standardized)  # where the leverage is 1, there is no standardised residual
    numbers = np.flatnonzero(whole)
    shown, h = standardized[whole], leverage[whole]
    residual_plot(fitted + residuals, fitted, outliers=named, ax=first)
    quantile_plot(shown, np.zeros(len(shown)), ax=second)
    _spread(third, theme, fitted[whole], np.sqrt(np.abs(shown)))
    _leverage(fourth, theme, h, shown, parameters=parameters)
    for index in np.argsort(-np.square(shown) * h / (1 - h), kind="stable")[:named]:
        place = h[index], shown[index]
        fourth.annotate(
            str(numbers[index]), place, xytext=(4, 0), textcoords="offset points", fontsize=SMALL, color=theme.ink
        )
    words = ("residual", "standardised residual", "root of |standardised residual|", "standardised residual")
    across = ("fitted value", "normal quantile", "fitted value", "leverage")
    titles = ("Residuals", "Normal quantiles", "Spread", "Leverage")
    for ax, title, x, y in zip((first, second, third, fourth), titles, across, words, strict=True):
        style_axes(ax, theme, title=title, x=x, y=y, grid="both" if ax is second else "y")
    figure = root_figure(first)
    assert figure is not None  # noqa: S101 - panels makes one
    return figure


def _spread(ax: Axes, theme: Theme, fitted: Array, roots: Array) -> None:
    """Draw the roots of absolute standardised residuals, with their mean in tenths of the samples."""
    ax.scatter(
        fitted,
        roots,
        s=dot_size(len(fitted)),
        color=theme.color(0),
        alpha=0.45,
        lw=0,
        rasterized=len(fitted) > MAX_VECTOR_POINTS,
    )
    if len(fitted) >= 20:
        parts = np.array_split(np.argsort(fitted, kind="stable"), 10)
        middle = [fitted[part].mean() for part in parts]
        ax.plot(middle, [roots[part].mean() for part in parts], color=theme.color(1), lw=1.8)


def _leverage(ax: Axes, theme: Theme, h: Array, residuals: Array, *, parameters: int) -> None:
    """Draw standardised residuals over leverages, between the lines of equal Cook's distance D.

    ``D = r^2 h / (p (1 - h))``, so that ``r = +-sqrt(D p (1 - h) / h)``.
    """
    ax.axhline(0, color=theme.soft, lw=0.8)
    ax.scatter(
        h, residuals, s=dot_size(len(h)), color=theme.color(0), alpha=0.45, lw=0, rasterized=len(h) > MAX_VECTOR_POINTS
    )
    largest = float(h.max(initial=0.0))
    x = np.linspace(max(largest / 100, 1e-6), min(max(1.05 * largest, 1e-5), 0.999), 100)
    limit = 1.15 * float(np.abs(residuals).max(initial=1.0))
    for number, distance in enumerate(CONTOURS):
        border = np.sqrt(distance * parameters * (1 - x) / x)
        for sign in (1, -1):
            name = say("Cook's distance 0.5 and 1") if number == 0 and sign == 1 else "_"
            ax.plot(x, sign * border, color=theme.wrong, lw=0.9, ls="--", label=name)
    ax.set_ylim(-limit, limit)
    ax.set_xlim(0, float(x[-1]) * 1.02)
    legend(ax, theme, loc="lower left")
