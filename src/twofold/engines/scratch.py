"""The scratch engine: NumPy, no autograd anywhere; forward, backward and update written out as on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.engines import AVERAGE, CHUNK, EngineState, check_recipe, check_state
from twofold.engines.flatten import join, part
from twofold.functions import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS, Normalization
from twofold.functions.means import mean_gradient, smooth
from twofold.functions.normalizations import EPSILON, RATE, Normalized
from twofold.functions.numpy_functions import of_type
from twofold.functions.optimizers import clip, soften
from twofold.metrics import Score, correct, running_score
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
    masks : sequence of ndarray
        What each hidden layer's H was multiplied by; empty without dropout.
    normalized : list of Normalized
        Of each hidden layer; empty without a normalisation.
    """

    inputs: list[Array]
    Z: list[Array]
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
        Whether batch normalisation is by the minibatch's own means and variances, not by the running ones.

    Returns
    -------
    O : ndarray, shape (n, q)
        Raw outputs.
    tape : Tape
    """
    tape = Tape([], [], masks, [])
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
        Of the forward pass.
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
            dZ = dH * ACTIVATIONS[network.activations[index - 1]].derivative(tape.Z[index - 1])  # (n, h)
    return tuple(reversed(gradients))


class ScratchEngine:
    """NumPy, every gradient by hand; the protocol is `twofold.engines.Engine`."""

    name = "scratch"

    def __init__(self, network: Network, parameters: Parameters, dtype: Precision) -> None:
        self.network = network
        self.dtype = dtype
        self.steps = 0
        self._average: Parameters | None = None
        self._own(parameters)
        self._loss = LOSSES[network.loss]
        self._block: Block
        self.start(Recipe())
        self.begin_epoch()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin as a copy of another: the layers become parts of the one array again."""
        self.__dict__ |= state
        self._own(self._parameters)

    def load(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Check the samples and keep them as they are: bytes stay bytes."""
        self._block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's state and follow this recipe from step 0."""
        self._own(self._model())
        self._recipe = check_recipe(self.network, recipe)
        self._optimizer = OPTIMIZERS[recipe.optimizer]
        self._constants = recipe.constants(self._optimizer.constants)
        if recipe.l1:
            self._is_weight = join(map_arrays(lambda array: np.full_like(array, array.ndim == 2), self._parameters))
        self._optimizer_state = np.zeros(
            (len(self._optimizer.state), self._theta.size), self.dtype
        )  # a row of each array
        self._average = map_arrays(np.copy, self._parameters) if recipe.averaging else None
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
        O, tape = forward(self.network, self._parameters, X, masks, training=True)  # (|B|, q)
        losses, gradient = self._smoothed(O, y)  # (|B|,), (|B|, q)
        self._add_metrics(losses, correct(self._loss, O, y), weight)
        dO = mean_gradient(gradient, weight)  # (|B|, q)
        self._update(backward(self.network, self._parameters, tape, dO), learning_rate)
        self._follow(tape.normalized, len(indices))

    def _smoothed(self, O: Array, y: Array) -> tuple[Array, Array]:
        """Return the losses (|B|,) and their gradient (|B|, q), against smoothed labels if the recipe has them so."""
        pair, smoothing = self._loss.samples(O, y), self._recipe.label_smoothing
        return smooth(pair, O, y, smoothing, targets=self._loss.targets) if smoothing else pair

    def _update(self, gradients: Parameters, learning_rate: float) -> None:
        """Clip, decay and let the optimiser change every parameter in place."""
        recipe, t = self._recipe, self.steps + 1
        if recipe.clip_norm is not None:
            clip([g for layer in gradients for g in layer.trained], recipe.clip_norm)
        if recipe.weight_decay:
            for layer, gradient in zip(self._parameters, gradients, strict=True):  # weights; biases and scales don't
                W, dW = layer.W, gradient.W
                if self._optimizer.decoupled:
                    W *= 1 - learning_rate * recipe.weight_decay
                else:
                    dW += recipe.weight_decay * W
        optimizer_state, xp = tuple(self._optimizer_state), of_type(self._theta.dtype)
        self._optimizer.update(self._theta, join(gradients), optimizer_state, learning_rate, t, xp, **self._constants)
        if recipe.l1:
            length = self._optimizer.length(optimizer_state, learning_rate, t, xp, **self._constants)
            self._theta[:] = soften(self._theta, recipe.l1 * length * self._is_weight, xp)
        self.steps = t

    def _own(self, parameters: Parameters) -> None:
        """Take over parameters: the trained ones lie in one array, so that an update is one operation."""
        self._theta = join(parameters)
        self._parameters = part(self._theta, parameters)

    def _follow(self, normalized: Sequence[Normalized], n: int) -> None:
        """Move what follows the steps: running means and variances, and the average of the parameters."""
        for layer, (_, m, v, _) in zip(self._parameters, normalized, strict=False):
            if layer.mean is not None and layer.variance is not None:
                layer.mean[:] += RATE * (m[0] - layer.mean)
                layer.variance[:] += RATE * (v[0] * n / max(n - 1, 1) - layer.variance)
        if self._average is not None:
            keep = self._recipe.keep(self.steps - 1)
            self._average = map_arrays(lambda a, theta: a + (1 - keep) * (theta - a), self._average, self._parameters)

    def _model(self) -> Parameters:
        """Return the parameters that predictions are made with."""
        return self._parameters if self._average is None else self._average

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
            O[rows], _ = forward(self.network, self._model(), floats(X[rows], self.dtype))
        return O

    def gradients(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Parameters:
        """Compute the gradient of the mean loss at the present parameters."""
        block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)
        O, tape = forward(self.network, self._model(), floats(block.X, self.dtype), training=True)
        return backward(self.network, self._model(), tape, self._loss.gradient(O, block.y, block.weight))

    def parameters(self) -> Parameters:
        """Copy the parameters out."""
        return map_arrays(np.copy, self._model())

    def state(self) -> EngineState:
        """Copy out everything that `restore` needs."""
        rows = zip(self._optimizer.state, self._optimizer_state.copy(), strict=True)
        optimizer_state = {name: part(row, self._parameters, statistics=False) for name, row in rows}
        if self._average is not None:
            optimizer_state[AVERAGE] = map_arrays(np.copy, self._average)
        loss, right, weight = self._totals.tolist()
        return EngineState(map_arrays(np.copy, self._parameters), optimizer_state, self.steps, (loss, right, weight))

    def restore(self, state: EngineState) -> None:
        """Go on from a state."""
        state = check_state(self.network, self._recipe, state, self.dtype)
        self._average = state.optimizer_state.get(AVERAGE)
        self._own(state.parameters)
        for row, name in zip(self._optimizer_state, self._optimizer.state, strict=True):
            row[:] = join(state.optimizer_state[name])
        self._totals = np.array(state.totals)
        self.steps = state.steps

    def _add_metrics(self, losses: Array, right: Array | None, weight: Array | None) -> None:
        """Add a minibatch to the running means."""
        right = np.zeros(len(losses)) if right is None else right
        if weight is None:
            self._totals += np.array([losses.sum(dtype=np.float64), right.sum(), len(losses)])
        else:
            self._totals += np.array([weight @ losses, weight @ right, weight.sum()])
