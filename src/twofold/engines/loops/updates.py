"""What a step does with the gradient."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from twofold.engines.loops.jit import compiled
from twofold.engines.loops.plan import ADAMW, MOMENTUM, NESTEROV, SGD, Plan, Rule, weights

Array = NDArray[Any]


@compiled
def update(
    plan: Plan, rule: Rule, theta: Array, gradient: Array, first: Array, second: Array, eta: float, t: int
) -> None:
    """Clip, decay, and change every parameter in place; ``first`` and ``second`` are the optimiser's memory."""
    if rule.clip_norm < math.inf:
        clip(gradient, rule.clip_norm)
    if rule.weight_decay > 0:
        decay(plan, rule, theta, gradient, eta)
    if rule.optimizer == SGD:
        rate = theta.dtype.type(eta)
        for i in range(len(theta)):
            theta[i] -= rate * gradient[i]
    elif rule.optimizer in (MOMENTUM, NESTEROV):
        move_with_momentum(rule, theta, gradient, first, eta)
    else:
        adam(rule, theta, gradient, first, second, eta, t)


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
def decay(plan: Plan, rule: Rule, theta: Array, gradient: Array, eta: float) -> None:
    """Shrink the weights (AdamW), or add ``lambda W`` to their gradient; biases and scales don't decay."""
    shrink, strength = theta.dtype.type(1 - eta * rule.weight_decay), theta.dtype.type(rule.weight_decay)
    for layer in range(len(plan.widths) - 1):
        W, dW = weights(theta, plan, layer).ravel(), weights(gradient, plan, layer).ravel()
        for i in range(len(W)):
            if rule.optimizer == ADAMW:
                W[i] *= shrink
            else:
                dW[i] += strength * W[i]


@compiled
def move_with_momentum(rule: Rule, theta: Array, gradient: Array, v: Array, eta: float) -> None:
    """``v <- mu v + g``, ``theta <- theta - eta v``; Nesterov's ``theta <- theta - eta (g + mu v)``."""
    rate, mu = theta.dtype.type(eta), theta.dtype.type(rule.momentum)
    for i in range(len(theta)):
        v[i] = mu * v[i] + gradient[i]
        theta[i] -= rate * (gradient[i] + mu * v[i] if rule.optimizer == NESTEROV else v[i])


@compiled
def adam(rule: Rule, theta: Array, gradient: Array, m: Array, s: Array, eta: float, t: int) -> None:
    """``theta <- theta - eta m_hat / (sqrt(s_hat) + epsilon)``."""
    number = theta.dtype.type
    beta1, beta2, epsilon = number(rule.beta1), number(rule.beta2), number(rule.epsilon)
    rest1, rest2 = number(1 - rule.beta1), number(1 - rule.beta2)
    length, root = number(eta / (1 - rule.beta1**t)), number(1 / math.sqrt(1 - rule.beta2**t))
    for i in range(len(theta)):
        g = gradient[i]
        m[i] = beta1 * m[i] + rest1 * g
        s[i] = beta2 * s[i] + rest2 * g * g
        theta[i] -= length * m[i] / (math.sqrt(s[i]) * root + epsilon)
