"""The picture of a learning-rate sweep."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

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
    if ax is None:
        ax = Figure(figsize=(6, 4), layout="constrained").subplots()
    ax.plot(rates, losses, color="0.75", linewidth=1, label="each minibatch")
    ax.plot(rates, smoothed, color="tab:blue", linewidth=2, label="smoothed")
    ax.axvline(suggestion, color="tab:red", linestyle="--", label=f"suggestion {suggestion:.2g}")
    ax.set_xscale("log")
    ax.set_xlabel("learning rate")
    ax.set_ylabel("mean loss before the step")
    # The explosion at the end would press everything else flat.
    ax.set_ylim(0.9 * min(losses.min(), smoothed.min()), 1.5 * smoothed[0])
    ax.legend(frameon=False)
    return ax
