"""An estimator on disk comes back as it was, and goes on where it was."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from twofold import (
    LinearRegression,
    MLPClassifier,
    MLPRegressor,
    Model,
    Network,
    SoftmaxRegression,
    export_onnx,
    load_estimator,
    load_model,
    open_engine,
    save_model,
    to_python,
)
from twofold.cli import main
from twofold.errors import FileFormatError, SpecificationError
from twofold.estimators.state import decode, encode, fits
from twofold.tensor_file import read_tensors, write_tensors

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 3))
NUMBERS = X @ [1.0, -2.0, 0.5] + 3
CLASSES = np.array(["ant", "bee", "cow"])[np.digitize(NUMBERS, [2, 4])]
LABELS = (X[:, :2] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["a", "b", "größe"])
SMALL = {"hidden_layer_sizes": (5, 4), "max_iter": 5, "random_state": 0, "tol": 0.0}

FITTED = {
    "linear": lambda: LinearRegression().fit(X, NUMBERS),
    "linear of several": lambda: LinearRegression().fit(FRAME, np.c_[NUMBERS, X]),
    "linear without intercept": lambda: LinearRegression(fit_intercept=False).fit(X, NUMBERS[:, None]),
    "ridge of several": lambda: LinearRegression(penalty=[0.1, 1.0]).fit(X, NUMBERS),
    "non-negative": lambda: LinearRegression(positive=True).fit(X, NUMBERS),
    "dependent": lambda: LinearRegression().fit(np.c_[X, X[:, 0]], NUMBERS),
    "linear in blocks": lambda: LinearRegression().partial_fit(X[:30], NUMBERS[:30]).partial_fit(X[30:], NUMBERS[30:]),
    "classes": lambda: MLPClassifier(**SMALL).fit(FRAME, CLASSES),
    "two classes": lambda: MLPClassifier(**SMALL, class_weight={0: 1.0, 1: 2.0}).fit(X, NUMBERS > 3),
    "whole numbers": lambda: MLPClassifier(**SMALL, solver="sgd").fit(X.astype("float32"), CLASSES == "bee"),
    "objects": lambda: MLPClassifier(**SMALL).fit(X, CLASSES.astype(object)),
    "labels": lambda: MLPClassifier(**SMALL).fit(X, LABELS),
    "early stopping": lambda: MLPClassifier(**SMALL, early_stopping=True, n_iter_no_change=math.inf).fit(X, CLASSES),
    "no hidden layer": lambda: MLPClassifier(**SMALL | {"hidden_layer_sizes": ()}).fit(X, CLASSES),
    "numbers": lambda: MLPRegressor(**SMALL).fit(X, NUMBERS),
    "several numbers": lambda: MLPRegressor(**SMALL).fit(X, np.c_[NUMBERS, X]),
    "softmax": lambda: SoftmaxRegression().fit(X, CLASSES),
    "softmax of two": lambda: SoftmaxRegression(solver="newton", C=2.0).fit(X, CLASSES == "bee"),
    "softmax by minibatches": lambda: SoftmaxRegression(solver="adam", max_iter=3, random_state=0).fit(X, CLASSES),
    "full batch": lambda: MLPRegressor(**SMALL, solver="lbfgs", activation="tanh").fit(X, NUMBERS),
}

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::twofold.solvers.solution.DependentColumnsWarning"),
]


def features(name: str) -> object:
    if name == "dependent":
        return np.c_[X, X[:, 0]]
    return FRAME if name in ("classes", "linear of several") else X


def same(first: object, second: object) -> bool:
    """Whether two attributes are the same, type by type and bit for bit."""
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second)
    if isinstance(first, list | tuple):
        return type(first) is type(second) and len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if dataclasses.is_dataclass(first):  # its fields: what it works out once and keeps is no part of it
        names = [field.name for field in dataclasses.fields(first)]
        return type(first) is type(second) and all(same(getattr(first, k), getattr(second, k)) for k in names)
    if hasattr(first, "__dict__"):
        return type(first) is type(second) and same(vars(first), vars(second))
    return first == second or str(first) == str(second) == "nan"


@pytest.mark.parametrize("name", FITTED)
def test_every_attribute_and_every_prediction_comes_back(tmp_path, name):
    estimator = FITTED[name]()
    save_model(tmp_path / "a", estimator)
    back = load_estimator(tmp_path / "a")
    assert type(back) is type(estimator)
    assert same(back.get_params(), estimator.get_params())
    assert set(vars(back)) == set(vars(estimator))
    for attribute, value in vars(estimator).items():
        expected = [dataclasses.replace(epoch, seconds=0.0) for epoch in value] if attribute == "history_" else value
        assert same(expected, vars(back)[attribute]), attribute
    data = features(name)
    for method in ("predict", "predict_proba"):
        if hasattr(estimator, method):
            ours, theirs = getattr(estimator, method)(data), getattr(back, method)(data)
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", FITTED)
def test_it_is_a_model_that_predicts_the_same(tmp_path, name):
    estimator = FITTED[name]()
    save_model(tmp_path / "a", estimator)
    model = load_model(tmp_path / "a")
    ours, theirs = estimator.predict(features(name)), model.predict(np.asarray(features(name)))
    if model.classes and ours.ndim == 1:
        assert theirs.tolist() == [str(word) for word in ours]
    else:
        np.testing.assert_allclose(theirs.reshape(ours.shape), ours, rtol=1e-6)
    if "predict_proba" in dir(estimator):
        P = estimator.predict_proba(features(name))
        np.testing.assert_allclose(model.probabilities(np.asarray(features(name))), P, rtol=1e-5)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_fitting_by_parts_goes_on_as_if_it_had_never_been_saved(tmp_path, kind, solver):
    y = CLASSES if kind is MLPClassifier else NUMBERS
    first = {"classes": np.unique(y)} if kind is MLPClassifier else {}
    estimator = kind(**SMALL, solver=solver).partial_fit(X, y, **first)
    save_model(tmp_path / "a", estimator)
    back = load_estimator(tmp_path / "a")
    for _ in range(3):
        estimator.partial_fit(X, y)
        back.partial_fit(X, y)
    assert same(estimator.coefs_, back.coefs_)
    assert same(vars(estimator)["loss_curve_"], vars(back)["loss_curve_"])


def test_least_squares_goes_on_and_tells_its_statistics(tmp_path):
    estimator = LinearRegression().partial_fit(X[:30], NUMBERS[:30])
    save_model(tmp_path / "a", estimator)
    back = load_estimator(tmp_path / "a").partial_fit(X[30:], NUMBERS[30:] + 0.1)
    estimator.partial_fit(X[30:], NUMBERS[30:] + 0.1)
    np.testing.assert_array_equal(back.coef_, estimator.coef_)
    assert str(back.summary()) == str(estimator.summary())


def test_bytes_are_numbers_and_no_image(tmp_path):
    data = rng.integers(200, size=(40, 3), dtype="uint8")
    estimator = LinearRegression().fit(data, data @ [1.0, 2.0, 3.0])
    save_model(tmp_path / "a", estimator)
    np.testing.assert_allclose(load_model(tmp_path / "a").predict(data)[:, 0], estimator.predict(data), rtol=1e-12)


def test_a_saved_estimator_is_shown(tmp_path, capsys):
    save_model(tmp_path / "a", FITTED["classes"]())
    assert main(["show", str(tmp_path / "a")]) == 0
    out = capsys.readouterr().out
    assert "estimator MLPClassifier\n" in out
    assert "features  a, b, größe\nclasses   ant, bee, cow\n" in out


def test_an_estimator_is_exported_as_it_stands(tmp_path):
    estimator = FITTED["full batch"]()
    names: dict = {}
    exec(compile(to_python(estimator), "model.py", "exec"), names)  # noqa: S102 - our own source
    np.testing.assert_allclose([names["predict"](x)[0] for x in X.tolist()], estimator.predict(X), rtol=1e-12)
    pytest.importorskip("onnxruntime")
    data = rng.integers(200, size=(40, 3), dtype="uint8")
    report = export_onnx(LinearRegression().fit(data, data @ [1.0, 2.0, 3.0]), tmp_path / "a.onnx", X=data)
    assert report.largest_output > 100
    assert report.largest_difference < 1e-9


def test_it_can_be_cloned_after_loading(tmp_path):
    save_model(tmp_path / "a", FITTED["classes"]())
    clone(load_estimator(tmp_path / "a")).fit(X, CLASSES)


def test_what_is_not_fitted_is_not_saved(tmp_path):
    with pytest.raises(NotFittedError):
        save_model(tmp_path / "a", MLPClassifier())


@pytest.mark.parametrize(
    "parameter", [{"random_state": np.random.RandomState(0)}, {"callbacks": print}, {"scoring": max}]
)
def test_a_parameter_that_is_no_plain_data_is_refused_by_name(tmp_path, parameter):
    estimator = FITTED["classes"]().set_params(**parameter)
    (name,) = parameter
    with pytest.raises(SpecificationError, match=f"^{name} holds a .*, which can't be saved; use set_params"):
        save_model(tmp_path / "a", estimator)


def test_a_class_of_ones_own_is_refused(tmp_path):
    class Mine(MLPClassifier):
        pass

    with pytest.raises(SpecificationError, match="Mine can't be saved; these can: LinearRegression, MLPClassifier"):
        save_model(tmp_path / "a", Mine(**SMALL).fit(X, CLASSES))
    with pytest.raises(SpecificationError, match="Pipeline is no model; give a Model, an engine or an estimator"):
        save_model(tmp_path / "a", make_pipeline(LinearRegression()).fit(X, NUMBERS))


def test_a_model_without_an_estimator_is_told_apart(tmp_path):
    save_model(tmp_path / "a", Model.of(open_engine("scratch", Network((3, 2)))))
    with pytest.raises(FileFormatError, match="holds a model and no estimator; read it with load_model"):
        load_estimator(tmp_path / "a")


def held(metadata: dict) -> dict:
    return metadata["estimator"]


def deep(levels: int) -> list:
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


PLANTED = {
    "a class by another name": lambda m, a: held(m).update({"class": "os.system"}),
    "a class of numbers": lambda m, a: held(m).update({"class": 3}),
    "a class of a list": lambda m, a: held(m).update({"class": []}),
    "no class": lambda m, a: held(m).pop("class"),
    "no state": lambda m, a: held(m).pop("state"),
    "a parameter that isn't one": lambda m, a: held(m)["params"].update({"code": "import os"}),
    "a kind that isn't one": lambda m, a: held(m)["params"].update({"alpha": {"eval": "1"}}),
    "two kinds": lambda m, a: held(m)["params"].update({"alpha": {"tuple": [], "dict": []}}),
    "a field that isn't one": lambda m, a: held(m)["state"].update({"_targets": {"ClassTargets": {"x": 1}}}),
    "a field of another type": lambda m, a: held(m)["state"]["_targets"]["ClassTargets"].update({"classes": 3}),
    "a choice that isn't one": lambda m, a: held(m)["state"]["_targets"]["ClassTargets"].update({"kind": "x"}),
    "fields of text": lambda m, a: held(m)["state"].update({"_targets": {"ClassTargets": "x"}}),
    "another class's": lambda m, a: held(m)["state"].update({"_targets": {"Layer": {"W": 1, "b": 2}}}),
    "an attribute that isn't one": lambda m, a: held(m)["state"].update({"predict": 1}),
    "an attribute of another type": lambda m, a: held(m)["state"].update({"n_iter_": "5"}),
    "numbers of truths": lambda m, a: held(m)["state"].update({"loss_curve_": [True]}),
    "an array that isn't there": lambda m, a: a.pop("arrays._optimizer.state.parameters.0.W"),
    "words of numbers": lambda m, a: held(m)["state"].update({"classes_": {"words": [1]}}),
    "a type of nothing": lambda m, a: held(m)["state"].update({"_dtype": {"dtype": "object"}}),
    "no targets": lambda m, a: held(m)["state"].pop("_targets"),
    "no number of features": lambda m, a: held(m)["state"].pop("n_features_in_"),
    "other classes": lambda m, a: held(m)["state"].update({"classes_": {"words": ["a", "b", "c"]}}),
    "fewer classes": lambda m, a: [
        held(m)["state"].update({"classes_": {"words": ["ant"]}}),
        held(m)["state"]["_targets"]["ClassTargets"].update({"classes": {"words": ["ant"]}}),
    ],
    "another kind of classes": lambda m, a: held(m)["state"]["_targets"]["ClassTargets"].update({"kind": "multilabel"}),
    "another type": lambda m, a: held(m)["state"].update({"_dtype": {"dtype": "int64"}}),
    "other inputs": lambda m, a: held(m)["state"].update({"n_features_in_": 4}),
    "a float of text": lambda m, a: held(m)["params"].update({"alpha": {"float": "many"}}),
    "pairs of three": lambda m, a: held(m)["params"].update({"alpha": {"dict": [[1, 2, 3]]}}),
    "keys of lists": lambda m, a: held(m)["params"].update({"alpha": {"dict": [[[], 2]]}}),
    "moments of nothing": lambda m, a: held(m)["params"].update({"alpha": {"Moments": {"dict": []}}}),
    "lists in lists": lambda m, a: held(m)["params"].update({"alpha": deep(900)}),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_refused(tmp_path, fault):
    path = tmp_path / "a"
    save_model(path, FITTED["classes"]())
    arrays, metadata = read_tensors(path, kind="model")
    PLANTED[fault](metadata, arrays)
    write_tensors(path, arrays, metadata, kind="model")
    with pytest.raises(FileFormatError) as error:
        load_estimator(path)
    assert str(error.value).startswith(str(path))


def test_least_squares_of_other_shapes_is_refused(tmp_path):
    path = tmp_path / "a"
    save_model(path, FITTED["linear"]())
    arrays, metadata = read_tensors(path, kind="model")
    write_tensors(path, arrays | {"arrays.solution_.W": np.ones((4, 1))}, metadata, kind="model")
    with pytest.raises(FileFormatError, match="solution_ has other shapes than the network"):
        load_estimator(path)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        "a",
        0.1,
        -math.inf,
        [1, (2, "b")],
        {1: "a", None: {"b": []}},
        np.array(["a", "größe"]),
        np.arange(3),
    ],
)
def test_plain_data_come_back_through_json(value):
    arrays: dict = {}
    assert same(value, decode(json.loads(json.dumps(encode(value, arrays, "value"))), arrays))


@pytest.mark.parametrize("value", [np.array([None]), np.array([1j]), {1, 2}, np.array([["a"]])])
def test_other_data_are_refused(value):
    with pytest.raises(SpecificationError, match=r"value (holds|is) a.* can't be saved"):
        encode(value, {}, "value")


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ((1, 2.0), tuple[float, float], True),
        ((1,), tuple[float, float], False),
        ({"a": 1}, dict[str, int], True),
        ({"a": "b"}, dict[str, int], False),
        (True, int, False),
        ((1, 2), tuple[int, ...], True),
    ],
)
def test_values_are_held_against_their_annotations(value, hint, expected):
    assert fits(value, hint) == expected
