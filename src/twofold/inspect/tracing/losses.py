"""The loss, term by term: from raw outputs to the mean loss L and its gradient at the outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.functions import LOSSES, Loss, sigmoid, softmax
from twofold.functions.formulas import as_latex, as_text
from twofold.inspect.tracing.forward import one_hot
from twofold.inspect.tracing.record import Named, Step, Symbol
from twofold.inspect.tracing.symbols import Symbols, gradient

Array = NDArray[Any]

L = Symbol("L", "L")
SMALL_L = Symbol("l", r"\boldsymbol{\ell}")


@dataclass(frozen=True)
class LossScene:
    """What the steps of a loss are made from.

    Attributes
    ----------
    name : str
        In `twofold.functions.LOSSES`.
    O : ndarray of float64, shape (n, q)
    y : ndarray
        Class indices (n,) or rows (n, q).
    classes : tuple of str
        Names of the outputs; may be empty.
    symbols : Symbols
    """

    name: str
    O: Array
    y: Array
    classes: tuple[str, ...]
    symbols: Symbols

    @property
    def o(self) -> Symbol:
        """The outputs' name."""
        return self.symbols.rows("O")

    @property
    def losses(self) -> Array:
        """The loss of each sample, (n,)."""
        return LOSSES[self.name].samples(self.O, self.y)[0]

    @property
    def gradient(self) -> Array:
        """The gradient of the mean loss at the outputs, (n, q)."""
        return LOSSES[self.name].gradient(self.O, self.y)

    def rows(self, symbol: Symbol, values: Array) -> Named:
        """Name an array with a row for each sample and a column for each output."""
        return Named(symbol, values, self.classes)


def softmax_steps(scene: LossScene) -> list[Step]:
    """Write softmax out term by term: the maximum, the differences, the exponentials, their sum, the quotient."""
    O, o, y_hat = scene.O, scene.o, scene.symbols.probabilities
    m = O.max(axis=1, keepdims=True)  # (n, 1)
    E = np.exp(O - m)  # (n, q)
    total = E.sum(axis=1, keepdims=True)  # (n, 1)
    s, e = scene.symbols.rows("S"), scene.symbols.rows("E")
    shape = O.shape
    return [
        Step("loss", "Largest output", "m = max_j o_j", r"m = \max_j o_j", f"{m.shape} = max {shape}",
             (Named(Symbol("m", "m"), m),)),
        Step("loss", "Outputs less the largest", f"{s} = {o} - m", f"{s.latex} = {o.latex} - m",
             f"{shape} = {shape} - {m.shape}", (scene.rows(s, O - m),),
             note="It changes no probability and keeps exp from overflowing."),
        Step("loss", "Exponentials", f"{e} = exp({s})", rf"{e.latex} = \exp({s.latex})", f"{shape} = exp {shape}",
             (scene.rows(e, E),)),
        Step("loss", "Their sum", "t = sum_j e_j", r"t = \sum_j e_j", f"{total.shape} = sum {shape}",
             (Named(Symbol("t", "t"), total),)),
        Step("loss", "Probabilities", f"{y_hat} = {e} / t", rf"{y_hat.latex} = {e.latex} / t",
             f"{shape} = {shape} / {total.shape}", (scene.rows(y_hat, E / total),), note=_prediction(scene)),
    ]  # fmt: skip


def sigmoid_steps(scene: LossScene) -> list[Step]:
    """Turn each output into a probability of its own."""
    y_hat, shape = scene.symbols.probabilities, scene.O.shape
    formula = f"{y_hat} = sigma({scene.o}) = 1 / (1 + exp(-{scene.o}))"
    latex = rf"{y_hat.latex} = \sigma({scene.o.latex}) = \frac{{1}}{{1 + e^{{-{scene.o.latex}}}}}"
    arrays = (scene.rows(y_hat, sigmoid(scene.O)),)
    return [Step("loss", "Probabilities", formula, latex, f"{shape} = sigma {shape}", arrays)]


