"""Schedules: the learning rate as a function of time, measured in epochs and fractions of one.

Each returns the factor, between 0 and 1, that multiplies the recipe's learning rate. Time t starts at 0 after the
warm-up and ends just before T.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


def constant(_t: float, _T: float) -> float:
    """``1``."""
    return 1.0


def step(t: float, _T: float, *, decay_epochs: float, decay_factor: float) -> float:
    """``gamma^floor(t / k)``: times gamma every k epochs."""
    # A hair more, so that t = 0.3 counts as three times 0.1; and a bound, since a quotient may be infinite.
    return float(decay_factor ** math.floor(min(t / decay_epochs * (1 + 1e-12), 1e9)))


def cosine(t: float, T: float) -> float:
    """``(1 + cos(pi t / T)) / 2``: from 1 to 0 at the end (Loshchilov and Hutter 2017, arXiv:1608.03983)."""
    return (1 + math.cos(math.pi * t / T)) / 2


def linear(t: float, T: float) -> float:
    """``1 - t / T``: in a straight line to 0 at the end."""
    return 1 - t / T


def one_cycle(t: float, T: float) -> float:
    """Up from 1/25 to 1 in the first 30 %, then down to 4e-6, along half waves of a cosine.

    Smith and Topin (2018), arXiv:1708.07120, in the form and with the numbers of PyTorch's OneCycleLR; momentum stays.
    """
    rise = 0.3 * T
    start, end, part = (1 / 25, 1.0, t / rise) if t < rise else (1.0, 1 / 25e4, (t - rise) / (T - rise))
    return end + (start - end) * cosine(part, 1.0)


def inverse_time(t: float, _T: float, *, decay_rate: float) -> float:
    """``1 / (1 + r t)``: the 1/t decay of Robbins and Monro (1951)."""
    return 1 / (1 + decay_rate * t)


def warm_up(t: float, epochs: float) -> float:
    """``t / w``, at most 1: a straight line up over the first w epochs."""
    return min(1.0, t / epochs) if epochs > 0 else 1.0


@dataclass(frozen=True)
class Schedule:
    """A schedule.

    Attributes
    ----------
    factor : callable
        Of t and T, both in epochs, and the constants by keyword.
    constants : tuple of str
        Fields of the `twofold.Recipe` that it reads.
    """

    factor: Callable[..., float]
    constants: tuple[str, ...] = ()


SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(constant),
    "step": Schedule(step, ("decay_epochs", "decay_factor")),
    "cosine": Schedule(cosine),
    "linear": Schedule(linear),
    "one_cycle": Schedule(one_cycle),
    "inverse_time": Schedule(inverse_time, ("decay_rate",)),
}
