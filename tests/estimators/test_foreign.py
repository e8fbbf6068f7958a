"""What is no array of numbers at an estimator's face: it works as meant, or is refused in one line that says where."""

from __future__ import annotations

import datetime as dt
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from twofold import Dataset, LinearRegression, MLPClassifier, MLPRegressor, Samples, SoftmaxRegression
from twofold.errors import CellError, DataError

N = 40
X = np.random.default_rng(0).standard_normal((N, 2))
CLASSES = np.arange(N) % 2
DATES = [dt.date(2020, 1, 1) + dt.timedelta(k) for k in range(N)]
FACES = {
    "linear": LinearRegression,
    "softmax": lambda: SoftmaxRegression(max_iter=3),
    "classifier": lambda: MLPClassifier((3,), max_iter=2, engine="scratch", random_state=0),
    "regressor": lambda: MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, engine="scratch", random_state=0),
}


def frame(library, values):
    if library == "pandas":
        return pd.DataFrame({"x": X[:, 0], "c": values})
    made = {"x": X[:, 0].tolist(), "c": list(values)}
    return pl.DataFrame(made) if library == "polars" else pa.table(made)


FEATURES = {
    "masked": (np.ma.masked_array(X, X > 1), "X has .* masked cells; fill or drop them"),
    "times": (np.c_[np.array(DATES, "datetime64[D]"), np.array(DATES, "datetime64[D]")], "X holds datetime64"),
    "whole numbers beyond doubles": (
        np.c_[2**53 + 1 + 2 * np.arange(N), CLASSES],
        r"X\[:, 0\], row 0 .* 9007199254740993",
    ),
    "unsigned ones": (
        np.full((N, 1), 2**64 - 1, np.uint64),
        r"X\[:, 0\], row 0 .* is 18446744073709551615, which no double is",
    ),
    "sparse ones": (sparse.csr_array(np.full((N, 1), 2**53 + 1)), "which no double is"),
    "lists of large numbers": ([[10**400, 1.0]] * N, r"X\[:, 0\], row 0 .* is 1000"),
    "text": (np.array([["a", "b"]] * N), r"X\[:, 0\], row 0 .* 'a'.*; expected numbers"),
    "ragged": ([[1, 2]] * (N - 1) + [[1]], "X, row 0"),
    "records": ([{"a": 1.0}] * N, "X, row 0"),
    **{
        f"{what} in {library}": (frame(library, values), f"column 'c'{where}")
        for library in ("pandas", "polars", "arrow")
        for what, values, where in (
            ("text", ["a", "b"] * (N // 2), ", row 0"),
            ("dates", DATES, ""),
            ("lists", [[1, 2]] * N, ", row 0"),
            ("large numbers", [2**53 + 1] * N, ", row 0 .* which no double is"),
        )
    },
    "pandas intervals": (pd.DataFrame({"c": pd.cut(pd.Series(X[:, 0]), 3)}), "column 'c', row 0"),
    "pandas periods": (pd.DataFrame({"c": pd.period_range("2020", periods=N, freq="M")}), "column 'c' holds period"),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("what", FEATURES)
def test_features_that_are_no_numbers_are_refused_in_one_line(face, what):
    features, message = FEATURES[what]
    with pytest.raises(DataError, match=message) as error:
        FACES[face]().fit(features, CLASSES)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("what", ["masked", "times", "text"])
def test_they_are_refused_when_predicted_for_too(what):
    features, message = FEATURES[what]
    with pytest.raises(DataError, match=message):
        LinearRegression().fit(X, CLASSES).predict(features)


TARGETS = {
    "masked": (np.ma.masked_array(CLASSES, CLASSES == 0), "y has 20 masked cells"),
    "times": (np.array(DATES, "datetime64[D]"), "y holds datetime64"),
    "whole numbers beyond doubles": (2**53 + 1 + CLASSES, "y, row 0 .* is 9007199254740993, which no double is"),
    "text": (["a", "b"] * (N // 2), "y .*not all of it is numbers; expected numbers"),
    "large numbers": ([10**400, 1] * (N // 2), "y, row 0"),
    "Arrow's unions": (
        pa.UnionArray.from_sparse(pa.array([0] * N, pa.int8()), [pa.array(range(N)), pa.array(["a"] * N)]),
        "X or y is nothing that NumPy makes numbers or classes of",
    ),
}


@pytest.mark.parametrize("face", ["linear", "regressor"])
@pytest.mark.parametrize("what", TARGETS)
def test_targets_that_are_no_numbers_are_refused_in_one_line(face, what):
    targets, message = TARGETS[what]
    with pytest.raises(DataError, match=message) as error:
        FACES[face]().fit(X, targets)
    assert "\n" not in str(error.value)


def test_classes_that_are_no_classes_are_refused_in_one_line():
    dictionary = pa.DictionaryArray.from_arrays(pa.array([0, 1] * (N // 2), pa.int8()), pa.array(["a", None]))
    for targets in (pd.Series([1, pd.NA] * (N // 2), dtype=object), dictionary):
        with pytest.raises(CellError, match="y is nothing that NumPy makes numbers or classes of"):
            FACES["classifier"]().fit(X, targets)


@pytest.mark.parametrize(
    "weight",
    [np.ma.masked_array(np.ones(N), CLASSES == 0), np.ones(N) + 1j, np.array(DATES, "datetime64[D]"), [10**400] * N],
    ids=["masked", "complex", "times", "large"],
)
@pytest.mark.parametrize("face", FACES)
def test_weights_that_are_no_numbers_are_refused_in_one_line(face, weight):
    with pytest.raises(DataError, match="sample_weight"):
        FACES[face]().fit(X, CLASSES, sample_weight=weight)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
def test_labels_may_be_sparse(form):
    labels = np.c_[CLASSES, X[:, 0] > 0, X[:, 1] > 0].astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dense = FACES["classifier"]().fit(X, labels).predict_proba(X)
        np.testing.assert_array_equal(FACES["classifier"]().fit(X, form(labels)).predict_proba(X), dense)


@pytest.mark.parametrize("face", ["linear", "regressor"])
def test_float16_is_taken_without_a_warning(face):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        FACES[face]().fit(X.astype(np.float16), (100 * X[:, 0]).astype(np.float16)).predict(X.astype(np.float16))


def test_whole_numbers_beyond_2_53_that_doubles_are_count():
    powers = 2.0 ** np.arange(53, 63)
    model = LinearRegression().fit(powers.astype(np.int64)[:, None], powers)
    assert model.coef_ == pytest.approx([1])


def test_a_mask_without_a_masked_cell_is_no_mask():
    LinearRegression().fit(np.ma.masked_array(X), np.ma.masked_array(CLASSES))


def test_masked_samples_are_refused_in_a_data_set():
    masked = np.ma.masked_array(X, X > 1)
    with pytest.raises(DataError, match=r"X has .* masked cells"):
        Dataset("d", Samples(masked, CLASSES), classes=("a", "b"))
    with pytest.raises(DataError, match="sample_weight has 40 masked cells"):
        Samples(X, CLASSES, np.ma.masked_all(N))
