"""What a step frees, the next one needs again: memory is not handed back to the system in between."""

from __future__ import annotations

from functools import cache

import numpy as np

BLOCK = 2**25 - 2**16  # bytes; the largest block that glibc learns from has 32 MiB


@cache
def keep_freed_memory() -> None:
    """Have glibc keep what is freed, up to 64 MiB, from now on and for the whole process; elsewhere nothing happens.

    glibc maps large arrays anew each time and gives them back when they are freed, so that every step's arrays are
    filled with zeros page by page: as much again as the arithmetic's own time. It stops doing so for arrays up to the
    size of the largest that was freed (``M_MMAP_THRESHOLD`` in mallopt(3)): so one is, no page of it ever touched.
    """
    np.empty(BLOCK, dtype=np.uint8)
