"""Data frames of every kind as one: an Arrow table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from twofold.errors import DataError


def as_table(X: Any, names: Sequence[str] | None = None) -> pa.Table:
    """Take a table of any kind as an Arrow table.

    Parameters
    ----------
    X : pandas, polars or Arrow data frame, mapping of columns, or array (n, d)
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
    if isinstance(X, pa.Table):
        table = X
    elif isinstance(X, Mapping):
        table = _joined(list(X), [_column(str(name), values) for name, values in X.items()])
    elif type(X).__module__.startswith("pandas"):
        table = _joined(list(X.columns), [_column(str(name), X.iloc[:, k]) for k, name in enumerate(X.columns)])
    elif hasattr(X, "to_arrow"):
        table = X.to_arrow()
    elif hasattr(X, "__arrow_c_stream__"):
        table = pa.table(X)
    else:
        array = np.asarray(X)
        if array.ndim != 2:
            raise DataError(f"X has shape {array.shape}; expected a table (rows, columns), or a mapping of columns")
        names = names or [f"x{k}" for k in range(array.shape[1])]
        table = _joined(names, [_column(name, array[:, k]) for k, name in enumerate(names)])
    check_unique(table.column_names)
    return table


def check_unique(names: Sequence[str], where: str = "") -> None:
    """Raise `DataError` if two columns have one name."""
    twice = sorted({name for name in names if list(names).count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise DataError(f"{where}two columns are named {twice[0]!r}; rename one")


def _joined(names: Sequence[Any], columns: list[pa.ChunkedArray]) -> pa.Table:
    lengths = {str(name): len(column) for name, column in zip(names, columns, strict=True)}
    if len(set(lengths.values())) > 1:
        raise DataError(f"columns differ in length: {lengths}; give as many cells of each")
    return pa.table(columns, names=[str(name) for name in names])


def _column(name: str, values: Any) -> pa.ChunkedArray:
    """Take one column; cells of several kinds become text, each as it is written."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "c":
        raise DataError(f"column {name!r}: Complex data not supported; give real and imaginary part as two columns")
    if isinstance(values, np.ndarray) and not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if isinstance(values, np.ndarray) and values.dtype == np.float16:
        values = values.astype(np.float32)
    try:
        column = pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        column = pa.array([_text(value) for value in values], pa.string())
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])


def _text(value: Any) -> str | None:
    if isinstance(value, Mapping | list | set | tuple | np.ndarray):
        raise DataError(
            f"a cell is {str(value)[:40]!r}, argument must be a string or a number; give one value in a cell"
        )
    return None if value is None or (isinstance(value, float) and np.isnan(value)) else str(value)
