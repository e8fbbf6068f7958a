"""Schedules: the learning rate as a function of time, measured in epochs and fractions of one.

Each returns the factor, between 0 and 1, that multiplies the recipe's learning rate. Time t starts at 0 after the
warm-up and ends just before T.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from twofold.functions.configs import Config, Constant
from twofold.values import NOT_NEGATIVE, POSITIVE, Range


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


WARMUP = {
    "warmup_epochs": Constant(0.0, NOT_NEGATIVE, "epochs in which the learning rate first rises in a straight line")
}


@dataclass(frozen=True)
class Schedule:
    """A schedule.

    Attributes
    ----------
    factor : callable
        Of t and T, both in epochs, and the constants by keyword, but for the warm-up's.
    constants : mapping of str to Constant
        Its own constants, and the warm-up's, which all have.
    """

    factor: Callable[..., float]
    constants: Mapping[str, Constant] = field(default_factory=lambda: WARMUP, hash=False)


STEP = {
    "decay_epochs": Constant(1.0, POSITIVE, "epochs between two decays"),
    "decay_factor": Constant(0.5, Range(0, 1, "more than 0 and at most 1", "(]"), "what each decay multiplies by"),
}
RATE = {"decay_rate": Constant(1.0, NOT_NEGATIVE, "the rate r in 1 / (1 + r t), t in epochs")}

SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(constant),
    "step": Schedule(step, WARMUP | STEP),
    "cosine": Schedule(cosine),
    "linear": Schedule(linear),
    "one_cycle": Schedule(one_cycle),
    "inverse_time": Schedule(inverse_time, WARMUP | RATE),
}


class ScheduleConfig(Config):
    """A schedule with its constants.

    Parameters
    ----------
    name : str
        In `twofold.functions.SCHEDULES`.
    **constants : float
        ``warmup_epochs``, and those of its own; None, or left out, for the default.

    Raises
    ------
    SpecificationError
        If the name is unknown, the schedule has no such constant, or a value is out of its range.

    Examples
    --------
    >>> ScheduleConfig("step", decay_epochs=2)
    ScheduleConfig('step', decay_epochs=2.0)
    """

    what, registry = "schedule", SCHEDULES

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> tuple[float, float]:
        """Return what the warm-up and the schedule multiply the learning rate of a step by.

        Parameters
        ----------
        step : int
            Steps taken before this one, over all epochs.
        steps_per_epoch, epochs : int
        """
        own = dict(self.constants)
        warmup = own.pop("warmup_epochs")
        # The ramp counts the step itself, so that the first step is not lost on a rate of 0.
        ramp = warm_up((step + 1) / steps_per_epoch, warmup)
        t = max(0.0, step / steps_per_epoch - warmup)
        # A warm-up longer than the training leaves the schedule no time: it stays at its start.
        T = max(epochs - warmup, 1 / steps_per_epoch)
        return ramp, SCHEDULES[self.name].factor(t, T, **own)
