"""Tables to files, all or nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from twofold.errors import SpecificationError
from twofold.files import replacing

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
    """Write a table to a file, by the ending of its name.

    Parameters
    ----------
    table : pyarrow.Table
    path : Path
    escape_formulas : bool
        As for `csv_bytes`; not for Parquet.

    Raises
    ------
    SpecificationError
        If the name ends in nothing that is known.
    OSError
        If the file can't be written.
    """
    from pyarrow import parquet

    check_name_of_table(path, escape_formulas=escape_formulas)
    with replacing(path) as file:
        if path.suffix == ".parquet":
            parquet.write_table(table, pa.PythonFile(file, mode="w"))
        else:
            separator = "\t" if path.suffix == ".tsv" else ","
            file.write(csv_bytes(table, separator, escape_formulas=escape_formulas))


def csv_bytes(table: pa.Table, separator: str = ",", *, escape_formulas: bool = False) -> bytes:
    """Write a table as CSV in UTF-8.

    Parameters
    ----------
    table : pyarrow.Table
    separator : str
    escape_formulas : bool
        Texts that a spreadsheet would compute, since they begin with ``=``, ``+``, ``-``, ``@``, a tab or the end of a
        line, get an apostrophe before them, in the heading too. Numbers stay numbers, also those that are text.

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
    csv.write_csv(table, sink, csv.WriteOptions(delimiter=separator))
    return sink.getvalue().to_pybytes()


def _escaped(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Put an apostrophe before the texts of a column that begin a formula."""
    import pyarrow.compute as pc

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    formula = pc.and_not(pc.match_substring_regex(column, FORMULA), pc.match_substring_regex(column, NUMBER))
    return pc.if_else(formula, pc.binary_join_element_wise("'", column, ""), column)
