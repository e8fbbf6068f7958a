"""How many cores this process may use."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Return how many cores this process may use: no more than its affinity and a container's quota, at least 1."""
    return max(1, min(_affinity(), int(min(quota(), 2**31))))


def quota_threads() -> int | None:
    """Return how many threads a container's quota is for, where the affinity has more cores; None elsewhere.

    Libraries start as many threads as the affinity has cores; beyond a quota they are halted most of the time.
    """
    return usable_cores() if quota() < _affinity() else None


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def quota() -> float:
    """Return the cores of a container's quota, the least of its groups; infinity without one.

    References
    ----------
    Linux kernel, "CFS Bandwidth Control" (version 1 of the groups) and "Control Group v2", ``cpu.max``.
    """
    least = math.inf
    with suppress(OSError, ValueError):
        for line in OWN_GROUPS.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
            own = GROUPS / ("cpu" if controllers else "") / path.lstrip("/")
            for folder in (own, *own.parents[: len(own.parts) - len(GROUPS.parts)]):
                with suppress(OSError, ValueError):  # none; or "max", or -1: without end
                    most, period = map(int, " ".join((folder / name).read_text() for name in names).split())
                    least = min(least, most / period) if most > 0 else least
    return least
