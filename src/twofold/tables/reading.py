"""Tables from files: CSV and its kin, plain or packed, Parquet, and folders of Parquet."""

from __future__ import annotations

import csv as words
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from twofold.errors import DataError, DataNotFoundError, FileFormatError, SpecificationError, TwofoldError
from twofold.files import check_spelling
from twofold.tables.arrow_types import plain_table
from twofold.tables.encodings import Say
from twofold.tables.forms import SEPARATOR
from twofold.tables.frames import check_unique
from twofold.tables.lines import (
    open_lines,
    spelled_as_written,
    with_doubtful_as_text,
    without_nameless,
    without_names_again,
)
from twofold.tables.number_text import decimals_in_doubt
from twofold.tables.parquet import ParquetTable, parquet_files
from twofold.values import count

PACKED = {b"\x1f\x8b": "gzip", b"BZ": "bz2", b"\x28\xb5": "zstd"}
MAX_UNPACKED_BYTES = 1 << 33  # bytes that a packed file may unpack to
# A bomb is a small file that unpacks to much; tables are seldom packed to a tenth.
MAX_UNPACKING_RATIO = 100  # its own size
MAX_ALWAYS_ALLOWED_BYTES = 1 << 28  # bytes that are all right however small the file is


def _ignore(_line: str) -> None:
    """Say nothing."""


def read_table(
    path: str | os.PathLike[str],
    *,
    text: Collection[str] = (),
    header: bool | Collection[str] | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    spelled: str | None = None,
    numbers: Collection[str] | None = (),
    say: Say = _ignore,
) -> pa.Table:
    """Read a table from a file into memory.

    What a file is, is seen from its first bytes: Parquet, or lines of cells, perhaps packed by gzip, bzip2 or zstd. The
    separator is the one of comma, tab, semicolon and bar that the first line has most of. A folder is read as one table
    of all its Parquet files, in the order of their names.

    Parameters
    ----------
    path : path
    text : collection of str
        Columns to be read as text, even if they look like numbers.
    header : bool or collection of str, optional
        The first line names the columns; otherwise they are column1, column2, ... It does unless said otherwise, but
        is refused if it looks like a row. Names of columns that the table should have tell whether it has names.
    encoding : str, optional
        Of lines of cells, by Python's name for it; otherwise it is found, or guessed.
    decimal : {".", ","}, optional
        The decimal mark. Numbers with commas are left as text, and so are those with points if they may be marks of
        thousands: see `twofold.tables.forms.infer_forms`.
    spelled : str, optional
        A column that is read as text if it holds truth values, or few different whole numbers: classes keep the
        spelling that they have in the file.
    numbers : collection of str or None
        Columns of digits with leading zeros that are read as numbers, and not as text; None for all.
    say : callable
        Told what was guessed or left out, a line at a time.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    DataNotFoundError
        If there is no such file or folder.
    FileFormatError
        If it is no table, a row has more or fewer cells than the first, or the first line is a row and not names.
    DataError
        If there are no rows, two columns have one name, or it unpacks to more than `MAX_UNPACKED_BYTES` bytes, or to
        more than 100 times its size and 256 MiB.
    """
    path = Path(path)
    with reading(path):
        if is_parquet(path, encoding):
            table = open_parquet(path).read()
        else:
            lines = open_lines(path, _unpacked(path), encoding=encoding, header=header, say=say)
            table = lines.read(set(text))
            doubtful = decimals_in_doubt(table, decimal)
            table = with_doubtful_as_text(lines, table, doubtful, thousands=decimal == ",")
            table = spelled_as_written(lines, table, spelled, numbers=numbers, say=say)
            table = without_names_again(lines, without_nameless(lines, table, say), say)
    check_unique(table.column_names, f"{path}: ")
    if table.num_rows == 0:
        raise no_rows(path)
    return in_plain_types(path, table)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Refuse a path that is none, and say of an error of Arrow's, or of the system, that the file can't be read."""
    if not path.exists():
        raise DataNotFoundError(f"{path}: no such file; check the path")
    check_spelling(path)
    try:
        yield
    except TwofoldError:
        raise
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError, words.Error) as error:
        raise FileFormatError(f"{path}: not a table that can be read: {_first_line(error)}{_hint(error)}") from error


def is_parquet(path: Path, encoding: str | None = None) -> bool:
    """Tell whether a path is a Parquet file or a folder; raise `SpecificationError` if an encoding is given for it."""
    parquet = path.is_dir() or _starts(path) == b"PAR1"
    if parquet and encoding is not None:
        raise SpecificationError(f"{path} is Parquet, which tells its encoding; leave out --encoding {encoding}")
    return parquet


def open_parquet(path: Path) -> ParquetTable:
    """Check a Parquet file, or a folder's, for what its cells would take in memory."""
    files = parquet_files(path) if path.is_dir() else [path]
    return ParquetTable(files, path, most=_allowed(*files))


