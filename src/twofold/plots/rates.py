"""The picture of a learning-rate sweep."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from numpy.typing import NDArray

from twofold.plots.axes_styling import legend, say, style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import WIDTH

Array = NDArray[Any]


def rate_curve(rates: Array, losses: Array, smoothed: Array, suggestion: float, *, ax: Axes | None = None) -> Axes:
    """Draw a sweep's loss over the learning rate, with the suggested rate.

    Parameters
    ----------
    rates, losses, smoothed : ndarray, shape (k,)
        See `twofold.inspect.RateSweep`.
    suggestion : float
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> rate_curve(np.array([0.1, 1.0]), np.array([2.0, 1.0]), np.array([2.0, 1.0]), 0.3).get_xscale()
    'log'
    """
    ax, theme = open_axes(ax, (WIDTH, 3.0))
    ax.plot(rates, losses, color=theme.soft, alpha=0.5, linewidth=1, label=say("each minibatch"))
    ax.plot(rates, smoothed, color=theme.color(0), linewidth=2, label=say("smoothed"))
    ax.axvline(suggestion, color=theme.color(1), linestyle="--", label=f"{say('suggestion')} {suggestion:.2g}")
    ax.set_xscale("log")
    # The explosion at the end would press everything else flat.
    ax.set_ylim(0.9 * min(losses.min(), smoothed.min()), 1.5 * smoothed[0])
    legend(ax, theme)
    return style_axes(ax, theme, x="learning rate", y="mean loss before the step", grid="y")
