"""Plans learned from summaries of pieces: the same for any pieces, and those of the whole table."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twofold.errors import DataError
from twofold.tables import Choices, as_table, column_summary, learn_table, number_counts, table_summary
from twofold.tables.forms import Forms
from twofold.tables.number_counts import MAX_BUCKETS, NumberCounts, keys_of, numbers_of
from twofold.tables.table_summary import TOO_MANY, TableSummary

CELLS = {
    "amount": lambda random, n: np.where(random.random(n) < 0.3, 0.0, random.lognormal(5, 3, n)),
    "ratio": lambda random, n: random.normal(1e6, 1.0, n),
    "rooms": lambda random, n: random.integers(1, 6, n),
    "flag": lambda random, n: random.random(n) < 0.4,
    "city": lambda random, n: random.choice(["Rome", "Bonn", "Oslo", "Nice", " Rome"], n, p=[0.5, 0.3, 0.1, 0.05, 0.05]),
    "price": lambda random, n: [f"{euros:,.2f} €" for euros in random.uniform(1, 2000, n)],
    "day": lambda random, n: [str(datetime.date(2020, 1, 1) + datetime.timedelta(int(k))) for k in random.integers(0, 500, n)],
    "seen": lambda random, n: np.datetime64("2024-01-01T00:00:00", "us") + random.integers(0, 10**12, n),
    "code": lambda random, n: random.permutation(n) + 1,
    "same": lambda random, n: np.ones(n),
    "grade": lambda random, n: pa.array(random.choice(["a", "b"], n)).dictionary_encode(),
    "nothing": lambda random, n: [None] * n,
    "answer": lambda random, n: random.choice(["yes", "no"], n),
}  # fmt: skip


def table(seed, n, columns=tuple(CELLS)):
    random, cells = np.random.default_rng(seed), {}
    for name in columns:
        column = pa.array(CELLS[name](random, n))
        gaps = random.random(n) < random.choice([0.0, 0.2])
        cells[name] = pa.chunked_array([column.filter(pa.array(~gaps)), pa.nulls(int(gaps.sum()), column.type)])
        cells[name] = cells[name].combine_chunks().take(pa.array(random.permutation(n)))
    return as_table(pa.table(cells))


def dealt(whole, seed, hands):
    """The rows dealt to pieces at random; one of them may be empty."""
    random = np.random.default_rng(seed)
    places = random.integers(0, hands, whole.num_rows)
    return [whole.take(random.permutation(np.flatnonzero(places == hand))) for hand in range(hands)]


def folded(pieces, seed):
    """Summaries merged over some tree, in some order."""
    random = np.random.default_rng(seed)
    found = [TableSummary.of(piece) for piece in pieces]
    while len(found) > 1:
        count = int(random.integers(2, len(found) + 1))
        chosen = set(random.choice(len(found), count, replace=False).tolist())
        some = [piece for place, piece in enumerate(found) if place in chosen]
        found = [piece for place, piece in enumerate(found) if place not in chosen] + [TableSummary.merged(some)]
    return found[0]


def close(found, expected):
    """Compare plans as JSON, numbers to the last digits."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for name, value in expected.items():
            close(found[name], value)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for value, other in zip(found, expected, strict=True):
            close(value, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-13, abs=1e-290)
    else:
        assert found == expected


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(20, 300), st.integers(1, 7), st.booleans())
def test_the_plan_is_that_of_the_whole_table_for_any_pieces(seed, n, hands, pieces):
    whole = table(seed, n)
    choices = Choices(pieces=8 if pieces else 0)
    plan, _ = folded(dealt(whole, seed, hands), seed).learn(choices)
    other, _ = TableSummary.of(whole).learn(choices)
    assert plan.to_dict() == other.to_dict()  # to the last bit
    close(plan.to_dict(), learn_table(whole, choices).to_dict())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_more_different_numbers_and_rows_than_are_kept_give_one_plan_too(seed, hands):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(number_counts, "MAX_BUCKETS", 64)
        patch.setattr(table_summary, "MAX_ROWS", 256)
        whole = table(seed, 600, ("amount", "ratio", "rooms", "flag", "city", "seen"))
        plan, _ = folded(dealt(whole, seed, hands), seed).learn()
        assert plan.to_dict() == TableSummary.of(whole).learn()[0].to_dict()
        straight = learn_table(whole)
    assert plan.left_out == straight.left_out
    assert plan.features == straight.features
    for found, exact in zip(plan.plans, straight.plans, strict=True):
        if found.kind == "number":
            assert (found.low, found.high) == (exact.low, exact.high)
            assert (found.bend is None) == (exact.bend is None)
            assert found.scale == pytest.approx(exact.scale, rel=0.2)
            assert abs(found.center - exact.center) < 0.2 * exact.scale


def test_more_row_numbers_than_are_kept_are_still_seen(monkeypatch):
    monkeypatch.setattr(number_counts, "MAX_BUCKETS", 64)
    random = np.random.default_rng(0)
    cells = {
        "entry": random.permutation(500),
        "shop_id": 3 * random.permutation(500),
        "year": 1800 + np.arange(500) % 300,
    }
    cells |= {"twice": random.permutation(500) // 2, "area": random.normal(size=500)}
    whole = as_table(cells)
    plan, _ = folded(dealt(whole, 0, 4), 0).learn()
    assert plan.left_out == learn_table(whole).left_out == {"entry": "it numbers the rows", "shop_id": plan.left_out["shop_id"]}  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False), max_size=60), st.integers(1, 20), st.integers(0, 1000))
