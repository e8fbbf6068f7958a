"""Optimisers: what a step does with a gradient, number by number.

Each is a function of a parameter theta, the gradient g of the loss there, what the rule remembers of it, the learning
rate eta, the number t of this step, counted from 1, and the rule's own constants; ``xp`` has the functions that go
with theta, see `twofold.functions.expressions.FUNCTIONS`. It is written in place, as NumPy's arrays are changed, and
returns theta and the state as they are after the step; so each rule stands here and nowhere else, and every engine
reads it. The conventions are those of torch.optim.

Around the rule a step has three parts, the same for all:

- *Clipping* comes first and is global: the loss's gradient over all parameters is scaled so that its norm is at most
  c, by ``min(1, c / (norm + 1e-6))``, the small number being that of torch.nn.utils.clip_grad_norm_.
- *Weight decay* lambda acts on weights, not on biases. It is an L2 penalty ``lambda |W|^2 / 2`` in the objective, so
  ``g <- g + lambda W``; of decoupled rules, AdamW and Lion, ``W <- W - eta lambda W`` (Loshchilov and Hutter 2019).
- *An L1 penalty* ``l1 sum |w|``, on weights too, comes last, as the proximal step (Parikh and Boyd 2014, section
  6.5.2): each weight moves towards 0 by at most l1 times the rule's step length, and stays there if it gets there. A
  subgradient, ``g <- g + l1 sign(W)``, would leave no weight at 0: it oscillates around it. The step length is what
  theta moves by for a gradient that has been 1 in all steps: eta in SGD, up to ``eta / (1 - mu)`` with momentum, and
  ``eta / (sqrt(s_hat) + epsilon)`` in Adam, for each weight its own. So the minimum of the penalised objective is a
  fixed point, whatever the rule. Decoupled rules shrink each weight by ``eta l1``, as they let it decay: that is no
  penalty of the objective, and Lion, whose steps have their full length, has hardly a weight at 0 for l1 below 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from twofold.errors import SpecificationError
from twofold.functions.configs import Config, Constant
from twofold.functions.expressions import Expression, Recorder
from twofold.values import FRACTION, POSITIVE, Range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Step = tuple[Any, tuple[Any, ...]]  # theta and the state after a step


def sgd(theta: Any, g: Any, state: Any, eta: Any, _t: Any, _xp: Any) -> Step:
    """``theta <- theta - eta g``."""
    theta -= eta * g
    return theta, state


def heavy_ball(theta: Any, g: Any, state: Any, eta: Any, _t: Any, _xp: Any, *, momentum: Any) -> Step:
    """``v <- mu v + g``, ``theta <- theta - eta v`` (Polyak 1964; the learning rate stays outside of v)."""
    (v,) = state
    v *= momentum
    v += g
    theta -= eta * v
    return theta, (v,)


def heavy_ball_length(_state: Any, eta: Any, t: Any, _xp: Any, *, momentum: Any) -> Any:
    """``eta (1 + mu + ... + mu^(t-1))``, which v has become where g was 1."""
    return eta * ((1 - momentum**t) / (1 - momentum))


def nesterov(theta: Any, g: Any, state: Any, eta: Any, _t: Any, _xp: Any, *, momentum: Any) -> Step:
    """``v <- mu v + g``, ``theta <- theta - eta (g + mu v)`` (Nesterov 1983, as in Sutskever et al. 2013)."""
    (v,) = state
    v *= momentum
    v += g
    theta -= eta * (g + momentum * v)
    return theta, (v,)


def nesterov_length(_state: Any, eta: Any, t: Any, _xp: Any, *, momentum: Any) -> Any:
    """``eta (1 + mu + ... + mu^t)``, a step ahead of `heavy_ball_length`."""
    return eta * ((1 - momentum ** (t + 1)) / (1 - momentum))


def adam(theta: Any, g: Any, state: Any, eta: Any, t: Any, xp: Any, *, beta1: Any, beta2: Any, epsilon: Any) -> Step:
    """Divide a mean of gradients by the root of a mean of their squares (Kingma and Ba 2015, arXiv:1412.6980).

    ``m <- beta1 m + (1 - beta1) g``, ``s <- beta2 s + (1 - beta2) g^2``,
    ``theta <- theta - eta m_hat / (sqrt(s_hat) + epsilon)`` with ``m_hat = m / (1 - beta1^t)``,
    ``s_hat = s / (1 - beta2^t)``.
    """
    m, s = state
    m *= beta1
    m += (1 - beta1) * g
    s *= beta2
    s += (1 - beta2) * (g * g)
    root = xp.sqrt(s) / xp.sqrt(1 - beta2**t)
    theta -= eta / (1 - beta1**t) * m / (root + epsilon)
    return theta, (m, s)


def adam_length(state: Any, eta: Any, t: Any, xp: Any, *, beta1: Any, beta2: Any, epsilon: Any) -> Any:  # noqa: ARG001
    """``eta / (sqrt(s_hat) + epsilon)``; where g was 1, so is m_hat."""
    _, s = state
    return eta / (xp.sqrt(s) / xp.sqrt(1 - beta2**t) + epsilon)


def rmsprop(theta: Any, g: Any, state: Any, eta: Any, _t: Any, xp: Any, *, beta2: Any, epsilon: Any) -> Step:
    """Divide the gradient by the root of a mean of its squares (Tieleman and Hinton 2012).

    ``s <- beta2 s + (1 - beta2) g^2``, ``theta <- theta - eta g / (sqrt(s) + epsilon)``: Adam without a mean of
    gradients and with s as it is. What Adam calls beta2, PyTorch calls alpha here, and Keras rho.
    """
    (s,) = state
    s *= beta2
    s += (1 - beta2) * (g * g)
    theta -= eta * g / (xp.sqrt(s) + epsilon)
    return theta, (s,)


def rmsprop_length(state: Any, eta: Any, _t: Any, xp: Any, *, beta2: Any, epsilon: Any) -> Any:  # noqa: ARG001
    """``eta / (sqrt(s) + epsilon)``."""
    (s,) = state
    return eta / (xp.sqrt(s) + epsilon)


def lion(theta: Any, g: Any, state: Any, eta: Any, _t: Any, xp: Any, *, beta1: Any, beta2: Any) -> Step:
    """Step by eta whichever way a mean of gradients points (Chen et al. 2023, arXiv:2302.06675).

    ``theta <- theta - eta sign(beta1 m + (1 - beta1) g)``, then ``m <- beta2 m + (1 - beta2) g``; sign(0) is 0. Where
    the two terms cancel but for rounding, the sign is that of the rounding, and engines may differ.
    """
    (m,) = state
    theta -= eta * xp.sign(beta1 * m + (1 - beta1) * g)
    m *= beta2
    m += (1 - beta2) * g
    return theta, (m,)


def whole_step(_state: Any, eta: Any, _t: Any, _xp: Any, **_constants: Any) -> Any:
    """``eta``."""
    return eta


def soften(theta: Any, threshold: Any, xp: Any) -> Any:
    """``sign(theta) max(|theta| - threshold, 0)``: towards 0, and no further."""
    return xp.sign(theta) * xp.maximum(xp.abs(theta) - threshold, 0)


@dataclass(frozen=True)
class Optimizer:
    """An update rule.

    Attributes
    ----------
    update : callable
        Of ``theta, g, state, eta, t, xp`` and the constants by keyword; changes arrays in place, and returns theta
        and state after the step.
    state : tuple of str
        Names of what the rule keeps of each parameter from step to step, 0 at first.
    constants : mapping of str to Constant
        Its own constants.
    length : callable, optional
        Of ``state, eta, t, xp`` and the constants, after the step: what theta moved by if g was 1 in all steps. An L1
        penalty needs it.
    decoupled : bool
        Whether weight decay shrinks the weights directly, and isn't part of the gradient.
    usual_rate : float, optional
        A learning rate to start from, where it doesn't depend on how large gradients are.
    torch : callable, optional
        What computes the same in PyTorch, of parameter groups, ``lr`` and the constants by keyword; for one of
        torch.optim, `twofold.engines.pytorch.optimizers` knows it.
    torch_state : tuple of str
        Its names for the state, in this order.
    """

    update: Callable[..., Step]
    state: tuple[str, ...] = ()
    constants: Mapping[str, Constant] = field(default_factory=dict, hash=False)
    length: Callable[..., Any] | None = whole_step
    decoupled: bool = False
    usual_rate: float | None = None
    torch: Callable[..., Any] | None = None
    torch_state: tuple[str, ...] = ()

    @cached_property
    def expressions(self) -> tuple[Any, ...]:
        """What a step computes, recorded: theta and the state after it, of `variables` and the constants."""
        return self.record(**{name: Expression(name) for name in self.constants})

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of what each parameter has its own of, as in `expressions`: theta, g and the state."""
        return ("theta", "g", *self.state)

    @property
    def step_length(self) -> Callable[..., Any]:
        """The definition's `length`; `SpecificationError` if it has none."""
        if self.length is None:
            raise SpecificationError(
                "l1 needs the length of a step, which the optimiser's definition doesn't give: length="
            )
        return self.length

    def record(self, **constants: Any) -> tuple[Any, ...]:
        """Return `expressions` with these constants."""
        theta, g, *state = map(Expression, self.variables)
        after, kept = self.update(theta, g, tuple(state), Expression("eta"), Expression("t"), Recorder(), **constants)
        return (after, *kept)

    def record_penalty(self, l1: Any, **constants: Any) -> Any:
        """Return what an L1 penalty makes of theta after the step, recorded too."""
        theta, _, *state = map(Expression, self.variables)
        length = self.step_length(state, Expression("eta"), Expression("t"), Recorder(), **constants)
        return soften(theta, l1 * length, Recorder())


