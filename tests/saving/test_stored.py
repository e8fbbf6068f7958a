"""Files that earlier versions wrote are read for ever; `tests/stored/make_models.py` writes a new version's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from twofold import load_estimator, load_model
from twofold.estimators.saved import HOMES

STORED = sorted((Path(__file__).parents[1] / "stored").glob("*.safetensors"))
MODELS = [path for path in STORED if path.with_suffix(".json").exists()]


def test_there_are_files_to_read():
    assert {"classifier-0.1.0", "normalized-0.1.0", "regression-0.1.0"} <= {path.stem for path in MODELS}


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_stored_model_gives_the_outputs_that_it_gave(path):
    model, expected = load_model(path), json.loads(path.with_suffix(".json").read_text())
    # The same numbers; another machine's exponentials and sums may round otherwise.
    rounding = np.finfo(model.dtype).eps * 100
    O = model.outputs(np.array(expected["X"]))
    np.testing.assert_allclose(O, expected["outputs"], rtol=rounding, atol=rounding)


ESTIMATORS = [path for path in MODELS if "predictions" in json.loads(path.with_suffix(".json").read_text())]


def test_there_is_an_estimator_of_each_class():
    assert {path.stem.rpartition("-")[0] for path in ESTIMATORS} == set(HOMES)


@pytest.mark.parametrize("path", ESTIMATORS, ids=lambda path: path.stem)
def test_a_stored_estimator_predicts_what_it_predicted_and_goes_on(path):
    estimator, expected = load_estimator(path), json.loads(path.with_suffix(".json").read_text())
    X = np.array(expected["X"])
    predictions = estimator.predict(X)
    if predictions.dtype.kind == "f":
        np.testing.assert_allclose(predictions, expected["predictions"], rtol=1e-4)
    else:
        assert predictions.tolist() == expected["predictions"]
    if path.stem != "SoftmaxRegression-0.1.0":
        estimator.partial_fit(X, np.array(expected["predictions"]))


def test_all_of_a_stored_classifier_is_read():
    (path,) = (path for path in MODELS if path.stem == "classifier-0.1.0")
    model = load_model(path)
    assert (model.network.widths, model.network.activation, model.network.dropout) == ((4, 5, 3), "gelu", 0.1)
    assert (model.recipe.optimizer.name, model.recipe.clip_norm, model.recipe.epochs) == ("adam", 1.0, 3)
    assert (model.classes, model.features, model.target) == (("ant", "bee", "größe"), ("a", "b", "c", "d"), "animal")
    assert [epoch.epoch for epoch in model.history] == [1, 2, 3]
    assert model.encoder == {"columns": [{"name": "a", "mean": 0.1}]}
    assert model.arrays["curve"].tolist() == [0, 1, 2]
    assert (model.data_name, len(model.data_hash)) == ("three clouds", 64)
    assert model.environment["twofold"] == "0.1.0"


def test_all_of_a_stored_regression_is_read():
    (path,) = (path for path in MODELS if path.stem == "regression-0.1.0")
    model = load_model(path)
    assert model.dtype == "float32"
    assert model.scaling.mean.dtype == np.float64
    assert model.scaling.target_mean.shape == (1,)


def test_all_of_a_stored_network_with_normalisation_is_read():
    (path,) = (path for path in MODELS if path.stem == "normalized-0.1.0")
    model = load_model(path)
    assert (model.network.activations, model.network.normalization) == (("relu", "tanh"), "batch")
    assert (model.network.loss, model.recipe.ema_decay) == ("huber", 0.9)
    assert [sorted(layer.arrays) for layer in model.parameters] == [
        ["W", "b", "gamma", "mean", "variance"],
        ["W", "b", "gamma", "mean", "variance"],
        ["W", "b"],
    ]
