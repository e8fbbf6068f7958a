"""Cells: what a column holds, and cells of any Arrow type as numbers, words or times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.errors import DataError

Array = NDArray[Any]

YES, NO = {"true", "yes", "y", "t"}, {"false", "no", "n", "f"}


def holds(column: pa.ChunkedArray) -> str:
    """Tell what a column's type stands for.

    Parameters
    ----------
    column : pyarrow.ChunkedArray

    Returns
    -------
    {"numbers", "booleans", "times", "text", "nothing", "other"}

    Examples
    --------
    >>> holds(pa.chunked_array([["a", None]]))
    'text'
    """
    kinds, kind = pa.types, column.type
    if kinds.is_dictionary(kind) or kinds.is_string(kind) or kinds.is_large_string(kind) or str(kind) == "string_view":
        return "text"
    if kinds.is_boolean(kind):
        return "booleans"
    if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind) or kinds.is_duration(kind):
        return "numbers"
    if kinds.is_date(kind) or kinds.is_timestamp(kind) or kinds.is_time(kind):
        return "times"
    return "nothing" if kinds.is_null(kind) else "other"


def numbers(name: str, column: pa.ChunkedArray, start: int = 0) -> Array:
    """Take a column of numbers or booleans as doubles; NaN where there is none.

    Parameters
    ----------
    name : str
        The column's, for the message.
    column : pyarrow.ChunkedArray
    start : int
        Rows before it, of a block of a table.

    Returns
    -------
    ndarray of float64, shape (n,)
        Durations in seconds.

    Raises
    ------
    DataError
        If a number is infinite, or a whole number is beyond 2^53 and no double is it.
    """
    if pa.types.is_duration(column.type):
        ticks = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[column.type.unit]
        column = pc.divide(pc.cast(pc.cast(column, pa.int64()), pa.float64(), safe=False), ticks)
    values: Array = pc.cast(column, pa.float64(), safe=False).to_numpy().astype(np.float64)
    if (infinite := np.flatnonzero(np.isinf(values))).size:
        where = f"column {name!r}, row {start + infinite[0]} (counted from 0)"
        raise DataError(f"{where} is {values[infinite[0]]}; expected a finite number: mend it or leave the cell empty")
    if (row := inexact(column)) is not None:
        where = f"column {name!r}, row {start + row} (counted from 0)"
        raise DataError(
            f"{where} is {column[row]}; no double holds it exactly: take it as a category, or a larger unit"
        )
    return values


def inexact(column: pa.ChunkedArray) -> int | None:
    """Find the first row with a whole number that no double is; None if there is none, or they have fractions.

    Examples
    --------
    >>> inexact(pa.chunked_array([[2**53, 2**53 + 1]]))
    1
    """
    kind = column.type
    if not (pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale <= 0)):
        return None
    values: Array = pc.cast(column, pa.float64(), safe=False).to_numpy()
    far = np.flatnonzero(np.abs(values) >= 2**53)
    for start in range(0, len(far), 1 << 12):
        rows = far[start : start + (1 << 12)]
        exact = column.take(pa.array(rows)).to_pylist()
        wrong = [row for row, number in zip(rows, exact, strict=True) if int(number) != int(values[row])]
        if wrong:
            return int(wrong[0])
    return None


def seconds_of_day(column: pa.ChunkedArray) -> Array:
    """Take a column of times of day as seconds (n,); NaN where there is none."""
    microseconds = pc.cast(pc.cast(column, pa.time64("us")), pa.int64())
    return microseconds.to_numpy().astype(np.float64) / 1e6


def words(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Take a column as text without space around it; null where there is none.

    Whole numbers are written without a decimal point, so that 3 and 3.0 are one category.
    """
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    text = _numbers_as_text(column) if pa.types.is_floating(column.type) else pc.cast(column, pa.string())
    text = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _numbers_as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write numbers, each for itself: what others are there must not change a cell's text."""
    column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    whole = pc.and_(pc.equal(column, pc.trunc(column)), pc.less(pc.abs(column), 2.0**53))
    if not pc.any(whole).as_py():
        return pc.cast(column, pa.string())
    written = pc.cast(pc.cast(pc.if_else(whole, column, pa.scalar(None, column.type)), pa.int64()), pa.string())
    return written if pc.all(whole).as_py() else pc.coalesce(written, pc.cast(column, pa.string()))


def booleans_in_text(text: pa.ChunkedArray) -> Array | None:
    """Read yes and no, true and false, as 1 and 0; NaN where there is nothing; None if there are other words."""
    values = yes_and_no(text)
    return values if np.count_nonzero(np.isnan(values)) == text.null_count else None


def yes_and_no(text: pa.ChunkedArray) -> Array:
    """Read yes and no, true and false, as 1 and 0; NaN where there is nothing, or another word."""
    encoded = text.combine_chunks().dictionary_encode()
    lower = pc.utf8_lower(encoded.dictionary)
    yes, no = (pc.is_in(lower, pa.array(sorted(those))).to_numpy(False) for those in (YES, NO))
    read = np.append(np.where(yes, 1.0, np.where(no, 0.0, np.nan)), np.nan)
    return read[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
