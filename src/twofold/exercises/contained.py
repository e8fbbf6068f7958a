"""A learner's function called in this process, as in a notebook: endless loops, exits and floods of output end."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

MOST_OUTPUT = 100_000  # characters that are kept of what a function prints


class TimeLimitError(BaseException):
    """Time is over; no ``except Exception`` of a learner's catches it."""


class Kept(io.StringIO):
    """A stream that keeps the beginning of what is written and forgets the rest."""

    def write(self, text: str) -> int:
        """Keep a text as far as there is room."""
        super().write(text[: max(0, MOST_OUTPUT - self.tell())])
        return len(text)


@contextlib.contextmanager
def contained(seconds: float) -> Iterator[Kept]:
    """Run what is within under a time limit, with its output kept, and without a way to end the process.

    Parameters
    ----------
    seconds : float
        After which `TimeLimitError` is raised: by an alarm of the system where there is one, elsewhere (in a browser,
        on Windows, in a thread) between two lines of Python.

    Yields
    ------
    Kept
        What was printed.
    """
    output = Kept()
    leave = os._exit
    os._exit = _exit  # type: ignore[assignment] # it raises, where the other never returns
    try:
        limit = _alarm(seconds) if _has_alarm() else _watched(seconds)
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), limit:
            yield output
    finally:
        os._exit = leave


def _exit(status: int = 0) -> None:
    raise SystemExit(status)


def _has_alarm() -> bool:
    here = threading.current_thread() is threading.main_thread()
    return here and hasattr(signal, "setitimer") and sys.platform != "emscripten"


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimeLimitError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)  # again and again, for whoever catches everything
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _watched(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds

    def watch(_frame: FrameType, _event: str, _argument: Any) -> Any:
        if time.monotonic() > end:
            raise TimeLimitError
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(before)
