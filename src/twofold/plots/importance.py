"""What matters in a table: importance of its columns, and how predictions go with one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.plots.axes_styling import label, legend, say, style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import SMALL, WIDTH, Theme
from twofold.scores import Estimate

Array = NDArray[Any]

OURS = ("(other)", "(no value)")  # values that are no cells
ABOVE: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 4}  # where it hides no curve
MAX_CURVES = 8  # classes whose curves can be told apart


class Curves(Protocol):
    """What is drawn of a dependence, see `twofold.inspect.dependence.Dependence`."""

    @property
    def column(self) -> str:
        """The column's name."""
        ...

    @property
    def kind(self) -> str:
        """``"number"``, ``"date"`` or ``"category"``."""
        ...

    @property
    def values(self) -> tuple[Any, ...]:
        """Of the column, g of them."""
        ...

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows that have each."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """What is predicted, q of them."""
        ...

    @property
    def of_classes(self) -> bool:
        """Whether these are probabilities of classes."""
        ...

    @property
    def mean(self) -> Array:
        """The mean prediction, (g, q)."""
        ...

    @property
    def low(self) -> Array:
        """Where the band begins, (g, q)."""
        ...

    @property
    def high(self) -> Array:
        """Where it ends, (g, q)."""
        ...


def importance_plot(columns: Sequence[Estimate], *, score: str = "R2", ax: Axes | None = None) -> Axes:
    """Draw how much worse a score is without each column, with its interval; those whose interval holds 0 are hollow.

    Parameters
    ----------
    columns : sequence of Estimate
        From top to bottom, named by the columns.
    score : str
        What drops: ``"R2"`` or ``"accuracy"``; or what rises: ``"MAE"`` or ``"log loss"``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If there is no column.

    Examples
    --------
    >>> ax = importance_plot([Estimate("area", 0.5, 0.4, 0.6, "Student"), Estimate("age", 0.0, -0.1, 0.1, "Student")])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['area', 'age']
    """
    if not columns:
        raise DataError("there is no column to draw")
    ax, theme = open_axes(ax, (WIDTH, 0.8 + 0.27 * len(columns)))
    ax.axvline(0, color=theme.soft, lw=0.8)
    for row, item in enumerate(columns):
        unclear = item.low <= 0 <= item.high
        color = theme.soft if unclear else theme.color(0)
        ax.barh(row, item.value, height=0.62, color=theme.paper if unclear else color, edgecolor=color, alpha=0.55)
        ax.plot((item.low, item.high), (row, row), color=theme.ink, lw=1.4, solid_capstyle="round")
    ax.set_yticks(np.arange(len(columns)), [label(item.name) for item in columns])
    ax.set_ylim(len(columns) - 0.4, -0.6)
    change = "rise of {} by shuffling the column" if score in ("MAE", "log loss") else "{} lost by shuffling the column"
    return style_axes(ax, theme, x=change.format(score), grid="x")


def dependence_plot(curves: Curves, *, ax: Axes | None = None) -> Axes:
    """Draw the mean prediction over the values of a column, and the band that holds most rows' own.

    Of several classes there is a curve for each, up to 8, without bands.

    Parameters
    ----------
    curves : Dependence
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> own = {"column": "area", "kind": "number", "values": (1.0, 2.0), "counts": (1, 1), "outputs": ("price",)}
    >>> y = np.array([[3.0], [4.0]])
    >>> dependence_plot(SimpleNamespace(**own, of_classes=False, mean=y, low=y - 1, high=y + 1)).get_ylabel()
    'price'
    """
    height = 0.9 + 0.3 * len(curves.values) if curves.kind == "category" else 2.9
    ax, theme = open_axes(ax, (WIDTH, height))
    of = say("probability") if curves.of_classes else curves.outputs[0]
    if curves.of_classes and len(curves.outputs) == 1:
        of = f"{of}: {curves.outputs[0]}"
    if curves.kind == "category":
        _draw_categories(ax, theme, curves)
        return style_axes(ax, theme, x=of, y=curves.column, grid="x")
    _draw_lines(ax, theme, curves)
    return style_axes(ax, theme, x=curves.column, y=of, grid="y")


def _shown(curves: Curves) -> list[int]:
    """Return the outputs that are drawn: those with the largest mean, in their order."""
    return sorted(np.argsort(-curves.mean.mean(axis=0), kind="stable")[:MAX_CURVES].tolist())


def _draw_lines(ax: Axes, theme: Theme, curves: Curves) -> None:
    x: Any = curves.values if curves.kind == "number" else np.array(curves.values, "datetime64[s]")
    one = len(curves.outputs) == 1
    for color, k in enumerate(_shown(curves)):
        if one:
            band = ax.fill_between(x, curves.low[:, k], curves.high[:, k], color=theme.color(0), alpha=0.2, lw=0)
            band.set_label(say("80 % of the rows"))
        name = say("mean") if one else label(curves.outputs[k])
        marker = "o" if len(x) <= 12 else ""
        ax.plot(x, curves.mean[:, k], color=theme.color(color), lw=1.8, marker=marker, ms=4, label=name)
    across = ax.get_xaxis_transform()
    ax.plot(x, np.zeros(len(x)), "|", transform=across, color=theme.soft, ms=7, mew=0.9, clip_on=False)
    legend(ax, theme, **({} if one else ABOVE))
    if curves.kind == "date":
        locator = AutoDateLocator(maxticks=6)  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _draw_categories(ax: Axes, theme: Theme, curves: Curves) -> None:
    shown = _shown(curves)
    for row in range(len(curves.values)):
        for color, k in enumerate(shown):
            if len(shown) == 1:
                ends = curves.low[row, k], curves.high[row, k]
                ax.plot(ends, (row, row), color=theme.color(0), alpha=0.3, lw=7, solid_capstyle="butt")
            ax.plot(curves.mean[row, k], row, "o", ms=6, color=theme.color(color))
    values = [say(name) if name in OURS else name for name in map(str, curves.values)]
    names = [f"{label(name)} ({count:,})" for name, count in zip(values, curves.counts, strict=True)]
    ax.set_yticks(np.arange(len(names)), names, fontsize=SMALL)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    if len(shown) > 1:
        handles = [
            ax.plot([], [], "o", color=theme.color(c), label=label(curves.outputs[k]))[0] for c, k in enumerate(shown)
        ]
        legend(ax, theme, handles=handles, **ABOVE)
