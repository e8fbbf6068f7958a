"""Pictures as files: SVG with real text, PNG and whatever else matplotlib writes, all or nothing."""

from __future__ import annotations

import io
import os
import threading
import warnings
from pathlib import Path
from typing import IO, Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text

from twofold.errors import SpecificationError, show
from twofold.files import replacing
from twofold.plots.language import MissingFontWarning
from twofold.plots.style import DARK, LIGHT, Theme, root_figure
from twofold.text import visible

# matplotlib reads from its global settings how to write SVG, and warnings have global filters: they are changed for a
# moment, by one thread at once.
ONE_AT_A_TIME = threading.RLock()


def save(picture: Axes | Figure, path: str | os.PathLike[str], *, dpi: int = 150) -> None:
    """Write the whole figure that a picture lies in to a file, all or nothing.

    Parameters
    ----------
    picture : matplotlib.axes.Axes or Figure
    path : path
        Its ending, such as ``.png`` or ``.svg``, names the format.
    dpi : int
        Pixels per inch.

    Raises
    ------
    SpecificationError
        If the ending names no format that matplotlib writes.
    OSError
        If the file can't be written.
    """
    figure = whole_figure(picture)
    ending = check_picture(path)
    with replacing(path) as file:
        if ending == "svg":
            file.write(svg(figure, dpi=dpi).encode())
        else:
            write_figure(figure, file, format=ending, dpi=dpi)


def svg(picture: Axes | Figure, *, dpi: int = 150) -> str:
    """Return a picture as the text of an SVG file.

    Parameters
    ----------
    picture : matplotlib.axes.Axes or Figure
        Drawn in the style ``"auto"``, its colours follow the reader's light or dark screen, unless it holds an image.
    dpi : int
        Of what is made of pixels in it.

    Returns
    -------
    str
    """
    figure = whole_figure(picture)
    buffer = io.StringIO()
    # Text stays text: it can be searched and read aloud. The same picture gives the same bytes.
    # Of the fonts that might be there the first is named, not all ten with every word; any reader's sans-serif follows.
    fonts = matplotlib.rcParams["font.sans-serif"][:1]
    with (
        ONE_AT_A_TIME,
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "twofold", "font.sans-serif": fonts}),
    ):
        write_figure(figure, buffer, format="svg", dpi=dpi, metadata={"Date": None})
    text = visible(buffer.getvalue(), keep="\n")  # no XML holds control characters
    return _adapted(text) if getattr(figure, "adaptive", False) else text


def write_figure(figure: Figure, file: IO[Any], *, format: str, **words: Any) -> None:  # noqa: A002 - matplotlib's word
    """Do as `matplotlib.figure.Figure.savefig`, and warn once of all characters that no font has.

    An SVG holds text, which its reader sets in fonts of their own.
    """
    if not _lacking(figure):
        figure.savefig(file, format=format, **words)
        return
    with ONE_AT_A_TIME, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.savefig(file, format=format, **words)
    missing = [each for each in caught if " missing from " in str(each.message)]
    for each in caught:
        if each not in missing:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    if missing and format != "svg":
        letters = "".join(sorted({chr(int(str(each.message).split()[1])) for each in missing}))
        warnings.warn(
            f"no font of this picture has {show(letters)}, drawn as boxes; an SVG takes the fonts of its reader",
            MissingFontWarning,
            stacklevel=3,
        )


def _lacking(figure: Figure) -> bool:
    """Tell whether matplotlib's first font lacks a character of a picture."""
    texts: list[Any] = figure.findobj(Text)
    letters = set().union(*(text.get_text() for text in texts)) - {"\n"}
    return bool(letters) and not {*map(ord, letters)} <= get_font(findfont(FontProperties())).get_charmap().keys()


def _adapted(text: str) -> str:
    """Add rules that turn each colour of the light theme into the dark theme's on a dark screen.

    Rules, not variables: a viewer that knows neither shows the light picture. One that holds an image stays light, as
    the image would.
    """
    if "<image" in text:
        return text
    rules = [
        f'[style*="{part}: {light}"] {{ {part}: {dark} !important }}'
        for light, dark in zip(_colors(LIGHT), _colors(DARK), strict=True)
        for part in ("fill", "stroke")
        if f"{part}: {light}" in text
    ]
    sheet = "\n   ".join(["@media screen and (prefers-color-scheme: dark) {", *rules])
    return text.replace("<defs>", f"<defs>\n  <style>{sheet}\n  }}</style>", 1)


def _colors(theme: Theme) -> list[str]:
    """Return a theme's colours in a fixed order."""
    return [theme.paper, theme.ink, theme.soft, theme.faint, *theme.colors, theme.low, theme.high, theme.wrong]


def whole_figure(picture: Axes | Figure) -> Figure:
    """Return the figure that a picture lies in; of a figure within a figure, the outer one."""
    figure = picture if isinstance(picture, Figure) else root_figure(picture)
    if figure is None:
        raise SpecificationError("these Axes lie in no figure; there is nothing to save")
    return figure


def check_picture(path: str | os.PathLike[str]) -> str:
    """Return the format that a picture's name ends in; raise `SpecificationError` if there is no such format."""
    ending = Path(path).suffix.removeprefix(".").lower()
    # Without PGF, for which TeX would run on the names of classes and columns.
    known = [name for name in Figure().canvas.get_supported_filetypes() if name != "pgf"]
    if ending not in known:
        raise SpecificationError(f"{path}: a picture's name ends in one of {', '.join(f'.{name}' for name in known)}")
    return ending
