"""The memory of `fused`: all parameters as one flat array, and what a minibatch of one size needs, made once."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from twofold.engines.products import Products, choose_products
from twofold.engines.tensors import tensor
from twofold.network import Layer, Network, Parameters

Array = NDArray[Any]


class Pair(NamedTuple):
    """A layer's tensors.

    Attributes
    ----------
    W : Tensor, shape (outputs, inputs)
    b : Tensor, shape (outputs,)
    """

    W: Tensor
    b: Tensor


class Flat:
    """Every W, then every b, one after the other in one array of zeros; also what has their shapes.

    Parameters
    ----------
    network : Network
    dtype : torch.dtype
    device : torch.device

    Attributes
    ----------
    all, weights, biases : Tensor
        One axis each; the latter two are parts of the first.
    layers : list of Pair
        The same memory, layer by layer.
    """

    def __init__(self, network: Network, dtype: torch.dtype, device: torch.device) -> None:
        self.all = torch.zeros(network.n_parameters, dtype=dtype, device=device)
        sizes = [a * b for a, b in network.shapes] + list(network.widths[1:])
        parts = [self.all[start:end] for start, end in pairwise(accumulate(sizes, initial=0))]
        border = sum(sizes[: len(network.shapes)])
        self.weights, self.biases = self.all[:border], self.all[border:]
        self.layers = [
            Pair(W.view(outputs, inputs), b)
            for (inputs, outputs), W, b in zip(
                network.shapes, parts[: len(network.shapes)], parts[len(network.shapes) :], strict=True
            )
        ]

    def write(self, parameters: Parameters) -> None:
        """Copy in; W of shape (inputs, outputs)."""
        for ours, layer in zip(self.layers, parameters, strict=True):
            ours.W.copy_(tensor(layer.W).t())
            ours.b.copy_(tensor(layer.b))

    def read(self) -> Parameters:
        """Copy out; W of shape (inputs, outputs)."""
        return tuple(Layer(layer.W.t().cpu().numpy().copy(), layer.b.cpu().numpy().copy()) for layer in self.layers)


class Buffers:
    """What n samples need on their way forward and back. Memory that is never written costs nothing.

    Parameters
    ----------
    network : Network
    n : int
        Samples.
    features : torch.dtype
        Of the loaded features.
    floats, operands : torch.dtype
        Of outputs and gradients, and of the products' operands.
    device : torch.device

    Attributes
    ----------
    rows : Tensor of int64, shape (n,)
    raw, X : Tensor, shape (n, d)
        The gathered features, as they lie in memory and as the products read them.
    products : list of Products
        Of each layer.
    Z, H, dropped, dH : lists of Tensor, shape (n, h) each
        Pre-activations, activations, activations after dropout, and gradients of each hidden layer.
    masks : list of Tensor
        Of dropout; empty without it.
    dO : Tensor, shape (n, q)
    """

    def __init__(
        self,
        network: Network,
        n: int,
        *,
        features: torch.dtype,
        floats: torch.dtype,
        operands: torch.dtype,
        device: torch.device,
    ) -> None:

        def empty(width: int, dtype: torch.dtype) -> Tensor:
            return torch.empty((n, width), dtype=dtype, device=device)

        self.rows = torch.empty(n, dtype=torch.int64, device=device)
        self.raw = empty(network.inputs, features)
        self.X = self.raw if features == operands else empty(network.inputs, operands)
        self.products: list[Products] = [
            choose_products(work=n * inputs * outputs, dtype=operands, device=device)
            for inputs, outputs in network.shapes
        ]
        self.Z, self.H, self.dropped, self.dH = ([empty(h, operands) for h in network.hidden] for _ in range(4))
        self.masks = [empty(h, operands) for h in network.hidden] if network.dropout else []
        self.dO = empty(network.outputs, floats)
