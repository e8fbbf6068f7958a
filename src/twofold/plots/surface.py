"""The loss of linear regression over two of its parameters, and the ways that SGD takes down to the exact solution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

from twofold.errors import DataError, SpecificationError
from twofold.plots.axes_styling import label, legend, say, style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import WIDTH

Array = NDArray[Any]

LEVELS = 14


def loss_surface(
    X: Array,
    y: Array,
    exact: Array,
    paths: Mapping[str, Array] | None = None,
    *,
    axes: tuple[int, int] = (0, 1),
    names: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw contours of the mean squared loss over two parameters, the exact solution, and paths towards it.

    The loss is that of the other parameters at the exact solution. It is a quadratic, so its contours are ellipses and
    drawn as such, even steps of the square root of what the loss is above its least value.

    Parameters
    ----------
    X : ndarray, shape (n, d)
    y : ndarray, shape (n,) or (n, 1)
    exact : ndarray, shape (d + 1,)
        The exact solution, ``(w_1, ..., w_d, b)``.
    paths : mapping of str to ndarray, shape (steps + 1, d + 1) each, optional
        The parameters before the first step and after each, by name, such as ``"batch size 10"``; see
        `twofold.inspect.sgd_path`.
    axes : (int, int)
        Which two parameters of ``(w_1, ..., w_d, b)`` are drawn, counted from 0.
    names : sequence of str, length d + 1, optional
        Of the parameters; w₁, w₂, ..., b otherwise.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If the shapes don't fit.
    SpecificationError
        If the two parameters are one, or not there.

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])
    >>> ax = loss_surface(X, y, np.array([2.0, 1.0]), {"a path": np.array([[0.0, 0.0], [1.0, 1.0]])})
    >>> ax.get_xlabel(), ax.get_ylabel(), ax.lines[0].get_label()
    ('w₁', 'b', 'a path')
    """
    A, y, exact, routes = _check(X, y, exact, dict(paths or {}))
    i, j = axes
    if i == j or not all(0 <= k < A.shape[1] for k in axes):
        raise SpecificationError(f"axes are {axes}; expected two different numbers from 0 to {A.shape[1] - 1}")
    names = list(names) or [*(f"w{k}".translate(SUBSCRIPT) for k in range(1, A.shape[1])), "b"]
    ax, theme = open_axes(ax, (WIDTH, 3.8))
    left, right, bottom, top = _frame(exact[[i, j]], [route[:, [i, j]] for route in routes.values()])
    corners = np.array([[x, y] for x in (left, right) for y in (bottom, top)]) - exact[[i, j]]
    H = A[:, [i, j]].T @ A[:, [i, j]] / len(A)
    farthest = np.einsum("ki,ij,kj->k", corners, H, corners).max() / 2
    for contour in _contours(exact[[i, j]], H, farthest):
        contour.set(facecolor=to_rgba(theme.color(0), 0.055), edgecolor=to_rgba(theme.soft, 0.6), linewidth=0.6)
        ax.add_patch(contour)
    for index, (name, route) in enumerate(routes.items()):
        ax.plot(route[:, i], route[:, j], color=theme.color(index + 1), lw=1.1, label=label(name))
    ax.plot(exact[i], exact[j], "*", ms=13, color=theme.ink, mec=theme.paper, label=say("exact solution"))
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    points = np.concatenate([exact[None, [i, j]], *(route[:, [i, j]] for route in routes.values())])
    legend(ax, theme, loc=emptiest(points, (left, right, bottom, top)))
    return style_axes(ax, theme, x=names[i], y=names[j])


SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def emptiest(points: Array, limits: tuple[float, float, float, float]) -> str:
    """Return the corner with the fewest points in its quarter: matplotlib's choice shuns the ellipses."""
    left, right, bottom, top = limits
    across, up = points[:, 0] > (left + right) / 2, points[:, 1] > (bottom + top) / 2
    counts = {
        f"{row} {column}": int(((up == (row == "upper")) & (across == (column == "right"))).sum())
        for row in ("lower", "upper")
        for column in ("left", "right")
    }
    return min(counts, key=lambda corner: counts[corner])


def _contours(centre: Array, H: Array, farthest: float) -> list[Ellipse]:
    """Return the ellipses on which ``(theta - centre)^T H (theta - centre) / 2`` is constant, even steps apart."""
    curvatures, directions = np.linalg.eigh(H)
    curvatures = np.maximum(curvatures, 1e-12 * max(curvatures[-1], 1e-300))  # a flat valley is a very long ellipse
    angle = float(np.degrees(np.arctan2(directions[1, 0], directions[0, 0])))
    contours = []
    for step in np.linspace(0, 1, LEVELS + 1)[:0:-1]:
        width, height = 2 * step * np.sqrt(2 * farthest / curvatures)
        contours.append(Ellipse((float(centre[0]), float(centre[1])), float(width), float(height), angle=angle))
    return contours


def _check(X: Array, y: Array, exact: Array, paths: dict[str, Array]) -> tuple[Array, Array, Array, dict[str, Array]]:
    """Return the design (n, d + 1) with its column of ones, and the others as arrays that fit it."""
    X, y, exact = (np.asarray(array, dtype=np.float64) for array in (X, y, exact))
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if X.ndim != 2 or y.shape != X.shape[:1] or len(X) == 0:
        raise DataError(f"X has shape {X.shape} and y {y.shape}; expected (n, d) and (n,)")
    width = X.shape[1] + 1
    if exact.shape != (width,):
        raise DataError(f"the exact solution has shape {exact.shape}; expected ({width},): each weight, and b")
    routes = {name: np.asarray(path, dtype=np.float64) for name, path in paths.items()}
    for name, path in routes.items():
        if path.ndim != 2 or path.shape[1] != width or not np.isfinite(path).all():
            raise DataError(f"path {name!r} has shape {path.shape}; expected finite numbers (steps + 1, {width})")
    return np.column_stack([X, np.ones(len(X))]), y, exact, routes


def _frame(exact: Array, routes: list[Array]) -> tuple[float, float, float, float]:
    """Return limits that hold the paths, with the exact solution not at the edge."""
    points = np.concatenate([exact[None], *routes])
    reach = np.abs(points - exact).max(axis=0)
    reach = np.where(reach > 0, reach, 1.0)
    low = np.minimum(points.min(axis=0), exact - 0.3 * reach) - 0.08 * reach
    high = np.maximum(points.max(axis=0), exact + 0.3 * reach) + 0.08 * reach
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])
