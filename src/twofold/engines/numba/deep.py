"""A step of any network."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twofold.engines.numba.entry import Entry
from twofold.engines.numba.jit import compiled
from twofold.engines.numba.layers import (
    activate,
    activate_backward,
    add_to_rows,
    drop_out,
    multiply,
    sum_rows,
    take_rows,
)
from twofold.engines.numba.losses import judge
from twofold.engines.numba.normalizations import normalize, normalize_backward
from twofold.engines.numba.plan import (
    NONE,
    Plan,
    Samples,
    StepConfig,
    are_rows,
    level,
    unpack,
    vector,
    weight_of,
    weights,
)
from twofold.engines.numba.updates import update

Array = NDArray[Any]


class Tape(NamedTuple):
    """What the forward pass keeps for the backward pass; layer after layer in one array each, see `level`.

    Attributes
    ----------
    inputs : ndarray
        Each layer's input (n, width): X, then each H after its activation and dropout.
    Z : ndarray
        What each hidden layer's activation was given.
    Z_hat : ndarray
        Of each hidden layer with a normalisation.
    scale : ndarray, shape (hidden layers, max(n, width))
        What each was scaled by.
    masks : ndarray
        What each hidden layer's H was multiplied by; empty without dropout.
    """

    inputs: Array
    Z: Array
    Z_hat: Array
    scale: Array
    masks: Array


@Entry
def step(*given: Any) -> bool:
    """Take one minibatch step; return whether it was taken, which it isn't if an index is out of range.

    Parameters
    ----------
    *given
        What `pack` returns; then ``theta, state, gradient, totals, rows, eta, t``, which are what is trained, the
        optimiser state, workspace for the gradient, the running sums of `EngineState`, the minibatch, the learning
        rate and the number of the step; then dropout's masks, and workspace for the minibatch's means and variances.
    """
    plan, rule, samples, others = unpack(given)
    theta, state, gradient, _, rows, eta, t, _, _ = others
    if not are_rows(rows, len(samples.X)):
        return False
    go_through(plan, rule, samples, others)
    update(plan, rule, theta, gradient, state, eta, t)
    return True


@Entry
def write_gradient(*given: Any) -> bool:
    """Do as `step` up to the gradient; its arguments are those of `step`."""
    plan, rule, samples, others = unpack(given)
    if not are_rows(others[4], len(samples.X)):
        return False
    go_through(plan, rule, samples, others)
    return True


@Entry
def take_gradient(*given: Any) -> None:
    """Do as `step` from the gradient on; its arguments are those of `step`."""
    plan, rule, _, others = unpack(given)
    theta, state, gradient, _, _, eta, t, _, _ = others
    update(plan, rule, theta, gradient, state, eta, t)


@compiled
def go_through(plan: Plan, rule: StepConfig, samples: Samples, others: tuple[Any, ...]) -> None:
    """Go forward and back."""
    theta, _, gradient, totals, rows, _, _, masks, moments = others
    tape = blank_tape(plan, len(rows), masks, theta.dtype)
    take_rows(samples, rows, level(tape.inputs, plan, len(rows), 0, 0))
    O, dO = forward(plan, theta, tape, len(rows), moments)
    judge(plan, rule, samples, rows, weight_of(samples, rows), O, dO, totals)
    backward(plan, theta, tape, dO.T.copy(), gradient)


@compiled
def blank_tape(plan: Plan, n: int, masks: Array, dtype: Any) -> Tape:
    """Make workspace for a minibatch of n samples."""
    hidden = n * plan.widths[1:-1].sum()
    normalized = plan.normalization != NONE
    scales = (len(plan.activations), max(n, plan.widths.max()))
    return Tape(
        np.empty(n * plan.widths[0] + hidden, dtype),
        np.empty(hidden, dtype),
        np.empty(hidden if normalized else 0, dtype),
        np.empty(scales if normalized else (0, 0), dtype),
        masks,
    )


@compiled
def forward(plan: Plan, theta: Array, tape: Tape, n: int, moments: Array) -> tuple[Array, Array]:
    """Return the outputs, with samples in columns (q, n), and workspace for their gradient."""
    seen, last = 0, len(plan.activations)  # units of the layers below
    for layer in range(last):
        H, Z = level(tape.inputs, plan, n, layer, 0), level(tape.Z, plan, n, layer + 1, 1)
        multiply(H, weights(theta, plan, layer), Z)
        if plan.normalization != NONE:
            own = moments[:, seen : seen + Z.shape[1]]
            Z_hat, gamma = level(tape.Z_hat, plan, n, layer + 1, 1), vector(theta, plan, layer, 1)
            normalize(plan.normalization, Z, gamma, Z_hat, tape.scale[layer], own)
            seen += Z.shape[1]
        add_to_rows(Z, vector(theta, plan, layer, 0))
        above = level(tape.inputs, plan, n, layer + 1, 0)
        activate(plan.activations[layer], Z, above)
        if len(tape.masks):
            drop_out(above, level(tape.masks, plan, n, layer + 1, 1))
    return outputs_of(level(tape.inputs, plan, n, last, 0), weights(theta, plan, last), vector(theta, plan, last, 0))


@compiled
def backward(plan: Plan, theta: Array, tape: Tape, dZ: Array, gradient: Array) -> None:
    """Carry the gradient from the outputs (n, q) back to every parameter."""
    n, last = len(dZ), len(plan.activations)
    for layer in range(last, -1, -1):
        sum_rows(dZ, vector(gradient, plan, layer, 0))
        if plan.normalization != NONE and layer < last:
            Z_hat, gamma = level(tape.Z_hat, plan, n, layer + 1, 1), vector(theta, plan, layer, 1)
            dgamma = vector(gradient, plan, layer, 1)
            normalize_backward(plan.normalization, dZ, gamma, Z_hat, tape.scale[layer], dgamma)
        multiply(level(tape.inputs, plan, n, layer, 0).T, dZ, weights(gradient, plan, layer))
        if layer > 0:
            dZ = np.dot(dZ, weights(theta, plan, layer).T)
            if len(tape.masks):
                drop_out(dZ, level(tape.masks, plan, n, layer, 1))
            activate_backward(plan.activations[layer - 1], level(tape.Z, plan, n, layer, 1), dZ)


@compiled
def outputs_of(H: Array, W: Array, b: Array) -> tuple[Array, Array]:
    """Return ``O = H W + b`` with samples in columns, (q, n), and workspace for its gradient."""
    O = np.empty((len(b), len(H)), H.dtype)
    np.dot(W.T, H.T, O)
    for j in range(len(b)):
        o = O[j]
        for i in range(len(o)):
            o[i] += b[j]
    return O, np.empty_like(O)
