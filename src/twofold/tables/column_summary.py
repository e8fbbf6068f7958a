"""What a column's plan is learned from, in pieces of bounded size that merge: how often it holds what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.tables.arrow_types import CATEGORIES
from twofold.tables.cells import holds, inexact, numbers, words
from twofold.tables.number_counts import MAX_BUCKETS, NumberCounts, keys_of, numbers_of

MAX_TEXTS = MAX_BUCKETS  # different texts of a column that are counted; of more it is known that there are more
MAX_INTEGER = 2.0**63  # whole numbers from here on are doubles that no int64 is
MICROSECONDS_A_DAY = 86_400_000_000
# What a column holds in one partition, and in another: what it holds in both.
COMMON = {
    frozenset({"integers", "floats"}): "floats",
    frozenset({"text", "categories"}): "text",
    frozenset({"dates", "stamps"}): "stamps",
}
TYPES = {
    "nothing": pa.null(),
    "integers": pa.int64(),
    "floats": pa.float64(),
    "booleans": pa.bool_(),
    "text": pa.string(),
    "categories": CATEGORIES,
    "dates": pa.date32(),
    "stamps": pa.timestamp("us"),
    "stamps with a zone": pa.timestamp("us", "UTC"),
    "times of day": pa.time64("us"),
}


@dataclass(frozen=True, eq=False)
class ColumnSummary:
    """How often a column holds what.

    Attributes
    ----------
    name : str
    kind : str
        One of `TYPES`, or another Arrow type that is no column of cells.
    rows, present : int
        How many there are, and how many have a value.
    numbers : NumberCounts or None
        Of numbers as doubles, of times as microseconds.
    texts : pyarrow.Table or None
        Different texts, ``text`` and ``count``, in order; None also where there are more than `MAX_TEXTS`.
    inexact : str
        The least whole number that no double holds, as it is written; "" if there is none.
    """

    name: str
    kind: str
    rows: int
    present: int
    numbers: NumberCounts | None = None
    texts: pa.Table | None = None
    inexact: str = ""

    @classmethod
    def of(cls, name: str, column: pa.ChunkedArray) -> ColumnSummary:
        """Summarise cells.

        Raises
        ------
        DataError
            If a number is infinite.
        """
        kind, rows = _kind(column), len(column)
        if kind not in TYPES:
            return cls(name, kind, rows, rows - column.null_count)
        if kind in ("text", "categories"):
            text = words(column)
            present = rows - text.null_count
            return cls(name, kind if present else "nothing", rows, present, texts=_counted([text], [None]))
        if kind in ("integers", "floats", "booleans"):
            if (row := inexact(column)) is not None:
                return cls(name, kind, rows, rows - column.null_count, inexact=str(column[row]))
            values = numbers(name, column)
            keys = keys_of(values[~np.isnan(values)])
            if kind == "integers" and np.nanmax(values, initial=0.0) >= MAX_INTEGER:
                kind = "floats"
        else:
            keys = _microseconds(column.drop_null()).to_numpy().astype(np.int64)
        return cls(name, kind if len(keys) else "nothing", rows, len(keys), numbers=NumberCounts.of(keys))

    @staticmethod
    def merged(pieces: Sequence[ColumnSummary]) -> ColumnSummary:
        """Put several pieces of one column together.

        Raises
        ------
        DataError
            If they hold things of different kinds.
        """
        first = pieces[0]
        rows, present = sum(piece.rows for piece in pieces), sum(piece.present for piece in pieces)
        some = [piece for piece in pieces if piece.kind != "nothing"]
        if not some:
            return ColumnSummary(first.name, "nothing", rows, present)
        kind = _common(first.name, {piece.kind for piece in some})
        wrong = min((piece.inexact for piece in some if piece.inexact), key=lambda text: (len(text), text), default="")
        numbers = [piece.numbers for piece in some if piece.numbers is not None]
        texts = [piece.texts for piece in some if piece.texts is not None]
        return ColumnSummary(
            first.name,
            kind,
            rows,
            present,
            numbers=NumberCounts.merged(numbers) if numbers and not wrong else None,
            texts=_counted([table["text"] for table in texts], [table["count"] for table in texts])
            if texts and len(texts) == len(some)
            else None,
            inexact=wrong,
        )

    def cells(self, most: int) -> pa.ChunkedArray:
        """Return cells as often as they come, those without a value last; of more than so many, evenly spread ones.

        The least and the greatest are among them. A number of a bucket is taken as its middle.
        """
        rows = min(self.rows, most)
        missing = self.rows - self.present
        gaps = missing if rows == self.rows else max(round(missing * (rows / self.rows)), min(missing, 1))
        places = np.linspace(0, self.present - 1, rows - gaps).astype(np.int64)
        kind = TYPES[self.kind]
        if self.texts is not None:
            which = np.searchsorted(np.cumsum(self.texts["count"].to_numpy()), places, side="right")
            found = self.texts["text"].combine_chunks().take(pa.array(which))
            found = found.dictionary_encode() if self.kind == "categories" else found
        elif self.numbers is not None and self.present:
            found = _cells(self.numbers, self.kind, places)
        else:
            found = pa.nulls(0, kind)
        return pa.chunked_array([found.cast(kind), pa.nulls(rows - len(found), kind)], kind)


def _kind(column: pa.ChunkedArray) -> str:
    """Tell what a column's type stands for; the name of a type that stands for nothing."""
    kinds, kind, what = pa.types, column.type, holds(column)
    if what == "numbers":
        return "integers" if kinds.is_integer(kind) else "floats"
    if what == "text":
        return "categories" if kinds.is_dictionary(kind) else "text"
    if what == "times":
        if kinds.is_time(kind):
            return "times of day"
        return "dates" if kinds.is_date(kind) else "stamps with a zone" if kind.tz else "stamps"
    return what if what in TYPES else str(kind)


