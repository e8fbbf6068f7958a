"""The network as textbooks draw it: units as circles, layer above layer, every weight a line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Circle
from numpy.typing import NDArray

from twofold.errors import SpecificationError
from twofold.network import Network, Parameters
from twofold.plots.axes_styling import label, say, style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import LABEL, LEAST, SMALL, WIDTH, Theme

Array = NDArray[Any]

RADIUS = 0.3  # of a unit, in distances between two units of the widest row
SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def network_diagram(
    network: Network | Sequence[int],
    parameters: Parameters | None = None,
    *,
    most: int = 7,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw a fully connected network, inputs below and outputs above.

    Parameters
    ----------
    network : Network or sequence of int
        A network, or just its widths: ``(4, 5, 3)``.
    parameters : Parameters, optional
        Weights to show: warm lines are positive, cool ones negative, and the wider a line the larger its weight, held
        against the largest of its layer.
    most : int
        Units up to which a layer is drawn whole, at least 4; a wider one is abbreviated to its first and last ones.
    inputs, outputs : sequence of str, optional
        Names written below the inputs and above the outputs, such as features and classes.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        Each line's and circle's ``gid``, which an SVG file has as its ``id``, says what it is: ``w1-2-3`` is the
        weight of layer 1 from input 2 to unit 3, ``x2``, ``h1-3`` and ``o1`` are units; all counted from 1.

    Raises
    ------
    SpecificationError
        If there are fewer than two widths, ``most`` is less than 4, or the parameters or names are of another network.

    Examples
    --------
    >>> ax = network_diagram((4, 5, 3))
    >>> len(ax.patches), len(ax.lines)
    (12, 35)
    """
    widths = network.widths if isinstance(network, Network) else tuple(network)
    _check(widths, parameters, most, inputs=inputs, outputs=outputs)
    rows = [shown(width, most) for width in widths]
    widest = max(len(row) for row in rows)
    gap = max(1.6, 0.34 * widest)  # between two layers, in distances between two units
    places = [_places(row, widest, index * gap) for index, row in enumerate(rows)]
    height = 0.8 + WIDTH / (widest + 1.7) * gap * (len(rows) - 1) + 0.2 * (bool(inputs) + bool(outputs))
    ax, theme = open_axes(ax, (WIDTH, min(max(height, 1.6), 2 * WIDTH)))
    sheet = _Sheet(ax, theme, widths)
    for index, rows_between in enumerate(pairwise(places)):
        _draw_weights(sheet, index, rows_between, None if parameters is None else np.asarray(parameters[index].W))
    for index, row in enumerate(places):
        _draw_units(sheet, index, row)
        _name_layer(sheet, index, index * gap, abbreviated=widths[index] > most)
    for row, names, side in ((places[0], inputs, -1), (places[-1], outputs, 1)):
        _name_units(sheet, row, names, side=side)
    ax.set_aspect("equal")
    ax.set_xlim(-2.1, widest - 0.5)
    ax.set_ylim(-0.5 - 0.35 * bool(inputs), (len(rows) - 1) * gap + 0.5 + 0.35 * bool(outputs))
    return style_axes(ax, theme, frame=False)


def shown(width: int, most: int) -> list[int]:
    """Return which units, counted from 0, of a layer are drawn; -1 stands for those left out.

    Examples
    --------
    >>> shown(3, 7), shown(784, 7)
    ([0, 1, 2], [0, 1, 2, 3, -1, 782, 783])
    """
    if width <= most:
        return list(range(width))
    last = (most - 1) // 3
    return [*range(most - 1 - last), -1, *range(width - last, width)]


def _check(
    widths: Sequence[int], parameters: Parameters | None, most: int, *, inputs: Sequence[str], outputs: Sequence[str]
) -> None:
    if len(widths) < 2 or any(width < 1 for width in widths):
        raise SpecificationError(f"widths are {tuple(widths)}; expected at least two positive integers")
    if most < 4:
        raise SpecificationError(f"most is {most}; a layer is abbreviated to at least 4 places")
    if parameters is not None:
        got = [tuple(layer.W.shape) for layer in parameters]
        if got != list(pairwise(widths)):
            raise SpecificationError(
                f"weights have shapes {got}; a network {tuple(widths)} has {list(pairwise(widths))}"
            )
        if not all(np.isfinite(layer.W).all() for layer in parameters):
            raise SpecificationError("a weight is not a finite number; there is no colour and width for it")
    for what, names, width in (("inputs", inputs, widths[0]), ("outputs", outputs, widths[-1])):
        if names and len(names) != width:
            raise SpecificationError(f"{len(names)} names for {width} {what}; they must be as many")


