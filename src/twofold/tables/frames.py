"""Data frames of every kind as one: an Arrow table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from twofold.errors import DataError, show
from twofold.tables.arrow_types import plain_table
from twofold.tables.python_columns import take_column

MAX_COLUMNS = 100_000  # of a file


def as_table(X: Any, names: Sequence[str] | None = None) -> pa.Table:
    """Take a table of any kind as an Arrow table.

    Parameters
    ----------
    X : pandas, polars or Arrow data frame, mapping of columns, list of records, or array (n, d)
        A single column is a table too; masked cells are gaps.
    names : sequence of str, optional
        Of an array's columns; x0, x1, ... otherwise.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    DataError
        If it is no table, its columns differ in length, or two have one name.

    Examples
    --------
    >>> as_table({"city": ["Rome", None], "area": [30.5, 41.0]}).column_names
    ['city', 'area']
    """
    X = with_columns(X)
    if isinstance(X, pa.Table):
        table = plain_table(X)
    elif isinstance(X, Mapping):
        table = _joined(list(X), [take_column(str(name), values) for name, values in X.items()])
    elif type(X).__module__.startswith("pandas"):
        table = _joined(list(X.columns), [take_column(str(name), X.iloc[:, k]) for k, name in enumerate(X.columns)])
    elif type(X).__module__.startswith("polars"):
        table = _joined(X.columns, [take_column(name, X[name]) for name in X.columns])
    elif hasattr(X, "__arrow_c_stream__"):
        table = plain_table(pa.table(X))
    else:
        array = np.asanyarray(X)  # a masked array stays one
        if array.ndim != 2:
            raise DataError(f"X has shape {array.shape}; expected a table (rows, columns), or a mapping of columns")
        names = names or [f"x{k}" for k in range(array.shape[1])]
        table = _joined(names, [take_column(name, array[:, k]) for k, name in enumerate(names)])
    check_unique(table.column_names)
    return table


def with_columns(X: Any) -> Any:
    """Make a table of what is nearly one: a single column, records, a structured array; rows become an array.

    Examples
    --------
    >>> with_columns([{"a": 1}, {"a": 2, "b": 3}])
    {'a': [1, 2], 'b': [None, 3]}
    """
    if isinstance(X, pa.Array | pa.ChunkedArray):
        return {"x0": X}
    if isinstance(X, np.ndarray) and X.dtype.names and X.ndim == 1:
        return {name: X[name] for name in X.dtype.names}
    if type(X).__module__.startswith(("pandas", "polars")) and hasattr(X, "dtype"):
        return {str(getattr(X, "name", None) or "x0"): X}
    if isinstance(X, list | tuple) and X and all(isinstance(row, Mapping) for row in X):
        names = dict.fromkeys(name for row in X for name in row)
        return {name: [row.get(name) for row in X] for name in names}
    if isinstance(X, list | tuple):  # each cell as it is: of NumPy's own choice, 3 beside "a" would be "3"
        return np.array(X, dtype=object)
    return X


def check_width(columns: int, place: str) -> None:
    """Refuse a file of more columns than `MAX_COLUMNS`, before any of them is read: each takes kilobytes.

    Raises
    ------
    DataError
    """
    if columns > MAX_COLUMNS:
        raise DataError(f"{place}{columns} columns; at most {MAX_COLUMNS} are read: keep those that are of use")


def check_unique(names: Sequence[str], where: str = "") -> None:
    """Raise `DataError` if two columns have one name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f"{where}two columns are named {name!r}; rename one")
        seen.add(name)


def _joined(names: Sequence[Any], columns: list[pa.ChunkedArray]) -> pa.Table:
    lengths = {str(name): len(column) for name, column in zip(names, columns, strict=True)}
    if len(set(lengths.values())) > 1:
        raise DataError(f"columns differ in length: {show(lengths)}; give as many cells of each")
    return pa.table(columns, names=[str(name) for name in names])
