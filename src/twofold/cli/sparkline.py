"""A curve in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 12) -> str:
    """Draw numbers as bars of eight heights, from the least to the largest of them.

    Parameters
    ----------
    values : sequence of float
        What is not finite becomes a space.
    width : int
        Most characters, at least 1; of more numbers, means of neighbours are drawn.

    Returns
    -------
    str

    Examples
    --------
    >>> sparkline([8, 4, 2, 1, 1])
    '█▄▂▁▁'
    >>> sparkline(range(100), width=8)
    '▁▂▃▄▅▆▇█'
    """
    n = min(width, len(values))
    parts = [values[len(values) * k // n : len(values) * (k + 1) // n] for k in range(n)]
    means = [sum(part) / len(part) for part in parts]
    finite = [mean for mean in means if math.isfinite(mean)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    step = (high - low) / len(BARS) or 1.0
    return "".join(BARS[min(int((m - low) / step), len(BARS) - 1)] if math.isfinite(m) else " " for m in means)
