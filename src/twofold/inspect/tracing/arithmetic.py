"""Sums of products written out with their numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_TERMS = 6


def telling(values: NDArray[Any]) -> tuple[int, ...]:
    """Return the place of the first number that isn't 0; of the first one if all are."""
    places = np.flatnonzero(values)
    return tuple(int(i) for i in np.unravel_index(places[0] if len(places) else 0, values.shape))


def place(name: object, index: tuple[int, ...]) -> str:
    """Write ``W1[3, 7]``; without brackets where there is one number alone."""
    return f"{name}[{', '.join(map(str, index))}]" if index else str(name)


def number(value: float, digits: int = 4) -> str:
    """Write a number as a factor: a negative one in brackets."""
    text = f"{float(value) + 0.0:.{digits}g}"
    return f"({text})" if text.startswith("-") else text


def dot(name: str, pairs: Iterable[tuple[float, float]], value: float, bias: float | None = None) -> str:
    """Write ``name = a c + b d + ... + bias = value``; of a long sum the first terms that aren't 0.

    Parameters
    ----------
    name : str
    pairs : iterable of two floats
        The factors of each term.
    value : float
        What it comes to.
    bias : float, optional

    Returns
    -------
    str

    Examples
    --------
    >>> dot("z", [(1.0, 0.5), (2.0, -0.25)], 0.1, 0.1)
    'z = 1·0.5 + 2·(-0.25) + 0.1 = 0.1'
    """
    pairs = list(pairs)
    shown = pairs
    rest = ""
    if len(pairs) > MAX_TERMS:
        shown = [pair for pair in pairs if pair[0] and pair[1]][: MAX_TERMS // 2]
        rest = f"... ({len(pairs)} terms)"
    terms = [f"{number(a)}·{number(b)}" for a, b in shown]
    terms += [rest] if rest else []
    terms += [] if bias is None else [number(bias)]
    return f"{name} = {' + '.join(terms)} = {float(value) + 0.0:.4g}"
