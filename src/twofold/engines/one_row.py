"""One sample through the network, in microseconds: NumPy on the parameters of `fused`, where they lie.

A batch is worth PyTorch's calls; for one row they would cost more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from twofold.borders import Precision, check_features, floats
from twofold.functions import ACTIVATIONS
from twofold.network import Network

Array = NDArray[Any]


class OneRow:
    """Computes ``o = W phi(... W x + b ...) + b`` for one sample x (d,).

    Parameters
    ----------
    network : Network
    layers : sequence of (W, b)
        On the CPU, W of shape (outputs, inputs); seen as arrays, so that it is always the present ones that count.
    dtype : {"float32", "float64"}
    """

    def __init__(self, network: Network, layers: Sequence[tuple[Tensor, Tensor]], dtype: Precision) -> None:
        self._network = network
        self._name = dtype
        self._dtype = np.dtype(dtype)
        self._shape = (network.inputs,)
        arrays = [(W.numpy(), b.numpy()) for W, b in layers]
        self._hidden = [(W, b, np.empty_like(b)) for W, b in arrays[:-1]]  # with a buffer of each layer's Z
        self._last = arrays[-1]
        self._phi = ACTIVATIONS[network.activation].value
        self._relu = network.activation == "relu"

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, x: ArrayLike) -> Array:
        """Return the raw outputs (q,); raise `DataError` if x doesn't fit."""
        h = self._checked(x)  # (d,)
        for W, b, z in self._hidden:
            np.dot(W, h, out=z)  # (h,)
            np.add(z, b, out=z)
            h = np.maximum(z, 0, out=z) if self._relu else self._phi(z)
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
