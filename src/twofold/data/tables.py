"""Tables larger than memory: Parquet and CSV files read block by block."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import DataError, DataNotFoundError, FileFormatError, MissingDependencyError

if TYPE_CHECKING:
    import pyarrow as pa

Array = NDArray[np.float64]
BLOCK_ROWS = 1 << 16


@dataclass(frozen=True)
class TableFile:
    """A file whose columns are known and whose rows are still on disk.

    Attributes
    ----------
    path : Path
    kind : {"parquet", "csv"}
    features : tuple of str
    target : str
    weight : str or None
    rows : int or None
        None where it takes reading the file to know.
    size : int
        In bytes.
    """

    path: Path
    kind: str
    features: tuple[str, ...]
    target: str
    weight: str | None
    rows: int | None
    size: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Features, target, weight: in the order of a block's columns."""
        return (*self.features, self.target, *([self.weight] if self.weight else []))


def open_table(
    path: str | os.PathLike[str], target: str, *, features: Sequence[str] | None = None, weight: str | None = None
) -> TableFile:
    """Look at a Parquet or CSV file's columns without reading its rows.

    Parameters
    ----------
    path : path
        Parquet is known by its first four bytes; anything else is read as CSV with a header line, whose separator is
        a comma (a tab if the name ends in .tsv).
    target : str
        Column to predict.
    features : sequence of str, optional
        Columns to predict from; every column of numbers but target and weight otherwise.
    weight : str, optional
        Column of sample weights.

    Returns
    -------
    TableFile

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    FileFormatError
        If it is not a table.
    DataError
        If a column is missing, or is not of numbers.
    MissingDependencyError
        If pyarrow is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f"{path}: no such file; check the path")
    arrow = _arrow()
    with path.open("rb") as file:
        kind = "parquet" if file.read(4) == b"PAR1" else "csv"
    try:
        if kind == "parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(path) as source:
                schema, rows = source.schema_arrow, source.metadata.num_rows
        else:
            with _open_csv(path) as reader:
                schema, rows = reader.schema, None
    except (arrow.ArrowException, OSError) as error:
        raise FileFormatError(
            f"{path}: not a {kind} table: {_first_line(error)}; check that it is the file you meant"
        ) from error
    names = _choose(path, schema, target=target, features=features, weight=weight)
    return TableFile(path, kind, names, target, weight, rows, path.stat().st_size)


def _arrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingDependencyError("Parquet and CSV files need pyarrow; pip install pyarrow") from error
    return pyarrow


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _open_csv(path: Path, columns: Sequence[str] | None = None) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    separator = "\t" if path.suffix == ".tsv" else ","
    convert = csv.ConvertOptions()
    if columns is not None:  # read as doubles throughout: a column that starts with whole numbers may go on with others
        convert = csv.ConvertOptions(include_columns=list(columns), column_types=dict.fromkeys(columns, pa.float64()))
    return csv.open_csv(
        path,
        read_options=csv.ReadOptions(block_size=1 << 22),
        parse_options=csv.ParseOptions(delimiter=separator),
        convert_options=convert,
    )


def _choose(
    path: Path, schema: pa.Schema, *, target: str, features: Sequence[str] | None, weight: str | None
) -> tuple[str, ...]:
    """Settle which columns are features; refuse what is missing or not numbers."""
    import pyarrow.types as kinds

    def number(name: str) -> bool:
        kind = schema.field(name).type
        return bool(
            kinds.is_floating(kind) or kinds.is_integer(kind) or kinds.is_boolean(kind) or kinds.is_decimal(kind)
        )

    special = [target, *([weight] if weight else [])]
    for name in [*special, *(features or [])]:
        if name not in schema.names:
            raise DataError(f"{path}: there is no column {name!r}; the columns are {', '.join(schema.names)}")
        if schema.names.count(name) > 1:
            raise DataError(f"{path}: two columns are named {name!r}; rename one")
        if not number(name):
            raise DataError(f"{path}: column {name!r} is of {schema.field(name).type}; expected numbers")
    if features is not None:
        return tuple(features)
    rest = [name for name in schema.names if name not in special]
    strange = [name for name in rest if not number(name)]
    if strange:
        raise DataError(f"{path}: column {strange[0]!r} is not of numbers; name the columns to use as features")
    return tuple(rest)


def read_blocks(
    table: TableFile, *, rows: int = BLOCK_ROWS, progress: Callable[[int, int], None] | None = None
) -> Iterator[Array]:
    """Read a table block by block.

    Parameters
    ----------
    table : TableFile
    rows : int
        Of a Parquet file's block at most; a CSV file's blocks are of 4 MiB.
    progress : callable, optional
        Called after each block with the rows read so far and the bytes of the file they stand for (an estimate).

    Yields
    ------
    ndarray of float64, shape (m, 1 + columns)
        A column of ones, then the features, target and weight: columns lie together in memory. The array is the next
        block's too: use it before going on.

    Raises
    ------
    DataError
        If a number is missing or not finite: the row and the column are told.
    FileFormatError
        If the file is damaged.
    """
    arrow = _arrow()
    buffer = np.ones((1 + len(table.columns), 0))
    done = 0
    try:
        for batch in _batches(table, rows):
            m = batch.num_rows
            if m > buffer.shape[1]:
                buffer = np.ones((1 + len(table.columns), m))
            for k, name in enumerate(table.columns):
                _fill(buffer[k + 1, :m], batch.column(k), f"{table.path}: column {name!r}", done)
            done += m
            yield buffer[:, :m].T
            if progress is not None:
                whole = table.rows
                progress(done, table.size * done // whole if whole else min(table.size, batch.nbytes))
    except (arrow.ArrowException, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise FileFormatError(
            f"{table.path}: damaged after row {done}: {_first_line(error)}; mend or fetch it again"
        ) from error


def _batches(table: TableFile, rows: int) -> Iterator[Any]:
    """Yield pyarrow's record batches with just the table's columns, in their order."""
    if table.kind == "csv":
        with _open_csv(table.path, table.columns) as reader:
            yield from reader
        return
    import pyarrow.parquet as pq

    with pq.ParquetFile(table.path, pre_buffer=False) as source:
        for batch in source.iter_batches(batch_size=rows, columns=list(table.columns)):
            yield batch.select(list(table.columns))


def _fill(out: Array, column: Any, where: str, done: int) -> None:
    """Copy one column's numbers; refuse those that are missing."""
    if column.null_count:
        row = next(i for i, valid in enumerate(column.is_valid().to_pylist()) if not valid)
        raise DataError(f"{where} has no number in row {done + row}; fill it or drop the row")
    try:
        out[:] = column.to_numpy(zero_copy_only=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where} holds something that is not a number; expected numbers") from error
