"""The encoder as a scikit-learn transformer."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from twofold import LinearRegression, TableEncoder
from twofold.errors import DataError


@parametrize_with_checks([TableEncoder()])
def test_it_passes_scikit_learns_own_checks(estimator, check):
    check(estimator)


TABLE = {
    "city": ["Rome", "Bonn", None, "Rome"],
    "area": [30.0, 41.0, 52.0, None],
    "sold": ["2020-01-02", "2020-06-03", "2021-01-02", "2021-07-08"],
    "number": [1, 2, 3, 4],
}


def frames():
    yield TABLE
    yield pd.DataFrame(TABLE)
    yield pd.DataFrame(TABLE).astype({"city": "category"})
    yield pa.table(TABLE)
    yield pa.table(TABLE).to_batches()[0]


@pytest.mark.parametrize("frame", list(frames()), ids=["dict", "pandas", "pandas categories", "arrow", "arrow batch"])
def test_every_kind_of_frame_gives_the_same_features(frame):
    expected = TableEncoder().fit_transform(TABLE)
    np.testing.assert_array_equal(TableEncoder().fit(TABLE).transform(frame), expected)
    encoder = TableEncoder().fit(frame)
    np.testing.assert_array_equal(encoder.transform(TABLE), expected)
    assert encoder.left_out_ == {"number": "it numbers the rows"}


def test_polars_frames_are_taken():
    polars = pytest.importorskip("polars")
    expected = TableEncoder().fit_transform(TABLE)
    np.testing.assert_array_equal(TableEncoder().fit_transform(polars.DataFrame(TABLE)), expected)


def test_a_column_of_several_kinds_of_cells_is_text():
    frame = pd.DataFrame({"a": ["x", 3, 2.5, None, "x"]})
    assert TableEncoder().fit(frame).get_feature_names_out().tolist() == ["a=x", "a=2.5", "a=3", "a missing"]


def test_set_output_gives_a_frame_with_the_features_names():
    frame = TableEncoder().set_output(transform="pandas").fit_transform(pd.DataFrame(TABLE))
    assert list(frame.columns[:3]) == ["city=Rome", "city=Bonn", "city missing"]


def test_columns_are_found_by_name_and_unused_ones_may_lack():
    encoder = TableEncoder().fit(TABLE)
    other = {name: TABLE[name] for name in ("sold", "city", "area")}
    np.testing.assert_array_equal(encoder.transform(other), encoder.transform(TABLE))


def test_it_stands_at_the_head_of_a_pipeline():
    columns = {"kind": ["a", "b"] * 50, "x": list(np.linspace(0, 1, 100) ** 2)}
    y = [3.0 * (kind == "a") + x for kind, x in zip(columns["kind"], columns["x"], strict=True)]
    model = make_pipeline(TableEncoder(baseline=True), LinearRegression()).fit(pd.DataFrame(columns), y)
    assert model.score(pd.DataFrame(columns), y) == pytest.approx(1)


def test_it_comes_back_from_json_without_code():
    encoder = TableEncoder(pieces=2, dtype="float32").fit(TABLE)
    back = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(back.transform(TABLE), encoder.transform(TABLE))
    assert back.transform(TABLE).dtype == np.float32
    with pytest.raises(DataError, match="an encoder is written as dtype and plan"):
        TableEncoder.from_dict({"plan": {}})


def test_inspect_counts_what_is_new():
    _, notes = TableEncoder().fit(TABLE).inspect({**TABLE, "city": ["Oslo"] * 4, "area": [0.0, 99.0, 30.0, 31.0]})
    assert notes["city"]["unseen"] == 4
    assert notes["area"]["out of range"] == 2


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns are named 'a'; rename one"),
        ({"a": [1, 2], "b": [1]}, "columns differ in length: {'a': 2, 'b': 1}"),
        ({"a": [1.0, np.inf]}, r"column 'a', row 1 \(counted from 0\) is inf; expected a finite number"),
        ({"a": [1, 1]}, r"no column is of use to predict from, in 2 samples \(a: constant: every row has 1\)"),
        ({"a": []}, "Found array with 0 sample"),
    ],
)
def test_a_table_that_nothing_can_be_learned_of_is_refused(columns, message):
    with pytest.raises(DataError, match=message):
        TableEncoder().fit(columns)


def test_codes_with_leading_zeros_are_names_in_every_frame():
    codes = ["01234", "98765", "00501"] * 20
    for frame in ({"zip": codes}, pd.DataFrame({"zip": codes}), pa.table({"zip": codes})):
        assert set(TableEncoder().fit(frame).get_feature_names_out()) == {"zip=01234", "zip=98765", "zip=00501"}
        assert TableEncoder(kinds={"zip": "number"}).fit(frame).get_feature_names_out().tolist() == ["zip"]
