"""A column of dates: years, season, weekday, time of day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.tables.cells import holds, words
from twofold.tables.date_text import TIME_FORM, Times, times_in_text
from twofold.tables.gaps import without_gaps
from twofold.tables.number_plan import pieces
from twofold.tables.plan import CellCounts, check_readable, count_missing, count_unread, flag_name, flagged, wrong

Array = NDArray[Any]

YEAR = 365.2425 * 86400e6  # microseconds
EPOCH_YEAR = 1970.0
ISO, COMPACT = "%Y-%m-%d", "%Y%m%d"
UTC = "UTC"
NO_ZONE = ""  # of a column whose times had none
OWN_ZONE = "own"  # of models of before: the clock of each column's own zone
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
        How it is written, if as text: codes of ``strptime``.
    zone : str
        Whose clock is taken: the name of a zone, to which times with a zone are brought and which others are taken to
        be in; `NO_ZONE` if none had one when it was learned; `OWN_ZONE` for the clock of each column's own.
    year_knots, clock_knots : tuple of float
        Ends of pieces, rising, of the years and of the time of day in parts of a day, see
        `twofold.tables.number_plan.pieces`; () for none.
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
    zone: str = OWN_ZONE
    year_knots: tuple[float, ...] = ()
    clock_knots: tuple[float, ...] = ()

    def feature_names(self) -> list[str]:
        """Name the parts, the pieces of years and of the time of day, and the flag."""
        parts = [name for part in self.parts for name in self._names(part)]
        pieces = [f"{part}>{knot:.7g}" for part, knots in self._knots().items() for knot in knots[:-1]]
        return [f"{self.name} {name}" for name in [*parts, *pieces]] + flag_name(self)

    @property
    def expanded(self) -> int:
        """How many features, after the parts, are pieces."""
        return sum(len(knots) - 1 for knots in self._knots().values())

    def _knots(self) -> dict[str, tuple[float, ...]]:
        """Return the ends of pieces of the parts that have some."""
        own = {"years": self.year_knots, "clock": self.clock_knots}
        return {part: knots for part, knots in own.items() if knots}

    def _names(self, part: str) -> list[str]:
        days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
        circle = [f"{part} sin", f"{part} cos"]
        return {"years": ["years"], "weekday": days[int(self.baseline) :]}.get(part, circle)

    code_type: ClassVar[str] = "<M8[us]"

    def codes(self, column: pa.ChunkedArray, _start: int = 0, /) -> tuple[Array, CellCounts]:
        """Read the dates; NaT where there is none."""
        times, counts = self.read(column)
        years = years_of(times)
        count_missing(self, counts, np.isnat(times))
        counts.notes["out of range"] = int(((years < self.low) | (years > self.high)).sum())
        return times, counts

    def features(self, codes: Array, /) -> Array:
        """Take the dates apart; all parts of a missing one are 0."""
        missing, years = np.isnat(codes), years_of(codes)
        parts = [self._part(part, codes, years) for part in self.parts]
        values = {"years": years, "clock": day_parts(codes)}
        parts += [pieces(values[part], np.array(knots)) for part, knots in self._knots().items()]
        for features in parts:
            features[missing] = 0.0
        return flagged(self, parts, missing)

    @property
    def _form(self) -> str:
        return self.date_format or (TIME_FORM if self.parts == ("clock",) else ISO)

    def read(self, column: pa.ChunkedArray) -> tuple[Array, CellCounts]:
        """Read datetime64 (n,), NaT where there is none, and count what is not as it was when learned."""
        form = self._form
        compact = holds(column) == "numbers" and form == COMPACT
        if holds(column) not in ("times", "text", "nothing") and not compact:
            raise wrong(self.name, column, f"dates such as {form}")
        read = read_times(column, form, self.zone)
        counts = CellCounts()
        if holds(column) != "times":
            count_unread(counts, without_gaps(words(column)), np.isnat(read.values))
        counts.notes["with zone"] = int(read.zoned.sum()) if self.zone == NO_ZONE else 0
        without = ~read.zoned & ~np.isnat(read.values)
        counts.notes["without zone"] = int(without.sum()) if self.zone == UTC else 0
        return read.values, counts

    def check(self, counts: CellCounts) -> None:
        """Refuse a column of which most is not of the form."""
        check_readable(self.name, counts, f"dates of the form {self._form}; write them so, or train again")

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
            turn = day_parts(times)
        return np.stack([np.sin(2 * np.pi * turn), np.cos(2 * np.pi * turn)], axis=1)


def read_times(column: pa.ChunkedArray, form: str, zone: str) -> Times:
    """Read a column of dates or times, by the clock of one zone.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Of dates, times or time stamps, or of text or whole numbers.
    form : str
        How text is written.
    zone : str
        As in `DatePlan`. Without one, times with a zone are read in UTC.

    Returns
    -------
    Times
    """
    if holds(column) != "times":
        text = without_gaps(words(column))
        read = times_in_text(text, form)
        if zone == OWN_ZONE:  # which also read two-digit years with %Y: as years 0 to 99
            before = pc.strptime(text, format=form, unit="us", error_is_null=True).to_numpy().astype("datetime64[us]")
            read = Times(np.where(np.isnat(before), read.values, before), read.zoned)
    else:
        aware = pa.types.is_timestamp(column.type) and column.type.tz is not None
        if aware and zone == OWN_ZONE:
            column = pc.local_timestamp(column)
        elif pa.types.is_time(column.type):
            column = pc.cast(pc.cast(column, pa.time64("us")), pa.int64())
        values: Array = _microseconds(column).to_numpy().astype("datetime64[us]")
        read = Times(values, ~np.isnat(values) if aware else np.zeros(len(values), bool))
    if zone in (NO_ZONE, OWN_ZONE, UTC) or not read.zoned.any():
        return read
    instants = pa.array(read.values).cast(pa.timestamp("us", UTC)).cast(pa.timestamp("us", zone))
    local = _microseconds(pc.local_timestamp(instants)).to_numpy(False).astype("datetime64[us]")
    return Times(np.where(read.zoned, local, read.values), read.zoned)


def _microseconds(column: Any) -> Any:
    """Take times as whole microseconds; those with a zone in UTC."""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = pc.cast(column, pa.timestamp(column.type.unit, UTC))
    return pc.cast(column, pa.timestamp("us"), safe=False)


def day_parts(times: Array) -> Array:
    """Turn datetime64 (n,) into the part of the day that is over; NaN for NaT."""
    since = times.astype("datetime64[us]") - times.astype("datetime64[D]").astype("datetime64[us]")
    return np.where(np.isnat(times), np.nan, since.astype(np.int64) / 86400e6)


def years_of(times: Array) -> Array:
    """Turn datetime64 (n,) into years with their fraction; NaN for NaT."""
    return np.where(np.isnat(times), np.nan, EPOCH_YEAR + times.astype("datetime64[us]").astype(np.int64) / YEAR)
