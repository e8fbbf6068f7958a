"""Checkpoints on the command line: ``--checkpoint``, ``--resume`` and what goes with them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from twofold.callbacks import TimeBudget
from twofold.checkpoints import Checkpoint, CheckpointFolder, Checkpoints, StopSignals
from twofold.checkpoints.saver import Pace
from twofold.cli.options import Hardware, Safety
from twofold.cli.stopped import Stopped
from twofold.distributed import is_launched, is_restarted
from twofold.errors import CheckpointError, SpecificationError, StoppedError


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
    budget(safety)
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
    if last is not None and safety.resume is None and not is_restarted():
        raise CheckpointError(
            f"{place}: holds checkpoints already, up to step {last.steps}; go on with --resume {place}, "
            "or choose another folder"
        )
    return last


def budget(safety: Safety) -> list[TimeBudget]:
    """Return the callback that ends the training in time, if a budget is given."""
    return [] if safety.time_budget is None else [TimeBudget(safety.time_budget)]


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
def checkpoints(first_weights: Mapping[str, Any], safety: Safety) -> Iterator[list[Checkpoints]]:
    """Yield the callback that writes checkpoints, if a folder is named; Ctrl-C and SIGTERM then become `Stopped`."""
    place = _place(safety)
    if place is None:
        yield []
        return
    with StopSignals(patient=is_launched()) as signals:
        try:
            yield [
                Checkpoints(
                    place,
                    every=safety.every,
                    every_seconds=safety.every_seconds,
                    keep=safety.keep,
                    setting={"init": first_weights["initialization"], "sigma": repr(first_weights["sigma"])},
                    signals=signals,
                )
            ]
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
    started = "torchrun --nproc-per-node N -m twofold " if is_launched() else "twofold "
    return started + shlex.join(changed)


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
