"""Activations: what a hidden layer does to ``Z = X W + b``, number by number.

Each is a pair of pure functions of the pre-activation z: its value ``phi(z)`` and its derivative ``phi'(z)``, derived
by hand. ``xp`` is whatever has the functions for z: NumPy's for arrays, PyTorch's for tensors. So each formula stands
here and nowhere else, and every engine, export and trace reads it. The result has z's shape and dtype, float32 or
float64, and is finite wherever z is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from twofold.functions.expressions import is_piecewise_constant, record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

TINY = 1e-300  # next to nothing


def identity(z: Any, _xp: Any) -> Any:
    """``phi(z) = z``: no activation; a network of any depth then equals one layer."""
    return z


def identity_derivative(_z: Any, _xp: Any) -> Any:
    """``phi'(z) = 1``."""
    return 1


def relu(z: Any, xp: Any) -> Any:
    """``phi(z) = max(z, 0)``."""
    return xp.maximum(z, 0)


def relu_derivative(z: Any, xp: Any) -> Any:
    """``phi'(z) = 1 if z > 0 else 0``; at the kink 0, as in PyTorch."""
    return xp.where(z > 0, 1, 0)


def leaky_relu(z: Any, xp: Any) -> Any:
    """``phi(z) = max(z, z / 100)`` (Maas et al. 2013), so that no unit is without a gradient."""
    return xp.where(z > 0, z, z * 0.01)


def leaky_relu_derivative(z: Any, xp: Any) -> Any:
    """``phi'(z) = 1 if z > 0 else 1 / 100``."""
    return xp.where(z > 0, 1, 0.01)


def sigmoid(z: Any, xp: Any) -> Any:
    """``sigma(z) = 1 / (1 + exp(-z))``, from ``e = exp(-|z|)``, which can't overflow."""
    e = xp.exp(-xp.abs(z))
    return xp.maximum(xp.where(z >= 0, 1, 0), e) / (1 + e)  # 1 or e above


def sigmoid_derivative(z: Any, xp: Any) -> Any:
    """``sigma'(z) = sigma(z) sigma(-z) = e / (1 + e)^2`` with ``e = exp(-|z|)``."""
    e = xp.exp(-xp.abs(z))
    total = 1 + e
    return e / (total * total)


def tanh(z: Any, xp: Any) -> Any:
    """``phi(z) = tanh(z)``."""
    return xp.tanh(z)


def tanh_derivative(z: Any, xp: Any) -> Any:
    """``phi'(z) = 1 - tanh(z)^2``, written as ``4 sigma'(2 z)`` so that its tail doesn't cancel to 0."""
    e = xp.exp(-xp.abs(z))
    e = e * e
    total = 1 + e
    return 4 * e / (total * total)


def gelu(z: Any, xp: Any) -> Any:
    """``phi(z) = z Phi(z)``, Phi the normal distribution function (Hendrycks and Gimpel 2016, the exact form)."""
    return z * xp.ndtr(z)


def gelu_derivative(z: Any, xp: Any) -> Any:
    """``phi'(z) = Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi)``."""
    # Past |z| = 40 the density underflows to 0 in float64; cut there, or z^2 would overflow.
    near = xp.minimum(xp.maximum(z, -40), 40)
    density = xp.exp(-(near * near) / 2) / math.sqrt(2 * math.pi)
    return xp.ndtr(z) + near * density


def silu(z: Any, xp: Any) -> Any:
    """``phi(z) = z sigma(z)`` (Elfwing et al. 2018, doi:10.1016/j.neunet.2017.12.012)."""
    return z * sigmoid(z, xp)


def silu_derivative(z: Any, xp: Any) -> Any:
    """``phi'(z) = sigma(z) + z sigma'(z)``."""
    return sigmoid(z, xp) + z * sigmoid_derivative(z, xp)


def elu(z: Any, xp: Any) -> Any:
    """``phi(z) = z if z > 0 else exp(z) - 1`` (Clevert et al. 2016, arXiv:1511.07289)."""
    return xp.where(z > 0, z, xp.expm1(xp.minimum(z, 0)))


def elu_derivative(z: Any, xp: Any) -> Any:
    """``phi'(z) = 1 if z > 0 else exp(z)``."""
    return xp.exp(xp.minimum(z, 0))


def softplus(z: Any, xp: Any) -> Any:
    """``phi(z) = log(1 + exp(z))`` (Dugas et al. 2001), written as ``max(z, 0) + log(1 + exp(-|z|))``."""
    return xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z)))


