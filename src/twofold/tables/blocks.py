"""Tables from files block by block: the rows, types and remarks that `read_table` gives, in memory for one block."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from twofold.tables.encodings import Say
from twofold.tables.file_bytes import FileBytes
from twofold.tables.forms import SEPARATOR
from twofold.tables.frames import check_unique
from twofold.tables.lines import BLOCK_BYTES, Lines, drop_names, may_hold_names, open_lines, tell_nameless, tell_names
from twofold.tables.number_text import has_decimals, proves_points, shows_points
from twofold.tables.parquet import ParquetTable
from twofold.tables.reading import (
    in_plain_types,
    is_packed,
    is_parquet,
    no_rows,
    open_parquet,
    reading,
    tell_empty_rows,
    unpack,
)
from twofold.tables.writing import blocks_of

ROWS = 1 << 12  # of a block
FEW_BYTES = 1 << 20  # that are parsed at a time, as Arrow reads many times as many ahead
# The types that a reader of lines tries, in its order: a column has the first that all its cells fit.
KINDS = (
    pa.null(),
    pa.int64(),
    pa.bool_(),
    pa.date32(),
    pa.time32("s"),
    pa.timestamp("s"),
    pa.timestamp("ns"),
    pa.timestamp("s", "UTC"),
    pa.timestamp("ns", "UTC"),
    pa.float64(),
    pa.string(),
)
_MISFIT = re.compile(r"In CSV column #(\d+): .*?conversion error to .*?'(.*)'", re.DOTALL)


def _ignore(_line: str) -> None:
    """Say nothing."""


class _Source(Protocol):
    """Where the rows of a table come from, with the types of the whole."""

    names: list[str]
    rows: int

    def blocks(self, rows: int, say: Say, /) -> Iterator[pa.Table]: ...


@dataclass(frozen=True)
class TableBlocks:
    """A table on disk, to be read block by block, as often as needed; made by `open_blocks`.

    Attributes
    ----------
    path : Path
    names : list of str
        Of its columns.
    """

    path: Path
    names: list[str]
    _source: _Source = field(repr=False)

    @property
    def most_rows(self) -> int:
        """Rows that there are at most: some of those on disk may be left out."""
        return self._source.rows

    def read(self, rows: int = ROWS, say: Say = _ignore) -> Iterator[pa.Table]:
        """Read the rows.

        Parameters
        ----------
        rows : int
            Of each block but the last, at least 1.
        say : callable, optional
            Told what is left out, a line at a time.

        Yields
        ------
        pyarrow.Table
            Put together they are what `twofold.tables.read_table` and `without_empty_rows` return.

        Raises
        ------
        DataError
            If there are no rows.
        FileFormatError
            If it can't be read.
        """
        done = 0
        with reading(self.path):
            blocks = self._source.blocks(rows, say)
            for block in blocks_of(_without_empty_end(blocks, say), rows):
                done += block.num_rows
                yield block
        if not done:
            raise no_rows(self.path)


@contextmanager
def open_blocks(
    path: Path,
    *,
    text: Collection[str] = (),
    header: bool | Collection[str] | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    say: Say = _ignore,
) -> Iterator[TableBlocks]:
    """Open a table whose rows are read block by block; lines of cells are gone through once for their types.

    A packed file is unpacked into a temporary one; lines that are not UTF-8 are in memory whole.

    Parameters
    ----------
    path, text, header, encoding, decimal, say
        As for `twofold.tables.read_table`, which takes whatever this takes; ``spelled`` and codes are not looked for.

    Yields
    ------
    TableBlocks

    Raises
    ------
    DataNotFoundError, FileFormatError, DataError
        As `twofold.tables.read_table`.
    """
    with ExitStack() as files:
        with reading(path):  # and not what is done with it
            if is_parquet(path, encoding):
                source: _Source = _ParquetBlocks(path, open_parquet(path))
            else:
                lines = open_lines(path, _unpacked(path, files), encoding=encoding, header=header, say=say)
                source = _LineBlocks(lines, text, decimal, say)
            check_unique(source.names, f"{path}: ")
        yield TableBlocks(path, source.names, source)


def _unpacked(path: Path, files: ExitStack) -> FileBytes:
    """Return a file's bytes; those of a packed file lie in a temporary one."""
    if not is_packed(path):
        return FileBytes.of(path)
    spool = files.enter_context(NamedTemporaryFile(prefix="twofold-"))  # noqa: SIM115 - it is
    for part in unpack(path):
        spool.write(part)
    spool.flush()
    return FileBytes.of(Path(spool.name))


class _ParquetBlocks:
    """Parquet files; bytes are text if those of all rows are UTF-8."""

    def __init__(self, path: Path, table: ParquetTable) -> None:
        self._path, self._table, self.rows = path, table, table.rows
        self.names = list(table.names)
        self._raw = [name for name in table.binary if not self._is_text(name)]

    def _is_text(self, name: str) -> bool:
        blocks = self._table.blocks(ROWS, [name])
        return all(pa.types.is_string(in_plain_types(self._path, block).schema.types[0]) for block in blocks)

    def blocks(self, rows: int, _say: Say) -> Iterator[pa.Table]:
        """Read the rows, each column of one type."""
        for block in self._table.blocks(rows):
            plain = in_plain_types(self._path, block)
            for name in self._raw:
                plain = plain.set_column(self.names.index(name), name, block.column(name))
            yield plain


