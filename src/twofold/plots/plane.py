"""Two dimensions: the regions of a classifier, and the line or plane of a regression with what it leaves over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.plots.axes_styling import label, legend, say, style_axes
from twofold.plots.figures import Panel, new_figure, open_axes
from twofold.plots.style import LEAST, SMALL, WIDTH, Theme, theme_on

Array = NDArray[Any]
Predict = Callable[[Array], Array]

MARKERS = "osDP^vX*"
MAX_POINTS_WITH_EDGE = 400  # points up to which each has an edge of its own


def decision_regions(
    predict: Predict,
    X: Array,
    y: Array,
    classes: Sequence[str] = (),
    *,
    features: Sequence[str] = ("x₁", "x₂"),
    limits: tuple[float, float, float, float] | None = None,
    resolution: int = 240,
    ax: Axes | None = None,
) -> Axes:
    """Draw which class a classifier gives each point of the plane, and the samples on it.

    Parameters
    ----------
    predict : callable
        From points (m, 2) to probabilities (m, q), whose largest says how strong a region's colour is, or to class
        indices (m,).
    X : ndarray, shape (n, 2)
    y : ndarray of int, shape (n,)
        Class indices from 0.
    classes : sequence of str, optional
        Names, in the order of the indices; numbers otherwise.
    features : (str, str)
        Names of the two features.
    limits : (float, float, float, float), optional
        Left, right, bottom, top; around the samples otherwise.
    resolution : int
        Points along each side.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If X has not two columns, or y or what ``predict`` returns doesn't fit it.

    Examples
    --------
    >>> X, y = np.array([[-1.0, 0.0], [1.0, 0.0]]), np.array([0, 1])
    >>> ax = decision_regions(lambda X: (X[:, 0] > 0).astype(int), X, y)
    >>> len(ax.images), len(ax.collections)
    (1, 2)
    """
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim != 2 or X.shape[1] != 2 or y.shape != X.shape[:1] or len(X) == 0:
        raise DataError(f"X has shape {X.shape} and y {y.shape}; a plane needs (n, 2) and (n,)")
    ax, theme = open_axes(ax, (WIDTH, 3.7))
    left, right, bottom, top = limits or _around(X)
    across, up = np.linspace(left, right, resolution), np.linspace(bottom, top, resolution)
    points = np.stack([axis.ravel() for axis in np.meshgrid(across, up)], axis=1)
    colors = _colors(np.asarray(predict(points)), len(points), theme)
    ax.imshow(
        colors.reshape(resolution, resolution, 3), extent=(left, right, bottom, top), origin="lower", aspect="auto"
    )
    size, edge = (22, 0.6) if len(X) <= MAX_POINTS_WITH_EDGE else (8, 0.0)
    for index in np.unique(y):
        ax.scatter(
            X[y == index, 0],
            X[y == index, 1],
            s=size,
            marker=MARKERS[index % len(MARKERS)],
            color=theme.color(index),
            linewidths=edge,
            edgecolors=theme.paper,
            label=label(classes[index]) if len(classes) > index else str(index),
        )
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    legend(ax, theme, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, handletextpad=0.1, columnspacing=1.2)
    return style_axes(ax, theme, x=features[0], y=features[1])


def _around(X: Array) -> tuple[float, float, float, float]:
    """Return the limits of a frame around points, a tenth wider on each side."""
    low, high = X.min(axis=0), X.max(axis=0)
    room = np.where(high > low, 0.1 * (high - low), 1.0)
    (left, bottom), (right, top) = (low - room).tolist(), (high + room).tolist()
    return left, right, bottom, top


def _colors(predicted: Array, n: int, theme: Theme) -> Array:
    """Return the colour of each point: its class's, mixed with paper, the surer the stronger."""
    if predicted.shape[:1] != (n,) or predicted.ndim > 2:
        raise DataError(f"predict made shape {predicted.shape} of {n} points; expected ({n},) classes or ({n}, q)")
    if predicted.dtype.kind not in "iufb":
        raise DataError(f"predict made {predicted.dtype}; expected indices of classes, or probabilities")
    if predicted.ndim == 2:
        chosen, sure = predicted.argmax(axis=1), predicted.max(axis=1)
        least = 1 / predicted.shape[1]
        share = 0.1 + 0.45 * np.clip((sure - least) / (1 - least), 0, 1) if least < 1 else np.full(n, 0.4)
    else:
        chosen, share = predicted.astype(np.int64), np.full(n, 0.35)
    palette = np.array([to_rgb(theme.color(index)) for index in range(int(chosen.max()) + 1)])
    return share[:, None] * palette[chosen] + (1 - share[:, None]) * np.array(to_rgb(theme.paper))