Row = dict[int, tuple[float, float]]


class _Sheet(NamedTuple):
    """What is drawn on, in which theme, and the network's widths."""

    ax: Axes
    theme: Theme
    widths: Sequence[int]

    def kind(self, index: int) -> str:
        """Return the letter of a layer's units: x, h or o."""
        return "x" if index == 0 else "o" if index == len(self.widths) - 1 else "h"


def _places(row: Sequence[int], widest: int, y: float) -> Row:
    """Return where each unit of a layer lies, centred above the others."""
    start = (widest - len(row)) / 2
    return {unit: (start + index, y) for index, unit in enumerate(row)}


def _draw_weights(sheet: _Sheet, layer: int, rows: tuple[Row, Row], W: Array | None) -> None:
    """Draw the lines between two layers, those of small weights below."""
    theme = sheet.theme
    largest = 1.0 if W is None else float(np.abs(W).max()) or 1.0
    for (i, start), (j, end) in product(rows[0].items(), rows[1].items()):
        if -1 in (i, j):
            continue
        color, width, share = to_rgba(theme.soft), 0.8, 0.0
        if W is not None:
            share = float(abs(W[i, j])) / largest
            color = to_rgba(theme.high if W[i, j] > 0 else theme.low, 0.15 + 0.85 * share)
            width = 0.4 + 2.8 * share
        (x0, y0), (x1, y1) = _edge(start, end), _edge(end, start)
        (line,) = sheet.ax.plot((x0, x1), (y0, y1), color=color, lw=width, zorder=1 + share, solid_capstyle="round")
        line.set_gid(f"w{layer + 1}-{i + 1}-{j + 1}")


def _edge(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """Return where the line from one unit to another leaves the first one's circle."""
    away = np.subtract(end, start)
    x, y = np.asarray(start) + RADIUS * away / np.linalg.norm(away)
    return float(x), float(y)


def _draw_units(sheet: _Sheet, index: int, row: Row) -> None:
    """Draw a layer's circles with their names."""
    ax, theme, letter = sheet.ax, sheet.theme, sheet.kind(index)
    hue = {"x": theme.soft, "h": theme.color(0), "o": theme.color(1)}[letter]
    for unit, place in row.items():
        if unit < 0:
            ax.text(*place, "…", ha="center", va="center", fontsize=LABEL + 3, color=theme.soft)
            continue
        circle = Circle(place, RADIUS, facecolor=to_rgba(hue, 0.16), edgecolor=hue, lw=1.2, zorder=2)
        circle.set_gid(f"h{index}-{unit + 1}" if letter == "h" else f"{letter}{unit + 1}")
        ax.add_patch(circle)
        words = f"{letter}{unit + 1}".translate(SUBSCRIPT)
        size = LABEL if len(words) <= 2 else SMALL if len(words) == 3 else LEAST
        ax.text(*place, words, ha="center", va="center_baseline", fontsize=size, color=theme.ink, zorder=3)


def _name_layer(sheet: _Sheet, index: int, y: float, *, abbreviated: bool) -> None:
    """Write what a layer is to its left, and how many units it has if not all are drawn."""
    words = say({"x": "input layer", "h": "hidden layer", "o": "output layer"}[sheet.kind(index)])
    if sheet.kind(index) == "h" and len(sheet.widths) > 3:
        words += f" {index}"
    if abbreviated:
        words += f"\n{sheet.widths[index]} {say('units')}"
    sheet.ax.text(-0.65, y, words, ha="right", va="center", fontsize=SMALL, color=sheet.theme.soft)


def _name_units(sheet: _Sheet, row: Row, names: Sequence[str], *, side: int) -> None:
    """Write the names of inputs below them (side -1), or of outputs above them (side 1)."""
    for unit, (x, y) in row.items():
        if names and unit >= 0:
            color, va = sheet.theme.ink, "bottom" if side > 0 else "top"
            height = y + side * (RADIUS + 0.08)
            sheet.ax.text(x, height, label(names[unit]), ha="center", va=va, fontsize=SMALL, color=color)
