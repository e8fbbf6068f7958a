"""Inputs and short words that the exercises share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.exercises.exercise import Mistake
from twofold.language import Text

Array = NDArray[Any]
T = Text


def normal(seed: int, *shape: int) -> Array:
    """Return normally distributed numbers of a seed."""
    return np.random.default_rng(seed).standard_normal(shape)


def labels(seed: int, n: int, q: int) -> Array:
    """Return n classes of q, all of which occur where n allows."""
    return np.random.default_rng(seed).permutation(np.arange(n) % q)


def generator(seed: int) -> np.random.Generator:
    """Return a generator of random numbers."""
    return np.random.default_rng(seed)


def mistake(en: str, zh: str, answer: Any, seen: Any = None) -> Mistake:
    """Put a mistake's words and an answer that makes it together."""
    return Mistake(T(en, zh), answer, seen)


def regression_case(seed: int, n: int, d: int) -> tuple[Array, Array, Array, float]:
    """Return X (n, d), y (n,), w (d,) and b of a linear regression."""
    X = normal(seed, n, d)
    return X, X @ np.arange(1.0, d + 1) + normal(seed + 1, n), normal(seed + 2, d), 0.5


def probabilities(seed: int, n: int, q: int) -> Array:
    """Return n rows of q probabilities."""
    E = np.exp(normal(seed, n, q))
    return E / E.sum(axis=1, keepdims=True)


def classification_case(seed: int, n: int, d: int, q: int) -> tuple[Array, Array, Array, Array]:
    """Return X (n, d), y (n,), W (d, q) and b (q,) of a softmax regression."""
    return normal(seed, n, d), labels(seed, n, q), normal(seed + 1, d, q), normal(seed + 2, q)
