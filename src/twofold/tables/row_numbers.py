"""Columns that number the rows of a table: nothing that is learned of them holds for other rows."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.tables.cells import holds, words

Array = NDArray[Any]

NUMBERS = "it numbers the rows"
IDENTIFIER = "an identifier: every row has another"
MIN_ROWS = 20  # rows below which only integers in the rows' own order are taken to number them
MAX_COLLISIONS = 20  # pairs of equal cells that as many whole numbers, drawn at random from their range, would have
MIN_EVEN_STEPS = 0.9  # part of the steps from row to row that must be alike where some numbers are there twice
MAX_RANGE_PER_ROW = 10  # a range of more whole numbers a row than this is no numbering of the rows
YEARS = (1800, 2100)  # whole numbers from here to there may be years
MIN_UNIX_MINUTES = 100_000_000  # whole minutes from here on, counted in seconds, may be Unix time stamps

_ID = re.compile(
    r"(^|[_\W])(id|idx|index|key|uuid|guid|no|number|nr|row)$|[a-z]I[dD]$|^unnamed|^__index_level_", re.IGNORECASE
)
_INDEX = re.compile(r"(index|idx|unnamed.*|__index_level_\d+__)?", re.IGNORECASE)
_TIME = re.compile(r"year|date|time|stamp|epoch|month|week|day|hour|minute|second|quarter|jahr|^yr$", re.IGNORECASE)
_NUMBERED = re.compile(r"(\D*)\d+", re.DOTALL)  # "id_0001"; a date has digits twice


def row_numbers(table: pa.Table, known: Collection[str] = ()) -> dict[str, str]:
    """Find the columns that number the rows, or name each.

    Only the whole table in its own order tells: among rows drawn from it the numbers have holes and no order.

    Parameters
    ----------
    table : pyarrow.Table
        All rows, in their order.
    known : collection of str
        Columns that are not looked at: somebody has said what they are.

    Returns
    -------
    dict of str to str
        Names of such columns, with the reason to leave them out.

    Notes
    -----
    Cells are whole numbers, or text that ends in one, ``id_0001``, and no two are alike. Such a column
    numbers the rows if it counts them from 0 or 1, up or down; if it is all numbers from 0 or 1 on, shuffled, of at
    least `MIN_ROWS` rows; or if there are so many in so narrow a range, on the widest grid that holds them, that
    numbers drawn at random would have `MAX_COLLISIONS` pairs alike: that takes in any start and step, and an index with
    holes. Some numbers may be there twice if the steps from row to row are alike but for one in ten.
    The latter two don't hold for columns that are named for a time, years, and Unix time stamps. A name such as
    ``customer_id`` makes any of them an identifier.

    Examples
    --------
    >>> row_numbers(pa.table({"": [0, 1, 2, 3], "area": [30, 41, 52, 66]}))
    {'': 'it numbers the rows'}
    """
    found = {}
    for name in table.column_names:
        if name not in known and (reason := _reason(name, table.column(name))):
            found[name] = reason
    return found


def dense_numbers(name: str, low: int, high: int, rows: int) -> str:
    """Return the reason to leave out whole numbers that many rows have, no two alike as far as is known; "" if none.

    Their order and the numbers between the ends are not known: they number the rows if there are as many as from one
    end to the other, and are identifiers if they are named so.

    Examples
    --------
    >>> dense_numbers("entry", 1, 100_000, 100_000), dense_numbers("price", 1, 200_000, 100_000)
    ('it numbers the rows', '')
    """
    if high - low + 1 == rows and not _may_be_time(name, low, high, 1):
        return NUMBERS
    return IDENTIFIER if _ID.search(name) else ""


def _reason(name: str, column: pa.ChunkedArray) -> str:
    values = _whole_numbers(column)
    if values is None or len(values) < 3:
        return ""
    steps = np.diff(values)
    if _INDEX.fullmatch(name) and (steps == 1).mean() > MIN_EVEN_STEPS:  # of several tables, one below the other
        return NUMBERS
    different = (steps > 0).all() or (steps < 0).all() or len(np.unique(values)) == len(values)
    if not different and _nearly_even(values, steps):  # such as a few rows twice
        return "" if _may_be_time(name, int(values.min()), int(values.max()), 1) else NUMBERS
    return _numbering(name, values, steps) if different else ""


def _nearly_even(values: Array, steps: Array) -> bool:
    """Tell whether numbers, few of them there twice, change by the same from nearly each row of many to the next."""
    usual = np.median(steps)
    if len(steps) < 2 * MAX_COLLISIONS or usual == 0 or (steps == usual).mean() <= MIN_EVEN_STEPS:
        return False
    return len(np.unique(values)) > MIN_EVEN_STEPS * len(values)


def _numbering(name: str, values: Array, steps: Array) -> str:
    """Tell of whole numbers, no two alike, whether they number the rows."""
    low, n = int(values.min()), len(values)
    offsets = values.astype(np.uint64) - np.uint64(low % 2**64)  # whose differences fit, whatever the numbers
    grid = int(np.gcd.reduce(offsets))
    places = int(offsets.max()) // grid + 1
    counted = places == n and grid == 1 and low in (0, 1)
    if counted and ((steps == 1).all() or (steps == -1).all()):
        return NUMBERS
    if _ID.search(name):
        return IDENTIFIER
    if _may_be_time(name, low, low + int(offsets.max()), grid):
        return ""
    crowded = n * (n - 1) / (2 * places) >= MAX_COLLISIONS and places <= MAX_RANGE_PER_ROW * n
    return NUMBERS if crowded or (counted and n >= MIN_ROWS) else ""


def _may_be_time(name: str, low: int, high: int, grid: int) -> bool:
    years = YEARS[0] <= low and high <= YEARS[1]
    return bool(_TIME.search(name)) or years or (low >= MIN_UNIX_MINUTES and grid % 60 == 0)


def _whole_numbers(column: pa.ChunkedArray) -> Array | None:
    """Return the numbers of the cells that have a value, in their order; None if they aren't whole numbers."""
    what, kind = holds(column), column.type
    if what == "text":
        return _numbers_in_names(column)
    if what != "numbers" or pa.types.is_duration(kind):
        return None
    if pa.types.is_integer(kind):
        return column.drop_null().to_numpy().astype(np.int64)
    values: Array = pc.cast(column, pa.float64(), safe=False).to_numpy()
    values = values[~np.isnan(values)]
    if len(values) < MIN_ROWS or not (values[:MIN_ROWS] == np.trunc(values[:MIN_ROWS])).mean() > MIN_EVEN_STEPS:
        return None
    if np.abs(values).max() >= 2**53:
        return None
    whole = values.astype(np.int64)
    fractions = bool((values != whole).any())  # a few, such as where rows were put in between
    return None if fractions and not _nearly_even(whole, np.diff(whole)) else whole


def _numbers_in_names(column: pa.ChunkedArray) -> Array | None:
    """Return the number in each of ``id_0001``, ``id_0002``, ...; None if the cells aren't all of that form."""
    text = words(column).drop_null()
    first = _NUMBERED.fullmatch(text[0].as_py()) if len(text) else None
    if first is None:
        return None
    if not pc.all(pc.starts_with(text, first[1])).as_py():
        return None
    digits = pc.utf8_slice_codeunits(text, len(first[1]))
    if not pc.all(pc.match_substring_regex(digits, r"^[0-9]{1,18}$")).as_py():
        return None
    return pc.cast(digits, pa.int64()).to_numpy()
