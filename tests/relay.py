"""Carries packets between taps, late and with losses, where the kernel has no netem.

python tests/relay.py DELAY LOSS TAP...
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import deque

SET_TAP, TAP, NO_HEADER = 0x400454CA, 0x0002, 0x1000  # of linux/if_tun.h
MOST = 65536  # bytes of a packet


def opened(name: str) -> int:
    """Open a tap."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, SET_TAP, struct.pack("16sH", name.encode(), TAP | NO_HEADER))
    return tap


def carry(taps: list[int], delay: float, loss: float) -> None:
    """Read packets, drop some, and write each to the tap behind which its receiver is, or to all others."""
    waiting: deque[tuple[float, int, bytes]] = deque()
    behind: dict[bytes, int] = {}
    drawn = random.Random(0)  # noqa: S311 - losses that anybody may foresee
    while True:
        rest = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for tap in select.select(taps, [], [], rest)[0]:
            packet = os.read(tap, MOST)
            behind[packet[6:12]] = tap
            if drawn.random() >= loss:
                waiting.append((time.monotonic() + delay, tap, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, source, packet = waiting.popleft()
            target = behind.get(packet[:6])
            for tap in taps if target is None else [target]:
                if tap != source:
                    os.write(tap, packet)


if __name__ == "__main__":
    carry([opened(name) for name in sys.argv[3:]], float(sys.argv[1]), float(sys.argv[2]))