def in_plain_types(path: Path, table: pa.Table) -> pa.Table:
    """Bring a table, or a block of one, to plain types, with the separator of its file alone in its metadata."""
    try:
        noted = {SEPARATOR: separator} if (separator := (table.schema.metadata or {}).get(SEPARATOR)) else None
        return plain_table(table).replace_schema_metadata(noted)
    except DataError as error:
        raise FileFormatError(f"{path}: {error}") from error


def no_rows(path: Path) -> DataError:
    """Make the error of a table without rows."""
    return DataError(f"{path}: there are no rows below the header; give a table with rows")


def _starts(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def without_empty_rows(table: pa.Table, say: Say = _ignore) -> pa.Table:
    """Drop the rows at the end of a table in which no column has a value, as spreadsheets leave them.

    Parameters
    ----------
    table : pyarrow.Table
    say : callable
        Told how many there were.

    Returns
    -------
    pyarrow.Table
    """
    n = table.num_rows
    if n and all(column.slice(n - 1).null_count for column in table.columns):
        last = max(_last(column) for column in table.columns)
        tell_empty_rows(n - 1 - last, say)
        table = table.slice(0, last + 1)
    return table


def tell_empty_rows(rows: int, say: Say) -> None:
    """Tell how many rows at the end have no value."""
    if rows:
        say(f"{count(rows, 'row')} without a value at the end {'is' if rows == 1 else 'are'} left out")


def _last(column: pa.ChunkedArray) -> int:
    """Return the place of the last cell that has a value; -1 if none has."""
    places: Any = np.flatnonzero(column.is_valid().to_numpy())
    return int(places[-1]) if places.size else -1


def _unpacked(path: Path) -> Any:
    """Return a file's bytes: mapped, or unpacked up to a limit."""
    if not is_packed(path):
        return pa.memory_map(str(path)).read_buffer()
    return pa.py_buffer(b"".join(unpack(path)))


def is_packed(path: Path) -> bool:
    """Tell whether a file is packed; raise `FileFormatError` if it is empty."""
    if path.stat().st_size == 0:
        raise FileFormatError(f"{path}: the file is empty; expected a line of column names and rows below it")
    return _starts(path)[:2] in PACKED


def unpack(path: Path) -> Iterator[bytes]:
    """Unpack a file piece by piece, up to a limit."""
    with pa.input_stream(str(path), compression=PACKED[_starts(path)[:2]]) as stream:
        size, most = 0, min(MAX_UNPACKED_BYTES, _allowed(path))
        while part := stream.read(1 << 24):
            yield part
            if (size := size + len(part)) > most:
                raise DataError(f"{path}: unpacks to more than {most >> 20} MiB; unpack it first, if that is right")


def _allowed(*paths: Path) -> int:
    """Return how many bytes files may become in memory."""
    return max(MAX_ALWAYS_ALLOWED_BYTES, MAX_UNPACKING_RATIO * sum(path.stat().st_size for path in paths))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")


def _hint(error: BaseException) -> str:
    message = str(error)
    if "UTF8" in message or "utf-8" in message:
        return "; save it as UTF-8"
    if "Expected" in message and "columns" in message:
        return "; give each row as many cells as the first line, with quotes around cells that hold the separator"
    return "; check that it is the file you meant"
