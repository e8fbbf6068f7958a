"""Checkpoints on the command line: ``--checkpoint``, ``--resume`` and what goes with them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from twofold.checkpoints import Checkpoint, CheckpointFolder, StopSignals, train_with_checkpoints
from twofold.checkpoints.saver import Pace
from twofold.cli.job import Job
from twofold.cli.options import Hardware, JobOptions, Safety
from twofold.cli.screen import Screen
from twofold.cli.stopped import Stopped
from twofold.engines import Engine
from twofold.errors import CheckpointError, SpecificationError, StoppedError
from twofold.training import Epoch
from twofold.values import count


@dataclass(frozen=True)
class Epochs:
    """A training, cut in two where it goes on.

    Attributes
    ----------
    before : list of Epoch
        Those that were over when it was interrupted.
    now : iterator of Epoch
        Those that are trained as it is gone through.
    """

    before: list[Epoch]
    now: Iterator[Epoch]


def check_safety(safety: Safety) -> Checkpoint | None:
    """Check the words about checkpoints before anything is trained.

    Parameters
    ----------
    safety : Safety

    Returns
    -------
    Checkpoint or None
        The one that is gone on from.

    Raises
    ------
    SpecificationError
        If they don't go together.
    CheckpointError
        If there is nothing to go on from, or something that would be written over.
    """
    Pace(safety.every, safety.every_seconds)
    place = _place(safety)
    if place is None:
        if (safety.every, safety.every_seconds, safety.keep) != (None, None, None):
            raise SpecificationError("--every, --every-seconds and --keep go with --checkpoint or --resume")
        return None
    if safety.checkpoint is None and not place.is_dir():
        raise CheckpointError(f"{place}: no such folder; start with --checkpoint {place}")
    with _open(safety, place) as folder:
        last = folder.latest()
    if last is None and safety.checkpoint is None:
        raise CheckpointError(f"{place}: holds no checkpoint; start with --checkpoint {place}")
    if last is not None and safety.resume is None:
        raise CheckpointError(
            f"{place}: holds checkpoints already, up to step {last.steps}; go on with --resume {place}, "
            "or choose another folder"
        )
    return last


def refuse_safety(safety: Safety, what: str) -> None:
    """Raise `SpecificationError` if checkpoints are asked for of what has none."""
    if _place(safety) is not None:
        raise SpecificationError(f"{what} and has no checkpoints; leave --checkpoint and --resume out")


def same_engine(hardware: Hardware, last: Checkpoint | None) -> Hardware:
    """Let ``auto`` be the engine that a run began with, so that it goes on to the bit."""
    if last is None or hardware.engine != "auto":
        return hardware
    return replace(hardware, engine=last.environment["engine"])


@contextmanager
def training(
    screen: Screen,
    engine: Engine,
    job: Job,
    *,
    options: JobOptions,
    safety: Safety,
    watch: Callable[[Engine, int], None],
    **more: Any,
) -> Iterator[Epochs]:
    """Train, with checkpoints if a folder is named; Ctrl-C and SIGTERM then become `Stopped`.

    Parameters
    ----------
    screen, engine, job, options
    safety : Safety
    watch : callable
        As in `twofold.train`.
    **more
        Nothing, or validation and best, as `train_best` has them.

    Yields
    ------
    Epochs
    """
    from twofold.early_stopping import train_best
    from twofold.training import train

    place = _place(safety)
    if place is None:
        run = train_best if more else train
        yield Epochs([], run(engine, job.data, job.recipe, watch=watch, **more))
        return
    with StopSignals() as stop, _open(safety, place) as folder:
        last = folder.latest()
        epochs = train_with_checkpoints(
            engine,
            job.data,
            job.recipe,
            folder,
            every=safety.every,
            every_seconds=safety.every_seconds,
            setting={"init": options.init, "sigma": repr(options.sigma)},
            watch=watch,
            stop=stop,
            **more,
        )
        if last is not None:
            behind = f"{last.epochs} of {count(job.recipe.epochs, 'epoch')} being over"
            screen.say(f"going on from step {last.steps}, {behind}")
        before = [] if last is None else [replace(epoch, epochs=job.recipe.epochs) for epoch in last.history]
        try:
            yield Epochs(before, epochs)
        except StoppedError as error:
            raise Stopped(str(error), 128 + error.signal) from error


def how_to_go_on(words: Sequence[str]) -> str:
    """Return the command that goes on with the run that a command began.

    Examples
    --------
    >>> how_to_go_on(["train", "mlp", "--checkpoint=runs/my first", "--epochs", "9"])
    "twofold train mlp '--resume=runs/my first' --epochs 9"
    """
    resumes = any(word.split("=")[0] == "--resume" for word in words)
    changed = words if resumes else [_renamed(word) for word in words]
    return shlex.join(["twofold", *changed])


def _renamed(word: str) -> str:
    name, equals, value = word.partition("=")
    return f"--resume{equals}{value}" if name == "--checkpoint" else word


def _place(safety: Safety) -> Path | None:
    """Return the folder that is named."""
    if safety.checkpoint is not None and safety.resume is not None and safety.checkpoint != safety.resume:
        raise SpecificationError(
            f"--checkpoint is {safety.checkpoint} and --resume {safety.resume}; a run has one folder: name it in both"
        )
    return safety.resume if safety.checkpoint is None else safety.checkpoint


def _open(safety: Safety, place: Path) -> CheckpointFolder:
    return CheckpointFolder(place) if safety.keep is None else CheckpointFolder(place, keep=safety.keep)
