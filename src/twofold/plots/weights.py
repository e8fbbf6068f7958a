"""What was learned, as images: the weights of each class, the features of a first layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.plots.axes_styling import label
from twofold.plots.figures import open_axes
from twofold.plots.images import LINE, image_grid
from twofold.plots.style import WIDTH

Array = NDArray[Any]

LOUD = 0.995  # share of the weights that the colours tell apart; a few loud ones should not make the others pale


def weight_images(
    W: Array,
    shape: tuple[int, int],
    names: Sequence[str] = (),
    *,
    most: int = 25,
    columns: int = 5,
    ax: Axes | None = None,
) -> Axes:
    """Draw the weights into each unit as an image: of softmax regression the classes, of an MLP the first features.

    0 is the paper, positive weights are warm, negative ones cool, all on one scale (which the largest 0.5 % may leave).

    Parameters
    ----------
    W : ndarray, shape (d, q)
        Of a first layer.
    shape : (int, int)
        Height and width of the images it reads, with height times width = d.
    names : sequence of str, length q, optional
        Of the units; their numbers otherwise.
    most : int
        Most images; of more units those with the largest weights (by norm) are drawn, in their order.
    columns : int
        Images in a row.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If W doesn't fit the images or the names.

    Examples
    --------
    >>> ax = weight_images(np.array([[1.0, -2.0]] * 4), (2, 2), ["dog", "cat"])
    >>> [image.get_clim() for image in ax.images]
    [(-2.0, 2.0), (-2.0, 2.0)]
    """
    W = np.asarray(W)
    height, width = shape
    if W.ndim != 2 or len(W) != height * width:
        raise DataError(f"W has shape {W.shape}; for images of {height} x {width} expected ({height * width}, units)")
    if names and len(names) != W.shape[1]:
        raise DataError(f"{W.shape[1]} units and {len(names)} names; they must be as many")
    chosen = strongest(W, most)
    labels = [label(names[unit]) if names else str(unit) for unit in chosen]
    images = W.T[chosen].reshape(-1, height, width)
    limit = float(np.quantile(np.abs(images), LOUD)) or float(np.abs(images).max()) or 1.0
    columns = min(columns, len(chosen))
    rows = -(-len(chosen) // columns)
    aspect = min(max(height / width, 0.2), 5.0)
    ax, theme = open_axes(ax, (WIDTH, (WIDTH / columns * aspect + LINE) * rows))
    return image_grid(images, labels, columns=columns, cmap=theme.signed, limits=(-limit, limit), ax=ax)


def strongest(W: Array, most: int) -> Array:
    """Return the indices, in order, of the ``most`` columns of W (d, q) with the largest Euclidean norm.

    Examples
    --------
    >>> strongest(np.array([[3.0, 1.0, 2.0]]), 2)
    array([0, 2])
    """
    norms = np.linalg.norm(W, axis=0)
    return np.sort(np.argsort(-norms, kind="stable")[:most])
