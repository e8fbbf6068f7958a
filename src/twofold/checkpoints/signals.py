"""Ctrl-C and SIGTERM as a wish that is granted after the step that is running."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM)

Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers


class StopSignals:
    """While the block runs, the first Ctrl-C or SIGTERM is noted; a second one does what it did before.

    A signal that the process ignores (as under ``nohup``) stays ignored. Outside of the main thread, where Python lets
    nobody listen, nothing is noted. Blocks may lie within one another.

    Parameters
    ----------
    patient : bool
        Further signals change nothing: ``torchrun``, when it is interrupted, sends its processes one more, and ends
        those that take too long.

    Attributes
    ----------
    signal : int or None
        The signal that came.

    Examples
    --------
    >>> with StopSignals() as stop:
    ...     signal.raise_signal(signal.SIGINT)
    >>> stop.signal == signal.SIGINT
    True
    """

    def __init__(self, *, patient: bool = False) -> None:
        self.signal: int | None = None
        self._patient = patient
        self._before: dict[int, Handler] = {}
        self._depth = 0

    def __enter__(self) -> StopSignals:
        self._depth += 1
        if self._depth == 1 and self.signal is None and threading.current_thread() is threading.main_thread():
            for number in STOPPING:
                handler = signal.getsignal(number)
                if handler not in (None, signal.SIG_IGN):  # None: one that isn't Python's, which can't be put back
                    self._before[number] = handler
                    signal.signal(number, self._note)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._put_back()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = self.signal or number
        if not self._patient:
            self._put_back()

    def _put_back(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())
