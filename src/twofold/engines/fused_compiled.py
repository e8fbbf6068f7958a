"""The fused engine with machine code between its large products, by Numba.

For the losses, and for a narrow last layer with what lies around it, PyTorch takes a dozen calls a step, each of which
has less to do than it costs; `twofold.engines.numba.head` goes through them at once.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from twofold.engines import numba as loops
from twofold.engines.fused import FusedEngine, factor_of
from twofold.engines.pytorch.buffers import Buffers, Tensors
from twofold.engines.pytorch.passes import Gradients
from twofold.errors import SpecificationError
from twofold.functions import LOSSES
from twofold.network import Network, Parameters
from twofold.recipe import Recipe
from twofold.validation import Block, Precision

Array = NDArray[Any]

BLOCK = 8  # units that machine code takes at a time, while a core's cache holds them

ready: set[tuple[Any, ...]] = set()  # kinds of networks that this process has machine code for


class HeadBuffers(Buffers):
    """Buffers with room for `twofold.engines.numba.head`.

    Attributes
    ----------
    O : Tensor, shape (q, n)
    block : Tensor, shape (BLOCK, n)
    """

    def __init__(self, network: Network, n: int, **kinds: Any) -> None:
        super().__init__(network, n, **kinds)
        self.O = torch.empty_like(self.dO)
        self.block = self.dO.new_empty(BLOCK, n)

    @cached_property
    def arrays(self) -> list[Array]:
        """The last H and dH, O, dO and block as arrays."""
        return [bits(tensor) for tensor in (self.H[-1], self.dH[-1], self.O, self.dO, self.block)]


class FusedCompiledEngine(FusedEngine):
    """`fused` on a CPU, with machine code where PyTorch has little to do; the protocol is `twofold.engines.Engine`.

    All from the last hidden layer's product to the loss and back is one piece of machine code, if there are hidden
    layers, at most `NARROW` outputs, and neither dropout nor a normalisation; else the loss is. There all is computed
    in the parameters' type, whatever that of the other products is.

    Raises
    ------
    SpecificationError
        If there are no loops for one of the network's functions, or they are to be Python, which has no bfloat16.
    """

    name = "fused-compiled"
    _kind_of_buffers = HeadBuffers

    def __init__(
        self, network: Network, parameters: Parameters, dtype: Precision, *, precision: str | None = None
    ) -> None:
        loops.take_up(network)
        if not loops.holds(network):
            raise SpecificationError(
                f"the fused-compiled engine lacks one of {network.activations} or {network.loss!r}; scratch has them"
            )
        if precision is not None and not loops.COMPILES:
            raise SpecificationError(f"NUMBA_DISABLE_JIT is set, and Python has no {precision}; fused has it")
        few, plain = network.outputs <= loops.MAX_NARROW_OUTPUTS, network.normalization is None and not network.dropout
        self._is_narrow = few and plain and bool(network.hidden)
        # For many numbers without exponentials PyTorch takes a few calls, in several threads.
        self._is_judge = few or LOSSES[network.loss].targets.has_accuracy
        self._plan = loops.plan_of(network)
        super().__init__(network, parameters, dtype, precision=precision)

    def _view(self) -> None:
        """View what machine code reads and writes in each step as arrays."""
        super()._view()
        (W, last_b), (dW, last_db) = (flat.layers[-1][:2] for flat in (self._theta, self._gradient))
        b, db = (flat.layers[-2 if self.network.hidden else -1].b for flat in (self._theta, self._gradient))
        self._totals = self._metrics.totals.numpy()
        self._arrays = [tensor.numpy() for tensor in (b, W, last_b, db, dW, last_db)]

    def load(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Check the samples and keep them as they are: bytes stay bytes."""
        super().load(X, y, sample_weight)
        weight = None if self._weight is None else self._weight.numpy()
        block = Block(np.empty((0, 0), self.dtype), self._y.numpy(), weight)  # nobody here reads X
        self._samples = loops.samples_of(block, outputs=self.network.outputs, dtype=self.dtype)
        kind = (loops.loss, self._is_narrow, self._is_judge, self.dtype, self.precision)
        if kind not in ready:
            self._prepare()
            ready.add(kind)

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser state and follow this recipe from step 0."""
        super().start(recipe)
        self._optimizer_config = loops.optimizer_config(recipe)

    def _gradients(self, rows: Tensor, layers: list[Tensors], buffers: Buffers) -> Gradients:
        """Go forward to the loss, and back to every weight; all around a narrow last layer in one go."""
        if not self._is_narrow:
            return super()._gradients(rows, layers, buffers)
        X = buffers.raw
        Z, factor, tape = self._passes.last_product(layers, X, factor_of(X), buffers)  # (h, |B|)
        loops.last_layers.run(*self._given(rows.numpy(), self._totals), *self._around(self._arrays, Z, factor, buffers))
        return [*self._passes.hidden_backward(buffers.dH[-1], tape, self._gradient), self._gradient.layers[-1].W]

    def _judge(self, rows: Tensor, O: Tensor, dO: Tensor) -> None:
        """Write the gradient dO (q, |B|) of the loss of the outputs O, and add to the running means."""
        if self._is_judge:
            loops.loss.run(*self._given(rows.numpy(), self._totals), O.numpy(), dO.numpy())
        else:
            super()._judge(rows, O, dO)

    def _given(self, rows: Array, totals: Array) -> tuple[Any, ...]:
        """Return what all machine code here wants first."""
        return (*self._plan, *self._optimizer_config, *self._samples, rows, totals)

    def _around(self, arrays: list[Array], Z: Tensor, factor: float, buffers: Buffers) -> tuple[Any, ...]:
        """Return what `last_layers` wants then; ``arrays`` are those of the two layers."""
        return (self._plan.activations[-1], factor, *arrays, bits(Z), *cast("HeadBuffers", buffers).arrays)

    def _prepare(self) -> None:
        """Have what is needed compiled, by going through a sample on arrays of no consequence."""
        given = self._given(np.zeros(1, np.int64), np.zeros(3))
        buffers = self._make_buffers(1, self._X.dtype)
        if self._is_narrow:
            arrays = [np.zeros_like(array) for array in self._arrays]
            loops.last_layers.prepare(*given, *self._around(arrays, buffers.Z[-1].zero_(), 1.0, buffers))
        elif self._is_judge:
            loops.loss.prepare(*given, buffers.dO.zero_().numpy(), buffers.dO.clone().numpy())


def bits(values: Tensor) -> Array:
    """View a tensor as an array; bfloat16, which NumPy lacks, as 16 bits."""
    return values.view(torch.int16).numpy().view(np.uint16) if values.dtype == torch.bfloat16 else values.numpy()
