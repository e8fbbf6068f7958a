"""Dates and times written as text: one form for a column, told by its cells, then by the table, or named."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from twofold import TableEncoder
from twofold.errors import DataError, SpecificationError
from twofold.tables import TablePlan, as_table, learn_table
from twofold.tables import date_text as module
from twofold.tables.date_text import DATE_FORMS, durations_in_text, find_forms, times_in_text
from twofold.tables.forms import AmbiguousCellsWarning, Forms, infer_forms
from twofold.tables.reading import read_table

MOMENTS = np.datetime64("1999-12-28T00:00:00") + np.arange(60) * np.timedelta64(37, "h")


def found(*cells: str) -> tuple[list[str], str]:
    text = pa.chunked_array([list(cells)])
    forms = find_forms(text)
    values = times_in_text(text, forms.forms[0]).values
    return [str(value)[:19] for value in values], forms.forms[0]


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("07-Jan-18", "2018-01-07T00:00:00"),
        ("01-Jan-2020", "2020-01-01T00:00:00"),
        ("January 7, 2018", "2018-01-07T00:00:00"),
        ("7th January 2018", "2018-01-07T00:00:00"),
        ("Sunday, January 7, 2018 5:30 p.m.", "2018-01-07T17:30:00"),
        ("7. Januar 2018", "2018-01-07T00:00:00"),
        ("13/12/2020 10:30", "2020-12-13T10:30:00"),
        ("13/12/2020 10:30:05", "2020-12-13T10:30:05"),
        ("12/13/2020 12:30 AM", "2020-12-13T00:30:00"),
        ("12/13/2020 12:30:10 PM", "2020-12-13T12:30:10"),
        ("2020/01/02 10:30", "2020-01-02T10:30:00"),
        ("20141013T000000", "2014-10-13T00:00:00"),
        ("20141013 183005", "2014-10-13T18:30:05"),
        ("18.00.00", "1970-01-01T18:00:00"),
        ("0:00:00", "1970-01-01T00:00:00"),
        ("12 AM", "1970-01-01T00:00:00"),
        ("10h30", "1970-01-01T10:30:00"),
        ("13.01.2024 00:00:00", "2024-01-13T00:00:00"),
        ("13.01.2024 18.05.00", "2024-01-13T18:05:00"),
        ("12/31/99", "1999-12-31T00:00:00"),
        ("1/13/11", "2011-01-13T00:00:00"),
        ("31.12.68", "2068-12-31T00:00:00"),
        ("31.12.69", "1969-12-31T00:00:00"),
        ("2024-01-01T12:00:00+01:00", "2024-01-01T11:00:00"),
        ("2024-01-01 12:00:00.25Z", "2024-01-01T12:00:00"),
        ("Mon, 07 Jan 2018 10:00:00 -0130", "2018-01-07T11:30:00"),
        ("10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36"),
        ("01JAN2020", "2020-01-01T00:00:00"),
        ("Jan 2018", "2018-01-01T00:00:00"),
        ("2020-02-29", "2020-02-29T00:00:00"),
    ],
)
def test_usual_forms_are_found(cell, moment):
    assert found(cell)[0] == [moment]


@pytest.mark.parametrize(
    "cell", ["2019-02-29", "24:00:00", "13:60", "1.5", "10.0.0.1", "2018", "12/13", "May", "13 PM"]
)
def test_what_is_no_date_is_none(cell):
    assert find_forms(pa.chunked_array([[cell]])) is None


@pytest.mark.parametrize("form", DATE_FORMS)
@pytest.mark.parametrize("clock", ["", " %H:%M", "T%H:%M:%S", " %I:%M %p"])
def test_every_form_reads_what_strftime_writes(form, clock):
    written = pd.Series(MOMENTS).dt.strftime(form + clock)
    expected = pd.to_datetime(written, format=form + clock).to_numpy().astype("datetime64[us]")
    np.testing.assert_array_equal(times_in_text(pa.chunked_array([written.tolist()]), form).values, expected)
    np.testing.assert_array_equal(times_in_text(pa.chunked_array([written.tolist()]), form + clock).values, expected)


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S+02:00", "%b %d, %Y %I:%M:%S %p"])
def test_many_different_cells_are_read_as_few_are(form, monkeypatch):
    written = pa.chunked_array([[*pd.Series(MOMENTS).dt.strftime(form), "soon", "2020-13-45 10:00", None]])
    date = "%b %d, %Y" if form.startswith("%b") else form[:8]
    slow = times_in_text(written, date)
    monkeypatch.setattr(module, "MIN_DIFFERENT_CELLS", 0)
    fast = times_in_text(written, date)
    np.testing.assert_array_equal(fast.values, slow.values)
    np.testing.assert_array_equal(fast.zoned, slow.zoned)
    assert np.isnat(fast.values).sum() == 3


def test_one_cell_with_a_day_above_12_tells_for_the_column_and_for_the_others():
    table = as_table({"a": ["01/02/2020", "13/02/2020"], "b": ["03/04/2020", "05/06/2020"]})
    forms = infer_forms(table)
    assert forms.dates == {"a": "%d/%m/%Y", "b": "%d/%m/%Y"}
    assert forms.doubts == ()


def test_rows_in_order_tell_the_day_from_the_month():
    table = as_table({"a": ["02/01/2020", "03/01/2020", "01/02/2020", "05/02/2020", "01/03/2020"]})
    assert infer_forms(table).dates == {"a": "%d/%m/%Y"}


def test_an_ambiguous_day_is_said_and_asked_for():
    table = as_table({"a": ["01/02/2020", "05/04/2020", "03/03/2020"]})
    forms = infer_forms(table)
    assert forms.dates == {"a": "%m/%d/%Y"}
    assert forms.doubts == (
        "column a: 01/02/2020 is read as 2020-01-02 (%m/%d/%Y); if it is 2020-02-01, say so: --dates %d/%m/%Y "
        "(in Python dates='%d/%m/%Y')",
    )
    named = infer_forms(table, Forms(dates="%d/%m/%Y"))
    assert (named.dates, named.doubts) == ({"a": "%d/%m/%Y"}, ())


def test_the_encoder_warns_of_what_is_ambiguous():
    table = {"a": ["01/02/2020", "05/04/2020", "03/03/2020"]}
    with pytest.warns(AmbiguousCellsWarning, match="01/02/2020 is read as 2020-01-02"):
        encoder = TableEncoder().fit(table)
    assert len(encoder.remarks_) == 1
    assert TableEncoder(dates="%d/%m/%Y").fit(table).plan_.plans[0].date_format == "%d/%m/%Y"


def test_a_form_that_no_column_has_is_refused_with_the_forms_there_are():
    with pytest.raises(SpecificationError, match="no column has dates of the form %d/%m/%Y; a has '2020-13") as caught:
        infer_forms(as_table({"a": ["2020-13-01", "2020-14-02"]}), Forms(dates="%d/%m/%Y"))
    assert "%Y-%m-%d" in str(caught.value)
    with pytest.raises(DataError, match=re.escape("forms that are read by themselves: %Y-%m-%d;")):
        learn_table(as_table({"a": ["x1", "x2"]}), kinds={"a": "date"})


@pytest.mark.parametrize("form", ["%Q", "%d/%m", "", "%Y%Y", "day"])
def test_a_form_that_is_none_is_refused(form):
    with pytest.raises(SpecificationError, match="the form of dates"):
        Forms(dates=form)


def test_a_form_can_be_named_that_is_not_found_by_itself():
    table = as_table({"a": ["2020年1月5日", "2021年3月7日"]})
    assert infer_forms(table, Forms(dates="%Y年%m月%d日")).dates == {"a": "%Y年%m月%d日"}


@pytest.mark.parametrize("bad", ["unknown", "soon"])
@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%Y-%m-%d %H:%M:%S"])
def test_one_bad_cell_among_many_dates_is_a_gap(form, bad):
    cells = pd.date_range("2020-01-01", periods=300, freq="31h").strftime(form).tolist()
    cells[7] = bad
    plan = learn_table(as_table({"when": cells}))
    X, notes = plan.encode(as_table({"when": cells}))
    assert plan.features[0] == "when years"
    assert X[:, plan.features.index("when missing")].tolist() == [float(k == 7) for k in range(300)]
    assert notes["when"] == {"missing": 1} | ({"unreadable": 1} if bad == "soon" else {})


def test_a_fifth_of_one_word_in_a_column_of_dates_is_gaps():
    cells = pd.date_range("2020-01-01", periods=100, freq="31h").strftime("%d/%m/%Y").tolist()
    cells[::5] = ["not yet"] * 20
    plan = learn_table(as_table({"when": cells}))
    assert plan.features[-1] == "when missing"
    assert plan.encode(as_table({"when": cells}))[1]["when"]["missing"] == 20


def test_a_column_of_half_dates_is_left_out_and_told():
    cells = [*pd.date_range("2020-01-01", periods=60).strftime("%d/%m/%Y"), *(f"week {k}" for k in range(40))]
    (remark,) = infer_forms(as_table({"when": cells})).remarks
    assert remark.startswith("column when: only 60% of its cells are dates such as '01/01/2020' (%d/%m/%Y)")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "frame"])
def test_one_bad_cell_in_rows_to_predict_is_a_gap_whatever_the_training_set_was(tmp_path, suffix):
    stamps = pd.Series(pd.date_range("2020-01-01", periods=300, freq="31h"))
    table = pa.table({"when": stamps})
    if suffix == "csv":
        pa.csv.write_csv(table, tmp_path / "t.csv")
        table = read_table(tmp_path / "t.csv")
    plan = learn_table(table)
    (tmp_path / "new.csv").write_text("when\n" + "\n".join([*map(str, stamps[:3]), "soon"]))
    X, notes = plan.encode(read_table(tmp_path / "new.csv"))
    np.testing.assert_array_equal(X[:3], plan.encode(table)[0][:3])
    assert (X[3] == 0).all()
    assert notes["when"] == {"missing": 1, "newly missing": 1, "unreadable": 1}


def test_dates_of_another_form_than_the_model_knows_are_refused_with_the_one_it_knows():
    plan = learn_table(as_table({"when": ["07-Jan-18", "08-Feb-19", "01-Jan-20"]}))
    with pytest.raises(DataError, match=r"such as '2018/01/07'; the model was trained on dates of the form %d-%b-%y"):
        plan.encode(as_table({"when": ["2018/01/07", "2018/01/08"]}))


def test_times_of_day_lie_on_a_circle_and_longer_ones_are_durations():
    plan = learn_table(
        as_table({"t": ["0.00.00", "6.00.00", "18.00.00"], "d": ["0:30:00", "26:00:00", "1 day, 2:00:00"]})
    )
    assert plan.features == ("t clock sin", "t clock cos", "d")
    X, _ = plan.encode(as_table({"t": ["6.00.00"], "d": ["26:00:00"]}))
    np.testing.assert_allclose(X[0, :2], [1, 0], atol=1e-12)
    assert durations_in_text(pa.chunked_array([["0:30:00", "26:00", "1 day, 2:00:00.5", "x"]])).tolist()[:3] == [
        1800,
        93600,
        93600.5,
    ]
    as_said = learn_table(as_table({"t": ["0:30:00", "2:00:00", "3:00:00"]}), kinds={"t": "number"})
    assert as_said.plans[0].high == 3 * 3600
    typed = as_table({"t": [dt.time(2), dt.time(3), dt.time(0, 30)]})
    np.testing.assert_array_equal(as_said.encode(typed)[0][0], as_said.encode(as_table({"t": ["2:00:00"]}))[0][0])


def test_whole_numbers_that_are_all_days_are_dates():
    plan = learn_table(as_table({"a": [20141013, 20150228, 20150301, 20150302, 20160101]}))
    assert plan.features[0] == "a years"
    np.testing.assert_array_equal(
        plan.encode(as_table({"a": [20150228]}))[0], plan.encode(as_table({"a": ["20150228"]}))[0]
    )
    assert learn_table(as_table({"a": [20141013, 20150229, 20150301, 20150302, 20160101]})).features == ("a",)


INSTANTS = pd.Series(pd.date_range("2024-03-29", periods=200, freq="5h", tz="Europe/Berlin"))


def forms_of_instants(folder) -> dict[str, pa.Table]:
    """The same instants, across a change to summer time, from files and frames of all kinds."""
    INSTANTS.to_frame("when").to_csv(folder / "offsets.csv", index=False)
    INSTANTS.dt.tz_convert("UTC").to_frame("when").to_csv(folder / "utc.csv", index=False)
    pa.parquet.write_table(pa.table({"when": INSTANTS}), folder / "zone.parquet")
    files = {name: read_table(folder / name) for name in ("offsets.csv", "utc.csv", "zone.parquet")}
    frame = INSTANTS.to_frame("when")
    frames = {"pandas": as_table(frame), "polars": as_table(pl.from_pandas(frame))}
    text = {"text": as_table({"when": [stamp.isoformat() for stamp in INSTANTS]})}
    objects = {"datetime": as_table({"when": [stamp.to_pydatetime() for stamp in INSTANTS]})}
    return files | frames | text | objects


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_the_same_instants_give_the_same_features_from_every_file_and_frame(tmp_path, zone):
    tables = forms_of_instants(tmp_path)
    plans = {name: learn_table(table, forms=infer_forms(table, Forms(zone=zone))) for name, table in tables.items()}
    expected = plans["utc.csv"].encode(tables["utc.csv"])[0]
    for plan in plans.values():
        for name, table in tables.items():
            X, notes = plan.encode(table)
            np.testing.assert_array_equal(X, expected, err_msg=name)
            assert notes["when"] == {}
    hour = np.rad2deg(np.arctan2(expected[:, -2], expected[:, -1])) / 15 % 24
    local = INSTANTS if zone else INSTANTS.dt.tz_convert("UTC")
    np.testing.assert_allclose(np.cos((hour - local.dt.hour) / 12 * np.pi), 1, atol=1e-12)


def test_times_with_and_without_a_zone_are_told_apart():
    naive, aware = ["2020-01-01 10:00", "2020-02-01 11:00"], ["2020-01-01 10:00Z", "2020-02-01 11:00Z"]
    _, notes = learn_table(as_table({"when": naive})).encode(as_table({"when": aware}))
    assert notes["when"] == {"with zone": 2}
    _, notes = learn_table(as_table({"when": aware})).encode(as_table({"when": naive}))
    assert notes["when"] == {"without zone": 2}
    remark, more = infer_forms(as_table({"when": [*aware, naive[0]]})).remarks
    assert remark.startswith("column when: 1 of its times have no zone, others have one")
    assert more == "times with a zone, in when, are read in UTC; by the clock of a place: --zone Europe/Berlin"
    assert infer_forms(as_table({"when": INSTANTS})).remarks == (more,)
    assert infer_forms(as_table({"when": naive})).remarks == ()


def test_a_zone_that_there_is_not_is_refused():
    with pytest.raises(SpecificationError, match="there is no time zone 'Berlin'; expected a name such as Europe"):
        Forms(zone="Berlin")


def test_a_plan_of_before_takes_the_clock_of_each_columns_own_zone():
    words = learn_table(as_table({"when": INSTANTS})).to_dict()
    del words["columns"][0]["zone"]
    words["columns"][0]["date_format"] = None
    X, _ = TablePlan.from_dict(words).encode(as_table({"when": INSTANTS[:1]}))
    assert X[0, -1] == pytest.approx(1)  # midnight in Berlin


def test_a_plan_of_before_reads_years_as_it_did():
    words = learn_table(as_table({"when": ["1/1/2011", "1/20/2012"]})).to_dict()
    del words["columns"][0]["zone"]
    plan = TablePlan.from_dict(words)
    assert plan.plans[0].date_format == "%m/%d/%Y"
    assert plan.encode(as_table({"when": ["1/1/11"]}))[1]["when"] == {"out of range": 1}


@pytest.mark.parametrize(("field", "value"), [("date_format", "%Q"), ("date_format", "%Y(?P<Y>"), ("zone", "Mars")])
def test_a_form_that_somebody_wrote_into_a_plan_is_checked(field, value):
    words = learn_table(as_table({"when": ["2020-01-02", "2021-03-04"]})).to_dict()
    words["columns"][0][field] = value
    if value == "%Y(?P<Y>":
        TablePlan.from_dict(words)  # plain letters, that no cell has
    else:
        with pytest.raises(DataError, match="column 'when': "):
            TablePlan.from_dict(words)
