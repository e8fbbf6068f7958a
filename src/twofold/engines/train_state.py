"""What `scratch` and `compiled` train: arrays of NumPy, of which one holds every trained number.

So an update is one operation, and the layers are parts of that array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.engines.state import AVERAGE, EngineState, check_recipe, check_state
from twofold.functions import LOSSES
from twofold.functions.normalizations import RATE, Normalized
from twofold.metrics import Score, running_score
from twofold.network import Layer, Network, Parameters, map_arrays
from twofold.recipe import Recipe
from twofold.validation import Precision

Array = NDArray[Any]


class TrainState:
    """Parameters, the optimiser's arrays, the average and the running sums.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    dtype : {"float32", "float64"}

    Attributes
    ----------
    recipe : Recipe
    theta : ndarray, one axis
        Every trained number.
    parameters : Parameters
        The same memory, layer by layer.
    optimizer_state : ndarray, shape (arrays, size of theta)
        A row of each array that the optimiser keeps.
    average : Parameters or None
        The running mean of the parameters, if the recipe has one.
    totals : ndarray of float64, shape (3,)
        Sums of weighted loss, weighted correct predictions and weights since the epoch began.
    steps : int
        Since `start`.
    """

    def __init__(self, network: Network, parameters: Parameters, dtype: Precision) -> None:
        self.network, self.dtype = network, dtype
        self._own(parameters, None)
        self.begin_epoch()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin as a copy of another: the layers become parts of the one array again."""
        self.__dict__ |= state
        self._own(self.parameters, self.average)

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's state and count steps from 0; the model's parameters stay."""
        self.recipe = check_recipe(self.network, recipe)
        self._own(self.model, map_arrays(np.copy, self.model) if recipe.ema_decay else None)
        self.optimizer_state = np.zeros((len(recipe.optimizer.definition.state), self.theta.size), self.dtype)
        self.steps = 0

    def begin_epoch(self) -> None:
        """Set the running means back to nothing."""
        self.totals = np.zeros(3)

    def running(self) -> Score:
        """Read the mean loss and accuracy since the epoch began."""
        return running_score(LOSSES[self.network.loss], self.totals.tolist())

    @property
    def model(self) -> Parameters:
        """The parameters that predictions are made with."""
        return self.parameters if self.average is None else self.average

    def follow(self, moments: Array) -> None:
        """Move what follows a step: running means and variances, and the average of the parameters.

        Parameters
        ----------
        moments : ndarray, one axis
            A minibatch's means and unbiased variances of each layer that has running ones, layer by layer.
        """
        if len(moments):
            pairs = ((layer.mean, layer.variance) for layer in self.parameters)
            for array in (array for pair in pairs for array in pair if array is not None):
                array += RATE * (moments[: array.size] - array)
                moments = moments[array.size :]
        if self.average is not None:
            new = 1 - self.recipe.keep(self.steps - 1)
            self._average += new * (self.theta - self._average)
            for average, layer in zip(self.average, self.parameters, strict=True):
                for mean, own in ((average.mean, layer.mean), (average.variance, layer.variance)):
                    if mean is not None:
                        mean += new * (own - mean)

    def read(self) -> EngineState:
        """Copy out everything that `write` needs."""
        rows = zip(self.recipe.optimizer.definition.state, self.optimizer_state.copy(), strict=True)
        optimizer_state = {name: part(row, self.parameters, statistics=False) for name, row in rows}
        if self.average is not None:
            optimizer_state[AVERAGE] = map_arrays(np.copy, self.average)
        loss, right, weight = self.totals.tolist()
        return EngineState(map_arrays(np.copy, self.parameters), optimizer_state, self.steps, (loss, right, weight))

    def write(self, state: EngineState) -> None:
        """Go on from a state."""
        state = check_state(self.network, self.recipe, state, self.dtype)
        self._own(state.parameters, state.optimizer_state.get(AVERAGE))
        for row, name in zip(self.optimizer_state, self.recipe.optimizer.definition.state, strict=True):
            row[:] = join(state.optimizer_state[name])
        self.totals = np.array(state.totals)
        self.steps = state.steps

    def _own(self, parameters: Parameters, average: Parameters | None) -> None:
        """Take over parameters and their average: the trained ones are copied into one array each."""
        self.theta = join(parameters)
        self.parameters = part(self.theta, parameters)
        self.average: Parameters | None = None
        if average is not None:
            self._average = join(average)
            self.average = part(self._average, average)


def moments_of(normalized: Sequence[Normalized], n: int) -> list[Array]:
    """Return the means and unbiased variances of n samples, layer by layer."""
    return [array[0] for _, m, v, _ in normalized for array in (m, v * n / max(n - 1, 1))]


def join(parameters: Parameters, moments: Sequence[Array] = ()) -> Array:
    """Copy every W, b and gamma into one array, layer by layer, and what is to stand behind them."""
    return np.concatenate([*(array.ravel() for layer in parameters for array in layer.trained), *moments])


def part(joined: Array, like: Parameters, *, statistics: bool = True) -> Parameters:
    """Undo `join`.

    Parameters
    ----------
    joined : ndarray, one axis
    like : Parameters
        Whose shapes, and means and variances, the layers have.
    statistics : bool
        False leaves out means and variances.

    Returns
    -------
    parameters : Parameters
        Their trained arrays are parts of ``joined``, not copies.
    """
    layers, place = [], 0
    for layer in like:
        arrays = {}
        for name, array in zip(("W", "b", "gamma"), layer.trained, strict=False):
            arrays[name] = joined[place : place + array.size].reshape(array.shape)
            place += array.size
        layers.append(replace(layer, **arrays) if statistics else Layer(**arrays))
    return tuple(layers)
