"""Several networks as one: their hidden units stand side by side, and its outputs are the mean of theirs.

The merged network is an ordinary `Network`, so every engine, export and picture takes it as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from twofold.errors import SpecificationError
from twofold.functions import ACTIVATIONS
from twofold.network import Layer, Network, Parameters

Array = NDArray[Any]

PROBES = np.linspace(-8.0, 8.0, 33)
PASSES = 1e-12  # how far phi(z) - phi(-z) may be from z


def can_merge(network: Network) -> bool:
    """Tell whether networks like this one can be merged: layer normalisation would mix their hidden units."""
    return network.normalization != "layer"


def carries_linear(network: Network) -> bool:
    """Tell whether a linear map passes through the hidden layers: if ``phi(z) - phi(-z) = z``, as of ReLU and SiLU."""
    if network.normalization is not None:
        return False
    formulas = [ACTIVATIONS[name] for name in network.activations]
    return all(np.abs(phi.value(PROBES) - phi.value(-PROBES) - PROBES).max() < PASSES for phi in formulas)


def merge_networks(
    network: Network,
    members: Sequence[Parameters],
    *,
    linear: tuple[Array, Array] | None = None,
    weights: tuple[float, float] = (1.0, 0.0),
) -> tuple[Network, Parameters]:
    """Merge networks of one kind, and a linear model, into one network.

    Its outputs are ``a mean_k O_k + c (X W + b)``.

    Parameters
    ----------
    network : Network
        Of each member.
    members : sequence of Parameters
        At least one.
    linear : tuple of ndarray, shapes (d, q) and (q,), optional
        W and b of a linear model. In each hidden layer ``u = X W + b`` takes 2 q units, ``phi(u)`` and ``phi(-u)``,
        whose difference is u again.
    weights : tuple of float
        a and c.

    Returns
    -------
    network : Network
        With the hidden layers' widths added up.
    parameters : Parameters
        Of the members' dtype.

    Raises
    ------
    SpecificationError
        If the members have layer normalisation, or their activation lets no linear model through.

    Examples
    --------
    >>> from twofold.network import initialize
    >>> network = Network((4, 8, 3), activation="silu")
    >>> merged, _ = merge_networks(network, [initialize(network, seed) for seed in (0, 1)])
    >>> merged.widths
    (4, 16, 3)
    """
    if not can_merge(network):
        raise SpecificationError("networks with layer normalisation can't be merged: it mixes their hidden units")
    own, linear_weight = weights
    carried = linear if linear_weight else None
    if carried is not None and network.hidden and not carries_linear(network):
        raise SpecificationError(f"no linear model passes through {network.activations}; take silu, relu or gelu")
    parts = [[_scaled(layers[-1], own / len(members))] for layers in members]
    parts = [[*layers[:-1], *last] for layers, last in zip(members, parts, strict=True)]
    if carried is not None:
        dtype = members[0][0].W.dtype
        parts.append(_as_layers(carried, len(network.hidden), linear_weight, dtype.name))
    together = list(zip(*parts, strict=True))
    if not network.hidden:
        return network, (Layer(sum(layer.W for layer in together[0]), sum(layer.b for layer in together[0])),)
    first, *middle, last = together
    layers = [_side_by_side(first, np.hstack([layer.W for layer in first]))]
    layers += [_side_by_side(group, block_diag(*(layer.W for layer in group))) for group in middle]
    layers.append(Layer(np.vstack([layer.W for layer in last]), np.sum([layer.b for layer in last], axis=0)))
    widths = (network.inputs, *(layer.W.shape[1] for layer in layers))
    dtype = members[0][0].W.dtype
    return replace(network, widths=widths), tuple(
        Layer(**{name: array.astype(dtype, copy=False) for name, array in layer.arrays.items()}) for layer in layers
    )


def _scaled(layer: Layer, factor: float) -> Layer:
    return Layer(layer.W * factor, layer.b * factor)


def _side_by_side(group: Sequence[Layer], W: Array) -> Layer:
    """Put layers beside each other, given their weights together."""
    names = [name for name in group[0].arrays if name != "W"]
    return Layer(W, **{name: np.concatenate([layer.arrays[name] for layer in group]) for name in names})


def _as_layers(linear: tuple[Array, Array], depth: int, factor: float, dtype: str) -> list[Layer]:
    """Write a linear model as layers of a network with so many hidden ones."""
    W, b = (array.astype(dtype) for array in linear)
    if not depth:
        return [Layer(W * factor, b * factor)]
    one = np.eye(len(b), dtype=dtype)
    through = np.vstack([one, -one])  # (2q, q): what the two halves hold is u
    first = Layer(np.hstack([W, -W]), np.concatenate([b, -b]))
    middle = Layer(np.hstack([through, -through]), np.zeros(2 * len(b), dtype))
    return [first, *[middle] * (depth - 1), Layer(through * np.asarray(factor, dtype), np.zeros(len(b), dtype))]
