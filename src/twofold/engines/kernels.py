"""The functions of ``twofold.functions`` on PyTorch tensors, in place: for `fused`, formula by formula the same.

Activations and losses here know their own backward pass, so no autograd is needed; what a formula means is said where
it is written for reading, in ``twofold.functions``. Samples are columns: outputs O are (q, n), hidden layers (h, n).
Nothing here reads a number back from a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from twofold import functions as definitions
from twofold.engines.normalizations import NORMALIZATIONS
from twofold.engines.tensor_functions import TensorFunctions
from twofold.functions.targets import Targets
from twofold.network import Network

aten = torch.ops.aten
MANY = 2**15  # outputs of a minibatch: of fewer a second softmax takes less time than a look at the first
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
    if P.device.type == "cpu" and P.numel() >= MANY:
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
        values, slope = definition.of_outputs(O, Y, TensorFunctions(O))  # (q, n)
        torch.mul(slope, share, out=out)
        return cast("Tensor", values.sum(dim=0))

    return loss


def holds(network: Network) -> bool:
    """Tell whether a network's functions are here: what is defined on rows of outputs needs a kernel."""
    normalizes = network.normalization is None or network.normalization in NORMALIZATIONS
    return normalizes and (network.loss in LOSSES or not definitions.LOSSES[network.loss].targets.compete)


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
    """Divide a mean of gradients by the root of a mean of their squares; g is used up as a buffer.

    On a CPU in one pass through memory, where PyTorch has it: a third of the time.
    """
    m, s = memory
    *_, eta, t = numbers
    if isinstance(eta, float) and isinstance(t, float) and has_one_pass_adam():
        _one_pass_adam(theta, g, memory, eta=eta, t=t, beta1=beta1, beta2=beta2, epsilon=epsilon)
        return
    m.mul_(beta1).add_(g, alpha=1 - beta1)
    s.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    root = torch.sqrt(s, out=g).div_(numbers[1]).add_(epsilon)
    move(theta, torch.div(m, root, out=g), numbers[0])


def _one_pass_adam(
    theta: Tensor,
    g: Tensor,
    memory: list[Tensor],
    *,
    eta: float,
    t: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    m, s = memory
    torch._fused_adam_(
        [theta],
        [g],
        [m],
        [s],
        [],
        [torch.tensor(t)],
        lr=eta,
        beta1=beta1,
        beta2=beta2,
        weight_decay=0.0,
        eps=epsilon,
        amsgrad=False,
        maximize=False,
    )


@cache
def has_one_pass_adam() -> bool:
    """Tell whether PyTorch's one-pass Adam, the one behind ``torch.optim.Adam(fused=True)``, runs and is right here."""
    theta, g, m, s = torch.tensor([[1.0, 2.0], [0.5, -1.0], [0.1, 0.0], [0.2, 0.3]], dtype=torch.float64)
    constants = {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8}
    m_next, s_next = 0.9 * m + 0.1 * g, 0.99 * s + 0.01 * g * g
    root = (s_next / (1 - 0.99**3)).sqrt() + 1e-8
    expected = theta - 0.1 / (1 - 0.9**3) * m_next / root
    try:
        _one_pass_adam(theta, g, [m, s], eta=0.1, t=3.0, **constants)
    except (AttributeError, RuntimeError, TypeError):  # no such operator, none for this CPU, or other arguments
        return False
    return all(torch.allclose(a, b, rtol=1e-14) for a, b in ((theta, expected), (m, m_next), (s, s_next)))


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
