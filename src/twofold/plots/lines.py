"""Lines over one axis: what an experiment measured, one line for each series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from twofold.errors import DataError
from twofold.plots.axes_styling import label, legend, style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import WIDTH

MARKED = 30  # points up to which each has a mark of its own


def line_plot(
    x: ArrayLike,
    series: Mapping[str, ArrayLike],
    *,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    log: Literal["", "x", "y", "xy"] = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw series of numbers over the same x.

    Parameters
    ----------
    x : array_like, shape (n,)
    series : mapping of str to array_like, shape (n,) each
        By name; NaN and infinity leave a gap. A name of ``""`` alone needs no legend.
    xlabel, ylabel, title : str
        Words in English; written in the present style's language where the dictionary has them.
    log : {"", "x", "y", "xy"}
        Which axes are logarithmic.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If there is no series, or one is not as long as x.

    Examples
    --------
    >>> ax = line_plot([1, 2, 3], {"train": [3.0, 2.0, 1.0], "test": [3.0, 2.5, 2.4]}, xlabel="epoch", ylabel="loss")
    >>> [line.get_label() for line in ax.lines]
    ['train', 'test']
    """
    at = np.asarray(x, dtype=np.float64)
    lines = {name: np.asarray(values, dtype=np.float64) for name, values in series.items()}
    if at.ndim != 1 or not at.size or not lines:
        raise DataError(f"x has shape {at.shape} and there are {len(lines)} series; expected (n,) and at least one")
    for name, values in lines.items():
        if values.shape != at.shape:
            raise DataError(f"series {name!r} has shape {values.shape}; expected that of x, {at.shape}")
    ax, theme = open_axes(ax, (WIDTH, 2.8))
    style: dict[str, Any] = {"lw": 1.8, "marker": "o" if at.size <= MARKED else "", "markersize": 4}
    for index, (name, values) in enumerate(lines.items()):
        shown = np.where(np.isfinite(values), values, np.nan)
        ax.plot(at, shown, color=theme.color(index), label=label(name), **style)
    for axis in log:
        getattr(ax, f"set_{axis}scale")("log")
    if any(lines):
        legend(ax, theme)
    return style_axes(ax, theme, title=title, x=xlabel, y=ylabel, grid="both")
