"""Whose the threads are: BLAS's own, or ours that each call BLAS on one core."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController

from twofold.cores import usable_cores

MAX_NARROW_COLUMNS = 64  # columns up to which products are too short for BLAS's threads
_ONE_AT_A_TIME = threading.Lock()  # the number of BLAS threads belongs to the whole process
_INSIDE = threading.local()  # of threads of whoever has taken BLAS's over: they must not wait for that to end


@contextmanager
def own_threads(pieces: int) -> Iterator[int]:
    """Take over BLAS's threads: each of ours then calls BLAS on one core, on a block that its cache holds.

    Parameters
    ----------
    pieces : int
        How many there could be use for.

    Yields
    ------
    int
        How many threads to start; 1 leaves BLAS its own, or within another's, as in a callback, that one's single one.
    """
    if getattr(_INSIDE, "yes", False):
        yield 1
        return
    controller = _controller()
    with _ONE_AT_A_TIME:
        _INSIDE.yes = True
        try:
            cores = usable_cores()
            own = max([lib.num_threads for lib in controller.lib_controllers if lib.user_api == "blas"], default=1)
            workers = min(own, pieces, cores)
            if workers == 1 and own <= cores:
                yield 1
                return
            with controller.limit(limits=cores if workers == 1 else 1, user_api="blas"):
                yield workers
        finally:
            _INSIDE.yes = False


def belong_inside() -> None:
    """Count the calling thread to those that `own_threads` started: for whoever runs a user's callbacks in them."""
    _INSIDE.yes = True


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
