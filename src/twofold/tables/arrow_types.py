"""Arrow's many types as the few that the rest of this package knows: numbers, booleans, text, categories, times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from twofold.errors import DataError
from twofold.tables.cells import holds, words

CATEGORIES = pa.dictionary(pa.int32(), pa.string())  # of a column that was declared to hold categories


def plain_table(table: pa.Table) -> pa.Table:
    """Bring each column of a table to a plain type, see `plain_column`; what pandas calls categorical is so."""
    declared, columns = _declared(table.schema), []
    for name, column in zip(table.column_names, table.columns, strict=True):
        number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        columns.append(plain_column(name, column.dictionary_encode() if number and name in declared else column))
    return pa.table(columns, names=table.column_names) if columns else table


def _declared(schema: pa.Schema) -> set[str]:
    """Name the columns that are categorical by pandas' notes: Parquet itself has categories of text alone."""
    try:
        notes = (schema.pandas_metadata or {}).get("columns", ())
        return {note["name"] for note in notes if note["pandas_type"] == "categorical"}
    except (AttributeError, KeyError, TypeError, ValueError):  # anyone may have written them
        return set()


def plain_column(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bring a column to a plain type: numbers, booleans, text, `CATEGORIES`, dates, times, durations, nothing.

    Dictionaries are categories, whatever their values are. Bytes that are UTF-8 become text, extension
    types become what stores them. Lists, structs and the like stay what they are: they are no cells.

    Parameters
    ----------
    name : str
        The column's, for the message.
    column : pyarrow.ChunkedArray

    Returns
    -------
    pyarrow.ChunkedArray

    Raises
    ------
    DataError
        If text is not UTF-8, a time is out of range, or a time zone is unknown.

    Examples
    --------
    >>> plain_column("grade", pa.chunked_array([pa.array([3, 1, 3]).dictionary_encode()])).type
    DictionaryType(dictionary<values=string, indices=int32, ordered=0>)
    """
    with naming(name, column.type):
        for holds, change in _CHANGES:
            if holds(column.type):
                return change(name, column)
    return column


@contextmanager
def naming(name: str, what: object) -> Iterator[None]:
    """Turn an error of Arrow's, or of text, into `DataError` that names the column."""
    try:
        yield
    except DataError:
        raise
    except (pa.ArrowException, UnicodeError, OverflowError, RecursionError) as error:
        why = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(
            f"column {name!r} of {str(what)[:60]} can't be read: {why}; mend it or drop the column"
        ) from error


def plain_cells(values: Any) -> Any:
    """Return the cells of a pandas column: intervals as text, periods by their beginning, others as they are."""
    kind = str(getattr(values.dtype, "name", values.dtype)) if hasattr(values, "dtype") else ""
    if kind.startswith("interval"):
        return [None if gap else str(value) for value, gap in zip(values, values.isna(), strict=True)]
    return getattr(values, "dt", values).to_timestamp() if kind.startswith("period") else values


def _stored(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Take the storage of an extension type."""
    kind = column.type.extension_name
    if kind.startswith("pandas."):
        return plain_column(name, pa.chunked_array([pa.array(plain_cells(column.to_pandas()), from_pandas=True)]))
    if kind == "arrow.uuid":
        return pa.chunked_array([pa.array([value and str(value) for value in column.to_pylist()], pa.string())])
    storage = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    return pc.cast(storage, pa.bool_()) if kind == "arrow.bool8" else plain_column(name, storage)


def _categories(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write the categories as text; those that are lists and the like are no categories."""
    chunks = []
    for chunk in column.chunks:
        values = plain_column(name, pa.chunked_array([chunk.dictionary]))
        if holds(values) == "other":
            return pa.chunked_array([piece.dictionary.take(piece.indices) for piece in column.chunks])
        text = words(values).combine_chunks()
        chunks.append(pa.DictionaryArray.from_arrays(pc.cast(chunk.indices, pa.int32()), text))
    return pa.chunked_array(chunks, CATEGORIES)


def _text(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Check that it is UTF-8, which Parquet files are not read for."""
    for chunk in column.chunks:
        try:
            chunk.validate(full=True)
        except pa.ArrowInvalid as error:
            raise DataError(
                f"column {name!r} holds bytes that are not UTF-8; save the table's text as UTF-8"
            ) from error
    return pc.cast(column, pa.string()) if str(column.type) == "string_view" else column


def _bytes(_name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Take bytes as text if they are; as bytes otherwise."""
    try:
        return pc.cast(pc.cast(column, pa.binary()), pa.string())
    except pa.ArrowInvalid:
        return column


def _microseconds(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Refuse times that no time stamp in microseconds holds, where a cast would give others, and unknown zones."""
    kind = column.type
    zone = kind.tz if pa.types.is_timestamp(kind) else None
    if zone is not None:
        pc.local_timestamp(pa.array([0], pa.timestamp("us", zone)))
    options = pc.CastOptions(pa.timestamp("us", zone), allow_time_truncate=True)
    try:
        stamps = pc.cast(column, options=options)
    except pa.ArrowInvalid as error:
        raise DataError(f"column {name!r} holds a time that is more than 290,000 years away; mend it") from error
    return stamps if pa.types.is_timestamp(kind) else column


_CHANGES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[str, Any], pa.ChunkedArray]], ...] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _stored),
    (pa.types.is_dictionary, _categories),
    (pa.types.is_run_end_encoded, lambda name, column: plain_column(name, _decoded(column))),
    (lambda kind: str(kind) in ("string", "large_string", "string_view"), _text),
    (
        lambda kind: pa.types.is_fixed_size_binary(kind) or str(kind) in ("binary", "large_binary", "binary_view"),
        _bytes,
    ),
    (pa.types.is_float16, lambda _name, column: pc.cast(column, pa.float32())),
    (lambda kind: kind == pa.time64("ns"), lambda _name, column: pc.cast(column, pa.time64("us"), safe=False)),
    (lambda kind: pa.types.is_timestamp(kind) or pa.types.is_date(kind), _microseconds),
)


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks], column.type.value_type)
