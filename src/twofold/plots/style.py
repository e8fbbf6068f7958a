"""One look for all pictures: ink on paper or light on dark, colours that the colour-blind can tell apart.

The style within `style` is the calling context's own (a `contextvars.ContextVar`): two threads may draw differently.
What holds outside of it is set by `use_style`; nothing of matplotlib's own settings changes. A picture on Axes that
somebody gives keeps their paper and takes the ink that can be read on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb, to_rgba
from matplotlib.figure import Figure

from twofold.errors import check_name
from twofold.plots.language import LANGUAGES, language_for_drawing

WIDTH = 4.5  # inches: set in a column of 360 pixels, a point is 1.1 of them
TITLE, LABEL, TICK, SMALL, LEAST = 10.5, 9.5, 8.5, 8.0, 7.2  # points: the least is 8 pixels there


@dataclass(frozen=True)
class Theme:
    """Paper, inks and colours.

    Attributes
    ----------
    paper, ink, soft, faint : str
        Background; words and marks; axes and their numbers; grid lines.
    colors : tuple of str
        For runs, classes and the like, told apart under every common kind of colour blindness (Okabe and Ito 2008).
    low, high : str
        Of negative and positive numbers; 0 is the paper.
    wrong : str
        Of what is a mistake.
    """

    paper: str
    ink: str
    soft: str
    faint: str
    colors: tuple[str, ...]
    low: str
    high: str
    wrong: str

    @property
    def grey(self) -> Colormap:
        """From paper to ink: images."""
        return _colormap("grey", (self.paper, self.ink))

    @property
    def signed(self) -> Colormap:
        """From negative over the paper to positive: weights."""
        return _colormap("signed", (self.low, self.paper, self.high))

    def color(self, index: int) -> str:
        """Return a colour of the palette, round and round."""
        return self.colors[index % len(self.colors)]


LIGHT = Theme(
    paper="#ffffff",
    ink="#1f2328",
    soft="#59636e",
    faint="#e1e4e8",
    colors=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c510a", "#6a6a6a"),
    low="#0067a5",
    high="#c75000",
    wrong="#b54708",
)
DARK = Theme(
    paper="#14171c",
    ink="#eceff3",
    soft="#a4adb8",
    faint="#2f353d",
    colors=("#56b4e9", "#f08c3a", "#2bc596", "#e59ac3", "#f0e442", "#4c8fd6", "#c99a6b", "#b8b8b8"),
    low="#5db9f0",
    high="#f4903f",
    wrong="#ff9d5c",
)
THEMES = ("light", "dark", "auto")


@dataclass(frozen=True)
class Style:
    """How pictures are drawn from here on; set by `style`."""

    theme: str = "light"
    language: str = "en"


_PRESENT: ContextVar[Style | None] = ContextVar("style", default=None)
_default = Style()  # where no `style` is in force


def present_style() -> Style:
    """Return the style in force."""
    return _PRESENT.get() or _default


def use_style(theme: Literal["light", "dark", "auto"] = "light", *, language: str = "en") -> None:
    """Draw every picture from here on in one style, as a notebook wants it; `style` does so in a block.

    Parameters
    ----------
    theme : {"light", "dark", "auto"}
        As for `style`.
    language : {"en", "zh"}
        As for `style`.

    Raises
    ------
    UnknownNameError
        If there is no such theme or language.

    Warns
    -----
    MissingFontWarning

    Examples
    --------
    >>> from twofold.plots import panels
    >>> use_style("dark")
    >>> (ax,) = panels(1)
    >>> ax.get_facecolor() == to_rgba(DARK.paper)
    True
    >>> use_style()
    """
    global _default  # noqa: PLW0603 - the one thing that a notebook's first cell sets for the cells after it
    _check(theme, language)
    _default = Style(theme, language_for_drawing(language))


def _check(theme: str, language: str) -> None:
    check_name("theme", theme, THEMES)
    check_name("language", language, LANGUAGES)


@contextmanager
def style(theme: Literal["light", "dark", "auto"] = "light", *, language: str = "en") -> Iterator[None]:
    """Draw every picture made in this block in one style.

    Parameters
    ----------
    theme : {"light", "dark", "auto"}
        ``"auto"`` is light, and in an SVG file that holds no image dark where the reader's screen is set to dark.
    language : {"en", "zh"}
        Of the words in a picture. Chinese needs a font that has it; without one, English is written and a warning says
        so.

    Raises
    ------
    UnknownNameError
        If there is no such theme or language.

    Warns
    -----
    MissingFontWarning

    Examples
    --------
    >>> from twofold.plots import panels
    >>> with style("dark"):
    ...     (ax,) = panels(1)
    >>> ax.get_facecolor() == to_rgba(DARK.paper)
    True
    """
    _check(theme, language)
    token = _PRESENT.set(Style(theme, language_for_drawing(language)))
    try:
        yield
    finally:
        _PRESENT.reset(token)


def theme_on(ax: Axes) -> Theme:
    """Return the theme whose ink can be read on what lies behind these Axes."""
    color: Any = ax.get_facecolor()
    if to_rgba(color)[3] < 0.5:
        figure = root_figure(ax)
        color = "none" if figure is None else figure.get_facecolor()
        if to_rgba(color)[3] < 0.5:
            return LIGHT
    return LIGHT if luminance(color) > 0.18 else DARK


def root_figure(ax: Axes) -> Figure | None:
    """Return the figure that Axes lie in; of a figure within a figure, the outer one."""
    figure: Any = ax.figure  # None for Axes that were taken out of it, whatever the stubs say
    while figure is not None and not isinstance(figure, Figure):
        figure = figure.figure
    return figure


def luminance(color: Any) -> float:
    """Return the relative luminance of a colour, 0 for black and 1 for white, as WCAG 2 defines it."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def _colormap(name: str, colors: Sequence[str]) -> Colormap:
    return LinearSegmentedColormap.from_list(f"twofold-{name}", list(colors))
