"""Reading ahead: what comes next is prepared in a thread of its own while the last is worked on."""

from __future__ import annotations

import threading
from collections.abc import Generator
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")


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
