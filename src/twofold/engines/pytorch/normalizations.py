"""The normalisations of ``twofold.functions`` for `fused`, without autograd.

Samples are columns: over the samples PyTorch has kernels of its own, over the units they are written out here, at the
price of some more passes through memory than PyTorch's kernels make over rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from twofold.engines.pytorch.buffers import Tensors
from twofold.functions.normalizations import EPSILON, RATE

aten = torch.ops.aten
Statistics = tuple[Tensor, Tensor]  # mean and 1 / sqrt(variance + epsilon) of what was normalised


class Normalization(NamedTuple):
    """A normalisation with its scale and shift, on the way forward and back.

    Attributes
    ----------
    value : callable
        ``gamma Z_hat + b`` and the statistics, of Z (h, n), the layer, and whether this is training: then batch
        normalisation takes the minibatch's own means and variances, which the layer's, if it has them, follow.
    backward : callable
        dZ, dgamma and db, of the gradient (h, n) at ``gamma Z_hat + b``, Z, the statistics of training, and the layer.
    """

    value: Callable[[Tensor, Tensors, bool], tuple[Tensor, Statistics]]
    backward: Callable[[Tensor, Tensor, Statistics, Tensors], tuple[Tensor, Tensor, Tensor]]


def batch_value(Z: Tensor, layer: Tensors, training: bool) -> tuple[Tensor, Statistics]:
    """Normalise each unit over the samples."""
    A, m, scale = torch.native_batch_norm(
        Z.unsqueeze(0), layer.gamma, layer.b, layer.mean, layer.variance, training, RATE, EPSILON
    )
    return A.squeeze(0), (m, scale)


def batch_backward(dA: Tensor, Z: Tensor, statistics: Statistics, layer: Tensors) -> tuple[Tensor, Tensor, Tensor]:
    """Go back through `batch_value`."""
    m, scale = statistics
    dZ, dgamma, db = aten.native_batch_norm_backward(
        dA.unsqueeze(0), Z.unsqueeze(0), layer.gamma, None, None, m, scale, True, EPSILON, [True, True, True]
    )
    return dZ.squeeze(0), dgamma, db


def layer_value(Z: Tensor, layer: Tensors, _training: bool) -> tuple[Tensor, Statistics]:
    """Normalise each sample over the units."""
    m = Z.mean(0, dtype=layer.b.dtype)  # (n,)
    A = Z - m  # (h, n)
    scale = A.square().mean(0).add_(EPSILON).rsqrt_()  # `torch.var` takes ten times as long over columns
    A.mul_(scale).mul_(_column(layer.gamma)).add_(_column(layer.b))
    return A.to(Z.dtype), (m, scale)


def layer_backward(dA: Tensor, Z: Tensor, statistics: Statistics, layer: Tensors) -> tuple[Tensor, Tensor, Tensor]:
    """Go back through `layer_value`: ``dZ = scale (D - mean(D) - Z_hat mean(D Z_hat))`` with ``D = gamma dA``."""
    m, scale = statistics
    Z_hat = (Z - m).mul_(scale)  # (h, n)
    D = dA.to(Z_hat.dtype)
    dgamma, db = (D * Z_hat).sum(dim=1), D.sum(dim=1)
    D = D * _column(layer.gamma)
    dZ = (D - D.mean(dim=0)).sub_(Z_hat.mul_((D * Z_hat).mean(dim=0))).mul_(scale)
    return dZ.to(dA.dtype), dgamma, db


def _column(array: Tensor | None) -> Tensor | float:
    """Return gamma or b (h,) as a column (h, 1)."""
    return 1.0 if array is None else array.unsqueeze(1)


NORMALIZATIONS: dict[str, Normalization] = {
    "batch": Normalization(batch_value, batch_backward),
    "layer": Normalization(layer_value, layer_backward),
}
