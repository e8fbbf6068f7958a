"""How many threads the arithmetic may use: NumPy's, and PyTorch's where it is loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController, threadpool_limits

from twofold.cores import quota_threads
from twofold.engines.forks import threads_after_fork
from twofold.errors import SpecificationError, show
from twofold.values import is_whole

LIBRARIES = ("numpy", "scipy.linalg", "sklearn", "torch")  # each brings thread pools of its own
MAX_THREADS = (
    256  # threads on a machine of fewer cores: PyTorch ends the process if it can't start as many as it is told
)


def check_threads(threads: int | None) -> int | None:
    """Return a number of threads, None for as many as there are cores; raise `SpecificationError` if out of range."""
    most = max(MAX_THREADS, os.cpu_count() or 1)
    if threads is not None and not (is_whole(threads) and 1 <= threads <= most):
        raise SpecificationError(f"threads is {show(threads)}; it must be at least 1 and at most {most}")
    return threads


def use_threads(threads: int | None) -> None:
    """Limit this process's arithmetic to so many threads from now on; call it after an engine is open.

    Parameters
    ----------
    threads : int or None
        At least 1. Sums may round otherwise with another number; with one number they are the same from run to run.
        A process forked from one that had loaded PyTorch has one, whatever is asked for. None leaves it to the
        libraries, but for a container's quota, which they don't see.

    Raises
    ------
    SpecificationError
        If it is below 1, or far more than there are cores.
    """
    threads = check_threads(threads) or quota_threads()
    if threads is None:
        return
    threads = threads_after_fork(threads)
    threadpool_limits(limits=threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Limit the arithmetic within a block to so many threads.

    Parameters
    ----------
    threads : int or None
        As in `use_threads`.

    Raises
    ------
    SpecificationError
        If it is below 1, or far more than there are cores.
    """
    threads = check_threads(threads) or quota_threads()
    if threads is None:
        yield
        return
    threads = threads_after_fork(threads)
    loaded = tuple(name for name in LIBRARIES if name in sys.modules)
    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    with _pools(loaded).limit(limits=threads):
        if torch is not None:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)


@lru_cache(maxsize=4)
def _pools(_loaded: tuple[str, ...]) -> ThreadpoolController:
    """Return the thread pools of the libraries that are loaded: to look for them takes milliseconds."""
    return ThreadpoolController()
