"""The compiled engine: the arrays of `scratch`, and its step turned into machine code by Numba, for small networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - Numba's products; here, so that a number of threads is told to it too
from numpy.typing import ArrayLike, NDArray

from twofold.engines import numba as loops
from twofold.engines.choice import MAX_NARROW_OUTPUTS
from twofold.engines.scratch import mean_gradients, predict
from twofold.engines.slices import ALONE, Processes, Sums, sliced_step
from twofold.engines.state import EngineState
from twofold.engines.train_state import TrainState, moments_of
from twofold.errors import DataError, SpecificationError, show
from twofold.functions.normalizations import Normalized
from twofold.metrics import Score
from twofold.network import Network, Parameters, map_arrays
from twofold.randomness import dropout_masks
from twofold.recipe import Recipe
from twofold.validation import Block, Precision, as_rows, check_block, check_features
from twofold.values import is_sparse

Array = NDArray[Any]

VECTOR = 64  # bytes; what lies across the border of two takes twice the time to fetch

ready: set[tuple[Any, ...]] = set()  # kinds of networks and data that this process has machine code for


class CompiledEngine:
    """Machine code for the steps, NumPy for the rest; the protocol is `twofold.engines.Engine`.

    Raises
    ------
    SpecificationError
        If there are no loops for one of the network's functions.
    """

    name = "compiled"
    processes: Processes = ALONE

    def __init__(self, network: Network, parameters: Parameters, dtype: Precision) -> None:
        loops.take_up(network)
        if not loops.holds(network):
            raise SpecificationError(
                f"the compiled engine lacks one of {network.activations} or {network.loss!r}; scratch has them"
            )
        self.network = network
        self.dtype = dtype
        self._state = TrainState(network, parameters, dtype)
        self._block: Block | None = None
        units = sum(network.hidden) if network.normalization == "batch" else 0
        self._moments = np.empty((2, units), dtype)
        self._no_rows = np.zeros(1, np.int64)
        self.start(Recipe())

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin as a copy of another: read-only arrays become read-only again, and what is aligned aligned."""
        self.__dict__ |= state
        self._set_up(self._state.recipe)

    @property
    def steps(self) -> int:
        """Steps taken since `start`."""
        return self._state.steps

    def load(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Check the samples and keep them as they are: bytes stay bytes."""
        if is_sparse(X):
            raise DataError("X is sparse, which the compiled engine doesn't take; scratch does")
        self._block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)
        self._prepare()

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's state and follow this recipe from step 0."""
        self._state.start(recipe)
        self._set_up(recipe)

    def _set_up(self, recipe: Recipe) -> None:
        """Put together what machine code reads of a network and a recipe, and works in."""
        loops.take_up(self.network, recipe)
        self._plan, self._step_config = loops.plan_of(self.network), loops.step_config(recipe)
        self._slices = recipe.slices > 1
        shallow = is_shallow(self.network) and not self._slices
        whole = loops.shallow_step if shallow else loops.step
        self._entries = (loops.write_gradient, loops.take_gradient) if self._slices else (whole,)
        self._workspace = make_workspace(self.network, np.dtype(self.dtype)) if shallow else None
        self._gradient = np.empty_like(self._state.theta)
        self._prepare()

    def step(self, indices: Array, learning_rate: float) -> None:
        """Take one minibatch step: forward, loss, backward, update."""
        if self._slices:
            sliced_step(self, self._state.recipe, indices, learning_rate)
            return
        state, rows = self._state, as_rows(indices)
        changed = (state.theta, state.optimizer_state, self._gradient, state.totals)
        self._run(changed, rows, float(learning_rate), self._masks(len(rows)))
        moments = self._new_moments(len(rows))
        self._follow(np.concatenate(moments) if moments else self._moments[0])

    def _run(self, changed: tuple[Array, ...], rows: Array, eta: float, masks: Array) -> None:
        """Have machine code work on rows, if they are rows."""
        if not self._entries[0].run(*self._given(changed, rows, eta, masks)):
            raise IndexError(f"indices are {show(rows)}; expected some from 0 to {len(self._block or ()) - 1}")

    def _follow(self, moments: Array) -> None:
        """Count the step, and move what follows it."""
        self._state.steps += 1
        if len(moments) or self._state.average is not None:
            with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges is told so by the training loop
                self._state.follow(moments)

    def weights_of(self, indices: Array) -> Array | None:
        """Return the weights of rows, if there are weights."""
        weight = None if self._block is None else self._block.weight
        return None if weight is None else weight[indices]

    def sums_of(self, indices: Array, start: int = 0) -> Sums:
        """Go forward and back over rows that stand at this place of a minibatch."""
        state, rows, totals = self._state, as_rows(indices), np.zeros(3)
        changed = (state.theta, state.optimizer_state, np.empty_like(state.theta), totals)
        self._run(changed, rows, 0.0, self._masks(len(rows), start))
        return Sums(np.concatenate([changed[2], *self._new_moments(len(rows))]), totals)

    def take(self, sums: Sums, learning_rate: float) -> None:
        """Update by a minibatch's sums."""
        state = self._state
        trained = state.theta.size
        changed = (state.theta, state.optimizer_state, sums.numbers[:trained], state.totals)
        self._entries[-1].run(*self._given(changed, self._no_rows, float(learning_rate), state.theta[:0]))
        state.totals += sums.totals
        self._follow(sums.numbers[trained:])

    def _given(self, changed: tuple[Array, ...], rows: Array, eta: float, masks: Array) -> tuple[Any, ...]:
        """Return what machine code wants, see `twofold.engines.numba.step`."""
        room = (masks, self._moments) if self._workspace is None else self._workspace
        return (*self._packed, *changed, rows, eta, self._state.steps + 1, *room)

    def _prepare(self) -> None:
        """Have the step compiled for data of this kind, by one on copies: before anybody's clock runs."""
        if self._block is None:
            return
        samples = loops.samples_of(self._block, outputs=self.network.outputs, dtype=self.dtype)
        self._packed = loops.pack(self._plan, self._step_config, samples)
        kind = (self._entries, samples.X.dtype, self.dtype)
        if kind in ready:
            return
        theta, rows = self._state.theta.copy(), as_rows(np.zeros(min(2, len(self._block)), np.int64))
        changed = (theta, self._state.optimizer_state.copy(), np.zeros_like(theta), np.zeros(3))
        for entry in self._entries:
            entry.prepare(*self._given(changed, rows, 0.0, theta[:0]))
        ready.add(kind)

    def _masks(self, n: int, start: int = 0) -> Array:
        """Return the dropout masks of n rows of a step, one after the other."""
        rate, seed = self.network.dropout, self._state.recipe.seed
        if not (rate and self.network.hidden):
            return self._state.theta[:0]
        place = {"seed": seed, "step": self.steps, "start": start}
        masks = dropout_masks(self.network.hidden, n, rate, dtype=self.dtype, **place)
        return np.concatenate([mask.ravel() for mask in masks])

    def _new_moments(self, n: int) -> list[Array]:
        """Return the last n rows' means and unbiased variances of each batch-normalised layer."""
        if not self._moments.size:
            return []
        layers = np.split(self._moments, np.cumsum(self.network.hidden)[:-1], axis=1)
        return moments_of([Normalized(m, m[:1], m[1:], m) for m in layers], n)

    def begin_epoch(self) -> None:
        """Set the running means back to nothing."""
        self._state.begin_epoch()

    def running(self) -> Score:
        """Read the mean loss and accuracy since the epoch began."""
        return self._state.running()

    def outputs(self, X: ArrayLike) -> Array:
        """Compute raw outputs O (n, q)."""
        X = check_features(self.network, X, dtype=self.dtype)
        return predict(self.network, self._state.model, X, self.dtype)

    def gradients(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Parameters:
        """Compute the gradient of the mean loss at the present parameters."""
        block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)
        return mean_gradients(self.network, self._state.model, block, self.dtype)

    def parameters(self) -> Parameters:
        """Copy the parameters out."""
        return map_arrays(np.copy, self._state.model)

    def state(self) -> EngineState:
        """Copy out everything that `restore` needs."""
        return self._state.read()

    def restore(self, state: EngineState) -> None:
        """Go on from a state."""
        self._state.write(state)


def is_shallow(network: Network) -> bool:
    """Tell whether a network has no hidden layers and few outputs: such go another way."""
    return not network.hidden and network.outputs <= MAX_NARROW_OUTPUTS


def make_workspace(network: Network, kind: np.dtype[Any]) -> tuple[Array, Array, Array]:
    """Make room for the steps of a shallow network, see `twofold.engines.numba.shallow_step`."""
    ((d, q),) = network.shapes
    return aligned((q + q % 2, d), kind), aligned((q, d), kind), aligned((loops.ROWS, d), kind)


def aligned(shape: tuple[int, ...], kind: np.dtype[Any]) -> Array:
    """Make an array of zeros that begins at a multiple of `VECTOR` bytes."""
    size = int(np.prod(shape)) * kind.itemsize
    memory = np.zeros(size + VECTOR, np.uint8)
    start = -memory.ctypes.data % VECTOR
    return memory[start : start + size].view(kind).reshape(shape)
