"""What a model is: the layer widths, the activation between the layers, the loss on top; and its parameters.

Linear regression is ``Network((d, 1), loss="squared")``, softmax regression ``Network((d, q), loss="cross_entropy")``,
the multilayer perceptron ``Network((d, h, q), activation="relu", loss=...)``: one family, told apart by data alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twofold.errors import SpecificationError, check_name
from twofold.functions import ACTIVATIONS, LOSSES
from twofold.randomness import Purpose, stream

Array = NDArray[Any]


@dataclass(frozen=True)
class Network:
    """A fully connected network: plain, immutable data.

    Hidden layers compute ``H = phi(X W + b)``, the last one ``O = H W + b``.

    Parameters
    ----------
    widths : tuple of int
        Number of inputs, of units of each hidden layer, of outputs: (d, h, ..., q); at least (d, q).
    activation : str
        phi, a name in `twofold.functions.ACTIVATIONS`; unused without a hidden layer.
    loss : str
        A name in `twofold.functions.LOSSES`.
    dropout : float
        Probability with which each hidden unit is dropped in a training step, 0 <= dropout < 1. The units that stay
        are divided by 1 - dropout (Srivastava et al. 2014, in the inverted form of PyTorch), so that prediction
        needs no change.

    Raises
    ------
    SpecificationError
        If a width is not a positive integer, dropout is out of range, or a name is unknown.

    Examples
    --------
    >>> network = Network((784, 256, 10), activation="relu", loss="cross_entropy")
    >>> network.n_parameters
    203530
    """

    widths: tuple[int, ...]
    activation: str = "relu"
    loss: str = "cross_entropy"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        widths = _as_tuple(self.widths)
        if len(widths) < 2 or any(not _is_count(w) for w in widths):
            raise SpecificationError(f"widths are {widths}; expected at least two positive integers, inputs to outputs")
        object.__setattr__(self, "widths", tuple(int(w) for w in widths))
        check_name("activation", self.activation, ACTIVATIONS)
        check_name("loss", self.loss, LOSSES)
        if not 0 <= self.dropout < 1:
            raise SpecificationError(f"dropout is {self.dropout}; it must be at least 0 and less than 1")
        least = LOSSES[self.loss].least_outputs
        if self.outputs < least:
            raise SpecificationError(
                f"loss {self.loss!r} with {self.outputs} output: it compares classes and needs at least {least} outputs"
            )

    @property
    def inputs(self) -> int:
        """Number of features, d."""
        return self.widths[0]

    @property
    def outputs(self) -> int:
        """Number of outputs, q."""
        return self.widths[-1]

    @property
    def hidden(self) -> tuple[int, ...]:
        """Number of units of each hidden layer."""
        return self.widths[1:-1]

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shape (inputs, outputs) of each layer's W."""
        return tuple(zip(self.widths, self.widths[1:], strict=False))

    @property
    def activations(self) -> tuple[str, ...]:
        """The activation of each hidden layer."""
        return (self.activation,) * len(self.hidden)

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return sum((rows + 1) * columns for rows, columns in self.shapes)


def _as_tuple(widths: object) -> tuple[Any, ...]:
    return tuple(widths) if isinstance(widths, Iterable) else (widths,)


def _is_count(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)


class Layer(NamedTuple):
    """One affine map, ``X W + b``; also used for what has its shapes, such as gradients.

    Attributes
    ----------
    W : ndarray, shape (inputs, outputs)
    b : ndarray, shape (outputs,)
    """

    W: Array
    b: Array


Parameters = tuple[Layer, ...]


def normal(generator: np.random.Generator, shape: tuple[int, int], sigma: float) -> Array:
    """Draw W from N(0, sigma^2)."""
    return sigma * generator.standard_normal(shape)


def xavier(generator: np.random.Generator, shape: tuple[int, int], _sigma: float) -> Array:
    """Draw W uniformly from +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010)."""
    bound = np.sqrt(6 / sum(shape))
    return generator.uniform(-bound, bound, shape)


def he(generator: np.random.Generator, shape: tuple[int, int], _sigma: float) -> Array:
    """Draw W from N(0, 2 / inputs) (He et al. 2015, doi:10.1109/ICCV.2015.123)."""
    return np.sqrt(2 / shape[0]) * generator.standard_normal(shape)


def zeros(_generator: np.random.Generator, shape: tuple[int, int], _sigma: float) -> Array:
    """Set W to 0: right for a single layer; hidden units that start alike stay alike."""
    return np.zeros(shape)


INITIALIZATIONS: dict[str, Callable[[np.random.Generator, tuple[int, int], float], Array]] = {
    "normal": normal,
    "xavier": xavier,
    "he": he,
    "zeros": zeros,
}


def initialize(
    network: Network, seed: int = 0, *, initialization: str = "normal", sigma: float = 0.01, dtype: str = "float64"
) -> Parameters:
    """Draw a network's first parameters; biases start at 0.

    Parameters
    ----------
    network : Network
    seed : int
        One seed gives every engine the same start, layer by layer.
    initialization : str
        A name in `INITIALIZATIONS`.
    sigma : float
        Standard deviation of ``"normal"``; 0.01 is that of the published results. Positive.
    dtype : str
        ``"float32"`` (the float64 draws, rounded) or ``"float64"``.

    Returns
    -------
    parameters : Parameters
        A `Layer` (W, b) of each layer.

    Raises
    ------
    SpecificationError
        If a name is unknown or sigma is not positive.

    Examples
    --------
    >>> [layer.W.shape for layer in initialize(Network((4, 5, 3)))]
    [(4, 5), (5, 3)]
    """
    draw = INITIALIZATIONS[check_name("initialization", initialization, INITIALIZATIONS)]
    if not 0 < sigma < np.inf:
        raise SpecificationError(f"sigma is {sigma}; it must be positive and finite")
    return tuple(
        Layer(
            draw(stream(seed, Purpose.WEIGHTS, index), shape, sigma).astype(dtype, copy=False),
            np.zeros(shape[1], dtype=dtype),
        )
        for index, shape in enumerate(network.shapes)
    )


def check_parameters(network: Network, parameters: Sequence[tuple[Array, Array]], dtype: str) -> Parameters:
    """Copy parameters given from outside, checked against the network.

    Parameters
    ----------
    network : Network
    parameters : sequence of (W, b)
        W of shape (inputs, outputs), b of shape (outputs,), layer by layer.
    dtype : str
        Type of the copies.

    Returns
    -------
    parameters : Parameters
        A `Layer` (W, b) of each layer.

    Raises
    ------
    SpecificationError
        If the number of layers or a shape differs from the network's, or a number is not finite.
    """
    layers = tuple(Layer(np.array(W, dtype=dtype), np.array(b, dtype=dtype)) for W, b in parameters)
    got = [(layer.W.shape, layer.b.shape) for layer in layers]
    expected = [(shape, (shape[1],)) for shape in network.shapes]
    if not all(np.isfinite(array).all() for layer in layers for array in layer):
        raise SpecificationError("parameters hold a number that is not finite")
    if got != expected:
        raise SpecificationError(f"parameters have shapes {got}; the network {network.widths} has {expected}")
    return layers


def largest(parameters: Parameters) -> float:
    """Return the largest absolute value among all weights and biases; NaN if one is NaN."""
    return float(np.max([np.max(np.abs(array)) for layer in parameters for array in layer]))


def distance(first: Parameters, second: Parameters) -> float:
    """Return the largest absolute difference between two networks' parameters."""
    differences = tuple(Layer(a.W - b.W, a.b - b.b) for a, b in zip(first, second, strict=True))
    return largest(differences)