class _LineBlocks:
    """Lines of cells, each column with the type that all its cells fit."""

    def __init__(self, lines: Lines, text: Collection[str], decimal: str | None, say: Say) -> None:
        self._lines = lines
        self._parser = _Parser(lines)
        self._types, rows, nulls, decimals = self._parser.settle_types(text)
        self.rows = rows
        empty = [name for k in lines.nameless if nulls[name := lines.names[k]] == rows]
        doubtful = [name for name, kind in self._types.items() if pa.types.is_floating(kind)]
        sure = decimal == "." or (decimal is None and decimals)
        if doubtful and not sure and (decimal == "," or not self._shows_points(doubtful)):
            self._types |= dict.fromkeys(doubtful, pa.string())
        tell_nameless(lines, empty, say)
        self.names = [name for name in lines.names if name not in empty]

    def _shows_points(self, names: Sequence[str]) -> bool:
        """Tell whether a column of numbers has cells whose points can only be decimal ones, see `shows_points`.

        Different cells are in memory until one is found that tells.
        """
        found: dict[str, pa.ChunkedArray] = {}
        for batch in self._parser.batches(self._types | dict.fromkeys(names, pa.string()), names):
            for name, column in zip(names, batch.columns, strict=True):
                if proves_points(column):
                    return True
                chunks = [*(found[name].chunks if name in found else []), column.unique()]
                found[name] = pa.chunked_array([pa.chunked_array(chunks).unique()])
        return any(map(shows_points, found.values()))

    def blocks(self, rows: int, say: Say) -> Iterator[pa.Table]:
        """Read the rows, but for those that are the line of names once more."""
        found, note = 0, {SEPARATOR: self._lines.separator.encode()}
        for batch in self._parser.batches(self._types, self.names):
            table = pa.Table.from_batches([batch])
            if may_hold_names(self._lines, table.schema):
                table, again = drop_names(table)
                found += again
            for start in range(0, table.num_rows, rows):
                block = table.slice(start, rows).replace_schema_metadata(note)
                yield in_plain_types(self._lines.path, block)
        tell_names(found, say)


class _Parser:
    """Arrow's reader of lines that come bit by bit, which must be told each column's type."""

    def __init__(self, lines: Lines) -> None:
        self._lines, self._block = lines, FEW_BYTES

    def batches(self, types: dict[str, pa.DataType], only: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Parse lines batch by batch; columns without a type have one by the first batch."""
        from pyarrow import csv

        data = self._lines.data
        source = data.open() if isinstance(data, FileBytes) else pa.BufferReader(data)
        with source, csv.open_csv(source, **self._lines.options(types, only, block=self._block)) as reader:
            yield from reader

    def settle_types(self, text: Collection[str]) -> tuple[dict[str, pa.DataType], int, dict[str, int], bool]:
        """Find the type that all cells of each column fit, going through all of them.

        Returns
        -------
        types : dict of str to pyarrow.DataType
        rows : int
        nulls : dict of str to int
            Rows without a value.
        decimals : bool
            Whether a number's point can only be a decimal one, see `twofold.tables.number_text.has_decimals`.
        """
        names = self._lines.names
        types: dict[str, pa.DataType] = {name: pa.string() for name in text if name in names}
        while True:
            rows, decimals, nulls = 0, False, dict.fromkeys(names, 0)
            try:
                for batch in self.batches(types):
                    types = dict(zip(batch.schema.names, batch.schema.types, strict=True))
                    rows += batch.num_rows
                    for name, column in zip(names, batch.columns, strict=True):
                        nulls[name] += column.null_count
                        decimals = decimals or (pa.types.is_floating(column.type) and has_decimals(column))
                return types, rows, nulls, decimals
            except pa.ArrowInvalid as error:
                if "straddling" in str(error) and self._block < BLOCK_BYTES:  # a row that is longer
                    self._block = BLOCK_BYTES
                else:
                    types = _loosened(self._lines, types, error)


def _loosened(lines: Lines, types: dict[str, pa.DataType], error: pa.ArrowInvalid) -> dict[str, pa.DataType]:
    """Give the column of a cell that doesn't fit the next type that may."""
    found = _MISFIT.search(str(error))
    name = lines.names[int(found[1])] if found else ""
    if found is None or types.get(name, pa.string()) == pa.string():
        raise error
    place = KINDS.index(types[name])
    return types | {name: KINDS[max(place + 1, _kind_of(lines, found[2]))]}


def _kind_of(lines: Lines, cell: str) -> int:
    """Return the place among `KINDS` of the first that a cell fits."""
    from pyarrow import csv

    quoted = cell.replace('"', '""')
    options = lines.options({})
    options["read_options"] = csv.ReadOptions(column_names=["cell"])
    kind = csv.read_csv(pa.py_buffer(f'"{quoted}"\n'.encode()), **options).schema.types[0]
    return KINDS.index(kind) if kind in KINDS else 0


def _without_empty_end(tables: Iterator[pa.Table], say: Say) -> Iterator[pa.Table]:
    """Drop the rows at the end in which no column has a value: they wait until one follows that has."""
    waiting: list[pa.Table] = []
    for table in tables:
        n = table.num_rows
        last = max((_last(column) for column in table.columns), default=n - 1)
        if last >= 0:
            yield from waiting
            waiting = []
            yield table.slice(0, last + 1)
        waiting += [table.slice(last + 1)] if last + 1 < n else []
    tell_empty_rows(sum(table.num_rows for table in waiting), say)


def _last(column: pa.ChunkedArray) -> int:
    """Return the place of the last cell that has a value; -1 if none has."""
    n = len(column)
    if n == 0 or column[n - 1].is_valid:
        return n - 1
    places: Any = np.flatnonzero(column.is_valid().to_numpy())
    return int(places[-1]) if places.size else -1
