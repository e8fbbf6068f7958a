"""Lines of cells: separator, names of columns, and cells in the spelling that counts."""

from __future__ import annotations

import csv as words
import io
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from twofold.errors import FileFormatError
from twofold.tables.codes import are_codes, may_hold_codes
from twofold.tables.encodings import Say, as_utf8
from twofold.tables.forms import SEPARATOR
from twofold.tables.frames import check_unique, check_width
from twofold.tables.gaps import GAP_WORDS
from twofold.tables.header import column_names, names_columns
from twofold.tables.number_text import shows_points
from twofold.values import count

SEPARATORS = (";", "\t", "|", ",")  # the first of those that fit equally well: a comma may be a decimal point
MIN_ALIKE = 0.9  # part of the lines that must have as many cells as the first for a separator to fit
_BLANK = re.compile(rb"\A( *\r?\n|\r)*")
BLOCK_BYTES = 1 << 24  # that Arrow parses at a time; a row can't be longer
HEAD = 1 << 16  # bytes that are looked at first
FIRST = 200  # lines that the first one is held against
MAX_CLASS_NUMBERS = 1000  # different whole numbers up to which they may be names of classes
MISSING = ("", *GAP_WORDS)


@dataclass(frozen=True)
class Lines:
    """Lines of cells, not yet parsed.

    Attributes
    ----------
    path : Path
    data : pyarrow.Buffer or FileBytes
        UTF-8, from the first line that isn't blank on.
    names : list of str
        Of the columns.
    nameless : list of int
        Places of the columns that have none in the file.
    separator : str
    header : bool
        The first line has the names.
    """

    path: Path
    data: Any
    names: list[str]
    nameless: list[int]
    separator: str
    header: bool

    def read(self, text: Collection[str], only: Sequence[str] | None = None) -> pa.Table:
        """Parse the columns, or some of them; those of ``text`` stay as they are written."""
        from pyarrow import csv

        return csv.read_csv(pa.BufferReader(self.data), **self.options(dict.fromkeys(text, pa.string()), only))

    def options(
        self, types: Mapping[str, pa.DataType], only: Sequence[str] | None = None, *, block: int = BLOCK_BYTES
    ) -> dict[str, Any]:
        """Return the options of Arrow's reader; columns without a type get one by their cells."""
        from pyarrow import csv

        return {
            # One thread: rows then have numbers in messages, and types are those of the whole file either way.
            "read_options": csv.ReadOptions(
                column_names=self.names,
                skip_rows_after_names=int(self.header),
                use_threads=False,
                block_size=block,
            ),
            "parse_options": csv.ParseOptions(delimiter=self.separator, newlines_in_values=True),
            "convert_options": csv.ConvertOptions(
                null_values=MISSING,
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                column_types=types,
                include_columns=only,
            ),
        }


def open_lines(
    path: Path,
    data: Any,
    *,
    encoding: str | None = None,
    header: bool | Collection[str] | None = None,
    say: Say,
) -> Lines:
    """Find out how lines of cells are written.

    Parameters
    ----------
    path : Path
        For messages.
    data : pyarrow.Buffer or FileBytes
        The file's bytes.
    encoding, header, say
        As for `twofold.tables.reading.read_table`.
    """
    data = as_utf8(path, data, encoding, say)
    data, separator, rows = _first_rows(path, data)
    check_width(len(rows[0]), f"{path}: ")
    header = names_columns(path, rows, header, say=say)
    names, nameless = column_names(rows[0], header=header)
    check_unique(names, f"{path}: ")
    return Lines(path, data, names, nameless, separator, header)


def with_doubtful_as_text(lines: Lines, table: pa.Table, doubtful: list[str], *, thousands: bool) -> pa.Table:
    """Read numbers again as text whose points may be marks of thousands, or are, as the user says."""
    again = lines.read(doubtful, doubtful) if doubtful else table
    if thousands or not any(shows_points(again.column(name)) for name in doubtful):
        for name in doubtful:
            table = table.set_column(table.column_names.index(name), name, again.column(name))
    return table.replace_schema_metadata({SEPARATOR: lines.separator.encode()})


def spelled_as_written(
    lines: Lines, table: pa.Table, spelled: str | None, *, numbers: Collection[str] | None, say: Say
) -> pa.Table:
    """Read columns again as text that lose their spelling as numbers or truth values."""
    again: dict[str, bool] = {}
    for field in table.schema:
        may_be = numbers is not None and field.name not in numbers and pa.types.is_integer(field.type)
        again |= {field.name: False} if may_be else {}
        again |= {field.name: True} if field.name == spelled and has_few_values(table.column(field.name)) else {}
    if not again or not (any(again.values()) or may_hold_codes(lines.data)):
        return table
    for name, column in zip(again, lines.read(again, list(again)).columns, strict=True):
        coded = not again[name] and are_codes(pc.utf8_trim_whitespace(column))
        if coded:
            tell_codes([name], say)
        if coded or again[name]:
            table = table.set_column(table.column_names.index(name), name, column)
    return table


