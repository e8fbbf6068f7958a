"""Standard output and standard error that no text and no full disk can bring a command to an end with."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import IO, Any, cast

ESCAPED = "twofold.escaped"  # the name under which Python's encodings find `_escape`
SPELLED = {"…": "~", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "−": "-", "×": "x", "•": "*"}
SPELLED |= {line: sign for sign, lines in {"-": "─━═╌╍┄┅┈┉╴╶╸╺", "|": "│┃║╎╏┆┇┊┋╵╷╹╻"}.items() for line in lines}
LAST_BOX = "\u257f"  # box drawings begin with the first line of SPELLED


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Write what an encoding lacks: lines of boxes and dashes in ASCII, all else as an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_spell, error.object[error.start : error.end])), error.end


def _spell(letter: str) -> str:
    if letter in SPELLED:
        return SPELLED[letter]
    return "+" if "─" <= letter <= LAST_BOX else letter.encode("ascii", "backslashreplace").decode()


codecs.register_error(ESCAPED, _escape)


class Outlet:
    """A stream whose failures are kept for later: a full disk or a closed pipe must not end a training.

    Parameters
    ----------
    stream : text file or None
        None where a process has no such stream.

    Attributes
    ----------
    failure : OSError or None
        The first one; nothing is written after it.
    """

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = io.StringIO() if stream is None else stream
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        """Write text, unless that has failed before."""
        self._do(self._stream.write, text)
        return len(text)

    def flush(self) -> None:
        """Hand over what was written."""
        self._do(self._stream.flush)

    def _do(self, call: Any, *words: str) -> None:
        if self.failure is not None:
            return
        try:
            call(*words)
        except OSError as error:
            self.failure = error
            self._silence()

    def _silence(self) -> None:
        """Let what the stream still holds go nowhere; Python would try to write it when the process ends."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nowhere, self._stream.fileno())
            finally:
                os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def safe_output() -> Iterator[tuple[Outlet, Outlet]]:
    """Put `Outlet` in the place of standard output and error, and let both write any character in any encoding.

    Yields
    ------
    tuple of Outlet
        Standard output and standard error.
    """
    streams = sys.stdout, sys.stderr
    before = [(stream, stream.errors) for stream in streams if isinstance(stream, io.TextIOWrapper)]
    outlets = Outlet(streams[0]), Outlet(streams[1])
    sys.stdout, sys.stderr = cast("tuple[Any, Any]", outlets)
    try:
        for stream, errors in before:
            if errors in ("strict", "surrogateescape"):  # other handlers raise nothing, and were chosen by somebody
                _handle(stream, ESCAPED)
        yield outlets
    finally:
        for outlet in outlets:
            outlet.flush()
        sys.stdout, sys.stderr = streams
        for stream, errors in before:
            _handle(stream, errors or "strict")


def _handle(stream: io.TextIOWrapper, errors: str) -> None:
    """Set what a stream does with characters that its encoding lacks, as far as it still can be written to."""
    with contextlib.suppress(OSError, ValueError):
        stream.reconfigure(errors=errors)
