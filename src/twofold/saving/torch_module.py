"""A model as a plain ``torch.nn.Sequential``. This module imports torch: import it where it is needed."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from twofold.errors import MissingDependencyError
from twofold.functions.normalizations import EPSILON, RATE
from twofold.saving.model import Savable, as_model
from twofold.saving.steps import (
    Activate,
    Affine,
    BatchNormalize,
    LayerNormalize,
    Limit,
    Standardize,
    Unbend,
    Unstandardize,
    steps,
)

try:
    import torch
    from torch import nn

    from twofold.engines.concise import activation_module
    from twofold.engines.pytorch.tensors import tensor
except ImportError as error:
    raise MissingDependencyError("PyTorch is not installed; install it with: pip install 'twofold[torch]'") from error

Array = NDArray[Any]
Module = TypeVar("Module", bound=nn.Module)


def to_torch(model: Savable) -> nn.Sequential:
    """Turn a model into a plain PyTorch module, which needs nothing of twofold but for activations of one's own.

    It takes X (n, d) of the parameters' type, or images (n, height, width) and (n, 1, height, width) as torchvision's
    ``ToTensor`` makes them, bytes as numbers from 0 to 1; and gives the raw outputs (n, q).
    Where the model standardises, a frozen diagonal layer ``standardize`` comes first, and ``rescale`` last if the
    target is standardised too: features and outputs are in the data's own units. Dropout is in it, so that training
    can go on; the module comes in evaluation mode.

    Parameters
    ----------
    model : Model, estimator or Engine

    Returns
    -------
    torch.nn.Sequential

    Raises
    ------
    MissingDependencyError
        If PyTorch is not installed.

    Examples
    --------
    >>> from twofold import Network, open_engine
    >>> to_torch(open_engine("scratch", Network((4, 5, 3))))
    Sequential(
      (flatten): Flatten(start_dim=1, end_dim=-1)
      (hidden1): Linear(in_features=4, out_features=5, bias=True)
      (relu1): ReLU()
      (output): Linear(in_features=5, out_features=3, bias=True)
    )
    """
    model = as_model(model)
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    if model.takes_images:
        modules["flatten"] = nn.Flatten()
    layer = 1
    for step in steps(model):
        match step:
            case Standardize(mean, scale):
                modules["standardize"] = _diagonal(1 / scale, -mean / scale, model.dtype)
            case Affine(W, b):
                name = f"hidden{layer}" if layer <= len(model.network.hidden) else "output"
                modules[name] = _linear(W, b, model.dtype)
            case BatchNormalize(gamma, b, mean, variance):
                batch = nn.BatchNorm1d(len(b), eps=EPSILON, momentum=RATE, dtype=getattr(torch, model.dtype))
                modules[f"normalize{layer}"] = _filled(
                    batch, weight=gamma, bias=b, running_mean=mean, running_var=variance
                )
            case LayerNormalize(gamma, b):
                row = nn.LayerNorm(len(b), eps=EPSILON, dtype=getattr(torch, model.dtype))
                modules[f"normalize{layer}"] = _filled(row, weight=gamma, bias=b)
            case Activate(name):
                modules[f"{name}{layer}"] = activation_module(name)
                if model.network.dropout:
                    modules[f"dropout{layer}"] = nn.Dropout(model.network.dropout)
                layer += 1
            case Unstandardize(mean, scale):
                modules["rescale"] = _diagonal(scale, mean, model.dtype)
            case Unbend(bend):
                modules["unbend"] = _Unbend(bend, model.dtype)
            case Limit(low, high):
                modules["limit"] = _Limit(low, high, model.dtype)
    return nn.Sequential(modules).eval()


class _Unbend(nn.Module):
    """``bend sinh(o)``."""

    bend: torch.Tensor

    def __init__(self, bend: Array, dtype: str) -> None:
        super().__init__()
        self.register_buffer("bend", torch.as_tensor(bend, dtype=getattr(torch, dtype)))

    def forward(self, o: torch.Tensor) -> torch.Tensor:
        return self.bend * torch.sinh(o)


class _Limit(nn.Module):
    """``min(max(y, low), high)``."""

    low: torch.Tensor | None
    high: torch.Tensor | None

    def __init__(self, low: Array | None, high: Array | None, dtype: str) -> None:
        super().__init__()
        for name, end in (("low", low), ("high", high)):
            value = None if end is None else torch.as_tensor(end, dtype=getattr(torch, dtype))
            self.register_buffer(name, value)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return torch.clamp(y, self.low, self.high)


def _filled(module: Module, **arrays: Array) -> Module:
    """Copy arrays into a module's parameters and buffers by name."""
    with torch.no_grad():
        for name, array in arrays.items():
            getattr(module, name).copy_(tensor(array))
    return module


def _linear(W: Array, b: Array | None, dtype: str) -> nn.Linear:
    """Make a layer; PyTorch keeps weights as (outputs, inputs)."""
    module = nn.Linear(W.shape[0], W.shape[1], bias=b is not None, dtype=getattr(torch, dtype))
    return _filled(module, weight=W.T, **({} if b is None else {"bias": b}))


def _diagonal(scale: Array, shift: Array, dtype: str) -> nn.Linear:
    """Make a frozen layer ``x scale + shift``."""
    module = _linear(np.diag(scale), shift, dtype)
    return module.requires_grad_(False)