def tell_codes(names: Sequence[str], say: Say) -> None:
    """Tell which columns are codes."""
    for name in names:
        keep = quote(f"{name}=number")
        say(f"column {name!r} holds codes with leading zeros, names and no numbers; if wrong: --kinds {keep}")


def has_few_values(column: pa.ChunkedArray) -> bool:
    """Tell whether a column holds truth values or few different whole numbers."""
    if pa.types.is_boolean(column.type):
        return True
    number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if not number or pc.count_distinct(column).as_py() > MAX_CLASS_NUMBERS:
        return False
    return bool(pc.all(pc.equal(column, pc.trunc(column))).as_py())


def without_nameless(lines: Lines, table: pa.Table, say: Say) -> pa.Table:
    """Drop columns without a name and without a value, and tell what others without a name are called."""
    empty = [name for k in lines.nameless if table.column(name := lines.names[k]).null_count == table.num_rows]
    tell_nameless(lines, empty, say)
    return table.drop_columns(empty) if empty else table


def tell_nameless(lines: Lines, empty: Sequence[str], say: Say) -> None:
    """Tell how many columns without a name have no value either, and what the others are called."""
    if empty:
        say(f"{count(len(empty), 'column')} without a name and a value {'is' if len(empty) == 1 else 'are'} left out")
    for name in [lines.names[k] for k in lines.nameless if lines.names[k] not in empty]:
        say(f"column {lines.names.index(name) + 1} has no name and is called {name!r}")


def without_names_again(lines: Lines, table: pa.Table, say: Say) -> pa.Table:
    """Drop rows that are the line of names once more, as where files were put one below the other."""
    if not may_hold_names(lines, table.schema):
        return table
    table, found = drop_names(table)
    tell_names(found, say)
    return table


def may_hold_names(lines: Lines, schema: pa.Schema) -> bool:
    """Tell whether rows may be the line of names once more: all columns are text then."""
    return lines.header and all(pa.types.is_string(field.type) for field in schema)


def tell_names(found: int, say: Say) -> None:
    """Tell how many rows were the line of names once more."""
    if found:
        say(f"{count(found, 'row')} that {'is' if found == 1 else 'are'} the line of names once more: left out")


def drop_names(table: pa.Table) -> tuple[pa.Table, int]:
    """Drop the rows whose cells are the columns' names, and return how many there were."""
    again = pa.chunked_array([np.ones(table.num_rows, dtype=bool)])
    for name, column in zip(table.column_names, table.columns, strict=True):
        again = pc.and_(again, pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), name), False))
    found = pc.sum(again).as_py() or 0
    return (table.filter(pc.invert(again)) if found else table), found


def _first_rows(path: Path, data: Any) -> tuple[Any, str, list[list[str]]]:
    """Return the bytes from the first line that isn't blank on, the separator, and the first lines' cells."""
    size = HEAD
    head = data.slice(0, min(size, data.size)).to_pybytes()
    while size < data.size and not re.search(rb"[\n\r]", head.lstrip()):  # thousands of columns
        size *= 2
        head = data.slice(0, min(size, data.size)).to_pybytes()
    blank = len(head) - len(_BLANK.sub(b"", head, count=1))
    text = head[blank:].decode("utf-8", errors="replace")
    if not text.strip():
        raise FileFormatError(f"{path}: the file holds blank lines alone; expected column names and rows below them")
    rows = {mark: _rows(text, mark) for mark in SEPARATORS}
    separator = max(SEPARATORS, key=lambda mark: _fit(mark, rows[mark]))
    return data.slice(blank), separator, rows[separator]


def _rows(text: str, separator: str) -> list[list[str]]:
    """Take the first lines apart, but for a last one that may be cut off."""
    rows: list[list[str]] = []
    with suppress(words.Error):  # a cell that is longer than Python's reader takes
        for row in islice(words.reader(io.StringIO(text, newline=None), delimiter=separator), FIRST):
            rows += [row] if row else []
    return rows[:-1] if len(rows) > 1 and not text.endswith(("\n", "\r")) else rows or [[text]]


def _fit(separator: str, rows: list[list[str]]) -> tuple[bool, bool, int]:
    """Tell how good a separator is: whether nearly all lines have as many cells as the first, and how many.

    A tab that does so separates, whatever else stands in the cells.
    """
    cells = len(rows[0])
    fits = cells > 1 and sum(len(row) == cells for row in rows) >= MIN_ALIKE * len(rows)
    return fits, fits and separator == "\t", cells
