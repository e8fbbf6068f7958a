"""Tables in blocks: whatever the block size, the rows, types, remarks and errors of the table read whole."""

from __future__ import annotations

import csv as words
import gzip
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from twofold.errors import TwofoldError
from twofold.tables import blocks, reading
from twofold.tables.blocks import open_blocks
from twofold.tables.frames import as_table
from twofold.tables.reading import read_table, without_empty_rows
from twofold.tables.table_plan import TableCoding, learn_table

ROWS = "\n".join(f"{k},{k / 4},{'xyz'[k % 3]},{k % 2},2020-01-{k + 1:02}" for k in range(25)) + "\n"
HEAD = "n,x,c,b,d\n"
LATE = "1,2,3,4,5\n" * 30
CONTENTS = {
    "five kinds": HEAD + ROWS,
    "whole numbers, then fractions": HEAD + LATE + "1,2.5,3,4,5\n" + LATE,
    "whole numbers, then words": HEAD + LATE + '1,2,"say ""x"", y",4,5\n' + LATE,
    "whole numbers, then truth values": HEAD + "1,0,1,0,1\n" * 30 + "true,0,false,true,1\n",
    "nothing, then numbers": HEAD + ",,,,\n" * 30 + "1,2.5,2020-01-01,x,10:00:00\n",
    "dates, then times, then zones": HEAD + ROWS + "1,1,1,1,2020-01-01 10:00:00.5\n1,1,1,1,2020-01-01T10:00:00Z\n",
    "times with zones": HEAD + "1,1,1,1,2020-01-01T10:00:00Z\n" * 9 + "1,1,1,1,2020-01-01T10:00:00+02:00\n" * 9,
    "times with zones, then others": HEAD + "1,1,1,1,2020-01-01T10:00:00Z\n" * 9 + "1,1,1,1,2020-01-01\n" * 9,
    "times with zones, and fractions": HEAD + "1,1,1,1,2020-01-01T10:00:00Z\n" * 9 + "1,1,1,1,2020-01-01T10:00:00.5Z\n",
    "points that may be marks, and what is no number": "a,b\n1.250,inf\n2.100,nan\n" + "1.250,950\n" * 20,
    "too large for 64 bits": HEAD + LATE + "99999999999999999999,1,1,1,1\n",
    "points that may be marks of thousands": "a,b\n" + "1.250,950\n2.100,3.400\n" * 20,
    "points that may be marks, and one that can't": "a,b\n" + "1.250,950\n2.100,3.400\n" * 20 + "5.0,1\n",
    "a column without a name": ",a,\n" + "1,2,\n" * 20,
    "a column without a name, and a late value": ",a,\n" + "1,2,\n" * 20 + "1,2,x\n",
    "names once more": "a,b\n" + ("x,y\n" * 10 + "a,b\n") * 3,
    "names once more, and numbers": "a,b\n" + ("1,y\n" * 10 + "a,b\n") * 3,
    "empty rows at the end": HEAD + ROWS + ",,,,\n" * 9,
    "empty rows in between": HEAD + ROWS + ",,,,\n" * 9 + ROWS + ",,,,\n",
    "no rows": HEAD,
    "names, and the names once more": "a,b\na,b\n",
    "a row too long": HEAD + ROWS + "1,2,3,4,5,6\n" + ROWS,
    "a row too short": HEAD + ROWS + "1,2\n" + ROWS,
    "line breaks in cells": 'a,b\n"x\ny",1\n"z",2\n' * 5,
    "one column": "a\n" + "1\n" * 9 + "x\n",
    "semicolons and decimal commas": "a;b\n" + "1,5;2\n3,25;x\n" * 9,
    "mixed gaps": "a,b\nNA,?\n1,2\nnull,\n",
    "infinite": "a,b\n1,2\n-inf,3\n",
    "a long row": HEAD + ROWS + f"1,2,{'x' * 5000},3,4\n" + ROWS,
    "one row": "a,b\n1,x\n",
}


def whole(path, **how):
    said = []
    try:
        table = without_empty_rows(read_table(path, numbers=None, say=said.append, **how), said.append)
        return table, said
    except TwofoldError as error:
        return str(error), said


def in_blocks(path, rows, **how):
    said, found = [], []
    try:
        with open_blocks(path, say=said.append, **how) as table:
            found = list(table.read(rows, said.append))
        assert [len(block) for block in found[:-1]] == [rows] * (len(found) - 1)
        assert table.names == found[0].column_names
        return pa.concat_tables(found), said
    except TwofoldError as error:
        return str(error), said


