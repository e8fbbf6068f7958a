"""Figures and Axes in the present style, which show themselves in a notebook."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twofold.errors import SpecificationError
from twofold.plots.saving import svg
from twofold.plots.style import DARK, LIGHT, WIDTH, Theme, present_style, theme_on


class Picture(Figure):
    """A figure that shows itself in a notebook as SVG, and knows whether it may turn dark on a dark screen."""

    adaptive = False

    def _repr_svg_(self) -> str:
        return svg(self)


class Pictures(list[Axes]):
    """Axes of one figure, as a list that shows the figure in a notebook."""

    def _repr_svg_(self) -> str:
        return svg(self[0])


class Panel(Axes):
    """Axes that show their picture in a notebook."""

    def _repr_svg_(self) -> str:
        return svg(self)


def panels(count: int, *, columns: int = 1, size: tuple[float, float] | None = None) -> list[Axes]:
    """Make a figure with empty Axes in the present style, to be given to pictures as ``ax``.

    Parameters
    ----------
    count : int
        How many, at least 1.
    columns : int
        In a row.
    size : (float, float), optional
        Inches of the whole figure; otherwise as wide as a column of text.

    Returns
    -------
    list of matplotlib.axes.Axes
        Row by row.

    Raises
    ------
    SpecificationError
        If a number is less than 1.

    Examples
    --------
    >>> loss, accuracy = panels(2)
    >>> loss.figure is accuracy.figure
    True
    """
    if count < 1 or columns < 1:
        raise SpecificationError(f"{count} panels in {columns} columns; both must be at least 1")
    rows = -(-count // columns)
    width, height = size or (WIDTH, rows * (2.7 if columns == 1 else 2.0))
    figure, theme = new_figure(width, height)
    made = Pictures()
    for index in range(count):
        ax = figure.add_subplot(rows, columns, index + 1, axes_class=Panel)
        ax.set_facecolor(theme.paper)
        made.append(ax)
    return made


def new_figure(width: float, height: float) -> tuple[Picture, Theme]:
    """Make a figure of so many inches in the present style."""
    now = present_style()
    theme = DARK if now.theme == "dark" else LIGHT
    figure = Picture(figsize=(width, height), layout="constrained", facecolor=theme.paper)
    figure.adaptive = now.theme == "auto"
    return figure, theme


def open_axes(ax: Axes | None, size: tuple[float, float]) -> tuple[Axes, Theme]:
    """Return the Axes to draw on, made if none are given, and the theme that can be read on them."""
    if ax is None:
        (ax,) = panels(1, size=size)
    return ax, theme_on(ax)
