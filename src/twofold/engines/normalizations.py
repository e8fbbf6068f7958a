"""The normalisations of ``twofold.functions`` for `fused`: PyTorch's own kernels, without autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from twofold.engines.buffers import Tensors
from twofold.functions.normalizations import EPSILON, RATE

aten = torch.ops.aten
Statistics = tuple[Tensor, Tensor]  # mean and 1 / sqrt(variance + epsilon) of what was normalised


class Normalization(NamedTuple):
    """A normalisation with its scale and shift, on the way forward and back.

    Attributes
    ----------
    value : callable
        ``gamma Z_hat + b`` and the statistics, of Z (n, h), the layer, and whether this is training: then batch
        normalisation takes the minibatch's own means and variances, which the layer's, if it has them, follow.
    backward : callable
        dZ, dgamma and db, of the gradient (n, h) at ``gamma Z_hat + b``, Z, the statistics of training, and the layer.
    """

    value: Callable[[Tensor, Tensors, bool], tuple[Tensor, Statistics]]
    backward: Callable[[Tensor, Tensor, Statistics, Tensors], tuple[Tensor, Tensor, Tensor]]


def batch_value(Z: Tensor, layer: Tensors, training: bool) -> tuple[Tensor, Statistics]:
    """Normalise each unit over the samples."""
    A, m, scale = torch.native_batch_norm(Z, layer.gamma, layer.b, layer.mean, layer.variance, training, RATE, EPSILON)
    return A, (m, scale)


def batch_backward(dA: Tensor, Z: Tensor, statistics: Statistics, layer: Tensors) -> tuple[Tensor, Tensor, Tensor]:
    """Go back through `batch_value`."""
    m, scale = statistics
    dZ, dgamma, db = aten.native_batch_norm_backward(
        dA, Z, layer.gamma, None, None, m, scale, True, EPSILON, [True, True, True]
    )
    return dZ, dgamma, db


def layer_value(Z: Tensor, layer: Tensors, _training: bool) -> tuple[Tensor, Statistics]:
    """Normalise each sample over the units."""
    A, m, scale = torch.native_layer_norm(Z, [Z.shape[1]], layer.gamma, layer.b, EPSILON)
    return A, (m, scale)


def layer_backward(dA: Tensor, Z: Tensor, statistics: Statistics, layer: Tensors) -> tuple[Tensor, Tensor, Tensor]:
    """Go back through `layer_value`."""
    m, scale = statistics
    dZ, dgamma, db = aten.native_layer_norm_backward(
        dA, Z, [Z.shape[1]], m, scale, layer.gamma, layer.b, [True, True, True]
    )
    return dZ, dgamma, db


NORMALIZATIONS: dict[str, Normalization] = {
    "batch": Normalization(batch_value, batch_backward),
    "layer": Normalization(layer_value, layer_backward),
}