def assert_same(path, rows, **how):
    (expected, said), (found, told) = whole(path, **how), in_blocks(path, rows, **how)
    assert told == said
    if isinstance(expected, str):
        assert found == expected
    else:
        assert found.schema.equals(expected.schema, check_metadata=True)
        assert repr(found.to_pylist()) == repr(expected.to_pylist())  # NaN beside NaN


@pytest.mark.parametrize("rows", [1, 7, 1000])
@pytest.mark.parametrize("content", CONTENTS)
def test_lines_in_blocks_are_the_table(tmp_path, monkeypatch, content, rows):
    path = tmp_path / "a.csv"
    path.write_text(CONTENTS[content])
    for size in (64, 1 << 20):  # bytes that are parsed at a time
        monkeypatch.setattr(blocks, "FEW_BYTES", size)
        assert_same(path, rows)
        assert_same(path, rows, text=["a", "c"])
    assert_same(path, rows, header=False)


RANDOM_CELLS = [
    *(
        "",
        "1",
        "2",
        "-3",
        "1.5",
        "1e400",
        "NA",
        "?",
        "x",
        "yes",
        "true",
        "false",
        "0",
        "01",
        "2020-01-01",
        "10:30",
        "5.",
    ),
    *(
        "2020-01-01 10:00",
        "10:30:15",
        "2020-01-01T00:00:00Z",
        "nan",
        "inf",
        "-inf",
        "1.250",
        "1,5",
        'a"b',
        '"q"',
        "a,b",
    ),
    *(
        "line\nbreak",
        " 1",
        "1 ",
        "é",
        "9223372036854775808",
        "9" * 23,
        "1:2:3",
        "+5",
        "TRUE",
        "null",
        "\t",
        "'",
        "a" * 300,
    ),
]


@pytest.mark.parametrize("seed", range(60))
def test_random_lines_in_blocks_are_the_table(tmp_path, monkeypatch, seed):
    draw = random.Random(seed)  # noqa: S311 - no secret
    columns, rows = draw.randint(1, 5), draw.randint(1, 40)
    pools = [draw.sample(RANDOM_CELLS, draw.randint(1, 4)) for _ in range(columns)]
    cells = [[draw.choice(pool) for pool in pools] for _ in range(rows)]
    for place in range(rows * 4 // 5, rows):  # something that was not there before
        cells[place][draw.randrange(columns)] = draw.choice(RANDOM_CELLS)
    names = [f"c{k}" if draw.random() < 0.9 else "" for k in range(columns)]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = words.writer(file, delimiter=draw.choice(",;\t|"))
        writer.writerows([names, *cells, ["1"] * columns, *draw.choice([[], [[""] * columns] * 3])])
    monkeypatch.setattr(blocks, "FEW_BYTES", draw.choice([64, 200, 1 << 20]))
    assert_same(tmp_path / "a.csv", draw.choice([1, 3, 7, 1000]), header=True, decimal=draw.choice([None, ".", ","]))


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress((HEAD + ROWS).encode()),
        b"\xef\xbb\xbf" + (HEAD + ROWS).encode(),
        (HEAD + ROWS).encode("utf-16"),
        (HEAD + ROWS.replace("x", "ü")).encode("cp1252"),
        gzip.compress((HEAD + ROWS.replace("x", "ü")).encode("cp1252")),
        b"\n\n" + (HEAD + ROWS).replace("\n", "\r\n").encode(),
        b"a,b\n\0,1\n",
        b"",
        b"\n\n",
        gzip.compress(b"a,b\n1,2\n")[:-9],
    ],
    ids=["gzip", "mark", "utf-16", "cp1252", "gzip of cp1252", "blank lines", "NUL", "empty", "blank", "cut off"],
)
def test_bytes_in_blocks_are_the_table(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    assert_same(tmp_path / "a.csv", 3)


def parquet_columns():
    n = 30
    return {
        "n": range(n),
        "x": [None, 0.5, np.nan] * 10,
        "c": pa.array(["u", None, "v"] * 10).dictionary_encode(),
        "l": [[1], None, [2, 3]] * 10,
        "t": pa.array([b"yes"] * n, pa.binary()),
        "raw": pa.array([b"yes"] * (n - 1) + [b"\xff"], pa.binary()),
        "when": pa.array([0, None, 86400] * 10, pa.timestamp("s")),
        "g": pa.array([3, 1, 3] * 10).dictionary_encode(),
    }


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_parquet_in_blocks_is_the_table(tmp_path, rows):
    table = pa.table(parquet_columns())
    empty = table.slice(0, 4).filter(pa.array([False] * 4))
    end = pa.table([pa.nulls(5, field.type) for field in table.schema], names=table.column_names)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=4)
    assert_same(tmp_path / "a.parquet", rows)
    (tmp_path / "part=1").mkdir()
    (tmp_path / "part=2").mkdir()
    pq.write_table(pa.concat_tables([table, end]), tmp_path / "part=1" / "b.parquet", row_group_size=4)
    assert_same(tmp_path / "part=1" / "b.parquet", rows)
    pq.write_table(empty, tmp_path / "part=2" / "c.parquet")
    assert_same(tmp_path / "part=2" / "c.parquet", rows)
    assert_same(tmp_path, rows)


