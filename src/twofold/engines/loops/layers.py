"""What happens within a layer, forward and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.engines.loops.exponential import exp, expm1
from twofold.engines.loops.instructions import narrow, widen
from twofold.engines.loops.jit import compiled, inlined
from twofold.engines.loops.normal import normal
from twofold.engines.loops.plan import GELU, RELU, SIGMOID, SILU, TANH, Samples, unit_of

Array = NDArray[Any]

SMALL_PRODUCT = 2**13  # numbers of a result that a core's cache holds, with what it is made from
NARROW_PRODUCT = 16  # columns below which a loop over them fills no vector


@compiled
def take_rows(samples: Samples, rows: Array, H: Array) -> None:
    """``H_i = x_rows[i]``; image bytes become numbers from 0 to 1."""
    unit = H.dtype.type(unit_of(samples))
    for i in range(len(rows)):
        x, h = samples.X[rows[i]], H[i]
        for k in range(len(h)):
            h[k] = unit * H.dtype.type(x[k])


@compiled
def multiply(A: Array, B: Array, C: Array) -> None:
    """``C <- A B``: a small product by a loop, which beats the call of a library; a larger one by BLAS."""
    if C.size > SMALL_PRODUCT or C.shape[1] < NARROW_PRODUCT:
        np.dot(A, B, C)
        return
    C[:] = 0
    add_product(A, B, C)


@compiled
def add_product(A: Array, B: Array, C: Array) -> None:
    """``C <- C + A B``, from eight rows of B at a time, which the core's cache is to hold; B may be bfloat16."""
    n, width = A.shape
    most = width - width % 8
    for k in range(0, most, 8):
        b0, b1, b2, b3, b4, b5, b6, b7 = B[k], B[k + 1], B[k + 2], B[k + 3], B[k + 4], B[k + 5], B[k + 6], B[k + 7]
        for i in range(n):
            a0, a1, a2, a3 = A[i, k], A[i, k + 1], A[i, k + 2], A[i, k + 3]
            a4, a5, a6, a7 = A[i, k + 4], A[i, k + 5], A[i, k + 6], A[i, k + 7]
            c = C[i]
            for j in range(len(c)):
                sum4 = a0 * widen(b0[j]) + a1 * widen(b1[j]) + a2 * widen(b2[j]) + a3 * widen(b3[j])
                c[j] += sum4 + a4 * widen(b4[j]) + a5 * widen(b5[j]) + a6 * widen(b6[j]) + a7 * widen(b7[j])
    for k in range(most, width - 1, 2):
        b0, b1 = B[k], B[k + 1]
        for i in range(n):
            a0, a1, c = A[i, k], A[i, k + 1], C[i]
            for j in range(len(c)):
                c[j] += a0 * widen(b0[j]) + a1 * widen(b1[j])
    if width % 2:
        b = B[width - 1]
        for i in range(n):
            a, c = A[i, width - 1], C[i]
            for j in range(len(c)):
                c[j] += a * widen(b[j])


@compiled
def add_to_rows(Z: Array, b: Array) -> None:
    """``Z_i <- Z_i + b``."""
    for i in range(len(Z)):
        z = Z[i]
        for j in range(len(b)):
            z[j] += b[j]


@compiled
def sum_rows(Z: Array, total: Array) -> None:
    """``total <- sum_i Z_i``."""
    total[:] = 0
    for i in range(len(Z)):
        z = Z[i]
        for j in range(len(total)):
            total[j] += z[j]


@inlined
def relu(z: Any) -> Any:
    """``max(z, 0)``; NaN stays NaN."""
    zero = type(z)(0)
    return zero if z <= zero else z


@inlined
def relu_derivative(z: Any) -> Any:
    """1 where z is positive."""
    number = type(z)
    return number(1) if z > number(0) else number(0)


