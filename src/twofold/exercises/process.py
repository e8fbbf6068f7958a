"""A worker process that checks a file: its events, its output, and its end."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

MOST_OUTPUT = 1_000_000  # characters after which a process that prints is stopped
KEPT = 4000  # characters of them that are kept


class Process:
    """A worker that checks a file; its events and its output, read by two threads."""

    def __init__(self, arguments: Sequence[str]) -> None:
        one = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        environment = os.environ | one | {"PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(  # noqa: S603 # our own module, with a file that the learner names
            [sys.executable, "-m", "twofold.exercises.worker", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment, start_new_session=os.name == "posix",
        )  # fmt: skip
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._kept: list[str] = []
        self._printed = 0
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._read_events, self._read_output)]
        for thread in self._threads:
            thread.start()

    @property
    def flooded(self) -> bool:
        """Whether it printed too much."""
        return self._printed > MOST_OUTPUT

    def _read_events(self) -> None:
        stream: IO[bytes] = self._process.stdout  # type: ignore[assignment] # it is a pipe
        for line in stream:
            with suppress(ValueError):
                self._events.put(json.loads(line))
        self._events.put(None)

    def _read_output(self) -> None:
        stream: IO[bytes] = self._process.stderr  # type: ignore[assignment] # it is a pipe
        while block := os.read(stream.fileno(), 65536):
            text = block.decode("utf-8", "replace")
            if self._printed < KEPT:
                self._kept.append(text[: KEPT - self._printed])
            self._printed += len(text)
            if self.flooded:
                self.kill()
                return

    def event(self, seconds: float) -> dict[str, Any] | None:
        """Wait for the next event; None at the end. Raises `queue.Empty` when time is over."""
        return self._events.get(timeout=seconds)

    def output(self) -> str:
        """Return what was printed since this was last asked."""
        kept, self._kept = self._kept, []
        return "".join(kept)

    def kill(self) -> None:
        """End the process and all that it started."""
        with suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def close(self) -> int:
        """Return the exit code; whatever still runs is ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self.kill()
        code = self._process.wait()
        for thread, stream in zip(self._threads, (self._process.stdout, self._process.stderr), strict=True):
            thread.join(1)
            if stream is not None and not thread.is_alive():
                stream.close()
        return code
