"""The functions of ``twofold.functions`` on PyTorch tensors, in place: for `fused`, formula by formula the same.

Activations and losses here know their own backward pass, so no autograd is needed; what a formula means is said where
it is written for reading, in ``twofold.functions``. Samples are columns: outputs O are (q, n), hidden layers (h, n).
Nothing here reads a number back from a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from twofold import functions as definitions
from twofold.engines.pytorch.normalizations import NORMALIZATIONS
from twofold.engines.pytorch.tensor_functions import TensorFunctions
from twofold.functions.targets import Targets
from twofold.network import Network

aten = torch.ops.aten
MIN_LARGE_OUTPUTS = 2**15  # outputs of a minibatch: of fewer a second softmax takes less time than a look at the first
TINY = torch.finfo(torch.float32).tiny  # from here on numbers have all their digits
Scalar = float | Tensor  # a tensor of no dimensions where the number must lie on the device


class Activation(NamedTuple):
    """phi on the way forward and back.

    Attributes
    ----------
    value : callable
        ``H = phi(Z)`` from Z and a buffer (h, n); those that don't need Z again write over it.
    backward : callable
        ``dZ = dH * phi'(Z)`` from dH, Z and H, written over dH.
    """

    value: Callable[[Tensor, Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor], Tensor]


# PyTorch's own kernels, in place: faster than the definitions, and of the same values.
KERNELS: dict[str, Activation] = {
    "identity": Activation(lambda Z, _: Z, lambda dH, _Z, _H: dH),
    "relu": Activation(
        lambda Z, _: Z.clamp_(min=0), lambda dH, _Z, H: aten.threshold_backward.grad_input(dH, H, 0, grad_input=dH)
    ),
    "sigmoid": Activation(
        lambda Z, H: torch.sigmoid(Z, out=H), lambda dH, _Z, H: aten.sigmoid_backward.grad_input(dH, H, grad_input=dH)
    ),
    "tanh": Activation(
        lambda Z, H: torch.tanh(Z, out=H), lambda dH, _Z, H: aten.tanh_backward.grad_input(dH, H, grad_input=dH)
    ),
    "gelu": Activation(
        lambda Z, H: aten.gelu.out(Z, out=H), lambda dH, Z, _H: aten.gelu_backward.grad_input(dH, Z, grad_input=dH)
    ),
    "silu": Activation(
        lambda Z, H: aten.silu.out(Z, out=H), lambda dH, Z, _H: aten.silu_backward.grad_input(dH, Z, grad_input=dH)
    ),
}


def activation_of(name: str) -> Activation:
    """Return an activation's kernels; one that PyTorch has none for is computed as it is defined."""
    if name in KERNELS:
        return KERNELS[name]
    definition = definitions.ACTIVATIONS[name]

    def value(Z: Tensor, H: Tensor) -> Tensor:
        z = _with_digits(Z)
        return H.copy_(definition.phi(z, TensorFunctions(z)))

    def backward(dH: Tensor, Z: Tensor, _H: Tensor) -> Tensor:
        z = _with_digits(Z)
        return dH.mul_(definition.phi_derivative(z, TensorFunctions(z)))

    return Activation(value, backward)


def _with_digits(Z: Tensor) -> Tensor:
    """Return bfloat16 as float32: a formula of several steps would lose what few digits there are."""
    return Z.float() if Z.dtype == torch.bfloat16 else Z


def shares(n: int, weight: Tensor | None) -> Scalar:
    """Return each sample's share in the mean, ``1 / n`` or ``w_i / sum_i w_i`` (n,)."""
    if weight is None:
        return 1 / n
    total = weight.sum()
    return weight / torch.where(total > 0, total, 1)


def squared(O: Tensor, Y: Tensor, share: Scalar, out: Tensor) -> Tensor:
    """``l = |o - y|^2 / 2``, ``dO = share (O - Y)``."""
    torch.sub(O, Y, out=out)
    losses = out.square().sum(dim=0).div_(2)
    out.mul_(share)
    return losses


def huber(O: Tensor, Y: Tensor, share: Scalar, out: Tensor) -> Tensor:
    """``l = sum_j c_j (r_j - c_j / 2)`` with ``r = o - y`` and c, r cut to +-1; ``dO = share c``."""
    R = torch.sub(O, Y)  # (q, n)
    torch.clamp(R, -1, 1, out=out)
    losses = R.sub_(out, alpha=0.5).mul_(out).sum(dim=0)
    out.mul_(share)
    return losses


def absolute(O: Tensor, Y: Tensor, share: Scalar, out: Tensor) -> Tensor:
    """``l = sum_j |o_j - y_j|``, ``dO = share sign(O - Y)``."""
    R = torch.sub(O, Y)  # (q, n)
    torch.sign(R, out=out).mul_(share)
    return R.abs_().sum(dim=0)


def cross_entropy(O: Tensor, y: Tensor, share: Scalar, out: Tensor) -> Tensor:
    """``l = - sum_j y_j log softmax(o)_j``, ``dO = share (softmax(O) - y)``."""
    P = torch.softmax(O, 0, out=out)  # (q, n)
    if y.ndim == 1:
        losses = _minus_log(P, O, y)
    else:
        losses = torch.log_softmax(O, 0).mul_(y).sum(dim=0).neg_()
        P.mul_(y.sum(dim=0))  # which is 1 only to rounding
    _subtract_target(P, y).mul_(share)
    return losses


