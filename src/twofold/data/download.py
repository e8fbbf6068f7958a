"""Files from the net: several addresses, several attempts each, resumed after a cut, checked, all or nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import http.client
import io
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from twofold.errors import ChecksumError, DownloadError
from twofold.files import replacing

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence
    from io import BufferedRandom

CHUNK = 1 << 16
MAX_HEADER_BYTES = 1 << 20  # bytes of headers and interim answers that an answer may have beside its file
MIN_BYTES_PER_TIMEOUT = 1 << 12  # bytes that must come within each timeout, or the server counts as silent
PAUSE = 0.5  # seconds before the second attempt at an address; twice as long before each later one
WORTH_A_SECOND_TRY = (408, 425, 429)  # of the 4xx answers; every 5xx is too


@dataclasses.dataclass(frozen=True)
class _Task:
    """What every attempt needs; the file's position is the number of bytes worth keeping."""

    file: BufferedRandom
    md5: str
    max_bytes: int
    timeout: float
    deadline: float
    progress: Callable[[int, int | None], None] | None


class _AttemptError(Exception):
    """Why an attempt failed, and whether the same address is worth another."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(" ".join(reason.split()))
        self.final = final


class _WrongSumError(_AttemptError):
    """An address delivered, from first byte to last, something else."""


def download(
    addresses: Sequence[str],
    target: str | os.PathLike[str],
    *,
    md5: str,
    max_bytes: int = 1 << 28,
    timeout: float = 30.0,
    longest: float = 3600.0,
    attempts: int = 3,
    progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Download a file, from the first address that delivers it.

    What a broken connection has delivered is kept for the next attempt, which asks for the rest only, at the next
    address too. Nothing bears the target's name before it is complete, right and on the disk; on any failure, and on
    Ctrl-C, nothing stays behind.

    Parameters
    ----------
    addresses : sequence of str
        ``http`` or ``https``, in order of preference.
    target : path
        The file to make; its folder is made if need be.
    md5 : str
        The published MD5 sum, 32 hexadecimal digits.
    max_bytes : int
        A larger file is refused, in bytes.
    timeout : float
        The longest silence of a server, in seconds; fewer than 4 KiB in so long a time are silence too.
    longest : float
        The longest that all of it may take, in seconds.
    attempts : int
        How often each address is tried, at least 1; `PAUSE` seconds after the first time, and twice as long each time.
    progress : callable, optional
        Called as ``progress(done_bytes, total_bytes_or_None)`` after each piece.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    ChecksumError
        Every address delivered something else.
    DownloadError
        No address delivered, or the file can't be written.

    Examples
    --------
    >>> try:
    ...     download(["ftp://example.org/a"], "a", md5="0" * 32)
    ... except DownloadError as error:
    ...     print(str(error).split(";")[0])
    a: download failed: ftp://example.org/a: only http and https addresses are followed
    """
    target = Path(target)
    made = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:
            task = _Task(file, md5.lower(), max_bytes, timeout, time.monotonic() + longest, progress)
            failures: dict[str, _AttemptError] = {}
            for address in addresses:
                failure = _try(task, address, attempts)
                if failure is None:
                    return target
                failures[address] = failure
            raise _give_up(target, failures)
    except DownloadError:
        raise
    except OSError as error:
        advice = "free some space, or choose a folder you may write to"
        raise DownloadError(f"{target}: cannot be written: {error.strerror or error}; {advice}") from error
    finally:
        for folder in made:  # innermost first; one that holds a file stays
            with contextlib.suppress(OSError):
                folder.rmdir()


def _give_up(target: Path, failures: dict[str, _AttemptError]) -> DownloadError | ChecksumError:
    reported = "; ".join(f"{address}: {failure}" for address, failure in failures.items()) or "no address is known"
    advice = f"place the file in {target.parent} by hand, or set TWOFOLD_DATA to a folder that holds it"
    if failures and all(isinstance(failure, _WrongSumError) for failure in failures.values()):
        return ChecksumError(f"{target.name}: every address delivered a wrong file: {reported}; {advice}")
    return DownloadError(f"{target.name}: download failed: {reported}; {advice}")


def _try(task: _Task, address: str, attempts: int) -> _AttemptError | None:
    failure = _AttemptError("not tried")
    for attempt in range(attempts):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            _attempt(task, address)
        except _AttemptError as caught:
            failure = caught
            if failure.final:
                break
        else:
            return None
    return failure