def mish(z: Any, xp: Any) -> Any:
    """``phi(z) = z tanh(softplus(z))`` (Misra 2020, arXiv:1908.08681)."""
    return z * xp.tanh(softplus(z, xp))


def mish_derivative(z: Any, xp: Any) -> Any:
    """``phi'(z) = tanh(softplus(z)) + z tanh'(softplus(z)) sigma(z)``."""
    s = softplus(z, xp)
    return xp.tanh(s) + z * tanh_derivative(s, xp) * sigmoid(z, xp)


MISH_DERIVATIVE = "tanh(softplus(z)) + z * tanh_derivative(softplus(z)) * sigmoid(z)"


@dataclass(frozen=True)
class Activation:
    """An activation and its derivative.

    Attributes
    ----------
    phi, phi_derivative : callable
        Each of a number or array z and of ``xp``, the functions that go with it; see
        `twofold.functions.expressions.FUNCTIONS`. A constant may be returned as a number.
    formula, derivative_formula : str
        Both for people, as Python expressions of z; they are shown as text and in LaTeX.
    torch : str
        Its module in ``torch.nn``; if empty, autograd goes through `phi`.
    torch_options : mapping
        Arguments of that module.
    smooth : bool
        Whether phi is smooth at 0: has all its derivatives there.
    """

    phi: Callable[[Any, Any], Any]
    phi_derivative: Callable[[Any, Any], Any]
    formula: str
    derivative_formula: str
    torch: str = ""
    torch_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    smooth: bool = True

    def value(self, Z: Array) -> Array:
        """Return ``phi(Z)``: an array of Z's shape and dtype."""
        from twofold.functions.numpy_functions import of_type

        result: Array = self.phi(Z, of_type(Z.dtype))
        return result

    def derivative(self, Z: Array) -> Array:
        """Return ``phi'(Z)``: an array of Z's shape and dtype."""
        from twofold.functions.numpy_functions import of_type

        xp = of_type(Z.dtype)
        result: Array = xp.full(Z, self.phi_derivative(Z, xp))
        return result

    def value_and_derivative(self, Z: Array) -> tuple[Array, Array]:
        """Return both, the same numbers as one by one; what they have in common is computed once."""
        from twofold.functions.numpy_functions import of_type, together

        value, derivative = together(self.expressions, Z.dtype)(Z)
        return value, of_type(Z.dtype).full(Z, derivative)

    @cached_property
    def expressions(self) -> tuple[Any, Any]:
        """What `phi` and `phi_derivative` compute of ``z``, recorded: each an `Expression`, or a number."""
        return record(self.phi, "z"), record(self.phi_derivative, "z")

    @cached_property
    def kink(self) -> bool:
        """Whether phi has a kink at 0, where no derivative is."""
        import numpy as np  # not at the top: names and formulas are read where no number is

        before, after = self.derivative(np.array([-TINY, TINY]))
        return bool(before != after)

    @property
    def is_piecewise_linear(self) -> bool:
        """Whether phi is a straight line on each side of 0."""
        return is_piecewise_constant(self.expressions[1])


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(identity, identity_derivative, "z", "1", "Identity"),
    "relu": Activation(relu, relu_derivative, "max(z, 0)", "1 if z > 0 else 0", "ReLU", smooth=False),
    "leaky_relu": Activation(
        leaky_relu, leaky_relu_derivative, "max(z, z / 100)", "1 if z > 0 else 1 / 100", "LeakyReLU", smooth=False
    ),
    "sigmoid": Activation(sigmoid, sigmoid_derivative, "1 / (1 + exp(-z))", "phi(z) * (1 - phi(z))", "Sigmoid"),
    "tanh": Activation(tanh, tanh_derivative, "tanh(z)", "1 - tanh(z)**2", "Tanh"),
    "gelu": Activation(gelu, gelu_derivative, "z * ndtr(z)", "ndtr(z) + z * exp(-z**2 / 2) / sqrt(2 * pi)", "GELU"),
    "silu": Activation(silu, silu_derivative, "z * sigmoid(z)", "sigmoid(z) + z * sigmoid_derivative(z)", "SiLU"),
    "elu": Activation(elu, elu_derivative, "z if z > 0 else exp(z) - 1", "1 if z > 0 else exp(z)", "ELU", smooth=False),
    "softplus": Activation(softplus, sigmoid, "log(1 + exp(z))", "sigmoid(z)", "Softplus", {"threshold": 40}),
    "mish": Activation(mish, mish_derivative, "z * tanh(softplus(z))", MISH_DERIVATIVE, "Mish"),
}
