"""A step of any network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.engines.loops.jit import compiled, kept
from twofold.engines.loops.layers import (
    activate,
    activate_backward,
    add_to_rows,
    drop_out,
    multiply,
    normalize,
    normalize_backward,
    sum_rows,
    take_rows,
)
from twofold.engines.loops.losses import judge
from twofold.engines.loops.plan import NONE, Plan, Rule, Samples, level, vector, weight_of, weights
from twofold.engines.loops.updates import update

Array = NDArray[Any]


@kept
def step(*given: Any) -> None:
    """Take one minibatch step.

    Parameters
    ----------
    *given
        The parts of a `Plan`, of a `Rule` and of `Samples`, one by one (whole, they take Numba three times as long to
        hand over); then ``theta, first, second, gradient, totals, rows, eta, t, masks, moments``.
    """
    plan, rule, samples = Plan(*given[:4]), Rule(*given[4:12]), Samples(*given[12:16])
    theta, first, second, gradient, totals, rows, eta, t, masks, moments = given[16:]
    backpropagate(plan, rule, theta, samples, rows, masks, moments, gradient, totals)
    update(plan, rule, theta, gradient, first, second, eta, t)


@compiled
def backpropagate(
    plan: Plan,
    rule: Rule,
    theta: Array,
    samples: Samples,
    rows: Array,
    masks: Array,
    moments: Array,
    gradient: Array,
    totals: Array,
) -> None:
    """Go forward and back: the gradient of every parameter, all of them in one array as in ``theta``."""
    n, last, normalized = len(rows), len(plan.activations), plan.normalization != NONE
    hidden = n * plan.widths[1:-1].sum()
    inputs = np.empty(n * plan.widths[0] + hidden, theta.dtype)
    Zs = np.empty(hidden, theta.dtype)
    Z_hats = np.empty(hidden if normalized else 0, theta.dtype)
    scales = np.empty((last if normalized else 0, max(n, plan.widths.max())), theta.dtype)
    take_rows(samples, rows, level(inputs, plan, n, 0, 0))
    seen = 0  # units of the layers below
    for layer in range(last):
        H, Z = level(inputs, plan, n, layer, 0), level(Zs, plan, n, layer + 1, 1)
        multiply(H, weights(theta, plan, layer), Z)
        if normalized:
            units = plan.widths[layer + 1]
            Z_hat, gamma = level(Z_hats, plan, n, layer + 1, 1), vector(theta, plan, layer, 1)
            normalize(plan.normalization, Z, Z_hat, scales[layer], moments[:, seen : seen + units])
            seen += units
            for i in range(n):
                for j in range(units):
                    Z[i, j] = gamma[j] * Z_hat[i, j]
        add_to_rows(Z, vector(theta, plan, layer, 0))
        above = level(inputs, plan, n, layer + 1, 0)
        activate(plan.activations[layer], Z, above)
        if len(masks):
            drop_out(above, level(masks, plan, n, layer + 1, 1))
    O, dO = outputs_of(level(inputs, plan, n, last, 0), weights(theta, plan, last), vector(theta, plan, last, 0))
    judge(plan, rule, samples, rows, weight_of(samples, rows), O, dO, totals)
    dZ = dO.T.copy()
    for layer in range(last, -1, -1):
        sum_rows(dZ, vector(gradient, plan, layer, 0))
        if normalized and layer < last:
            Z_hat, gamma = level(Z_hats, plan, n, layer + 1, 1), vector(theta, plan, layer, 1)
            dgamma = vector(gradient, plan, layer, 1)
            dgamma[:] = 0
            for i in range(n):
                for j in range(len(gamma)):
                    dgamma[j] += dZ[i, j] * Z_hat[i, j]
                    dZ[i, j] *= gamma[j]
            normalize_backward(plan.normalization, dZ, Z_hat, scales[layer])
        multiply(level(inputs, plan, n, layer, 0).T, dZ, weights(gradient, plan, layer))
        if layer > 0:
            dZ = np.dot(dZ, weights(theta, plan, layer).T)
            if len(masks):
                drop_out(dZ, level(masks, plan, n, layer, 1))
            activate_backward(plan.activations[layer - 1], level(Zs, plan, n, layer, 1), dZ)


@compiled
def outputs_of(H: Array, W: Array, b: Array) -> tuple[Array, Array]:
    """Return ``O = H W + b`` with samples in columns, (q, n), and room for its gradient."""
    O = np.empty((len(b), len(H)), H.dtype)
    np.dot(W.T, H.T, O)
    for j in range(len(b)):
        o = O[j]
        for i in range(len(o)):
            o[i] += b[j]
    return O, np.empty_like(O)
