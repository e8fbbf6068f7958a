"""The compiled engine: the scratch engine with its step turned into machine code by Numba, for small networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - Numba's products; here, so that a number of threads is told to it too
from numpy.typing import ArrayLike, NDArray

from twofold.engines import numba as loops
from twofold.engines.scratch import ScratchEngine
from twofold.errors import DataError, SpecificationError, show
from twofold.functions.normalizations import Normalized
from twofold.network import Network, Parameters
from twofold.randomness import dropout_masks
from twofold.recipe import Recipe
from twofold.validation import Precision, as_rows
from twofold.values import is_sparse

Array = NDArray[Any]

VECTOR = 64  # bytes; what lies across the border of two takes twice the time to fetch

ready: set[tuple[Any, ...]] = set()  # kinds of networks and data that this process has machine code for


class CompiledEngine(ScratchEngine):
    """Machine code for the steps, NumPy for the rest; the protocol is `twofold.engines.Engine`.

    Raises
    ------
    SpecificationError
        If there are no loops for one of the network's functions.
    """

    name = "compiled"

    def __init__(self, network: Network, parameters: Parameters, dtype: Precision) -> None:
        loops.take_up(network)
        if not loops.holds(network):
            raise SpecificationError(
                f"the compiled engine lacks one of {network.activations} or {network.loss!r}; scratch has them"
            )
        self._plan = loops.plan_of(network)
        self._workspace = make_workspace(network, np.dtype(dtype)) if is_shallow(network) else None
        units = sum(network.hidden) if network.normalization == "batch" else 0
        self._moments = np.empty((2, units), dtype)
        super().__init__(network, parameters, dtype)

    def load(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Check the samples and keep them as they are: bytes stay bytes."""
        if is_sparse(X):
            raise DataError("X is sparse, which the compiled engine doesn't take; scratch does")
        super().load(X, y, sample_weight)
        self._samples = loops.samples_of(self._block, outputs=self.network.outputs, dtype=self.dtype)
        self._prepare()

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's state and follow this recipe from step 0."""
        super().start(recipe)
        loops.take_up(self.network, recipe)
        self._entry = loops.step if self._workspace is None else loops.shallow_step
        self._optimizer_config = loops.optimizer_config(recipe)
        self._gradient = np.empty_like(self._theta)
        if hasattr(self, "_samples"):
            self._prepare()

    def step(self, indices: Array, learning_rate: float) -> None:
        """Take one minibatch step: forward, loss, backward, update."""
        rows, changed = as_rows(indices), (self._theta, self._optimizer_state, self._gradient, self._totals)
        if not self._entry.run(*self._given(changed, rows, self._masks(len(rows)), float(learning_rate))):
            raise IndexError(f"indices are {show(indices)}; expected some from 0 to {len(self._block) - 1}")
        self.steps += 1
        if self._moments.size or self._average is not None:
            with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges is told so by the training loop
                self._follow(self._normalized(), len(rows))

    def _given(self, changed: tuple[Array, ...], rows: Array, masks: Array, learning_rate: float) -> tuple[Any, ...]:
        """Return what machine code wants, see `twofold.engines.numba.step`."""
        given = (*self._plan, *self._optimizer_config, *self._samples, *changed, rows, learning_rate, self.steps + 1)
        return (*given, masks, self._moments) if self._workspace is None else (*given, *self._workspace)

    def _prepare(self) -> None:
        """Have the step compiled for data of this kind, by one on copies: before anybody's clock runs."""
        kind = (self._entry, self._samples.X.dtype, self.dtype)
        if kind in ready:
            return
        theta, rows = self._theta.copy(), as_rows(np.zeros(min(2, len(self._block)), np.int64))
        changed = (theta, self._optimizer_state.copy(), np.zeros_like(theta), np.zeros(3))
        self._entry.prepare(*self._given(changed, rows, theta[:0], 0.0))
        ready.add(kind)

    def _masks(self, n: int) -> Array:
        """Return all dropout masks of a step, one after the other."""
        rate, seed = self.network.dropout, self._recipe.seed
        if not (rate and self.network.hidden):
            return self._theta[:0]
        masks = dropout_masks(self.network.hidden, n, rate, seed=seed, step=self.steps, dtype=self.dtype)
        return np.concatenate([mask.ravel() for mask in masks])

    def _normalized(self) -> list[Normalized]:
        """Return the last minibatch's means and variances of each batch-normalised layer."""
        if not self._moments.size:
            return []
        layers = np.split(self._moments, np.cumsum(self.network.hidden)[:-1], axis=1)
        return [Normalized(m, m[:1], m[1:], m) for m in layers]


def is_shallow(network: Network) -> bool:
    """Tell whether a network has no hidden layers and few outputs: such go another way."""
    return not network.hidden and network.outputs <= loops.MAX_NARROW_OUTPUTS


def make_workspace(network: Network, kind: np.dtype[Any]) -> loops.Workspace:
    """Make room for the steps of a shallow network."""
    ((d, q),) = network.shapes
    return loops.Workspace(
        W_t=aligned((q + q % 2, d), kind), dW_t=aligned((q, d), kind), H=aligned((loops.ROWS, d), kind)
    )


def aligned(shape: tuple[int, ...], kind: np.dtype[Any]) -> Array:
    """Make an array of zeros that begins at a multiple of `VECTOR` bytes."""
    size = int(np.prod(shape)) * kind.itemsize
    memory = np.zeros(size + VECTOR, np.uint8)
    start = -memory.ctypes.data % VECTOR
    return memory[start : start + size].view(kind).reshape(shape)
