"""Words and numbers that stand for a missing value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Gaps wherever they stand, also in the column to predict; "?" is that of UCI's tables.
GAP_WORDS = ("?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "<NA>")

# Gaps in features only: as the name of a class to predict, each of these is one.
FEATURE_GAP_WORDS = (
    *GAP_WORDS,
    *("-", "--", "---", ".", "..", "N/a", "na", "n.a.", "N.A.", "#NA", "#NULL!", "#VALUE!", "#DIV/0!", "#REF!", "NaT"),
    *("\\N", "(null)", "<null>", "[null]", "0000-00-00", "0000-00-00 00:00:00", "00.00.0000", "00/00/0000"),
    *("Null", "None", "NONE", "NIL", "nil", "missing", "Missing", "MISSING", "unknown", "Unknown", "UNKNOWN"),
)  # not "none": no telephone is something that is known


MIN_OFTEN = 0.002  # part of a column's rows in which a number must stand to be taken for a gap
MAX_WORDS = 2  # that stand for gaps although nobody has listed them


def few_words(text: pa.ChunkedArray, unread: NDArray[Any]) -> bool:
    """Tell if the cells of a column that can't be read, ``unread`` (n,), are one or two words without a digit."""
    rest = text.filter(pa.array(unread)).unique().drop_null()
    return len(rest) <= MAX_WORDS and not pc.any(pc.match_substring_regex(rest, r"\d")).as_py()


def without_gaps(text: pa.ChunkedArray, words: tuple[str, ...] = FEATURE_GAP_WORDS) -> pa.ChunkedArray:
    """Turn cells that hold a word for a missing value into null.

    Parameters
    ----------
    text : pyarrow.ChunkedArray of string
        Without space around its cells, see `twofold.tables.cells.words`.
    words : tuple of str

    Returns
    -------
    pyarrow.ChunkedArray of string

    Examples
    --------
    >>> without_gaps(pa.chunked_array([["5", "unknown", "?"]])).to_pylist()
    ['5', None, None]
    """
    gap = pc.is_in(text, value_set=pa.array(words, pa.string()))
    return pc.if_else(gap, pa.scalar(None, pa.string()), text) if pc.any(gap).as_py() else text


def with_gaps(table: pa.Table, cells: Sequence[str]) -> pa.Table:
    """Empty the cells of a table that the user says are gaps.

    Parameters
    ----------
    table : pyarrow.Table
    cells : sequence of str
        What they hold, as text or as numbers, which are taken in whole columns of numbers.

    Returns
    -------
    pyarrow.Table

    Examples
    --------
    >>> with_gaps(pa.table({"co": [2.5, -200.0], "no": ["-200", "off"]}), ["-200", "off"]).to_pydict()
    {'co': [2.5, None], 'no': [None, None]}
    """
    if not cells:
        return table
    numbers = [number for cell in cells if (number := _number(cell)) is not None]
    pattern = f"^(?:{'|'.join(map(_spellings, numbers))})$"
    for place, (field, column) in enumerate(zip(table.schema, table.columns, strict=True)):
        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            gap = pc.is_in(pc.cast(column, pa.float64(), safe=False), pa.array(numbers, pa.float64()))
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
            text = pc.utf8_trim_whitespace(column)
            gap = pc.is_in(text, pa.array(cells, kind))
            gap = pc.or_kleene(gap, pc.match_substring_regex(text, pattern)) if numbers else gap
        else:
            continue
        if pc.any(gap).as_py():
            emptied = pc.if_else(pc.fill_null(gap, False), pa.scalar(None, kind), column)
            table = table.set_column(place, field.with_nullable(True), emptied)
    return table


def _spellings(number: float) -> str:
    """Return the pattern of a number as text, with either decimal mark."""
    if number != int(number):
        return re.escape(repr(number)).replace(r"\.", "[.,]")
    return re.escape(str(int(number))) + "(?:[.,]0{1,2})?"


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def stand_in(values: NDArray[Any]) -> tuple[float, int] | None:
    """Find the number that stands for a gap in a column, such as -200 or 9999, and how often it does.

    It is an end of the column by far, or its only negative number; has the look of a code, all digits 9 or a negative
    round number; and comes back.

    Parameters
    ----------
    values : ndarray, shape (n,)

    Returns
    -------
    tuple of float and int, or None

    Examples
    --------
    >>> stand_in(np.array([0.5, 2.5, -200.0, 1.5, -200.0, -200.0]))
    (-200.0, 3)
    """
    present = values[~np.isnan(values)]
    for code in (present.min(), present.max()) if present.size else ():
        rest = present[present != code]
        often = len(present) - len(rest)
        if often < max(3, MIN_OFTEN * len(present)) or not rest.size or not code_like(float(code)):
            continue
        away = min(abs(code - rest.min()), abs(code - rest.max()))
        if away > np.ptp(rest) or (code < 0 and rest.min() >= 0):
            return float(code), often
    return None


def code_like(number: float) -> bool:
    """Tell if a number is -99, 999, -9999, ..., or -100, -200, -1000, ..."""
    digits = str(int(abs(number))) if number == int(number) else ""
    nines = set(digits) == {"9"} and len(digits) >= (2 if number < 0 else 3)
    return nines or (number < 0 and len(digits) >= 3 and not set(digits[1:]) - {"0"})


def tell_gap_words(columns: Mapping[str, pa.ChunkedArray]) -> tuple[str, ...]:
    """Say which words of columns of text count as missing, and where."""
    found: dict[str, list[str]] = {}
    for name, text in columns.items():
        for word in text.filter(pc.is_in(text, pa.array(FEATURE_GAP_WORDS))).unique().to_pylist():
            found.setdefault(word, []).append(name)
    reported = [
        f"{word!r} in {', '.join(names[:4])}{', ...' if len(names) > 4 else ''}" for word, names in found.items()
    ]
    return (f"read as missing: {'; '.join(reported[:5])}{'; ...' if len(reported) > 5 else ''}",) if reported else ()


def tell_stand_ins(columns: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    """Say which numbers of a table look like gaps, and the option that makes them so."""
    found: dict[float, list[str]] = {}
    for name, values in columns.items():
        if (code := stand_in(values)) is not None:
            found.setdefault(code[0], []).append(f"{name} ({code[1]})")
    return tuple(
        f"{number:g} stands apart from all other numbers of {', '.join(names[:4])}{', ...' if len(names) > 4 else ''}; "
        f"if it is a gap, say so: --gaps={number:g} (in Python gaps=[{number:g}])"
        for number, names in found.items()
    )
