"""Normalised layers in a trace: ``A = H W``, its means and variances, ``Z = gamma A_hat + b``, and the way back."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from twofold.functions import NORMALIZATIONS
from twofold.functions.formulas import as_latex, as_text
from twofold.functions.normalizations import Normalized
from twofold.inspect.tracing.arithmetic import dot
from twofold.inspect.tracing.record import Named, Step, Symbol
from twofold.inspect.tracing.symbols import Symbols, gradient
from twofold.network import Layer

Array = NDArray[Any]


def forward_normalized(
    symbols: Symbols, number: int, layer: Layer, H: Array, *, name: str
) -> tuple[list[Step], Array, Normalized]:
    """Take a layer's input to its pre-activation.

    Parameters
    ----------
    symbols : Symbols
    number : int
        Of the layer, from 1.
    layer : Layer
    H : ndarray, shape (n, d)
    name : {"batch", "layer"}

    Returns
    -------
    steps : list of Step
    Z : ndarray, shape (n, h)
    kept : Normalized
        What the way back needs.
    """
    A = H @ layer.W  # (n, h)
    definition = NORMALIZATIONS[name]
    kept = definition.value(A)
    gamma = layer.arrays["gamma"]
    Z = gamma * kept.Z_hat + layer.b  # (n, h)
    h, a, a_hat, z = symbols.input(number), symbols.rows("A", number), hat(symbols, number), symbols.rows("Z", number)
    W, b, g = symbols.weights(number), symbols.bias(number), symbols.scale(number)
    m, v = _mean(number), _variance(number)
    plain, latex = {"z": a, "m": m, "v": v}, {"z": a.latex, "m": m.latex, "v": v.latex}
    steps = [
        Step(
            "forward",
            f"Hidden layer {number}",
            f"{a} = {h} {W}",
            f"{a.latex} = {h.latex} {W.latex}",
            f"{A.shape} = {H.shape} {layer.W.shape}",
            (Named(a, A),),
            worked=dot(f"{a}[0, 0]", zip(H[0], layer.W[:, 0], strict=True), A[0, 0]),
        ),
        Step(
            "forward",
            f"Mean and variance over the {definition.over}",
            as_text(definition.statistics_formula, **plain),
            as_latex(definition.statistics_formula, **latex),
            f"{kept.mean.shape}, {kept.variance.shape} from {A.shape}",
            (Named(m, kept.mean), Named(v, kept.variance)),
        ),
        Step(
            "forward",
            "Normalised",
            f"{a_hat} = {as_text(definition.formula, **plain)}",
            f"{a_hat.latex} = {as_latex(definition.formula, **latex)}",
            f"{A.shape} = ({A.shape} - {kept.mean.shape}) / {kept.variance.shape}",
            (Named(a_hat, kept.Z_hat),),
        ),
        Step(
            "forward",
            "Scaled and moved",
            f"{z} = {g} * {a_hat} + {b}",
            rf"{z.latex} = {g.latex} \odot {a_hat.latex} + {b.latex}",
            f"{Z.shape} = {gamma.shape} * {A.shape} + {layer.b.shape}",
            (Named(z, Z),),
        ),
    ]
    return steps, Z, kept


def backward_normalized(
    symbols: Symbols, number: int, layer: Layer, arrays: tuple[Array, Normalized], *, name: str
) -> tuple[list[Step], Array, Array]:
    """Take the gradient at a layer's pre-activation back to what comes before the normalisation.

    Parameters
    ----------
    symbols : Symbols
    number : int
    layer : Layer
    arrays : tuple of dZ (n, h) and Normalized
    name : {"batch", "layer"}

    Returns
    -------
    steps : list of Step
    dgamma : ndarray, shape (h,)
    dA : ndarray, shape (n, h)
    """
    dZ, kept = arrays
    gamma = layer.arrays["gamma"]
    dgamma = (dZ * kept.Z_hat).sum(axis=0)  # (h,)
    dA_hat = gamma * dZ  # (n, h)
    definition = NORMALIZATIONS[name]
    dA = definition.backward(dA_hat, kept)  # (n, h)
    a_hat, v, g = hat(symbols, number), _variance(number), symbols.scale(number)
    dz, dg, da_hat, da = (gradient(s) for s in (symbols.rows("Z", number), g, a_hat, symbols.rows("A", number)))
    steps = [
        Step(
            "backward",
            f"Gradient of {g}",
            f"{dg} = sum_i ({dz} * {a_hat})_i",
            rf"{dg.latex} = \sum_i \Bigl({dz.latex} \odot {a_hat.latex}\Bigr)_i",
            f"{dgamma.shape} from {dZ.shape}",
            (Named(dg, dgamma),),
        ),
        Step(
            "backward",
            "Through the scale",
            f"{da_hat} = {g} * {dz}",
            rf"{da_hat.latex} = {g.latex} \odot {dz.latex}",
            f"{dA_hat.shape} = {gamma.shape} * {dZ.shape}",
            (Named(da_hat, dA_hat),),
        ),
        Step(
            "backward",
            "Through the normalisation",
            f"{da} = {as_text(definition.backward_formula, dz_hat=da_hat, z_hat=a_hat, v=v)}",
            f"{da.latex} = {as_latex(definition.backward_formula, dz_hat=da_hat.latex, z_hat=a_hat.latex, v=v.latex)}",
            f"{dA.shape}, means over the {definition.over}",
            (Named(da, dA),),
            note="Mean and variance depend on every number that they are taken of; these are their shares.",
        ),
    ]
    return steps, dgamma, dA


def hat(symbols: Symbols, number: int) -> Symbol:
    """Name a layer's normalised numbers: A1_hat."""
    a = symbols.rows("A", number)
    return Symbol(f"{a}_hat", rf"\hat{{{a.latex}}}")


def _mean(number: int) -> Symbol:
    return Symbol(f"mean{number}", rf"\mathbf{{m}}_{{{number}}}")


def _variance(number: int) -> Symbol:
    return Symbol(f"variance{number}", rf"\mathbf{{v}}_{{{number}}}")
