"""Tables from files: CSV and its kin, plain or packed, Parquet, and folders of Parquet."""

from __future__ import annotations

import csv as words
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from twofold.errors import DataError, DataNotFoundError, FileFormatError
from twofold.files import check_spelling
from twofold.tables.arrow_types import plain_table
from twofold.tables.forms import SEPARATOR
from twofold.tables.frames import check_unique
from twofold.tables.gaps import GAP_WORDS
from twofold.tables.number_text import decimals_in_doubt, shows_points

SEPARATORS = (",", "\t", ";", "|")
PACKED = {b"\x1f\x8b": "gzip", b"BZ": "bz2", b"\x28\xb5": "zstd"}
LARGEST = 1 << 33  # bytes that a packed file may unpack to
# A bomb is a small file that unpacks to much; tables are seldom packed to a tenth.
MOST_TIMES = 100  # its own size
ALWAYS = 1 << 28  # bytes that are all right however small the file is
HEAD = 1 << 16  # bytes in which the header line must end
MISSING = ("", *GAP_WORDS)


def read_table(
    path: str | os.PathLike[str], *, text: Sequence[str] = (), header: bool = True, decimal: str | None = None
) -> pa.Table:
    """Read a table from a file into memory.

    What a file is, is seen from its first bytes: Parquet, or lines of cells, perhaps packed by gzip, bzip2 or zstd. The
    separator is the one of comma, tab, semicolon and bar that the first line has most of. A folder is read as one table
    of all its Parquet files, in the order of their names.

    Parameters
    ----------
    path : path
    text : sequence of str
        Columns to be read as text, even if they look like numbers.
    header : bool
        The first line names the columns; otherwise they are column1, column2, ...
    decimal : {".", ","}, optional
        The decimal mark. Numbers with commas are left as text, and so are those with points if they may be marks of
        thousands: see `twofold.tables.forms.infer_forms`.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    DataNotFoundError
        If there is no such file or folder.
    FileFormatError
        If it is no table, a row has more or fewer cells than the first, or the first line holds numbers, not names.
    DataError
        If there are no rows, two columns have one name, or it unpacks to more than `LARGEST` bytes, or to more than
        100 times its size and 256 MiB.
    """
    path = Path(path)
    if not path.exists():
        raise DataNotFoundError(f"{path}: no such file; check the path")
    check_spelling(path)
    try:
        if path.is_dir():
            table = _read_folder(path)
        elif _starts(path) == b"PAR1":
            table = _read_parquet(path)
        else:
            table = _read_lines(path, text, header=header, decimal=decimal)
    except DataError:
        raise
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError, words.Error) as error:
        raise FileFormatError(f"{path}: not a table that can be read: {_first_line(error)}{_hint(error)}") from error
    check_unique(table.column_names, f"{path}: ")
    if table.num_rows == 0:
        raise DataError(f"{path}: there are no rows below the header; give a table with rows")
    try:
        noted = {SEPARATOR: separator} if (separator := (table.schema.metadata or {}).get(SEPARATOR)) else None
        return plain_table(table).replace_schema_metadata(noted)
    except DataError as error:
        raise FileFormatError(f"{path}: {error}") from error


