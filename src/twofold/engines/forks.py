"""Forks: of PyTorch's threads none is in the child, which would wait for them for ever; so it computes with one."""

from __future__ import annotations

import os
import sys
from functools import lru_cache

_child = False  # whether this process was forked from one in which an engine had loaded PyTorch


@lru_cache(maxsize=1)
def guard_forks() -> None:
    """See to it, from now on, that PyTorch has one thread in a forked process; for whoever imports it to call."""
    if hasattr(os, "register_at_fork"):  # Windows has no forks
        os.register_at_fork(after_in_child=_stay_alone)


def threads_after_fork(threads: int) -> int:
    """Return how many of these threads a process may have: one, if it was forked with PyTorch in it.

    Examples
    --------
    >>> threads_after_fork(4)
    4
    """
    return 1 if _child else threads


def _stay_alone() -> None:
    global _child  # noqa: PLW0603 - it is a fact about the process
    _child = True
    sys.modules["torch"].set_num_threads(1)
