"""Training that can be stopped at any instant, however rudely, and goes on as if it hadn't been."""

from __future__ import annotations

import signal
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from twofold.checkpoints.checkpoint import Checkpoint
from twofold.checkpoints.compatibility import refuse_other_run, what_became_of_the_schedule, what_may_round_otherwise
from twofold.checkpoints.folder import CheckpointFolder
from twofold.checkpoints.signals import StopSignals
from twofold.data.fingerprint import data_hash
from twofold.distributed import STOP
from twofold.early_stopping import BestEpoch
from twofold.environment import environment
from twofold.errors import CheckpointError, SpecificationError, StoppedError
from twofold.run import Run

REMEMBERED = ("epoch", "value", "parameters", "waited")  # of a `BestEpoch`


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


class Checkpoints:
    """Writes a run's checkpoints; if the folder holds some already, the run goes on from the newest.

    A run that was stopped and goes on is the run that wasn't: the same parameters, optimiser state and history, bit
    for bit, on the same engine with the same number of threads; on another one, equal to rounding. Ctrl-C and SIGTERM
    let the step that is running end and write a checkpoint. More epochs than before may be asked for. What early
    stopping and other callbacks remember is in the checkpoints too. The epochs that were over are in `Run.history`,
    and in the ``history`` of ``folder.latest()``; `twofold.train` yields those that were not.

    Parameters
    ----------
    folder : path or CheckpointFolder
        A folder that you have entered, or where one is to be.
    every : int, optional
        Epochs between two checkpoints, at least 1; 1 unless ``every_seconds`` is given.
    every_seconds : float, optional
        Seconds between two checkpoints instead, within an epoch too; positive. Either way the first step is followed by
        one, so that a folder that can't be used is told at once, and so is the last.
    keep : int, optional
        How many to keep, of a path: 3 otherwise.
    setting : mapping of str to str, optional
        What else must be the same for a run to go on, such as how the data were prepared.
    signals : StopSignals, optional
        One that the caller has entered already, to be told of signals between epochs too.

    Warns
    -----
    UserWarning
        If a checkpoint can't be written (training goes on, and tries again at the next), a damaged one is passed over,
        the environment has changed, or more epochs have changed the schedule.

    Raises
    ------
    SpecificationError
        If an option is out of range.
    CheckpointError
        While training, if the folder's checkpoints are of another recipe, network or data, naming each field; or the
        first checkpoint, or the last one, can't be written.
    StoppedError
        While training, after Ctrl-C or SIGTERM, a checkpoint being written. It is a KeyboardInterrupt.

    Examples
    --------
    >>> import tempfile
    >>> from twofold import Network, Recipe, load_dataset, open_engine, train
    >>> data, network = load_dataset("synthetic"), Network((2, 1), loss="squared")
    >>> with tempfile.TemporaryDirectory() as path:
    ...     for epochs in (2, 5):
    ...         engine, recipe = open_engine("scratch", network), Recipe(epochs=epochs, batch_size=10)
    ...         print([epoch.epoch for epoch in train(engine, data, recipe, Checkpoints(path))])
    [1, 2]
    [3, 4, 5]
    """

    last = True  # after the other callbacks, whose memory it saves

    def __init__(
        self,
        folder: str | PathLike[str] | CheckpointFolder,
        *,
        every: int | None = None,
        every_seconds: float | None = None,
        keep: int | None = None,
        setting: Mapping[str, str] | None = None,
        signals: StopSignals | None = None,
    ) -> None:
        Pace(every, every_seconds)
        if keep is not None and isinstance(folder, CheckpointFolder):
            raise SpecificationError("keep goes with a path; a CheckpointFolder has its own")
        self.folder, self.every, self.every_seconds, self.keep = folder, every, every_seconds, keep
        self.setting, self._signals = dict(setting or {}), signals

    @property
    def _path(self) -> Path:
        return self.folder.path if isinstance(self.folder, CheckpointFolder) else Path(self.folder)

    def on_train_begin(self, run: Run) -> None:
        """Go on from the newest checkpoint, if there is one."""
        self._held = ExitStack()
        self._pace = Pace(self.every, self.every_seconds)
        self._stop = StopSignals(patient=run.processes.size > 1) if self._signals is None else self._signals
        self._listening = ExitStack()
        self._began: float | None = None
        self._carried = 0.0  # seconds that the running epoch took before it was interrupted
        self._saved: tuple[int, int] | None = None  # steps and epochs of the newest
        self._asked = describe(run, self.setting)
        then = run.processes.share(self._newest)
        self._must = then is None  # whether the next checkpoint has to come off: the first one and the last
        if then is not None:
            self._go_on_from(run, then)

    def on_epoch_begin(self, run: Run) -> None:
        """Listen to signals, which between epochs are the consumer's."""
        self._leave_if_told(run)
        self._listening.enter_context(self._stop)

    def on_step_end(self, run: Run) -> None:
        """Write a checkpoint if one is due; if a signal has come, write one and raise `StoppedError`."""
        if self._began is None:
            self._began = time.perf_counter()
        self._leave_if_told(run)
        if self._must or self._pace.after_step():
            self._save(run)

    def on_epoch_end(self, run: Run) -> None:
        """Write a checkpoint if one is due."""
        self._carried, self._began = 0.0, None
        self._must = run.stop_reason is not None or len(run.history) >= run.recipe.epochs
        if self._must or self._pace.after_epoch(run.epoch.epoch):
            self._save(run)
        self._listening.close()

    def on_train_end(self, run: Run) -> None:
        """Save what was stopped within an epoch, and let go of the folder."""
        with getattr(self, "_held", ExitStack()), getattr(self, "_listening", ExitStack()):
            if run.stop_reason is not None and hasattr(self, "_asked"):
                self._leave_if_told(run)
                self._save(run)

    def _newest(self) -> Checkpoint | None:
        """Open the folder, which of several processes the first one does, and read the newest checkpoint."""
        self._place = self._opened()
        return self._place.latest()

    def _opened(self) -> CheckpointFolder:
        if isinstance(self.folder, CheckpointFolder):
            return self.folder
        keep = {} if self.keep is None else {"keep": self.keep}
        return self._held.enter_context(CheckpointFolder(self.folder, **keep))

    def _leave_if_told(self, run: Run) -> None:
        """If a signal has come, write a checkpoint and raise `StoppedError`."""
        processes = run.processes
        processes.wish = max(processes.wish, self._stop.signal or 0)
        if not 0 < (number := processes.agreed) < STOP:
            return
        self._must = False
        self._save(run)
        name = signal.Signals(number).name
        where = "before its first step" if self._saved is None else f"after step {self._saved[0]}"
        raise StoppedError(f"stopped by {name}; the newest checkpoint in {self._path} is {where}", number)

    def _go_on_from(self, run: Run, then: Checkpoint) -> None:
        now = self._asked
        refuse_other_run(str(self._path), now, then)
        rate = what_became_of_the_schedule(now.recipe, then.recipe, steps=then.steps, samples=now.samples)
        for news in (what_may_round_otherwise(now, then), rate):
            if news and run.processes.rank == 0:
                warnings.warn(f"{self._path}: {news}", UserWarning, stacklevel=4)
        history = [replace(epoch, epochs=now.recipe.epochs) for epoch in then.history]
        run.go_on_from(then.state, history, then.seconds)
        self._carried, self._saved = then.seconds, (then.steps, then.epochs)
        best = best_of(run)
        if best is not None and then.best is not None:
            for name in REMEMBERED:
                setattr(best, name, getattr(then.best, name))
        for name, callback in _with_memory(run):
            if name in then.memories:
                callback.load_state_dict(then.memories[name])

    def _save(self, run: Run) -> None:
        """Write a checkpoint of the present state, unless there is one or it has left the finite numbers."""
        here = (run.engine.steps, len(run.history))
        if here == self._saved:
            return
        if run.processes.rank > 0:  # the first process writes
            self._saved, self._must = here, False
            return
        began = self._began
        checkpoint = replace(
            self._asked,
            state=run.engine.state(),
            history=tuple(run.history),
            seconds=0.0 if began is None else self._carried + time.perf_counter() - began,
            best=best_of(run),
            memories={name: callback.state_dict() for name, callback in _with_memory(run)},
        )
        if not checkpoint.finite:
            return
        self._pace.saved()
        try:
            self._place.save(checkpoint)
        except CheckpointError as error:
            if self._must:
                raise
            warnings.warn(f"{error}; training goes on without a new checkpoint", UserWarning, stacklevel=5)
        else:
            self._saved, self._must = here, False


