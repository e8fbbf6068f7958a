"""The concise engine: PyTorch's own layers, autograd and optimisers; the same steps as ``scratch.py`` in fewer words.

PyTorch stores a layer's weights as (outputs, inputs); that is hidden here, and everything handed out is (inputs,
outputs), as in ``O = X W + b``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own idiom
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from twofold.borders import Precision, check_block, check_features
from twofold.engines import CHUNK, EngineState, check_state
from twofold.engines.tensors import tensor
from twofold.functions import LOSSES
from twofold.metrics import Score, running_score
from twofold.network import Layer, Network, Parameters
from twofold.randomness import dropout_masks
from twofold.recipe import Recipe

Array = NDArray[Any]

MODULES: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


def _rows(O: Tensor, y: Tensor) -> Tensor:
    """Return targets as rows: class indices become one-hot."""
    return F.one_hot(y, O.shape[1]).to(O.dtype) if y.ndim == 1 else y


CRITERIA: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared": lambda O, Y: F.mse_loss(O, Y, reduction="none").sum(dim=1) / 2,
    "cross_entropy": lambda O, y: F.cross_entropy(O, y, reduction="none"),
    "softmax_squared": lambda O, y: F.mse_loss(O.softmax(dim=1), _rows(O, y), reduction="none").sum(dim=1) / 2,
    "sigmoid_cross_entropy": lambda O, Y: F.binary_cross_entropy_with_logits(O, Y, reduction="none").sum(dim=1),
}

# torch.optim's class, and its names for what `twofold.functions.OPTIMIZERS` keeps in memory.
RULES: dict[str, tuple[Callable[..., torch.optim.Optimizer], dict[str, str]]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"velocity": "momentum_buffer"}),
    "nesterov": (torch.optim.SGD, {"velocity": "momentum_buffer"}),
    "adam": (torch.optim.Adam, {"mean": "exp_avg", "square": "exp_avg_sq"}),
    "adamw": (torch.optim.AdamW, {"mean": "exp_avg", "square": "exp_avg_sq"}),
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
        layers: list[nn.Module] = []
        for inputs, outputs in network.shapes:
            if layers:
                layers += [MODULES[network.activation](), Dropout()]
            # skip_init: the weights come from outside, and the user's torch seed is left alone.
            layers.append(nn.utils.skip_init(nn.Linear, inputs, outputs, dtype=self._floats))
        self.model = nn.Sequential(*layers)
        self._linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
        self._dropout = [layer for layer in layers if isinstance(layer, Dropout)]
        self._criterion = CRITERIA[network.loss]
        self._set_parameters(parameters)
        self.start(Recipe())
        self.begin_epoch()

    def load(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Check the samples and keep them as they are: bytes stay bytes."""
        block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)
        self._X, self._y = tensor(block.X), tensor(block.y)
        self._weight = None if block.weight is None else tensor(block.weight)

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's memory and follow this recipe from step 0."""
        self._recipe = recipe
        options: dict[str, Any] = {"lr": recipe.learning_rate}
        if recipe.optimizer in ("momentum", "nesterov"):
            options |= {"momentum": recipe.momentum, "nesterov": recipe.optimizer == "nesterov"}
        elif recipe.optimizer in ("adam", "adamw"):
            options |= {"betas": (recipe.beta1, recipe.beta2), "eps": recipe.epsilon}
        rule, _ = RULES[recipe.optimizer]
        self._optimizer = rule(
            [
                {"params": [layer.weight for layer in self._linear], "weight_decay": recipe.weight_decay},
                {"params": [layer.bias for layer in self._linear], "weight_decay": 0.0},
            ],
            **options,
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
        losses = self._criterion(O, y)  # (|B|,)
        self._tally(O.detach(), y, weight, losses.detach())
        self._optimizer.zero_grad()
        _mean(losses, weight).backward()
        if self._recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self._recipe.clip_norm)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.step()
        self.steps += 1

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
        parts = [self.model(self._numbers(rows)) for rows in features.split(CHUNK)]
        return np.asarray(torch.cat(parts).numpy())

    @torch.enable_grad()
    def gradients(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Parameters:
        """Compute the gradient of the mean loss at the present parameters."""
        block = check_block(self.network, X, y, sample_weight, dtype=self.dtype)
        O = self.model(self._numbers(tensor(block.X)))
        weight = None if block.weight is None else tensor(block.weight)
        loss = _mean(self._criterion(O, tensor(block.y)), weight)
        gradients = torch.autograd.grad(loss, list(self.model.parameters()))
        return tuple(_layer(dW, db) for dW, db in zip(gradients[::2], gradients[1::2], strict=True))

    def parameters(self) -> Parameters:
        """Copy the parameters out."""
        return tuple(_layer(linear.weight, linear.bias) for linear in self._linear)

    def state(self) -> EngineState:
        """Copy out everything that `restore` needs."""
        _, names = RULES[self._recipe.optimizer]
        kept = self._optimizer.state
        memory = {
            ours: tuple(
                _layer(*(kept[p][theirs] if p in kept else torch.zeros_like(p) for p in (linear.weight, linear.bias)))
                for linear in self._linear
            )
            for ours, theirs in names.items()
        }
        loss, right, weight = self._totals.tolist()
        return EngineState(self.parameters(), memory, self.steps, (loss, right, weight))

    def restore(self, state: EngineState) -> None:
        """Go on from a state."""
        state = check_state(self.network, self._recipe, state, self.dtype)
        self._set_parameters(state.parameters)
        _, names = RULES[self._recipe.optimizer]
        for index, linear in enumerate(self._linear):
            for part, p in enumerate((linear.weight, linear.bias)):
                kept = {theirs: tensor(state.memory[ours][index][part].T).clone() for ours, theirs in names.items()}
                if "exp_avg" in kept:
                    kept["step"] = torch.tensor(float(state.steps))
                self._optimizer.state[p] = kept
        self._totals = torch.tensor(state.totals, dtype=torch.float64)
        self.steps = state.steps

    @torch.no_grad()
    def _set_parameters(self, parameters: Parameters) -> None:
        for linear, (W, b) in zip(self._linear, parameters, strict=True):
            linear.weight.copy_(tensor(W.T))
            linear.bias.copy_(tensor(b))

    def _forward_with_dropout(self, X: Tensor) -> Tensor:
        masks = dropout_masks(
            self.network.hidden, len(X), self.network.dropout, seed=self._recipe.seed, step=self.steps, dtype=self.dtype
        )
        for layer, mask in zip(self._dropout, masks, strict=False):  # no masks without dropout
            layer.mask = tensor(mask)
        O: Tensor = self.model(X)
        for layer in self._dropout:
            layer.mask = None
        return O

    def _numbers(self, X: Tensor) -> Tensor:
        """Turn image bytes into numbers from 0 to 1; floats stay as they are."""
        return X.to(self._floats).div_(255) if X.dtype == torch.uint8 else X

    def _tally(self, O: Tensor, y: Tensor, weight: Tensor | None, losses: Tensor) -> None:
        """Add a minibatch to the running means, on the device: nothing is read back here."""
        weight = torch.ones_like(losses) if weight is None else weight
        kind = LOSSES[self.network.loss].targets
        if kind == "labels":
            right = ((O > 0) == (y > 0.5)).to(losses.dtype).mean(dim=1)
        elif kind == "classes":
            right = (O.argmax(dim=1) == (y if y.ndim == 1 else y.argmax(dim=1))).to(losses.dtype)
        else:
            right = torch.zeros_like(losses)
        self._totals += torch.stack([weight @ losses, weight @ right, weight.sum()])


def _mean(losses: Tensor, weight: Tensor | None) -> Tensor:
    """Return the mean of l (n,), or ``sum_i w_i l_i / sum_i w_i``; 0 where every weight is 0."""
    if weight is None:
        return losses.mean()
    total = weight.sum()
    return weight @ losses / torch.where(total > 0, total, 1)


def _layer(weight: Tensor, bias: Tensor) -> Layer:
    """Copy out PyTorch's (outputs, inputs) as our (inputs, outputs)."""
    return Layer(weight.detach().numpy().T.copy(), bias.detach().numpy().copy())