def fit_plot(
    predict: Predict,
    X: Array,
    y: Array,
    *,
    features: Sequence[str] = ("x₁", "x₂"),
    target: str = "y",
    ax: Axes | None = None,
) -> Axes:
    """Draw a regression of one feature as a line, of two as a surface, and each sample's residual as a stick.

    Parameters
    ----------
    predict : callable
        From features (m, d) to numbers (m,) or (m, 1).
    X : ndarray, shape (n, 1) or (n, 2)
    y : ndarray, shape (n,) or (n, 1)
    features : sequence of str
        Names of the features.
    target : str
        Name of what is predicted.
    ax : matplotlib.axes.Axes, optional
        Where to draw, of two features with ``projection="3d"``; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If X has neither one nor two columns, or y doesn't fit it.

    Examples
    --------
    >>> ax = fit_plot(lambda X: 2 * X[:, 0], np.array([[1.0], [2.0]]), np.array([2.5, 4.0]))
    >>> ax.collections[0].get_segments()[0].tolist()
    [[1.0, 2.0], [1.0, 2.5]]
    """
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if X.ndim != 2 or X.shape[1] not in (1, 2) or y.shape != X.shape[:1] or len(X) == 0:
        raise DataError(f"X has shape {X.shape} and y {y.shape}; expected (n, 1) or (n, 2), and (n,)")

    def outputs(points: Array) -> Array:
        return np.asarray(predict(points), dtype=np.float64).reshape(len(points))

    draw = _draw_line if X.shape[1] == 1 else _draw_surface
    return draw(outputs, X, y, names=(*features[: X.shape[1]], target), ax=ax)


def _draw_line(predict: Predict, X: Array, y: Array, *, names: Sequence[str], ax: Axes | None) -> Axes:
    ax, theme = open_axes(ax, (WIDTH, 3.0))
    x = X[:, 0]
    ax.vlines(x, predict(X), y, color=theme.soft, lw=0.7, alpha=0.6, label=say("residual"))
    ax.scatter(x, y, s=14, color=theme.color(0), lw=0, label=say("observed"))
    across = np.linspace(x.min(), x.max(), 200)
    ax.plot(across, predict(across[:, None]), color=theme.color(1), lw=2, label=say("fitted"))
    legend(ax, theme)
    return style_axes(ax, theme, x=names[0], y=names[1], grid="y")


def _draw_surface(predict: Predict, X: Array, y: Array, *, names: Sequence[str], ax: Axes | None) -> Axes:
    from mpl_toolkits.mplot3d import Axes3D

    if ax is None:
        figure, theme = new_figure(WIDTH, WIDTH * 0.9)
        ax = figure.add_subplot(axes_class=type("Panel3D", (Axes3D,), {"_repr_svg_": Panel._repr_svg_}))
        ax.set_facecolor(theme.paper)
    if not isinstance(ax, Axes3D):
        raise DataError("two features and a target need three dimensions; give Axes made with projection='3d'")
    theme = theme_on(ax)
    (left, right, bottom, top), fitted = _around(X), predict(X)
    across, up = np.meshgrid(np.linspace(left, right, 25), np.linspace(bottom, top, 25))
    surface = predict(np.stack([across.ravel(), up.ravel()], axis=1)).reshape(across.shape)
    for over in (False, True):  # what lies below the surface first, so that it is seen through it
        part = (y >= fitted) == over
        color = theme.high if over else theme.low
        sticks = np.stack([np.column_stack([X[part], fitted[part]]), np.column_stack([X[part], y[part]])], axis=1)
        for stick in sticks:
            ax.plot(*stick.T, color=color, lw=0.8, zorder=4 if over else 1)
        ax.scatter(*X[part].T, y[part], s=9, color=color, depthshade=False, zorder=5 if over else 1)
        if not over:
            ax.plot_surface(across, up, surface, color=theme.soft, alpha=0.25, lw=0, shade=False, zorder=3)
    for axis, name in zip((ax.xaxis, ax.yaxis, ax.zaxis), names, strict=True):
        axis.set_label_text(label(name), color=theme.ink, fontsize=SMALL, parse_math=False, usetex=False)
        axis.set_pane_color((0, 0, 0, 0))
        axis.line.set_color(theme.soft)
        axis._axinfo["grid"]["color"] = theme.faint
        axis.set_tick_params(labelcolor=theme.soft, labelsize=LEAST, color=theme.soft)
    ax.set_box_aspect(None, zoom=0.88)
    return ax
