"""A step of a network without hidden layers and with few outputs: linear and softmax regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.engines.numba.entry import Entry
from twofold.engines.numba.instructions import prefetch
from twofold.engines.numba.jit import compiled
from twofold.engines.numba.losses import judge
from twofold.engines.numba.plan import are_rows, unit_of, unpack, vector, weight_of, weights
from twofold.engines.numba.updates import update

Array = NDArray[Any]

ROWS = 64  # samples that go forward and back at a time


@Entry
def shallow_step(*given: Any) -> bool:
    """Take one minibatch step of a network without hidden layers and with few outputs; return whether it was taken.

    `ROWS` samples at a time go forward and back, so that they and the weights stay in the core's cache; while they do,
    the next ones are on their way from memory.

    Parameters
    ----------
    *given
        As of `step`; but at the end, in place of masks and moments, arrays to work in, which begin where vectors do and
        are finite from the first: for W transposed (q rounded up to even, d), a further row being 0; for its gradient
        (q, d), before image bytes are divided by 255; and for samples as numbers (ROWS, d).
    """
    plan, rule, samples, others = unpack(given)
    theta, state, gradient, totals, rows, eta, t, W_t, dW_t, H = others
    if not are_rows(rows, len(samples.X)):
        return False
    for i in range(ROWS):
        ask_for(samples.X, rows, i)
    W, b = weights(theta, plan, 0), vector(theta, plan, 0, 0)
    dW, db = weights(gradient, plan, 0), vector(gradient, plan, 0, 0)
    d, q = W.shape
    unit = theta.dtype.type(unit_of(samples))
    total_weight = weight_of(samples, rows)
    O, dO = np.empty((len(W_t), ROWS), theta.dtype), np.zeros((q, ROWS), theta.dtype)
    transpose(W, W_t)
    dW_t[:] = 0
    db[:] = 0
    for start in range(0, len(rows), ROWS):
        block, following = rows[start : start + ROWS], rows[start + ROWS :]
        n = len(block)
        fetch(samples.X, block, H)
        multiply_narrow(H, n, W_t, O, samples.X, following)
        for j in range(q):
            for i in range(n):
                O[j, i] = O[j, i] * unit + b[j]
        judge(plan, rule, samples, block, total_weight, O[:q], dO, totals)
        dO[:, n:] = 0
        add_narrow_products(dO, n, H, dW_t, samples.X, following)
        for j in range(q):
            db[j] += dO[j].sum()
    for k in range(d):
        for j in range(q):
            dW[k, j] = dW_t[j, k] * unit
    update(plan, rule, theta, gradient, state, eta, t)
    return True


@compiled
def transpose(W: Array, W_t: Array) -> None:
    """Copy W (d, q) into the first q rows of ``W_t``."""
    d, q = W.shape
    for j in range(q):
        w = W_t[j]
        for k in range(d):
            w[k] = W[k, j]


@compiled
def fetch(X: Array, rows: Array, H: Array) -> None:
    """Copy rows of X into H as numbers, bytes from 0 to 255."""
    number = H.dtype.type
    for i in range(len(rows)):
        x, h = X[rows[i]], H[i]
        for k in range(len(h)):
            h[k] = number(x[k])


@compiled
def ask_for(X: Array, rows: Array, i: int) -> None:
    """Ask memory for row i of some rows of X, if there is one."""
    if i < len(rows):
        prefetch(X, rows[i])


@compiled
def multiply_narrow(H: Array, n: int, W_t: Array, O: Array, X: Array, following: Array) -> None:
    """``O <- (H W)^T``, for the first n rows, two by two: each number that was fetched is used twice.

    Meanwhile every other one of the ``following`` rows of X is asked for: all at once would hold the processor up.
    """
    for i in range(0, n, 2):
        ask_for(X, following, i)
        h0, h1 = H[i], H[i + 1]
        for j in range(0, len(W_t), 2):
            w0, w1 = W_t[j], W_t[j + 1]
            o00 = o01 = o10 = o11 = H.dtype.type(0)
            for k in range(len(h0)):
                o00 += h0[k] * w0[k]
                o01 += h0[k] * w1[k]
                o10 += h1[k] * w0[k]
                o11 += h1[k] * w1[k]
            O[j, i], O[j + 1, i], O[j, i + 1], O[j + 1, i + 1] = o00, o01, o10, o11


@compiled
def add_narrow_products(dO: Array, n: int, H: Array, dW_t: Array, X: Array, following: Array) -> None:
    """``dW^T <- dW^T + dO H`` over the first n rows, from eight at a time; further columns of dO are 0.

    Meanwhile the other half of the ``following`` rows of X is asked for.
    """
    for i in range(0, n, 8):
        for odd in range(i + 1, i + 8, 2):
            ask_for(X, following, odd)
        h0, h1, h2, h3, h4, h5, h6, h7 = H[i], H[i + 1], H[i + 2], H[i + 3], H[i + 4], H[i + 5], H[i + 6], H[i + 7]
        for j in range(len(dW_t)):
            s, g = dO[j, i : i + 8], dW_t[j]
            s0, s1, s2, s3, s4, s5, s6, s7 = s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
            for k in range(len(g)):
                sum4 = s0 * h0[k] + s1 * h1[k] + s2 * h2[k] + s3 * h3[k]
                g[k] += sum4 + s4 * h4[k] + s5 * h5[k] + s6 * h6[k] + s7 * h7[k]
