"""Images with what a model takes them for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.plots.axes_styling import label, say
from twofold.plots.confusion import check_classes
from twofold.plots.figures import open_axes
from twofold.plots.images import LINE, image_grid
from twofold.plots.style import WIDTH

Array = NDArray[Any]


def prediction_grid(
    images: Array,
    actual: Array,
    predicted: Array,
    classes: Sequence[str] = (),
    *,
    confidence: Array | None = None,
    columns: int = 5,
    ax: Axes | None = None,
) -> Axes:
    r"""Draw images under what was predicted; where that is wrong, the true class stands below it in another colour.

    Parameters
    ----------
    images : ndarray, shape (n, height, width)
    actual, predicted : ndarray of int, shape (n,)
        Class indices from 0.
    classes : sequence of str, optional
        Names, in the order of the indices; numbers otherwise.
    confidence : ndarray, shape (n,), optional
        Probability that the model gives its prediction, written in percent.
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
        If the arrays don't fit each other.

    Examples
    --------
    >>> ax = prediction_grid(np.zeros((2, 2, 2)), np.array([0, 1]), np.array([0, 0]), ["cat", "dog"])
    >>> [text.get_text() for text in ax.texts]
    ['cat\n', 'cat\nis dog']
    """
    images = np.asarray(images)
    actual, predicted, q = check_classes(actual, predicted, classes)
    if images.ndim != 3 or len(images) != len(actual):
        raise DataError(
            f"images have shape {images.shape}; for {len(actual)} predictions expected ({len(actual)}, h, w)"
        )
    names = list(map(label, classes)) or [str(index) for index in range(q)]
    right = actual == predicted
    firsts = [names[index] for index in predicted]
    if confidence is not None:
        firsts = [f"{first} {100 * share:.0f}%" for first, share in zip(firsts, confidence, strict=True)]
    seconds = ["" if ok else f"{say('is')} {names[index]}" for ok, index in zip(right, actual, strict=True)]
    labels = [f"{first}\n{second}" for first, second in zip(firsts, seconds, strict=True)]
    if right.all():
        labels = firsts
    columns = min(columns, len(images))
    rows, lines = -(-len(images) // columns), 1 if right.all() else 2
    aspect = min(max(images.shape[1] / images.shape[2], 0.2), 5.0)
    ax, theme = open_axes(ax, (WIDTH, (0.9 * WIDTH / columns * aspect + lines * LINE) * rows))
    colors = [theme.ink if ok else theme.wrong for ok in right]
    return image_grid(images, labels, columns=columns, colors=colors, ax=ax)


def confident_mistakes(
    images: Array,
    actual: Array,
    probabilities: Array,
    classes: Sequence[str] = (),
    *,
    most: int = 12,
    columns: int = 4,
    ax: Axes | None = None,
) -> Axes:
    r"""Draw the mistakes that a model was surest of, the surest first.

    Parameters
    ----------
    images : ndarray, shape (n, height, width)
    actual : ndarray of int, shape (n,)
        Class indices from 0.
    probabilities : ndarray, shape (n, q)
        Of the classes; rows sum to 1.
    classes : sequence of str, length q, optional
    most : int
        Most images.
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
        If the arrays don't fit each other, or there is no mistake.

    Examples
    --------
    >>> P = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    >>> ax = confident_mistakes(np.zeros((3, 2, 2)), np.array([1, 1, 1]), P, ["cat", "dog"])
    >>> [text.get_text() for text in ax.texts]
    ['cat 90%\nis dog', 'cat 60%\nis dog']
    """
    chosen = surest_mistakes(actual, probabilities)[:most]
    if len(chosen) == 0:
        raise DataError(f"all {len(actual)} predictions are right; there is no mistake to draw")
    P = np.asarray(probabilities)[chosen]
    return prediction_grid(
        np.asarray(images)[chosen],
        np.asarray(actual)[chosen],
        P.argmax(axis=1),
        classes,
        confidence=P.max(axis=1),
        columns=columns,
        ax=ax,
    )


def surest_mistakes(actual: Array, probabilities: Array) -> Array:
    """Return the indices of all mistakes, the one with the highest probability first.

    Examples
    --------
    >>> surest_mistakes(np.array([1, 1]), np.array([[0.6, 0.4], [0.9, 0.1]]))
    array([1, 0])
    """
    actual, P = np.asarray(actual), np.asarray(probabilities)
    if P.ndim != 2 or actual.shape != P.shape[:1]:
        raise DataError(f"probabilities have shape {P.shape} and classes {actual.shape}; expected (n, q) and (n,)")
    wrong = np.flatnonzero(P.argmax(axis=1) != actual)
    return wrong[np.argsort(-P[wrong].max(axis=1), kind="stable")]
