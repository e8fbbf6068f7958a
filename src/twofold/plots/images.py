"""Grids of images, each with the name of its class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from twofold.errors import DataError, SpecificationError
from twofold.files import replacing

Array = NDArray[Any]


def image_grid(images: Array, labels: Sequence[str] = (), *, columns: int = 8, ax: Axes | None = None) -> Axes:
    """Draw images row by row in one picture, each under its label.

    Parameters
    ----------
    images : ndarray, shape (n, height, width)
        Grey images of any range; the darkest of them all is white, as ink on paper.
    labels : sequence of str, length n, optional
        Written above the images.
    columns : int
        Images in a row.
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
    if images.ndim != 3 or images.size == 0:
        raise DataError(f"images have shape {images.shape}; expected (n, height, width), none of them 0")
    if not np.isfinite(images).all():
        raise DataError("an image holds a number that is not finite")
    if len(labels) not in (0, len(images)):
        raise DataError(f"{len(images)} images and {len(labels)} labels; they must be as many")
    n, height, width = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    aspect = min(max(height / width, 0.1), 10.0)  # a stripe of pixels would make a picture of no size
    if ax is None:
        ax = Figure(figsize=(1.1 * columns, 1.3 * rows * aspect), layout="constrained").subplots()
    # Tiles lie on a lattice of 1.15 widths and 1.4 heights, which leaves a gap and a line for the label.
    step_x, step_y = 1.15 * width, (1.4 if labels else 1.15) * height
    for index, image in enumerate(images):
        left, top = (index % columns) * step_x, (index // columns) * step_y
        ax.imshow(
            image,
            cmap="Greys",
            vmin=images.min(),
            vmax=images.max(),
            extent=(left, left + width, top + height, top),
            aspect=aspect * width / height,
        )
        if labels:
            ax.text(left + width / 2, top - 0.05 * height, labels[index], ha="center", va="bottom", fontsize=8)
    ax.set_xlim(0, (columns - 1) * step_x + width)
    ax.set_ylim((rows - 1) * step_y + height, -0.4 * height if labels else 0)
    ax.set_axis_off()
    return ax


def save(ax: Axes, path: str | os.PathLike[str], *, dpi: int = 150) -> None:
    """Write the whole figure that ``ax`` lies in to a file, all or nothing.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
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
    figure = ax.figure
    while not isinstance(figure, Figure):  # a figure within a figure is saved with the whole
        figure = figure.figure
    ending = check_picture(path)
    with replacing(path) as file:
        figure.savefig(file, format=ending, dpi=dpi)


def check_picture(path: str | os.PathLike[str]) -> str:
    """Return the format that a picture's name ends in; raise `SpecificationError` if there is no such format."""
    ending = Path(path).suffix.removeprefix(".").lower()
    known = Figure().canvas.get_supported_filetypes()
    if ending not in known:
        raise SpecificationError(f"{path}: a picture's name ends in one of {', '.join(f'.{name}' for name in known)}")
    return ending
