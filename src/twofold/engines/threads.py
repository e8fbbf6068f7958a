"""How many threads the arithmetic may use: NumPy's, and PyTorch's where it is loaded."""

from __future__ import annotations

import sys

from threadpoolctl import threadpool_limits

from twofold.errors import SpecificationError


def check_threads(threads: int | None) -> int | None:
    """Return a number of threads, or None for as many as there are cores; raise `SpecificationError` if below 1."""
    if threads is not None and threads < 1:
        raise SpecificationError(f"threads is {threads}; it must be at least 1")
    return threads


def use_threads(threads: int) -> None:
    """Limit this process's arithmetic to so many threads from now on; call it after an engine is open.

    Parameters
    ----------
    threads : int
        At least 1. Sums may round otherwise with another number; with one number they are the same from run to run.

    Raises
    ------
    SpecificationError
        If it is below 1.
    """
    check_threads(threads)
    threadpool_limits(limits=threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