KEPT = "what {} keeps of itself in a step"
MOMENTUM = {
    "momentum": Constant(
        0.9,
        Range(0, 1, "more than 0 and less than 1 (without it, choose 'sgd')"),
        KEPT.format("the velocity"),
    )
}
BETA1 = Constant(0.9, FRACTION, KEPT.format("the mean of gradients"))
BETA2 = Constant(0.999, FRACTION, KEPT.format("the mean of squares"))
EPSILON = Constant(1e-8, POSITIVE, "what is added to the root of the mean of squares")
ADAM: dict[str, Any] = {
    "state": ("mean", "square"),
    "constants": {"beta1": BETA1, "beta2": BETA2, "epsilon": EPSILON},
    "usual_rate": 0.001,
}
RMSPROP = {"beta2": Constant(0.99, FRACTION, BETA2.help), "epsilon": EPSILON}
LION = {
    "beta1": Constant(0.9, FRACTION, "the mean's part in the step, beside the gradient's"),
    "beta2": Constant(0.99, FRACTION, BETA1.help),
}

OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer(sgd),
    "momentum": Optimizer(heavy_ball, ("velocity",), MOMENTUM, heavy_ball_length),
    "nesterov": Optimizer(nesterov, ("velocity",), MOMENTUM, nesterov_length),
    "adam": Optimizer(adam, length=adam_length, **ADAM),
    "adamw": Optimizer(adam, decoupled=True, **ADAM),
    "rmsprop": Optimizer(rmsprop, ("square",), RMSPROP, rmsprop_length, usual_rate=0.001),
    "lion": Optimizer(lion, ("mean",), LION, decoupled=True, usual_rate=0.0001),
}


