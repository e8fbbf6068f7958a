"""The loss, term by term: from raw outputs to the mean loss L and its slope at the outputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.functions import LOSSES, sigmoid, softmax
from twofold.inspect.tracing.forward import one_hot
from twofold.inspect.tracing.letters import Letters, gradient
from twofold.inspect.tracing.record import Named, Step, Symbol

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
    letters : Letters
    """

    name: str
    O: Array
    y: Array
    classes: tuple[str, ...]
    letters: Letters

    @property
    def o(self) -> Symbol:
        """The outputs' name."""
        return self.letters.rows("O")

    @property
    def losses(self) -> Array:
        """The loss of each sample, (n,)."""
        return LOSSES[self.name].samples(self.O, self.y)[0]

    @property
    def slope(self) -> Array:
        """The gradient of the mean loss at the outputs, (n, q)."""
        return LOSSES[self.name].gradient(self.O, self.y)

    def rows(self, symbol: Symbol, values: Array) -> Named:
        """Name an array with a row for each sample and a column for each output."""
        return Named(symbol, values, self.classes)


@dataclass(frozen=True)
class LossFormulas:
    """How a loss is written.

    Attributes
    ----------
    plain, latex : str
        The loss of one sample.
    slope, slope_latex : str
        Its slope at the outputs, without the 1/n.
    before : callable, optional
        The steps that lead from the outputs to what the loss compares.
    """

    plain: str
    latex: str
    slope: str
    slope_latex: str
    before: Callable[[LossScene], list[Step]] | None = None


def softmax_steps(scene: LossScene) -> list[Step]:
    """Write softmax out term by term: the maximum, the differences, the exponentials, their sum, the quotient."""
    O, o, y_hat = scene.O, scene.o, scene.letters.probabilities
    m = O.max(axis=1, keepdims=True)  # (n, 1)
    E = np.exp(O - m)  # (n, q)
    total = E.sum(axis=1, keepdims=True)  # (n, 1)
    s, e = scene.letters.rows("S"), scene.letters.rows("E")
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
    y_hat, shape = scene.letters.probabilities, scene.O.shape
    formula = f"{y_hat} = sigma({scene.o}) = 1 / (1 + exp(-{scene.o}))"
    latex = rf"{y_hat.latex} = \sigma({scene.o.latex}) = \frac{{1}}{{1 + e^{{-{scene.o.latex}}}}}"
    arrays = (scene.rows(y_hat, sigmoid(scene.O)),)
    return [Step("loss", "Probabilities", formula, latex, f"{shape} = sigma {shape}", arrays)]


FORMULAS: dict[str, LossFormulas] = {
    "squared": LossFormulas(
        "l_i = |o_i - y_i|^2 / 2",
        r"\ell_i = \tfrac{1}{2} \lVert \mathbf{o}_i - \mathbf{y}_i \rVert^2",
        "{o} - {y}",
        r"{o} - {y}",
    ),
    "huber": LossFormulas(
        "l_i = sum_j h(o_ij - y_ij), h(r) = r^2 / 2 if |r| <= 1 else |r| - 1/2",
        r"\ell_i = \sum_j h(o_{ij} - y_{ij}), \quad h(r) = \tfrac{1}{2} r^2 \text{ if } |r| \le 1"
        r" \text{ else } |r| - \tfrac{1}{2}",
        "max(-1, min(1, {o} - {y}))",
        r"\max(-1, \min(1, {o} - {y}))",
    ),
    "absolute": LossFormulas(
        "l_i = sum_j |o_ij - y_ij|",
        r"\ell_i = \sum_j \lvert o_{ij} - y_{ij} \rvert",
        "sign({o} - {y})",
        r"\operatorname{{sign}}({o} - {y})",
    ),
    "cross_entropy": LossFormulas(
        "l_i = - sum_j y_ij log y_hat_ij = log t_i - sum_j y_ij s_ij",
        r"\ell_i = -\sum_j y_{ij} \log \hat{y}_{ij} = \log t_i - \sum_j y_{ij} s_{ij}",
        "{y_hat} - {y}",
        "{y_hat} - {y}",
        softmax_steps,
    ),
    "softmax_squared": LossFormulas(
        "l_i = |y_hat_i - y_i|^2 / 2",
        r"\ell_i = \tfrac{1}{2} \lVert \hat{\mathbf{y}}_i - \mathbf{y}_i \rVert^2",
        "y_hat_j (r_j - sum_k y_hat_k r_k), r = {y_hat} - {y}",
        r"\hat{{y}}_j \bigl(r_j - \sum_k \hat{{y}}_k r_k\bigr), \quad \mathbf{{r}} = {y_hat} - {y}",
        softmax_steps,
    ),
    "sigmoid_cross_entropy": LossFormulas(
        "l_i = sum_j log(1 + exp(o_ij)) - y_ij o_ij",
        r"\ell_i = \sum_j \log(1 + e^{o_{ij}}) - y_{ij}\, o_{ij}",
        "{y_hat} - {y}",
        "{y_hat} - {y}",
        sigmoid_steps,
    ),
}


def formulas_of(name: str) -> LossFormulas:
    """Return how a loss is written; one that isn't in `FORMULAS` is by the first line of its own docstring."""
    if name in FORMULAS:
        return FORMULAS[name]
    word = name.replace("_", " ")
    lines = (inspect.getdoc(LOSSES[name].samples) or word).replace("`", "").splitlines()
    return LossFormulas(
        lines[0], rf"\ell_i = \text{{{word}}}(\mathbf{{o}}_i, \mathbf{{y}}_i)", "d l / d o", r"\partial\ell/\partial o"
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
    formulas, losses, n = formulas_of(scene.name), scene.losses, len(scene.O)
    target = Named(scene.letters.targets, one_hot(scene.y, scene.O.shape[1]), scene.classes)
    steps = [] if formulas.before is None else formulas.before(scene)
    steps.append(
        Step(
            "loss",
            f"Loss {scene.name.replace('_', ' ')}" + (" of each sample" if n > 1 else ""),
            formulas.plain,
            formulas.latex,
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


def slope_step(scene: LossScene) -> Step:
    """Take the gradient of the mean loss at the outputs: here alone 1/n enters."""
    formulas, n = formulas_of(scene.name), len(scene.O)
    y_hat, y, d = scene.letters.probabilities, scene.letters.targets, gradient(scene.o)
    plain = formulas.slope.format(o=scene.o, y=y, y_hat=y_hat)
    latex = formulas.slope_latex.format(o=scene.o.latex, y=y.latex, y_hat=y_hat.latex)
    if n > 1:
        plain, latex = f"(1/{n}) ({plain})", rf"\frac{{1}}{{{n}}} \bigl({latex}\bigr)"
    return Step(
        "backward",
        "Slope at the outputs",
        f"{d} = {plain}",
        f"{d.latex} = {latex}",
        f"{scene.O.shape}",
        (scene.rows(d, scene.slope),),
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
