"""Tables larger than memory: Parquet and CSV files read block by block."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twofold.data.prefetch import prefetch
from twofold.errors import DataError, DataNotFoundError, FileFormatError, MissingDependencyError, nearest
from twofold.files import check_spelling

if TYPE_CHECKING:
    import pyarrow as pa

Array = NDArray[np.float64]
PACKED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}  # by the names that pyarrow itself knows
BLOCK_ROWS = 1 << 14  # few enough that whoever adds a block up finds it in the cache
BATCH_ROWS = 1 << 13  # decoded at a time, which then are in the cache where they are copied to a block
READ = 1 << 16  # bytes of a column read at a time; otherwise all of a row group is in memory at once


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
    groups : tuple of int
        Rows in each row group of a Parquet file; empty for CSV, where it takes reading the file to know.
    size : int
        In bytes.
    footer : pyarrow.parquet.FileMetaData or None
        Of a Parquet file: whoever reads row groups one by one need not parse it each time.
    """

    path: Path
    kind: str
    features: tuple[str, ...]
    target: str
    weight: str | None
    groups: tuple[int, ...]
    size: int
    footer: Any = field(default=None, repr=False, compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Features, target, weight: in the order of a block's columns."""
        return (*self.features, self.target, *([self.weight] if self.weight else []))


@dataclass(frozen=True)
class Block:
    """Some rows of a table.

    Attributes
    ----------
    Z : ndarray of float64, shape (m, 1 + columns)
        A column of ones, then features, target and weight; one column after the other in memory, without gaps, which
        BLAS takes as they are.
    start : int
        Rows before it.
    fraction : float
        How much of what was asked for has been read, with this block.
    """

    Z: Array
    start: int
    fraction: float


def open_table(
    path: str | os.PathLike[str], target: str, *, features: Sequence[str] | None = None, weight: str | None = None
) -> TableFile:
    """Look at a Parquet or CSV file's columns without reading its rows.

    Parameters
    ----------
    path : path
        Parquet is known by its first four bytes; anything else is read as CSV with a header line, whose separator is
        a comma (a tab if the name ends in .tsv); .csv.gz and the like are unpacked while reading.
    target : str
        Column to predict.
    features : sequence of str, optional
        Columns to predict from, none of them twice; all but target and weight otherwise.
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
        If a column is missing, is not of numbers, or is asked for twice.
    MissingDependencyError
        If pyarrow is not installed.
    """
    path = Path(path)
    if not path.exists() or path.is_dir():
        raise DataNotFoundError(f"{path}: no such file; check the path")
    check_spelling(path)
    arrow = _arrow()
    with path.open("rb") as file:
        kind = "parquet" if file.read(4) == b"PAR1" else "csv"
    try:
        if kind == "parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(path) as source:
                schema, footer = source.schema_arrow, source.metadata
                groups = tuple(footer.row_group(k).num_rows for k in range(footer.num_row_groups))
        else:
            with _open_csv(path) as reader:
                schema, footer, groups = reader.schema, None, ()
        schema.names  # noqa: B018 - decodes them, which may be what goes wrong
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"{path}: not a {kind} table: {_first_line(error)}; check that it is the file you meant"
        ) from error
    names = _choose(path, schema, target=target, features=features, weight=weight)
    return TableFile(path, kind, names, target, weight, groups, path.stat().st_size, footer)


