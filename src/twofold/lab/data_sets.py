"""The data sets of the lab: made from a number of samples, a noise and a seed; each kind of target is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data import Dataset, Samples, load_dataset
from twofold.errors import SpecificationError, show
from twofold.randomness import Purpose, stream
from twofold.values import is_whole

Array = NDArray[Any]
Made = tuple[Array, Array, dict[str, Any]]  # X, y, what the numbers mean

MOST = 20_000  # samples
PLACE = 100  # of these sets among the streams of a seed; those of `twofold.data` come before
TEST = 5  # one sample of so many is for testing


def line(draw: np.random.Generator, n: int, noise: float) -> Made:
    """Make ``y = 2 x - 1 + noise``."""
    x = draw.uniform(-1, 1, (n, 1))
    y = 2 * x - 1 + noise * draw.standard_normal((n, 1))
    return x, y, {"features": ("x",), "target": "y"}


def wave(draw: np.random.Generator, n: int, noise: float) -> Made:
    """Make ``y = sin(4 x) + noise``: no line fits it."""
    x = draw.uniform(-1, 1, (n, 1))
    y = np.sin(4 * x) + noise * draw.standard_normal((n, 1))
    return x, y, {"features": ("x",), "target": "y"}


def plane(draw: np.random.Generator, n: int, noise: float) -> Made:
    """Make ``y = 2 x1 - 3.4 x2 + 4.2 + noise``, the first example of the book."""
    X = draw.standard_normal((n, 2))
    y = X @ np.array([[2.0], [-3.4]]) + 4.2 + noise * draw.standard_normal((n, 1))
    return X, y, {"features": ("x1", "x2"), "target": "y"}


def houses(draw: np.random.Generator, n: int, noise: float) -> Made:
    """Make prices of houses, 3.1 a square metre and 1.4 less a year, in thousand euros; features far from one scale."""
    area, age = draw.uniform(40, 240, (n, 1)).round(1), draw.integers(0, 81, (n, 1))
    X = np.hstack([area, age])
    price = X @ np.array([[3.1], [-1.4]]) + 55 + 150 * noise * draw.standard_normal((n, 1))
    return X, price.round(1), {"features": ("area (m^2)", "age (years)"), "target": "price (1000 euros)"}


def blobs(draw: np.random.Generator, n: int, noise: float) -> Made:
    """Make three round clouds, which lines part."""
    y = draw.permutation(np.arange(n) % 3)
    angle = 2 * np.pi * y / 3 + np.pi / 2
    X = 0.6 * np.column_stack([np.cos(angle), np.sin(angle)]) + (0.1 + noise) * draw.standard_normal((n, 2))
    return X, y, _classes("a", "b", "c")


def circles(draw: np.random.Generator, n: int, noise: float) -> Made:
    """Make a disc and a ring around it."""
    y = draw.permutation(np.arange(n) % 2)
    radius = np.where(y == 0, 0.5 * np.sqrt(draw.uniform(0, 1, n)), draw.uniform(0.7, 1, n))
    angle = draw.uniform(0, 2 * np.pi, n)
    X = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]) + noise * draw.standard_normal((n, 2))
    return X, y, _classes("inside", "outside")


def spirals(draw: np.random.Generator, n: int, noise: float) -> Made:
    """Make three arms that wind around each other."""
    y = draw.permutation(np.arange(n) % 3)
    along = np.sqrt(draw.uniform(0.01, 1, n))
    angle = 2 * np.pi * (y / 3 + 0.6 * along) + 3 * noise * draw.standard_normal(n)
    X = along[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return X, y, _classes("first", "second", "third")


def xor(draw: np.random.Generator, n: int, noise: float) -> Made:
    """Make a chessboard of four squares: alike where the signs of x1 and x2 are alike."""
    X = draw.uniform(-1, 1, (n, 2))
    y = (X[:, 0] * X[:, 1] < 0).astype(np.int64)
    return X + noise * draw.standard_normal((n, 2)), y, _classes("alike", "unlike")


def discs(draw: np.random.Generator, n: int, noise: float) -> Made:
    """Make points that may lie in a red disc, a blue one, in both or in none: two labels."""
    X = draw.uniform(-1, 1, (n, 2))
    centres = np.array([[-0.25, 0.0], [0.25, 0.0]])
    Y = (np.linalg.norm(X[:, None] - centres, axis=2) < 0.55).astype(np.float64)
    return X + noise * draw.standard_normal((n, 2)), Y, _classes("left disc", "right disc")


def _classes(*names: str) -> dict[str, Any]:
    return {"features": ("x1", "x2"), "classes": names, "target": "class"}


@dataclass(frozen=True)
class Maker:
    """A data set that is made here.

    Attributes
    ----------
    make : callable
        Of a generator, the number of samples and the noise.
    place : int
        Of its stream among those of a seed.
    noise : float
        The usual one.
    hidden : tuple of int
        Hidden layers to begin with.
    """

    make: Callable[[np.random.Generator, int, float], Made]
    place: int
    noise: float
    hidden: tuple[int, ...] = ()


MAKERS: dict[str, Maker] = {
    "line": Maker(line, 0, 0.1),
    "wave": Maker(wave, 1, 0.1, (8, 8)),
    "plane": Maker(plane, 2, 0.1),
    "houses": Maker(houses, 3, 0.1),
    "blobs": Maker(blobs, 4, 0.1),
    "circles": Maker(circles, 5, 0.05, (4, 2)),
    "spirals": Maker(spirals, 6, 0.05, (16, 8)),
    "xor": Maker(xor, 7, 0.0, (4, 2)),
    "discs": Maker(discs, 8, 0.0, (8,)),
}


def make_data(name: str, *, n: int = 500, noise: float | None = None, seed: int = 0) -> Dataset:
    """Make a data set of the lab, or load one of the catalogue.

    Parameters
    ----------
    name : str
        A name in `MAKERS`; or one that `twofold.load_dataset` knows, whose samples are what they are.
    n : int
        Samples, from 10 to 20,000; one of five is for testing.
    noise : float, optional
        From 0 to 1; the set's usual one if None.
    seed : int
        The same numbers for the same seed.

    Returns
    -------
    Dataset

    Raises
    ------
    SpecificationError
        If n, noise or seed is out of range.
    UnknownNameError
        If there is no such set.

    Examples
    --------
    >>> data = make_data("circles", n=100, noise=0.1, seed=3)
    >>> data.train.X.shape, data.test.y.shape, data.classes
    ((80, 2), (20,), ('inside', 'outside'))
    """
    if name not in MAKERS:
        return load_dataset(name)
    if not (is_whole(n) and 10 <= n <= MOST):
        raise SpecificationError(f"n is {show(n)}; it must be a whole number from 10 to {MOST}")
    maker = MAKERS[name]
    level = maker.noise if noise is None else noise
    if not 0 <= level <= 1:
        raise SpecificationError(f"noise is {show(level)}; it must be from 0 to 1")
    X, y, meaning = maker.make(stream(seed, Purpose.DATA, PLACE + maker.place), n, level)
    cut = n - n // TEST
    return Dataset(name, Samples(X[:cut], y[:cut]), Samples(X[cut:], y[cut:]), **meaning)
