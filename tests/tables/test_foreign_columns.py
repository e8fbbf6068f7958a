"""Columns of every type that pandas, polars, Arrow and NumPy have: used as declared, or refused in one line by name."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_array

from twofold import TableEncoder
from twofold.errors import DataError, FileFormatError, TwofoldError
from twofold.tables import as_table
from twofold.tables.frames import check_unique
from twofold.tables.python_columns import take_column
from twofold.tables.reading import read_table
from twofold.tables.targets import infer_target

N = 40
CODES = np.arange(N) % 3
NUMBERS = np.random.default_rng(0).standard_normal(N)
STAMPS = pd.date_range("2020-01-01", periods=N, freq="7h")
DAYS = [dt.date(2020, 1, 1) + dt.timedelta(k) for k in range(N)]
DECIMALS = [decimal.Decimal(f"{number:.3f}") for number in NUMBERS]
DICTIONARY = pa.array(CODES).dictionary_encode()
PAIR = pa.array([0, 1] * (N // 2), pa.int8())


def series(values, dtype):
    return pl.Series(values, dtype=dtype)


def views():
    return pa.array(["a", "b"] * (N // 2)).cast(pa.string_view())


def made(make):
    """Make a column, unless an older library has no such type."""
    try:
        return make()
    except (AttributeError, NotImplementedError) as error:
        pytest.skip(f"no such type in this version: {error}")


# Each column, and the kind that it becomes; "" if it is left out.
COLUMNS = {
    "pandas categories of whole numbers": (lambda: pd.Series(pd.Categorical(CODES)), "category"),
    "pandas categories of floats": (lambda: pd.Series(pd.Categorical(CODES / 2)), "category"),
    "pandas categories of dates": (lambda: pd.Series(pd.Categorical(STAMPS[CODES])), "category"),
    "pandas categories of tuples": (lambda: pd.Series(pd.Categorical(pd.Series([(1, 2), (3, 4), (5, 6)])[CODES])), ""),
    "pandas categorical, not in a series": (lambda: pd.Categorical(CODES), "category"),
    "pandas cut": (lambda: pd.cut(pd.Series(NUMBERS), 4), "category"),
    "pandas intervals": (lambda: pd.Series(pd.arrays.IntervalArray.from_breaks(range(4)))[CODES], "category"),
    "pandas periods": (lambda: pd.Series(pd.period_range("2020-01", periods=N, freq="M")), "date"),
    "pandas sparse": (lambda: pd.Series(pd.arrays.SparseArray(NUMBERS)), "number"),
    "pandas nullable": (lambda: pd.Series(NUMBERS, dtype="Float64"), "number"),
    "pandas time spans": (lambda: pd.Series(pd.to_timedelta(NUMBERS, unit="h")), "number"),
    "pandas Arrow dictionary": (lambda: pd.Series(pd.arrays.ArrowExtensionArray(DICTIONARY)), "category"),
    "polars Int128": (lambda: series(CODES.tolist(), pl.Int128), "number"),
    "polars Decimal": (lambda: series(DECIMALS, pl.Decimal(10, 3)), "number"),
    "polars List": (lambda: series([[1, 2]] * N, pl.List(pl.Int64)), ""),
    "polars Struct": (lambda: pl.Series([{"a": 1}] * N), ""),
    "polars Enum": (lambda: series(["a", "b"] * (N // 2), pl.Enum(["a", "b"])), "category"),
    "polars Duration": (lambda: pl.Series([dt.timedelta(hours=number) for number in NUMBERS]), "number"),
    "polars Time": (lambda: pl.Series([dt.time(int(code)) for code in CODES]), "date"),
    "polars Null": (lambda: series([None] * N, pl.Null), ""),
    "Arrow string_view": (views, "category"),
    "Arrow dictionary of string_view": (lambda: pa.DictionaryArray.from_arrays(PAIR, views()[:2]), "category"),
    "Arrow dictionary of whole numbers": (lambda: DICTIONARY, "category"),
    "Arrow dictionary of bytes": (lambda: pa.array([b"a", b"\xff"] * (N // 2)).dictionary_encode(), ""),
    "Arrow bytes that are text": (lambda: pa.array([b"a", b"b"] * (N // 2)), "category"),
    "Arrow bytes that are none": (lambda: pa.array([b"a", b"\xff"] * (N // 2)), ""),
    "Arrow half floats": (lambda: pa.array(NUMBERS.astype(np.float16)), "number"),
    "Arrow durations in ns": (lambda: pa.array((NUMBERS * 1e9).astype(np.int64), pa.duration("ns")), "number"),
    "Arrow durations in s, very long": (lambda: pa.array([2**60, 1] * (N // 2), pa.duration("s")), "number"),
    "Arrow times in ns": (lambda: pa.array(CODES * 10**12 + 1, pa.time64("ns")), "date"),
    "Arrow runs": (lambda: pa.RunEndEncodedArray.from_arrays([10, N], ["a", "b"]), "category"),
    "Arrow unions": (lambda: pa.UnionArray.from_sparse(PAIR, [pa.array(range(N)), pa.array(["a"] * N)]), ""),
    "Arrow uuid": (
        lambda: pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16), b"a" * 16] * (N // 2), pa.binary(16))),
        "category",
    ),
    "NumPy strings of bytes": (lambda: CODES.astype("S1"), "number"),
    "NumPy long doubles": (lambda: NUMBERS.astype(np.longdouble), "number"),
    "NumPy float16": (lambda: NUMBERS.astype(np.float16), "number"),
    "NumPy hours": (lambda: STAMPS.values.astype("datetime64[h]"), "date"),
    "NumPy years": (lambda: np.datetime64("2000") + np.arange(N) * np.timedelta64(1, "Y"), "date"),
    "NumPy stretches of days": (lambda: CODES.astype("timedelta64[D]"), "number"),
    "dates of Python's": (lambda: DAYS, "date"),
    "fractions": (lambda: [fractions.Fraction(int(code), 3) for code in CODES], "number"),
    "whole numbers of 30 digits": (lambda: [10**30 + k for k in range(N)], ""),
    "int64 beyond 2**53": (lambda: 2**53 + 1 + 2 * np.arange(N), ""),
    "a buffer": (lambda: memoryview(NUMBERS), "number"),
}
REFUSED = {
    "complex numbers": lambda: NUMBERS + 1j,
    "objects that are complex": lambda: (NUMBERS + 1j).astype(object),
    "objects of no kind": lambda: [object()] * N,
    "half of a character": lambda: ["a\ud800"] * N,
    "bytes that should be UTF-8": lambda: pa.Array.from_buffers(
        pa.string(), N, [None, pa.array(range(N + 1), pa.int32()).buffers()[1], pa.py_buffer(b"\xff" * N)]
    ),
    "a time out of range": lambda: pa.array([2**60] * N, pa.timestamp("s")),
    "a time zone that is not known": lambda: pa.array([1, 2] * (N // 2), pa.timestamp("s", "Nowhere/Here")),
    "an infinite decimal": lambda: [decimal.Decimal("Infinity"), decimal.Decimal(1)] * (N // 2),
    "whole numbers of 400 digits": lambda: [10**400] * N,
    "whole numbers of 5000 digits": lambda: [10**5000] * N,
    "a whole number that no double is, beside a fraction": lambda: [2**60 + 1, 0.5] * (N // 2),
    "one number": lambda: 3.0,
    "an array without dimension": lambda: np.array(3.0),
    "two dimensions": lambda: np.zeros((N, 1)),
    "three dimensions": lambda: np.zeros((N, 1, 1)),
    "a data frame": lambda: pd.DataFrame({"a": NUMBERS}),
    "a sparse matrix": lambda: csr_array(np.zeros((N, 1))),
    "a text": lambda: "a" * N,
    "nothing": lambda: None,
    "a set, which has no order": lambda: set(range(N)),
    "a dict": lambda: {"a": 1},
    "structures": lambda: np.zeros(N, dtype=[("a", int), ("b", float)]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_any_type_becomes_what_it_was_declared_to_be(name):
    make, kind = COLUMNS[name]
    column = made(make)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder = TableEncoder().fit({"c": column, "z": NUMBERS})
        assert np.isfinite(encoder.transform({"c": column, "z": NUMBERS})).all()
    assert [plan.kind for plan in encoder.plan_.plans] == ([kind, "number"] if kind else ["number"])
    assert ("c" in encoder.left_out_) == (not kind)


@pytest.mark.parametrize("name", [name for name in COLUMNS if name.split()[0] in ("pandas", "polars", "Arrow")])
def test_a_frame_gives_the_same_as_its_columns(name):
    column = made(COLUMNS[name][0])
    if name.startswith("pandas"):
        frame = pd.DataFrame({"c": getattr(column, "array", column), "z": NUMBERS})
    elif name.startswith("polars"):
        frame = pl.DataFrame({"c": column, "z": pl.Series(NUMBERS)})
    else:
        frame = pa.table({"c": column, "z": pa.array(NUMBERS)})
    expected = TableEncoder().fit_transform({"c": column, "z": NUMBERS})
    np.testing.assert_array_equal(TableEncoder().fit_transform(frame), expected)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_column_is_refused_in_one_line_that_names_it(name):
    with pytest.raises(DataError, match="column 'c'") as caught:
        TableEncoder().fit({"c": REFUSED[name](), "z": NUMBERS})
    assert "\n" not in str(caught.value)


def test_masked_cells_are_gaps_in_a_column_and_in_an_array():
    mask = CODES == 0
    gaps = np.where(mask, np.nan, NUMBERS)
    expected = TableEncoder().fit_transform({"x0": gaps, "x1": NUMBERS})
    masked = np.ma.masked_array(NUMBERS, mask)
    np.testing.assert_array_equal(TableEncoder().fit_transform({"x0": masked, "x1": NUMBERS}), expected)
    both = np.ma.masked_array(np.c_[NUMBERS, NUMBERS], np.c_[mask, np.zeros(N, bool)])
    np.testing.assert_array_equal(TableEncoder().fit_transform(both), expected)


def test_records_are_rows_and_their_missing_entries_gaps():
    rows = [{"city": "Rome", "area": 30}, {"city": "Bonn"}, {"area": 41, "city": "Rome"}, {}]
    columns = {"city": ["Rome", "Bonn", "Rome", None], "area": [30, None, 41, None]}
    np.testing.assert_array_equal(TableEncoder().fit_transform(rows), TableEncoder().fit_transform(columns))


def test_rows_of_several_kinds_of_cells_keep_their_numbers_and_gaps():
    rows = [["Rome", 3.5], ["Bonn", float("nan")], [None, 4], ["Rome", 1.0]]
    columns = {"x0": ["Rome", "Bonn", None, "Rome"], "x1": [3.5, None, 4, 1.0]}
    np.testing.assert_array_equal(TableEncoder().fit_transform(rows), TableEncoder().fit_transform(columns))


def test_a_series_is_a_table_of_one_column():
    expected = TableEncoder().fit_transform({"area": NUMBERS})
    for column in (pd.Series(NUMBERS, name="area"), pl.Series("area", NUMBERS), pa.array(NUMBERS)):
        np.testing.assert_array_equal(TableEncoder().fit_transform(column), expected)


def test_categories_of_whole_numbers_are_classes_to_predict():
    grades = as_table({"grade": pa.array(np.arange(90) % 30).dictionary_encode()}).column("grade")
    target = infer_target("grade", grades)
    assert (target.task, len(target.classes)) == ("classification", 30)


def test_a_whole_number_that_no_double_is_is_refused_with_its_row():
    encoder = TableEncoder().fit({"c": np.arange(N) ** 2, "z": NUMBERS})
    with pytest.raises(DataError, match=r"^column 'c', row 1 .* is 9007199254740993; no double holds it exactly"):
        encoder.transform({"c": [2**60, 2**53 + 1], "z": [0.0, 1.0]})


def test_a_parquet_file_has_the_same_types_as_its_frame(tmp_path):
    frame = pd.DataFrame({"grade": pd.Categorical(CODES), "word": [b"a", b"b"] * (N // 2)})
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    assert [plan.kind for plan in TableEncoder().fit(read).plan_.plans] == ["category", "category"]
    pq.write_table(pa.table({"c": REFUSED["bytes that should be UTF-8"]()}), tmp_path / "bad.parquet")
    with pytest.raises(FileFormatError, match=r"bad.parquet: column 'c' holds bytes that are not UTF-8"):
        read_table(tmp_path / "bad.parquet")


def test_names_of_a_million_columns_are_compared_in_a_moment():
    with pytest.raises(TwofoldError, match="two columns are named 'x0'"):
        check_unique([f"x{k % 500_000}" for k in range(1_000_000)])


def test_whole_numbers_beside_dates_are_no_days():
    """Arrow counts them from 1970, in silence."""
    column = take_column("a", [None, dt.date(2000, 1, 1), 5])
    assert column.to_pylist() == [None, "2000-01-01", "5"]
    beside = take_column("a", pd.Series([dt.date(2000, 1, 1), 5], dtype=object))
    assert beside.to_pylist() == ["2000-01-01", "5"]
    assert pa.types.is_temporal(take_column("a", [None, dt.date(2000, 1, 1)]).type)