def _arrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingDependencyError("Parquet and CSV files need pyarrow; pip install pyarrow") from error
    return pyarrow


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _open_csv(path: Path, columns: Sequence[str] | None = None, file: Any = None) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    inner = Path(path.stem) if path.suffix in PACKED else path
    separator = "\t" if inner.suffix.lower() == ".tsv" else ","
    convert = csv.ConvertOptions()
    if columns is not None:  # read as doubles throughout: a column that starts with whole numbers may go on with others
        convert = csv.ConvertOptions(include_columns=list(columns), column_types=dict.fromkeys(columns, pa.float64()))
    return csv.open_csv(
        path if file is None else file,
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
        kind = schema.types[schema.names.index(name)]
        return bool(
            kinds.is_floating(kind) or kinds.is_integer(kind) or kinds.is_boolean(kind) or kinds.is_decimal(kind)
        )

    special = [target, *([weight] if weight else [])]
    asked = [*special, *(features or [])]
    for name in asked:
        if name not in schema.names:
            hint, columns = nearest(name, schema.names), ", ".join(schema.names)
            raise DataError(f"{path}: there is no column {name!r}; the columns are {columns}{hint}")
        if asked.count(name) > 1:
            raise DataError(f"{path}: column {name!r} is asked for twice; it is a feature, the target or the weight")
    rest = [name for name in schema.names if name not in special]
    for name in asked if features is not None else [*special, *rest]:
        if schema.names.count(name) > 1:
            raise DataError(f"{path}: two columns are named {name!r}; rename one")
    for name in asked:
        kind = schema.types[schema.names.index(name)]
        if kinds.is_null(kind):
            raise DataError(f"{path}: column {name!r} holds nothing where the file begins; expected numbers")
        if not number(name):
            raise DataError(f"{path}: column {name!r} is of {kind}; expected numbers")
    if features is not None:
        return tuple(features)
    strange = [name for name in rest if not number(name)]
    if strange:
        raise DataError(f"{path}: column {strange[0]!r} is not of numbers; name the columns to use as features")
    return tuple(rest)


def read_blocks(table: TableFile, *, groups: Sequence[int] | None = None, rows: int = BLOCK_ROWS) -> Generator[Block]:
    """Read a table block by block.

    Parameters
    ----------
    table : TableFile
    groups : sequence of int, optional
        Row groups of a Parquet file to read, one after the other; otherwise the whole file is, and a thread reads
        ahead.
    rows : int
        Of each block but the last.

    Yields
    ------
    Block
        Its array is the next block's too: use it before going on. Close the generator, or go on to its end: the file
        is open and the thread there until then.

    Raises
    ------
    DataError
        If a number is missing: the row and the column are reported.
    FileFormatError
        If the file is damaged.
    """
    arrow = _arrow()
    memory, filled = np.ones((1 + len(table.columns), rows)), 0
    done, fraction = sum(table.groups[: groups[0]]) if groups else 0, 0.0
    batches = _csv_batches(table) if table.kind == "csv" else _parquet_batches(table, groups, min(rows, BATCH_ROWS))
    try:
        with closing(batches if groups else prefetch(batches)) as found:
            for batch, fraction in found:
                start = 0
                while start < batch.num_rows:
                    piece = batch.slice(start, rows - filled)
                    end = filled + piece.num_rows
                    for out, column, name in zip(memory[1:, filled:end], piece.columns, table.columns, strict=True):
                        _fill(out, column, (table.path, name, done + filled))
                    start, filled = start + piece.num_rows, end
                    if filled == rows:
                        yield Block(memory.T, done, fraction)
                        done, filled = done + rows, 0
        if filled:
            yield Block(np.ascontiguousarray(memory[:, :filled]).T, done, fraction)
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        what = f"{table.path}: damaged after row {done + filled}: {_first_line(error)}"
        raise FileFormatError(f"{what}; mend it or fetch it again") from error


def _csv_batches(table: TableFile) -> Generator[tuple[Any, float]]:
    """Yield pyarrow's record batches, with the part of the file that is read."""
    import pyarrow as pa

    codec = PACKED.get(table.path.suffix)
    with table.path.open("rb") as file:
        plain = file if codec is None else pa.CompressedInputStream(file, codec)
        with _open_csv(table.path, table.columns, plain) as reader:
            for batch in reader:
                yield batch, min(1.0, file.tell() / table.size)


def _parquet_batches(table: TableFile, groups: Sequence[int] | None, rows: int) -> Generator[tuple[Any, float]]:
    """Yield pyarrow's record batches with just the table's columns, in their order."""
    import pyarrow.parquet as pq

    names = list(table.columns)
    with pq.ParquetFile(table.path, metadata=table.footer, pre_buffer=False, buffer_size=READ) as source:
        wanted = range(len(table.groups)) if groups is None else groups
        total = sum(table.groups[k] for k in wanted)
        done = 0
        # One thread here: whoever wants more reads several row groups at a time, or works while this reads ahead.
        for batch in source.iter_batches(rows, row_groups=list(wanted), columns=names, use_threads=False):
            done += batch.num_rows
            yield batch.select(names), done / total


def _fill(out: Array, column: Any, place: tuple[Path, str, int]) -> None:
    """Copy one column's numbers; refuse those that are missing, by file, column and the rows before."""
    path, name, done = place
    if column.null_count:
        row = next(i for i, valid in enumerate(column.is_valid().to_pylist()) if not valid)
        raise DataError(f"{path}: column {name!r} has no number in row {done + row}; fill it or drop the row")
    try:
        out[:] = column.to_numpy(zero_copy_only=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: column {name!r} holds something that is not a number; expected numbers") from error
    if "int" in str(column.type) and np.abs(out).max(initial=0) >= 2.0**53:
        wrong = next((i for i, whole in enumerate(column.to_pylist()) if whole != int(out[i])), None)
        if wrong is not None:
            where = f"{path}: column {name!r}, row {done + wrong} (counted from 0)"
            raise DataError(f"{where} is {column[wrong]}, which no double is; take a larger unit, or leave it out")
