"""What goes on in each layer: the distribution of activations and gradients, and the units that are dead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.plots.axes_styling import label, say, style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import SMALL, WIDTH, Theme

Array = NDArray[Any]

BINS = 80


def dead_units(H: Array) -> Array:
    """Tell which units give the same number for every sample: nothing that they say depends on the input.

    Parameters
    ----------
    H : ndarray, shape (n, h)
        A layer's activations.

    Returns
    -------
    ndarray of bool, shape (h,)

    Examples
    --------
    >>> dead_units(np.array([[0.0, 1.0], [0.0, 2.0]]))
    array([ True, False])
    """
    H = np.asarray(H)
    return H.max(axis=0) == H.min(axis=0)


def activation_distributions(layers: Sequence[Array], names: Sequence[str] = (), *, ax: Axes | None = None) -> Axes:
    r"""Draw the distribution of each hidden layer's activations, with the share of zeros and the number of dead units.

    Parameters
    ----------
    layers : sequence of ndarray, shape (n, h) each
        Activations of the same samples, layer by layer; see `twofold.inspect.hidden_activations`.
    names : sequence of str, optional
        Of the layers.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If there is no layer, or a number is not finite.

    Examples
    --------
    >>> ax = activation_distributions([np.array([[0.0, 1.0], [0.0, 2.0]])])
    >>> ax.texts[0].get_text()
    '50% zeros\n1 of 2 units dead'
    """
    layers = _check(layers, names)
    notes = []
    for H in layers:
        dead = int(dead_units(H).sum())
        notes.append(
            f"{100 * (H == 0).mean():.0f}% {say('zeros')}\n{dead} {say('of')} {H.shape[1]} {say('units dead')}"
        )
    # Zeros, of ReLU half of all, are told in words; drawn they would flatten everything else.
    drawn = [H[H != 0] for H in layers]
    ax, theme = open_axes(ax, (WIDTH, 0.9 + 0.75 * len(layers)))
    _ridges(ax, theme, drawn, notes)
    _name(ax, names or [f"{say('hidden layer')} {index}" for index in range(1, len(layers) + 1)])
    return style_axes(ax, theme, x="activation", grid="x")


def gradient_distributions(gradients: Sequence[Array], names: Sequence[str] = (), *, ax: Axes | None = None) -> Axes:
    r"""Draw the distribution of the sizes of each layer's gradient, on a logarithmic scale.

    Parameters
    ----------
    gradients : sequence of ndarray
        Of each layer's weights, such as ``[layer.W for layer in engine.gradients(X, y)]``.
    names : sequence of str, optional
        Of the layers.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If there is no layer, or a number is not finite.

    Examples
    --------
    >>> ax = gradient_distributions([np.array([[1e-3, 0.0]]), np.array([[0.1], [1.0]])])
    >>> [text.get_text() for text in ax.texts]
    ['50% zeros\nmedian 0.001', '0% zeros\nmedian 0.316']
    """
    gradients = _check(gradients, names)
    sizes = [np.log10(np.abs(G[G != 0], dtype=np.float64)) for G in gradients]
    notes = []
    for G, logs in zip(gradients, sizes, strict=True):
        median = f"{10 ** np.median(logs):.3g}" if logs.size else "0"
        notes.append(f"{100 * (G == 0).mean():.0f}% {say('zeros')}\n{say('median')} {median}")
    ax, theme = open_axes(ax, (WIDTH, 0.9 + 0.75 * len(gradients)))
    _ridges(ax, theme, sizes, notes)
    ax.xaxis.set_major_formatter(lambda value, _: f"1e{value:g}")
    _name(ax, names or [f"{say('layer')} {index}" for index in range(1, len(gradients) + 1)])
    return style_axes(ax, theme, x="size of the gradient", grid="x")


def _check(layers: Sequence[Array], names: Sequence[str]) -> list[Array]:
    arrays = [np.asarray(layer) for layer in layers]
    if not arrays or any(array.ndim != 2 or array.size == 0 for array in arrays):
        raise DataError(
            f"layers have shapes {[a.shape for a in arrays]}; expected at least one, each of two dimensions"
        )
    if not all(np.isfinite(array).all() for array in arrays):
        raise DataError("a layer holds a number that is not finite")
    if names and len(names) != len(arrays):
        raise DataError(f"{len(arrays)} layers and {len(names)} names; they must be as many")
    return arrays


def _ridges(ax: Axes, theme: Theme, layers: Sequence[Array], notes: Sequence[str]) -> None:
    """Draw a histogram for each layer, the first at the bottom, each as high as a row, with a note at its right."""
    everything = np.concatenate([layer.ravel() for layer in layers])
    low, high = np.quantile(everything, (0.001, 0.999)) if everything.size else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    for row, (layer, note) in enumerate(zip(layers, notes, strict=True)):
        counts, _ = np.histogram(layer, edges)
        heights = 0.85 * counts / max(counts.max(), 1)
        color = theme.color(row)
        ax.fill_between(edges, row, row + np.append(heights, 0), step="post", color=color, alpha=0.55, lw=0)
        ax.axhline(row, color=theme.soft, lw=0.8)
        ax.annotate(
            note,
            (1.0, row + 0.45),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            fontsize=SMALL,
            color=theme.ink,
        )
    ax.set_xlim(low, high + 0.45 * (high - low))  # room for the notes
    ax.set_ylim(-0.05, len(layers) + 0.02)


def _name(ax: Axes, names: Sequence[str]) -> None:
    ax.set_yticks(np.arange(len(names)) + 0.4, list(map(label, names)))
    ax.tick_params(axis="y", length=0)
