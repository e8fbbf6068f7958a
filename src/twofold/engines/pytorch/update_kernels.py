"""Updates on PyTorch tensors, in place: for `fused`. Nothing here reads a number back from a GPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from twofold.engines.pytorch.kernels import Scalar
from twofold.engines.pytorch.tensor_functions import TensorFunctions
from twofold.functions import OptimizerConfig
from twofold.functions.expressions import evaluate, take_out
from twofold.functions.numpy_functions import of_type

NUMBERS = of_type(np.dtype("float64"))  # the functions of what is computed once a step


def move(theta: Tensor, g: Tensor, length: Scalar) -> None:
    """``theta <- theta + length g``; g may be of a smaller type."""
    if isinstance(length, Tensor):
        theta.addcmul_(g.to(theta.dtype), length)
    else:
        theta.add_(g, alpha=length)


class UpdateKernel(NamedTuple):
    """What a step does with the gradient.

    Attributes
    ----------
    numbers : callable
        What changes from step to step, of ``eta, t`` and the constants by keyword; on the device where steps are
        replayed.
    update : callable
        Changes theta and the state in place, of ``theta, g, state, numbers`` and the constants; g may be used up.
    """

    numbers: Callable[..., list[float]]
    update: Callable[..., None]


def minus_eta(eta: float, _t: int, **_constants: float) -> list[float]:
    """Return what a step multiplies its direction by."""
    return [-eta]


def sgd(theta: Tensor, g: Tensor, _state: list[Tensor], numbers: list[Scalar]) -> None:
    """Step against the gradient."""
    move(theta, g, numbers[0])


def heavy_ball(theta: Tensor, g: Tensor, state: list[Tensor], numbers: list[Scalar], *, momentum: float) -> None:
    """Step along a velocity."""
    (v,) = state
    v.mul_(momentum).add_(g)
    move(theta, v, numbers[0])


def nesterov(theta: Tensor, g: Tensor, state: list[Tensor], numbers: list[Scalar], *, momentum: float) -> None:
    """Step along the velocity and the gradient."""
    (v,) = state
    v.mul_(momentum).add_(g)
    move(theta, g.add_(v, alpha=momentum), numbers[0])


def adam_numbers(eta: float, t: int, *, beta1: float, beta2: float, epsilon: float) -> list[float]:  # noqa: ARG001
    """Return the factors of ``m / root``, of the root, and what the one-pass Adam wants."""
    return [-eta / (1 - beta1**t), math.sqrt(1 - beta2**t), eta, float(t)]


def adam(
    theta: Tensor,
    g: Tensor,
    state: list[Tensor],
    numbers: list[Scalar],
    *,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    """Divide a mean of gradients by the root of a mean of their squares; g is used up as a buffer.

    On a CPU in one pass through state, where PyTorch has it: a third of the time.
    """
    m, s = state
    length, factor, eta, t = numbers
    if isinstance(eta, float) and isinstance(t, float) and has_one_pass_adam():
        _one_pass_adam(theta, g, state, eta=eta, t=t, beta1=beta1, beta2=beta2, epsilon=epsilon)
        return
    m.mul_(beta1).add_(g, alpha=1 - beta1)
    s.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    root = torch.sqrt(s, out=g).div_(factor).add_(epsilon)
    move(theta, torch.div(m, root, out=g), length)


def _one_pass_adam(
    theta: Tensor,
    g: Tensor,
    state: list[Tensor],
    *,
    eta: float,
    t: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    m, s = state
    torch._fused_adam_(
        [theta],
        [g],
        [m],
        [s],
        [],
        [torch.tensor(t)],
        lr=eta,
        beta1=beta1,
        beta2=beta2,
        weight_decay=0.0,
        eps=epsilon,
        amsgrad=False,
        maximize=False,
    )


@cache
def has_one_pass_adam() -> bool:
    """Tell whether PyTorch's one-pass Adam, the one behind ``torch.optim.Adam(fused=True)``, runs and is right here."""
    theta, g, m, s = torch.tensor([[1.0, 2.0], [0.5, -1.0], [0.1, 0.0], [0.2, 0.3]], dtype=torch.float64)
    constants = {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8}
    m_next, s_next = 0.9 * m + 0.1 * g, 0.99 * s + 0.01 * g * g
    root = (s_next / (1 - 0.99**3)).sqrt() + 1e-8
    expected = theta - 0.1 / (1 - 0.9**3) * m_next / root
    try:
        _one_pass_adam(theta, g, [m, s], eta=0.1, t=3.0, **constants)
    except (AttributeError, RuntimeError, TypeError):  # no such operator, none for this CPU, or other arguments
        return False
    return all(torch.allclose(a, b, rtol=1e-14) for a, b in ((theta, expected), (m, m_next), (s, s_next)))


# PyTorch's own kernels, in place: faster than the definitions, and of the same values.
UPDATE_KERNELS: dict[str, UpdateKernel] = {
    "sgd": UpdateKernel(minus_eta, sgd),
    "momentum": UpdateKernel(minus_eta, heavy_ball),
    "nesterov": UpdateKernel(minus_eta, nesterov),
    "adam": UpdateKernel(adam_numbers, adam),
    "adamw": UpdateKernel(adam_numbers, adam),
}


class Defined:
    """A definition on tensors: stores expressions in theta and the state.

    Parameters
    ----------
    expressions : tuple of Expression
        Of theta after the step, and of the state unless that stays; of ``eta``, ``t`` and the optimiser's variables.
    variables : tuple of str
        The optimiser's.
    """

    def __init__(self, expressions: tuple[Any, ...], variables: tuple[str, ...]) -> None:
        self._variables = variables
        self._taken, self._rest = take_out(expressions, variables)

    def numbers(self, eta: float, t: int) -> list[float]:
        """Compute what changes with the step alone."""
        return [float(x) for x in evaluate(tuple(self._taken.values()), {"eta": eta, "t": t}, NUMBERS)]

    def update(self, theta: Tensor, g: Tensor, state: list[Tensor], numbers: list[Scalar]) -> None:
        """Change theta, and the state, in place."""
        values = dict(zip((*self._variables, *self._taken), (theta, g, *state, *numbers), strict=True))
        results = evaluate(self._rest, values, TensorFunctions(theta))
        for place, result in zip((theta, *state), results, strict=False):
            place.copy_(result)


def update_kernel(optimizer: OptimizerConfig) -> UpdateKernel:
    """Return an optimiser's kernels; one that there are none for is computed as it is defined."""
    definition, constants = optimizer.definition, optimizer.constants
    if optimizer.name in UPDATE_KERNELS:
        numbers, update = UPDATE_KERNELS[optimizer.name]
        return UpdateKernel(partial(numbers, **constants), partial(update, **constants))
    made = Defined(definition.record(**constants), definition.variables)
    return UpdateKernel(made.numbers, made.update)


def penalty_kernel(optimizer: OptimizerConfig, *, l1: float) -> UpdateKernel:
    """Return the proximal step of an L1 penalty, which comes after an optimiser's step; it needs no gradient."""
    definition = optimizer.definition
    made = Defined((definition.record_penalty(l1, **optimizer.constants),), definition.variables)
    return UpdateKernel(made.numbers, made.update)


def clip(g: Tensor, norm: float) -> None:
    """Scale the gradient of all parameters in place so that its norm is at most ``norm``."""
    g.mul_((norm / (torch.linalg.vector_norm(g) + 1e-6)).clamp_(max=1))
