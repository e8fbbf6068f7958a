"""What every picture wears: axes, titles, labels and legends in the theme's inks and the language's font."""

from __future__ import annotations

from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.ticker import AutoLocator, FixedLocator, MaxNLocator

from twofold.plots.language import font_family, translate
from twofold.plots.style import LABEL, SMALL, TICK, TITLE, Theme, present_style, root_figure, theme_on
from twofold.text import visible

MAX_NAME_LENGTH = 40  # letters of a name that a picture has room for


def say(words: str) -> str:
    """Return words in the present style's language."""
    return translate(words, present_style().language)


def label(name: str) -> str:
    """Return a name of data, such as a class or a column, as a picture shows it.

    Examples
    --------
    >>> label("x" * 50), label("_y")
    ('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…', ' _y')
    """
    text = visible(name)
    text = text if len(text) <= MAX_NAME_LENGTH else f"{text[: MAX_NAME_LENGTH - 1]}…"
    return f" {text}" if text.startswith("_") else text  # matplotlib's legends leave out what begins with _


def style_axes(
    ax: Axes,
    theme: Theme,
    *,
    title: str = "",
    x: str = "",
    y: str = "",
    grid: Literal["x", "y", "both"] | None = None,
    frame: bool = True,
) -> Axes:
    """Finish a picture.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    theme : Theme
    title, x, y : str
        Words in English; written in the present style's language where the dictionary has them.
    grid : {"x", "y", "both"}, optional
    frame : bool
        False for images and diagrams, which have no axes to read numbers from.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    if title:
        ax.set_title(label(say(title)), color=theme.ink, fontsize=TITLE, loc="left", parse_math=False, usetex=False)
    ax.set_xlabel(label(say(x)), color=theme.ink, fontsize=LABEL)
    ax.set_ylabel(label(say(y)), color=theme.ink, fontsize=LABEL)
    if frame:
        _frame(ax, theme, grid)
    else:
        ax.set_axis_off()
    _take_literally(ax)
    family = font_family(present_style().language)
    if family is not None:
        ax.tick_params(labelfontfamily=family)
        for text in ax.findobj(Text):
            text.set_fontfamily(family)
    return ax


def _frame(ax: Axes, theme: Theme, grid: Literal["x", "y", "both"] | None) -> None:
    for side, spine in ax.spines.items():
        spine.set_color(theme.soft)
        spine.set_linewidth(0.8)
        if side in ("top", "right"):
            spine.set_visible(False)
    ax.tick_params(which="both", color=theme.soft, labelcolor=theme.soft, labelsize=TICK, width=0.8)
    if isinstance(ax.xaxis.get_major_locator(), AutoLocator):
        ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))  # numbers of six digits stand apart
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_offset_text().set(color=theme.soft, fontsize=SMALL)
    if grid is not None:
        ax.set_axisbelow(True)
        ax.grid(axis=grid, color=theme.faint, linewidth=0.8)


def _take_literally(ax: Axes) -> None:
    """Let a dollar sign be one, and show control characters: names of classes and columns are words, not formulas."""
    box = ax.get_legend()
    texts = [*ax.texts, ax.xaxis.label, ax.yaxis.label, ax.title, *([] if box is None else box.get_texts())]
    for text in texts:
        text.set_text(visible(text.get_text(), keep="\n"))
    for axis in (ax.xaxis, ax.yaxis):
        if isinstance(axis.get_major_locator(), FixedLocator):
            texts.extend(axis.get_ticklabels())
    for text in texts:
        text.set_parse_math(False)
        text.set_usetex(False)


def legend(ax: Axes, theme: Theme, **placing: Any) -> None:
    """Add a legend in the theme's ink, on a veil of its paper; before `style_axes`, which sets its font."""
    box: dict[str, Any] = {"facecolor": theme.paper, "framealpha": 0.7, "edgecolor": "none", "borderpad": 0.2}
    ax.legend(**box, fontsize=SMALL, labelcolor=theme.ink, **placing)


def caption(ax: Axes, *words: str) -> Axes:
    """Write words below the whole figure, each in the present style's language."""
    figure = root_figure(ax)
    if figure is not None:
        family = font_family(present_style().language)
        text = figure.supxlabel(" ".join(map(say, words)), color=theme_on(ax).ink, fontsize=LABEL)
        if family is not None:
            text.set_fontfamily(family)
    return ax