def _common(name: str, kinds: set[str]) -> str:
    if len(kinds) == 1:
        return kinds.pop()
    if (found := COMMON.get(frozenset(kinds))) is not None:
        return found
    raise DataError(f"column {name!r} holds {' in one partition and '.join(sorted(kinds))} in another; bring it to one")


def _microseconds(times: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = times.type
    if pa.types.is_time(kind):
        return pc.cast(pc.cast(times, pa.time64("us")), pa.int64())
    return pc.cast(pc.cast(times, pa.timestamp("us", getattr(kind, "tz", None)), safe=False), pa.int64())


def _cells(counts: NumberCounts, kind: str, places: NDArray[np.int64]) -> pa.Array:
    """Return the numbers at some places of all in their order, of a bucket its middle; the ends are exact."""
    is_time = kind not in ("integers", "floats", "booleans")
    low, high = (ends if is_time else numbers_of(ends) for ends in (counts.low, counts.high))
    middle = np.where(counts.low == counts.high, low, low + (high - low) // 2 if is_time else low / 2 + high / 2)
    found = middle[np.searchsorted(np.cumsum(counts.counts), places, side="right")]
    found[0], found[-1] = low[0], high[-1] if len(found) > 1 else low[0]
    if kind == "dates":
        return pa.array((found // MICROSECONDS_A_DAY).astype(np.int32))
    return pa.array(np.floor(found) if kind == "integers" else found)


def _counted(texts: Sequence[pa.ChunkedArray], counts: Sequence[pa.ChunkedArray | None]) -> pa.Table | None:
    """Count different texts, of which each may stand for several; None if there are too many."""
    parts = [
        pa.table({"text": text, "count": pa.array(np.ones(len(text), np.int64)) if count is None else count})
        for text, count in zip(texts, counts, strict=True)
    ]
    table = pa.concat_tables(parts)
    table = table.filter(table["text"].is_valid())
    found = table.group_by("text").aggregate([("count", "sum")]).rename_columns(["text", "count"])
    return None if len(found) > MAX_TEXTS else found.sort_by("text").combine_chunks()
