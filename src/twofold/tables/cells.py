"""Cells: what a column holds, and cells of any Arrow type as numbers, words or times."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.errors import DataError

Array = NDArray[Any]

YES, NO = {"true", "yes", "y", "t"}, {"false", "no", "n", "f"}

# Tried in this order on text that is not written as ISO 8601 has it; the first that reads every cell is taken.
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%m/%d/%Y %H:%M",
    "%d.%m.%Y %H:%M",
)

# A number with a currency before it, or a unit or per cent sign after it. "city 12" is none, nor "A1".
_NUMBER = re.compile(
    r"([$€£¥]|[A-Z]{3}(?=\s)|)\s*([+-]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s][^\d]{0,9}|)"
)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


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


def numbers(name: str, column: pa.ChunkedArray) -> Array:
    """Take a column of numbers or booleans as doubles; NaN where there is none.

    Parameters
    ----------
    name : str
        The column's, for the message.
    column : pyarrow.ChunkedArray

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
        where = f"column {name!r}, row {infinite[0]} (counted from 0)"
        raise DataError(f"{where} is {values[infinite[0]]}; expected a finite number: mend it or leave the cell empty")
    if (row := inexact(column)) is not None:
        where = f"column {name!r}, row {row} (counted from 0)"
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


def words(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Take a column as text without space around it; null where there is none.

    Whole numbers are written without a decimal point, so that 3 and 3.0 are one category.
    """
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if pa.types.is_floating(column.type):
        values = column.to_numpy()
        finite = values[~np.isnan(values)]
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        if np.array_equal(finite, np.trunc(finite)) and (np.abs(finite) < 2**53).all():
            column = pc.cast(column, pa.int64())
    text = pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def moments_in_time(column: pa.ChunkedArray) -> Array:
    """Take a column of dates, times or time stamps as datetime64[us]; NaT where there is none.

    A time stamp with a zone is taken by the clock of that zone, a time of day as one of 1 January 1970.
    """
    if pa.types.is_time(column.type):
        column = pc.cast(pc.cast(column, pa.time64("us")), pa.int64())
    elif pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = pc.local_timestamp(column)
    return pc.cast(column, pa.timestamp("us"), safe=False).to_numpy().astype("datetime64[us]")


def numbers_in_text(text: pa.ChunkedArray) -> tuple[Array, tuple[str, str]]:
    """Read numbers that are written as text, with one unit before or after them.

    Parameters
    ----------
    text : pyarrow.ChunkedArray of string

    Returns
    -------
    values : ndarray of float64, shape (n,)
        NaN where there is nothing, or no number, or one of another unit.
    unit : tuple of two str
        What stands before and after the numbers most often.

    Examples
    --------
    >>> numbers_in_text(pa.chunked_array([["1,200 kg", "3.5 kg", None, "4 lb"]]))
    (array([1200. ,    3.5,    nan,    nan]), ('', 'kg'))
    """
    encoded = text.combine_chunks().dictionary_encode()
    found = [_NUMBER.fullmatch(word) for word in encoded.dictionary.to_pylist()]
    indices: Array = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    counts = np.bincount(indices[indices >= 0], minlength=len(found))
    units: Counter[tuple[str, str]] = Counter()
    for match, count in zip(found, counts, strict=True):
        if match:
            units[match[1], match[3].rstrip()] += int(count)
    unit = units.most_common(1)[0][0] if units else ("", "")
    read = [_number(match[2]) if match and (match[1], match[3].rstrip()) == unit else np.nan for match in found]
    return np.array([*read, np.nan])[indices], unit


def _number(digits: str) -> float:
    """Read one number; commas only as marks of thousands."""
    if "," in digits and not _THOUSANDS.fullmatch(digits):
        return float("nan")
    value = float(digits.replace(",", ""))
    return value if np.isfinite(value) else float("nan")


def booleans_in_text(text: pa.ChunkedArray) -> Array | None:
    """Read yes and no, true and false, as 1 and 0; NaN where there is nothing; None if there are other words."""
    encoded = text.combine_chunks().dictionary_encode()
    vocabulary = [word.casefold() for word in encoded.dictionary.to_pylist()]
    if not set(vocabulary) <= YES | NO:
        return None
    read = np.array([*(float(word in YES) for word in vocabulary), np.nan])
    return read[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]


def times_in_text(text: pa.ChunkedArray, date_format: str) -> Array:
    """Read dates of one format, datetime64[us]; NaT where there is nothing, or no such date."""
    return moments_in_time(pc.strptime(text, format=date_format, unit="us", error_is_null=True))


def date_format_of(text: pa.ChunkedArray) -> str | None:
    """Find the format in which every cell is a date; None if there is none."""
    present = text.drop_null()
    first = present.slice(0, 20)
    for date_format in DATE_FORMATS:
        if (
            not np.isnat(times_in_text(first, date_format)).any()
            and not np.isnat(times_in_text(present, date_format)).any()
        ):
            return date_format
    return None
