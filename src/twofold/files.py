"""Files: read whole, or written all or nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from io import BufferedRandom, BufferedReader
from pathlib import Path

from twofold.errors import DataError, DataNotFoundError


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a file whole; what goes wrong becomes one of twofold's errors.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    bytes
        Its content.

    Raises
    ------
    DataNotFoundError
        There is no such file.
    DataError
        It can't be read: a folder, permission denied.
    """
    with reading(path) as (file, size):
        return file.read(size)


@contextlib.contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[tuple[BufferedReader, int]]:
    """Open a file to read; what goes wrong becomes one of twofold's errors, until the block ends.

    Parameters
    ----------
    path : path
        The file.

    Yields
    ------
    file : binary file
    size : int
        Its bytes, and 0 of a device such as /dev/zero, which has no end: read no more than that.

    Raises
    ------
    DataNotFoundError
        There is no such file.
    DataError
        It can't be read: a folder, a pipe, permission denied.
    """
    try:
        refuse_pipe(path)
        with Path(path).open("rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    except FileNotFoundError as error:
        raise DataNotFoundError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; give a file that you may read") from error


def refuse_pipe(path: str | os.PathLike[str]) -> None:
    """Raise `DataError` if a file is a pipe or a socket: whoever opens one may wait for ever.

    Raises
    ------
    DataError
    OSError
        If there is no such file.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        raise DataError(f"{path}: is a pipe, which may never end; save what comes out of it in a file, and give that")


def check_place(path: str | os.PathLike[str]) -> None:
    """Refuse a place that `replacing` couldn't write to, before hours of work are to end there.

    Parameters
    ----------
    path : path
        Of the file that is going to be written.

    Raises
    ------
    DataNotFoundError
        Its folder doesn't exist.
    DataError
        It is a folder itself, or its folder can't be written to.
    """
    folder = Path(path).resolve().parent
    if Path(path).is_dir():
        raise DataError(f"{path}: is a folder; give the name of a file")
    if not folder.is_dir():
        raise DataNotFoundError(f"{path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise DataError(f"{path}: the folder {folder} can't be written to; choose another")


def check_places(*paths: str | os.PathLike[str] | None) -> None:
    """Do as `check_place` for each path, and refuse one that is given twice; None is left out."""
    given = [path for path in paths if path is not None]
    for k, path in enumerate(given):
        check_place(path)
        if Path(path).resolve() in [Path(other).resolve() for other in given[:k]]:
            raise DataError(f"{path}: two things are to be written to it; give each a file of its own")


def check_spelling(path: str | os.PathLike[str]) -> None:
    """Raise `DataError` if a file is none that Arrow opens: its name is not UTF-8, or it is a pipe."""
    try:
        refuse_pipe(path)
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{path}: its name is not UTF-8 and can't be opened by Arrow; rename it") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; give a file that you may read") from error


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BufferedRandom]:
    """Open a new file that takes `path`'s place when the block ends well, and vanishes when it doesn't.

    Parameters
    ----------
    path : path
        The name to take; its folder must exist.

    Yields
    ------
    binary file
        In the same folder, readable and writable; flushed to the disk before it takes the name, as is the folder after.

    Raises
    ------
    OSError
        The file can't be made, written or renamed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/a.txt") as file:
    ...         _ = file.write(b"all or nothing")
    ...     Path(f"{folder}/a.txt").read_text()
    'all or nothing'
    """
    path = Path(path).resolve()  # a symbolic link stays one
    # Not tempfile's: its files are for their owner alone, and a data folder may be shared.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a folder under another name, which takes `path` when the block ends well and vanishes when it doesn't.

    Parameters
    ----------
    path : path
        Where nothing is yet, in a folder that there is.

    Yields
    ------
    Path
        The folder to fill.

    Raises
    ------
    DataError
        There is something already, or it can't be written there.
    """
    path = Path(path).resolve()
    if path.exists():
        raise DataError(f"{path}: is there already; remove it, or name another folder")
    check_place(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        temporary.mkdir()
        yield temporary
        for file in temporary.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        temporary.rename(path)
        _flush_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush_folder(folder: Path) -> None:
    """Bring a folder's new entry to the disk, where the system can: without it a power cut may undo a renaming."""
    with contextlib.suppress(OSError):  # Windows opens no folder, and some file systems flush none
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
