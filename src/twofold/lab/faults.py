"""Things done wrong on purpose, each to be seen on the page: what is changed, and an example where it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data import Dataset
from twofold.engines import Engine
from twofold.functions import LOSSES
from twofold.lab.setup import Setup
from twofold.network import Parameters
from twofold.recipe import Recipe

Array = NDArray[Any]

DEAD = -5.0  # the bias of a hidden unit that no sample reaches
LARGE = 1000.0  # what features are multiplied by so that outputs become large


@dataclass(frozen=True)
class Fault:
    """Something done wrong.

    Attributes
    ----------
    example : dict
        Fields of a `Setup` in which it shows.
    change : callable
        Of a setup: the same with the fault, as far as a setup can say it.
    """

    example: dict[str, Any]
    change: Callable[[Setup], Setup] = field(default=lambda setup: setup)


def naive_cross_entropy(O: Array, y: Array) -> tuple[Array, Array]:
    """Compute the cross entropy as it is written in books, ``exp(o_j) / sum_i exp(o_i)``: it overflows past o = 709."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        E = np.exp(O)  # (n, q)
        P = E / E.sum(axis=1, keepdims=True)
        losses = -np.log(P[np.arange(len(P)), y])
    P[np.arange(len(P)), y] -= 1
    return losses, P


def use_naive_softmax(engine: Engine) -> None:
    """Make a scratch engine compute its cross entropy by `naive_cross_entropy`."""
    vars(engine)["_loss"] = replace(LOSSES["cross_entropy"], pair=naive_cross_entropy)


def mean_twice(recipe: Recipe) -> Callable[[int, int], float]:
    """Return the learning rate that makes of SGD's step one whose gradient was divided by the batch size twice."""
    return lambda step, steps_per_epoch: recipe.rate(step, steps_per_epoch) / recipe.batch_size


def enlarge(data: Dataset, factor: float) -> Dataset:
    """Multiply all features."""
    test = None if data.test is None else replace(data.test, X=data.test.X * factor)
    return replace(data, train=replace(data.train, X=data.train.X * factor), test=test)


def kill_units(parameters: Parameters) -> Parameters:
    """Set the biases of hidden layers so low that ReLU gives 0 on every sample."""
    hidden = tuple(replace(layer, b=np.full_like(layer.b, DEAD)) for layer in parameters[:-1])
    return (*hidden, parameters[-1])


FAULTS: dict[str, Fault] = {
    "large-rate": Fault(
        {"data": "plane", "hidden": [], "learning_rate": 0.03, "noise": 0.1},
        lambda setup: replace(setup, learning_rate=setup.learning_rate * 100),
    ),
    "unscaled": Fault({"data": "houses", "hidden": [], "learning_rate": 0.03, "noise": 0.1}),
    "zero-weights": Fault(
        {"data": "circles", "hidden": [4, 2], "activation": ["tanh"], "noise": 0.05},
        lambda setup: replace(setup, initialization="zeros"),
    ),
    "no-activation": Fault(
        {"data": "circles", "hidden": [4, 2], "activation": ["tanh"], "noise": 0.05},
        lambda setup: replace(setup, activation=("identity",)),
    ),
    "dead-relu": Fault({"data": "circles", "hidden": [8, 4], "activation": ["relu"], "noise": 0.05}),
    "squared-loss": Fault(
        {"data": "spirals", "hidden": [16, 8], "activation": ["tanh"], "noise": 0.05},
        lambda setup: replace(setup, loss="softmax_squared"),
    ),
    "naive-softmax": Fault({"data": "blobs", "hidden": [], "learning_rate": 0.1, "noise": 0.1}),
    "mean-twice": Fault({"data": "circles", "hidden": [4, 2], "activation": ["tanh"], "noise": 0.05}),
}
