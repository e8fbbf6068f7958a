"""The concise engine: PyTorch's own layers, autograd and optimisers; the same steps as ``scratch.py`` in fewer words.

PyTorch stores a layer's weights as (outputs, inputs); that is hidden here, and everything handed out is (inputs,
outputs), as in ``O = X W + b``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own idiom
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from twofold.engines.protocol import CHUNK
from twofold.engines.pytorch.optimizers import torch_optimizer
from twofold.engines.pytorch.tensor_functions import TensorFunctions
from twofold.engines.pytorch.tensors import tensor
from twofold.engines.state import AVERAGE, EngineState, check_recipe, check_state
from twofold.errors import SpecificationError
from twofold.functions import ACTIVATIONS, LOSSES
from twofold.functions.normalizations import EPSILON, RATE
from twofold.functions.optimizers import soften
from twofold.metrics import Score, running_score
from twofold.network import Layer, Network, Parameters, array_shapes
from twofold.randomness import dropout_masks
from twofold.recipe import Recipe
from twofold.validation import Precision, check_block, check_features

Array = NDArray[Any]


def activation_module(name: str) -> nn.Module:
    """Make PyTorch's module of an activation; of one that it has none for, a module of the definition."""
    definition = ACTIVATIONS[name]
    if not definition.torch:
        return Formula(name)
    if not hasattr(nn, definition.torch):
        raise SpecificationError(f"torch.nn has no {definition.torch!r}; leave it out, or name the module of {name!r}")
    return cast("nn.Module", getattr(nn, definition.torch)(**definition.torch_options))


def by_autograd(name: str, points: Array) -> tuple[Array, Array]:
    """Return an activation's value and derivative at points (n,) of float64 as PyTorch has them."""
    z = torch.tensor(points, requires_grad=True)
    H = activation_module(name)(z)
    (derivative,) = torch.autograd.grad(H.sum(), z)
    return _array(H), _array(derivative)


class Formula(nn.Module):
    """An activation as it is defined in `twofold.functions`; autograd goes through its value alone."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, Z: Tensor) -> Tensor:
        """Compute ``phi(Z)``."""
        result: Tensor = ACTIVATIONS[self.name].phi(Z, TensorFunctions(Z))
        return result


# PyTorch's own losses, of (O, y, label smoothing): the loss of each sample (n,). Those it has none for, or another one,
# are computed as they are defined, and autograd goes through them.
CRITERIA: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "squared": lambda O, Y, _: F.mse_loss(O, Y, reduction="none").sum(dim=1) / 2,
    "huber": lambda O, Y, _: F.huber_loss(O, Y, reduction="none").sum(dim=1),
    "absolute": lambda O, Y, _: F.l1_loss(O, Y, reduction="none").sum(dim=1),
    "poisson": lambda O, Y, _: (F.poisson_nll_loss(O, Y, reduction="none") + torch.xlogy(Y, Y) - Y).sum(dim=1),
    "cross_entropy": lambda O, y, s: F.cross_entropy(O, y, reduction="none", label_smoothing=s),
    "softmax_squared": lambda O, y, _: F.mse_loss(O.softmax(dim=1), _rows(O, y), reduction="none").sum(dim=1) / 2,
    "sigmoid_cross_entropy": lambda O, Y, s: F.binary_cross_entropy_with_logits(
        O, (1 - s) * Y + s / 2, reduction="none"
    ).sum(dim=1),
}


def _rows(O: Tensor, y: Tensor) -> Tensor:
    """Return targets as rows: class indices become one-hot."""
    return F.one_hot(y, O.shape[1]).to(O.dtype) if y.ndim == 1 else y


def criterion_of(loss: str) -> Callable[[Tensor, Tensor, float], Tensor]:
    """Return a loss in PyTorch, of (O, y, label smoothing)."""
    if loss in CRITERIA:
        return CRITERIA[loss]
    if LOSSES[loss].targets.compete:
        raise SpecificationError(f"the concise engine has no loss {loss!r}; scratch has it")
    return lambda O, Y, _: LOSSES[loss].of_outputs(O, Y, TensorFunctions(O))[0].sum(dim=1)


NORMALIZATIONS: dict[str, Callable[..., nn.Module]] = {
    "batch": partial(nn.BatchNorm1d, eps=EPSILON, momentum=RATE),
    "layer": partial(nn.LayerNorm, eps=EPSILON),
}


class Dropout(nn.Module):
    """Dropout whose mask is given, so that it can be the other engine's too."""

    mask: Tensor | None = None

    def forward(self, H: Tensor) -> Tensor:
        """Multiply H (n, h) by the mask; hand it on as it is when there is none."""
        return H if self.mask is None else H * self.mask


