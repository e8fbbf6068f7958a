"""The way forward: affine map and activation, layer by layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twofold.functions import ACTIVATIONS
from twofold.functions.formulas import as_latex, as_text
from twofold.functions.normalizations import Normalized
from twofold.inspect.tracing.arithmetic import dot
from twofold.inspect.tracing.normalized import forward_normalized
from twofold.inspect.tracing.record import Named, Step
from twofold.inspect.tracing.symbols import Symbols
from twofold.network import Layer, Network, Parameters

Array = NDArray[Any]


class Kept(NamedTuple):
    """What the way back needs of the way forward.

    Attributes
    ----------
    inputs : list of ndarray
        Each layer's input: X, then each H.
    outputs : list of ndarray
        What each layer hands to its activation: each Z, then O.
    normalized : list of Normalized
        Of each hidden layer; empty without a normalisation.
    """

    inputs: list[Array]
    outputs: list[Array]
    normalized: list[Normalized]


def forward_steps(
    network: Network, parameters: Parameters, X: Array, classes: tuple[str, ...]
) -> tuple[list[Step], Kept]:
    """Follow samples from the inputs to the raw outputs.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    X : ndarray of float64, shape (n, d)
    classes : tuple of str
        Names of the outputs; may be empty.

    Returns
    -------
    steps : list of Step
    kept : Kept
    """
    symbols = Symbols(len(X), len(parameters))
    steps: list[Step] = []
    kept = Kept([], [], [])
    H = X  # (n, d)
    for number, layer in enumerate(parameters, start=1):
        last = number == len(parameters)
        kept.inputs.append(H)
        if last or network.normalization is None:
            Z = H @ layer.W + layer.b  # (n, h)
            steps.append(_affine(symbols, number, layer, (H, Z), columns=classes if last else ()))
        else:
            own, Z, normalized = forward_normalized(symbols, number, layer, H, name=network.normalization)
            steps += own
            kept.normalized.append(normalized)
        kept.outputs.append(Z)
        if not last:
            name = network.activations[number - 1]
            H = ACTIVATIONS[name].value(Z)  # (n, h)
            steps.append(_activation(symbols, number, name, H))
    return steps, kept


def _affine(
    symbols: Symbols, number: int, layer: Layer, arrays: tuple[Array, Array], *, columns: tuple[str, ...]
) -> Step:
    H, Z = arrays
    h, z, W, b = symbols.input(number), symbols.output(number), symbols.weights(number), symbols.bias(number)
    title = "Outputs" if number == symbols.layers else f"Hidden layer {number}"
    return Step(
        "forward",
        title,
        plain=f"{z} = {h} {W} + {b}",
        latex=f"{z.latex} = {h.latex} {W.latex} + {b.latex}",
        shapes=f"{Z.shape} = {H.shape} {layer.W.shape} + {layer.b.shape}",
        arrays=(Named(z, Z, columns),),
        worked=dot(f"{z}[0, 0]", zip(H[0], layer.W[:, 0], strict=True), Z[0, 0], layer.b[0]),
    )


def _activation(symbols: Symbols, number: int, name: str, H: Array) -> Step:
    h, z = symbols.rows("H", number), symbols.rows("Z", number)
    phi = ACTIVATIONS[name]
    dead = int((H == 0).all(axis=0).sum())
    can_die = phi.is_piecewise_linear and phi.derivative(np.array(-1.0)) == 0
    return Step(
        "forward",
        f"Activation {name}",
        plain=f"{h} = phi({z}), phi(z) = {as_text(phi.formula)}",
        latex=rf"{h.latex} = \phi({z.latex}), \quad \phi(z) = {as_latex(phi.formula)}",
        shapes=f"{H.shape} = phi {H.shape}",
        arrays=(Named(h, H),),
        note=f"{dead} of {H.shape[1]} units are 0." if can_die else "",
    )


def one_hot(y: Array, q: int) -> Array:
    """Turn class indices (n,) into rows (n, q); rows stay as they are."""
    return np.eye(q)[y] if y.ndim == 1 else y
