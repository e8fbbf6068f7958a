"""Reading ahead: what comes next is prepared in threads of their own while the last is worked on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch(items: Generator[Item], depth: int = 2) -> Generator[Item]:
    """Run a generator in a thread of its own, a few items ahead.

    It pays where the generator lets go of Python's lock while it works, as readers and decoders do. Once this one is
    at its end, closed, or left by an exception, the thread has ended and the other generator is closed.

    Parameters
    ----------
    items : generator
        Touched by that thread only; what it yields must not be the next item's memory too.
    depth : int
        Items that may wait, at least 1.

    Yields
    ------
    object
        The same items in the same order; an exception of the generator comes after the last of them.

    Examples
    --------
    >>> list(prefetch(k * k for k in range(4)))
    [0, 1, 4, 9]
    """
    ready: SimpleQueue[tuple[Item] | BaseException | None] = SimpleQueue()
    room, left = threading.Semaphore(depth), threading.Event()

    def run() -> None:
        try:
            for item in items:
                ready.put((item,))
                room.acquire()
                if left.is_set():
                    break
            items.close()
        except BaseException as error:  # whatever it is, it is raised where the items are used
            ready.put(error)
        else:
            ready.put(None)

    thread = threading.Thread(target=run, name="twofold-prefetch", daemon=True)
    thread.start()
    try:
        while (found := ready.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            room.release()
            yield found[0]
    finally:
        left.set()
        room.release()
        thread.join()


def map_in_order(function: Callable[[Item], Result], items: Generator[Item], workers: int) -> Generator[Result]:
    """Compute a function of each item, of several at the same time, while the next ones are read.

    Parameters
    ----------
    function : callable
        Called in several threads at a time.
    items : generator
        As for `prefetch`.
    workers : int
        Threads, at least 1; hardly more items are in memory.

    Yields
    ------
    object
        The results in the items' order; an exception of the function or of the generator comes in its place.

    Examples
    --------
    >>> list(map_in_order(lambda k: k * k, (k for k in range(4)), workers=2))
    [0, 1, 4, 9]
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool, closing(prefetch(items)) as ahead:
        try:
            for item in ahead:
                waiting.append(pool.submit(function, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
