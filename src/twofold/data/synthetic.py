"""Sets made here, from a seed: every number in them is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data.dataset import Dataset, Samples
from twofold.randomness import Purpose, stream

Array = NDArray[Any]

TRUE_W = np.array([[2.0], [-3.4]])
TRUE_B = np.array([4.2])

# Price in thousand euros of a house of so many square metres and years: 3.1 a square metre, 1.4 less a year.
HOUSE_W = np.array([[3.1], [-1.4]])
HOUSE_B = np.array([55.0])

ANIMALS = {  # the grey values x1 x2 / x3 x4 that an animal's images vary around
    "dog": (210, 60, 190, 120),
    "cat": (60, 200, 80, 40),
    "chicken": (150, 230, 230, 200),
}


def synthetic() -> Dataset:
    """Make ``y = X w + b + noise`` with w = (2, -3.4), b = 4.2, features N(0, 1), noise N(0, 0.01^2).

    Returns
    -------
    Dataset
        1000 training and 200 test samples, X (n, 2), y (n, 1), float64.
    """
    generator = stream(0, Purpose.DATA, 0)
    X = generator.standard_normal((1200, 2))
    y = X @ TRUE_W + TRUE_B + 0.01 * generator.standard_normal((1200, 1))
    return _split("synthetic", X, y, train=1000, features=("x1", "x2"), target="y")


def houses() -> Dataset:
    """Make house prices from area and age, ``price = 3.1 area - 1.4 age + 55`` and a noise of 15 (thousand euros).

    Returns
    -------
    Dataset
        1000 training and 200 test houses: area 40 to 240 m^2, age 0 to 80 years, price in thousand euros; float64,
        in these units.
    """
    generator = stream(0, Purpose.DATA, 1)
    area = generator.uniform(40, 240, (1200, 1)).round(1)
    age = generator.integers(0, 81, (1200, 1))
    X = np.hstack([area, age])
    price = X @ HOUSE_W + HOUSE_B + 15 * generator.standard_normal((1200, 1))
    names = ("area (m^2)", "age (years)")
    return _split("houses", X, price.round(1), train=1000, features=names, target="price (1000 euros)")


def toy_animals() -> Dataset:
    """Make images of 2 x 2 grey pixels: dogs, cats and chickens, a pattern each and a noise of 30 grey values.

    Returns
    -------
    Dataset
        120 training and 60 test images (n, 2, 2) of uint8, classes 0 to 2. As in every image set here 0 is drawn as
        paper and 255 as ink; ``imshow(..., cmap="gray")`` and torchvision's grids show them the other way round.
    """
    generator = stream(0, Purpose.DATA, 2)
    y = generator.permutation(np.repeat(np.arange(3), 60))
    pattern = np.array(list(ANIMALS.values()), dtype=np.float64)
    pixels = np.clip(pattern[y] + 30 * generator.standard_normal((180, 4)), 0, 255)
    X = pixels.round().astype(np.uint8).reshape(180, 2, 2)
    return _split("toy-animals", X, y, train=120, classes=tuple(ANIMALS), target="animal")


def spirals() -> Dataset:
    """Make three arms that wind around each other in the plane: no line parts them, an MLP does.

    Returns
    -------
    Dataset
        300 training and 150 test points (n, 2) of float64 in a circle of radius 1, classes 0 to 2.
    """
    generator = stream(0, Purpose.DATA, 5)
    y = generator.permutation(np.repeat(np.arange(3), 150))
    along = np.sqrt(generator.uniform(0.01, 1, 450))  # even over the disc
    angle = 2 * np.pi * (y / 3 + 0.6 * along) + 0.28 * generator.standard_normal(450)
    X = along[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return _split("spirals", X, y, train=300, features=("x1", "x2"), classes=("first", "second", "third"), target="arm")


def _split(name: str, X: Array, y: Array, *, train: int, **meaning: Any) -> Dataset:
    """Take the first rows for training, the others for testing."""
    return Dataset(name, Samples(X[:train], y[:train]), Samples(X[train:], y[train:]), **meaning)
