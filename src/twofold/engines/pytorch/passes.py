"""The way of `fused` through a network: ``forward`` and ``backward`` of ``scratch.py``, in place.

Samples are columns: what is (n, h) there is (h, n) here, so ``Z = W H + b``;
``twofold.engines.pytorch.products`` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from twofold.engines.pytorch.buffers import Buffers, Flat, Tensors
from twofold.engines.pytorch.kernels import activation_of
from twofold.engines.pytorch.normalizations import NORMALIZATIONS, Statistics
from twofold.network import Network

Array = NDArray[Any]
Gradients = list[Tensor]

ROWS = 512  # that go forward at a time on a CPU: enough for the products' speed, few enough for a cache
ROWS_ON_DEVICE = 8192  # elsewhere, where each part ends in waiting


class Tape(NamedTuple):
    """What the forward pass keeps for the backward pass.

    Attributes
    ----------
    layers : list of Tensors
        As the products read them.
    buffers : Buffers
        In which the forward pass worked, and the backward pass is to.
    inputs : list of Tensor
        Each layer's input: X, then each H after its activation and dropout.
    hidden : list of (Z, H)
        What each hidden layer's activation was given, and what it made of it; one that doesn't need Z again has written
        H over it.
    normalized : list of (Z, statistics)
        What each hidden layer normalised; empty without a normalisation.
    """

    layers: list[Tensors]
    buffers: Buffers
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
        self._phi = [activation_of(name) for name in network.activations]
        self._normalization = None if network.normalization is None else NORMALIZATIONS[network.normalization]

    def forward(
        self, layers: list[Tensors], X: Tensor, factor: float, buffers: Buffers, *, training: bool = False
    ) -> tuple[Tensor, Tape]:
        """Compute the outputs O.

        Parameters
        ----------
        layers, X, factor, buffers, training
            As for `hidden`.

        Returns
        -------
        O : Tensor, shape (q, n)
            In memory of their own.
        tape : Tape
        """
        tape = self.hidden(layers, X, factor, buffers, training=training)
        W, b = layers[-1].W, layers[-1].b
        O = buffers.products[-1].affine(W, tape.inputs[-1], b=b, scale=1.0 if tape.hidden else factor)  # (q, n)
        return O, tape

    def hidden(
        self, layers: list[Tensors], X: Tensor, factor: float, buffers: Buffers, *, training: bool = False
    ) -> Tape:
        """Compute ``H = phi(W H + b)``, hidden layer by hidden layer.

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
        Tape
        """
        H = (X if X.dtype == self._operands else buffers.X.copy_(X)).t()  # (d, n)
        tape = Tape(layers, buffers, [H], [], [])
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
        return tape

    def last_product(
        self, layers: list[Tensors], X: Tensor, factor: float, buffers: Buffers
    ) -> tuple[Tensor, float, Tape]:
        """Go up to the last hidden layer's product, in training and without a normalisation.

        Parameters
        ----------
        layers, X, factor, buffers
            As for `hidden`.

        Returns
        -------
        Z : Tensor, shape (h, n)
            Without b.
        factor : float
            What Z is still to be multiplied by.
        tape : Tape
            Up to this layer's input.
        """
        tape = self.hidden(layers[:-1], X, factor, buffers, training=True)._replace(layers=layers)
        Z = buffers.products[-2].affine(layers[-2].W, tape.inputs[-1], b=None, out=buffers.Z[-1])  # (h, n)
        return Z, 1.0 if tape.hidden else factor, tape

    def in_parts(
        self, layers: list[Tensors], features: Tensor, factor: float, *, make_buffers: Callable[[int], Buffers]
    ) -> Iterator[tuple[slice, Array]]:
        """Go forward some rows at a time; yield which, and their outputs (rows, q)."""
        device = layers[0].W.device
        most = max(1, min(ROWS if device.type == "cpu" else ROWS_ON_DEVICE, len(features)))
        buffers = make_buffers(most)
        for rows in (slice(i, i + most) for i in range(0, len(features), most)):
            part = features[rows].to(device)
            if len(part) < buffers.n:
                buffers = make_buffers(len(part))
            O, _ = self.forward(layers, part, factor, buffers)
            yield rows, O.t().cpu().numpy()

    def backward(self, tape: Tape, gradient: Flat) -> Gradients:
        """Carry the ``dO`` (q, n) of the buffers back to every weight.

        Parameters
        ----------
        tape : Tape
            Of the forward pass.
        gradient : Flat
            Takes each db and dgamma.

        Returns
        -------
        list of Tensor, shape (outputs, inputs) each
            Each dW, not yet times the features' factor; where the operands have the gradient's type it may lie there.
        """
        buffers = tape.buffers
        dZ = buffers.dO.to(self._operands)  # (q, n)
        torch.sum(dZ, 1, dtype=self._floats, out=gradient.layers[-1].b)
        dW = self._gradient(-1, dZ, tape, gradient)
        if not tape.hidden:
            return [dW]
        dH = buffers.products[-1].below(tape.layers[-1].W, dZ, out=buffers.dH[-1])  # (h, n)
        dZ = self._through_activation(len(tape.hidden) - 1, dH, tape, gradient)
        return [*self.hidden_backward(dZ, tape, gradient), dW]

    def hidden_backward(self, dZ: Tensor, tape: Tape, gradient: Flat) -> Gradients:
        """Carry dZ (h, n), the gradient of the last hidden layer's activation's argument, back to the hidden weights.

        Parameters
        ----------
        dZ : Tensor, shape (h, n)
        tape, gradient
            As for `backward`.

        Returns
        -------
        list of Tensor, shape (outputs, inputs) each
            As of `backward`, without the last layer's.
        """
        gradients, buffers = [], tape.buffers
        for index in range(len(tape.layers) - 2, 0, -1):
            gradients.append(self._gradient(index, dZ, tape, gradient))
            dH = buffers.products[index].below(tape.layers[index].W, dZ, out=buffers.dH[index - 1])  # (h, n)
            dZ = self._through_activation(index - 1, dH, tape, gradient)
        return [self._gradient(0, dZ, tape, gradient), *reversed(gradients)]

    def _through_activation(self, index: int, dH: Tensor, tape: Tape, gradient: Flat) -> Tensor:
        """Carry dH (h, n), overwritten, back through dropout, activation and normalisation, and to db and dgamma."""
        own, masks = gradient.layers[index], tape.buffers.masks
        if masks:
            dH.mul_(masks[index])
        dZ = self._phi[index].backward(dH, *tape.hidden[index])  # (h, n)
        if own.gamma is None or self._normalization is None:
            torch.sum(dZ, 1, dtype=self._floats, out=own.b)
            return dZ
        dZ, dgamma, db = self._normalization.backward(dZ, *tape.normalized[index], tape.layers[index])  # (h, n)
        own.gamma.copy_(dgamma)
        own.b.copy_(db)
        return dZ

    def _gradient(self, index: int, dZ: Tensor, tape: Tape, gradient: Flat) -> Tensor:
        """Compute a layer's dW."""
        out = gradient.layers[index].W if self._operands == self._floats else None
        return tape.buffers.products[index].gradient(dZ, tape.inputs[index], out=out)
