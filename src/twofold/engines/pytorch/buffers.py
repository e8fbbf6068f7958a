"""The memory of `fused`: all parameters as one flat array, and what a minibatch of one size needs, made once."""

from __future__ import annotations

import math
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twofold.engines.pytorch.products import Products, choose_products
from twofold.engines.pytorch.tensors import tensor
from twofold.network import ARRAYS, Layer, Network, Parameters, array_shapes
from twofold.randomness import dropout_masks

Array = NDArray[Any]

BLOCK = 8  # units that machine code takes at a time, while a core's cache holds them


class Tensors(NamedTuple):
    """A layer's tensors; what they are is said in `twofold.network.Layer`.

    Attributes
    ----------
    W : Tensor, shape (outputs, inputs)
    b : Tensor, shape (outputs,)
    gamma, mean, variance : Tensor, shape (outputs,), or None
    """

    W: Tensor
    b: Tensor
    gamma: Tensor | None = None
    mean: Tensor | None = None
    variance: Tensor | None = None


class Flat:
    """Every W, every b, every gamma, and means and variances, one after the other in one array of zeros.

    Parameters
    ----------
    network : Network
    dtype : torch.dtype
    device : torch.device
    statistics : bool
        Whether the running means and variances of batch normalisation belong to it.

    Attributes
    ----------
    all : Tensor
        Everything, on one axis.
    trained : Tensor
        Without means and variances.
    weights, rest : Tensor
        The two parts of what is trained: every W, and all else.
    layers : list of Tensors
        The same memory, layer by layer.
    """

    def __init__(self, network: Network, dtype: torch.dtype, device: torch.device, *, statistics: bool = False) -> None:
        shapes = array_shapes(network, statistics=statistics)
        places = [(index, name) for name in ARRAYS for index, layer in enumerate(shapes) if name in layer]
        ends = list(accumulate((math.prod(shapes[index][name]) for index, name in places), initial=0))
        self.all = torch.zeros(ends[-1], dtype=dtype, device=device)
        self.trained = self.all[: network.n_parameters]
        border = ends[len(network.shapes)]
        self.weights, self.rest = self.trained[:border], self.trained[border:]
        views = {
            (index, name): self.all[start:end].view(shapes[index][name][::-1])  # W is (outputs, inputs) here
            for (index, name), (start, end) in zip(places, pairwise(ends), strict=True)
        }
        self.layers = [Tensors(**{name: views[index, name] for name in layer}) for index, layer in enumerate(shapes)]

    def as_operands(self, copies: Flat) -> list[Tensors]:
        """Return the layers in the products' type, copied there.

        What is not added to numbers of that type stays as it is: the last b, and what a normalisation reads.
        """
        copies.trained.copy_(self.trained)
        last = len(self.layers) - 1
        return [
            layer._replace(W=copy.W, b=copy.b if layer.gamma is None and index < last else layer.b)
            for index, (layer, copy) in enumerate(zip(self.layers, copies.layers, strict=True))
        ]

    def collect(self, gradients: list[Tensor], factor: float) -> None:
        """Bring each dW in, the first one times what features are multiplied by."""
        for index, (own, dW) in enumerate(zip(self.layers, gradients, strict=True)):
            if index == 0 and factor != 1:
                torch.mul(dW, factor, out=own.W)
            elif dW is not own.W:
                own.W.copy_(dW)

    def write(self, parameters: Parameters) -> None:
        """Copy in; W of shape (inputs, outputs)."""
        for ours, layer in zip(self.layers, parameters, strict=True):
            for name, array in layer.arrays.items():
                getattr(ours, name).copy_(tensor(array.T))

    def read(self) -> Parameters:
        """Copy out; W of shape (inputs, outputs)."""
        return tuple(
            Layer(*(place.cpu().numpy().T.copy() for place in layer if place is not None)) for layer in self.layers
        )


class Buffers:
    """What n samples need on their way forward and back. On a CPU memory that is never written costs nothing.

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
    dropout : bool
        Whether there are masks, if the network has dropout.

    Attributes
    ----------
    n : int
    rows : Tensor of int64, shape (n,)
        Which samples, where a step is replayed.
    raw, X : Tensor, shape (n, d)
        The gathered features, as they lie in memory and as the products read them. From here on samples are columns.
    products : list of Products
        Of each layer.
    Z, H, dropped, dH : lists of Tensor, shape (h, n) each
        Pre-activations, activations, activations after dropout, and gradients of each hidden layer.
    masks : list of Tensor, shape (h, n) each
        Of dropout; empty without it.
    dO : Tensor, shape (q, n)
    O : Tensor, shape (q, n)
    block : Tensor, shape (BLOCK, n)
        Both for machine code to work in.
    """

    def __init__(
        self,
        network: Network,
        n: int,
        features: torch.dtype,
        *,
        floats: torch.dtype,
        operands: torch.dtype,
        device: torch.device,
        dropout: bool = True,
    ) -> None:

        def empty(rows: int, columns: int, dtype: torch.dtype) -> Tensor:
            return torch.empty((rows, columns), dtype=dtype, device=device)

        self.n = n
        self.rows = torch.empty(n, dtype=torch.int64, device=device)
        self.raw = empty(n, network.inputs, features)
        self.X = self.raw if features == operands else empty(n, network.inputs, operands)
        self.products: list[Products] = [
            choose_products(work=n * inputs * outputs, dtype=operands, device=device)
            for inputs, outputs in network.shapes
        ]
        self.Z, self.H, self.dropped, self.dH = ([empty(h, n, operands) for h in network.hidden] for _ in range(4))
        self.masks = [empty(h, n, operands) for h in network.hidden] if network.dropout and dropout else []
        self.dO, self.O = (empty(network.outputs, n, floats) for _ in range(2))
        self.block = empty(BLOCK, n, floats)

    def draw_masks(self, network: Network, **place: int) -> None:
        """Draw the dropout masks for a ``seed``, a ``step`` and the ``start`` of these rows in its minibatch."""
        if not self.masks:
            return
        kind = "float64" if self.dO.dtype == torch.float64 else "float32"
        masks = dropout_masks(network.hidden, self.n, network.dropout, dtype=kind, **place)
        for buffer, mask in zip(self.masks, masks, strict=True):
            buffer.copy_(torch.from_numpy(mask).t())

    @cached_property
    def arrays(self) -> list[Array]:
        """The last H and dH, O, dO and block as arrays."""
        return [bits(tensor) for tensor in (self.H[-1], self.dH[-1], self.O, self.dO, self.block)]


def bits(values: Tensor) -> Array:
    """View a tensor as an array; bfloat16, which NumPy lacks, as 16 bits."""
    return values.view(torch.int16).numpy().view(np.uint16) if values.dtype == torch.bfloat16 else values.numpy()
