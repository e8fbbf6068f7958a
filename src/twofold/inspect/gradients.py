"""Gradient checks: by hand against autograd against central differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.deprecation import old_parameters
from twofold.engines import open_engine
from twofold.engines.scratch import Tape, forward
from twofold.errors import MissingDependencyError, SpecificationError
from twofold.functions import ACTIVATIONS, LOSSES
from twofold.network import Given, Layer, Network, Parameters, array_shapes, check_parameters, initialize
from twofold.randomness import Purpose, stream
from twofold.validation import check_block, floats

Array = NDArray[Any]

STEP, STEP_OF_NORMALIZED = 1e-3, 1e-4  # h of the differences
MAX_COORDINATES = 2000  # networks up to this many parameters are checked coordinate by coordinate


@dataclass(frozen=True)
class GradientCheck:
    """One number of a gradient, computed in several ways.

    Attributes
    ----------
    where : str
        The coordinate, such as ``"W1[0, 2]"``; or ``"direction"``: the derivative along a random direction of length 1
        through all parameters at once.
    by_hand : float
    autograd : float or None
        None without PyTorch.
    differences : float or None
        By central differences of order 4. None at a kink of ReLU, where there is no derivative to hold against: a
        hidden unit at exactly 0 then changes sides however small the step.
    error : float
        The largest difference between two of them, divided by the scale of the report.
    """

    where: str
    by_hand: float
    autograd: float | None
    differences: float | None
    error: float


@dataclass(frozen=True)
class GradientReport:
    """All checks of a network.

    Attributes
    ----------
    checks : tuple of GradientCheck
        The random direction first.
    scale : float
        What errors are relative to: the norm of the gradient by central differences along the coordinates (of the
        gradient by hand, in a network too large for them), but at least 1e-6.
    tolerance : float
        An error above it fails.
    """

    checks: tuple[GradientCheck, ...]
    scale: float
    tolerance: float

    @property
    def worst(self) -> GradientCheck:
        """The check with the largest error."""
        return max(self.checks, key=lambda check: check.error)

    @property
    def passed(self) -> bool:
        """Whether every error is within the tolerance."""
        return self.worst.error <= self.tolerance

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        worst = self.worst
        autograd = "not checked (no PyTorch)" if worst.autograd is None else f"{worst.autograd:.12g}"
        differences = "none at a kink" if worst.differences is None else f"{worst.differences:.12g}"
        return (
            f"gradient check {'passed' if self.passed else 'FAILED'}: {len(self.checks)} checks, "
            f"worst at {worst.where}: "
            f"by hand {worst.by_hand:.12g}, autograd {autograd}, central differences {differences}, "
            f"relative error {worst.error:.1e} (tolerance {self.tolerance:.0e}, scale {self.scale:.3g})"
        )


def central_difference(function: Callable[[float], float], step: float) -> float:
    """Return f'(0) to order ``step**4``: ``(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / (12 h)``."""
    f = function
    return (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step)


def check_gradients(
    network: Network,
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    parameters: Given | None = None,
    coordinates: Sequence[str] | None = None,
    seed: int = 0,
    tolerance: float = 1e-7,
    **renamed: Any,
) -> GradientReport:
    """Check a network's gradient, in float64: by hand, by autograd (with PyTorch installed), by central differences.

    The differences' step h is 1e-3, or 1e-4 with a normalisation, which bends more sharply where numbers vary little:
    their error is of order h^4, rounding of order 1e-16 / h. Across a kink of ReLU a difference is no derivative, so h
    is made smaller there, down to 1e-8, until every hidden unit stays on its side; where one never does, its
    pre-activation being 0, only the other ways are compared.

    Parameters
    ----------
    network : Network
        Up to 2000 parameters are checked one by one; in any network, all at once along a random direction.
    X, y : array, optional
        Samples, as `twofold.engines.Engine.load` takes them; 5 random ones otherwise.
    sample_weight : array, shape (n,), optional
    parameters : sequence of (W, b), optional
        Where to check; random weights of a usual size otherwise.
    coordinates : sequence of str, optional
        Check these, such as ``"W1[0, 2]"``, and no others.
    seed : int
        Of whatever is random here.
    tolerance : float
        Largest relative error that passes.
    **renamed
        ``step`` of version 0.1: h of the differences, which is chosen now.

    Returns
    -------
    GradientReport
        Printable; ``report.passed`` says whether all agree.

    Raises
    ------
    SpecificationError
        If only one of X and y is given, the parameters don't fit the network, or it has no such coordinate.
    DataError
        If the samples don't fit the network.

    Examples
    --------
    >>> check_gradients(Network((4, 5, 3), activation="tanh")).passed
    True
    """
    old = old_parameters("check_gradients", renamed, {"step": "a step that is chosen"})
    if (X is None) != (y is None):
        raise SpecificationError("give both X and y, or neither")
    if X is None or y is None:
        X, y = _random_samples(network, seed)
    if parameters is None:
        start = initialize(network, seed, initialization="xavier")
        draw = stream(seed, Purpose.DIRECTION, 1)
        point = tuple(replace(layer, b=0.1 * draw.standard_normal(layer.b.shape)) for layer in start)
    else:
        point = check_parameters(network, parameters, "float64")
    by_hand = _flat(open_engine("scratch", network, parameters=point, dtype="float64").gradients(X, y, sample_weight))
    autograd = _autograd(network, point, (X, y, sample_weight))
    step = old.get("step") or (STEP if network.normalization is None else STEP_OF_NORMALIZED)
    difference = _central_differences(network, point, (X, y, sample_weight), step)

    direction = stream(seed, Purpose.DIRECTION).standard_normal(len(by_hand))
    direction /= np.linalg.norm(direction)
    along = [
        ("direction", direction @ by_hand, None if autograd is None else direction @ autograd, difference(direction))
    ]
    chosen = _chosen(network, coordinates)
    for name, i in chosen.items():
        unit = np.zeros(len(by_hand))
        unit[i] = 1
        along.append((name, by_hand[i], None if autograd is None else autograd[i], difference(unit)))
    if len(chosen) == len(by_hand):
        scale = float(np.linalg.norm([differences for *_, differences in along[1:] if differences is not None]))
    else:
        scale = float(np.linalg.norm(by_hand))
    scale = max(scale, 1e-6)
    checks = (
        GradientCheck(name, float(hand), None if auto is None else float(auto), diff, _spread(hand, auto, diff) / scale)
        for name, hand, auto, diff in along
    )
    return GradientReport(tuple(checks), scale, tolerance)


