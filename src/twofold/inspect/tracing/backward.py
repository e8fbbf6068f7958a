"""The way back: from the slope at the outputs to each weight, and the step of SGD."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from twofold.functions import ACTIVATIONS
from twofold.inspect.tracing.arithmetic import dot, number, place, telling
from twofold.inspect.tracing.forward import activation_formulas
from twofold.inspect.tracing.letters import Letters, gradient, updated
from twofold.inspect.tracing.record import Named, Step, Symbol
from twofold.network import Layer, Network, Parameters

Array = NDArray[Any]


def backward_steps(
    network: Network, parameters: Parameters, dO: Array, kept: tuple[list[Array], list[Array]]
) -> tuple[list[Step], Parameters]:
    """Carry the slope at the outputs back to every weight.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    dO : ndarray, shape (n, q)
        With 1/n in it.
    kept : tuple of two lists of ndarray
        Inputs and outputs of each layer's affine map, as `forward_steps` gives them.

    Returns
    -------
    steps : list of Step
    parameters : Parameters
        The gradient of each W and b.
    """
    inputs, outputs = kept
    letters = Letters(len(dO), len(parameters))
    steps, gradients = [], []
    dZ = dO  # (n, q)
    for number_ in range(len(parameters), 0, -1):
        H = inputs[number_ - 1]  # (n, h)
        dW, db = H.T @ dZ, dZ.sum(axis=0)  # (h, q), (q,)
        gradients.append(Layer(dW, db))
        steps += [_weights(letters, number_, (H, dZ), dW), _bias(letters, number_, dZ, db)]
        if number_ > 1:
            W = parameters[number_ - 1].W
            dH = dZ @ W.T  # (n, h)
            steps.append(_below(letters, number_, (dZ, W), dH))
            slope = ACTIVATIONS[network.activations[number_ - 2]].derivative(outputs[number_ - 2])  # (n, h)
            dZ = dH * slope  # (n, h)
            steps.append(_through(letters, number_ - 1, network.activations[number_ - 2], (slope, dZ)))
    return steps, tuple(reversed(gradients))


def _weights(letters: Letters, layer: int, factors: tuple[Array, Array], dW: Array) -> Step:
    H, dZ = factors
    h, W, z = letters.input(layer), letters.weights(layer), gradient(letters.output(layer))
    d = gradient(W)
    i, j = telling(dW)
    return Step(
        "backward",
        f"Gradient of {W}",
        f"{d} = {h}^T {z}",
        rf"{d.latex} = {h.latex}^\top {z.latex}",
        f"{dW.shape} = {H.T.shape} {dZ.shape}",
        (Named(d, dW),),
        worked=dot(place(d, (i, j)), zip(H[:, i], dZ[:, j], strict=True), dW[i, j]),
    )


def _bias(letters: Letters, layer: int, dZ: Array, db: Array) -> Step:
    b, z = letters.bias(layer), gradient(letters.output(layer))
    d = gradient(b)
    if len(dZ) == 1:
        formula, latex = f"{d} = {z}", f"{d.latex} = {z.latex}"
    else:
        formula = f"{d} = sum_i {z}_i"
        latex = rf"{d.latex} = \sum_i \Bigl({z.latex}\Bigr)_i"
    return Step("backward", f"Gradient of {b}", formula, latex, f"{db.shape} from {dZ.shape}", (Named(d, db),))


def _below(letters: Letters, layer: int, factors: tuple[Array, Array], dH: Array) -> Step:
    dZ, W = factors
    h, z, w = gradient(letters.input(layer)), gradient(letters.output(layer)), letters.weights(layer)
    return Step(
        "backward",
        f"Down to {letters.input(layer)}",
        f"{h} = {z} {w}^T",
        rf"{h.latex} = {z.latex}\, {w.latex}^\top",
        f"{dH.shape} = {dZ.shape} {W.T.shape}",
        (Named(h, dH),),
        worked=dot(f"{h}[0, 0]", zip(dZ[0], W[0], strict=True), dH[0, 0]),
    )


def _through(letters: Letters, layer: int, name: str, arrays: tuple[Array, Array]) -> Step:
    slope, dZ = arrays
    z, h = letters.rows("Z", layer), letters.rows("H", layer)
    dz, dh = gradient(z), gradient(h)
    _, _, plain, latex = activation_formulas(name)
    phi = Symbol(f"phi'({z})", rf"\phi'({z.latex})")
    return Step(
        "backward",
        f"Through the activation {name}",
        f"{dz} = {dh} * phi'({z}), phi'(z) = {plain}",
        rf"{dz.latex} = {dh.latex} \odot \phi'({z.latex}), \quad \phi'(z) = {latex}",
        f"{dZ.shape} = {dZ.shape} * {slope.shape}",
        (Named(phi, slope), Named(dz, dZ)),
    )


def update_steps(
    parameters: Parameters, gradients: Parameters, eta: float, samples: int
) -> tuple[list[Step], Parameters]:
    """Take one step of SGD.

    Parameters
    ----------
    parameters, gradients : Parameters
    eta : float
        Learning rate.
    samples : int

    Returns
    -------
    steps : list of Step
    parameters : Parameters
        After the step.
    """
    letters = Letters(samples, len(parameters))
    steps, moved = [], []
    for number_, (layer, slope) in enumerate(zip(parameters, gradients, strict=True), start=1):
        after = Layer(layer.W - eta * slope.W, layer.b - eta * slope.b)
        moved.append(after)
        for symbol, arrays in (
            (letters.weights(number_), (layer.W, slope.W, after.W)),
            (letters.bias(number_), (layer.b, slope.b, after.b)),
        ):
            steps.append(_update(symbol, eta, arrays))
    return steps, tuple(moved)


def _update(symbol: Symbol, eta: float, arrays: tuple[Array, Array, Array]) -> Step:
    old, slope, new = arrays
    d, after = gradient(symbol), updated(symbol)
    index = telling(slope)
    numbers = f"{number(old[index])} - {eta:g}·{number(slope[index])} = {float(new[index]):.4g}"
    return Step(
        "update",
        f"New {symbol}",
        f"{after} = {symbol} - eta {d}",
        rf"{after.latex} = {symbol.latex} - \eta {d.latex}",
        f"{old.shape} = {old.shape} - () {slope.shape}",
        (Named(after, new),),
        worked=f"{place(after, index)} = {numbers}",
    )
