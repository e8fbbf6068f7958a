"""What a step does with the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from twofold.engines.numba.jit import compiled, one_of
from twofold.engines.numba.plan import OPTIMIZERS as NUMBERS
from twofold.engines.numba.plan import Plan, StepConfig, first, weights
from twofold.engines.numba.rules import loop_of, source_of_penalty, source_of_step
from twofold.functions import OPTIMIZERS
from twofold.functions.optimizers import Optimizer

Array = NDArray[Any]


def by_number(source: Callable[[Optimizer], str]) -> Any:
    """Make a function that calls the loop of an optimiser, by its number."""
    return one_of({number: loop_of(source(OPTIMIZERS[name])) for name, number in NUMBERS.items()})


# Both of `number, theta, g, state, eta, t, constants`, the first of which is l1.
take_step = by_number(source_of_step)
take_penalty = by_number(source_of_penalty)


@compiled
def update(plan: Plan, rule: StepConfig, theta: Array, gradient: Array, state: Array, eta: float, t: int) -> None:
    """Clip, decay, and change every parameter in place; a row of ``state`` is one array of the optimiser's."""
    if rule.clip_norm < math.inf:
        clip(gradient, rule.clip_norm)
    if rule.weight_decay > 0:
        decay(plan, rule, theta, gradient, eta)
    take_step(rule.optimizer, theta, gradient, state, eta, t, rule.constants)
    if rule.constants[0] > 0:
        soften(plan, rule, theta, gradient, state, eta, t)


@compiled
def clip(gradient: Array, norm: float) -> None:
    """Scale the gradient so that its norm is at most this."""
    square = 0.0
    for i in range(len(gradient)):
        square += gradient[i] * gradient[i]
    factor = gradient.dtype.type(min(norm / (math.sqrt(square) + 1e-6), 1.0))
    for i in range(len(gradient)):
        gradient[i] *= factor


@compiled
def decay(plan: Plan, rule: StepConfig, theta: Array, gradient: Array, eta: float) -> None:
    """Shrink the weights (AdamW), or add ``lambda W`` to their gradient; biases and scales don't decay."""
    shrink, strength = theta.dtype.type(1 - eta * rule.weight_decay), theta.dtype.type(rule.weight_decay)
    for layer in range(len(plan.widths) - 1):
        W, dW = weights(theta, plan, layer).ravel(), weights(gradient, plan, layer).ravel()
        for i in range(len(W)):
            if rule.decoupled:
                W[i] *= shrink
            else:
                dW[i] += strength * W[i]


@compiled
def soften(plan: Plan, rule: StepConfig, theta: Array, gradient: Array, state: Array, eta: float, t: int) -> None:
    """Move the weights towards 0: the proximal step of an L1 penalty."""
    for layer in range(len(plan.widths) - 1):
        start = first(plan, layer)
        end = start + plan.widths[layer] * plan.widths[layer + 1]
        here = state[:, start:end]
        take_penalty(rule.optimizer, theta[start:end], gradient[start:end], here, eta, t, rule.constants)
