"""One process at a time in a folder: a lock that the operating system lets go of when its process ends, however."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twofold.errors import CheckpointError

LOCK = ".lock"


def lock_folder(folder: Path) -> tuple[int, ...]:
    """Take a folder's lock.

    The lock is one on open files (``flock``), not their being there: after a crash nothing has to be cleaned up. One is
    on a file in the folder, and one on the folder itself, which holds when somebody deletes that file.

    Parameters
    ----------
    folder : Path
        It must exist.

    Returns
    -------
    tuple of int
        File descriptors; closing them gives the lock back.

    Raises
    ------
    CheckpointError
        If another process holds it, or the folder may not be written to.
    """
    try:
        held = [os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o666)]
    except OSError as error:
        raise CheckpointError(
            f"{folder}: cannot be written: {error.strerror}; choose a folder you may write to"
        ) from error
    try:
        _lock(held[0])
        if sys.platform != "win32":
            held.append(os.open(folder, os.O_RDONLY))
            try:
                _lock(held[1])
            except BlockingIOError:
                raise
            except OSError:  # NFS locks no folders
                os.close(held.pop())
    except OSError as error:
        for descriptor in held:
            os.close(descriptor)
        raise CheckpointError(
            f"{folder}: another process trains with these checkpoints; let it end, or choose another folder"
        ) from error
    return tuple(held)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