def test_a_table_of_empty_rows_alone_has_none(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n" + ",\n" * 9)
    assert in_blocks(tmp_path / "a.csv", 4)[0].endswith("there are no rows below the header; give a table with rows")


def test_an_error_of_whoever_reads_stays_what_it_is(tmp_path):
    (tmp_path / "a.csv").write_text(HEAD + ROWS)
    with pytest.raises(OSError, match="disk full"), open_blocks(tmp_path / "a.csv"):
        raise OSError("disk full")


CELLS = {
    "number": (["1.5", "2", "30", "x"] * 5, ["7", "x", "y", "8", "9", "1e3"] * 3),
    "unit": (["1 kg", "2 kg", "30 kg"] * 5, ["5 lb", "5 lb", *["7 kg"] * 9]),
    "truth": (["yes", "no"] * 8, ["maybe", "maybe", *["yes", None] * 6]),
    "date": (["2020-01-05", "2021-07-01"] * 8, ["a", "b", *["2022-01-01"] * 9]),
    "name": (["r", "g", "b", "unknown"] * 5, ["q", "r", "g", None] * 4),
    "float": ([1.0, 2.5, 1e16] * 5, [3.0, 1e16, np.nan, 0.25] * 3),
}


@pytest.mark.parametrize("rows", [1, 3, 5, 1000])
@pytest.mark.parametrize("cells", CELLS)
def test_features_and_notes_do_not_depend_on_the_blocks(cells, rows):
    learned, new = (as_table({"a": values, "z": range(len(values))}) for values in CELLS[cells])
    plan = learn_table(learned, kinds={"z": "number"} | ({"a": "category"} if cells == "float" else {}))
    X, notes = plan.encode(new, "float32")
    coding = TableCoding(plan)
    parts = [coding.encode(new.slice(start, rows), "float32") for start in range(0, len(new), rows)]
    np.testing.assert_array_equal(np.vstack(parts), X)
    assert coding.finish() == notes


@pytest.mark.parametrize(
    ("cells", "new"),
    [
        ("unit", ["1 kg"] * 3 + ["x", "y", "z", "w"]),
        ("unit", ["5 lb"] * 6 + ["7 kg"] * 5),
        ("truth", ["yes"] * 3 + ["maybe"] * 4),
        ("date", ["2020-01-05"] * 3 + ["x"] * 4),
        ("float", [1.0, 2.0, np.inf]),
        ("float", [1, 2, 2**53 + 1]),
    ],
)
def test_what_a_column_can_not_hold_is_told_of_the_whole_in_the_same_words(cells, new):
    plan = learn_table(as_table({"a": CELLS[cells][0], "z": range(len(CELLS[cells][0]))}), kinds={"z": "number"})
    assert "a" in plan.columns
    table = as_table({"a": new if isinstance(new[-1], str) else pa.array(new), "z": range(len(new))})
    with pytest.raises(TwofoldError) as expected:
        plan.encode(table)
    coding = TableCoding(plan)

    def in_blocks_of_two():
        for start in range(0, len(new), 2):
            coding.encode(table.slice(start, 2), "float64")
        coding.finish()

    with pytest.raises(TwofoldError) as found:
        in_blocks_of_two()
    assert str(found.value) == str(expected.value)


def test_a_packed_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_ALWAYS_ALLOWED_BYTES", 1 << 10)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000))
    assert_same(tmp_path / "a.csv.gz", 10)
