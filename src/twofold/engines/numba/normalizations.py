"""Normalisations, forward and back, with scale and shift."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.engines.numba.jit import compiled
from twofold.engines.numba.plan import BATCH
from twofold.functions.normalizations import EPSILON

Array = NDArray[Any]


@compiled
def normalize(kind: int, Z: Array, gamma: Array, Z_hat: Array, scale: Array, moments: Array) -> None:
    """``Z <- gamma Z_hat`` where Z_hat is Z with mean 0 and variance 1 in each column (batch) or row (layer).

    Parameters
    ----------
    kind : int
    Z : ndarray, shape (n, h)
    gamma : ndarray, shape (h,)
    Z_hat : ndarray, shape (n, h)
        Workspace for the normalised numbers, which the way back needs.
    scale : ndarray, shape (h or more,) or (n or more,)
        Workspace for ``1 / sqrt(v + epsilon)``.
    moments : ndarray, shape (2, h)
        Takes the means and variances of the columns.
    """
    if kind == BATCH:
        normalize_columns(Z, Z_hat, scale, moments[0], moments[1])
    else:
        normalize_rows(Z, Z_hat, scale)
    n, h = Z.shape
    for i in range(n):
        for j in range(h):
            Z[i, j] = gamma[j] * Z_hat[i, j]


@compiled
def normalize_columns(Z: Array, Z_hat: Array, scale: Array, mean: Array, variance: Array) -> None:
    """Normalise each unit over the samples."""
    n, h = Z.shape
    mean[:] = 0
    variance[:] = 0
    for i in range(n):
        for j in range(h):
            mean[j] += Z[i, j]
    mean /= n
    for i in range(n):
        for j in range(h):
            Z_hat[i, j] = Z[i, j] - mean[j]
            variance[j] += Z_hat[i, j] ** 2
    variance /= n
    for j in range(h):
        scale[j] = 1 / math.sqrt(variance[j] + EPSILON)
    for i in range(n):
        for j in range(h):
            Z_hat[i, j] *= scale[j]


@compiled
def normalize_rows(Z: Array, Z_hat: Array, scale: Array) -> None:
    """Normalise each sample over the units."""
    n, h = Z.shape
    for i in range(n):
        mean, variance = Z[i].sum() / h, 0.0
        for j in range(h):
            Z_hat[i, j] = Z[i, j] - mean
            variance += Z_hat[i, j] ** 2
        scale[i] = 1 / math.sqrt(variance / h + EPSILON)
        for j in range(h):
            Z_hat[i, j] *= scale[i]


@compiled
def normalize_backward(kind: int, dZ: Array, gamma: Array, Z_hat: Array, scale: Array, dgamma: Array) -> None:
    """Write ``dgamma = sum_i dz_i z_hat_i``; then ``dZ <- (g - mean(g) - Z_hat mean(g Z_hat)) scale``, g = gamma dZ."""
    n, h = dZ.shape
    dgamma[:] = 0
    for i in range(n):
        for j in range(h):
            dgamma[j] += dZ[i, j] * Z_hat[i, j]
            dZ[i, j] *= gamma[j]
    if kind == BATCH:
        mean = np.zeros(h, dZ.dtype)
        for i in range(n):
            for j in range(h):
                mean[j] += dZ[i, j] / n
        for i in range(n):
            for j in range(h):
                along = gamma[j] * dgamma[j] / n  # mean(g Z_hat)
                dZ[i, j] = (dZ[i, j] - mean[j] - Z_hat[i, j] * along) * scale[j]
    else:
        for i in range(n):
            row_mean, row_along = 0.0, 0.0
            for j in range(h):
                row_mean += dZ[i, j] / h
                row_along += dZ[i, j] * Z_hat[i, j] / h
            for j in range(h):
                dZ[i, j] = (dZ[i, j] - row_mean - Z_hat[i, j] * row_along) * scale[i]
