"""The heads of `fused`: from the last layers' inputs to the loss and back, by PyTorch's calls or by Numba's loops.

For a loss, and for a narrow last layer with what lies around it, PyTorch takes a dozen calls a step, whose overhead
exceeds the work; `twofold.engines.numba.head` does all of it in one loop.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twofold.engines.choice import MAX_NARROW_OUTPUTS, NUMBA, has, numba_helps
from twofold.engines.pytorch.buffers import Buffers, Flat, Tensors, bits
from twofold.engines.pytorch.kernels import loss_of, shares, smooth
from twofold.engines.pytorch.passes import Gradients, Passes
from twofold.engines.pytorch.running_metrics import RunningMetrics
from twofold.errors import SpecificationError
from twofold.functions import LOSSES
from twofold.network import Network
from twofold.recipe import Recipe
from twofold.validation import Block

Array = NDArray[Any]

ready: set[tuple[Any, ...]] = set()  # kinds of networks that this process has machine code for


class Samples(NamedTuple):
    """The loaded set: bytes stay bytes.

    Attributes
    ----------
    X, y : Tensor
        Of n rows.
    weight : Tensor, shape (n,), or None
    """

    X: Tensor
    y: Tensor
    weight: Tensor | None


class Training(NamedTuple):
    """What a head works on."""

    network: Network
    recipe: Recipe
    passes: Passes
    theta: Flat
    gradient: Flat
    samples: Samples
    metrics: RunningMetrics
    make_buffers: Callable[[int, torch.dtype], Buffers]


class Head(Protocol):
    """Goes forward to the loss and back.

    Attributes
    ----------
    name : str
        In `twofold.engines.choice.HEADS`.
    """

    name: str

    def gradients(self, rows: Tensor, layers: list[Tensors], buffers: Buffers) -> Gradients:
        """Gather rows, go forward to their loss and back to every weight, and add to the running means.

        Parameters
        ----------
        rows : Tensor of int64, shape (|B|,)
        layers : list of Tensors
            As the products read them.
        buffers : Buffers

        Returns
        -------
        list of Tensor
            Each dW, as of `Passes.backward`; db and dgamma go to the flat gradient.
        """
        ...


class TorchHead:
    """PyTorch's calls."""

    name = "pytorch"

    def __init__(self, training: Training) -> None:
        self._training = training
        self._loss = loss_of(training.network.loss)
        self._targets = LOSSES[training.network.loss].targets

    def gradients(self, rows: Tensor, layers: list[Tensors], buffers: Buffers) -> Gradients:
        """Go forward to the loss and back."""
        passes, samples = self._training.passes, self._training.samples
        X = torch.index_select(samples.X, 0, rows, out=buffers.raw)  # (|B|, d)
        O, tape = passes.forward(layers, X, factor_of(X), buffers, training=True)  # (q, |B|)
        self._judge(rows, O, buffers.dO)
        return passes.backward(tape, self._training.gradient)

    def _judge(self, rows: Tensor, O: Tensor, dO: Tensor) -> None:
        """Write the gradient dO (q, |B|) of the loss of the outputs O, and see to the running means."""
        _, targets, weights = self._training.samples
        y = targets.index_select(0, rows).t()  # (|B|,) or (q, |B|)
        weight = None if weights is None else weights.index_select(0, rows)
        share, smoothing = shares(len(rows), weight), self._training.recipe.label_smoothing
        losses = self._loss(O, y, share, dO)  # (|B|,)
        if smoothing:
            losses = smooth(losses, dO, O, y, share=share, smoothing=smoothing, targets=self._targets)
        self._training.metrics.add(losses, O, y, weight)


