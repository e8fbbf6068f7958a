"""What a model is: the layer widths, the activation between the layers, the loss on top; and its parameters.

Linear regression is ``Network((d, 1), loss="squared")``, softmax regression ``Network((d, q), loss="cross_entropy")``,
the multilayer perceptron ``Network((d, h, q), activation="relu", loss=...)``: one family, told apart by data alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import SpecificationError, check_name, show
from twofold.functions import ACTIVATIONS, INITIALIZATIONS, LOSSES, NORMALIZATIONS
from twofold.functions.initializations import SIGMA
from twofold.functions.links import EXPONENTIAL
from twofold.randomness import Purpose, stream
from twofold.values import count, is_real

Array = NDArray[Any]

MAX_WEIGHTS = 2**56  # weights in one layer; NumPy has no array that is much larger


@dataclass(frozen=True)
class Network:
    """A fully connected network: plain, immutable data.

    Hidden layers compute ``H = phi(X W + b)``, the last one ``O = H W + b``.

    Parameters
    ----------
    widths : tuple of int
        Number of inputs, of units of each hidden layer, of outputs: (d, h, ..., q); at least (d, q).
    activation : str or tuple of str
        phi, a name in `twofold.functions.ACTIVATIONS`, or one of each hidden layer; unused without a hidden layer.
    loss : str
        A name in `twofold.functions.LOSSES`; ``"quantile:0.9"`` for the quantile 0.9.
    dropout : float
        Probability with which each hidden unit is dropped in a training step, 0 <= dropout < 1. The units that stay
        are divided by 1 - dropout (Srivastava et al. 2014, in the inverted form of PyTorch), so that prediction
        needs no change.
    normalization : str, optional
        A name in `twofold.functions.NORMALIZATIONS`: hidden layers compute ``Z = X W``, normalise it, and go on with
        ``H = phi(gamma Z_hat + b)``; b comes after the normalisation, which would take one before it away again.

    Raises
    ------
    SpecificationError
        If a width is not a positive integer, dropout is out of range, a name is unknown, or there are not as many
        activations as hidden layers.

    Examples
    --------
    >>> network = Network((784, 256, 10), activation="relu", loss="cross_entropy")
    >>> network.n_parameters
    203530
    """

    widths: tuple[int, ...]
    activation: str | tuple[str, ...] = "relu"
    loss: str = "cross_entropy"
    dropout: float = 0.0
    normalization: str | None = None

    def __post_init__(self) -> None:
        widths = _as_tuple(self.widths)
        if len(widths) < 2 or any(not _is_count(w) for w in widths):
            raise SpecificationError(
                f"widths are {show(widths)}; expected at least two positive integers, inputs to outputs"
            )
        object.__setattr__(self, "widths", tuple(int(w) for w in widths))
        if any(rows * columns >= MAX_WEIGHTS for rows, columns in self.shapes):
            raise SpecificationError(f"widths are {show(widths)}; no computer holds that many weights")
        object.__setattr__(self, "activation", self._check_activation())
        LOSSES.check(self.loss)
        if self.normalization is not None:
            check_name("normalization", self.normalization, NORMALIZATIONS)
        if not (is_real(self.dropout) and 0 <= self.dropout < 1):
            raise SpecificationError(f"dropout is {show(self.dropout)}; it must be at least 0 and less than 1")
        least = LOSSES[self.loss].targets.least_outputs
        if self.outputs < least:
            raise SpecificationError(
                f"loss {self.loss!r} with {self.outputs} output: it compares classes and needs at least {least} outputs"
            )

    def _check_activation(self) -> str | tuple[str, ...]:
        """Return one name if it is the same in all hidden layers, otherwise one of each."""
        if not isinstance(self.activation, tuple | list):
            return check_name("activation", self.activation, ACTIVATIONS)
        names = tuple(check_name("activation", name, ACTIVATIONS) for name in self.activation)
        if len(names) != len(self.hidden):
            layers = count(len(self.hidden), "hidden layer")
            raise SpecificationError(f"activation has {count(len(names), 'name')}; the network has {layers}")
        return names[0] if len(set(names)) == 1 else names

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

    @cached_property
    def activations(self) -> tuple[str, ...]:
        """The activation of each hidden layer."""
        return (self.activation,) * len(self.hidden) if isinstance(self.activation, str) else self.activation

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers: weights, biases and, with a normalisation, scales."""
        scales = sum(self.hidden) if self.normalization else 0
        return sum((rows + 1) * columns for rows, columns in self.shapes) + scales


