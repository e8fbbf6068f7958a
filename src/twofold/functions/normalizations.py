"""Normalisations: what is done to the pre-activations Z (n, h) of a hidden layer before its activation.

Each brings numbers that belong together to mean 0 and variance 1: batch normalisation those of one unit over the
samples of a minibatch, layer normalisation those of one sample over the units of the layer. With m and v their mean and
variance (of 1/n), ``Z_hat = (Z - m) / sqrt(v + epsilon)``; the layer goes on with ``gamma Z_hat + b``.

Batch normalisation can't predict by the minibatch that a sample happens to be in. It keeps running means and variances,
``mean <- 0.9 mean + 0.1 m``, ``variance <- 0.9 variance + 0.1 v n / (n - 1)``, and predicts with those. Constants and
conventions are PyTorch's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from twofold.functions.configs import Constant
from twofold.functions.formulas import Written
from twofold.values import POSITIVE, Range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

CONSTANTS = {
    "epsilon": Constant(1e-5, POSITIVE, "what is added to a variance before its root"),
    "rate": Constant(0.1, Range(0, 1, "more than 0 and less than 1"), "what a minibatch counts in running means"),
}
EPSILON, RATE = CONSTANTS["epsilon"].default, CONSTANTS["rate"].default


class Normalized(NamedTuple):
    """Normalised numbers, and what the way back needs.

    Attributes
    ----------
    Z_hat : ndarray, shape (n, h)
    mean, variance : ndarray, shape (1, h) or (n, 1)
        m and v.
    scale : ndarray, of the same shape
        ``1 / sqrt(v + epsilon)``.
    """

    Z_hat: Array
    mean: Array
    variance: Array
    scale: Array


@dataclass(frozen=True)
class Normalization:
    """A normalisation; which numbers belong together is all in which they differ.

    Attributes
    ----------
    axis : int
        Along which numbers belong together: 0 for samples, 1 for units.
    over : str
        The same for people: ``"samples"`` or ``"units"``.
    running : bool
        Whether predictions need running means and variances.
    statistics_formula, formula, backward_formula : Written
        For people: of the mean ``{m}`` and variance ``{v}`` of ``{z}``, of Z_hat, and of the gradient at Z, from
        ``{dz_hat}`` at Z_hat and ``{z_hat}``.
    """

    axis: int
    over: str
    running: bool
    statistics_formula: ClassVar[Written] = Written(
        "{m} = mean {z}, {v} = mean ({z} - {m})^2",
        r"{m} = \operatorname{{mean}} {z}, \quad {v} = \operatorname{{mean}}\,({z} - {m})^2",
    )
    formula: ClassVar[Written] = Written(
        f"({{z}} - {{m}}) / sqrt({{v}} + {EPSILON:g})", r"\frac{{{z} - {m}}}{{\sqrt{{{v} + \varepsilon}}}}"
    )
    backward_formula: ClassVar[Written] = Written(
        f"({{dz_hat}} - mean {{dz_hat}} - {{z_hat}} mean({{dz_hat}} * {{z_hat}})) / sqrt({{v}} + {EPSILON:g})",
        r"\frac{{1}}{{\sqrt{{{v} + \varepsilon}}}} \Bigl({dz_hat} - \operatorname{{mean}} {dz_hat}"
        r" - {z_hat} \odot \operatorname{{mean}}\bigl({dz_hat} \odot {z_hat}\bigr)\Bigr)",
    )

    def value(self, Z: Array) -> Normalized:
        """Normalise Z (n, h)."""
        import numpy as np  # not at the top: names and formulas are read where no number is

        m = Z.mean(axis=self.axis, keepdims=True)
        centred = Z - m
        v = np.square(centred).mean(axis=self.axis, keepdims=True)
        scale = 1 / np.sqrt(v + EPSILON)
        return Normalized(centred * scale, m, v, scale)

    def backward(self, dZ_hat: Array, kept: Normalized) -> Array:
        """Carry a gradient back through Z_hat, m and v, which all depend on Z.

        With means taken along the axis, ``dZ = (dZ_hat - mean(dZ_hat) - Z_hat mean(dZ_hat Z_hat)) / sqrt(v + epsilon)``
        (Ioffe and Szegedy 2015, arXiv:1502.03167, section 3, put together).

        Parameters
        ----------
        dZ_hat : ndarray, shape (n, h)
        kept : Normalized

        Returns
        -------
        dZ : ndarray, shape (n, h)
        """
        along = (dZ_hat * kept.Z_hat).mean(axis=self.axis, keepdims=True)
        return (dZ_hat - dZ_hat.mean(axis=self.axis, keepdims=True) - kept.Z_hat * along) * kept.scale


NORMALIZATIONS: dict[str, Normalization] = {
    "batch": Normalization(axis=0, over="samples", running=True),
    "layer": Normalization(axis=1, over="units", running=False),
}