class NumbaHead:
    """Numba's loops, on a CPU.

    All from the last hidden layer's product to the loss and back is one piece of machine code, if there are hidden
    layers, at most `MAX_NARROW_OUTPUTS` outputs, and neither dropout nor a normalisation; else the loss is. There all
    is computed in the parameters' type, whatever that of the other products is.
    """

    name = "numba"

    def __init__(self, training: Training) -> None:
        from twofold.engines import numba as loops  # not at the top: its compiler takes 0.35 s and 125 MiB

        network, recipe = training.network, training.recipe
        loops.take_up(network, recipe)
        self._loops, self._training = loops, training
        narrow, plain = network.outputs <= MAX_NARROW_OUTPUTS, network.normalization is None and not network.dropout
        self._is_narrow = narrow and plain and bool(network.hidden)
        plan, step_config = loops.plan_of(network), loops.step_config(recipe)
        _, y, weight = training.samples
        theta = training.theta.all.numpy()
        no_X = theta[:0].reshape(0, 0)  # which no loop here reads
        block = Block(no_X, y.numpy(), None if weight is None else weight.numpy())
        samples = loops.samples_of(block, outputs=network.outputs, dtype=theta.dtype.name)
        self._packed = loops.pack(plan, step_config, samples)
        self._phi = plan.activations[-1] if self._is_narrow else None
        self._totals = training.metrics.totals.numpy()
        self._arrays = self._last_arrays() if self._is_narrow else []
        self._prepare(training.make_buffers(1, training.samples.X.dtype))

    def _last_arrays(self) -> list[Array]:
        """View the last hidden layer's b, the last layer's W and b, and their gradients db, dW and db as arrays."""
        pairs = (flat.layers[-2:] for flat in (self._training.theta, self._training.gradient))
        return [tensor.numpy() for hidden, last in pairs for tensor in (hidden.b, last.W, last.b)]

    def _prepare(self, buffers: Buffers) -> None:
        """Have what is needed compiled, by going through one sample on dummy arrays."""
        loops = self._loops
        kind = (loops.loss, self._is_narrow, buffers.dO.dtype, buffers.X.dtype)
        if kind in ready:
            return
        given = (*self._packed, np.zeros(1, np.int64), np.zeros(3))
        buffers.dO.zero_()
        if self._is_narrow:
            arrays = [np.zeros_like(array) for array in self._arrays]
            loops.last_layers.prepare(*given, *self._around(arrays, buffers.Z[-1].zero_(), 1.0, buffers))
        else:
            loops.loss.prepare(*given, buffers.dO.numpy(), buffers.dO.clone().numpy())
        ready.add(kind)

    def gradients(self, rows: Tensor, layers: list[Tensors], buffers: Buffers) -> Gradients:
        """Go forward to the loss and back."""
        loops, passes, gradient = self._loops, self._training.passes, self._training.gradient
        X = torch.index_select(self._training.samples.X, 0, rows, out=buffers.raw)  # (|B|, d)
        given = (*self._packed, rows.numpy(), self._totals)
        if not self._is_narrow:
            O, tape = passes.forward(layers, X, factor_of(X), buffers, training=True)  # (q, |B|)
            loops.loss.run(*given, O.numpy(), buffers.dO.numpy())
            return passes.backward(tape, gradient)
        Z, factor, tape = passes.last_product(layers, X, factor_of(X), buffers)  # (h, |B|)
        loops.last_layers.run(*given, *self._around(self._arrays, Z, factor, buffers))
        return [*passes.hidden_backward(buffers.dH[-1], tape, gradient), gradient.layers[-1].W]

    def _around(self, arrays: list[Array], Z: Tensor, factor: float, buffers: Buffers) -> tuple[Any, ...]:
        """Return what `last_layers` wants then."""
        return (self._phi, factor, *arrays, bits(Z), *buffers.arrays)


def factor_of(X: Tensor) -> float:
    """Return what features of this type are multiplied by: a byte b stands for b / 255."""
    return 1 / 255 if X.dtype == torch.uint8 else 1.0


def make_head(training: Training, wanted: str, *, asked: bool) -> Head:
    """Make the head that is wanted, or PyTorch's where Numba's has nothing to do or, unless asked for, can't be had."""
    network, on_cpu = training.network, training.theta.all.device.type == "cpu"
    if wanted != "numba" or not numba_helps(network):
        return TorchHead(training)
    if asked or (on_cpu and has(NUMBA, network)):
        return NumbaHead(training)
    warnings.warn(
        "the last layers were computed by Numba's loops, which can't be had here: from here on the run is the same to "
        "rounding, not to the bit",
        UserWarning,
        stacklevel=5,
    )
    return TorchHead(training)


def check_numba_head(network: Network, device: str, precision: str | None) -> None:
    """Raise `SpecificationError` or ImportError if Numba's head can't be had."""
    from twofold.engines import numba as loops  # not at the top: its compiler takes 0.35 s and 125 MiB

    if device != "cpu":
        raise SpecificationError(f"head 'numba' computes on a CPU; device is {device!r}: use head 'pytorch'")
    loops.take_up(network)
    if not loops.holds(network):
        raise SpecificationError(
            f"head 'numba' lacks one of {network.activations} or {network.loss!r}; head 'pytorch' has them"
        )
    if precision is not None and not loops.COMPILES:
        raise SpecificationError(f"NUMBA_DISABLE_JIT is set, and Python has no {precision}; use head 'pytorch'")
