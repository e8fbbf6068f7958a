"""A training that is going on, and who is told of it: callbacks.

A callback is any object with one or more of these methods, each of which gets the `Run`:

================== ==================================================================================================
``on_train_begin`` before anything is trained; may put another learning rate in place (`Run.rate`)
``on_epoch_begin`` before an epoch's first step
``on_step_end``    after each step; `Run.samples` says how far in its epoch
``on_epoch_end``   after an epoch, whose record is `Run.epoch`; a callback may put another in its place
``on_train_end``   at the end, however it came: also after an error, or when whoever loops over the epochs leaves
================== ==================================================================================================

Callbacks are called in the order in which they are given, at the end in reverse; one with a true attribute ``last``
comes after the others, as checkpoints do, which save what the others remember. What a callback remembers and a
checkpoint is to hold, it returns from ``state_dict()``, fit for JSON, and gets back by ``load_state_dict(state)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import Any

from twofold.data.dataset import Dataset, Samples
from twofold.distributed import STOP, Processes
from twofold.engines import Engine, EngineState
from twofold.errors import SpecificationError
from twofold.recipe import Recipe

EVENTS = ("on_train_begin", "on_epoch_begin", "on_step_end", "on_epoch_end", "on_train_end")


@dataclass(frozen=True)
class Epoch:
    """What an epoch brought.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    epochs : int
        How many the recipe has.
    loss : float
        Mean training loss per sample over the epoch's steps, each taken just before its step (and under dropout).
    train_accuracy : float or None
        Accuracy in the same sense; None where targets are numbers.
    test_loss, test_accuracy : float or None
        On the whole test set after the epoch; None without one.
    learning_rate : float
        Of the last step.
    samples : int
        Samples trained on in this epoch.
    seconds : float
        Wall-clock time of the steps; the test set's evaluation is not in it. 0 in a model that was read from a file,
        which doesn't hold it: the same training writes the same file.
    validation_loss, validation_accuracy : float or None
        On the validation set after the epoch; None without one, see `twofold.train`.
    """

    epoch: int
    epochs: int
    loss: float
    train_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    learning_rate: float
    samples: int
    seconds: float = 0.0
    validation_loss: float | None = None
    validation_accuracy: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, fit for JSON."""
        return asdict(self)

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        parts = [f"epoch {self.epoch}/{self.epochs}", f"loss {self.loss:.4g}"]
        if self.train_accuracy is not None:
            parts.append(f"train accuracy {self.train_accuracy:.4f}")
        if self.validation_accuracy is not None:
            parts.append(f"validation accuracy {self.validation_accuracy:.4f}")
        elif self.validation_loss is not None:
            parts.append(f"validation loss {self.validation_loss:.4g}")
        if self.test_accuracy is not None:
            parts.append(f"test accuracy {self.test_accuracy:.4f}")
        elif self.test_loss is not None:
            parts.append(f"test loss {self.test_loss:.4g}")
        return "  ".join([*parts, f"{self.seconds:.3f} s"])


@dataclass(kw_only=True)
class Run:
    """A training that is going on: what its callbacks read, and may change.

    Attributes
    ----------
    engine : Engine
        Callbacks may read its running means and its state.
    data : Dataset
    recipe : Recipe
    callbacks : tuple of objects
        In the order in which they are called.
    validation : Samples or None
        Scored after each epoch in place of the test set.
    rate : callable
        The learning rate: of a step and the steps of an epoch, as `Recipe.rate`, which it is at first.
    history : list of Epoch
        The epochs that are over, those before an interruption included.
    samples : int
        Samples gone through in the present epoch.
    stop_reason : str or None
        None while the run goes on, and if it is left early; ``"epochs"`` once all are over; otherwise what `stop` says.
    setting : dict of str to str
        What else must be the same for the run to go on from a checkpoint.
    resumed : EngineState or None
        What it goes on from; see `go_on_from`.
    processes : Processes
        That train this model together; all but the first are to write and print nothing.
    """

    engine: Engine
    data: Dataset
    recipe: Recipe
    callbacks: tuple[object, ...] = ()
    validation: Samples | None = None
    rate: Callable[[int, int], float]
    history: list[Epoch] = field(default_factory=list)
    samples: int = 0
    stop_reason: str | None = None
    setting: dict[str, str] = field(default_factory=dict)
    resumed: EngineState | None = None
    _reason: str | None = None
    interrupted: float | None = None
    processes: Processes = field(default_factory=Processes)

    @property
    def epoch(self) -> Epoch:
        """The record of the newest epoch that is over; a callback may put another in its place."""
        return self.history[-1]

    @epoch.setter
    def epoch(self, record: Epoch) -> None:
        self.history[-1] = record

    def stop(self, reason: str = "callback") -> None:
        """End the run: after the step that has just been taken, or before the next epoch.

        Of several processes all end it after the same step, the next one.

        Parameters
        ----------
        reason : str
            What `stop_reason` becomes.
        """
        self._reason = self._reason or reason
        self.processes.wish = max(self.processes.wish, STOP)
        self.heed()

    def heed(self) -> None:
        """Take over what all processes agree on."""
        if self.processes.agreed >= STOP and self.stop_reason is None:
            self.stop_reason = self._reason or "process"

    def go_on_from(self, state: EngineState, history: Iterable[Epoch], seconds: float) -> None:
        """Go on where an earlier run was, from ``on_train_begin``.

        Parameters
        ----------
        state : EngineState
        history : iterable of Epoch
            The epochs that are over.
        seconds : float
            Time that the epoch which is not over has taken.
        """
        self.resumed, self.history, self.interrupted = state, list(history), seconds

    def tell(self, event: str) -> None:
        """Call the method of this name of each callback that has it."""
        for method in self.listeners(event):
            method(self)

    def listeners(self, event: str) -> tuple[Callable[[Run], None], ...]:
        """Return the methods of this name."""
        return tuple(getattr(callback, event) for callback in self.callbacks if hasattr(callback, event))


def in_order(callbacks: object) -> tuple[object, ...]:
    """Check callbacks, one or several, and return them in the order in which they are called.

    Raises
    ------
    SpecificationError
        If one has no method of a callback, or one whose name is nearly that of an event.
    """
    given = tuple(callbacks) if isinstance(callbacks, Iterable) else (callbacks,)
    for callback in given:
        if not is_callback(callback):
            raise SpecificationError(
                f"{type(callback).__name__} is no callback: it has none of the methods {', '.join(EVENTS)}"
            )
        for name in dir(callback):
            if name not in EVENTS and (alike := get_close_matches(name, EVENTS, n=1, cutoff=0.9)):
                raise SpecificationError(f"{type(callback).__name__}.{name} is never called; did you mean {alike[0]}?")
    return tuple(sorted(given, key=lambda callback: bool(getattr(callback, "last", False))))


def is_callback(value: object) -> bool:
    """Tell whether a value has a method of a callback."""
    return any(callable(getattr(value, event, None)) for event in EVENTS)