def _as_tuple(widths: object) -> tuple[Any, ...]:
    return tuple(widths) if isinstance(widths, Iterable) else (widths,)


def _is_count(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer's numbers; also used for what has their shapes, such as gradients.

    It unpacks into the arrays there are: ``W, b = layer`` without a normalisation.

    Attributes
    ----------
    W : ndarray, shape (inputs, outputs)
    b : ndarray, shape (outputs,)
    gamma : ndarray, shape (outputs,), or None
        Scale after a normalisation; None without one.
    mean, variance : ndarray, shape (outputs,), or None
        What batch normalisation has seen in training and predicts with; not trained, so None in a gradient.
    """

    W: Array
    b: Array
    gamma: Array | None = None
    mean: Array | None = None
    variance: Array | None = None

    @property
    def arrays(self) -> dict[str, Array]:
        """The arrays there are, by name."""
        return {name: array for name in ARRAYS if (array := getattr(self, name)) is not None}

    def __iter__(self) -> Iterator[Array]:
        return iter(self.arrays.values())

    @property
    def trained(self) -> tuple[Array, ...]:
        """Those that an optimiser changes: W, b and, if there is one, gamma."""
        return (self.W, self.b) if self.gamma is None else (self.W, self.b, self.gamma)


ARRAYS = tuple(field.name for field in fields(Layer))

Parameters = tuple[Layer, ...]
Given = Sequence[Iterable[Array]]  # parameters from outside: W, b and so on of each layer


def map_arrays(function: Callable[..., Array], *parameters: Parameters, statistics: bool = True) -> Parameters:
    """Apply a function to each array, or to the arrays in the same place of several networks' parameters.

    Parameters
    ----------
    function : callable
    *parameters : Parameters
        Of the same shapes.
    statistics : bool
        False leaves out the means and variances of batch normalisation.

    Returns
    -------
    parameters : Parameters
    """
    names = ARRAYS if statistics else ARRAYS[:3]
    mapped = []
    for layers in zip(*parameters, strict=True):
        present = [name for name in names if name in layers[0].arrays]
        mapped.append(Layer(**{name: function(*(layer.arrays[name] for layer in layers)) for name in present}))
    return tuple(mapped)


def initialize(
    network: Network,
    seed: int = 0,
    *,
    initialization: str = "normal",
    sigma: float = SIGMA.default,
    dtype: str = "float64",
) -> Parameters:
    """Draw a network's first parameters; biases start at 0, scales at 1.

    Parameters
    ----------
    network : Network
    seed : int
        One seed gives every engine the same start, layer by layer.
    initialization : str
        A name in `twofold.functions.INITIALIZATIONS`.
    sigma : float
        Standard deviation of ``"normal"``; 0.01 is that of the published results. Positive.
    dtype : str
        ``"float32"`` (the float64 draws, rounded) or ``"float64"``.

    Returns
    -------
    parameters : Parameters
        A `Layer` of each layer.

    Raises
    ------
    SpecificationError
        If a name is unknown or sigma is not positive.

    Examples
    --------
    >>> [layer.W.shape for layer in initialize(Network((4, 5, 3)))]
    [(4, 5), (5, 3)]
    """
    definition = INITIALIZATIONS[check_name("initialization", initialization, INITIALIZATIONS)]
    if not SIGMA.range.holds(sigma):
        raise SpecificationError(f"sigma is {show(sigma)}; it must be {SIGMA.range.words}")
    own = {"sigma": sigma} if "sigma" in definition.constants else {}
    fills = {"b": 0, "gamma": 1, "mean": 0, "variance": 1}
    layers = []
    for index, (shape, arrays) in enumerate(zip(network.shapes, array_shapes(network), strict=True)):
        W = definition.draw(stream(seed, Purpose.WEIGHTS, index), shape, **own).astype(dtype, copy=False)
        rest = {name: np.full(arrays[name], fill, dtype=dtype) for name, fill in fills.items() if name in arrays}
        layers.append(Layer(W, **rest))
    return tuple(layers)


def start_at_means(network: Network, parameters: Parameters, Y: Array) -> Parameters:
    """Move the outputs of first parameters to where they predict the targets' means, if their link is exponential.

    An output of 0 means 1. From there it would be a long way to counts in the millions, or to amounts of a millionth.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    Y : ndarray, shape (n, q)
        Targets.

    Returns
    -------
    parameters : Parameters
        With ``log(mean(Y))`` added to the last b, where a mean is positive; as they are with another link.
    """
    if LOSSES[network.loss].link is not EXPONENTIAL:
        return parameters
    means = Y.mean(axis=0, dtype=np.float64)  # (q,)
    shift = np.log(np.where(means > 0, means, 1.0))
    *others, last = parameters
    return (*others, replace(last, b=(last.b + shift).astype(last.b.dtype)))


def array_shapes(network: Network, *, statistics: bool = True) -> list[dict[str, tuple[int, ...]]]:
    """Return the shape of each array of each layer, by its name in `Layer`.

    Parameters
    ----------
    network : Network
    statistics : bool
        False leaves out the means and variances of batch normalisation.

    Returns
    -------
    list of dict

    Examples
    --------
    >>> array_shapes(Network((4, 5, 3), normalization="layer"))
    [{'W': (4, 5), 'b': (5,), 'gamma': (5,)}, {'W': (5, 3), 'b': (3,)}]
    """
    hidden: tuple[str, ...] = ("gamma",) if network.normalization else ()
    if network.normalization and statistics and NORMALIZATIONS[network.normalization].running:
        hidden = (*hidden, "mean", "variance")
    return [
        {"W": shape} | dict.fromkeys(("b", *(hidden if index < len(network.hidden) else ())), shape[1:])
        for index, shape in enumerate(network.shapes)
    ]


def check_parameters(network: Network, parameters: Given, dtype: str, *, statistics: bool = True) -> Parameters:
    """Copy parameters given from outside, checked against the network.

    Parameters
    ----------
    network : Network
    parameters : sequence of (W, b) or Layer
        Layer by layer, of the shapes that `array_shapes` tells.
    dtype : str
        Type of the copies.
    statistics : bool
        False if the means and variances of batch normalisation are not part of them.

    Returns
    -------
    parameters : Parameters
        A `Layer` of each layer.

    Raises
    ------
    SpecificationError
        If the number of layers or a shape differs from the network's, a number is not finite, or a variance is
        negative.
    """
    named = (
        layer.arrays if isinstance(layer, Layer) else dict(zip(ARRAYS, layer, strict=False)) for layer in parameters
    )
    layers = tuple(Layer(**{name: np.array(array, dtype=dtype) for name, array in arrays.items()}) for arrays in named)
    got = [{name: array.shape for name, array in layer.arrays.items()} for layer in layers]
    expected = array_shapes(network, statistics=statistics)
    if not all(np.isfinite(array).all() for layer in layers for array in layer):
        raise SpecificationError("parameters hold a number that is not finite")
    if got != expected:
        raise SpecificationError(
            f"parameters have shapes {_written(got)}; the network {network.widths} has {_written(expected)}"
        )
    if any(layer.variance is not None and (layer.variance < 0).any() for layer in layers):
        raise SpecificationError("parameters hold a negative variance")
    return layers


def _written(layers: list[dict[str, tuple[int, ...]]]) -> str:
    """Write shapes as ``W (4, 5), b (5,); W (5, 3), b (3,)``."""
    return "; ".join(", ".join(f"{name} {shape}" for name, shape in shapes.items()) for shapes in layers)


def largest(parameters: Parameters) -> float:
    """Return the largest absolute value among all parameters; NaN if one is NaN."""
    return float(np.max([np.max(np.abs(array)) for layer in parameters for array in layer]))


def distance(first: Parameters, second: Parameters) -> float:
    """Return the largest absolute difference between two networks' parameters."""
    return largest(map_arrays(np.subtract, first, second))
