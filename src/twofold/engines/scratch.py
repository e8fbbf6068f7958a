"""The scratch engine: NumPy, no autograd anywhere; forward, backward and update written out as on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.engines.protocol import CHUNK
from twofold.engines.slices import ALONE, Processes, Sums, sliced_step
from twofold.engines.state import EngineState
from twofold.engines.train_state import TrainState, join, moments_of, part
from twofold.functions import ACTIVATIONS, LOSSES, NORMALIZATIONS, Normalization
from twofold.functions.means import mean_gradient, smooth
from twofold.functions.normalizations import EPSILON, Normalized
from twofold.functions.numpy_functions import of_type
from twofold.functions.optimizers import clip, soften
from twofold.metrics import Score, correct
from twofold.network import Layer, Network, Parameters, map_arrays
from twofold.randomness import dropout_masks
from twofold.recipe import Recipe
from twofold.validation import Block, Precision, check_block, check_features, floats

Array = NDArray[Any]


class Tape(NamedTuple):
    """What the forward pass keeps for the backward pass.

    Attributes
    ----------
    inputs : list of ndarray
        Each layer's input: X, then each H after its activation and dropout.
    Z : list of ndarray
        What each hidden layer's activation was given.
    derivatives : list of ndarray
        The activation's derivative there, if this is training.
    masks : sequence of ndarray
        What each hidden layer's H was multiplied by; empty without dropout.
    normalized : list of Normalized
        Of each hidden layer; empty without a normalisation.
    """

    inputs: list[Array]
    Z: list[Array]
    derivatives: list[Array]
    masks: Sequence[Array]
    normalized: list[Normalized]


def forward(
    network: Network, parameters: Parameters, X: Array, masks: Sequence[Array] = (), *, training: bool = False
) -> tuple[Array, Tape]:
    """Compute ``H = phi(X W + b)`` layer by layer, and the last layer's ``O = H W + b``.

    With a normalisation, ``H = phi(gamma Z_hat + b)`` where Z_hat is ``X W`` normalised.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    X : ndarray of float, shape (n, d)
    masks : sequence of ndarray, shape (n, h) each, optional
        What each hidden layer's H is multiplied by: dropout.
    training : bool
        Whether a way back follows, and batch normalisation is by the minibatch's own means and variances, not by the
        running ones.

    Returns
    -------
    O : ndarray, shape (n, q)
        Raw outputs.
    tape : Tape
    """
    tape = Tape([], [], [], masks, [])
    H = X  # (n, d)
    for index, (layer, activation) in enumerate(zip(parameters, network.activations, strict=False)):
        tape.inputs.append(H)
        Z = H @ layer.W  # (n, h)
        if network.normalization is not None:
            normalized = _normalize(NORMALIZATIONS[network.normalization], layer, Z, training=training)
            tape.normalized.append(normalized)
            Z = layer.arrays["gamma"] * normalized.Z_hat  # (n, h)
        Z += layer.b
        tape.Z.append(Z)
        if training:
            H, derivative = ACTIVATIONS[activation].value_and_derivative(Z)  # (n, h) each
            tape.derivatives.append(derivative)
        else:
            H = ACTIVATIONS[activation].value(Z)  # (n, h)
        if masks:
            H = H * masks[index]
    tape.inputs.append(H)
    return H @ parameters[-1].W + parameters[-1].b, tape  # (n, q)


def _normalize(normalization: Normalization, layer: Layer, Z: Array, *, training: bool) -> Normalized:
    """Normalise Z (n, h) by its own means and variances, or by the running ones."""
    if training or layer.mean is None or layer.variance is None:
        return normalization.value(Z)
    scale = 1 / np.sqrt(layer.variance + EPSILON)
    return Normalized((Z - layer.mean) * scale, layer.mean, layer.variance, scale)


def backward(network: Network, parameters: Parameters, tape: Tape, dO: Array) -> Parameters:
    """Carry the gradient from the outputs back to every weight.

    With dZ the gradient at a layer's ``Z = H W + b``: ``dW = H^T dZ``, ``db = sum_i dz_i``, and for the layer below
    ``dH = dZ W^T``, ``dZ_below = dH * phi'(Z_below)``. With a normalisation, ``Z = gamma Z_hat + b``: then
    ``dgamma = sum_i dz_i * z_hat_i``, and ``gamma * dZ`` goes back through the normalisation before it meets W.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    tape : Tape
        Of a forward pass in training.
    dO : ndarray, shape (n, q)
        Gradient of the loss with respect to the outputs; 1/n is in it already.

    Returns
    -------
    parameters : Parameters
        The gradient of each W, b and gamma.
    """
    gradients = []
    dZ = dO  # (n, q)
    for index in reversed(range(len(parameters))):
        layer, H = parameters[index], tape.inputs[index]  # H is (n, h)
        db, dgamma = dZ.sum(axis=0), None
        if network.normalization is not None and index < len(tape.normalized):
            normalized = tape.normalized[index]
            dgamma = (dZ * normalized.Z_hat).sum(axis=0)
            dZ = NORMALIZATIONS[network.normalization].backward(layer.arrays["gamma"] * dZ, normalized)  # (n, h)
        gradients.append(Layer(H.T @ dZ, db, dgamma))
        if index > 0:
            # For one output the product has a single term; BLAS is slow at those.
            dH = dZ * layer.W.T if dZ.shape[1] == 1 else dZ @ layer.W.T  # (n, h)
            if tape.masks:
                dH *= tape.masks[index - 1]
            dZ = dH * tape.derivatives[index - 1]  # (n, h)
    return tuple(reversed(gradients))


@np.errstate(over="ignore", invalid="ignore")
def predict(network: Network, parameters: Parameters, X: Array, dtype: Precision) -> Array:
    """Compute raw outputs O (n, q) of checked features, some rows at a time."""
    O = np.empty((X.shape[0], network.outputs), dtype=dtype)
    for rows in (slice(i, i + CHUNK) for i in range(0, X.shape[0], CHUNK)):
        O[rows], _ = forward(network, parameters, floats(X[rows], dtype))
    return O


def mean_gradients(network: Network, parameters: Parameters, block: Block, dtype: Precision) -> Parameters:
    """Compute the gradient of the mean loss of checked samples."""
    O, tape = forward(network, parameters, floats(block.X, dtype), training=True)
    return backward(network, parameters, tape, LOSSES[network.loss].gradient(O, block.y, block.weight))


def total_scores(losses: Array, right: Array | None, weight: Array | None) -> Array:
    """Sum up weighted losses, weighted correct predictions, and weights."""
    right = np.zeros(len(losses)) if right is None else right
    if weight is None:
        return np.array([losses.sum(dtype=np.float64), right.sum(), len(losses)])
    return np.array([weight @ losses, weight @ right, weight.sum()])


class ScratchEngine:
    """NumPy, every gradient by hand; the protocol is `twofold.engines.Engine`."""

    name = "scratch"
    processes: Processes = ALONE

    def __init__(self, network: Network, parameters: Parameters, dtype: Precision) -> None:
        self.network = network
        self.dtype = dtype
        self._state = TrainState(network, parameters, dtype)
        self._loss = LOSSES[network.loss]
        self._block: Block
        self.start(Recipe())

    @property
    def steps(self) -> int:
        """Steps taken since `start`."""
        return self._state.steps

    def load(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Check the samples and keep them as they are: bytes stay bytes."""
        self._block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's state and follow this recipe from step 0."""
        self._state.start(recipe)
        self._recipe = recipe
        self._optimizer = recipe.optimizer.definition
        self._constants = recipe.optimizer.constants
        if recipe.l1:
            is_weight = map_arrays(lambda array: np.full_like(array, array.ndim == 2), self._state.parameters)
            self._is_weight = join(is_weight)

    @np.errstate(over="ignore", invalid="ignore")  # a run that diverges is told so by the training loop
    def step(self, indices: Array, learning_rate: float) -> None:
        """Take one minibatch step: forward, loss, backward, update."""
        if self._recipe.slices > 1:
            sliced_step(self, self._recipe, indices, learning_rate)
        else:
            self.take(self.sums_of(indices), learning_rate)

    def weights_of(self, indices: Array) -> Array | None:
        """Return the weights of rows, if there are weights."""
        return None if self._block.weight is None else self._block.weight[indices]

    def sums_of(self, indices: Array, start: int = 0) -> Sums:
        """Go forward and back over rows that stand at this place of a minibatch."""
        X = floats(self._block.X[indices], self.dtype)  # (|B|, d)
        y, weight = self._block.y[indices], self.weights_of(indices)
        masks = dropout_masks(
            self.network.hidden,
            len(indices),
            self.network.dropout,
            seed=self._recipe.seed,
            step=self.steps,
            dtype=self.dtype,
            start=start,
        )
        parameters = self._state.parameters
        O, tape = forward(self.network, parameters, X, masks, training=True)  # (|B|, q)
        losses, gradient = self._smoothed(O, y)  # (|B|,), (|B|, q)
        dO = mean_gradient(gradient, weight)  # (|B|, q)
        gradients = backward(self.network, parameters, tape, dO)
        moments = moments_of(tape.normalized, len(indices)) if self.network.normalization == "batch" else ()
        return Sums(join(gradients, moments), total_scores(losses, correct(self._loss, O, y), weight))

    def take(self, sums: Sums, learning_rate: float) -> None:
        """Update by a minibatch's sums."""
        trained = self._state.theta.size
        self._update(sums.numbers[:trained], learning_rate)
        self._state.totals += sums.totals
        self._state.follow(sums.numbers[trained:])

    def _smoothed(self, O: Array, y: Array) -> tuple[Array, Array]:
        """Return the losses (|B|,) and their gradient (|B|, q), against smoothed labels if the recipe has them so."""
        pair, smoothing = self._loss.samples(O, y), self._recipe.label_smoothing
        return smooth(pair, O, y, smoothing, targets=self._loss.targets) if smoothing else pair

    def _update(self, gradient: Array, learning_rate: float) -> None:
        """Clip, decay and let the optimiser change every parameter in place."""
        recipe, theta, t = self._recipe, self._state.theta, self.steps + 1
        if recipe.clip_norm is not None or recipe.weight_decay:
            gradients = part(gradient, self._state.parameters, statistics=False)
        if recipe.clip_norm is not None:
            clip([g for layer in gradients for g in layer.trained], recipe.clip_norm)
        if recipe.weight_decay:
            for W, dW in ((layer.W, own.W) for layer, own in zip(self._state.parameters, gradients, strict=True)):
                if self._optimizer.decoupled:
                    W *= 1 - learning_rate * recipe.weight_decay
                else:
                    dW += recipe.weight_decay * W
        optimizer_state, xp = tuple(self._state.optimizer_state), of_type(theta.dtype)
        self._optimizer.update(theta, gradient, optimizer_state, learning_rate, t, xp, **self._constants)
        if recipe.l1:
            length = self._optimizer.step_length(optimizer_state, learning_rate, t, xp, **self._constants)
            theta[:] = soften(theta, recipe.l1 * length * self._is_weight, xp)
        self._state.steps = t

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
