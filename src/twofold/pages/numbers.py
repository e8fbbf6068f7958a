"""Numbers and matrices for people: a few digits, a few rows and columns."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MAX_WHOLE = 10  # rows or columns shown whole
EDGE = 3  # of a longer side, so many at each end


@dataclass(frozen=True)
class Grid:
    """A matrix cut to size.

    Attributes
    ----------
    cells : list of list of str
        Row by row; the gap of a side that was cut is a row or column of ``""``.
    rows, columns : list of int or None
        The places of what is shown; None for a gap.
    """

    cells: list[list[str]]
    rows: list[int | None]
    columns: list[int | None]


def short(value: object, digits: int = 4) -> str:
    """Write a value in a few digits.

    Parameters
    ----------
    value : float, int, bool, str, None or tuple of these
        None becomes an empty text, True and False yes and no.
    digits : int
        Significant ones.

    Returns
    -------
    str

    Examples
    --------
    >>> short(0.123456), short(7), short(None), short(True)
    ('0.1235', '7', '', 'yes')
    """
    if isinstance(value, tuple):
        return f"({', '.join(short(each, digits) for each in value)})"
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{float(value) + 0.0:.{digits}g}"
    return str(value)


def readable(value: float, digits: int = 4) -> str:
    """Write a number for people: a few digits, thousands apart, no exponent but of what is tiny or huge.

    Parameters
    ----------
    value : float
    digits : int
        Significant ones.

    Returns
    -------
    str

    Examples
    --------
    >>> [readable(x) for x in (47331.6, 0.83412, -1234567.0, 2e-7, 12.0)]
    ['47,330', '0.8341', '-1,235,000', '2e-07', '12']
    """
    if not math.isfinite(value) or not 1e3 <= abs(value) < 1e15:
        return f"{value + 0.0:.{digits}g}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    told = f"{float(f'{value:.{digits - 1}e}'):,.{places}f}"
    return told.rstrip("0").rstrip(".") if places else told


def precise(value: object, digits: int = 4) -> str:
    """Write a value of a table: floats with four digits more, what is as small as rounding with two."""
    if not isinstance(value, float):
        return short(value)
    return short(value, 2 if 0 < abs(value) < 1e-9 else digits + 4)


def shown_places(size: int, most: int = MAX_WHOLE) -> list[int | None]:
    """Return the places of a side that are shown; None stands for the gap."""
    if size <= most:
        return list(range(size))
    edge = min(EDGE, most // 2)
    return [*range(edge), None, *range(size - edge, size)]


def cut(values: Array, *, digits: int = 4, most: int = MAX_WHOLE, most_columns: int | None = None) -> Grid:
    """Write a number, a vector (as a row) or a matrix, long sides cut.

    Parameters
    ----------
    values : ndarray, at most two-dimensional
    digits : int
        Significant ones.
    most : int
        Rows and columns up to which a side is whole; otherwise the first and last three are shown.
    most_columns : int, optional
        The same for columns alone.

    Returns
    -------
    Grid

    Examples
    --------
    >>> cut(np.arange(20.0)).cells
    [['0', '1', '2', '', '17', '18', '19']]
    """
    matrix = np.atleast_2d(values)
    rows = shown_places(matrix.shape[0], most)
    columns = shown_places(matrix.shape[1], most if most_columns is None else most_columns)
    cells = [["" if i is None or j is None else short(float(matrix[i, j]), digits) for j in columns] for i in rows]
    return Grid(cells, rows, columns)


def finite(value: Any) -> Any:
    """Replace what JSON has no number for, NaN and infinity, by None, within lists and dicts.

    Examples
    --------
    >>> finite({"a": [1.0, float("nan")]})
    {'a': [1.0, None]}
    """
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_json(value: Any) -> str:
    r"""Write plain data as JSON in ASCII, in one line without control characters; NaN and infinity become null.

    Examples
    --------
    >>> print(to_json({"é\x7f": float("nan"), "n": np.int64(3), "x": np.float32("inf")}))
    {"\u00e9\u007f": null, "n": 3, "x": null}
    """
    text = json.dumps(finite(value), allow_nan=False, default=_python)
    return text.replace("\x7f", r"\u007f")


def _python(value: object) -> object:
    """Return NumPy's single numbers as Python's, all else in words: what comes after a training must not fail."""
    return finite(value.item()) if isinstance(value, np.generic) else str(value)
