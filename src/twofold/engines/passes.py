"""The way of `fused` through a network: ``forward`` and ``backward`` of ``scratch.py``, in place.

Samples are columns: what is (n, h) there is (h, n) here, so ``Z = W H + b``; ``twofold.engines.products`` says why.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from twofold.engines.buffers import Buffers, Flat, Tensors
from twofold.engines.kernels import ACTIVATIONS
from twofold.engines.normalizations import NORMALIZATIONS, Statistics
from twofold.network import Network

Gradients = list[Tensor]


class Tape(NamedTuple):
    """What the forward pass keeps for the backward pass.

    Attributes
    ----------
    inputs : list of Tensor
        Each layer's input: X, then each H after its activation and dropout.
    hidden : list of (Z, H)
        What each hidden layer's activation was given, and what it made of it; one that doesn't need Z again has written
        H over it.
    normalized : list of (Z, statistics)
        What each hidden layer normalised; empty without a normalisation.
    """

    inputs: list[Tensor]
    hidden: list[tuple[Tensor, Tensor]]
    normalized: list[tuple[Tensor, Statistics]]


class Passes:
    """Both ways through a network.

    Parameters
    ----------
    network : Network
    floats, operands : torch.dtype
        Of outputs and gradients, and of the products' operands.
    """

    def __init__(self, network: Network, floats: torch.dtype, operands: torch.dtype) -> None:
        self._floats, self._operands = floats, operands
        self._phi = [ACTIVATIONS[name] for name in network.activations]
        self._normalization = None if network.normalization is None else NORMALIZATIONS[network.normalization]

    def forward(
        self, layers: list[Tensors], X: Tensor, factor: float, buffers: Buffers, *, training: bool = False
    ) -> tuple[Tensor, Tape]:
        """Compute ``H = phi(W H + b)`` layer by layer, and the outputs O.

        Parameters
        ----------
        layers : list of Tensors
            W, and b where an activation follows at once, of the operands' type.
        X : Tensor, shape (n, d)
            As it was gathered, image bytes as they are.
        factor : float
            The features are this times X; it goes to what the first layer's product gives, which is less than X.
        buffers : Buffers
        training : bool
            Whether batch normalisation is by the minibatch's own means and variances.

        Returns
        -------
        O : Tensor, shape (q, n)
            In memory of their own.
        tape : Tape
        """
        H = (X if X.dtype == self._operands else buffers.X.copy_(X)).t()  # (d, n)
        tape = Tape([H], [], [])
        for index, layer in enumerate(layers[:-1]):
            b = layer.b if self._normalization is None else None
            Z = buffers.products[index].affine(layer.W, H, b=b, scale=factor, out=buffers.Z[index])  # (h, n)
            factor = 1.0
            if self._normalization is not None:
                normalized, statistics = self._normalization.value(Z, layer, training)
                tape.normalized.append((Z, statistics))
                Z = normalized
            H = self._phi[index].value(Z, buffers.H[index])  # (h, n)
            tape.hidden.append((Z, H))
            if buffers.masks:
                H = torch.mul(H, buffers.masks[index], out=buffers.dropped[index])
            tape.inputs.append(H)
        return buffers.products[-1].affine(layers[-1].W, H, b=layers[-1].b, scale=factor), tape  # (q, n)

    def backward(self, layers: list[Tensors], tape: Tape, buffers: Buffers, gradient: Flat) -> Gradients:
        """Carry ``buffers.dO`` (q, n) back to every weight.

        Parameters
        ----------
        layers : list of Tensors
        tape : Tape
            Of the forward pass, whose buffers these are.
        buffers : Buffers
        gradient : Flat
            Takes each db and dgamma.

        Returns
        -------
        list of Tensor, shape (outputs, inputs) each
            Each dW, not yet times the features' factor; where the operands have the gradient's type it may lie there.
        """
        gradients: Gradients = []
        same = self._operands == self._floats
        dZ = buffers.dO.to(self._operands)  # (q, n)
        for index in reversed(range(len(layers))):
            products, own = buffers.products[index], gradient.layers[index]
            if own.gamma is None or self._normalization is None:
                torch.sum(dZ, 1, dtype=self._floats, out=own.b)
            else:
                dZ, dgamma, db = self._normalization.backward(dZ, *tape.normalized[index], layers[index])  # (h, n)
                own.gamma.copy_(dgamma)
                own.b.copy_(db)
            gradients.append(products.gradient(dZ, tape.inputs[index], out=own.W if same else None))
            if index > 0:
                dH = products.below(layers[index].W, dZ, out=buffers.dH[index - 1])  # (h, n)
                if buffers.masks:
                    dH.mul_(buffers.masks[index - 1])
                dZ = self._phi[index - 1].backward(dH, *tape.hidden[index - 1])  # (h, n)
        return gradients[::-1]
