"""One process at a time in a folder: a lock that the operating system lets go of when its process ends, however."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twofold.errors import CheckpointError

LOCK = ".lock"


def lock_folder(folder: Path) -> int:
    """Take a folder's lock.

    The lock is one on an open file (``flock``), not the file's being there: after a crash nothing has to be cleaned up.

    Parameters
    ----------
    folder : Path
        It must exist.

    Returns
    -------
    int
        A file descriptor; closing it gives the lock back.

    Raises
    ------
    CheckpointError
        If another process holds it, or the folder may not be written to.
    """
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise CheckpointError(
            f"{folder}: cannot be written: {error.strerror}; choose a folder you may write to"
        ) from error
    try:
        _lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        raise CheckpointError(
            f"{folder}: another process trains with these checkpoints; let it end, or choose another folder"
        ) from error
    return descriptor


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
