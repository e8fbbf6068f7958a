"""Losses, their gradients and what is right, of some samples of a minibatch.

Samples lie in columns, so that machine code takes as many of them at a time as a vector holds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.engines.numba.exponential import exp
from twofold.engines.numba.formulas import machine_code
from twofold.engines.numba.jit import compiled, inlined, one_of
from twofold.engines.numba.plan import CLASSES, CROSS_ENTROPY, LABELS, SOFTMAX_SQUARED, Plan, Samples, StepConfig
from twofold.engines.numba.plan import LOSSES as NUMBERS
from twofold.functions import LOSSES

Array = NDArray[Any]

LINE = 16  # samples whose targets are turned at a time


@compiled
def judge(
    plan: Plan,
    rule: StepConfig,
    samples: Samples,
    rows: Array,
    total_weight: float,
    O: Array,
    dO: Array,
    totals: Array,
) -> None:
    """Write the gradient of the loss with respect to the outputs, and add to the running means.

    Samples lie in columns, so that machine code takes as many at a time as a vector holds.

    Parameters
    ----------
    plan, rule, samples
    rows : ndarray of int64, shape (n,)
        Of a minibatch or a part of it.
    total_weight : float
        Of the whole minibatch.
    O : ndarray, shape (q, n or more)
        Raw outputs; overwritten.
    dO : ndarray, shape (q, n or more)
    totals : ndarray of float64, shape (3,)
        As in `EngineState`.
    """
    q, n = len(O), len(rows)
    values, weight, correct = np.zeros(n, O.dtype), np.empty(n, O.dtype), np.zeros(n)
    take_weights(samples, rows, weight)
    if plan.loss == CROSS_ENTROPY and len(samples.Y) == 0 and rule.smoothing == 0:
        cross_entropy_of_classes(O, samples.classes, rows, dO, values, correct)
    else:
        Y = np.empty((q, n), O.dtype)
        take_targets(samples, rows, Y)
        judge_columns(plan, rule.smoothing, O, Y, dO, values, correct)
    for i in range(n):
        totals[0] += weight[i] * values[i]
        totals[1] += weight[i] * correct[i]
        totals[2] += weight[i]
    for i in range(n):
        weight[i] = weight[i] / total_weight if total_weight > 0 else 0
    for j in range(q):
        d = dO[j]
        for i in range(n):
            d[i] *= weight[i]


@compiled
def judge_columns(plan: Plan, smoothing: float, O: Array, Y: Array, dO: Array, values: Array, correct: Array) -> None:
    """Write each sample's loss, its gradient, and how much is right, of targets Y (q, n)."""
    if plan.loss == CROSS_ENTROPY:
        subtract_largest(O, len(values))
        cross_entropy(O, Y, dO, values)
    elif plan.loss == SOFTMAX_SQUARED:
        subtract_largest(O, len(values))
        softmax_squared(O, Y, dO, values)
    else:
        defined_loss(plan.loss, O, Y, O.dtype.type(plan.constant), dO, values)
    if smoothing > 0:
        smooth(1 / len(O) if plan.targets == CLASSES else 0.5, O, Y, smoothing, dO, values)
    if plan.targets in (CLASSES, LABELS):
        right(plan.targets, O, Y, correct)


@compiled
def take_targets(samples: Samples, rows: Array, Y: Array) -> None:
    """Set each column of Y (q, n) to a sample's target; a class index becomes a column that is one-hot."""
    q, n = Y.shape
    if len(samples.Y):
        for start in range(0, n, LINE):  # of so many rows the core's cache holds what of each comes from memory at once
            end = min(start + LINE, n)
            for j in range(q):
                y = Y[j]
                for i in range(start, end):
                    y[i] = samples.Y[rows[i], j]
    else:
        Y[:] = 0
        for i in range(n):
            Y[samples.classes[rows[i]], i] = 1


@compiled
def take_weights(samples: Samples, rows: Array, weight: Array) -> None:
    """Set each sample's weight; 1 without weights."""
    if len(samples.weight):
        for i in range(len(rows)):
            weight[i] = samples.weight[rows[i]]
    else:
        weight[:] = 1


@compiled
def subtract_largest(O: Array, n: int) -> None:
    """Subtract the largest output of each sample from its outputs: nothing changes but the range."""
    largest = O[0].copy()
    for j in range(1, len(O)):
        o = O[j]
        for i in range(n):
            largest[i] = max(largest[i], o[i])
    for j in range(len(O)):
        o = O[j]
        for i in range(n):
            o[i] -= largest[i]


@compiled
def exponentials(O: Array, n: int, E: Array, total: Array) -> None:
    """``E = exp(O)``, and each sample's sum."""
    for j in range(len(O)):
        o, e = O[j], E[j]
        for i in range(n):
            e[i] = exp(o[i])
            total[i] += e[i]


@inlined
def difference(a: Any, b: Any) -> Any:
    """Subtract before anything else: of large numbers little may be left, to which little is added."""
    return a - b


