"""When a checkpoint is due, and what is done then."""

from __future__ import annotations

import signal
import time
import warnings
from dataclasses import dataclass, field, replace

from twofold.checkpoints.checkpoint import Checkpoint
from twofold.checkpoints.compatibility import refuse_other_run, what_became_of_the_schedule, what_may_round_otherwise
from twofold.checkpoints.folder import CheckpointFolder
from twofold.checkpoints.signals import StopSignals
from twofold.early_stopping import BestEpoch
from twofold.engines import Engine
from twofold.errors import CheckpointError, SpecificationError, StoppedError
from twofold.training import Epoch


@dataclass
class Pace:
    """When a checkpoint is due.

    Parameters
    ----------
    every : int, optional
        Epochs.
    every_seconds : float, optional
        Seconds instead.
    """

    every: int | None
    every_seconds: float | None
    _last: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.every is not None and self.every_seconds is not None:
            raise SpecificationError("every and every_seconds are both given; choose epochs or seconds")
        if self.every is not None and (type(self.every) is not int or self.every < 1):
            raise SpecificationError(f"every is {self.every!r}; it must be an integer of at least 1 epoch")
        if self.every_seconds is not None and not self.every_seconds > 0:
            raise SpecificationError(f"every_seconds is {self.every_seconds!r}; it must be positive")

    def after_step(self) -> bool:
        """Tell whether one is due within an epoch. The clock is one that is never set back."""
        return self.every_seconds is not None and time.monotonic() - self._last >= self.every_seconds

    def after_epoch(self, epoch: int) -> bool:
        """Tell whether one is due at an epoch's end."""
        return self.after_step() if self.every_seconds is not None else epoch % (self.every or 1) == 0

    def saved(self) -> None:
        """Note that one was tried."""
        self._last = time.monotonic()


class Saver:
    """Writes a run's checkpoints when they are due.

    Parameters
    ----------
    engine : Engine
    folder : CheckpointFolder
    pace : Pace
    asked : Checkpoint
        What the run is; its state and history are those of the start.
    best : BestEpoch, optional
    then : Checkpoint, optional
        What it goes on from.

    Raises
    ------
    CheckpointError
        If that is of another run.
    """

    def __init__(
        self,
        engine: Engine,
        folder: CheckpointFolder,
        *,
        pace: Pace,
        asked: Checkpoint,
        best: BestEpoch | None,
        then: Checkpoint | None,
    ) -> None:
        self._engine, self._folder, self._pace, self._best = engine, folder, pace, best
        self._run = asked
        self._must = then is None  # whether the next checkpoint has to come off: the first one and the last
        self._saved: tuple[int, int] | None = None  # steps and epochs of the newest
        self._carried = 0.0  # seconds that the running epoch took before it was interrupted
        self._began: float | None = None
        self.history: tuple[Epoch, ...] = ()
        if then is not None:
            self._go_on_from(then)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to train: every epoch is over, or early stopping has given up."""
        best = self._best
        hopeless = best is not None and best.patience is not None and best.waited >= best.patience
        return hopeless or len(self.history) >= self._run.recipe.epochs

    def after_step(self, stop: StopSignals) -> None:
        """Write a checkpoint if one is due; if a signal has come, write one and raise `StoppedError`."""
        if self._began is None:
            self._began = time.perf_counter()
        self.leave_if_told(stop)
        if self._must or self._pace.after_step():
            self._save()

    def after_epoch(self, record: Epoch) -> Epoch:
        """Complete an epoch's record by what came before an interruption, and write a checkpoint if one is due."""
        record = replace(record, samples=self._run.samples, seconds=record.seconds + self._carried)
        self.history = (*self.history, record)
        self._carried, self._began = 0.0, None
        self._must = self.over
        if self._must or self._pace.after_epoch(record.epoch):
            self._save()
        return record

    def leave_if_told(self, stop: StopSignals) -> None:
        """If a signal has come, write a checkpoint and raise `StoppedError`."""
        if stop.signal is None:
            return
        self._must = False
        self._save()
        name = signal.Signals(stop.signal).name
        where = "before its first step" if self._saved is None else f"after step {self._saved[0]}"
        raise StoppedError(f"stopped by {name}; the newest checkpoint in {self._folder.path} is {where}", stop.signal)

    def _go_on_from(self, then: Checkpoint) -> None:
        now = self._run
        refuse_other_run(str(self._folder.path), now, then)
        rate = what_became_of_the_schedule(now.recipe, then.recipe, steps=then.steps, samples=now.samples)
        for news in (what_may_round_otherwise(now, then), rate):
            if news:
                warnings.warn(f"{self._folder.path}: {news}", UserWarning, stacklevel=4)
        self.history = tuple(replace(epoch, epochs=now.recipe.epochs) for epoch in then.history)
        self._carried = then.seconds
        self._saved = (then.steps, then.epochs)
        if self._best is not None and then.best is not None:
            for name in ("epoch", "value", "parameters", "waited"):
                setattr(self._best, name, getattr(then.best, name))

    def _save(self) -> None:
        """Write a checkpoint of the present state, unless there is one or it has left the finite numbers."""
        here = (self._engine.steps, len(self.history))
        if here == self._saved:
            return
        began = self._began
        seconds = 0.0 if began is None else self._carried + time.perf_counter() - began
        checkpoint = replace(
            self._run, state=self._engine.state(), history=self.history, seconds=seconds, best=self._best
        )
        if not checkpoint.finite:
            return
        self._pace.saved()
        try:
            self._folder.save(checkpoint)
        except CheckpointError as error:
            if self._must:
                raise
            warnings.warn(f"{error}; training goes on without a new checkpoint", UserWarning, stacklevel=5)
        else:
            self._saved, self._must = here, False
