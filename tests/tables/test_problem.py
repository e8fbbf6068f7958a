"""The target, the split, and the two put together."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from twofold.errors import DataError, SpecificationError
from twofold.tables import as_table
from twofold.tables.problem import Preparation, encoder_from_dict, feature_columns, prepare
from twofold.tables.splitting import split_rows
from twofold.tables.targets import Target, infer_target


def target(values, task=None) -> Target:
    return infer_target("y", as_table({"y": values}).column("y"), task)


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["cat", "dog"] * 5, "classification", ("cat", "dog")),
        ([True, False] * 5, "classification", ("false", "true")),
        ([10, 9, 9, 10, None] * 5, "classification", ("9", "10")),
        ([0.0, 1.0] * 5, "classification", ("0", "1")),
        (["7", "8"] * 5, "classification", ("7", "8")),
        (list(range(100)), "regression", ()),
        ([1, 2, 3, 4], "regression", ()),
        ([0.5, 1.0] * 5, "regression", ()),
        (["1.5 kg", "2 kg"] * 5, "regression", ()),
    ],
)
def test_the_task_is_seen_from_the_target(values, task, classes):
    seen = target(values)
    assert (seen.task, seen.classes) == (task, classes)


def test_the_task_can_be_told():
    assert target([1, 2] * 10, "regression").classes == ()
    assert target([0.5, 1.5] * 10, "classification").classes == ("0.5", "1.5")
    y, present = target(["1.5 kg", None, "2 kg"], "regression").read(pa.chunked_array([["3 kg", None]]))
    assert (y.tolist(), present.tolist()) == ([[3.0]], [True, False])


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        (["a"] * 9, None, "column 'y' has one class only, 'a'"),
        ([1.5] * 9, None, "column 'y' has one value only, 1.5; there is nothing to predict"),
        ([None] * 9, None, "column 'y' has no values to learn from"),
        ([f"n{k}" for k in range(20)], None, "column 'y' has 20 classes in 20 rows; is it the right column"),
        (
            ["3 kg", "4 lb", "x"],
            "regression",
            r"column 'y' holds '4 lb' \(2 cells such\), where numbers are to be predicted",
        ),
        ([1.0, float("inf")], "regression", r"column 'y', row 1 \(counted from 0\) is inf"),
    ],
)
def test_what_can_not_be_predicted_is_refused(values, task, message):
    with pytest.raises(DataError, match=message):
        target(values, task)


def test_a_class_that_was_never_seen_is_named():
    with pytest.raises(
        DataError, match=r"column 'y' holds 'bird' \(2 rows such\), which is none of the classes cat, dog"
    ):
        target(["cat", "dog"] * 5).read(pa.chunked_array([["cat", "bird", "bird", None]]))


def test_a_split_has_every_row_once_and_each_class_in_its_part():
    y = np.repeat([0, 1, 2], [700, 250, 50])
    first, second = split_rows(y, 0.2, seed=3)
    assert sorted([*first, *second]) == list(range(1000))
    assert np.bincount(y[second]).tolist() == [140, 50, 10]
    again, other = split_rows(y, 0.2, seed=3)[1], split_rows(y, 0.2, seed=4)[1]
    np.testing.assert_array_equal(second, again)
    assert not np.array_equal(second, other)


def test_numbers_are_split_at_random():
    first, second = split_rows(np.zeros((1000, 1)), 0.25, seed=0)
    assert (len(first), len(second)) == (750, 250)
    assert 100 < (second < 500).sum() < 150
    with pytest.raises(SpecificationError, match=r"the part to hold out is 1.5; it must be at least 0"):
        split_rows(np.zeros((10, 1)), 1.5, seed=0)


def table() -> pa.Table:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    return as_table({"x": x, "w": np.ones(200), "y": [None if k % 20 == 0 else 5 * v for k, v in enumerate(x)]})


def test_a_problem_has_rows_with_a_target_split_in_three_and_scaled_by_the_training_set():
    prepared = prepare(
        table(), infer_target("y", table().column("y")), ["x"], Preparation(weight="w"), validation_fraction=0.1
    )
    data, scaling = prepared.data, prepared.data.scaling
    assert [len(data.train), len(prepared.validation), len(data.test)] == [137, 15, 38]
    assert prepared.dropped == 10
    assert not data.needs_scaling
    assert (data.train.sample_weight == 1).all()
    both = np.vstack([data.train.y, prepared.validation.y])
    assert both.std() == pytest.approx(1)
    own = data.test.y * scaling.target_scale + scaling.target_mean
    rows = [v for v in table().column("y").to_pylist() if v is not None]
    assert np.isin(own.round(9), np.round(rows, 9)).all()


def test_a_target_whose_squares_are_no_numbers_is_refused():
    huge = table().set_column(2, "y", pa.array(np.linspace(-1e300, 1e300, 200)))
    with pytest.raises(
        DataError, match=r"column 'y' goes up to 1e\+300, whose square is no finite number; take a larger"
    ):
        prepare(huge, infer_target("y", huge.column("y")), ["x"])


def test_the_test_set_is_not_looked_at_before_it_is_scored():
    """A number far out in the test rows changes nothing of what is learned of the others."""
    clean = table()
    prepared = prepare(clean, infer_target("y", clean.column("y")), ["x"])
    rows = [k for k, v in enumerate(clean.column("y").to_pylist()) if v is not None]
    test_row = rows[split_rows(np.zeros((len(rows), 1)), 0.2, seed=0)[1][0]]
    x = clean.column("x").to_numpy().copy()
    x[test_row] = 1e6
    far = prepare(clean.set_column(0, "x", pa.array(x)), infer_target("y", clean.column("y")), ["x"])
    assert far.plan == prepared.plan
    assert far.notes["x"]["out of range"] >= 1


def test_the_encoder_in_a_file_is_checked_when_it_comes_back():
    prepared = prepare(table(), infer_target("y", table().column("y")), ["x"])
    value = json.loads(json.dumps(prepared.to_dict(), allow_nan=False))
    assert encoder_from_dict(value) == (prepared.plan, prepared.target)
    with pytest.raises(DataError, match="has no plan and target"):
        encoder_from_dict({"plan": value["plan"]})
    with pytest.raises(DataError, match="the model's target: name is 3"):
        encoder_from_dict({**value, "target": {**value["target"], "name": 3}})
    with pytest.raises(SpecificationError, match="unknown task 'cooking'"):
        encoder_from_dict({**value, "target": {**value["target"], "task": "cooking"}})


@pytest.mark.parametrize(
    ("weight", "message"),
    [(-1.0, "column 'w', row 5 .* is -1.0; a weight is at least 0"), (None, "column 'w', row 5 .* is nan")],
)
def test_a_weight_that_can_not_be_is_refused_with_its_row(weight, message):
    weights = [weight if k == 5 else 1.0 for k in range(200)]
    broken = table().set_column(1, "w", pa.array(weights))
    with pytest.raises(DataError, match=message):
        prepare(broken, infer_target("y", broken.column("y")), ["x"], Preparation(weight="w"))


def test_a_weight_of_text_or_the_target_as_weight_is_refused():
    worded = table().set_column(1, "w", pa.array(["São Paulo"] * 200))
    with pytest.raises(DataError, match="column 'w' is of string; weights are numbers of at least 0"):
        prepare(worded, infer_target("y", worded.column("y")), ["x"], Preparation(weight="w"))
    with pytest.raises(SpecificationError, match="column 'y' is the target and can't be the weight too; name another"):
        feature_columns(table(), "y", weight="y")
