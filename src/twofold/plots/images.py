"""Grids of images, each with the name of its class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from twofold.errors import DataError

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
    if images.ndim != 3 or len(images) == 0:
        raise DataError(f"images have shape {images.shape}; expected (n, height, width) with n at least 1")
    if len(labels) not in (0, len(images)):
        raise DataError(f"{len(images)} images and {len(labels)} labels; they must be as many")
    n, height, width = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    if ax is None:
        ax = Figure(figsize=(1.1 * columns, 1.3 * rows * height / width), layout="constrained").subplots()
    # Tiles lie on a lattice of 1.15 widths and 1.4 heights, which leaves a gap and a line for the label.
    step_x, step_y = 1.15 * width, (1.4 if labels else 1.15) * height
    for index, image in enumerate(images):
        left, top = (index % columns) * step_x, (index // columns) * step_y
        ax.imshow(
            image, cmap="Greys", vmin=images.min(), vmax=images.max(), extent=(left, left + width, top + height, top)
        )
        if labels:
            ax.text(left + width / 2, top - 0.05 * height, labels[index], ha="center", va="bottom", fontsize=8)
    ax.set_xlim(0, (columns - 1) * step_x + width)
    ax.set_ylim((rows - 1) * step_y + height, -0.4 * height if labels else 0)
    ax.set_axis_off()
    return ax


def save(ax: Axes, path: str | os.PathLike[str], *, dpi: int = 150) -> None:
    """Write the figure that ``ax`` lies in to a file, PNG or SVG by its name; raises `OSError` if it can't."""
    figure = ax.figure
    while not isinstance(figure, Figure):  # a figure within a figure is saved with the whole
        figure = figure.figure
    figure.savefig(path, dpi=dpi)