def exponential_steps(scene: LossScene) -> list[Step]:
    """Turn each output into a mean."""
    m, shape = scene.symbols.rows("M"), scene.O.shape
    arrays = (scene.rows(m, np.exp(scene.O)),)
    latex = rf"{m.latex} = \exp({scene.o.latex})"
    return [Step("loss", "Predicted means", f"{m} = exp({scene.o})", latex, f"{shape} = exp {shape}", arrays)]


# From the outputs to what they mean, by the link's name.
LINKS: dict[str, Callable[[LossScene], list[Step]]] = {
    "softmax": softmax_steps,
    "sigmoid": sigmoid_steps,
    "exp": exponential_steps,
}


def _formula(loss: Loss) -> tuple[str, str]:
    """Write the loss of one sample in both scripts."""
    text, latex = as_text(loss.formula), as_latex(loss.formula)
    if loss.targets.compete:
        return f"l_i = {text}", rf"\ell_i = {latex}"
    return (
        f"l_i = sum_j l(o_ij, y_ij), l(o, y) = {text}",
        rf"\ell_i = \sum_j \ell(o_{{ij}}, y_{{ij}}), \quad \ell(o, y) = {latex}",
    )


def loss_steps(scene: LossScene) -> list[Step]:
    """Follow the outputs to the mean loss.

    Parameters
    ----------
    scene : LossScene

    Returns
    -------
    list of Step
    """
    loss, losses, n = LOSSES[scene.name], scene.losses, len(scene.O)
    text, latex = _formula(loss)
    target = Named(scene.symbols.targets, one_hot(scene.y, scene.O.shape[1]), scene.classes)
    steps = LINKS[loss.link.name](scene) if loss.link.name in LINKS else []
    steps.append(
        Step(
            "loss",
            f"Loss {scene.name.replace('_', ' ')}" + (" of each sample" if n > 1 else ""),
            text,
            latex,
            f"({n},) from {scene.O.shape} and {target.values.shape}",
            (target, Named(SMALL_L, losses)),
            worked=_worked(scene),
        )
    )
    mean = np.array(LOSSES[scene.name].value(scene.O, scene.y))
    title = "Mean loss" if n > 1 else "Loss"
    formula = f"L = (1/{n}) sum_i l_i" if n > 1 else "L = l_1"
    latex = rf"L = \frac{{1}}{{{n}}} \sum_i \ell_i" if n > 1 else r"L = \ell_1"
    steps.append(Step("loss", title, formula, latex, f"() from ({n},)", (Named(L, mean),)))
    return steps


def loss_gradient_step(scene: LossScene) -> Step:
    """Take the gradient of the mean loss at the outputs: here alone 1/n enters."""
    formula, n = LOSSES[scene.name].slope_formula, len(scene.O)
    y_hat, y, d = scene.symbols.probabilities, scene.symbols.targets, gradient(scene.o)
    plain = as_text(formula, o=str(scene.o), y=str(y), y_hat=str(y_hat))
    latex = as_latex(formula, o=scene.o.latex, y=y.latex, y_hat=y_hat.latex)
    if n > 1:
        plain, latex = f"(1/{n}) ({plain})", rf"\frac{{1}}{{{n}}} \bigl({latex}\bigr)"
    return Step(
        "backward",
        "Slope at the outputs",
        f"{d} = {plain}",
        f"{d.latex} = {latex}",
        f"{scene.O.shape}",
        (scene.rows(d, scene.gradient),),
        note="Here, and nowhere else, the mean's 1/n enters." if n > 1 else "",
    )


def _prediction(scene: LossScene) -> str:
    """Say what the first sample is taken for."""
    first = scene.O[0]
    best = int(first.argmax())
    name = f" ({scene.classes[best]})" if scene.classes else ""
    whose = "of the first sample " if len(scene.O) > 1 else ""
    return f"Prediction {whose}argmax_j o_j = argmax_j y_hat_j = {best}{name}."


def _worked(scene: LossScene) -> str:
    """Write the first sample's loss out where one number decides it."""
    if scene.name != "cross_entropy" or scene.y.ndim != 1:
        return ""
    label = int(scene.y[0])
    p = softmax(scene.O[:1])[0, label]
    return f"l[0] = -log y_hat[0, {label}] = -log {p:.4g} = {scene.losses[0]:.4g}"