def _chosen(network: Network, coordinates: Sequence[str] | None) -> dict[str, int]:
    """Return the names of the coordinates to check, and their places in the order of `_flat`."""
    if coordinates is None and network.n_parameters > MAX_COORDINATES:
        return {}
    places = {name: i for i, name in enumerate(_names(network))}
    if coordinates is None:
        return places
    for name in coordinates:
        if name not in places:
            first, last = next(iter(places)), next(reversed(places))
            raise SpecificationError(f"the network has no coordinate {name!r}; they run from {first!r} to {last!r}")
    return {name: places[name] for name in coordinates}


def _random_samples(network: Network, seed: int) -> tuple[Array, Array]:
    """Draw 5 samples with targets of the kind that the loss reads."""
    draw = stream(seed, Purpose.DIRECTION, 2)
    X = draw.standard_normal((5, network.inputs))
    return X, LOSSES[network.loss].targets.draw(draw, (5, network.outputs))


def _autograd(network: Network, point: Parameters, samples: tuple[Any, Any, Any]) -> Array | None:
    try:
        engine = open_engine("concise", network, parameters=point, dtype="float64")
    except MissingDependencyError:
        return None
    return _flat(engine.gradients(*samples))


def _central_differences(
    network: Network, point: Parameters, samples: tuple[Any, Any, Any], step: float
) -> Callable[[Array], float | None]:
    """Return the function that takes a direction (p,) to the loss's derivative along it, by central differences."""
    block = check_block(network, *samples, dtype="float64")
    X = floats(block.X, "float64")
    centre = _flat(point)
    rough = not all(ACTIVATIONS[name].smooth for name in network.activations)
    loss = LOSSES[network.loss]

    def along(direction: Array) -> float | None:
        def at(h: float) -> tuple[Array, Tape]:
            return forward(network, _shaped(network, centre + h * direction), X, training=True)

        def sides(h: float) -> Array:
            O, tape = at(h)
            piece = loss.piece(O, block.y)
            on = [np.empty(0)] if piece is None else [piece.ravel()]
            return np.concatenate([*on, *((Z > 0).ravel() for Z in tape.Z)] if rough else on)

        h = step
        if rough or loss.pieces:
            here = sides(0.0)
            while not all(np.array_equal(here, sides(end)) for end in (-2 * h, 2 * h)):
                h /= 4
                if h < 1e-8:
                    return None
        return central_difference(lambda h: loss.value(at(h)[0], block.y, block.weight), h)

    return along


def _flat(parameters: Parameters) -> Array:
    return np.concatenate([array.ravel() for layer in parameters for array in layer.trained])


def _shaped(network: Network, flat: Array) -> Parameters:
    """Undo `_flat`."""
    layers = []
    for shapes in array_shapes(network, statistics=False):
        arrays = {}
        for name, shape in shapes.items():
            part, flat = np.split(flat, [math.prod(shape)])
            arrays[name] = part.reshape(shape)
        layers.append(Layer(**arrays))
    return tuple(layers)


def _names(network: Network) -> list[str]:
    """Name each coordinate in the order of `_flat`, layers counted from 1."""
    return [
        f"{name}{layer}[{', '.join(map(str, place))}]"
        for layer, shapes in enumerate(array_shapes(network, statistics=False), start=1)
        for name, shape in shapes.items()
        for place in np.ndindex(shape)
    ]


def _spread(*numbers: Any) -> float:
    """Return the largest difference between numbers, None left out; infinite if one of them is not finite."""
    present = [number for number in numbers if number is not None]
    return float(max(present) - min(present)) if np.isfinite(present).all() else np.inf