@inlined
def sigmoid(z: Any) -> Any:
    """``sigma(z) = 1 / (1 + exp(-z))``, from ``e = exp(-|z|)``, which can't overflow."""
    one, e = type(z)(1), exp(-abs(z))
    return (one if z >= 0 else e) / (one + e)


@inlined
def sigmoid_derivative(z: Any) -> Any:
    """``sigma'(z) = e / (1 + e)^2``."""
    one, e = type(z)(1), exp(-abs(z))
    return e / ((one + e) * (one + e))


@inlined
def tanh(z: Any) -> Any:
    """``tanh(z)``, from ``t = exp(-2 |z|) - 1``."""
    number = type(z)
    t = expm1(number(-2) * abs(z))
    h = t / (number(2) + t)
    return h if z < 0 else -h


@inlined
def tanh_derivative(z: Any) -> Any:
    """``tanh'(z) = 4 sigma'(2 z)``."""
    number = type(z)
    return number(4) * sigmoid_derivative(number(2) * z)


@inlined
def silu(z: Any) -> Any:
    """``z sigma(z)``."""
    return z * sigmoid(z)


@inlined
def silu_derivative(z: Any) -> Any:
    """``sigma(z) + z sigma'(z)``."""
    return sigmoid(z) + z * sigmoid_derivative(z)


@inlined
def gelu(z: Any) -> Any:
    """``z Phi(z)``."""
    return z * normal(z)


@inlined
def gelu_derivative(z: Any) -> Any:
    """``Phi(z) + z Phi'(z)``."""
    number = type(z)
    return normal(z) + z * exp(number(-0.5) * z * z) * number(1 / math.sqrt(2 * math.pi))


def each(phi: Any) -> Any:
    """Make ``H <- phi(Z)`` of a function of numbers: a loop of its own, of which several numbers go at a time."""

    @compiled
    def loop(Z: Array, H: Array) -> None:
        z, h = Z.ravel(), H.ravel()
        for i in range(len(z)):
            h[i] = narrow(phi(widen(z[i])), h[i])

    return loop


def each_backward(derivative: Any) -> Any:
    """Make ``dH <- dH * phi'(Z)`` of a derivative."""

    @compiled
    def loop(Z: Array, dH: Array) -> None:
        z, d = Z.ravel(), dH.ravel()
        for i in range(len(z)):
            d[i] = narrow(widen(d[i]) * derivative(widen(z[i])), d[i])

    return loop


each_relu, each_relu_backward = each(relu), each_backward(relu_derivative)
each_sigmoid, each_sigmoid_backward = each(sigmoid), each_backward(sigmoid_derivative)
each_tanh, each_tanh_backward = each(tanh), each_backward(tanh_derivative)
each_gelu, each_gelu_backward = each(gelu), each_backward(gelu_derivative)
each_silu, each_silu_backward = each(silu), each_backward(silu_derivative)


@compiled
def activate(name: int, Z: Array, H: Array) -> None:
    """``H <- phi(Z)`` of an activation."""
    if name == RELU:
        each_relu(Z, H)
    elif name == SIGMOID:
        each_sigmoid(Z, H)
    elif name == TANH:
        each_tanh(Z, H)
    elif name == GELU:
        each_gelu(Z, H)
    elif name == SILU:
        each_silu(Z, H)
    else:
        H[:] = Z


@compiled
def activate_backward(name: int, Z: Array, dH: Array) -> None:
    """``dH <- dH * phi'(Z)``, which is dZ; the identity leaves it alone."""
    if name == RELU:
        each_relu_backward(Z, dH)
    elif name == SIGMOID:
        each_sigmoid_backward(Z, dH)
    elif name == TANH:
        each_tanh_backward(Z, dH)
    elif name == GELU:
        each_gelu_backward(Z, dH)
    elif name == SILU:
        each_silu_backward(Z, dH)


@compiled
def drop_out(H: Array, mask: Array) -> None:
    """``H <- H * mask``."""
    h, m = H.ravel(), mask.ravel()
    for i in range(len(h)):
        h[i] *= m[i]
