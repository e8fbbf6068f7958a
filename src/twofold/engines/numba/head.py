"""What lies between the large products of `fused`: the loss, and a narrow last layer on both ways.

Samples lie in columns, as in `fused`. PyTorch needs a dozen calls for this, each on arrays that take less time than it.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from twofold.engines.numba.entry import Entry
from twofold.engines.numba.instructions import narrow, widen
from twofold.engines.numba.jit import compiled
from twofold.engines.numba.layers import activate, activate_backward, add_product
from twofold.engines.numba.losses import judge
from twofold.engines.numba.plan import unpack, weight_of

Array = NDArray[Any]


@Entry
def loss(*given: Any) -> None:
    """Write the gradient of a minibatch's loss with respect to the outputs, and add to the running means.

    Parameters
    ----------
    *given
        What `pack` returns; then ``rows, totals, O, dO`` of `judge`.
    """
    plan, rule, samples, others = unpack(given)
    rows, totals, O, dO = others
    judge(plan, rule, samples, rows, weight_of(samples, rows), O, dO, totals)


@Entry
def last_layers(*given: Any) -> None:
    """Go from what the last hidden layer's product gave to the loss, and back to there.

    Parameters
    ----------
    *given
        As for `loss` up to ``totals``; then the activation's number, what its argument is multiplied by, and the hidden
        layer's b (h,); the last layer's W (q, h) and b (q,); what is written: the hidden layer's db, the last layer's
        dW and db; then Z (h, n), which becomes the activation's argument, and workspace for H and dZ (h, n): these
        three of the parameters' type, or bfloat16 as 16 bits; at last workspace for O and dO (q, n), and for as many
        units as are to go on together (units, n), while the core's cache holds them: best eight.
    """
    plan, rule, samples, others = unpack(given)
    rows, totals, phi, factor, hidden_b, W, b, hidden_db, dW, db, Z, H, dZ, O, dO, workspace = others
    for j in range(len(O)):
        O[j] = b[j]
    block = len(workspace)
    for k in range(0, len(Z), block):
        z, h = Z[k : k + block], H[k : k + block]
        scale_and_shift(z, W.dtype.type(factor), hidden_b[k : k + block])
        activate(phi, z, h)
        add_product(W[:, k : k + block], h, O)
    judge(plan, rule, samples, rows, weight_of(samples, rows), O, dO, totals)
    for j in range(len(dO)):
        db[j] = dO[j].sum()
    multiply_rows(dO, H, dW)
    for k in range(0, len(Z), block):
        z, d = Z[k : k + block], workspace[: len(Z) - k]
        d[:] = 0
        add_product(W[:, k : k + block].T, dO, d)
        activate_backward(phi, z, d)
        store(d, dZ[k : k + block], hidden_db[k : k + block])


@compiled
def scale_and_shift(Z: Array, factor: float, b: Array) -> None:
    """``Z <- factor Z + b``."""
    for k in range(len(Z)):
        z, shift = Z[k], b[k]
        for i in range(len(z)):
            z[i] = narrow(factor * widen(z[i]) + shift, z[i])


@compiled
def store(d: Array, dZ: Array, db: Array) -> None:
    """Copy some units' gradients, and sum them over the samples."""
    for k in range(len(d)):
        given, row, total = d[k], dZ[k], db.dtype.type(0)
        for i in range(len(given)):
            row[i] = narrow(given[i], row[i])
            total += given[i]
        db[k] = total


@compiled
def multiply_rows(dO: Array, H: Array, dW: Array) -> None:
    """``dW <- dO H^T``, two rows of H by two of dO: each number that was fetched is used twice."""
    q, h = dW.shape
    for k in range(0, h, 2):
        next_k = min(k + 1, h - 1)  # of an odd number the last row goes with itself
        h0, h1 = H[k], H[next_k]
        for j in range(0, q, 2):
            next_j = min(j + 1, q - 1)
            d0, d1 = dO[j], dO[next_j]
            s00 = s01 = s10 = s11 = dW.dtype.type(0)
            for i in range(len(d0)):
                a, b = widen(h0[i]), widen(h1[i])
                s00 += a * d0[i]
                s01 += a * d1[i]
                s10 += b * d0[i]
                s11 += b * d1[i]
            dW[j, k], dW[next_j, k], dW[j, next_k], dW[next_j, next_k] = s00, s01, s10, s11
