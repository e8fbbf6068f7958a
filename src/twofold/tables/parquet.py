"""Parquet files into memory, no more of it than their size allows: what they claim to hold is added up first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from twofold.errors import DataError, DataNotFoundError
from twofold.files import check_spelling
from twofold.tables.frames import check_unique, check_width

FOLDED = "DELTA_BYTE_ARRAY"  # an encoding in which a cell holds what those before it do, for a few bytes
MIN_CELL_BYTES = 8  # bytes that a cell takes at least in what becomes of it


def read_parquet(path: Path, *, most: int) -> pa.Table:
    """Read a file.

    Parameters
    ----------
    path : Path
    most : int
        Bytes that its cells may be.

    Raises
    ------
    DataError
        If they are more, or two columns have one name.
    """
    return _read([path], path, most=most)


def read_folder(folder: Path, *, most: int) -> pa.Table:
    """Read a folder's Parquet files as one table; folders named column=value in it give that column.

    Parameters
    ----------
    folder : Path
    most : int
        As for `read_parquet`, of all files together.
    """
    files = parquet_files(folder)
    if not files:
        raise DataNotFoundError(f"{folder}: there is no .parquet file in this folder; give a file, or another folder")
    return _read(files, folder, most=most)


def parquet_files(folder: Path) -> list[Path]:
    """List a folder's Parquet files by name; a folder may be named so too, as Spark does."""
    return sorted(path for path in folder.rglob("*.parquet") if not path.is_dir())


def _read(files: Sequence[Path], place: Path, *, most: int) -> pa.Table:
    from pyarrow import dataset

    packed: set[str] = set()
    claimed = 0
    for path in files:
        check_spelling(path)
        with pq.ParquetFile(path) as file:
            check_width(file.metadata.num_columns, f"{path}: ")
            check_unique(file.schema_arrow.names, f"{path}: ")
            claimed += _claimed(file)
            if claimed > most:
                raise _too_much(place, claimed, most)
            packed |= _flat(file, lambda words: any("DICTIONARY" in word for word in words))
            for name in _flat(file, lambda words: FOLDED in words):
                claimed += _unfolded_size(file, name, most)
                if claimed > most:
                    raise _too_much(place, claimed, most)
    form = dataset.ParquetFileFormat(read_options=dataset.ParquetReadOptions(dictionary_columns=packed))
    partitions = {"partitioning": dataset.partitioning(flavor="hive"), "partition_base_dir": str(place)}
    source = dataset.dataset([str(path) for path in files], format=form, **(partitions if place.is_dir() else {}))
    flat = [field.name for field in source.schema if not pa.types.is_nested(field.type)]
    table = source.to_table(columns=flat)
    for name in packed & set(table.column_names):
        claimed += _unpacked_size(table.column(name))
        if claimed > most:
            raise _too_much(place, claimed, most)
        index = table.column_names.index(name)
        kind = table.schema.field(index).type.value_type
        table = table.set_column(index, pa.field(name, kind), pc.cast(table.column(name), kind))
    for index, field in enumerate(source.schema):  # lists are of no use, and may be as large as they like
        if pa.types.is_nested(field.type):
            table = table.add_column(index, field.name, _absent(field.type, table.num_rows))
    return table


def _absent(kind: pa.DataType, rows: int) -> pa.Array:
    """Make a column of lists or the like that holds nothing."""
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind)
    return pa.nulls(rows, kind if lists else pa.list_(pa.null()))


def _claimed(file: Any) -> int:
    """Add up what a file says of its cells: as many bytes as they are stored in, and 8 for each, in lists too."""
    total = 0
    schema = file.schema
    for group in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(group)
        for index in range(rows.num_columns):
            chunk = rows.column(index)
            width = max(
                MIN_CELL_BYTES, schema.column(index).length if chunk.physical_type == "FIXED_LEN_BYTE_ARRAY" else 0
            )
            cells = max(chunk.num_values, rows.num_rows)
            total += chunk.total_uncompressed_size + cells * width
    return total


def _flat(file: Any, wanted: Callable[[Sequence[str]], bool]) -> set[str]:
    """Name the columns of texts, not of lists, with such encodings: few bytes may stand for many there."""
    found = set()
    for group in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(group)
        for index in range(rows.num_columns):
            chunk = rows.column(index)
            if chunk.physical_type == "BYTE_ARRAY" and wanted(chunk.encodings):
                found.add(chunk.path_in_schema.split(".")[0])
    kinds = {field.name: field.type for field in file.schema_arrow}
    return {name for name in found if not pa.types.is_nested(kinds[name]) and not pa.types.is_dictionary(kinds[name])}


def _unfolded_size(file: Any, name: str, most: int) -> int:
    """Return the bytes of a column's texts, reading few enough at a time for the longest that may be."""
    chunks = [
        chunk
        for group in range(file.metadata.num_row_groups)
        for chunk in map(file.metadata.row_group(group).column, range(file.metadata.num_columns))
        if chunk.path_in_schema == name
    ]
    longest = max(chunk.total_uncompressed_size for chunk in chunks)
    size = 0
    for batch in file.iter_batches(max(1, most // max(1, longest)), columns=[name], use_threads=False):
        size += batch.nbytes
        if size > most:
            break
    return size


def _unpacked_size(column: pa.ChunkedArray) -> int:
    """Return the bytes of a column's texts once each row has its own."""
    total = 0
    for chunk in column.chunks:
        lengths = pc.cast(pc.binary_length(chunk.dictionary), pa.int64())
        total += pc.sum(lengths.take(chunk.indices)).as_py() or 0
    return total


def _too_much(place: Path, size: int, most: int) -> DataError:
    return DataError(
        f"{place}: its cells are at least {size >> 20} MiB in memory, and {most >> 20} MiB are allowed for its size; "
        "give it in parts, or without the columns that are so long"
    )
