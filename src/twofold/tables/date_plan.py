"""A column of dates: years, season, weekday, time of day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.tables.cells import (
    holds,
    moments_in_time,
    times_in_text,
    words,
)
from twofold.tables.plan import flag_name, flagged, wrong

Array = NDArray[Any]

YEAR = 365.2425 * 86400e6  # microseconds
EPOCH_YEAR = 1970.0
DATE_PARTS = ("years", "season", "weekday", "clock")


@dataclass(frozen=True)
class DatePlan:
    """A column of dates or times.

    Attributes
    ----------
    parts : tuple of str
        What is taken of it: ``"years"`` (with the fraction, standardised), ``"season"`` (day of the year on a circle),
        ``"weekday"`` (one feature a day), ``"clock"`` (time of day on a circle).
    center, scale : float
        Of the years.
    low, high : float
        First and last year that were seen, with the fraction.
    date_format : str or None
        How it is written, if as text.
    """

    kind: ClassVar[str] = "date"
    name: str
    parts: tuple[str, ...]
    center: float
    scale: float
    low: float
    high: float
    date_format: str | None = None
    gaps: bool = False
    baseline: bool = False

    def feature_names(self) -> list[str]:
        """Name the parts, and the flag."""
        return [f"{self.name} {name}" for part in self.parts for name in self._names(part)] + flag_name(self)

    def _names(self, part: str) -> list[str]:
        days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
        circle = [f"{part} sin", f"{part} cos"]
        return {"years": ["years"], "weekday": days[int(self.baseline) :]}.get(part, circle)

    def encode(self, column: pa.ChunkedArray) -> tuple[Array, Counter[str]]:
        """Take the dates apart; all parts of a missing one are 0."""
        times, notes = self._times(column)
        missing = np.isnat(times)
        years = years_of(times)
        notes["missing"] = int(missing.sum())
        notes["out of range"] = int(((years < self.low) | (years > self.high)).sum())
        parts = [self._part(part, times, years) for part in self.parts]
        for features in parts:
            features[missing] = 0.0
        return flagged(self, parts, missing, notes)

    def _times(self, column: pa.ChunkedArray) -> tuple[Array, Counter[str]]:
        if holds(column) == "times":
            return moments_in_time(column), Counter()
        if holds(column) not in ("text", "nothing"):
            raise wrong(self.name, column, "dates")
        text = words(column)
        times = times_in_text(text, self.date_format or "%Y-%m-%d")
        unreadable = int(np.isnat(times).sum()) - text.null_count
        if unreadable * 2 > len(text) - text.null_count:
            raise wrong(self.name, text, f"dates such as {self.date_format or '%Y-%m-%d'}")
        return times, Counter({"unreadable": unreadable})

    def _part(self, part: str, times: Array, years: Array) -> Array:
        if part == "years":
            return ((years - self.center) / self.scale)[:, None]
        days = times.astype("datetime64[D]")
        if part == "weekday":
            weekday = (days.astype(np.int64) + 3) % 7  # 1 January 1970 was a Thursday
            return np.eye(7)[weekday][:, int(self.baseline) :]
        if part == "season":
            start = times.astype("datetime64[Y]").astype("datetime64[us]")
            turn = (times - start).astype(np.float64) / YEAR
        else:
            turn = (times - days.astype("datetime64[us]")).astype(np.float64) / 86400e6
        return np.stack([np.sin(2 * np.pi * turn), np.cos(2 * np.pi * turn)], axis=1)


def years_of(times: Array) -> Array:
    """Turn datetime64 (n,) into years with their fraction; NaN for NaT."""
    return np.where(np.isnat(times), np.nan, EPOCH_YEAR + times.astype("datetime64[us]").astype(np.int64) / YEAR)
