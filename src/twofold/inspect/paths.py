"""The way that training takes: the parameters before the first step and after each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data.dataset import Dataset
from twofold.engines import Engine
from twofold.network import Parameters
from twofold.recipe import Recipe
from twofold.run import Run
from twofold.training import train

Array = NDArray[Any]


def sgd_path(engine: Engine, data: Dataset, recipe: Recipe, *, every: int = 1) -> Array:
    """Train, and keep where the parameters were.

    Parameters
    ----------
    engine : Engine
        Its parameters are where the path starts from, and are changed.
    data : Dataset
    recipe : Recipe
    every : int
        Keep the parameters after every so many steps; at least 1.

    Returns
    -------
    ndarray, shape (kept + 1, number of parameters)
        Row by row W and b of each layer, W row by row: of linear regression ``(w_1, ..., w_d, b)``.

    Raises
    ------
    DataError
        If the data don't fit the network.
    DivergedError
        If the training leaves the finite numbers.

    Examples
    --------
    >>> from twofold import Network, load_dataset, open_engine
    >>> engine = open_engine("scratch", Network((2, 1), loss="squared"))
    >>> sgd_path(engine, load_dataset("synthetic"), Recipe(epochs=1, batch_size=10, learning_rate=0.03)).shape
    (101, 3)
    """
    path = _Path(every, [flat(engine.parameters())])
    for _ in train(engine, data, recipe, path):
        pass
    return np.array(path.kept)


@dataclass
class _Path:
    """Keeps the parameters after every so many steps."""

    every: int
    kept: list[Array]

    def on_step_end(self, run: Run) -> None:
        if run.engine.steps % self.every == 0:
            self.kept.append(flat(run.engine.parameters()))


def flat(parameters: Parameters) -> Array:
    """Return all weights and biases in one row."""
    return np.concatenate([array.ravel() for layer in parameters for array in (layer.W, layer.b)])
