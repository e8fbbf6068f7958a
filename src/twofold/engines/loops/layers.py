"""What happens within a layer, forward and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.engines.loops.jit import compiled
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
    n, width = A.shape
    C[:] = 0
    most = width - width % 8
    for k in range(0, most, 8):
        b0, b1, b2, b3, b4, b5, b6, b7 = B[k], B[k + 1], B[k + 2], B[k + 3], B[k + 4], B[k + 5], B[k + 6], B[k + 7]
        for i in range(n):
            a0, a1, a2, a3 = A[i, k], A[i, k + 1], A[i, k + 2], A[i, k + 3]
            a4, a5, a6, a7 = A[i, k + 4], A[i, k + 5], A[i, k + 6], A[i, k + 7]
            c = C[i]
            for j in range(len(c)):
                sum4 = a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j]
                c[j] += sum4 + a4 * b4[j] + a5 * b5[j] + a6 * b6[j] + a7 * b7[j]
    for k in range(most, width):
        b = B[k]
        for i in range(n):
            c = C[i]
            for j in range(len(c)):
                c[j] += A[i, k] * b[j]


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


@compiled
def sigmoid(z: float) -> float:
    """``sigma(z) = 1 / (1 + exp(-z))``, from ``e = exp(-|z|)``, which can't overflow."""
    e = math.exp(-abs(z))
    return (1 if z >= 0 else e) / (1 + e)


@compiled
def sigmoid_derivative(z: float) -> float:
    """``sigma'(z) = e / (1 + e)^2``."""
    e = math.exp(-abs(z))
    return e / (1 + e) ** 2


@compiled
def tanh(z: float) -> float:
    """``tanh(z)``, from ``t = exp(-2 |z|) - 1``: in a third of the time of the C library's."""
    t = math.expm1(-2 * abs(z))
    return math.copysign(t / (2 + t), z)


@compiled
def phi(name: int, z: float) -> float:
    """Return ``phi(z)`` of an activation other than ReLU."""
    if name == SIGMOID:
        return sigmoid(z)
    if name == TANH:
        return tanh(z)
    if name == GELU:
        return z * normal(z)
    if name == SILU:
        return z * sigmoid(z)
    return z


@compiled
def phi_derivative(name: int, z: float) -> float:
    """Return ``phi'(z)`` of an activation other than ReLU."""
    if name == SIGMOID:
        return sigmoid_derivative(z)
    if name == TANH:
        return 4 * sigmoid_derivative(2 * z)
    if name == GELU:
        return normal(z) + z * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    if name == SILU:
        return sigmoid(z) + z * sigmoid_derivative(z)
    return 1.0


@compiled
def normal(z: float) -> float:
    """``Phi(z)``, the normal distribution function."""
    return math.erfc(-z / math.sqrt(2)) / 2


@compiled
def activate(name: int, Z: Array, H: Array) -> None:
    """``H <- phi(Z)``."""
    z, h = Z.ravel(), H.ravel()
    zero = Z.dtype.type(0)
    if name == RELU:
        for i in range(len(z)):
            h[i] = zero if z[i] <= zero else z[i]  # NaN stays NaN
    else:
        for i in range(len(z)):
            h[i] = phi(name, z[i])


@compiled
def activate_backward(name: int, Z: Array, dH: Array) -> None:
    """``dH <- dH * phi'(Z)``, which is dZ."""
    z, d = Z.ravel(), dH.ravel()
    zero = Z.dtype.type(0)
    if name == RELU:
        for i in range(len(z)):
            d[i] = d[i] if z[i] > zero else zero
    else:
        for i in range(len(z)):
            d[i] *= phi_derivative(name, z[i])


@compiled
def drop_out(H: Array, mask: Array) -> None:
    """``H <- H * mask``."""
    h, m = H.ravel(), mask.ravel()
    for i in range(len(h)):
        h[i] *= m[i]
