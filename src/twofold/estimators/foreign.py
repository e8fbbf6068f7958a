"""Whatever people hand to an estimator as X and y: numbers, or one line that says where there are none."""

from __future__ import annotations

import os
import re
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from twofold.errors import CellError, DataError, TwofoldError, show
from twofold.values import is_sparse, refuse_masked

Array = NDArray[Any]

TIMES = re.compile(r"(datetime|timestamp|timedelta|date|time|duration|period|interval)", re.IGNORECASE)
FLOATS = re.compile(r"(float|double|halffloat)", re.IGNORECASE)
MAX_EXACT_INTEGER = 2.0**53  # below it each whole number is a double
ADVICE = "expected numbers: TableEncoder makes features of the rest"


def validated(model: Any, X: Any, *y: Any, **options: Any) -> Any:
    """Check X, and y if there is one, by scikit-learn's `validate_data`, and what that lets through or can't say.

    Parameters
    ----------
    model : estimator
    X, y : object
    **options
        Of `validate_data`.

    Returns
    -------
    As `validate_data`; sparse targets are filled in.

    Raises
    ------
    CellError
        If there is something that is no number, a time, or a whole number that no double is.
    DataError
        If cells are masked, or another library can't make an array of it.
    ValueError, TypeError
        In scikit-learn's own words.
    """
    y = tuple(each.toarray() if is_sparse(each) else each for each in y)
    for name, values in zip("Xy", (X, *y), strict=False):
        refuse_masked(name, values)
        _refuse_times(name, values)
    numeric = {"X": X} | ({"y": y[0]} if options.get("y_numeric") else {})
    with in_our_words(" or ".join("Xy"[: 1 + len(y)]), numeric), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pandas.DataFrame with sparse columns found")
        found = validate_data(model, X, *y, **options)
    _refuse_rounded("X", X, found[0] if y else found)
    if options.get("y_numeric"):
        targets = np.asarray(found[1])
        _refuse_rounded("y", y[0], targets.astype(np.float64) if targets.dtype.kind in "iu" else targets)
    return found


@contextmanager
def in_our_words(what: str, numeric: Mapping[str, Any]) -> Iterator[None]:
    """Say in one line where there is no number, when another library than scikit-learn stumbles over it.

    Parameters
    ----------
    what : str
        What is looked at.
    numeric : mapping of str to object
        What must be numbers, by name.
    """
    try:
        yield
    except (TwofoldError, MemoryError):
        raise
    except Exception as error:  # whatever the libraries behind a frame or tensor may raise
        if "Complex data" in str(error):
            raise DataError("Complex data not supported; give real and imaginary part as two columns") from error
        for name, values in numeric.items():
            _refuse_cells(name, values)
        if f"{os.sep}sklearn{os.sep}" in traceback.extract_tb(error.__traceback__)[-1].filename:
            raise
        why = " ".join(str(error).split())[:120]
        raise CellError(f"{what} is nothing that NumPy makes numbers or classes of: {why}") from error


def _refuse_times(name: str, values: Any) -> None:
    """Refuse dates and the like, of which NumPy makes whole numbers, and of a missing one -9e18."""
    for column, kind in _types(name, values):
        if TIMES.match(kind):
            raise CellError(f"{column} holds {kind[:40]}; {ADVICE}")


def _refuse_cells(name: str, values: Any) -> None:
    """Find the first cell that is no number; whatever can't be looked at cell by cell is passed over."""
    found = None
    with suppress(Exception):
        for column, cells in _columns(name, values):  # noqa: B007 - it is told below
            found = next(((row, cell) for row, cell in enumerate(_listed(cells)) if not _is_number(cell)), None)
            if found is not None:
                break
    if found is not None:
        cell = found[1].item() if isinstance(found[1], np.generic) else found[1]
        where = f"{column}, row {found[0]} (counted from 0), is {show(cell)}"
        raise CellError(f"{where}: argument must be a string or a number; {ADVICE}")


def _refuse_rounded(name: str, values: Any, found: Any) -> None:
    """Refuse whole numbers that became other ones when floats were made of them."""
    if all(FLOATS.match(kind) for _, kind in _types(name, values)) and hasattr(values, "shape"):
        return
    stored = found.data if is_sparse(found) else found
    small = stored.dtype.kind != "f" or stored.dtype.itemsize < 4 or not stored.size
    if small or not np.nanmax(np.abs(stored)) >= MAX_EXACT_INTEGER:
        return
    if is_sparse(values):
        values, found = values.tocsr().data, found.tocsr().data
    features = found.toarray() if is_sparse(found) else found.reshape(len(found), -1)
    for index, (column, cells) in enumerate(_columns(name, values)):
        far = np.flatnonzero(np.abs(features[:, index]) >= MAX_EXACT_INTEGER)
        for row in far.tolist():
            cell = cells[row].as_py() if hasattr(cells[row], "as_py") else cells[row]
            if isinstance(cell, int | np.integer) and int(cell) != int(features[row, index]):
                where = f"{column}, row {row} (counted from 0), is {show(int(cell))}"
                raise CellError(f"{where}, which no double is; take a smaller unit, or a category")


def _types(name: str, values: Any) -> list[tuple[str, str]]:
    """Return the type of each column of a frame, or of an array, as its library writes it."""
    if hasattr(values, "schema") and hasattr(values.schema, "types"):
        return [(f"column {column!r}", str(kind)) for column, kind in zip(values.column_names, values.schema.types)]  # noqa: B905
    if hasattr(values, "columns") and hasattr(values, "dtypes"):
        return [(f"column {column!r}", str(kind)) for column, kind in zip(values.columns, values.dtypes)]  # noqa: B905
    kind = getattr(values, "dtype", getattr(values, "type", None))
    return [] if kind is None or callable(kind) else [(name, str(kind))]


def _columns(name: str, values: Any) -> Iterator[tuple[str, Any]]:
    """Go through the columns of a frame or array, each with words for where it is."""
    if hasattr(values, "column_names") and hasattr(values, "column"):
        yield from ((f"column {column!r}", values.column(k)) for k, column in enumerate(values.column_names))
    elif hasattr(values, "iloc") and hasattr(values, "columns"):
        yield from ((f"column {column!r}", values.iloc[:, k].array) for k, column in enumerate(values.columns))
    elif hasattr(values, "columns") and hasattr(values, "get_columns"):
        yield from ((f"column {column.name!r}", column) for column in values.get_columns())
    else:
        array = np.asarray(values if hasattr(values, "dtype") else np.array(values, dtype=object))
        if array.ndim == 2:
            yield from ((f"{name}[:, {k}]", array[:, k]) for k in range(array.shape[1]))
        elif array.ndim == 1:
            yield name, array


def _listed(cells: Any) -> list[Any]:
    return list(cells.to_pylist() if hasattr(cells, "to_pylist") else cells)


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError, OverflowError):
        return cell is None
    return True
