"""One column of a frame, of whatever library or Python type it is, as an Arrow column of a plain type."""

from __future__ import annotations

import decimal
from collections.abc import Mapping, Sequence, Set
from numbers import Integral, Real
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.errors import DataError, show
from twofold.tables.arrow_types import naming, plain_cells, plain_column
from twofold.values import is_sparse

Array = NDArray[Any]

MAX_INTEGERS = pa.decimal256(76, 0)  # whole numbers that no int64 holds, up to 76 digits, to the last of them


def take_column(name: str, values: Any) -> pa.ChunkedArray:
    """Take one column as Arrow has it; cells of several kinds become text, each as it is written.

    Parameters
    ----------
    name : str
    values : sequence, array, masked array, tensor, or column of a data frame
        Masked cells are gaps.

    Returns
    -------
    pyarrow.ChunkedArray
        Of a plain type, see `twofold.tables.arrow_types.plain_column`.

    Raises
    ------
    DataError
        If it is no column, or a cell is nothing that a table holds.

    Examples
    --------
    >>> take_column("a", np.ma.masked_array([1, 2], mask=[False, True])).to_pylist()
    [1, None]
    """
    with naming(name, type(values).__name__):
        if is_sparse(values) or getattr(values, "ndim", 1) != 1:
            shape = f"has shape {values.shape}, argument must be a string or a number in each cell"
            raise DataError(f"column {name!r} {shape}; give one value for each row")
        if type(values).__module__.startswith("pandas"):
            return pandas_column(name, values)
        if type(values).__module__.startswith("polars"):
            return _polars_column(name, values)
        if not isinstance(values, pa.Array | pa.ChunkedArray):
            values = _listed(name, values)
        return plain_column(name, _chunked(name, values))


def pandas_column(name: str, values: Any) -> pa.ChunkedArray:
    """Take a pandas column: categories as declared, other cells by `plain_cells`."""
    if str(getattr(values, "dtype", "")) == "category":
        categories = getattr(values, "cat", values)
        text = take_column(name, categories.categories)
        coded = pa.array(np.asarray(categories.codes), pa.int32(), mask=np.asarray(categories.codes) < 0)
        return plain_column(name, pa.chunked_array([pa.DictionaryArray.from_arrays(coded, text.combine_chunks())]))
    return plain_column(name, _chunked(name, plain_cells(values)))


def _polars_column(name: str, values: Any) -> pa.ChunkedArray:
    """Take a polars column; where Arrow doesn't know its type, by its values."""
    kind = str(values.dtype)
    if kind == "Object" or "128" in kind:
        return take_column(name, values.to_list())
    return plain_column(name, _chunked(name, values.to_arrow()))


def _listed(name: str, values: Any) -> Any:
    """Return a sequence or a one-dimensional array; refuse what has no rows, or not in an order."""
    if isinstance(values, str | bytes | Mapping | Set) or not (
        hasattr(values, "__array__") or hasattr(values, "__iter__")
    ):
        raise DataError(f"column {name!r} is {show(values)}, no list of cells; give one for each row, in their order")
    if not hasattr(values, "__array__"):
        return values if isinstance(values, Sequence) else list(values)
    try:
        return _native(name, np.asanyarray(values))
    except (TypeError, RuntimeError) as error:  # a tensor that needs its gradient, or of bfloat16
        raise DataError(f"column {name!r} is no array of NumPy's: {' '.join(str(error).split())}") from error


def _native(name: str, array: Array) -> Array:
    """Bring an array's type to one that Arrow has; the mask of a masked array stays."""
    kind = array.dtype
    if kind.kind == "c":
        raise DataError(f"column {name!r}: Complex data not supported; give real and imaginary part as two columns")
    if kind.kind == "V":
        raise DataError(f"column {name!r} has cells of {kind}, which are several values; give each its own column")
    if kind.kind == "f" and kind.itemsize not in (4, 8):
        return array.astype(np.float32 if kind.itemsize == 2 else np.float64)
    if kind.kind in "mM" and np.datetime_data(kind)[0] not in ("D" if kind.kind == "M" else "", "s", "ms", "us", "ns"):
        return array.astype(f"{kind.kind}8[s]")  # Arrow has no hours, months and years
    return array if kind.isnative else array.astype(kind.newbyteorder("="))


def _chunked(name: str, values: Any) -> pa.ChunkedArray:
    """Make an Arrow column, of text if the cells are of several kinds."""
    try:
        column = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, from_pandas=True)
        if pa.types.is_temporal(column.type) and _holds_whole_numbers(values):
            column = _mixed(name, values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        column = _mixed(name, values)
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])


def _holds_whole_numbers(values: Any) -> bool:
    """Tell whether cells of Python's are whole numbers, which Arrow takes for days since 1970 beside a date."""
    cells = values if isinstance(values, Sequence) or str(getattr(values, "dtype", "")) == "object" else ()
    return any(isinstance(cell, Integral) for cell in cells)


def _mixed(name: str, values: Any) -> pa.Array:
    """Take cells that have no one type in Arrow: whole numbers of many digits, or text."""
    cells = list(values)
    if all(cell is None or (isinstance(cell, int) and not isinstance(cell, bool)) for cell in cells):
        try:
            return pa.array(cells, MAX_INTEGERS)
        except (pa.ArrowException, decimal.DecimalException, ValueError) as error:
            raise DataError(f"column {name!r} has a whole number of more than 76 digits; mend it") from error
    if all(cell is None or (isinstance(cell, Real | decimal.Decimal) and not isinstance(cell, bool)) for cell in cells):
        return pa.array([_double(name, cell) for cell in cells], pa.float64(), from_pandas=True)
    return pa.array([_text(name, cell) for cell in cells], pa.string())


def _double(name: str, cell: Any) -> float | None:
    if isinstance(cell, int) and int(float(cell)) != cell:
        raise DataError(f"column {name!r} holds {show(cell)} beside fractions; no double holds it exactly: mend it")
    return None if cell is None else float(cell)


def _text(name: str, value: Any) -> str | None:
    nameless = value is not None and object.__repr__(value) == str(value)  # its place in memory is all it tells
    several = isinstance(value, Mapping | Sequence | Set | np.ndarray | complex) and not isinstance(value, str)
    if nameless or several:
        raise DataError(
            f"column {name!r}: a cell is {show(value)}, argument must be a string or a number; give one value in a cell"
        )
    gap = value is None or value is np.ma.masked or (isinstance(value, float) and np.isnan(value))
    return None if gap or type(value).__name__ in ("NAType", "NaTType") else str(value)
