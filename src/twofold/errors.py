"""The errors that twofold raises, each also one of Python's own kinds.

::

    TwofoldError
    ├── SpecificationError      (ValueError)         a network, recipe or option that can't be
    │   └── UnknownNameError                         a name that no registry holds; suggests the nearest
    ├── DataError               (ValueError)         data that can't be trained on: shapes, NaN, labels
    │   ├── CellError           (TypeError)          a cell that is no number, where numbers are needed
    │   ├── SeparationError                          classes or zeros that columns tell apart: no finite coefficients
    │   ├── FileFormatError                          a file whose bytes are not what they claim to be
    │   │   ├── ChecksumError                        a file whose sum is not the one it should have
    │   │   └── NewerFormatError                     a file that a newer twofold wrote
    │   └── DataNotFoundError   (FileNotFoundError)  no such file or data set here
    ├── DownloadError           (OSError)            every address failed
    ├── CheckpointError         (ValueError)         a folder of checkpoints that can't be used: taken, another run's
    ├── DivergedError           (ArithmeticError, ValueError)  the loss or a parameter left the finite numbers
    ├── NotConvergedError       (ArithmeticError)    an iteration ended before its answer was good
    ├── ProcessLostError        (ConnectionError)    another of the processes that train a model together is gone
    └── MissingDependencyError  (ImportError)        an optional library is not installed

Beside the tree, since nobody's ``except Exception`` should swallow it, `StoppedError` (KeyboardInterrupt): Ctrl-C or
SIGTERM came, and a checkpoint was written.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from twofold.text import visible


class TwofoldError(Exception):
    """Base of every error that twofold raises on purpose; its message is one line, and steers no terminal."""

    def __str__(self) -> str:
        # Exception's: that of OSError, which some of these are too, would look for an errno.
        return visible(Exception.__str__(self))


class SpecificationError(TwofoldError, ValueError):
    """A network, recipe or option has a value that can't be."""


class UnknownNameError(SpecificationError):
    """A name was asked for that the registry doesn't hold."""


class DataError(TwofoldError, ValueError):
    """Data can't be used as given: wrong shape, a NaN, labels out of range."""


class CellError(DataError, TypeError):
    """A cell is no number, or none that a double holds, where numbers are needed."""


class SeparationError(DataError):
    """A combination of columns tells the targets apart: the likelihood has no maximum at finite coefficients."""


class FileFormatError(DataError):
    """A file's bytes are not what its name or header claims."""


class ChecksumError(FileFormatError):
    """A file's sum differs from the one it should have: the published MD5, or the SHA-256 that stands in it."""


class NewerFormatError(FileFormatError):
    """A file was written by a newer version of twofold, in a form that this one doesn't read."""


class DataNotFoundError(DataError, FileNotFoundError):
    """A file or data set is not where it was looked for."""

    # ValueError's, which comes first, would not do where Dask unpickles one.
    __new__ = FileNotFoundError.__new__  # type: ignore[assignment]


class DownloadError(TwofoldError, OSError):
    """A download failed from every address."""


class MissingDependencyError(TwofoldError, ImportError):
    """An optional library is needed and not installed."""


class CheckpointError(TwofoldError, ValueError):
    """A folder of checkpoints can't be used: another process has it, it is another run's, nothing there is readable."""


class ProcessLostError(TwofoldError, ConnectionError):
    """Another of the processes that train a model together is gone, or doesn't answer.

    Attributes
    ----------
    first : bool
        Whether this process is the first that noticed, and so the one to tell it.
    """

    first: bool = True


class StoppedError(KeyboardInterrupt):
    """A signal asked a training to stop; it did so after a whole step, and wrote a checkpoint.

    Parameters
    ----------
    message : str
        Where the checkpoint is.
    signal : int
        The signal's number; a process ended by it exits with 128 and this.
    """

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.signal)


class DivergedError(TwofoldError, ArithmeticError, ValueError):
    """Training left the finite numbers.

    Parameters
    ----------
    message : str
        What happened and what to try.
    epoch : int
        The epoch, counted from 1, in which it was noticed.
    history : iterable of twofold.training.Epoch
        The records of the epochs that ended well.
    """

    def __init__(self, message: str, epoch: int, history: Iterable[Any] = ()) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.history = tuple(history)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.epoch, self.history)


class NotConvergedError(TwofoldError, ArithmeticError):
    """An iteration came to its end before its answer was as good as it must be."""


def show(value: object) -> str:
    """Write a value for a message: in one line, and not for ever.

    Examples
    --------
    >>> show(0.5), show("x" * 99)
    ('0.5', "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...")
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # whatever a stranger's class may raise, and whole numbers of thousands of digits
        text = f"a {type(value).__name__} that can't be shown"
    return text if len(text) <= 60 else f"{text[:57]}..."


def check_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return a name that a registry holds.

    Parameters
    ----------
    kind : str
        What is named, for the message: ``"activation"``.
    name : str
        What was asked for.
    known : iterable of str
        The names there are.

    Returns
    -------
    str
        The name.

    Raises
    ------
    UnknownNameError
        If there is no such name; the message suggests the nearest.

    Examples
    --------
    >>> check_name("activation", "rleu", ["relu", "tanh"])
    Traceback (most recent call last):
    twofold.errors.UnknownNameError: unknown activation 'rleu'; did you mean 'relu'? (known: relu, tanh)
    """
    names = list(known)
    given: object = name  # anything at all, in truth; an array would be compared with each name
    if isinstance(given, str) and given in names:
        return name
    raise UnknownNameError(f"unknown {kind} {show(name)}{nearest(name, names)} (known: {', '.join(names)})")


def nearest(name: object, known: Iterable[str]) -> str:
    """Suggest the name that was meant, for a message; nothing if none is near.

    Examples
    --------
    >>> nearest("rleu", ["relu", "tanh"])
    "; did you mean 'relu'?"
    """
    folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(str(name).casefold(), list(folded), n=1)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""


def match_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Do as `check_name`, whatever the case, and with or without hyphens and underscores.

    Examples
    --------
    >>> match_name("data set", "FashionMNIST", ["mnist", "fashion-mnist"])
    'fashion-mnist'
    """
    names = list(known)
    plain = {_bare(each): each for each in names}
    return plain.get(_bare(name)) or check_name(kind, name, names)


def _bare(name: object) -> str:
    return str(name).casefold().replace("-", "").replace("_", "").replace(" ", "")
