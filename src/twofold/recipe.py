"""How a model is trained: plain, immutable data that every engine and the training loop read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import wraps
from typing import Any, TypeVar

from twofold.dataclass_json import from_dict
from twofold.deprecation import PARAMETERS, takes_old_parameters, warn_renamed
from twofold.errors import SpecificationError, show
from twofold.functions.configs import Config, ConfigField
from twofold.functions.optimizers import OPTIMIZERS, OptimizerConfig
from twofold.functions.schedules import ScheduleConfig
from twofold.values import FRACTION, NOT_NEGATIVE, POSITIVE, PowerOf2, Range, either, is_real

COUNT = Range(1, math.inf, "an integer >= 1", "[)", whole=True)
WINDOW = Range(0, math.inf, "an integer >= 0", "[)", whole=True)
SLICES = PowerOf2(1, 2**16, "a power of 2 from 1 to 65536", "[]", whole=True)
SEED = Range(0, 2**64, "an integer from 0 to 2**64 - 1", "[)", whole=True)
DECOUPLED = either((name for name, rule in OPTIMIZERS.items() if rule.decoupled), "and")
CONFIGS: dict[str, type[Config]] = {"optimizer": OptimizerConfig, "schedule": ScheduleConfig}
T = TypeVar("T")


def setting(default: Any, among: Range | None, about: str, **more: str) -> Any:
    """Return a field with its default and, for checks and the command line, its range (None: True or False) and help.

    ``option`` is the command line's spelling, where it isn't the field's name.
    """
    return field(default=default, metadata={"range": among, "help": about, **more})


def takes_constants_as_fields(cls: type[T]) -> type[T]:
    """Let a recipe be made as in version 0.1 too, where constants were fields, with a warning."""
    init: Any = cls.__init__

    @wraps(init)
    def make(self: Any, **words: Any) -> None:
        for name, kind in CONFIGS.items():
            if own := {key: words[key] for key in kind.known_constants() if key in words}:
                chosen = words.get(name, getattr(cls, name))
                given = [repr(getattr(chosen, "name", chosen)), *(f"{key}={value!r}" for key, value in own.items())]
                now = f"Recipe({name}={kind.__name__}({', '.join(given)}))"
                warn_renamed(f"Recipe({', '.join(own)})", now, stacklevel=4)
        init(self, **nest(words))

    cls.__init__ = make  # type: ignore[method-assign]
    return cls


@takes_old_parameters
@takes_constants_as_fields
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
    optimizer : OptimizerConfig or str
        An optimiser with its constants, ``OptimizerConfig("adam", beta1=0.95)``; or its name, for its own defaults. See
        `twofold.functions.OPTIMIZERS`.
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
    ema_decay : float
        d, in [0, 1): with more than 0 the trained model is the exponential moving average of the parameters after each
        step, ``average <- d average + (1 - d) theta`` (the plain mean of the first 1 / (1 - d) steps); 0.999 is usual.
    schedule : ScheduleConfig or str
        How the learning rate goes down, with a warm-up and other constants, ``ScheduleConfig("cosine",
        warmup_epochs=2)``; or its name, for its own defaults. See `twofold.functions.SCHEDULES`.
    window : int
        Samples that are in memory at a time, where the set is on disk; 0 for all. An epoch's order is drawn window by
        window then, also of a set in memory: see `twofold.randomness.epoch_windows`. At least the set's size is as 0.
    slices : int
        Parts that a minibatch is computed in, a power of 2; their sums are added in a fixed order, so that 1 to as many
        processes train the same model to the bit, see `twofold.connect`. With 1 it is computed whole.
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
    >>> Recipe(optimizer=OptimizerConfig("adam", beta1=0.95), schedule="cosine").optimizer.constants["beta1"]
    0.95
    """

    epochs: int = setting(5, COUNT, "times through the training set")
    batch_size: int = setting(256, COUNT, "most samples of a minibatch")
    even_batches: bool = setting(
        True, None, "minibatches of even sizes, or full ones and a rest", option="--even-batches/--short-last-batch"
    )
    shuffle: bool = setting(True, None, "samples in another order each epoch", option="--shuffle/--no-shuffle")
    learning_rate: float = setting(0.1, POSITIVE, "step length")
    optimizer: ConfigField[OptimizerConfig] = ConfigField(OptimizerConfig, "sgd")  # noqa: RUF009 - a descriptor
    weight_decay: float = setting(0.0, NOT_NEGATIVE, f"L2 penalty on weights; decoupled in {DECOUPLED}")
    l1: float = setting(0.0, NOT_NEGATIVE, f"L1 penalty on weights, some of which become 0; decoupled in {DECOUPLED}")
    clip_norm: float | None = setting(None, POSITIVE, "largest norm of a step's gradient")
    label_smoothing: float = setting(0.0, FRACTION, "part of each target that is spread over all classes")
    ema_decay: float = setting(
        0.0, FRACTION, "the model is a moving average of the weights, which keeps so much: 0.999"
    )
    schedule: ConfigField[ScheduleConfig] = ConfigField(ScheduleConfig, "constant")  # noqa: RUF009
    window: int = setting(0, WINDOW, "samples that are in memory, and shuffled, at a time; 0 for all")
    slices: int = setting(1, SLICES, "parts of a minibatch that torchrun's processes share, a power of 2")
    seed: int = setting(0, SEED, "of first weights, order and dropout")

    def __post_init__(self) -> None:
        for each in fields(self):
            if each.name in CONFIGS:
                continue
            value, among = getattr(self, each.name), each.metadata["range"]
            holds = isinstance(value, bool) if among is None else among.holds(value)
            if not holds and not (value is None and each.default is None):
                expected = "True or False" if among is None else among.words
                expected += ", or None" if each.default is None else ""
                raise SpecificationError(f"{each.name} is {show(value)}; it must be {expected}")

    def __getattr__(self, name: str) -> Any:
        """Return what version 0.1 had under another name, with a warning."""
        if name in PARAMETERS:
            warn_renamed(f"Recipe.{name}", f"Recipe.{PARAMETERS[name]}")
            return getattr(self, PARAMETERS[name])
        for place, kind in CONFIGS.items():
            if name in kind.known_constants():
                warn_renamed(f"Recipe.{name}", f"Recipe.{place}.constants[{name!r}]")
                return getattr(self, place).constants.get(name)
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def flat(self) -> dict[str, Any]:
        """Return all fields on one level: the optimiser and the schedule as names, each followed by its constants.

        Examples
        --------
        >>> [name for name in Recipe(optimizer="momentum").flat() if name not in Recipe.__dataclass_fields__]
        ['momentum', 'warmup_epochs']
        """
        options: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            options |= {each.name: value.name, **value.constants} if isinstance(value, Config) else {each.name: value}
        return options

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, fit for JSON."""
        values = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: value.to_dict() if isinstance(value, Config) else value for name, value in values}

    @classmethod
    def from_dict(cls, value: object, where: str) -> Recipe:
        """Undo `to_dict`; what version 0.1 wrote is read too, where constants were fields.

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
        return from_dict(cls, _nested_as_now(value) if isinstance(value, Mapping) else value, where)

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
        >>> [Recipe(ema_decay=0.9).keep(step) for step in (0, 1, 100)]
        [0.0, 0.5, 0.9]
        """
        return min(self.ema_decay, step / (step + 1))

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
        ramp, factor = self.schedule.factor(step, steps_per_epoch, self.epochs)
        return self.learning_rate * ramp * factor


def nest(options: Mapping[str, Any]) -> dict[str, Any]:
    """Put constants that stand beside the fields of a `Recipe`, as on a command line, into their configs.

    Examples
    --------
    >>> nest({"epochs": 3, "optimizer": "lion", "beta1": 0.95})
    {'epochs': 3, 'optimizer': OptimizerConfig('lion', beta1=0.95)}
    """
    nested = dict(options)
    for name, kind in CONFIGS.items():
        own = {key: nested.pop(key) for key in kind.known_constants() if key in nested}
        if any(value is not None for value in own.values()):
            chosen = nested.get(name, getattr(Recipe, name))
            nested[name] = chosen.changed(**own) if isinstance(chosen, kind) else kind(chosen, **own)
    return nested


def _nested_as_now(options: Mapping[str, Any]) -> dict[str, Any]:
    """Nest what version 0.1 wrote: every constant, also those that its optimiser and schedule don't read."""
    now = {PARAMETERS.get(name, name): value for name, value in options.items()}
    for name, kind in CONFIGS.items():
        if not isinstance(chosen := now.get(name, getattr(Recipe, name).name), str):
            continue
        own = kind.registry[chosen].constants if chosen in kind.registry else ()
        constants = {key: now.pop(key) for key in kind.known_constants() if key in now}
        read = {key: value for key, value in constants.items() if key in own or not (value is None or is_real(value))}
        now[name] = {"name": chosen, **read}
    return now
