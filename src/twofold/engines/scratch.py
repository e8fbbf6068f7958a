"""The scratch engine: NumPy, no autograd anywhere; forward, backward and update written out as on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.borders import Block, Precision, check_block, check_features, floats
from twofold.engines import CHUNK, EngineState, check_state
from twofold.functions import ACTIVATIONS, LOSSES, OPTIMIZERS
from twofold.functions.losses import average_slope
from twofold.functions.optimizers import clip
from twofold.metrics import Score, correct, running_score
from twofold.network import Layer, Network, Parameters
from twofold.randomness import dropout_masks
from twofold.recipe import Recipe

Array = NDArray[Any]


class Tape(NamedTuple):
    """What the forward pass keeps for the backward pass.

    Attributes
    ----------
    inputs : list of ndarray
        Each layer's input: X, then each H after its activation and dropout.
    Z : list of ndarray
        Each hidden layer's pre-activation.
    masks : sequence of ndarray
        What each hidden layer's H was multiplied by; empty without dropout.
    """

    inputs: list[Array]
    Z: list[Array]
    masks: Sequence[Array]


def forward(network: Network, parameters: Parameters, X: Array, masks: Sequence[Array] = ()) -> tuple[Array, Tape]:
    """Compute ``H = phi(X W + b)`` layer by layer, and the last layer's ``O = H W + b``.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    X : ndarray of float, shape (n, d)
    masks : sequence of ndarray, shape (n, h) each, optional
        What each hidden layer's H is multiplied by: dropout.

    Returns
    -------
    O : ndarray, shape (n, q)
        Raw outputs.
    tape : Tape
    """
    phi = ACTIVATIONS[network.activation].value
    tape = Tape([], [], masks)
    H = X  # (n, d)
    for index, (W, b) in enumerate(parameters[:-1]):
        tape.inputs.append(H)
        Z = H @ W  # (n, h)
        Z += b
        tape.Z.append(Z)
        H = phi(Z)  # (n, h)
        if masks:
            H = H * masks[index]
    W, b = parameters[-1]
    tape.inputs.append(H)
    return H @ W + b, tape  # (n, q)


def backward(network: Network, parameters: Parameters, tape: Tape, dO: Array) -> Parameters:
    """Carry the gradient from the outputs back to every weight.

    With dZ the gradient at a layer's ``Z = H W + b``: ``dW = H^T dZ``, ``db = sum_i dz_i``, and for the layer below
    ``dH = dZ W^T``, ``dZ_below = dH * phi'(Z_below)``.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    tape : Tape
        Of the forward pass.
    dO : ndarray, shape (n, q)
        Gradient of the loss with respect to the outputs; 1/n is in it already.

    Returns
    -------
    parameters : Parameters
        The gradient of each W and b.
    """
    slope = ACTIVATIONS[network.activation].derivative
    gradients = []
    dZ = dO  # (n, q)
    for index in reversed(range(len(parameters))):
        H = tape.inputs[index]  # (n, h)
        gradients.append(Layer(H.T @ dZ, dZ.sum(axis=0)))
        if index > 0:
            dH = dZ @ parameters[index].W.T  # (n, h)
            if tape.masks:
                dH *= tape.masks[index - 1]
            dZ = dH * slope(tape.Z[index - 1])  # (n, h)
    return tuple(reversed(gradients))


class ScratchEngine:
    """NumPy, every gradient by hand; the protocol is `twofold.engines.Engine`."""

    name = "scratch"

    def __init__(self, network: Network, parameters: Parameters, dtype: Precision) -> None:
        self.network = network
        self.dtype = dtype
        self.steps = 0
        self._parameters = parameters
        self._loss = LOSSES[network.loss]
        self._block: Block
        self.start(Recipe())
        self.begin_epoch()

    def load(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Check the samples and keep them as they are: bytes stay bytes."""
        self._block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's memory and follow this recipe from step 0."""
        self._recipe = recipe
        self._optimizer = OPTIMIZERS[recipe.optimizer]
        self._constants = recipe.constants(self._optimizer.constants)
        self._memory = {name: _zeros_like(self._parameters) for name in self._optimizer.memory}
        self.steps = 0

    @np.errstate(over="ignore", invalid="ignore")  # a run that diverges is told so by the training loop
    def step(self, indices: Array, learning_rate: float) -> None:
        """Take one minibatch step: forward, loss, backward, update."""
        X = floats(self._block.X[indices], self.dtype)  # (|B|, d)
        y = self._block.y[indices]
        weight = None if self._block.weight is None else self._block.weight[indices]
        masks = dropout_masks(
            self.network.hidden,
            len(indices),
            self.network.dropout,
            seed=self._recipe.seed,
            step=self.steps,
            dtype=self.dtype,
        )
        O, tape = forward(self.network, self._parameters, X, masks)  # (|B|, q)
        losses, slope = self._loss.samples(O, y)  # (|B|,), (|B|, q)
        self._tally(losses, correct(self._loss, O, y), weight)
        dO = average_slope(slope, weight)  # (|B|, q)
        self._update(backward(self.network, self._parameters, tape, dO), learning_rate)

    def _update(self, gradients: Parameters, learning_rate: float) -> None:
        """Clip, decay and let the optimiser change every parameter in place."""
        recipe, t = self._recipe, self.steps + 1
        if recipe.clip_norm is not None:
            clip([g for layer in gradients for g in layer], recipe.clip_norm)
        for index, (layer, gradient) in enumerate(zip(self._parameters, gradients, strict=True)):
            for part, (theta, g) in enumerate(zip(layer, gradient, strict=True)):
                if recipe.weight_decay and part == 0:  # weights; biases don't decay
                    if self._optimizer.decoupled:
                        theta *= 1 - learning_rate * recipe.weight_decay
                    else:
                        g += recipe.weight_decay * theta
                memory = tuple(arrays[index][part] for arrays in self._memory.values())
                self._optimizer.update(theta, g, memory, learning_rate, t, **self._constants)
        self.steps = t

    def begin_epoch(self) -> None:
        """Set the running means back to nothing."""
        self._totals = np.zeros(3)  # weighted loss, weighted correct predictions, weights

    def running(self) -> Score:
        """Read the mean loss and accuracy since the epoch began."""
        return running_score(self._loss, self._totals.tolist())

    @np.errstate(over="ignore", invalid="ignore")
    def outputs(self, X: ArrayLike) -> Array:
        """Compute raw outputs O (n, q)."""
        X = check_features(self.network, X, dtype=self.dtype)
        O = np.empty((X.shape[0], self.network.outputs), dtype=self.dtype)
        for rows in (slice(i, i + CHUNK) for i in range(0, X.shape[0], CHUNK)):
            O[rows], _ = forward(self.network, self._parameters, floats(X[rows], self.dtype))
        return O

    def gradients(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Parameters:
        """Compute the gradient of the mean loss at the present parameters."""
        block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)
        O, tape = forward(self.network, self._parameters, floats(block.X, self.dtype))
        return backward(self.network, self._parameters, tape, self._loss.gradient(O, block.y, block.weight))

    def parameters(self) -> Parameters:
        """Copy the parameters out."""
        return _copy(self._parameters)

    def state(self) -> EngineState:
        """Copy out everything that `restore` needs."""
        memory = {name: _copy(arrays) for name, arrays in self._memory.items()}
        loss, right, weight = self._totals.tolist()
        return EngineState(self.parameters(), memory, self.steps, (loss, right, weight))

    def restore(self, state: EngineState) -> None:
        """Go on from a state."""
        state = check_state(self.network, self._recipe, state, self.dtype)
        self._parameters, self._memory = state.parameters, state.memory
        self._totals = np.array(state.totals)
        self.steps = state.steps

    def _tally(self, losses: Array, right: Array | None, weight: Array | None) -> None:
        """Add a minibatch to the running means."""
        weight = np.ones(len(losses)) if weight is None else weight
        self._totals[0] += weight @ losses
        self._totals[1] += 0.0 if right is None else weight @ right
        self._totals[2] += weight.sum()


def _copy(parameters: Parameters) -> Parameters:
    return tuple(Layer(W.copy(), b.copy()) for W, b in parameters)


def _zeros_like(parameters: Parameters) -> Parameters:
    return tuple(Layer(np.zeros_like(W), np.zeros_like(b)) for W, b in parameters)