class ConciseEngine:
    """PyTorch: nn.Sequential, autograd, torch.optim; the protocol is `twofold.engines.Engine`."""

    name = "concise"

    def __init__(self, network: Network, parameters: Parameters, dtype: Precision) -> None:
        self.network = network
        self.dtype = dtype
        self.steps = 0
        self._floats = torch.float32 if dtype == "float32" else torch.float64
        self._model = _build(network, self._floats)
        self._dropout = [layer for layer in self._model if isinstance(layer, Dropout)]
        self._criterion = criterion_of(network.loss)
        self._average: AveragedModel | None = None
        _write(self._model, parameters)
        self.start(Recipe())
        self.begin_epoch()

    @property
    def model(self) -> nn.Sequential:
        """The network as a PyTorch module; its average, if one is kept."""
        return self._model if self._average is None else cast("nn.Sequential", self._average.module)

    def load(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Check the samples and keep them as they are: bytes stay bytes."""
        block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)
        self._X, self._y = tensor(block.X), tensor(block.y)
        self._weight = None if block.weight is None else tensor(block.weight)

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's state and follow this recipe from step 0."""
        recipe = check_recipe(self.network, recipe)
        if recipe.slices > 1:
            raise SpecificationError(f"the concise engine takes minibatches whole; slices={recipe.slices} is for fused")
        _write(self._model, self.parameters())
        self._recipe = recipe
        self._average = None
        if recipe.ema_decay:
            self._average = AveragedModel(self._model, avg_fn=self._mean_with, use_buffers=True)
        self._rule = torch_optimizer(recipe.optimizer.name)
        self._constants = recipe.optimizer.constants
        weights = [layer["W"] for layer in _places(self._model)]
        others = [layer[name] for layer in _places(self._model) for name in ("b", "gamma") if name in layer]
        self._optimizer = self._rule.make(
            [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=recipe.learning_rate,
            **self._rule.options(**self._constants),
        )
        self.steps = 0

    @torch.enable_grad()
    def step(self, indices: Array, learning_rate: float) -> None:
        """Take one minibatch step: forward, loss, backward, update."""
        rows = torch.from_numpy(indices)
        X, y = (
            self._numbers(self._X.index_select(0, rows)),
            self._y.index_select(0, rows),
        )  # (|B|, d), (|B|,) or (|B|, q)
        weight = None if self._weight is None else self._weight.index_select(0, rows)
        O = self._forward_with_dropout(X)  # (|B|, q)
        losses = self._criterion(O, y, self._recipe.label_smoothing)  # (|B|,)
        self._add_metrics(O.detach(), y, weight, losses.detach())
        self._optimizer.zero_grad()
        _mean(losses, weight).backward()
        if self._recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._model.parameters(), self._recipe.clip_norm)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.step()
        if self._recipe.l1:
            self._soften(learning_rate)
        if self._average is not None:
            self._average.update_parameters(self._model)
        self.steps += 1

    @torch.no_grad()
    def _soften(self, eta: float) -> None:
        """Take the proximal step of the L1 penalty, on weights."""
        definition, l1, t = self._recipe.optimizer.definition, self._recipe.l1, self.steps + 1
        for W in (layer["W"] for layer in _places(self._model)):
            optimizer_state = [self._optimizer.state[W][self._rule.state[name]] for name in definition.state]
            xp = TensorFunctions(W)
            W.copy_(soften(W, l1 * definition.step_length(optimizer_state, eta, t, xp, **self._constants), xp))

    def _mean_with(self, average: Tensor, theta: Tensor, step: Tensor | int) -> Tensor:
        """Return the average after a step that led to theta."""
        return average + (1 - self._recipe.keep(int(step))) * (theta - average)

    def begin_epoch(self) -> None:
        """Set the running means back to nothing."""
        self._totals = torch.zeros(3, dtype=torch.float64)  # weighted loss, weighted correct predictions, weights

    def running(self) -> Score:
        """Read the mean loss and accuracy since the epoch began."""
        return running_score(LOSSES[self.network.loss], self._totals.tolist())

    @torch.no_grad()
    def outputs(self, X: ArrayLike) -> Array:
        """Compute raw outputs O (n, q)."""
        features = tensor(check_features(self.network, X, dtype=self.dtype))
        self.model.eval()
        parts = [self.model(self._numbers(rows)) for rows in features.split(CHUNK)]
        return np.asarray(torch.cat(parts).numpy())

    @torch.enable_grad()
    def gradients(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Parameters:
        """Compute the gradient of the mean loss at the present parameters."""
        block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)
        with _still_statistics(self.model):
            O = self.model(self._numbers(tensor(block.X)))
        weight = None if block.weight is None else tensor(block.weight)
        loss = _mean(self._criterion(O, tensor(block.y), 0.0), weight)
        trained = [place for layer in _places(self.model) for name, place in layer.items() if name in TRAINED]
        return _shaped(self.network, torch.autograd.grad(loss, trained))

    def parameters(self) -> Parameters:
        """Copy the parameters out."""
        return _read(self.model)

    def state(self) -> EngineState:
        """Copy out everything that `restore` needs."""
        names, kept = self._rule.state, self._optimizer.state
        trained = [place for layer in _places(self._model) for name, place in layer.items() if name in TRAINED]
        optimizer_state = {
            ours: _shaped(self.network, [kept[p][theirs] if p in kept else torch.zeros_like(p) for p in trained])
            for ours, theirs in names.items()
        }
        if self._average is not None:
            optimizer_state[AVERAGE] = self.parameters()
        loss, right, weight = self._totals.tolist()
        return EngineState(_read(self._model), optimizer_state, self.steps, (loss, right, weight))

    def restore(self, state: EngineState) -> None:
        """Go on from a state."""
        state = check_state(self.network, self._recipe, state, self.dtype)
        _write(self._model, state.parameters)
        if self._average is not None:
            _write(self.model, state.optimizer_state[AVERAGE])
            self._average.n_averaged.fill_(state.steps)
        names = self._rule.state
        for index, layer in enumerate(_places(self._model)):
            for field in TRAINED & layer.keys():
                kept = {
                    theirs: _place(state.optimizer_state[ours][index].arrays[field]) for ours, theirs in names.items()
                }
                kept["step"] = torch.tensor(float(state.steps))  # which not all of them ask for
                self._optimizer.state[layer[field]] = kept
        self._totals = torch.tensor(state.totals, dtype=torch.float64)
        self.steps = state.steps

    def _forward_with_dropout(self, X: Tensor) -> Tensor:
        masks = dropout_masks(
            self.network.hidden, len(X), self.network.dropout, seed=self._recipe.seed, step=self.steps, dtype=self.dtype
        )
        for layer, mask in zip(self._dropout, masks, strict=False):  # no masks without dropout
            layer.mask = tensor(mask)
        self._model.train()
        O: Tensor = self._model(X)
        for layer in self._dropout:
            layer.mask = None
        return O

    def _numbers(self, X: Tensor) -> Tensor:
        """Turn image bytes into numbers from 0 to 1; floats stay as they are."""
        return X.to(self._floats).div_(255) if X.dtype == torch.uint8 else X

    def _add_metrics(self, O: Tensor, y: Tensor, weight: Tensor | None, losses: Tensor) -> None:
        """Add a minibatch to the running means, on the device: nothing is read back here."""
        weight = torch.ones_like(losses) if weight is None else weight
        targets = LOSSES[self.network.loss].targets
        right = targets.right(O, y, 1).to(losses.dtype) if targets.has_accuracy else torch.zeros_like(losses)
        right = right if right.ndim == 1 else right.mean(dim=1)
        self._totals += torch.stack([weight @ losses, weight @ right, weight.sum()])


def _mean(losses: Tensor, weight: Tensor | None) -> Tensor:
    """Return the mean of l (n,), or ``sum_i w_i l_i / sum_i w_i``; 0 where every weight is 0."""
    if weight is None:
        return losses.mean()
    total = weight.sum()
    return weight @ losses / torch.where(total > 0, total, 1)


TRAINED = {"W", "b", "gamma"}
AFTER = {"b": "bias", "gamma": "weight", "mean": "running_mean", "variance": "running_var"}
# PyTorch's names for the arrays of a `Layer`; with a normalisation, b is the normalisation's.
NAMES: dict[type[nn.Module], dict[str, str]] = {
    nn.Linear: {"W": "weight", "b": "bias"},
    nn.BatchNorm1d: AFTER,
    nn.LayerNorm: AFTER,
}


def _build(network: Network, dtype: torch.dtype) -> nn.Sequential:
    """Make the network's modules; their numbers come from outside, and the user's torch seed is left alone."""
    modules: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(network.shapes):
        normalized = network.normalization is not None and index < len(network.hidden)
        modules.append(nn.utils.skip_init(nn.Linear, inputs, outputs, bias=not normalized, dtype=dtype))
        if normalized and network.normalization is not None:
            modules.append(NORMALIZATIONS[network.normalization](outputs, dtype=dtype))
        if index < len(network.hidden):
            modules += [activation_module(network.activations[index]), Dropout()]
    return nn.Sequential(*modules)


def _places(model: nn.Sequential) -> list[dict[str, Tensor]]:
    """Return where the arrays of each `Layer` lie in a model, by their names there and in that order."""
    layers: list[dict[str, Tensor]] = []
    for module in model:
        names = NAMES.get(type(module), {})
        numbers = dict(chain(module.named_parameters(), module.named_buffers()))
        found = {ours: numbers[theirs] for ours, theirs in names.items() if theirs in numbers}
        if isinstance(module, nn.Linear):
            layers.append(found)
        else:
            layers[-1] |= found
    return layers


def _read(model: nn.Sequential) -> Parameters:
    """Copy a model's numbers out."""
    return tuple(Layer(**{name: _array(place) for name, place in layer.items()}) for layer in _places(model))


@torch.no_grad()
def _write(model: nn.Sequential, parameters: Parameters) -> None:
    """Copy numbers into a model."""
    for places, layer in zip(_places(model), parameters, strict=True):
        for name, array in layer.arrays.items():
            places[name].copy_(_place(array))


def _shaped(network: Network, tensors: Sequence[Tensor]) -> Parameters:
    """Copy out what has the shapes of all that is trained."""
    rest = iter(tensors)
    shapes = array_shapes(network, statistics=False)
    return tuple(Layer(**{name: _array(next(rest)) for name in layer}) for layer in shapes)


def _array(place: Tensor) -> Array:
    """Copy out PyTorch's (outputs, inputs) as our (inputs, outputs); what has one axis stays as it is."""
    return place.detach().numpy().T.copy()


def _place(array: Array) -> Tensor:
    """Copy our (inputs, outputs) as PyTorch's (outputs, inputs)."""
    return tensor(array.T).clone()


@contextlib.contextmanager
def _still_statistics(model: nn.Sequential) -> Iterator[None]:
    """Let batch normalisation take a minibatch's own means and variances, as in training, and remember none."""
    batch = [module for module in model if isinstance(module, nn.BatchNorm1d)]
    model.train()
    for module in batch:
        module.track_running_stats = False
    try:
        yield
    finally:
        for module in batch:
            module.track_running_stats = True