def test_numbers_merge_to_what_all_at_once_give(values, most, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(number_counts, "MAX_BUCKETS", max(most, 2))
        keys = keys_of(np.array(values, dtype=np.float64))
        whole = NumberCounts.of(keys)
        random = np.random.default_rng(seed)
        parts = np.array_split(random.permutation(keys), int(random.integers(1, 6)))
        merged = NumberCounts.merged([NumberCounts.of(part) for part in parts])
        assert len(whole.low) <= max(most, 2)
        assert whole.total == len(values)
        for name in ("low", "high", "counts"):
            assert getattr(whole, name).tolist() == getattr(merged, name).tolist()


def test_a_bucket_is_narrow_and_quantiles_are_close():
    values = np.random.default_rng(0).normal(1e9, 1.0, 300_000)
    counts = NumberCounts.of(keys_of(values))
    assert len(counts.low) <= MAX_BUCKETS
    width = numbers_of(counts.high) - numbers_of(counts.low)
    assert width.max() < 1e-4 * np.ptp(values)
    column = pa.chunked_array([values])
    cells = np.sort(column_summary.ColumnSummary.of("x", column).cells(1 << 20).to_numpy())
    assert np.abs(cells - np.sort(values)).max() < 1e-4 * np.ptp(values)


def test_a_column_of_many_different_texts_is_left_out_with_the_reason(monkeypatch):
    monkeypatch.setattr(column_summary, "MAX_TEXTS", 5)
    few, many = (as_table({"name": [f"{letter}{k % 7}" for k in range(n)], "x": np.arange(n) ** 0.5}) for letter, n in (("a", 4), ("b", 40)))  # fmt: skip
    summary = TableSummary.merged([TableSummary.of(few), TableSummary.of(many), TableSummary.of(few)])
    plan, _ = summary.learn()
    assert plan.left_out == {"name": TOO_MANY}
    with pytest.raises(DataError, match="column 'name' can't be a category: more than"):
        summary.learn(kinds={"name": "category"})


def learned(*pieces, **how):
    return TableSummary.merged([TableSummary.of(as_table(piece)) for piece in pieces]).learn(**how)[0]


def test_pieces_may_differ_in_type():
    area = [30.0, 41.5, 52.0, 60.0, 33.0, 47.0]
    whole = learned({"area": area, "city": ["Rome", "Bonn", "Rome", None, None, None]})
    mixed = learned(
        {"area": pa.array([30], pa.int8()), "city": ["Rome"]},
        {"area": pa.array([41.5, 52.0], pa.float32()), "city": pa.array(["Bonn", "Rome"]).dictionary_encode()},
        {"area": [60.0, 33.0, 47.0], "city": [None, None, None]},
        {"area": [], "city": []},
    )
    assert mixed.to_dict() == whole.to_dict()


def test_whole_numbers_beyond_int64_are_doubles():
    big = pa.array([2**63, 5, None, 9], pa.uint64())
    plan = learned({"x": big}, {"x": [1, 2, 3]})
    (alone,) = learn_table(as_table({"x": [2.0**63, 5.0, None, 9.0, 1.0, 2.0, 3.0]})).plans
    assert (plan.plans[0].high, plan.plans[0].fill) == (alone.high, alone.fill) == (2.0**63, 4.0)


@pytest.mark.parametrize(
    ("piece", "message"),
    [
        ({"area": ["big"]}, "column 'area' holds integers in one partition and text in another; bring it to one"),
        ({"area": [True]}, "column 'area' holds booleans in one partition and integers in another; bring it to one"),
    ],
)
def test_pieces_of_other_kinds_are_refused(piece, message):
    with pytest.raises(DataError, match=f"^{message}$"):
        learned({"area": [1, 2, 3]}, piece)


def test_what_can_not_be_learned_is_told_as_of_one_table():
    with pytest.raises(DataError, match="there are no rows to learn from"):
        learned({"area": []})
    with pytest.raises(DataError, match="no column is of use to predict from"):
        learned({"area": [1, 1]}, {"area": [1]})
    plan = learned({"x": [1.0, 2.0, 4.0], "big": [2**60 + 1, 1, 2], "list": [[1], [2], [3]]})
    assert set(plan.left_out) == {"big", "list"}
    assert "such as 1152921504606846977" in plan.left_out["big"]


def test_gaps_and_forms_that_the_user_names():
    table = as_table({"co": [1.0, -200.0, 3.0, 2.5], "day": ["01/02/2020", "03/02/2020", "05/02/2020", "04/02/2020"]})
    said = Forms(dates="%d/%m/%Y", gaps=("-200",))
    plan, forms = TableSummary.of(table, said.gaps).learn(said=said)
    assert plan.to_dict() == TableSummary.merged([TableSummary.of(table, said.gaps)]).learn(said=said)[0].to_dict()
    assert (plan.plans[0].low, plan.plans[0].gaps, plan.gaps) == (1.0, True, ("-200",))
    assert forms.dates == {"day": "%d/%m/%Y"}
