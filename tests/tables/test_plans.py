"""What is learned of each kind of column, and what its cells become."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from twofold.errors import DataError, SpecificationError
from twofold.tables import Choices, TablePlan, as_table, learn_table
from twofold.tables.number_plan import pieces, waves
from twofold.tables.plan_json import plan_from_dict, plan_to_dict

RNG = np.random.default_rng(0)


def learn(columns, kinds=None, **choices) -> TablePlan:
    return learn_table(as_table(columns), Choices(**choices), kinds)


def features(plan: TablePlan, columns) -> dict[str, list[float]]:
    X, _ = plan.encode(as_table(columns))
    return dict(zip(plan.features, X.T.tolist(), strict=True))


def test_numbers_are_standardised_filled_by_the_median_and_flagged():
    column = [1.0, 2.0, 3.0, None, 10.0]
    encoded = features(learn({"a": column}), {"a": column})
    filled = np.array([1, 2, 3, 2.5, 10])
    np.testing.assert_allclose(encoded["a"], (filled - filled.mean()) / filled.std(), rtol=1e-12)
    assert encoded["a missing"] == [0, 0, 0, 1, 0]


def test_a_heavy_tail_is_bent_and_a_light_one_is_not():
    heavy, light = np.exp(3 * RNG.standard_normal(1000)), RNG.standard_normal(1000)
    plan = learn({"heavy": heavy, "both": heavy * np.sign(light), "light": light})
    assert [p.bend is not None for p in plan.plans] == [True, True, False]
    X, _ = plan.encode(as_table({"heavy": heavy, "both": heavy * np.sign(light), "light": light}))
    assert np.abs(X).max() < 6
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1, rtol=1e-12)
    assert (np.argsort(X[:, 0]) == np.argsort(heavy)).all()  # the order stays


def test_numbers_in_the_thousands_of_digits_stay_finite():
    column = [1e308, -1e308, 1.5e308, 0.0]
    assert np.isfinite(features(learn({"a": column}), {"a": column})["a"]).all()


@pytest.mark.parametrize("column", [
    [1e-300, 1e300, 1.0, 2.0, 3.0, -1e300], [1.7e308, -1.7e308, 0.0, 1.0, 2.0], [5e-324, 1e-323, 1.5e-323, 2e-323, 1e308],
])  # fmt: skip
def test_numbers_of_all_orders_of_magnitude_become_finite_features(column):
    for count in (0, 4):
        plan = learn({"a": [*column, *range(20)] if count else column}, pieces=count, frequencies=count)
        assert np.isfinite(plan.encode(as_table({"a": column}))[0]).all()
        far, _ = plan.encode(as_table({"a": [1.7e308, -1.7e308]}), "float32")
        assert np.isfinite(far).all()
        assert np.abs(far).max() <= 1e6


def test_pieces_rise_one_after_the_other_from_a_half_below_to_a_half_above():
    P = pieces(np.linspace(-1, 6, 50), np.array([0.0, 1.0, 5.0]))
    assert (np.diff(P, axis=0) >= 0).all()
    assert P.min() == -0.5
    assert P.max() == 0.5
    assert (P[:, 1] > -0.5).tolist() == (np.linspace(-1, 6, 50) > 1).tolist()
    column = np.arange(100) / 3
    plan = learn({"a": column}, pieces=4)
    assert plan.features == ("a", "a>0", "a>8.25", "a>16.5", "a>24.75")
    assert learn({"a": [0.0, 1.0] * 50}, pieces=4).features == ("a",)  # two numbers need no pieces


def test_sines_and_cosines_are_those_of_the_standardised_number():
    column = [*RNG.standard_normal(100), None]
    plan = learn({"a": column}, frequencies=3)
    (own,) = plan.plans
    encoded = features(plan, {"a": column})
    assert len(encoded) == 1 + 3 + 3 + 1
    z = np.array(encoded["a"])
    for f in own.frequencies:
        np.testing.assert_allclose(encoded[f"sin {2 * np.pi * f:.4g} a"], np.sin(2 * np.pi * f * z), atol=1e-12)
        np.testing.assert_allclose(encoded[f"cos {2 * np.pi * f:.4g} a"], np.cos(2 * np.pi * f * z), atol=1e-12)
    assert plan.are_plain == (True, *[False] * 6, True)
    assert learn({"a": column}, frequencies=3, pieces=4).are_plain == (True, *[False] * 10, True)


def test_frequencies_are_the_quantiles_of_half_a_normal_distribution():
    (own,) = learn({"a": np.arange(100.0)}, frequencies=1000).plans
    assert np.sqrt(np.mean(np.square(own.frequencies))) == pytest.approx(0.5, rel=0.01)  # its deviation
    assert np.median(own.frequencies) == pytest.approx(0.5 * 0.6745, rel=0.01)
    assert min(own.frequencies) > 0


def test_few_different_numbers_and_numbers_as_they_are_get_no_sines():
    few = np.tile(np.arange(15.0), 10)
    assert learn({"a": few}, frequencies=8).features == ("a",)
    assert learn({"a": np.arange(100.0)}, frequencies=8, scale=False).features == ("a",)
    assert len(learn({"a": np.tile(np.arange(16.0), 10)}, frequencies=8).features) == 17


def test_sines_of_numbers_far_away_are_finite():
    with np.errstate(all="raise"):
        assert np.isfinite(waves(np.array([1e300, -np.inf, np.inf]), np.array([0.5, 3.0]))).all()


def test_categories_have_a_feature_each_and_rare_ones_one_together():
    column = ["red"] * 200 + ["blue"] * 150 + ["green"] * 2 + [None] * 3
    plan = learn({"a": column})
    assert plan.features == ("a=red", "a=blue", "a=(other)", "a missing")
    encoded = features(plan, {"a": ["blue", "green", "never seen", None]})
    assert np.array(list(encoded.values())).T.tolist() == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_an_unseen_category_is_the_average_row_where_no_feature_was_trained_for_it():
    plan = learn({"a": ["x", "x", "x", "y"]})
    X, notes = plan.encode(as_table({"a": ["z", None, "y"]}))
    assert X.tolist() == [[0.75, 0.25], [0.75, 0.25], [0, 1]]
    assert notes["a"] == {"unseen": 1, "missing": 1, "newly missing": 1}


def test_only_the_most_frequent_categories_get_a_feature():
    column = [f"city {k}" for k in range(50) for _ in range(100 - k)]
    for most in (3, 20):
        plan = learn({"a": column}, max_categories=most)
        assert plan.features == (*(f"a=city {k}" for k in range(most)), "a=(other)")


def test_frequent_names_are_kept_of_thousands_and_the_others_go_together():
    tails = [f"N{k % 4000}AA" for k in range(8000)] + ["N1AA", "N2AA"] * 10
    plan = learn({"tail": tails, "x": RNG.normal(size=len(tails))})
    assert plan.features[:3] == ("tail=N1AA", "tail=N2AA", "tail=(other)")
    once = [f"{k} Main Street" for k in range(400)] * 2
    reason = "names of which none has 3 rows: 400 different values in 800 rows"
    assert learn({"a": once, "x": RNG.normal(size=800)}).left_out == {"a": reason}


def test_free_text_is_left_out_and_it_is_said_what_to_do():
    text = [f"call me at {k} or after that, will you please" for k in range(100)] + [
        "sorry, I'll call you back later"
    ] * 5
    assert learn({"a": text, "x": RNG.normal(size=105)}).left_out == {
        "a": "free text: 101 different values in 105 rows"
    }
    with pytest.raises(DataError, match="free text is not read: make numbers of it first, such as with scikit-learn's"):
        learn({"a": text})


@pytest.mark.parametrize(
    ("column", "bent"),
    [
        ([0] * 990 + [1] * 10, False),
        ([0] * 900 + [1, 2, 3, 4, 3] * 20, False),
        ([*range(2132, 2152)] * 20 + [501, 10001], False),
        ([1990 + k % 30 for k in range(600)] + [1, 1500, 1600], False),
        ([*(7 + RNG.normal(size=500) / 20), 2.0, 12.0, 11.0], False),
        (RNG.normal(size=500).tolist() + [-200.0] * 20, False),
        (np.exp(3 * RNG.standard_normal(500)).tolist(), True),
        ([0.0] * 400 + np.exp(2 * RNG.standard_normal(200)).tolist(), True),
        ((RNG.standard_cauchy(500)).tolist(), True),
    ],
    ids=["0 and 1", "few counts", "postcodes", "years", "pH", "a gap of -200", "lognormal", "zeros too", "Cauchy"],
)
def test_only_what_spans_orders_of_magnitude_is_bent(column, bent):
    plan = learn({"a": column}).plans[0]
    assert (plan.bend is not None) == bent
    assert ("bent like a logarithm" in learn({"a": column}).describe()[0][2]) == bent


def test_the_baseline_leaves_out_the_most_frequent_category():
    plan = learn({"a": ["x", "x", "y", "z"]}, baseline=True)
    assert plan.features == ("a=y", "a=z")
    assert plan.encode(as_table({"a": ["x", "y"]}))[0].tolist() == [[0, 0], [1, 0]]


@pytest.mark.parametrize("values", [[True, False, None], ["yes", "no", None], ["T", "f", ""], ["True", "false", None]])
def test_yes_and_no_are_one_feature(values):
    encoded = features(learn({"a": values}), {"a": values})
    assert encoded == {"a": [1, 0, 0.5], "a missing": [0, 0, 1]}


def test_dates_become_years_season_and_weekday():
    dates = pd.date_range("2019-12-30", periods=800, freq="D")  # a Monday
    for column in (dates, dates.strftime("%Y-%m-%d"), dates.strftime("%d.%m.%Y"), [d.date() for d in dates]):
        encoded = features(learn({"when": list(column)}), {"when": list(column)})
        assert encoded["when Monday"][:8] == [1, 0, 0, 0, 0, 0, 0, 1]
        assert encoded["when years"] == sorted(encoded["when years"])
        assert encoded["when season cos"][2] == pytest.approx(1)  # 1 January
        assert not any("clock" in name for name in encoded)


def test_times_of_day_lie_on_a_circle():
    stamps = [dt.datetime(2020, 1, 1, hour) for hour in (0, 6, 12, 18)]
    encoded = features(learn({"when": stamps}), {"when": stamps})
    np.testing.assert_allclose(encoded["when clock sin"], [0, 1, 0, -1], atol=1e-12)
    assert set(encoded) == {"when clock sin", "when clock cos"}
    assert set(features(learn({"t": [s.time() for s in stamps]}), {"t": [s.time() for s in stamps]})) == {
        "t clock sin",
        "t clock cos",
    }


def test_dates_and_times_of_day_come_in_pieces_too_which_are_for_networks():
    stamps = [*pd.date_range("2019-12-30", periods=4001, freq="3h"), None]
    column = pa.array(stamps, pa.timestamp("us"))
    plan = learn({"when": column}, pieces=4)
    names, (own,) = plan.features, plan.plans
    assert sum(name.startswith("when years>") for name in names) == 4 * 4
    assert [name for name in names if "clock>" in name] == [
        f"when clock>{quarter}" for quarter in (0, 0.125, 0.375, 0.625)
    ]
    plain = [name for name, is_plain in zip(names, plan.are_plain, strict=True) if is_plain]
    assert plain == list(learn({"when": column}).features)
    X, _ = plan.encode(as_table({"when": column}))
    P = X[:-1, [name.startswith("when years>") for name in names]]
    np.testing.assert_allclose(np.diff(np.searchsorted(P.sum(axis=1), np.arange(-8, 9))), 250, atol=1)
    np.testing.assert_allclose(X[:-1, [name.startswith("when clock>") for name in names]][8:], X[:-9, -5:-1])
    assert (X[-1] == [0] * (len(names) - 1) + [1]).all()
    before = {name: word for name, word in plan_to_dict(own).items() if not name.endswith("knots")}
    assert plan_from_dict(before) == replace(own, year_knots=(), clock_knots=())
    assert plan_from_dict(json.loads(json.dumps(plan_to_dict(own)))) == own


def test_numbers_written_with_a_unit_are_numbers():
    column = ["1,200 kg", "3.5 kg", "12 kg", None] * 5
    plan = learn({"a": column})
    assert plan.plans[0].unit == ("", "kg")
    assert plan.plans[0].high == 1200
    with pytest.raises(DataError, match="numbers with unit 'lb'; the model was trained on numbers with unit 'kg'"):
        plan.encode(as_table({"a": ["3 lb", "4 lb"]}))


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (list(range(1, 50)), "it numbers the rows"),
        ([7] * 49, "constant: every row has 7"),
        ([True] * 49, "constant: every row has True"),
        (["same"] * 49, "constant: every row has 'same'"),
        ([None] * 49, "no cell has a value"),
        ([float("nan")] * 49, "no cell has a value"),
        ([f"name {k}!" for k in range(49)], "an identifier or free text: 49 cells with something, no two alike"),
        (
            [f"{k} {'kg' if k % 2 else 'lb'}" for k in range(49)],
            "numbers as text, of which 51% have the unit 'lb'; bring",
        ),
        ([[1, 2]] * 49, "cells of type list<item: int64> are neither numbers, text, dates nor booleans"),
    ],
)
def test_what_is_no_use_is_left_out_with_the_reason(column, reason):
    table = pa.table({"x": pa.array(RNG.normal(size=49)), "a": pa.array(column)})
    assert learn_table(table).left_out["a"].startswith(reason)


def test_whole_numbers_that_all_differ_are_an_identifier_only_by_name():
    distinct = RNG.permutation(1000)[:100] * 7
    plan = learn({"customer_id": distinct, "price": distinct})
    assert plan.left_out == {"customer_id": "an identifier: every row has another"}
    assert plan.features == ("price",)


def test_a_constant_with_gaps_tells_where_they_are():
    assert features(learn({"a": [3, None, 3]}), {"a": [3, None, 3]}) == {"a missing": [0, 1, 0]}


def test_a_kind_can_be_said():
    plan = learn({"zip": [1, 2, 1, 2]}, {"zip": "category"})
    assert plan.features == ("zip=1", "zip=2")
    assert plan.text_columns == ("zip",)
    assert features(plan, {"zip": ["1"]}) == features(plan, {"zip": [1.0]}) == {"zip=1": [1], "zip=2": [0]}
    with pytest.raises(DataError, match="column 'a' holds string that can't be read as a number; leave its kind open"):
        learn({"a": ["x", "y"]}, {"a": "number"})
    with pytest.raises(SpecificationError, match="unknown kind of column 'categry'; did you mean 'category'"):
        learn({"a": ["x", "y"]}, {"a": "categry"})
    with pytest.raises(SpecificationError, match="unknown column 'b'"):
        learn({"a": ["x", "y"]}, {"b": "category"})


def test_what_differs_from_the_training_set_is_counted():
    plan = learn({"n": [1.0, 2.0, 3.0], "t": ["1.5 m", "2 m", "3 m"]})
    _, notes = plan.encode(as_table({"n": [0.0, 9.0, None], "t": ["1 m", "2 m", "two"]}))
    assert notes["n"] == {"out of range": 2, "missing": 1, "newly missing": 1}
    assert notes["t"] == {"out of range": 1, "missing": 1, "newly missing": 1, "unreadable": 1}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"n": [1.0]}, "there is no column 'c', which the model was trained on; the columns are n"),
        ({"n": ["x", "y"], "c": ["a", "b"]}, "column 'n' holds string such as 'x'; the model was trained on numbers"),
        (
            {"n": [1.0, float("inf")], "c": ["a", "b"]},
            r"column 'n', row 1 \(counted from 0\) is inf; expected a finite",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused_by_name(columns, message):
    with pytest.raises(DataError, match=message):
        learn({"n": [1.0, 2.5, 4.0], "c": ["a", "b", "a"]}).encode(as_table(columns))


def test_the_features_of_a_row_do_not_depend_on_the_others():
    columns = {"n": [1.0, None, 3.0], "c": ["a", None, "zzz"], "d": ["2020-01-02", None, "2021-03-04"]}
    plan = learn({"n": [1.0, None, 4.0], "c": ["a", "b", "a"], "d": ["2020-01-02", "2020-05-03", "2021-03-04"]})
    whole, _ = plan.encode(as_table(columns))
    alone = [plan.encode(as_table(columns).slice(k, 1))[0] for k in range(3)]
    np.testing.assert_array_equal(whole, np.vstack(alone))


cells = some.one_of(
    some.none(),
    some.floats(allow_infinity=False),
    some.integers(-(2**62), 2**62),
    some.text(max_size=5),
    some.booleans(),
    some.dates(min_value=dt.date(1700, 1, 1)),
    some.sampled_from(["3 kg", "2020-01-02", "yes", "no", "1e5", "$4"]),
)


@settings(max_examples=150, deadline=None)
@given(some.lists(cells, min_size=3, max_size=40), some.integers(0, 5), some.booleans())
def test_any_column_is_learned_and_comes_back_from_json(column, count, scale):
    """Whatever the cells are: finite features, one for each name, and the same after a way through JSON."""
    table = as_table({"x": list(range(5, 5 + 3 * len(column), 3)), "a": column})
    plan = learn_table(table, Choices(pieces=count, frequencies=count, scale=scale))
    X, _ = plan.encode(table)
    assert X.shape == (len(column), len(plan.features))
    assert np.isfinite(X).all()
    back = TablePlan.from_dict(json.loads(json.dumps(plan.to_dict(), allow_nan=False)))
    assert back == plan
    np.testing.assert_array_equal(back.encode(table)[0], X)


def damaged():
    whole = learn({"n": [1.0, 2.0, 4.0], "c": ["a", "b", "a"]}).to_dict()
    number, category = whole["columns"]
    yield [], "must have schema, columns and left_out"
    yield {**whole, "schema": 2}, "has schema 2; this version reads 1: upgrade"
    yield {**whole, "columns": {}}, "has columns in a list"
    yield {**whole, "columns": [number, number]}, "names a column twice"
    yield {**whole, "columns": [{**number, "kind": "os"}]}, "a column's plan has kind 'os'; expected one of number"
    yield {**whole, "columns": [{**number, "more": 1}]}, "a number column's plan has fields"
    yield {**whole, "columns": [{**number, "scale": 0.0}]}, "scale and bend must not be 0"
    yield (
        {**whole, "columns": [{**number, "scale": "1"}]},
        "field 'scale' of a number column's plan is '1'; expected float",
    )
    yield {**whole, "columns": [{**number, "fill": float("nan")}]}, "field 'fill'"
    yield {**whole, "columns": [{**number, "knots": [2.0, 1.0]}]}, "knots must rise"
    date = plan_to_dict(learn({"when": pd.date_range("2020-01-01", periods=9)}).plans[0])
    for part in ("year", "clock"):
        yield {**whole, "columns": [{**date, f"{part}_knots": [2.0, 1.0]}]}, "knots must rise"
    yield {**whole, "columns": [{**category, "parts": [1.0]}]}, "has 2 categories and 1 parts of them"
    yield {**whole, "columns": [{**category, "values": [1, 2]}]}, "field 'values'"


@pytest.mark.parametrize(("value", "message"), list(damaged()))
def test_a_plan_that_somebody_changed_is_refused(value, message):
    with pytest.raises(DataError, match=message):
        TablePlan.from_dict(value)