class OptimizerConfig(Config):
    """An optimiser with its constants.

    Parameters
    ----------
    name : str
        In `twofold.functions.OPTIMIZERS`.
    **constants : float
        Of its own; None, or left out, for the optimiser's default.

    Raises
    ------
    SpecificationError
        If the name is unknown, the optimiser has no such constant, or a value is out of its range.

    Examples
    --------
    >>> OptimizerConfig("lion", beta1=0.95)
    OptimizerConfig('lion', beta1=0.95)
    >>> OptimizerConfig("lion", beta=0.9)
    Traceback (most recent call last):
    twofold.errors.SpecificationError: beta is 0.9; optimizer 'lion' has beta1 and beta2
    """

    what, registry = "optimizer", OPTIMIZERS

    @property
    def definition(self) -> Optimizer:
        """What stands under the name."""
        return OPTIMIZERS[self.name]


def clip(gradients: Sequence[Array], norm: float) -> None:
    """Scale gradients in place so that their norm, over all together, is at most ``norm``.

    Parameters
    ----------
    gradients : sequence of ndarray
    norm : float
        Positive.
    """
    import numpy as np  # not at the top: names and constants are read where no number is

    length = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
    factor = norm / (length + 1e-6)
    if factor < 1:
        for gradient in gradients:
            np.multiply(gradient, factor, out=gradient)
