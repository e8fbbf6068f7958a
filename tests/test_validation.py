"""What comes in from outside: every mistake is met with its place."""

from __future__ import annotations

import numpy as np
import pytest

from twofold import Network
from twofold.errors import DataError, SpecificationError
from twofold.validation import check_block, check_precision

CLASSES = Network((2, 3))
NUMBERS = Network((2, 1), loss="squared")
LABELS = Network((2, 2), loss="sigmoid_cross_entropy")
X = np.zeros((3, 2))
Y = [[1.0], [2.0], [3.0]]


def block(network=CLASSES, X=X, y=(0, 1, 2), weight=None, dtype="float64"):
    return check_block(network, X, y, weight, dtype=dtype)


def with_value(array, place, value):
    array = np.array(array, dtype=float)
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.zeros(2)}, "X has shape (2,); expected (samples, features): for one sample write X[None]"),
        ({"X": np.zeros((3, 4))}, "X has shape (3, 4), 4 features a sample; the network has 2 inputs"),
        ({"X": np.zeros((0, 2)), "y": []}, "X has no samples"),
        ({"X": with_value(X, (2, 1), np.nan)}, "X[2, 1] is nan; expected a finite number that float64 can hold"),
        ({"X": X.astype(str)}, "X has dtype <U32; expected real numbers"),
        ({"y": [0, 1]}, "X has 3 samples and y has 2; they must be as many"),
        ({"y": [0, 1, 3]}, "y[2] is 3; the classes of 3 outputs are 0 to 2"),
        ({"y": [0, -1, 2]}, "y[1] is -1; the classes of 3 outputs are 0 to 2"),
        ({"y": [0, 0.5, 2]}, "y has dtype float64; class indices are whole numbers from 0 to 2"),
        ({"y": ["a", "b", "c"]}, "y has dtype <U1; class indices are whole numbers from 0 to 2"),
        ({"y": np.eye(3)[:, :2]}, "y has shape (3, 2); loss 'cross_entropy' needs (3, 3) or (3,) class indices"),
        ({"y": 2}, "y has shape (); loss 'cross_entropy' needs (n, 3)"),
        ({"y": 2 * np.eye(3)}, "y[0, 0] is 2.0; a probability lies between 0 and 1"),
        ({"y": np.full((3, 3), 0.5)}, "row 0 of y sums to 1.5; probabilities of classes sum to 1"),
        (
            {"network": NUMBERS, "y": [1, 2, 3]},
            "y has shape (3,); loss 'squared' needs (3, 1); write y[:, None]",
        ),
        (
            {"network": NUMBERS, "y": with_value(Y, (0, 0), np.inf)},
            "y[0, 0] is inf; expected a finite number that float64 can hold",
        ),
        ({"network": LABELS, "y": [0, 1, 0]}, "y has shape (3,); loss 'sigmoid_cross_entropy' needs (3, 2)"),
        ({"network": LABELS, "y": -np.ones((3, 2))}, "y[0, 0] is -1.0; a probability lies between 0 and 1"),
        ({"weight": [1, 2]}, "sample_weight has shape (2,); X has 3 samples, so it must be (3,)"),
        ({"weight": [1, -2, 0]}, "sample_weight[1] is -2.0; weights are not negative"),
        ({"weight": [0, 0, 0]}, "sample_weight is zero for every sample; at least one must be positive"),
        ({"X": with_value(X, (0, 1), 1e300), "dtype": "float32"}, "X[0, 1] is 1e+300; expected a finite number that float32 can hold"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_place(arguments, message):
    with pytest.raises(DataError) as error:
        block(**arguments)
    assert str(error.value) == message


def test_image_bytes_stay_bytes_and_are_flattened():
    loaded = check_block(Network((4, 3)), np.zeros((3, 2, 2), np.uint8), [0, 1, 2], None, dtype="float32")
    assert loaded.X.dtype == np.uint8
    assert loaded.X.shape == (3, 4)
    assert len(loaded) == 3


@pytest.mark.parametrize("dtype", [np.int32, np.float16, np.bool_, ">f8", np.uint16])
def test_other_numbers_are_taken_at_their_value(dtype):
    loaded = block(X=np.ones((3, 2), dtype=dtype), dtype="float32")
    assert loaded.X.dtype == np.float32
    np.testing.assert_array_equal(loaded.X, 1)


def test_any_layout_of_memory_will_do():
    strange = np.arange(24.0).reshape(4, 6)[::-1, ::3][:3]
    np.testing.assert_array_equal(block(X=strange).X, strange)
    frozen = X.copy()
    frozen.flags.writeable = False
    assert block(X=frozen).X.shape == (3, 2)


def test_whole_floats_and_bools_are_class_indices():
    np.testing.assert_array_equal(block(y=[0.0, 1.0, 2.0]).y, [0, 1, 2])
    assert block(y=np.array([True, False, True])).y.dtype == np.int64


def test_an_unknown_precision_is_refused():
    with pytest.raises(SpecificationError, match="dtype is 'float16'; it must be 'float32' or 'float64'"):
        check_precision("float16")
