"""The optimisers of `concise`: torch.optim's, and in its form what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from twofold.engines.pytorch.tensor_functions import TensorFunctions
from twofold.errors import SpecificationError
from twofold.functions import OPTIMIZERS, OptimizerConfig

Array = NDArray[Any]


class DefinedOptimizer(torch.optim.Optimizer):
    """An optimiser as it is defined in `twofold.functions`, for one that torch.optim lacks."""

    def __init__(self, params: Any, *, name: str, lr: float, constants: Mapping[str, float]) -> None:
        self._rule, self._constants = OPTIMIZERS[name], constants
        super().__init__(params, {"lr": lr, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:  # noqa: ARG002 - torch.optim's signature
        """Take a step."""
        for group in self.param_groups:
            eta, decay = group["lr"], group["weight_decay"]
            for p in group["params"]:
                kept = self.state[p]
                t = kept["step"] = kept.get("step", 0) + 1
                state = [kept.setdefault(name, torch.zeros_like(p)) for name in self._rule.state]
                g = p.grad if self._rule.decoupled else p.grad + decay * p
                if self._rule.decoupled:
                    p.mul_(1 - eta * decay)
                self._rule.update(p, g, state, eta, int(t), TensorFunctions(p), **self._constants)


class TorchOptimizer(NamedTuple):
    """An optimiser in PyTorch.

    Attributes
    ----------
    make : callable
        The optimiser, of parameter groups, ``lr`` and options.
    state : dict of str to str
        Its names for what `twofold.functions.OPTIMIZERS` keeps as state.
    options : callable
        Its options, of the constants by keyword.
    """

    make: Callable[..., torch.optim.Optimizer]
    state: dict[str, str]
    options: Callable[..., dict[str, Any]] = dict


def _adam_options(beta1: float, beta2: float, epsilon: float) -> dict[str, Any]:
    return {"betas": (beta1, beta2), "eps": epsilon}


MEAN, SQUARE = {"mean": "exp_avg"}, {"square": "exp_avg_sq"}
RULES: dict[str, TorchOptimizer] = {
    "sgd": TorchOptimizer(torch.optim.SGD, {}),
    "momentum": TorchOptimizer(torch.optim.SGD, {"velocity": "momentum_buffer"}),
    "nesterov": TorchOptimizer(partial(torch.optim.SGD, nesterov=True), {"velocity": "momentum_buffer"}),
    "adam": TorchOptimizer(torch.optim.Adam, MEAN | SQUARE, _adam_options),
    "adamw": TorchOptimizer(torch.optim.AdamW, MEAN | SQUARE, _adam_options),
    "rmsprop": TorchOptimizer(
        torch.optim.RMSprop, {"square": "square_avg"}, lambda beta2, epsilon: {"alpha": beta2, "eps": epsilon}
    ),
}


def torch_optimizer(name: str) -> TorchOptimizer:
    """Return an optimiser in PyTorch; one that it lacks is taken as it was registered, or else as it is defined."""
    if name in RULES:
        return RULES[name]
    rule = OPTIMIZERS[name]
    if rule.torch is not None:
        return TorchOptimizer(rule.torch, dict(zip(rule.state, rule.torch_state, strict=True)))
    state = {ours: ours for ours in rule.state}
    return TorchOptimizer(partial(DefinedOptimizer, name=name), state, lambda **constants: {"constants": constants})


def path_of(optimizer: OptimizerConfig, start: Array, *, rate: float, steps: int) -> Iterator[Array]:
    """Go down theta^2 / 2, whose gradient is theta, and yield theta and the state after each step.

    Parameters
    ----------
    optimizer : OptimizerConfig
    start : ndarray, shape (n,)
    rate : float
    steps : int

    Yields
    ------
    ndarray, shape (1 + arrays of the state, n)

    Raises
    ------
    SpecificationError
        If the state has other names in PyTorch.
    """
    made = torch_optimizer(optimizer.name)
    theta = torch.tensor(start, requires_grad=True)
    rule = made.make([{"params": [theta]}], lr=rate, **made.options(**optimizer.constants))
    for _ in range(steps):
        theta.grad = theta.detach().clone()
        rule.step()
        kept = rule.state[theta]
        if missing := [name for name in made.state.values() if name not in kept]:
            raise SpecificationError(
                f"{optimizer.name!r} has no {missing[0]!r} in PyTorch, which keeps {', '.join(kept)}"
            )
        yield np.array([part.detach().numpy() for part in (theta, *(kept[name] for name in made.state.values()))])
