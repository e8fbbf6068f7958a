"""Columns that number the rows are found in the table's own order; measurements, years and times are not taken for them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from twofold import TableEncoder
from twofold.tables import as_table, learn_table
from twofold.tables.problem import prepare
from twofold.tables.row_numbers import row_numbers
from twofold.tables.targets import infer_target

N = 300
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=N)

NUMBERINGS = {
    "from 0": np.arange(N),
    "from 1": np.arange(1, N + 1),
    "down to 0": np.arange(N)[::-1],
    "any start": 1000 + np.arange(N),
    "any step": 13 + 7 * np.arange(N),
    "below 0": np.arange(N) - 150,
    "bytes": np.arange(100, dtype=np.int8),
    "beyond signed integers": np.arange(N, dtype=np.uint64) + np.uint64(2**63),
    "doubles": np.arange(N) * 1.0,
    "shuffled": RNG.permutation(N) + 1,
    "shuffled, a few": RNG.permutation(25),
    "shuffled, with holes": RNG.permutation(2 * N)[:N] + 5000,
    "an index of rows that were filtered": np.flatnonzero(RNG.random(3 * N) < 0.3),
    "names": [f"id_{k:04}" for k in range(N)],
    "names without leading zeros": [f"sample {k}" for k in range(N)],
    "digits as text": [str(k) for k in range(N)],
    "a few rows twice": np.sort([*range(N), *range(0, N, 20)]),
    "a few put in between": np.sort([*range(N), *(np.arange(30, N, 30) + 0.5)]),
    "gaps": [None if k % 9 == 0 else k for k in range(N)],
}  # fmt: skip

MEASUREMENTS = {
    "linspace": np.linspace(0, 1, N),
    "halves": np.arange(N) / 2,
    "degrees": np.arange(0, 105, 5),
    "doses": np.array([1.0, 2.0, 3.0, 4.0]),
    "prices": np.arange(7, 7 + 53 * 40, 53),
    "distinct": RNG.permutation(10_000)[:N],
    "sorted": np.sort(RNG.integers(0, 200, N)),
    "rounded": NOISE.round(),
    "hours again and again": np.arange(N) % 24,
    "years": 1900 + np.arange(120),
    "year": 1700 + np.arange(N),
    "hourly": 1_388_534_400 + 3600 * np.arange(N),
    "days": [str(dt.date(2020, 1, 1 + k)) for k in range(31)],
    "dates": pd.date_range("2020-01-01", periods=N),
    "durations": pd.to_timedelta(np.arange(N), unit="s"),
    "one in two": ["a1", "b2"] * 100,
    "booleans": [True, False] * 100,
}


@pytest.mark.parametrize("what", NUMBERINGS)
def test_a_column_that_numbers_the_rows_is_found_whatever_its_name(what):
    assert row_numbers(as_table({"a": NUMBERINGS[what]})) == {"a": "it numbers the rows"}


@pytest.mark.parametrize("what", MEASUREMENTS)
def test_what_is_measured_or_a_time_does_not_number_the_rows(what):
    assert row_numbers(as_table({what: MEASUREMENTS[what]})) == {}


def test_an_index_that_begins_again_is_known_by_its_name():
    again = np.concatenate([np.arange(60), np.arange(70), np.arange(80)])
    names = ["Unnamed: 0", "", "index", "__index_level_0__"]
    table = as_table(dict.fromkeys([*names, "a"], again))
    assert list(row_numbers(table)) == names


def test_a_column_whose_kind_is_said_is_not_looked_at():
    table = as_table({"a": np.arange(N)})
    assert row_numbers(table, {"a": "number"}) == {}


def frames():
    columns = {"a": 500 + np.arange(N), "x": NOISE}
    return [columns, pd.DataFrame(columns), pd.DataFrame(columns).sample(150, random_state=0), pa.table(columns)]


@pytest.mark.parametrize("frame", frames(), ids=["mapping", "pandas", "half of it, shuffled", "arrow"])
def test_the_encoder_leaves_it_out_and_keeps_it_if_its_kind_is_said(frame):
    assert TableEncoder().fit(frame).left_out_ == {"a": "it numbers the rows"}
    assert TableEncoder(kinds={"a": "number"}).fit(frame).left_out_ == {}


def test_the_only_column_is_learned_even_so():
    assert learn_table(as_table({"x": list(range(20))})).features == ("x",)


def test_the_rows_order_is_looked_at_before_they_are_drawn():
    """A step of 7 from row to row of 44 is no step of any 35 of them."""
    table = as_table({"a": 13 + 7 * np.arange(44), "x": NOISE[:44], "y": ["b", "c"] * 22})
    target = infer_target("y", table.column("y"))
    prepared = prepare(table, target, ["a", "x"], test_fraction=0.2)
    assert prepared.plan.left_out == {"a": "it numbers the rows"}
