"""What a checkpoint holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.early_stopping import BestEpoch
from twofold.engines import EngineState
from twofold.network import Network
from twofold.recipe import Recipe
from twofold.run import Epoch

Array = NDArray[Any]


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a run needs to go on as if it had never stopped.

    Attributes
    ----------
    network : Network
    recipe : Recipe
    data : dict of str to str
        Hashes of the training and the test set, see `twofold.data.fingerprint.data_hash`.
    setting : dict of str to str
        What else the run was told, for comparison only.
    dtype : str
        The engine's.
    state : EngineState
        Parameters, the optimiser state, steps taken and running totals: where in which epoch the run is.
    history : tuple of Epoch
        The epochs that are over.
    samples : int
        Size of the training set.
    seconds : float
        Time that the epoch which is not over has taken.
    best : BestEpoch or None
        What early stopping remembers, best weights included.
    memories : dict of str to object
        What other callbacks remember, by their class; fit for JSON.
    environment : dict of str to str
        Engine, device, threads, versions: what may make a rounding differ.
    """

    network: Network
    recipe: Recipe
    data: dict[str, str]
    setting: dict[str, str]
    dtype: str
    state: EngineState
    history: tuple[Epoch, ...]
    samples: int
    seconds: float = 0.0
    best: BestEpoch | None = None
    memories: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Steps taken; with `epochs`, all that orders the checkpoints of a run."""
        return self.state.steps

    @property
    def epochs(self) -> int:
        """Epochs that are over."""
        return len(self.history)

    @property
    def finite(self) -> bool:
        """Whether every number of the engine's state is finite: a run that has diverged is not worth keeping."""
        sets = (self.state.parameters, *self.state.optimizer_state.values())
        arrays = (array for parameters in sets for layer in parameters for array in layer)
        return all(np.isfinite(array).all() for array in arrays)
