"""The way back: from the gradient at the outputs to each weight, and the step of SGD."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from twofold.functions import ACTIVATIONS
from twofold.functions.formulas import as_latex, as_text
from twofold.inspect.tracing.arithmetic import dot, number, place, telling
from twofold.inspect.tracing.forward import Kept
from twofold.inspect.tracing.normalized import backward_normalized
from twofold.inspect.tracing.record import Named, Step, Symbol
from twofold.inspect.tracing.symbols import Symbols, gradient, updated
from twofold.network import Layer, Network, Parameters

Array = NDArray[Any]


def backward_steps(network: Network, parameters: Parameters, dO: Array, kept: Kept) -> tuple[list[Step], Parameters]:
    """Carry the gradient at the outputs back to every weight.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    dO : ndarray, shape (n, q)
        With 1/n in it.
    kept : Kept
        Of the way forward.

    Returns
    -------
    steps : list of Step
    parameters : Parameters
        The gradient of each W, b and gamma.
    """
    symbols = Symbols(len(dO), len(parameters))
    steps: list[Step] = []
    gradients = []
    dZ = dO  # (n, q)
    for number_ in range(len(parameters), 0, -1):
        layer, H = parameters[number_ - 1], kept.inputs[number_ - 1]  # H is (n, h)
        db, dgamma, before = dZ.sum(axis=0), None, symbols.output(number_)
        steps.append(_bias(symbols, number_, dZ, db))
        if network.normalization is not None and number_ < len(parameters):
            arrays = dZ, kept.normalized[number_ - 1]
            own, dgamma, dZ = backward_normalized(symbols, number_, layer, arrays, name=network.normalization)
            steps += own
            before = symbols.rows("A", number_)
        dW = H.T @ dZ  # (h, q)
        gradients.append(Layer(dW, db, dgamma))
        steps.append(_weights(symbols, number_, (H, dZ), dW, before=before))
        if number_ > 1:
            dH = dZ @ layer.W.T  # (n, h)
            steps.append(_below(symbols, number_, (dZ, layer.W), dH, before=before))
            derivative = ACTIVATIONS[network.activations[number_ - 2]].derivative(kept.outputs[number_ - 2])  # (n, h)
            dZ = dH * derivative  # (n, h)
            steps.append(_through(symbols, number_ - 1, network.activations[number_ - 2], (derivative, dZ)))
    return steps, tuple(reversed(gradients))


def _weights(symbols: Symbols, layer: int, factors: tuple[Array, Array], dW: Array, *, before: Symbol) -> Step:
    H, dZ = factors
    h, W, z = symbols.input(layer), symbols.weights(layer), gradient(before)
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


def _bias(symbols: Symbols, layer: int, dZ: Array, db: Array) -> Step:
    b, z = symbols.bias(layer), gradient(symbols.output(layer))
    d = gradient(b)
    if len(dZ) == 1:
        formula, latex = f"{d} = {z}", f"{d.latex} = {z.latex}"
    else:
        formula = f"{d} = sum_i {z}_i"
        latex = rf"{d.latex} = \sum_i \Bigl({z.latex}\Bigr)_i"
    return Step("backward", f"Gradient of {b}", formula, latex, f"{db.shape} from {dZ.shape}", (Named(d, db),))


def _below(symbols: Symbols, layer: int, factors: tuple[Array, Array], dH: Array, *, before: Symbol) -> Step:
    dZ, W = factors
    h, z, w = gradient(symbols.input(layer)), gradient(before), symbols.weights(layer)
    return Step(
        "backward",
        f"Down to {symbols.input(layer)}",
        f"{h} = {z} {w}^T",
        rf"{h.latex} = {z.latex}\, {w.latex}^\top",
        f"{dH.shape} = {dZ.shape} {W.T.shape}",
        (Named(h, dH),),
        worked=dot(f"{h}[0, 0]", zip(dZ[0], W[0], strict=True), dH[0, 0]),
    )


def _through(symbols: Symbols, layer: int, name: str, arrays: tuple[Array, Array]) -> Step:
    derivative, dZ = arrays
    z, h = symbols.rows("Z", layer), symbols.rows("H", layer)
    dz, dh = gradient(z), gradient(h)
    formula = ACTIVATIONS[name].derivative_formula
    phi = Symbol(f"phi'({z})", rf"\phi'({z.latex})")
    return Step(
        "backward",
        f"Through the activation {name}",
        f"{dz} = {dh} * phi'({z}), phi'(z) = {as_text(formula)}",
        rf"{dz.latex} = {dh.latex} \odot \phi'({z.latex}), \quad \phi'(z) = {as_latex(formula)}",
        f"{dZ.shape} = {dZ.shape} * {derivative.shape}",
        (Named(phi, derivative), Named(dz, dZ)),
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
    symbols = Symbols(samples, len(parameters))
    steps, moved = [], []
    for number_, (layer, own) in enumerate(zip(parameters, gradients, strict=True), start=1):
        new = {name: layer.arrays[name] - eta * g for name, g in own.arrays.items()}
        moved.append(replace(layer, **new))
        own_symbols = symbols.trained(number_)
        steps += [_update(own_symbols[name], eta, (layer.arrays[name], own.arrays[name], new[name])) for name in new]
    return steps, tuple(moved)


def _update(symbol: Symbol, eta: float, arrays: tuple[Array, Array, Array]) -> Step:
    old, g, new = arrays
    d, after = gradient(symbol), updated(symbol)
    index = telling(g)
    numbers = f"{number(old[index])} - {eta:g}·{number(g[index])} = {float(new[index]):.4g}"
    return Step(
        "update",
        f"New {symbol}",
        f"{after} = {symbol} - eta {d}",
        rf"{after.latex} = {symbol.latex} - \eta {d.latex}",
        f"{old.shape} = {old.shape} - () {g.shape}",
        (Named(after, new),),
        worked=f"{place(after, index)} = {numbers}",
    )
