"""Activations: what a hidden layer does to ``Z = X W + b``, number by number.

Each is a pair of pure functions of the pre-activation Z: its value ``phi(Z)`` and its derivative ``phi'(Z)``.
Arrays of any shape, float32 or float64; the result has the shape and dtype of Z and is finite wherever Z is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def identity(Z: Array) -> Array:
    """``phi(z) = z``: no activation; a network of any depth then equals one layer."""
    return Z


def identity_derivative(Z: Array) -> Array:
    """``phi'(z) = 1``."""
    return np.ones_like(Z)


def relu(Z: Array) -> Array:
    """``phi(z) = max(z, 0)``."""
    return np.maximum(Z, 0)


def relu_derivative(Z: Array) -> Array:
    """``phi'(z) = 1 if z > 0 else 0``; at the kink 0, as in PyTorch."""
    return (Z > 0).astype(Z.dtype)


def sigmoid(Z: Array) -> Array:
    """``sigma(z) = 1 / (1 + exp(-z))``, written as ``exp(min(z, 0)) / (1 + exp(-|z|))``, which can't overflow."""
    return np.exp(np.minimum(Z, 0)) / (1 + np.exp(-np.abs(Z)))


def sigmoid_derivative(Z: Array) -> Array:
    """``sigma'(z) = sigma(z) sigma(-z) = e / (1 + e)^2`` with ``e = exp(-|z|)``."""
    e = np.exp(-np.abs(Z))
    return e / np.square(1 + e)


def tanh(Z: Array) -> Array:
    """``phi(z) = tanh(z)``."""
    return np.tanh(Z)


def tanh_derivative(Z: Array) -> Array:
    """``phi'(z) = 1 - tanh(z)^2``, written as ``4 sigma'(2 z)`` so that its tail doesn't cancel to 0."""
    e = np.square(np.exp(-np.abs(Z)))
    return 4 * e / np.square(1 + e)


def gelu(Z: Array) -> Array:
    """``phi(z) = z Phi(z)``, Phi the normal distribution function (Hendrycks and Gimpel 2016, the exact form)."""
    return Z * _normal(Z)


def gelu_derivative(Z: Array) -> Array:
    """``phi'(z) = Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi)``."""
    # Past |z| = 40 the density underflows to 0 in float64; cut there, or z^2 would overflow.
    z = np.clip(Z, -40, 40)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return _normal(Z) + z * density


def _normal(Z: Array) -> Array:
    """``Phi(z)``, the normal distribution function."""
    from scipy.special import ndtr  # not at the top: the import takes 0.15 s and 10 MiB, and most networks do without

    result: Array = ndtr(Z)
    return result


def silu(Z: Array) -> Array:
    """``phi(z) = z sigma(z)`` (Elfwing et al. 2018, doi:10.1016/j.neunet.2017.12.012)."""
    return Z * sigmoid(Z)


def silu_derivative(Z: Array) -> Array:
    """``phi'(z) = sigma(z) + z sigma'(z)``."""
    return sigmoid(Z) + Z * sigmoid_derivative(Z)


@dataclass(frozen=True)
class Activation:
    """An activation and its derivative.

    Attributes
    ----------
    value, derivative : callable
        ``phi`` and ``phi'``, each from Z (any shape) to an array of its shape and dtype.
    kink : bool
        Whether phi has a kink at 0, where no derivative is.
    """

    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    kink: bool = False


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(identity, identity_derivative),
    "relu": Activation(relu, relu_derivative, kink=True),
    "sigmoid": Activation(sigmoid, sigmoid_derivative),
    "tanh": Activation(tanh, tanh_derivative),
    "gelu": Activation(gelu, gelu_derivative),
    "silu": Activation(silu, silu_derivative),
}
