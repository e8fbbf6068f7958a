"""How a model is trained: plain, immutable data that every engine and the training loop read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twofold.errors import SpecificationError, check_name, show
from twofold.functions.optimizers import OPTIMIZERS
from twofold.functions.schedules import SCHEDULES, warm_up
from twofold.values import is_real


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe of training.

    Parameters
    ----------
    epochs : int
        Times that the training set is gone through; at least 1.
    batch_size : int
        Most samples of a minibatch, at least 1.
    even_batches : bool
        Cut an epoch into minibatches of even sizes (235 of 255 or 256 for 60000 samples and batch size 256) and not
        into full ones and a short last one (234 of 256 and one of 96); see `twofold.training.batch_edges`.
    shuffle : bool
        Go through the samples in another order each epoch; otherwise in their own.
    learning_rate : float
        eta; positive.
    optimizer : str
        A name in `twofold.functions.OPTIMIZERS`.
    momentum : float
        mu of ``"momentum"`` and ``"nesterov"``, in (0, 1).
    beta1, beta2, epsilon : float
        Constants of ``"adam"`` and ``"adamw"``: in [0, 1), [0, 1) and positive.
    weight_decay : float
        lambda, on weights and not biases: an L2 penalty ``lambda |W|^2 / 2``, decoupled in ``"adamw"``; at least 0.
    clip_norm : float, optional
        Largest norm of a step's gradient, over all parameters; positive.
    label_smoothing : float
        s, in [0, 1): a cross entropy is taken against ``(1 - s) y + s / q`` (for several labels ``(1 - s) y + s / 2``),
        in training alone. Other losses have none.
    averaging : float
        d, in [0, 1): with more than 0 the trained model is the running mean of the parameters after each step,
        ``average <- d average + (1 - d) theta`` (the plain mean of the first 1 / (1 - d) steps); 0.999 is usual.
    schedule : str
        A name in `twofold.functions.SCHEDULES`: how the learning rate goes down.
    warmup_epochs : float
        Epochs in which the learning rate first rises to eta in a straight line; may be a fraction; at least 0.
    decay_epochs, decay_factor : float
        Of ``"step"``: the learning rate is multiplied by the factor, in (0, 1], every so many epochs (positive).
    decay_rate : float
        r of ``"inverse_time"``, per epoch; at least 0.
    seed : int
        Gives the order of the samples and the dropout masks; at least 0. (The first weights have their own, in
        `twofold.open_engine`.)

    Raises
    ------
    SpecificationError
        If a value is out of its range, or a name unknown.

    Examples
    --------
    >>> Recipe(epochs=5, batch_size=256, learning_rate=0.5).epochs
    5
    """

    epochs: int = 5
    batch_size: int = 256
    even_batches: bool = True
    shuffle: bool = True
    learning_rate: float = 0.1
    optimizer: str = "sgd"
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    averaging: float = 0.0
    schedule: str = "constant"
    warmup_epochs: float = 0.0
    decay_epochs: float = 1.0
    decay_factor: float = 0.5
    decay_rate: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            self._require(name, _is_integer(getattr(self, name)) and getattr(self, name) >= 1, "an integer >= 1")
        for name in ("even_batches", "shuffle"):
            self._require(name, isinstance(getattr(self, name), bool), "True or False")
        for name in ("learning_rate", "epsilon", "decay_epochs"):
            self._require_real(name, lambda x: 0 < x < math.inf, "positive and finite")
        for name in ("weight_decay", "warmup_epochs", "decay_rate"):
            self._require_real(name, lambda x: 0 <= x < math.inf, "at least 0 and finite")
        for name in ("beta1", "beta2", "label_smoothing", "averaging"):
            self._require_real(name, lambda x: 0 <= x < 1, "at least 0 and less than 1")
        self._require_real("momentum", lambda x: 0 < x < 1, "more than 0 and less than 1 (without it, choose 'sgd')")
        self._require_real("decay_factor", lambda x: 0 < x <= 1, "more than 0 and at most 1")
        if self.clip_norm is not None:
            self._require_real("clip_norm", lambda x: 0 < x < math.inf, "positive and finite, or None")
        self._require("seed", _is_integer(self.seed) and 0 <= self.seed < 2**64, "an integer from 0 to 2**64 - 1")
        check_name("optimizer", self.optimizer, OPTIMIZERS)
        check_name("schedule", self.schedule, SCHEDULES)

    def _require(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise SpecificationError(f"{name} is {show(getattr(self, name))}; it must be {expected}")

    def _require_real(self, name: str, holds: Callable[[float], bool], expected: str) -> None:
        value = getattr(self, name)
        self._require(name, is_real(value) and holds(value), expected)

    def constants(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return the named fields, as an optimiser's or a schedule's keyword arguments."""
        return {name: getattr(self, name) for name in names}

    def keep(self, step: int) -> float:
        """Return what the average of the parameters keeps of itself in a step: d, and less while it is young.

        Parameters
        ----------
        step : int
            Steps taken before this one.

        Returns
        -------
        float

        Examples
        --------
        >>> [Recipe(averaging=0.9).keep(step) for step in (0, 1, 100)]
        [0.0, 0.5, 0.9]
        """
        return min(self.averaging, step / (step + 1))

    def rate(self, step: int, steps_per_epoch: int) -> float:
        """Return the learning rate of a step.

        Parameters
        ----------
        step : int
            Steps taken before this one, over all epochs.
        steps_per_epoch : int

        Returns
        -------
        float

        Examples
        --------
        >>> Recipe(learning_rate=1.0, schedule="inverse_time").rate(step=10, steps_per_epoch=10)
        0.5
        """
        schedule = SCHEDULES[self.schedule]
        # The ramp counts the step itself, so that the first step is not lost on a rate of 0.
        ramp = warm_up((step + 1) / steps_per_epoch, self.warmup_epochs)
        t = max(0.0, step / steps_per_epoch - self.warmup_epochs)
        # A warm-up longer than the training leaves the schedule no time: it stays at its start.
        T = max(self.epochs - self.warmup_epochs, 1 / steps_per_epoch)
        return self.learning_rate * ramp * schedule.factor(t, T, **self.constants(schedule.constants))


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
