"""How a model is trained: plain, immutable data that every engine and the training loop read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from twofold.dataclass_json import from_dict
from twofold.errors import SpecificationError, check_name, show
from twofold.functions.optimizers import OPTIMIZERS, readers
from twofold.functions.schedules import SCHEDULES, warm_up
from twofold.values import FRACTION, NOT_NEGATIVE, POSITIVE, Range, either, is_real


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
    momentum, beta1, beta2, epsilon : float, optional
        Constants of the optimiser, of those that have them; None is its own default. Defaults and ranges stand in
        ``twofold.functions.OPTIMIZERS[...].constants``.
    weight_decay : float
        lambda, on weights and not biases: an L2 penalty ``lambda |W|^2 / 2``, decoupled in ``"adamw"`` and ``"lion"``;
        at least 0.
    l1 : float
        An L1 penalty ``l1 sum |w|``, on weights and not biases, taken as a proximal step after the optimiser's, so that
        weights are exactly 0 where it outweighs the loss; decoupled in ``"adamw"`` and ``"lion"``, where each step
        shrinks each weight by ``eta l1`` and the objective has no such term. At least 0. See
        `twofold.functions.optimizers`.
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
    momentum: float | None = None
    beta1: float | None = None
    beta2: float | None = None
    epsilon: float | None = None
    weight_decay: float = 0.0
    l1: float = 0.0
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
        for name, among in RANGES.items():
            self._require(name, among.holds(getattr(self, name)), among.words)
        self._require(
            "clip_norm", self.clip_norm is None or POSITIVE.holds(self.clip_norm), f"{POSITIVE.words}, or None"
        )
        self._require("seed", _is_integer(self.seed) and 0 <= self.seed < 2**64, "an integer from 0 to 2**64 - 1")
        check_name("optimizer", self.optimizer, OPTIMIZERS)
        check_name("schedule", self.schedule, SCHEDULES)
        self._check_constants()

    def _check_constants(self) -> None:
        """Check the optimiser's constants, and that it has those that are given."""
        own = OPTIMIZERS[self.optimizer].constants
        for name in CONSTANTS:
            value = getattr(self, name)
            if value is None:
                continue
            if name not in own:
                has = either(own, "and") if own else "no constants"
                raise SpecificationError(
                    f"{name} is {show(value)}; optimizer {self.optimizer!r} has {has}, and {name} is for "
                    f"{either(readers(name), 'and')}"
                )
            self._require(name, own[name].range.holds(value), own[name].range.words)

    def _require(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise SpecificationError(f"{name} is {show(getattr(self, name))}; it must be {expected}")

    def constants(self, names: Iterable[str]) -> dict[str, float]:
        """Return the named constants of the optimiser or the schedule, as keyword arguments.

        Examples
        --------
        >>> Recipe(optimizer="lion", beta1=0.95).constants(["beta1", "beta2"])
        {'beta1': 0.95, 'beta2': 0.99}
        """
        own = OPTIMIZERS[self.optimizer].constants
        given = {name: getattr(self, name, None) for name in names}
        return {name: float(own[name].default if value is None else value) for name, value in given.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, fit for JSON, with the optimiser's constants as numbers, whatever the defaults become."""
        return asdict(self) | self.constants(name for name in CONSTANTS if name in OPTIMIZERS[self.optimizer].constants)

    @classmethod
    def from_dict(cls, value: object, where: str) -> Recipe:
        """Undo `to_dict`; files of version 0.1 hold every constant, also those that their optimiser doesn't read.

        Parameters
        ----------
        value : object
            As JSON was read.
        where : str
            File and place, for the message.

        Raises
        ------
        FileFormatError
            If it is no recipe.
        """
        if isinstance(value, Mapping) and (rule := OPTIMIZERS.get(str(value.get("optimizer", cls.optimizer)))):
            own = {name: constant.default for name, constant in rule.constants.items()}
            words = dict(value)
            for name in words.keys() & set(CONSTANTS):
                if is_real(words[name]) and words[name] == own.get(name, words[name]):
                    words[name] = None
            value = words
        return from_dict(cls, value, where)

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


CONSTANTS = tuple(field.name for field in fields(Recipe) if readers(field.name))  # of an optimiser
RANGES = {
    **dict.fromkeys(("learning_rate", "decay_epochs"), POSITIVE),
    **dict.fromkeys(("weight_decay", "l1", "warmup_epochs", "decay_rate"), NOT_NEGATIVE),
    **dict.fromkeys(("label_smoothing", "averaging"), FRACTION),
    "decay_factor": Range(0, 1, "more than 0 and at most 1", "(]"),
}


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