def _attempt(task: _Task, address: str) -> None:
    _check_time(task)
    with _answer(task, address) as response:
        resumed = task.file.tell() > 0
        _receive(task, response)
    task.file.seek(0)
    actual = hashlib.file_digest(task.file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if actual == task.md5:
        return
    _discard(task)
    reason = f"MD5 sum {actual} instead of {task.md5}"
    if resumed:  # the fault may lie with the bytes kept from before, so the address gets another chance
        raise _AttemptError(reason)
    # Without a stated length a cut looks like an end.
    raise _WrongSumError(reason, final=response.length is not None)


def _check_time(task: _Task) -> None:
    if time.monotonic() > task.deadline:
        raise _AttemptError("the time for the whole download is over", final=True)


def _discard(task: _Task) -> None:
    task.file.seek(0)
    task.file.truncate()


def _answer(task: _Task, address: str) -> http.client.HTTPResponse:
    """Ask for what is missing; on return the file's position is where the answer's first byte belongs."""
    kept = task.file.tell()
    response = _open(task, address, kept)
    if response.status == 416 or (response.status == 206 and not _continues(response, kept)):
        response.close()
        _discard(task)
        response = _open(task, address, 0)
    if response.status == 200:  # the whole file, whether the whole was asked for or not
        _discard(task)
    elif response.status != 206 or not task.file.tell():
        response.close()
        final = 400 <= response.status < 500 and response.status not in WORTH_A_SECOND_TRY
        raise _AttemptError(f"HTTP {response.status} {response.reason}", final=final)
    return response


def _continues(response: http.client.HTTPResponse, kept: int) -> bool:
    return re.match(rf"bytes {kept}-", response.headers.get("Content-Range", "")) is not None


def _open(task: _Task, address: str, start: int) -> http.client.HTTPResponse:
    if not address.lower().startswith(("http://", "https://")):
        raise _AttemptError("only http and https addresses are followed", final=True)
    headers = {"User-Agent": "twofold", "Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with _network(task):
        request = urllib.request.Request(address, headers=headers)  # noqa: S310 - the scheme is checked above
        return cast("http.client.HTTPResponse", _opener(task).open(request, timeout=task.timeout))


def _receive(task: _Task, response: http.client.HTTPResponse) -> None:
    done = task.file.tell()
    total = None if response.length is None else done + response.length
    if total is not None and total > task.max_bytes:
        _discard(task)
        raise _AttemptError(f"{total} bytes are more than the {task.max_bytes} that are allowed", final=True)
    while piece := _read(task, response):
        done += len(piece)
        if done > task.max_bytes:
            _discard(task)
            raise _AttemptError(f"it sends more than the {task.max_bytes} bytes that are allowed", final=True)
        task.file.write(piece)
        if task.progress is not None:
            task.progress(done, total)
    if total is not None and done < total:
        raise _AttemptError(f"cut off after {done} of {total} bytes")


def _read(task: _Task, response: http.client.HTTPResponse) -> bytes:
    with _network(task):
        return response.read(CHUNK)


@contextlib.contextmanager
def _network(task: _Task) -> Iterator[None]:
    """Tell the network's errors from the disk's: both are OSErrors, and only the first are worth another attempt."""
    try:
        yield
    except urllib.error.HTTPError as error:  # a redirect that goes in circles or to another scheme
        error.close()
        raise _AttemptError(str(error), final=True) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        silent = isinstance(cause, TimeoutError)
        raise _AttemptError(f"silent for {task.timeout:g} seconds" if silent else str(cause) or repr(cause)) from None


class _Watched(io.RawIOBase):
    """A connection's bytes: not too many, not too slowly, and not after the deadline.

    A server that sends a byte now and then is never silent, and one that answers "100 Continue" for ever never has
    answered: both would hold the reader, which waits for a whole answer.
    """

    def __init__(self, raw: io.RawIOBase, task: _Task) -> None:
        self._raw, self._task = raw, task
        self._left = task.max_bytes + MAX_HEADER_BYTES
        self._since, self._lately = time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        _check_time(self._task)
        now = time.monotonic()
        if now - self._since > self._task.timeout:
            if self._lately < MIN_BYTES_PER_TIMEOUT:
                raise _AttemptError(f"too slow: {self._lately} bytes in {self._task.timeout:g} seconds")
            self._since, self._lately = now, 0
        count = self._raw.readinto(buffer) or 0
        self._lately += count
        self._left -= count
        if self._left < 0:
            raise _AttemptError(f"it sends more than the {self._task.max_bytes} bytes that are allowed", final=True)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, *args: Any, task: _Task, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fp = io.BufferedReader(_Watched(cast("Any", self.fp).detach(), task))


class _Watching(urllib.request.AbstractHTTPHandler):
    """For the handlers of http and https: their answers are watched, headers and all."""

    def __init__(self, task: _Task) -> None:
        super().__init__()
        self._task = task

    def do_open(self, http_class: Any, req: Any, **options: Any) -> Any:
        def connection(host: str, **more: Any) -> Any:
            made = http_class(host, **more)
            made.response_class = functools.partial(_Response, task=self._task)
            return made

        return super().do_open(connection, req, **options)


class _WatchedHTTP(_Watching, urllib.request.HTTPHandler):
    pass


class _WatchedHTTPS(_Watching, urllib.request.HTTPSHandler):
    pass


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow a redirect without reading what else is said with it, which may have no end."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:  # noqa: PLR0917 - urllib's
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


class _AnswerAsItIs(urllib.request.BaseHandler):
    """Hand back an answer such as 404 instead of raising it."""

    def http_error_default(self, _request: object, response: object, *_: object) -> object:
        return response


def _opener(task: _Task) -> urllib.request.OpenerDirector:
    # Put together by hand: build_opener's would also follow ftp, file and data addresses.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _WatchedHTTP(task),
        _WatchedHTTPS(task),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _AnswerAsItIs(),
    ):
        opener.add_handler(handler)
    return opener