def _starts(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _read_parquet(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        check_unique(file.schema_arrow.names, f"{path}: ")
        numbers = file.metadata.num_rows * file.metadata.num_columns
        if 8 * numbers > _allowed(path):  # a column of one value takes a few bytes, however long it is
            raise DataError(f"{path}: {path.stat().st_size} bytes that claim to be {numbers} cells; give it in parts")
        return file.read()


def _read_folder(folder: Path) -> pa.Table:
    """Read a folder's Parquet files as one table; folders named column=value in it give that column."""
    from pyarrow import dataset

    files = sorted(str(path) for path in folder.rglob("*.parquet"))
    if not files:
        raise DataNotFoundError(f"{folder}: there is no .parquet file in this folder; give a file, or another folder")
    partitions = dataset.partitioning(flavor="hive")
    return dataset.dataset(files, format="parquet", partitioning=partitions, partition_base_dir=str(folder)).to_table()


def _read_lines(path: Path, text: Sequence[str], *, header: bool, decimal: str | None) -> pa.Table:
    data = _unpacked(path)
    separator, cells = _first_cells(path, data)
    names = None if header else [f"column{k + 1}" for k in range(len(cells))]
    if header:
        _check_header(path, cells)
    table = _parse(data, separator, names, text=text)
    doubtful = decimals_in_doubt(table, decimal)
    again = _parse(data, separator, names, text=doubtful, only=doubtful) if doubtful else table
    if decimal == "," or not any(shows_points(again.column(name)) for name in doubtful):
        for name in doubtful:
            table = table.set_column(table.column_names.index(name), name, again.column(name))
    if binary := [field.name for field in table.schema if pa.types.is_binary(field.type)]:
        raise FileFormatError(f"{path}: column {binary[0]!r} holds bytes that are not UTF-8; save the file as UTF-8")
    table = table.rename_columns([name.strip() for name in table.column_names])
    return table.replace_schema_metadata({SEPARATOR: separator.encode()})


def _parse(
    data: Any, separator: str, names: list[str] | None, *, text: Sequence[str], only: Sequence[str] | None = None
) -> pa.Table:
    """Parse lines of cells: all columns or some, of which some are left as text."""
    from pyarrow import csv

    return csv.read_csv(
        pa.BufferReader(data),
        # One thread: rows then have numbers in messages, and types are those of the whole file either way.
        read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=1 << 24),
        parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            null_values=MISSING,
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            column_types=dict.fromkeys(text, pa.string()),
            include_columns=only,
        ),
    )


def _unpacked(path: Path) -> Any:
    """Return a file's bytes: mapped, or unpacked up to a limit."""
    packing = PACKED.get(_starts(path)[:2])
    if path.stat().st_size == 0:
        raise FileFormatError(f"{path}: the file is empty; expected a line of column names and rows below it")
    if packing is None:
        return pa.memory_map(str(path)).read_buffer()
    with pa.input_stream(str(path), compression=packing) as stream:
        parts, size, most = [], 0, min(LARGEST, _allowed(path))
        while part := stream.read(1 << 24):
            parts.append(part)
            if (size := size + len(part)) > most:
                raise DataError(f"{path}: unpacks to more than {most >> 20} MiB; unpack it first, if that is right")
    return pa.py_buffer(b"".join(parts))


def _allowed(path: Path) -> int:
    """Return how many bytes a file may become in memory."""
    return max(ALWAYS, MOST_TIMES * path.stat().st_size)


def _first_cells(path: Path, data: Any) -> tuple[str, list[str]]:
    """Return the separator and the cells of the first line."""
    head = data.slice(0, min(HEAD, data.size)).to_pybytes()
    if b"\0" in head:
        raise FileFormatError(f"{path}: not a table: it holds bytes that no text has; expected CSV, TSV or Parquet")
    lines = [line for line in head.decode("utf-8-sig", errors="replace").splitlines() if line.strip()]
    if not lines:
        raise FileFormatError(f"{path}: the file holds blank lines alone; expected column names and rows below them")
    cells = {mark: next(words.reader([lines[0]], delimiter=mark), [lines[0]]) for mark in SEPARATORS}
    separator = max(SEPARATORS, key=lambda mark: len(cells[mark]))
    return separator, cells[separator]


def _check_header(path: Path, cells: list[str]) -> None:
    """Refuse a first line of numbers: as names they would lose a row and name nothing."""

    def number(cell: str) -> bool:
        try:
            float(cell)
        except ValueError:
            return False
        return True

    if all(number(cell) for cell in cells):
        shown = ", ".join(cells[:4])
        raise FileFormatError(f"{path}: the first line holds numbers ({shown}), not names; say so with --no-header")
    blank = [k + 1 for k, cell in enumerate(cells) if not cell.strip()]
    if len(blank) > 1:
        raise FileFormatError(f"{path}: columns {blank[0]} and {blank[1]} have no name; name them in the first line")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")


def _hint(error: BaseException) -> str:
    message = str(error)
    if "UTF8" in message or "utf-8" in message:
        return "; save it as UTF-8"
    if "Expected" in message and "columns" in message:
        return "; give each row as many cells as the first line, with quotes around cells that hold the separator"
    return "; check that it is the file you meant"
