"""What happens within a layer, forward and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.engines.numba.formulas import machine_code
from twofold.engines.numba.instructions import narrow, widen
from twofold.engines.numba.jit import compiled, one_of
from twofold.engines.numba.plan import Samples, unit_of
from twofold.functions import ACTIVATIONS

Array = NDArray[Any]

MAX_CACHED_PRODUCT = 2**13  # numbers of a result that a core's cache holds, with what it is made from
MIN_VECTOR_COLUMNS = 16  # columns below which a loop over them fills no vector


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
    if C.size > MAX_CACHED_PRODUCT or C.shape[1] < MIN_VECTOR_COLUMNS:
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


# `activate(number, Z, H)` is ``H <- phi(Z)``; `activate_backward(number, Z, dH)` is ``dH <- dH * phi'(Z)``, now dZ.
values, derivatives = zip(*(phi.expressions for phi in ACTIVATIONS.values()), strict=True)
activate = one_of(dict(enumerate(each(machine_code(value, "z")) for value in values)))
activate_backward = one_of(dict(enumerate(each_backward(machine_code(phi, "z")) for phi in derivatives)))


@compiled
def drop_out(H: Array, mask: Array) -> None:
    """``H <- H * mask``."""
    h, m = H.ravel(), mask.ravel()
    for i in range(len(h)):
        h[i] *= m[i]
