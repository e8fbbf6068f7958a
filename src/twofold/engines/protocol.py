"""What the training loop, and everything above it, asks of an engine."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import ArrayLike, NDArray

from twofold.engines.state import EngineState
from twofold.metrics import Score
from twofold.network import Network, Parameters
from twofold.recipe import Recipe
from twofold.validation import Precision

Array = NDArray[Any]

CHUNK = 4096  # rows that `outputs` takes at a time: image bytes become floats there, and shouldn't all at once


class Engine(Protocol):
    """Knows how to take a step."""

    name: str
    network: Network
    dtype: Precision

    @property
    def steps(self) -> int:
        """Steps taken since `start`."""
        ...

    def load(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Put a set of samples where the engine wants it, checked, in its smallest exact type.

        Arrays that have that type already are not copied: change them only after training.

        Parameters
        ----------
        X : array, shape (n, d) or (n, height, width)
            Features; uint8 are image bytes, 0..255 for 0..1, and stay bytes.
        y : array
            Targets: see `twofold.validation.check_targets`.
        sample_weight : array, shape (n,), optional
            Non-negative; a minibatch's loss is ``sum_i w_i l_i / sum_i w_i``.

        Raises
        ------
        DataError
            If they don't fit the network or hold what is not a finite number.
        """
        ...

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's state, count steps from 0 and follow this recipe; the parameters stay.

        Raises
        ------
        SpecificationError
            If the recipe doesn't fit the network's loss.
        """
        ...

    def step(self, indices: Array, learning_rate: float) -> None:
        """Take one minibatch step.

        Parameters
        ----------
        indices : ndarray of int64, shape (batch,)
            Rows of the loaded set; with batch normalisation two at least, which is for the caller to see to.
        learning_rate : float
        """
        ...

    def begin_epoch(self) -> None:
        """Set the running means back to nothing."""
        ...

    def running(self) -> Score:
        """Read the mean loss and accuracy over the steps since the epoch began, each taken just before its step."""
        ...

    def outputs(self, X: ArrayLike) -> Array:
        """Compute raw outputs.

        Parameters
        ----------
        X : array, shape (n, d) or (n, height, width)

        Returns
        -------
        ndarray of the engine's dtype, shape (n, q)
        """
        ...

    def gradients(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Parameters:
        """Compute the gradient of the mean loss at the present parameters, without dropout, decay and smoothing.

        Batch normalisation is by these samples' own means and variances, as in a step.
        """
        ...

    def parameters(self) -> Parameters:
        """Copy the model's parameters out: a `twofold.network.Layer` of each layer; their average, if one is kept."""
        ...

    def state(self) -> EngineState:
        """Copy out everything that `restore` needs."""
        ...

    def restore(self, state: EngineState) -> None:
        """Go on from a state, of this engine or another; after `start`, with the same recipe.

        Raises
        ------
        SpecificationError
            If the state is that of another network or optimiser.
        """
        ...
