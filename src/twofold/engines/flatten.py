"""All trained numbers of a network in one array, of which the layers are parts: an update is then one operation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.network import Layer, Parameters

Array = NDArray[Any]


def join(parameters: Parameters) -> Array:
    """Copy every W, b and gamma into one array, layer by layer; means and variances are not trained."""
    return np.concatenate([array.ravel() for layer in parameters for array in layer.trained])


def part(joined: Array, like: Parameters, *, statistics: bool = True) -> Parameters:
    """Undo `join`.

    Parameters
    ----------
    joined : ndarray, one axis
    like : Parameters
        Whose shapes, and means and variances, the layers have.
    statistics : bool
        False leaves out means and variances.

    Returns
    -------
    parameters : Parameters
        Their trained arrays are parts of ``joined``, not copies.
    """
    layers, place = [], 0
    for layer in like:
        arrays = {}
        for name, array in zip(("W", "b", "gamma"), layer.trained, strict=False):
            arrays[name] = joined[place : place + array.size].reshape(array.shape)
            place += array.size
        layers.append(replace(layer, **arrays) if statistics else Layer(**arrays))
    return tuple(layers)
