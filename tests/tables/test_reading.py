"""Tables from files: what is read, and what is refused in which words."""

from __future__ import annotations

import contextlib
import gzip
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from twofold.data.tables import open_table
from twofold.errors import DataError, DataNotFoundError, FileFormatError
from twofold.tables import reading
from twofold.tables.reading import read_table

TABLE = {"a": [1, 2, None], "b": ["x", "y, z", None]}
LINES = b'a,b\n1,x\n2,"y, z"\n?,NA\n'


def read_lines(tmp_path, content: bytes, name: str = "t.csv", **how) -> pa.Table:
    (tmp_path / name).write_bytes(content)
    return read_table(tmp_path / name, **how)


@pytest.mark.parametrize(
    "content",
    [
        LINES,
        b"\xef\xbb\xbf" + LINES,
        LINES.replace(b"\n", b"\r\n"),
        gzip.compress(LINES, mtime=0),
        b'a\tb\n1\tx\n2\t"y, z"\n\t\n',
        b'a;b\n1;x\n2;"y, z"\nnull;nan\n',
        b'a , b\n1,x\n2,"y, z"\n,\n',
    ],
    ids=["csv", "byte order mark", "crlf", "gzip", "tabs", "semicolons", "spaces around names"],
)
def test_lines_of_cells_are_read_whatever_their_separator_and_packing(tmp_path, content):
    assert read_lines(tmp_path, content).to_pydict() == TABLE


def test_parquet_is_known_by_its_bytes_and_a_folder_is_one_table(tmp_path):
    table = pa.table(TABLE)
    (tmp_path / "year=2020").mkdir()
    pq.write_table(table, tmp_path / "strange.csv")
    pq.write_table(table, tmp_path / "year=2020" / "b.parquet")
    pq.write_table(table, tmp_path / "year=2020" / "a.parquet")
    assert read_table(tmp_path / "strange.csv").to_pydict() == TABLE
    assert read_table(tmp_path).num_rows == 6
    assert read_table(tmp_path).column("year").to_pylist() == [2020] * 6


def test_types_are_those_of_the_whole_file_and_text_can_be_asked_for(tmp_path):
    content = b"a,b\n" + b"1,2\n" * 1000 + b"x,2.5\n"
    assert [str(field.type) for field in read_lines(tmp_path, content).schema] == ["string", "double"]
    assert read_lines(tmp_path, b"zip\n007\n", text=["zip"]).to_pydict() == {"zip": ["007"]}


def test_numbers_whose_marks_are_in_doubt_are_left_as_text(tmp_path):
    assert read_lines(tmp_path, b"a;b\n1,5;x\n2;y\n").to_pydict() == {"a": ["1,5", "2"], "b": ["x", "y"]}
    assert read_lines(tmp_path, b"a;b\n1.250;0,5\n950;2,25\n").to_pydict()["a"] == ["1.250", "950"]
    assert read_lines(tmp_path, b"a,b\n1.250,0.5\n950,2.25\n").to_pydict()["a"] == [1.25, 950]
    assert read_lines(tmp_path, b"a\n63.0\n5.0\n").to_pydict()["a"] == [63, 5]
    assert read_lines(tmp_path, b"a\n1.250\n950\n", decimal=".").to_pydict()["a"] == [1.25, 950]
    assert read_lines(tmp_path, b"a,b\n1.250,0.5\n", decimal=",").to_pydict() == {"a": ["1.250"], "b": ["0.5"]}


def test_a_cell_in_quotes_may_hold_a_line_end(tmp_path):
    assert read_lines(tmp_path, b'a,b\n1,"x\ny"\n').to_pydict() == {"a": [1], "b": ["x\ny"]}


def test_columns_without_a_header_are_numbered(tmp_path):
    table = read_lines(tmp_path, b"1\t2\n3\t4\n", header=False)
    assert table.to_pydict() == {"column1": [1, 3], "column2": [2, 4]}


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", FileFormatError, "the file is empty; expected a line of column names"),
        (b"\n \n", FileFormatError, "the file holds blank lines alone"),
        (b"a,b\n", DataError, "there are no rows below the header"),
        (b"a,b\n1,2\n3\n", FileFormatError, "Row #3: Expected 2 columns, got 1: 3; give each row as many cells"),
        (b"a,a\n1,2\n", DataError, "two columns are named 'a'; rename one"),
        (b"1.5,2\n3,4\n", FileFormatError, "the first line holds numbers (1.5, 2), not names; say so with --no-header"),
        (b"\x89PNG\0\0\0", FileFormatError, "it holds bytes that no text has; expected CSV, TSV or Parquet"),
        (b"PAR1 and no more", FileFormatError, "not a table that can be read: Parquet magic bytes not found"),
        (
            gzip.compress(LINES * 100, mtime=0)[:-12],
            FileFormatError,
            "not a table that can be read: Truncated compressed stream",
        ),
    ],
)
def test_what_is_no_table_is_refused_and_named(tmp_path, content, error, message):
    with pytest.raises(error) as caught:
        read_lines(tmp_path, content)
    assert str(caught.value).startswith(f"{tmp_path / 't.csv'}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b'"', b"'", b",", b'""', b"\x1c\n", b'"a\nb"', b"\r", b";\n\t\n", b"\xff"])
def test_scraps_are_read_or_refused(tmp_path, content):
    with contextlib.suppress(DataError):
        assert read_lines(tmp_path, content).num_rows > 0


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_UNPACKED_BYTES", 1 << 25)
    with pytest.raises(DataError, match="unpacks to more than 32 MiB; unpack it first"):
        read_lines(tmp_path, gzip.compress(b"a\n" + b"1\n" * (1 << 25)))


def test_a_small_file_that_becomes_a_large_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_ALWAYS_ALLOWED_BYTES", 1 << 20)
    with pytest.raises(DataError, match="unpacks to more than 1 MiB; unpack it first"):
        read_lines(tmp_path, gzip.compress(b"a\n" + b"1\n" * (1 << 20)))
    pq.write_table(pa.table({"a": np.zeros(10**6)}), tmp_path / "a.parquet")
    with pytest.raises(
        DataError,
        match=r"a\.parquet: its cells are at least 7 MiB in memory, and 1 MiB are allowed for its size; give it in parts",
    ):
        read_table(tmp_path / "a.parquet")
    pq.write_table(pa.table({"a": np.random.default_rng(0).random(10**6)}), tmp_path / "b.parquet")
    assert read_table(tmp_path / "b.parquet").num_rows == 10**6


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(DataNotFoundError, match="no such file"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(DataNotFoundError, match=r"there is no \.parquet file in this folder"):
        read_table(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="another system's names")
def test_a_name_that_arrow_can_not_open_is_told(tmp_path):
    path = tmp_path / "a\udcff.csv"
    path.write_bytes(LINES)
    with pytest.raises(DataError, match="its name is not UTF-8 and can't be opened by Arrow; rename it"):
        read_table(path)
    with pytest.raises(DataError, match="its name is not UTF-8"):
        open_table(path, "a")
