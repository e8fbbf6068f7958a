"""One sample through the network, in microseconds: NumPy on the parameters of `fused`, where they lie.

A batch is worth PyTorch's calls; for one row they would cost more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.engines.pytorch.buffers import Tensors
from twofold.functions import ACTIVATIONS
from twofold.network import Network
from twofold.validation import Precision, check_features, floats

Array = NDArray[Any]


class SingleSample:
    """Computes ``o = W phi(... W x + b ...) + b`` for one sample x (d,).

    Parameters
    ----------
    network : Network
        Without a normalisation.
    layers : sequence of Tensors
        On the CPU, W of shape (outputs, inputs); seen as arrays, so that it is always the present ones that count.
    dtype : {"float32", "float64"}
    """

    def __init__(self, network: Network, layers: Sequence[Tensors], dtype: Precision) -> None:
        self._network = network
        self._name = dtype
        self._dtype = np.dtype(dtype)
        self._shape = (network.inputs,)
        arrays = [(layer.W.numpy(), layer.b.numpy()) for layer in layers]
        phi = [None if name == "relu" else ACTIVATIONS[name].value for name in network.activations]
        self._hidden = [(W, b, f) for (W, b), f in zip(arrays, phi, strict=False)]  # ReLU, named None, writes over z
        self._last = arrays[-1]

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, x: ArrayLike) -> Array:
        """Return the raw outputs (q,); raise `DataError` if x doesn't fit."""
        h = self._checked(x)  # (d,)
        for W, b, phi in self._hidden:
            z = np.dot(W, h)  # (h,), memory of its own: several threads may ask at once
            z += b
            h = np.maximum(z, 0, out=z) if phi is None else phi(z)
        W, b = self._last
        o: Array = np.dot(W, h)  # (q,)
        o += b
        return o

    def _checked(self, x: ArrayLike) -> Array:
        """Return x in the parameters' type; what is in doubt goes to the border, which knows what to say."""
        if isinstance(x, np.ndarray) and x.shape == self._shape and x.dtype == self._dtype and _finite(x):
            return x
        row: Array = check_features(self._network, np.asarray(x)[None], dtype=self._name)[0]
        return floats(row, self._name)


def _finite(x: Array) -> bool:
    return bool(np.isfinite(x).all())
