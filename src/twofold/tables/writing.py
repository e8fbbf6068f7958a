"""Tables to files, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO

import pyarrow as pa

from twofold.errors import SpecificationError
from twofold.files import replacing

GROUP_CELLS = 1 << 23  # of a row group of Parquet, which is in memory until it is written
ENDINGS = (".csv", ".tsv", ".parquet")
FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"  # how a cell begins that a spreadsheet computes
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def check_name_of_table(path: Path, *, escape_formulas: bool = False) -> None:
    """Raise `SpecificationError` if a file's name tells no kind of table, or one without formulas to escape."""
    if path.suffix not in ENDINGS:
        raise SpecificationError(f"{path}: a table's name ends in {', '.join(ENDINGS)}; choose one")
    if escape_formulas and path.suffix == ".parquet":
        raise SpecificationError(f"{path}: no spreadsheet computes the cells of a Parquet file; they stay as they are")


def write_table(table: pa.Table, path: Path, *, escape_formulas: bool = False) -> None:
    """Write a table to a file, as `write_blocks` does."""
    write_blocks([table], path, escape_formulas=escape_formulas)


def write_blocks(blocks: Iterable[pa.Table], path: Path, *, escape_formulas: bool = False) -> int:
    """Write a table that comes block by block to a file, by the ending of its name.

    Parameters
    ----------
    blocks : iterable of pyarrow.Table
        At least one, all of one schema. How the rows are cut into blocks doesn't change the file.
    path : Path
    escape_formulas : bool
        As for `csv_bytes`; not for Parquet.

    Returns
    -------
    int
        Rows.

    Raises
    ------
    SpecificationError
        If the name ends in nothing that is known.
    OSError
        If the file can't be written.
    """
    check_name_of_table(path, escape_formulas=escape_formulas)
    with replacing(path) as file:
        if path.suffix == ".parquet":
            return _write_parquet(blocks, file)
        return write_csv(blocks, file, "\t" if path.suffix == ".tsv" else ",", escape_formulas=escape_formulas)


def write_csv(blocks: Iterable[pa.Table], file: IO[bytes], separator: str = ",", *, escape_formulas: bool) -> int:
    """Write a table that comes block by block to an open file, as `csv_bytes` does, and return its number of rows."""
    rows = 0
    for place, block in enumerate(blocks):
        file.write(csv_bytes(block, separator, escape_formulas=escape_formulas, header=not place))
        rows += block.num_rows
    return rows


def _write_parquet(blocks: Iterable[pa.Table], file: IO[bytes]) -> int:
    """Write row groups of one size, whatever the blocks: Arrow's own, but of fewer rows if there are many columns."""
    from pyarrow import parquet

    first, others = next(iterator := iter(blocks)), iterator
    most = max(1 << 14, min(1 << 20, GROUP_CELLS // max(1, first.num_columns)))
    rows = 0
    with parquet.ParquetWriter(pa.PythonFile(file, mode="w"), first.schema) as writer:
        for group in blocks_of(chain([first], others), most):
            writer.write_table(group, row_group_size=most)
            rows += group.num_rows
    return rows


def blocks_of(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Cut tables anew, so that each but the last has so many rows.

    Examples
    --------
    >>> [len(table) for table in blocks_of([pa.table({"x": [1, 2, 3]}), pa.table({"x": [4, 5]})], 2)]
    [2, 2, 1]
    """
    left: list[pa.Table] = []
    held = 0
    for table in tables:
        start = 0
        while held + table.num_rows - start >= rows:
            piece = table.slice(start, rows - held)
            yield pa.concat_tables([*left, piece]).combine_chunks()
            start, left, held = start + piece.num_rows, [], 0
        if start < table.num_rows:
            left.append(table.slice(start))
            held += table.num_rows - start
    if held:
        yield pa.concat_tables(left).combine_chunks()


def csv_bytes(table: pa.Table, separator: str = ",", *, escape_formulas: bool = False, header: bool = True) -> bytes:
    """Write a table as CSV in UTF-8.

    Parameters
    ----------
    table : pyarrow.Table
    separator : str
    escape_formulas : bool
        Texts that a spreadsheet would compute, since they begin with ``=``, ``+``, ``-``, ``@``, a tab or the end of a
        line, get an apostrophe before them, in the heading too. Numbers stay numbers, also those that are text.
    header : bool
        Begin with a line of names.

    Returns
    -------
    bytes

    Examples
    --------
    >>> table = pa.table({"y": ["=1+1", "-1", "a"]})
    >>> print(csv_bytes(table, escape_formulas=True).decode(), end="")
    "y"
    "'=1+1"
    "-1"
    "a"
    """
    from pyarrow import csv

    if escape_formulas:
        columns = [_escaped(column) for column in table.columns]
        table = pa.Table.from_arrays(columns, names=_escaped(pa.array(table.column_names, pa.string())).to_pylist())
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink, csv.WriteOptions(delimiter=separator, include_header=header))
    return sink.getvalue().to_pybytes()


def _escaped(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Put an apostrophe before the texts of a column that begin a formula."""
    import pyarrow.compute as pc

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    formula = pc.and_not(pc.match_substring_regex(column, FORMULA), pc.match_substring_regex(column, NUMBER))
    return pc.if_else(formula, pc.binary_join_element_wise("'", column, ""), column)
