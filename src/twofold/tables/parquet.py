"""Parquet files into memory, no more of it than their size allows: what they claim to hold is added up first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from twofold.errors import DataError, DataNotFoundError
from twofold.files import check_spelling
from twofold.tables.frames import check_unique, check_width

FOLDED = "DELTA_BYTE_ARRAY"  # an encoding in which a cell holds what those before it do, for a few bytes
READ = 1 << 18  # bytes of a column that are read at a time, where rows are read block by block
MIN_CELL_BYTES = 8  # bytes that a cell takes at least in what becomes of it


def parquet_files(folder: Path) -> list[Path]:
    """List a folder's Parquet files by name; a folder may be named so too, as Spark does."""
    files = sorted(path for path in folder.rglob("*.parquet") if not path.is_dir())
    if not files:
        raise DataNotFoundError(f"{folder}: there is no .parquet file in this folder; give a file, or another folder")
    return files


class ParquetTable:
    """Parquet files as one table; folders named column=value in a folder give that column.

    Parameters
    ----------
    files : sequence of Path
    place : Path
        The file, or the folder that they are in.
    most : int
        Bytes that their cells may be.

    Raises
    ------
    DataError
        If they are more, or two columns have one name.
    """

    def __init__(self, files: Sequence[Path], place: Path, *, most: int) -> None:
        from pyarrow import dataset

        self._place, self._most = place, most
        self._packed: set[str] = set()
        self._claimed = 0
        self.rows = 0
        for path in files:
            self._check(path)
        form = dataset.ParquetFileFormat(read_options=dataset.ParquetReadOptions(dictionary_columns=self._packed))
        partitions = {"partitioning": dataset.partitioning(flavor="hive"), "partition_base_dir": str(place)}
        names = [str(path) for path in files]
        self._source = dataset.dataset(names, format=form, **(partitions if place.is_dir() else {}))
        self._flat = [field.name for field in self._source.schema if not pa.types.is_nested(field.type)]
        self.names: list[str] = self._source.schema.names
        self.binary = [field.name for field in self._source.schema if "binary" in str(field.type)]

    def read(self) -> pa.Table:
        """Read all rows."""
        return self._with_lists(self._unpacked(self._source.to_table(columns=self._flat)))

    def blocks(self, rows: int, only: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Read the rows, of all columns or of some, block by block, each of at most so many."""
        from pyarrow import dataset

        few = dataset.ParquetFragmentScanOptions(use_buffered_stream=True, buffer_size=READ, pre_buffer=False)
        claimed = self._claimed
        try:
            for batch in self._source.to_batches(
                columns=self._flat if only is None else list(only),
                batch_size=rows,
                batch_readahead=1,
                fragment_readahead=1,
                fragment_scan_options=few,
                use_threads=False,
            ):
                table = self._unpacked(pa.Table.from_batches([batch]))
                yield self._with_lists(table) if only is None else table
        finally:
            self._claimed = claimed

    def _check(self, path: Path) -> None:
        """Add up what a file claims to hold."""
        check_spelling(path)
        with pq.ParquetFile(path) as file:
            check_width(file.metadata.num_columns, f"{path}: ")
            check_unique(file.schema_arrow.names, f"{path}: ")
            self._add(_claimed(file))
            self.rows += file.metadata.num_rows
            self._packed |= _flat(file, lambda words: any("DICTIONARY" in word for word in words))
            for name in _flat(file, lambda words: FOLDED in words):
                self._add(_unfolded_size(file, name, self._most))

    def _add(self, size: int) -> None:
        self._claimed += size
        if self._claimed > self._most:
            raise _too_much(self._place, self._claimed, self._most)

    def _unpacked(self, table: pa.Table) -> pa.Table:
        """Give each row its own text."""
        for name in self._packed & set(table.column_names):
            self._add(_unpacked_size(table.column(name)))
            index = table.column_names.index(name)
            kind = table.schema.field(index).type.value_type
            table = table.set_column(index, pa.field(name, kind), pc.cast(table.column(name), kind))
        return table

    def _with_lists(self, table: pa.Table) -> pa.Table:
        """Put empty columns where lists are: they are of no use, and may be as large as they like."""
        for index, field in enumerate(self._source.schema):
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
