"""Gradients: their mean over a batch, the check by differences, and what is left of them after many layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.functions import ACTIVATIONS, LOSSES
from twofold.inspect.demonstrations.demonstration import Demonstration, in_language
from twofold.language import Text
from twofold.randomness import Purpose, stream

Array = NDArray[Any]


def batch_mean(seed: int = 0, *, language: str = "en") -> Demonstration:
    """Show why a step divides the gradient by the size of the batch, and does so once.

    Parameters
    ----------
    seed : int
        Of the data.
    language : {"en", "zh"}

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> batch_mean().holds
    True
    """
    draw = stream(seed, Purpose.DIRECTION, 12)
    X = draw.standard_normal((1000, 2))
    y = X @ np.array([2.0, -3.4]) + 4.2 + 0.01 * draw.standard_normal(1000)
    rows: list[tuple[Any, ...]] = []
    for size in (10, 100, 1000):
        A, t = np.column_stack([X[:size], np.ones(size)]), y[:size]
        total = A.T @ (A @ np.zeros(3) - t)  # the first step's gradient, summed over the batch
        losses = [_loss_after(A, t, 0.03, divisor) for divisor in (size, 1, size**2)]
        rows.append((size, float(np.linalg.norm(total)), float(np.linalg.norm(total / size)), *losses))
    falling = all(row[3] < 0.5 * row[5] for row in rows)
    return in_language(
        language,
        claim=Text(
            "A step divides the gradient by the size of the batch, once.",
            "每一步把梯度除以批量大小，而且只除一次。",
        ),
        formula="(w, b) <- (w, b) - (eta / |B|) sum_(i in B) d l_i / d (w, b), eta = 0.03",
        columns=(
            "|B|",
            Text("gradient, summed", "梯度之和"),
            Text("its mean", "梯度的平均"),
            Text("loss after 50 steps: divided once", "50步后的损失： 除一次"),
            Text("not divided", "不除"),
            Text("divided twice", "除两次"),
        ),
        rows=rows,
        conclusion=Text(
            "The sum grows with the batch, so a learning rate fits one size of batch alone (from 100 on it diverges); "
            "the mean hardly does. Divided twice, next to nothing is learned: some then take a learning rate of 100.",
            "和随批量增大，一个学习率就只适合一种批量大小（100 起就发散）；平均则大致不变。"
            "除两次就几乎学不动：有人因此把学习率设成 100。",
        ),
        holds=falling and rows[-1][1] > 50 * rows[0][1] and rows[-1][2] < 3 * rows[0][2] and not rows[-1][4] < 1,
    )


def _loss_after(A: Array, t: Array, rate: float, divisor: float) -> float:
    """Return the mean loss after 50 steps of gradient descent that divide by this."""
    theta = np.zeros(A.shape[1])
    with np.errstate(all="ignore"):
        for _ in range(50):
            theta = theta - rate / divisor * A.T @ (A @ theta - t)
        return float(np.mean((A @ theta - t) ** 2) / 2)


def numerical_gradient(seed: int = 0, *, language: str = "en") -> Demonstration:
    """Hold a derivative by formula against finite differences of many steps.

    Parameters
    ----------
    seed : int
        Of samples and weights.
    language : {"en", "zh"}

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> numerical_gradient().holds
    True
    """
    draw = stream(seed, Purpose.DIRECTION, 13)
    X, W, y = draw.standard_normal((6, 4)), draw.standard_normal((4, 3)), np.array([0, 1, 2, 0, 1, 2])
    loss = LOSSES["cross_entropy"]
    exact = float((X.T @ loss.gradient(X @ W, y))[0, 0])

    def at(step: float) -> float:
        moved = W.copy()
        moved[0, 0] += step
        return float(loss.value(X @ moved, y))

    rows: list[tuple[Any, ...]] = []
    for h in (1e-1, 1e-2, 1e-3, 1e-5, 1e-8, 1e-11, 1e-13):
        forward, central = (at(h) - at(0)) / h, (at(h) - at(-h)) / (2 * h)
        rows.append((h, exact, central, abs(forward - exact), abs(central - exact)))
    errors = [row[4] for row in rows]
    return in_language(
        language,
        claim=Text(
            "A derivative by formula can be checked without any formula.",
            "用公式求出的导数，可以不用任何公式来检验。",
        ),
        formula="dL/dw = (L(w + h) - L(w - h)) / (2h) + O(h^2), dL/dw = (L(w + h) - L(w)) / h + O(h)",
        columns=(
            Text("step h", "步长 h"),
            Text("by formula", "公式"),
            Text("central differences", "中心差分"),
            Text("error, forward", "前向差分的误差"),
            Text("error, central", "中心差分的误差"),
        ),
        rows=rows,
        conclusion=Text(
            "A tenth of the step makes the forward error a tenth and the central one a hundredth, until rounding takes "
            "over: at about 1e-5 it is smallest, and below the digits are lost.",
            "步长缩小到十分之一，前向差分的误差变为十分之一，中心差分的变为百分之一，直到舍入误差占上风："
            "约 1e-5 时最小，再小就会损失位数。",
        ),
        holds=min(errors) < 1e-9
        and math.isclose(errors[0] / errors[1], 100, rel_tol=0.1)
        and math.isclose(rows[1][3] / rows[2][3], 10, rel_tol=0.1)
        and errors[-1] > 1e3 * min(errors),
    )


def vanishing_derivatives(*, language: str = "en") -> Demonstration:
    """Show what is left of a derivative after many layers of an activation.

    Parameters
    ----------
    language : {"en", "zh"}

    Returns
    -------
    Demonstration

    Examples
    --------
    >>> vanishing_derivatives().holds
    True
    """
    names = "sigmoid", "tanh", "relu"
    rows: list[tuple[Any, ...]] = [
        (Text(f"one layer, at z = {z:g}", f"一层，z = {z:g} 处"), *(_slope(name, z, 1) for name in names))
        for z in (0.0, 1.0, 5.0, 10.0)
    ]
    rows += [
        (Text(f"{count} layers, from z = 1", f"{count} 层，从 z = 1 起"), *(_slope(name, 1.0, count) for name in names))
        for count in (2, 5, 10, 20)
    ]
    return in_language(
        language,
        claim=Text(
            "The derivative of the sigmoid is at most 1/4, and vanishes through many layers.",
            "sigmoid 的导数至多 1/4，经过许多层后就消失了。",
        ),
        formula="d phi(phi(...phi(z))) / dz = product over layers of phi'(z_l), sigma'(z) = sigma(z) (1 - sigma(z))",
        columns=(Text("derivative of", "导数"), *names),
        rows=rows,
        conclusion=Text(
            "Through 20 layers of sigmoids nothing is left, so the first layers learn next to nothing; relu passes a "
            "derivative on as it is, where its input is positive (its derivative at 0 is taken as 0).",
            "经过 20 层 sigmoid 后几乎什么也不剩，前面的层几乎学不到东西；relu 在输入为正处原样传递导数"
            "（在 0 处导数取 0）。",
        ),
        holds=rows[0][1] == 0.25 and rows[0][3] == 0 and rows[-1][1] < 1e-12 and rows[-1][3] == 1,
    )


def _slope(name: str, z: float, layers: int) -> float:
    """Multiply an activation's derivatives along a chain of layers, each of one unit of weight 1."""
    activation = ACTIVATIONS[name]
    at, slope = np.array([z]), 1.0
    for _ in range(layers):
        slope *= float(activation.derivative(at)[0])
        at = activation.value(at)
    return slope
