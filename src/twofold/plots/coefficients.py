"""Coefficients of a regression with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from twofold.errors import DataError
from twofold.plots.axes_styling import label, style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import WIDTH

if TYPE_CHECKING:
    from twofold.solvers.summary import Summary


def coefficient_plot(
    summary: Summary,
    *,
    scales: Mapping[str, float] | None = None,
    intercept: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw each coefficient with its confidence interval; those whose interval holds 0 are hollow.

    Parameters
    ----------
    summary : Summary
        Of `twofold.LinearRegression.summary`.
    scales : mapping of str to float, optional
        What coefficients are multiplied by, by name, such as the features' standard deviations: features in different
        units can then be compared.
    intercept : bool
        Draw the intercept too.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If there is nothing to draw, or a coefficient lacks a scale.

    Examples
    --------
    >>> from twofold import LinearRegression
    >>> model = LinearRegression().fit([[1.0], [2.0], [3.0], [4.0]], [2.0, 3.0, 5.0, 5.0])
    >>> ax = coefficient_plot(model.summary())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['x0']
    """
    items = [item for item in summary.coefficients if intercept or item.name != "intercept"]
    if not items:
        raise DataError("there is no coefficient but the intercept; draw it with intercept=True")
    missing = [item.name for item in items if scales is not None and item.name not in scales]
    if missing:
        raise DataError(f"scales lack {', '.join(missing)}; give one for each coefficient")
    ax, theme = open_axes(ax, (WIDTH, 0.8 + 0.27 * len(items)))
    ax.axvline(0, color=theme.soft, lw=0.8)
    for row, item in enumerate(items):
        scale = 1.0 if scales is None else scales[item.name]
        low, value, high = (scale * number for number in (item.low, item.value, item.high))
        unclear = item.low <= 0 <= item.high
        color = theme.soft if unclear else theme.color(0)
        ax.plot((low, high), (row, row), color=color, lw=2, solid_capstyle="round")
        ax.plot(value, row, "o", ms=6, color=color, mfc=theme.paper if unclear else color)
    ax.set_yticks(np.arange(len(items)), [label(item.name) for item in items])
    ax.set_ylim(len(items) - 0.4, -0.6)
    return style_axes(ax, theme, title=f"{summary.target}, {100 * summary.level:g} %", x="coefficient", grid="x")
