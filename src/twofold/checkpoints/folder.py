"""A folder of numbered checkpoints: the newest few of a run, each proved readable before an older one goes."""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from pathlib import Path
from types import TracebackType

from twofold.checkpoints.checkpoint import Checkpoint
from twofold.checkpoints.file import read_checkpoint, write_checkpoint
from twofold.checkpoints.lock import lock_folder
from twofold.errors import CheckpointError, DataError, FileFormatError, NewerFormatError, SpecificationError

NAME = re.compile(r"step-(\d{12})\.safetensors")
# What a process that was killed has left half written: our own file, or the one that it was to become of.
STRAY = re.compile(r"\.new-step-\d{12}\.safetensors|\.\.new-step-\d{12}\.safetensors\.[0-9a-f]{32}\.part")


class CheckpointFolder:
    """A folder that one process at a time writes a run's checkpoints to: ``with CheckpointFolder("runs/a") as folder``.

    On entering, the folder is made if need be and locked, and what a killed process left half written is cleared away.
    A checkpoint is written beside the others, flushed to the disk, read back and compared with its checksum, and only
    then takes its name and the place of the oldest. Their order is that of their steps; no clock is asked.

    Parameters
    ----------
    path : path
        The folder.
    keep : int
        How many checkpoints to keep, at least 1.

    Raises
    ------
    SpecificationError
        If ``keep`` is less than 1.
    CheckpointError
        On entering: if another process has the folder, or it can't be made or written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as path, CheckpointFolder(path) as folder:
    ...     print(folder.latest())
    None
    """

    def __init__(self, path: str | os.PathLike[str], *, keep: int = 3) -> None:
        if type(keep) is not int or keep < 1:
            raise SpecificationError(f"keep is {keep!r}; it must be an integer of at least 1")
        self.path = Path(path)
        self.keep = keep
        self._lock: tuple[int, ...] = ()

    def __enter__(self) -> CheckpointFolder:
        if self._lock:
            raise CheckpointError(f"{self.path}: is open already; enter it once")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(
                f"{self.path}: cannot be made: {error.strerror}; choose a folder you may write to"
            ) from error
        self._lock = lock_folder(self.path)
        try:
            for entry in self.path.iterdir():
                if STRAY.fullmatch(entry.name):
                    entry.unlink(missing_ok=True)
        except OSError as error:
            self.__exit__(None, None, None)
            raise CheckpointError(
                f"{error.filename}: cannot be tidied up: {error.strerror}; choose a folder you may read and write"
            ) from error
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for descriptor in self._lock:
            os.close(descriptor)
        self._lock = ()

    def files(self) -> list[Path]:
        """List the checkpoints, oldest first."""
        return sorted(entry for entry in self.path.iterdir() if NAME.fullmatch(entry.name))

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint; older ones than the last `keep` go once it is proved readable.

        Parameters
        ----------
        checkpoint : Checkpoint

        Returns
        -------
        Path
            Its file.

        Raises
        ------
        CheckpointError
            If it can't be written or read back; those that are there stay.
        """
        self._require_lock()
        path = self.path / f"step-{checkpoint.steps:012d}.safetensors"
        new = self.path / f".new-{path.name}"
        try:
            write_checkpoint(new, checkpoint)
            read_checkpoint(new)
            new.replace(path)
            _flush(self.path)
        except (OSError, FileFormatError) as error:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
            why = getattr(error, "strerror", None) or error
            raise CheckpointError(
                f"{path}: cannot be written: {why}; free some space, or choose a folder you may write to"
            ) from error
        self._thin_out(path)
        return path

    def latest(self) -> Checkpoint | None:
        """Read the newest checkpoint that can be read.

        One that is damaged, or no file at all, is set aside, as ``NAME.damaged``, with a warning, and the one before it
        is read; one that may not be read keeps its name.

        Returns
        -------
        Checkpoint or None
            None if there is none at all.

        Raises
        ------
        CheckpointError
            If there are some, and none can be read.
        NewerFormatError
            If one is of a newer version of twofold.
        """
        self._require_lock()
        damaged: dict[Path, DataError] = {}
        for file in reversed(self.files()):
            try:
                found = read_checkpoint(file)
            except NewerFormatError:
                raise
            except DataError as error:
                damaged[file] = error
            else:
                _set_aside(damaged)
                self._thin_out(file)
                return found
        if damaged:
            raise CheckpointError(
                f"{self.path}: none of its {len(damaged)} checkpoints can be read; start anew in another folder "
                f"({next(iter(damaged.values()))})"
            )
        return None

    def _thin_out(self, newest: Path) -> None:
        """Remove what is older than the last `keep`, of which the newest has been proved readable."""
        older = [file for file in self.files() if file.name < newest.name]
        for file in older[: max(0, len(older) - self.keep + 1)]:
            with contextlib.suppress(OSError):  # one too many does no harm
                file.unlink()

    def _require_lock(self) -> None:
        if not self._lock:
            raise CheckpointError(f"{self.path}: is not open; use it as `with CheckpointFolder(...) as folder:`")


def _set_aside(damaged: dict[Path, DataError]) -> None:
    """Take their names from files that can't be read, so that they don't count among the newest, and say so."""
    for file, error in damaged.items():
        done = "passed over" if isinstance(error.__cause__, PermissionError) else "set aside"
        if done == "set aside":
            with contextlib.suppress(OSError):
                file.replace(file.with_name(f"{file.name}.damaged"))
        warnings.warn(f"{error}; {done}, going back to the checkpoint before it", UserWarning, stacklevel=3)


def _flush(folder: Path) -> None:
    """Flush a folder's list of names to the disk, where the system lets one."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
