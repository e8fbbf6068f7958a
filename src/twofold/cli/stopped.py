"""A training that a signal stopped, as the command line tells it."""

from __future__ import annotations

from twofold.errors import TwofoldError


class Stopped(TwofoldError):  # noqa: N818 - nothing went wrong
    """A signal came and a checkpoint was written.

    An Exception, unlike `twofold.errors.StoppedError`: Typer would turn a KeyboardInterrupt into words of its own.

    Parameters
    ----------
    message : str
    code : int
        What to exit with.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
