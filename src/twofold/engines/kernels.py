"""The functions of ``twofold.functions`` on PyTorch tensors, in place: for `fused`, formula by formula the same.

Activations and losses here know their own backward pass, so no autograd is needed; what a formula means is said where
it is written for reading, in ``twofold.functions``. Nothing here reads a number back from the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from twofold.network import Network

aten = torch.ops.aten
Scalar = float | Tensor  # a tensor of no dimensions where the number must lie on the device


class Activation(NamedTuple):
    """phi on the way forward and back.

    Attributes
    ----------
    value : callable
        ``H = phi(Z)`` from Z and a buffer (n, h); those that don't need Z again write over it.
    backward : callable
        ``dZ = dH * phi'(Z)`` from dH, Z and H, written over dH.
    """

    value: Callable[[Tensor, Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor], Tensor]


ACTIVATIONS: dict[str, Activation] = {
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


def shares(n: int, weight: Tensor | None) -> Scalar:
    """Return each sample's share in the mean, ``1 / n`` or ``w_i / sum_i w_i`` as a column (n, 1)."""
    if weight is None:
        return 1 / n
    total = weight.sum()
    return (weight / torch.where(total > 0, total, 1)).unsqueeze(1)


def squared(O: Tensor, Y: Tensor, share: Scalar, out: Tensor) -> None:
    """``dO = share (O - Y)``."""
    torch.sub(O, Y, out=out).mul_(share)


def cross_entropy(O: Tensor, y: Tensor, share: Scalar, out: Tensor) -> None:
    """``dO = share (softmax(O) sum(y) - y)``; rows of probabilities in float32 sum to 1 only to rounding."""
    _softmax(O, out)
    if y.ndim == 2:
        out.mul_(y.sum(dim=1, keepdim=True))
    _minus_target(out, y).mul_(share)


def softmax_squared(O: Tensor, y: Tensor, share: Scalar, out: Tensor) -> None:
    """``dO_j = share p_j (r_j - sum_k p_k r_k)`` with ``p = softmax(o)``, ``r = p - y``."""
    _softmax(O, out)
    R = _minus_target(out.clone(), y)  # (n, q)
    R -= (out * R).sum(dim=1, keepdim=True)
    out.mul_(R).mul_(share)


def sigmoid_cross_entropy(O: Tensor, Y: Tensor, share: Scalar, out: Tensor) -> None:
    """``dO = share (sigma(O) - Y)``."""
    torch.sigmoid(O, out=out).sub_(Y).mul_(share)


def _softmax(O: Tensor, out: Tensor) -> None:
    torch.sub(O, O.amax(dim=1, keepdim=True), out=out).exp_()
    out.div_(out.sum(dim=1, keepdim=True))


def _minus_target(P: Tensor, y: Tensor) -> Tensor:
    """Subtract the targets, class indices (n,) or rows (n, q), from P (n, q) in place."""
    if y.ndim == 1:
        return P.scatter_add_(1, y.unsqueeze(1), P.new_full((1, 1), -1.0).expand(len(y), 1))
    return P.sub_(y)


def _log_softmax_loss(O: Tensor, y: Tensor) -> Tensor:
    S = O - O.amax(dim=1, keepdim=True)  # (n, q)
    log_total = S.exp().sum(dim=1, keepdim=True).log_()  # (n, 1)
    if y.ndim == 1:
        return (log_total - S.gather(1, y.unsqueeze(1))).squeeze(1)
    return (y * (log_total - S)).sum(dim=1)


def _softmax_squared_loss(O: Tensor, y: Tensor) -> Tensor:
    return _minus_target(O.softmax(dim=1), y).square_().sum(dim=1) / 2


def _sigmoid_loss(O: Tensor, Y: Tensor) -> Tensor:
    return (O.clamp(min=0) - O * Y + torch.log1p(torch.exp(-O.abs()))).sum(dim=1)


class Loss(NamedTuple):
    """A loss on raw outputs.

    Attributes
    ----------
    slope : callable
        Of (O, y, share, out): writes ``dO`` (n, q), the gradient of the mean loss.
    samples : callable
        Of (O, y): the loss of each sample (n,).
    """

    slope: Callable[[Tensor, Tensor, Scalar, Tensor], None]
    samples: Callable[[Tensor, Tensor], Tensor]


LOSSES: dict[str, Loss] = {
    "squared": Loss(squared, lambda O, Y: (O - Y).square_().sum(dim=1) / 2),
    "cross_entropy": Loss(cross_entropy, _log_softmax_loss),
    "softmax_squared": Loss(softmax_squared, _softmax_squared_loss),
    "sigmoid_cross_entropy": Loss(sigmoid_cross_entropy, _sigmoid_loss),
}


def holds(network: Network) -> bool:
    """Tell whether a network's activation and loss are here: a name put into the registries later may not be."""
    return network.activation in ACTIVATIONS and network.loss in LOSSES


def move(theta: Tensor, g: Tensor, length: Scalar) -> None:
    """``theta <- theta + length g``; g may be of a smaller type."""
    if isinstance(length, Tensor):
        theta.addcmul_(g.to(theta.dtype), length)
    else:
        theta.add_(g, alpha=length)


def sgd(theta: Tensor, g: Tensor, _memory: list[Tensor], numbers: list[Scalar]) -> None:
    """Step against the gradient."""
    move(theta, g, numbers[0])


def heavy_ball(theta: Tensor, g: Tensor, memory: list[Tensor], numbers: list[Scalar], *, momentum: float) -> None:
    """Step along a velocity."""
    (v,) = memory
    v.mul_(momentum).add_(g)
    move(theta, v, numbers[0])


def nesterov(theta: Tensor, g: Tensor, memory: list[Tensor], numbers: list[Scalar], *, momentum: float) -> None:
    """Step along the velocity and the gradient."""
    (v,) = memory
    v.mul_(momentum).add_(g)
    move(theta, g.add_(v, alpha=momentum), numbers[0])


def adam(
    theta: Tensor,
    g: Tensor,
    memory: list[Tensor],
    numbers: list[Scalar],
    *,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    """Divide a mean of gradients by the root of a mean of their squares; g is used up as a buffer."""
    m, s = memory
    m.mul_(beta1).add_(g, alpha=1 - beta1)
    s.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    root = torch.sqrt(s, out=g).div_(numbers[1]).add_(epsilon)
    move(theta, torch.div(m, root, out=g), numbers[0])


OPTIMIZERS: dict[str, Callable[..., None]] = {
    "sgd": sgd,
    "momentum": heavy_ball,
    "nesterov": nesterov,
    "adam": adam,
    "adamw": adam,
}


def clip(g: Tensor, norm: float) -> None:
    """Scale the gradient of all parameters in place so that its norm is at most ``norm``."""
    g.mul_((norm / (torch.linalg.vector_norm(g) + 1e-6)).clamp_(max=1))