def _minus_log(P: Tensor, O: Tensor, y: Tensor) -> Tensor:
    """Return ``- log softmax(o)_y`` (n,): of many outputs from the P (q, n) that is there, unless a p is too small."""
    index = y.unsqueeze(0)
    if P.device.type == "cpu" and P.numel() >= MIN_LARGE_OUTPUTS:
        p = P.gather(0, index)
        if p.amin() >= TINY:
            return p.log_().squeeze(0).neg_()
    return torch.log_softmax(O, 0).gather(0, index).squeeze(0).neg_()


def softmax_squared(O: Tensor, y: Tensor, share: Scalar, out: Tensor) -> Tensor:
    """``l = |r|^2 / 2``, ``dO_j = share p_j (r_j - sum_k p_k r_k)`` with ``p = softmax(o)``, ``r = p - y``."""
    P = torch.softmax(O, 0, out=out)
    R = _subtract_target(P.clone(), y)  # (q, n)
    losses = R.square().sum(dim=0).div_(2)
    R -= (P * R).sum(dim=0)
    P.mul_(R).mul_(share)
    return losses


def sigmoid_cross_entropy(O: Tensor, Y: Tensor, share: Scalar, out: Tensor) -> Tensor:
    """``l = sum_j log(1 + exp(o_j)) - y_j o_j``, ``dO = share (sigma(O) - Y)``."""
    losses = (O.clamp(min=0) - O * Y + torch.log1p(torch.exp(-O.abs()))).sum(dim=0)
    torch.sigmoid(O, out=out).sub_(Y).mul_(share)
    return losses


def smooth(
    losses: Tensor, dO: Tensor, O: Tensor, y: Tensor, *, share: Scalar, smoothing: float, targets: Targets
) -> Tensor:
    """Smooth targets: ``l - s o (u - y)``, ``dO - share s (u - y)``; see `twofold.functions.losses.smooth`."""
    away = _subtract_target(torch.full_like(O, targets.even(len(O))), y)  # (q, n), u - y
    level = O.amax(dim=0) if targets.compete else 0.0
    losses = losses - smoothing * ((O - level) * away).sum(dim=0)
    dO.sub_(away.mul_(share), alpha=smoothing)
    return losses


def _subtract_target(P: Tensor, y: Tensor) -> Tensor:
    """Subtract the targets, class indices (n,) or columns (q, n), from P (q, n) in place."""
    if y.ndim == 2:
        return P.sub_(y)
    return P.scatter_(0, y.unsqueeze(0), -1.0, reduce="add")


def correct(targets: Targets, O: Tensor, y: Tensor) -> Tensor:
    """Tell how much of each sample's prediction is right: see `twofold.metrics.correct`; 0 for numbers."""
    if not targets.has_accuracy:
        return O.new_zeros(O.shape[1])
    if targets.compete:
        return (_is_first_largest(O, y) if y.ndim == 1 else _first_largest(O) == _first_largest(y)).to(O.dtype)
    return targets.right(O, y, 0).to(O.dtype).mean(dim=0)


def _is_first_largest(O: Tensor, y: Tensor) -> Tensor:
    """Tell whether output y is the first of the largest in each column; where nothing ties, by comparing numbers."""
    if O.device.type == "cpu":
        top = O.numpy().max(axis=0)
        if np.count_nonzero(O.numpy() == top) == len(y):  # NumPy compares several times as fast
            return O.gather(0, y.unsqueeze(0)).squeeze(0) == torch.from_numpy(top)
    return _first_largest(O) == y


def _first_largest(O: Tensor) -> Tensor:
    """Return the place of each column's largest number; of several `torch.max` promises the first."""
    return O.max(dim=0).indices


# Kernels of losses, of (O, y, share, out): each returns the loss of each sample (n,) and writes the gradient to out.
LOSSES: dict[str, Callable[[Tensor, Tensor, Scalar, Tensor], Tensor]] = {
    "squared": squared,
    "huber": huber,
    "absolute": absolute,
    "cross_entropy": cross_entropy,
    "softmax_squared": softmax_squared,
    "sigmoid_cross_entropy": sigmoid_cross_entropy,
}


def loss_of(name: str) -> Callable[[Tensor, Tensor, Scalar, Tensor], Tensor]:
    """Return a loss's kernel; one that there is none for is computed as it is defined."""
    if name in LOSSES:
        return LOSSES[name]
    definition = definitions.LOSSES[name]

    def loss(O: Tensor, Y: Tensor, share: Scalar, out: Tensor) -> Tensor:
        values, gradient = definition.of_outputs(O, Y, TensorFunctions(O))  # (q, n)
        torch.mul(gradient, share, out=out)
        return cast("Tensor", values.sum(dim=0))

    return loss


def holds(network: Network) -> bool:
    """Tell whether a network's functions are here: what is defined on rows of outputs needs a kernel."""
    normalizes = network.normalization is None or network.normalization in NORMALIZATIONS
    return normalizes and (network.loss in LOSSES or not definitions.LOSSES[network.loss].targets.compete)
