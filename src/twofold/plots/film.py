"""Films: pictures one after the other as an animated GIF, WebP or PNG."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from twofold.errors import DataError, SpecificationError
from twofold.files import replacing
from twofold.plots.saving import whole_figure, write_figure

FORMATS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG"}
COLORS = 128  # of a GIF: enough for lines and regions, and half the bytes


def save_film(
    pictures: Iterable[Axes | Figure],
    path: str | os.PathLike[str],
    *,
    seconds: float = 0.15,
    rest: float = 2.0,
    dpi: int = 80,
) -> int:
    """Write pictures as an animated file that plays again and again.

    Parameters
    ----------
    pictures : iterable of matplotlib.axes.Axes or Figure
        Drawn one by one, so a generator needs the memory of one; all of the same size.
    path : path
        Ends in ``.gif``, ``.webp`` or ``.png``.
    seconds : float
        How long a picture stands; at least 0.02, which is the least that viewers keep to.
    rest : float
        Seconds that the last one stands.
    dpi : int
        Pixels per inch.

    Returns
    -------
    int
        How many pictures.

    Raises
    ------
    SpecificationError
        If the ending or a duration can't be.
    DataError
        If there is no picture, or their sizes differ.
    OSError
        If the file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from twofold.plots import network_diagram
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_film((network_diagram((4, q)) for q in (2, 3, 4)), f"{folder}/film.gif")
    3
    """
    form = check_film(path)
    if not (0.02 <= seconds < 60 and 0.02 <= rest < 60):
        raise SpecificationError(f"seconds is {seconds} and rest {rest}; each must be from 0.02 to 60")
    frames = [_frame(picture, form, dpi) for picture in pictures]
    if not frames:
        raise DataError("there is no picture to make a film of")
    if len({frame.size for frame in frames}) > 1:
        raise DataError(f"the pictures have sizes {sorted({frame.size for frame in frames})}; they must be one")
    times = [round(1000 * seconds)] * (len(frames) - 1) + [round(1000 * rest)]
    first, *others = frames
    more: dict[str, Any] = {"quality": 60, "method": 6, "minimize_size": True} if form == "WEBP" else {}
    with replacing(path) as file:
        first.save(file, format=form, save_all=True, append_images=others, duration=times, loop=0, **more)
    return len(frames)


def check_film(path: str | os.PathLike[str]) -> str:
    """Return the format that a film's name ends in; raise `SpecificationError` if there is no such format."""
    form = FORMATS.get(Path(path).suffix.lower())
    if form is None:
        raise SpecificationError(f"{path}: a film's name ends in one of {', '.join(FORMATS)}")
    return form


def _frame(picture: Axes | Figure, form: str, dpi: int) -> Image.Image:
    """Draw a picture to pixels."""
    buffer = io.BytesIO()
    write_figure(whole_figure(picture), buffer, format="png", dpi=dpi)
    with Image.open(buffer) as drawn:
        image = drawn.convert("RGB")
    return image.quantize(COLORS, dither=Image.Dither.NONE) if form == "GIF" else image
