"""Grids of images, each with a label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.plots.axes_styling import style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import SMALL

Array = NDArray[Any]

TILE = 0.75  # inches: an image of a grid
LINE = 0.19  # inches: a line of its label


def image_grid(
    images: Array,
    labels: Sequence[str] = (),
    *,
    columns: int = 8,
    colors: Sequence[str] = (),
    cmap: Colormap | None = None,
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw images row by row in one picture, each under its label.

    Parameters
    ----------
    images : ndarray, shape (n, height, width)
        Grey images of any range; the lowest number of all is the paper, the highest is ink: so Fashion-MNIST looks
        printed. torchvision's grids are bright on black; ``255 - images`` turns ours round.
    labels : sequence of str, length n, optional
        Written above the images; may have several lines.
    columns : int
        Images in a row.
    colors : sequence of str, length n, optional
        Of the labels.
    cmap : Colormap, optional
        In place of the theme's greys.
    limits : (float, float), optional
        The numbers at the ends of the colour map; those of the images otherwise.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise, without pyplot, so nothing needs closing.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If there are no images, or the labels are not as many.

    Examples
    --------
    >>> ax = image_grid(np.zeros((3, 2, 2)), ["dog", "cat", "chicken"], columns=3)
    >>> [text.get_text() for text in ax.texts]
    ['dog', 'cat', 'chicken']
    """
    images = np.asarray(images)
    _check(images, labels, colors)
    n, height, width = images.shape
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    aspect = min(max(height / width, 0.1), 10.0)  # a stripe of pixels would make a picture of no size
    lines = max((label.count("\n") + 1 for label in labels), default=0)
    # Tiles lie on a lattice that leaves a gap beside each and a place for its label above.
    above = lines * LINE / (TILE * aspect) * height
    step_x, step_y = 1.12 * width, 1.1 * height + above
    size = max(1.12 * TILE * columns, 1.0), max((1.1 * TILE * aspect + lines * LINE) * rows, 0.5)
    ax, theme = open_axes(ax, size)
    low, high = limits or (images.min(), images.max())
    for index, image in enumerate(images):
        left, top = (index % columns) * step_x, (index // columns) * step_y
        ax.imshow(
            image,
            cmap=cmap or theme.grey,
            vmin=low,
            vmax=high,
            extent=(left, left + width, top + height, top),
            aspect=aspect * width / height,
            interpolation="nearest",
        )
        if labels:
            color = colors[index] if colors else theme.ink
            place = left + width / 2, top - 0.03 * height
            ax.text(*place, labels[index], ha="center", va="bottom", fontsize=SMALL, linespacing=1.05, color=color)
    ax.set_xlim(0, (columns - 1) * step_x + width)
    ax.set_ylim((rows - 1) * step_y + 1.04 * height, -above)
    return style_axes(ax, theme, frame=False)


def _check(images: Array, labels: Sequence[str], colors: Sequence[str]) -> None:
    if images.ndim != 3 or images.size == 0:
        raise DataError(f"images have shape {images.shape}; expected (n, height, width), none of them 0")
    if not np.isfinite(images).all():
        raise DataError("an image holds a number that is not finite")
    for what, given in (("labels", labels), ("colours", colors)):
        if len(given) not in (0, len(images)):
            raise DataError(f"{len(images)} images and {len(given)} {what}; they must be as many")
