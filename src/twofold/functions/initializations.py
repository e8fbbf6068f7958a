"""Initialisations: the first weights W (inputs, outputs) of a layer. Biases start at 0, scales at 1.

They are drawn so that numbers neither grow nor vanish from layer to layer: the variance of a sum of ``inputs``
products is that many times the products'.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twofold.functions.configs import Constant
from twofold.values import POSITIVE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Shape = tuple[int, int]


def normal(generator: np.random.Generator, shape: Shape, *, sigma: float) -> Array:
    """Draw W from N(0, sigma^2)."""
    return sigma * generator.standard_normal(shape)


def xavier(generator: np.random.Generator, shape: Shape) -> Array:
    """Draw W uniformly from +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010)."""
    bound = math.sqrt(6 / sum(shape))
    return generator.uniform(-bound, bound, shape)


def he(generator: np.random.Generator, shape: Shape) -> Array:
    """Draw W from N(0, 2 / inputs) (He et al. 2015, doi:10.1109/ICCV.2015.123)."""
    return math.sqrt(2 / shape[0]) * generator.standard_normal(shape)


def zeros(_generator: np.random.Generator, shape: Shape) -> Array:
    """Set W to 0: right for a single layer; hidden units that start alike stay alike."""
    import numpy as np  # not at the top: names and formulas are read where no number is

    return np.zeros(shape)


@dataclass(frozen=True)
class Initialization:
    """How a layer's first weights are drawn.

    Attributes
    ----------
    draw : callable
        W, of a NumPy generator, the shape (inputs, outputs), and the constants by keyword.
    formula : str
        For people: a distribution of mean 0, ``normal(mean, variance)`` or ``uniform(low, high)``, or a number.
    constants : mapping of str to Constant
    """

    draw: Callable[..., Array]
    formula: str
    constants: Mapping[str, Constant] = field(default_factory=dict, hash=False)


SIGMA = Constant(0.01, POSITIVE, "standard deviation of the first weights")

INITIALIZATIONS: dict[str, Initialization] = {
    "normal": Initialization(normal, "normal(0, sigma**2)", {"sigma": SIGMA}),
    "xavier": Initialization(xavier, "uniform(-sqrt(6 / (inputs + outputs)), sqrt(6 / (inputs + outputs)))"),
    "he": Initialization(he, "normal(0, 2 / inputs)"),
    "zeros": Initialization(zeros, "0"),
}
