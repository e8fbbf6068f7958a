"""The confusion matrix: what was taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.plots.axes_styling import label, style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import LEAST, WIDTH, Theme

Array = NDArray[Any]

STRONGEST = 0.56  # opacity of a cell that holds its whole row
MAX_NUMBERS = 16  # classes up to which every cell has its number written in it


def confusion_matrix(actual: Array, predicted: Array, classes: Sequence[str] = (), *, ax: Axes | None = None) -> Axes:
    """Draw how many samples of each class were taken for which; colours are shares of the row.

    Parameters
    ----------
    actual, predicted : ndarray of int, shape (n,)
        Class indices from 0.
    classes : sequence of str, optional
        Names, in the order of the indices; numbers otherwise.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If the arrays don't fit each other or the names.

    Examples
    --------
    >>> import numpy as np
    >>> ax = confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), ["cat", "dog"])
    >>> [text.get_text() for text in ax.texts]
    ['1', '1', '0', '1']
    """
    actual, predicted, q = check_classes(actual, predicted, classes)
    counts = np.zeros((q, q), dtype=np.int64)
    np.add.at(counts, (actual, predicted), 1)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.where(totals == 0, 1, totals)
    ax, theme = open_axes(ax, (WIDTH, WIDTH))
    for (row, column), share in np.ndenumerate(shares):
        # The strongest colour is one that the theme's ink can be read on, so that the ink may change with the theme.
        color = to_rgba(theme.color(0), STRONGEST * share)
        ax.add_patch(Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, facecolor=color, linewidth=0))
    if q <= MAX_NUMBERS:
        _write_counts(ax, counts, theme)
        names = list(map(label, classes)) or [str(index) for index in range(q)]
        slant: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        ax.set_xticks(range(q), names, **(slant if max(map(len, names)) > 3 else {}))
        ax.set_yticks(range(q), names)
        ax.tick_params(length=0)
    ax.set_xlim(-0.5, q - 0.5)
    ax.set_ylim(q - 0.5, -0.5)
    ax.set_aspect("equal")
    style_axes(ax, theme, x="predicted class", y="actual class")
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def check_classes(actual: Array, predicted: Array, classes: Sequence[str]) -> tuple[Array, Array, int]:
    """Return both as arrays of indices, and the number of classes; raise `DataError` if they don't fit together."""
    actual, predicted = np.asarray(actual), np.asarray(predicted)
    if actual.ndim != 1 or actual.shape != predicted.shape or actual.size == 0:
        raise DataError(f"classes have shapes {actual.shape} and {predicted.shape}; expected two of the same (n,)")
    for indices in (actual, predicted):
        if not np.issubdtype(indices.dtype, np.integer) or indices.min() < 0:
            raise DataError(f"classes are {indices.dtype} from {indices.min()}; expected indices from 0")
    q = int(max(actual.max(), predicted.max())) + 1
    if classes and q > len(classes):
        raise DataError(f"class {q - 1} has no name among the {len(classes)} given")
    return actual, predicted, len(classes) or q


def _write_counts(ax: Axes, counts: Array, theme: Theme) -> None:
    """Write each count in its cell, zeros softly."""
    size = 8 if counts.max() < 1000 and len(counts) <= 10 else LEAST
    for (row, column), count in np.ndenumerate(counts):
        color = theme.ink if count else theme.soft
        ax.text(column, row, str(count), ha="center", va="center", fontsize=size, color=color)