@compiled
def cross_entropy(O: Array, Y: Array, dO: Array, values: Array) -> None:
    """``l = sum_j y_j (log sum_k exp(o_k) - o_j)``, ``d l / d o = softmax(o) sum_j y_j - y``; O without its largest."""
    n = len(values)
    zero = O.dtype.type(0)
    total, mass = np.zeros_like(values), np.zeros_like(values)
    exponentials(O, n, dO, total)
    for j in range(len(O)):
        y = Y[j]
        for i in range(n):
            mass[i] += y[i]
    for i in range(n):
        mass[i] /= total[i]
        total[i] = math.log(total[i])
    for j in range(len(O)):
        o, y, d = O[j], Y[j], dO[j]
        for i in range(n):
            values[i] += y[i] * (total[i] - o[i]) if y[i] > zero else zero
            d[i] = d[i] * mass[i] - y[i]


@compiled
def cross_entropy_of_classes(O: Array, classes: Array, rows: Array, dO: Array, values: Array, correct: Array) -> None:
    """`cross_entropy` of targets that are classes, which needs no more of them than their places."""
    n = len(values)
    largest, total = np.empty_like(values), np.zeros_like(values)
    best = best_of(O, largest)
    for j in range(len(O)):
        o, d = O[j], dO[j]
        for i in range(n):
            d[i] = exp(o[i] - largest[i])
            total[i] += d[i]
    for i in range(n):
        y = classes[rows[i]]
        values[i] = math.log(total[i]) + difference(largest[i], O[y, i])
        correct[i] = best[i] == y
        total[i] = 1 / total[i]
    for j in range(len(O)):
        d = dO[j]
        for i in range(n):
            d[i] *= total[i]
    for i in range(n):
        dO[classes[rows[i]], i] -= 1


@compiled
def softmax_squared(O: Array, Y: Array, dO: Array, values: Array) -> None:
    """``l = |p - y|^2 / 2`` with ``p = softmax(o)``, ``d l / d o_j = p_j (r_j - sum_k p_k r_k)`` with ``r = p - y``."""
    n = len(values)
    total, along = np.zeros_like(values), np.zeros_like(values)
    exponentials(O, n, dO, total)
    for j in range(len(O)):
        y, p = Y[j], dO[j]
        for i in range(n):
            p[i] /= total[i]
            r = p[i] - y[i]
            values[i] += r * r / 2
            along[i] += p[i] * r
    for j in range(len(O)):
        y, d = Y[j], dO[j]
        for i in range(n):
            d[i] *= d[i] - y[i] - along[i]


def each_loss(pair: Any) -> Any:
    """Make a loop that writes the losses and gradients of targets Y (q, n), of a pair defined on one output."""

    @compiled
    def loop(O: Array, Y: Array, c: float, dO: Array, values: Array) -> None:
        for j in range(len(O)):
            o, y, d = O[j], Y[j], dO[j]
            for i in range(len(values)):
                value, gradient = pair(o[i], y[i], c)
                values[i] += value
                d[i] = gradient

    return loop


# `defined_loss(number, O, Y, c, dO, values)`: the loss of this number among all, where outputs don't compete.
defined_loss = one_of(
    {
        number: each_loss(machine_code(LOSSES[name].expressions, "o", "y", "c"))
        for name, number in NUMBERS.items()
        if not LOSSES[name].targets.compete
    }
)


@compiled
def smooth(even: float, O: Array, Y: Array, smoothing: float, dO: Array, values: Array) -> None:
    """Turn a cross entropy's losses and gradients into those of smoothed targets; O of classes without its largest."""
    for j in range(len(O)):
        for i in range(len(values)):
            away = even - Y[j, i]
            values[i] -= smoothing * O[j, i] * away
            dO[j, i] -= smoothing * away


@compiled
def best_of(O: Array, largest: Array) -> Array:
    """Return the place of the first largest number of each column, and write that number."""
    n = len(largest)
    best = np.zeros(n, np.int32)
    largest[:] = O[0, :n]
    for j in range(1, len(O)):
        o = O[j]
        for i in range(n):
            better = o[i] > largest[i]
            largest[i] = o[i] if better else largest[i]
            best[i] = j if better else best[i]
    return best


@compiled
def right(targets: int, O: Array, Y: Array, correct: Array) -> None:
    """Write how much of each sample's prediction is right, as `twofold.metrics.correct` has it."""
    if targets == LABELS:
        correct[:] = 0
        for j in range(len(O)):
            for i in range(len(correct)):
                correct[i] += (O[j, i] > 0) == (Y[j, i] > 0.5)
        correct /= len(O)
    else:
        largest = np.empty(len(correct), O.dtype)
        predicted, wanted = best_of(O, largest), best_of(Y, largest)
        for i in range(len(correct)):
            correct[i] = predicted[i] == wanted[i]