def best_of(run: Run) -> BestEpoch | None:
    """Return what early stopping remembers, of the first callback that has it."""
    found = (getattr(callback, "best", None) for callback in run.callbacks)
    return next((best for best in found if isinstance(best, BestEpoch)), None)


def describe(run: Run, setting: Mapping[str, str]) -> Checkpoint:
    """Describe the run that is asked for, in the form of a checkpoint at its start."""
    engine, best = run.engine, best_of(run)
    sets = {"train": run.data.train, "test": run.data.test, "validation": run.validation}
    words = {**setting, **run.setting, "precision": str(getattr(engine, "precision", None) or engine.dtype)}
    if best is not None:
        words |= {"patience": str(best.patience), "least_gain": str(best.least_gain)}
    place = {"engine": engine.name, "device": str(getattr(engine, "device", "cpu"))}
    return Checkpoint(
        network=engine.network,
        recipe=run.recipe,
        data={name: data_hash(samples) for name, samples in sets.items() if samples is not None},
        setting=words,
        dtype=engine.dtype,
        state=engine.state(),
        history=(),
        samples=len(run.data.train),
        environment={**place, **environment()},
    )


def _with_memory(run: Run) -> Iterator[tuple[str, Any]]:
    """Name the callbacks that have a ``state_dict``: by their class, and of several of one class by their number."""
    seen: Counter[str] = Counter()
    for callback in run.callbacks:
        if hasattr(callback, "state_dict"):
            kind = type(callback).__name__
            seen[kind] += 1
            yield (kind if seen[kind] == 1 else f"{kind}-{seen[kind]}"), callback
