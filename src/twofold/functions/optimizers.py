"""Optimisers: what a step does with a gradient, written out for one parameter array at a time, in place.

The conventions are those of torch.optim, and `twofold.engines.concise` uses torch.optim itself; both take the same
steps. With t the number of this step, counted from 1, g the gradient and eta the learning rate:

- *weight decay* lambda acts on weights, not on biases. For SGD, momentum, Nesterov and Adam it is an L2 penalty
  ``lambda |W|^2 / 2`` in the objective, so ``g <- g + lambda W``; for AdamW it is decoupled,
  ``W <- W - eta lambda W`` (Loshchilov and Hutter 2019).
- *clipping* comes first and is global: the loss's gradient over all parameters is scaled so that its norm is at most
  c, by ``min(1, c / (norm + 1e-6))``, the small number being that of torch.nn.utils.clip_grad_norm_.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Memory = tuple[Array, ...]


def sgd(theta: Array, g: Array, _memory: Memory, eta: float, _t: int) -> None:
    """``theta <- theta - eta g``."""
    theta -= eta * g


def heavy_ball(theta: Array, g: Array, memory: Memory, eta: float, _t: int, *, momentum: float) -> None:
    """``v <- mu v + g``, ``theta <- theta - eta v`` (Polyak 1964; the learning rate stays outside of v)."""
    (v,) = memory
    v *= momentum
    v += g
    theta -= eta * v


def nesterov(theta: Array, g: Array, memory: Memory, eta: float, _t: int, *, momentum: float) -> None:
    """``v <- mu v + g``, ``theta <- theta - eta (g + mu v)`` (Nesterov 1983, as in Sutskever et al. 2013)."""
    (v,) = memory
    v *= momentum
    v += g
    theta -= eta * (g + momentum * v)


def adam(
    theta: Array, g: Array, memory: Memory, eta: float, t: int, *, beta1: float, beta2: float, epsilon: float
) -> None:
    """Divide a mean of gradients by the root of a mean of their squares (Kingma and Ba 2015, arXiv:1412.6980).

    ``m <- beta1 m + (1 - beta1) g``, ``s <- beta2 s + (1 - beta2) g^2``,
    ``theta <- theta - eta m_hat / (sqrt(s_hat) + epsilon)`` with ``m_hat = m / (1 - beta1^t)``,
    ``s_hat = s / (1 - beta2^t)``.
    """
    m, s = memory
    m *= beta1
    m += (1 - beta1) * g
    s *= beta2
    s += (1 - beta2) * np.square(g)
    root = np.sqrt(s) / math.sqrt(1 - beta2**t)
    theta -= eta / (1 - beta1**t) * m / (root + epsilon)


@dataclass(frozen=True)
class Optimizer:
    """An update rule.

    Attributes
    ----------
    update : callable
        Changes ``theta`` and ``memory`` in place, given g, eta, t and the constants by keyword.
    memory : tuple of str
        Names of the arrays, shaped like theta and 0 at first, that the rule keeps from step to step.
    constants : tuple of str
        Fields of the `twofold.Recipe` that the rule reads.
    decoupled : bool
        Whether weight decay shrinks the weights directly, and isn't part of the gradient.
    """

    update: Callable[..., None]
    memory: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    decoupled: bool = False


OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer(sgd),
    "momentum": Optimizer(heavy_ball, ("velocity",), ("momentum",)),
    "nesterov": Optimizer(nesterov, ("velocity",), ("momentum",)),
    "adam": Optimizer(adam, ("mean", "square"), ("beta1", "beta2", "epsilon")),
    "adamw": Optimizer(adam, ("mean", "square"), ("beta1", "beta2", "epsilon"), decoupled=True),
}


def clip(gradients: Sequence[Array], norm: float) -> None:
    """Scale gradients in place so that their norm, over all together, is at most ``norm``.

    Parameters
    ----------
    gradients : sequence of ndarray
    norm : float
        Positive.
    """
    length = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
    factor = norm / (length + 1e-6)
    if factor < 1:
        for gradient in gradients:
            np.multiply(gradient, factor, out=gradient)
