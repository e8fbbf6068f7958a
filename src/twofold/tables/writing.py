"""Tables to files, all or nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa

from twofold.errors import SpecificationError
from twofold.files import replacing

ENDINGS = (".csv", ".tsv", ".parquet")


def check_name_of_table(path: Path) -> None:
    """Raise `SpecificationError` if a file's name does not tell what kind of table it is to be."""
    if path.suffix not in ENDINGS:
        raise SpecificationError(f"{path}: a table's name ends in {', '.join(ENDINGS)}; choose one")


def write_table(table: pa.Table, path: Path | None) -> None:
    """Write a table to a file, by the ending of its name; to standard output as CSV if there is none.

    Parameters
    ----------
    table : pyarrow.Table
    path : Path, optional

    Raises
    ------
    SpecificationError
        If the name ends in nothing that is known.
    OSError
        If the file can't be written.
    """
    from pyarrow import csv, parquet

    if path is None:
        sink = pa.BufferOutputStream()
        csv.write_csv(table, sink)
        sys.stdout.write(sink.getvalue().to_pybytes().decode())
        return
    check_name_of_table(path)
    with replacing(path) as file:
        if path.suffix == ".parquet":
            parquet.write_table(table, pa.PythonFile(file, mode="w"))
        else:
            separator = "\t" if path.suffix == ".tsv" else ","
            csv.write_csv(table, pa.PythonFile(file, mode="w"), csv.WriteOptions(delimiter=separator))
