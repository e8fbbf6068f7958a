"""Models on disk: what was saved comes back exactly and goes on in any engine; anything else is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from helpers import every_one, random_dataset
from twofold import (
    Dataset,
    Layer,
    Model,
    Network,
    Recipe,
    Samples,
    TableEncoder,
    load_dataset,
    load_model,
    open_engine,
    save_model,
    train,
)
from twofold.data import data_hash
from twofold.data.scaling import Scaling
from twofold.errors import DataError, DataNotFoundError, FileFormatError, SpecificationError
from twofold.functions import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS, SCHEDULES, softmax
from twofold.tensor_file import read_tensors, write_tensors

RECIPE = Recipe(epochs=2, batch_size=10, learning_rate=0.05)


def trained(network: Network, *, dtype="float64", **more) -> Model:
    data = random_dataset(network)
    engine = open_engine("scratch", network, initialization="xavier", dtype=dtype)
    return Model.of(engine, data, recipe=RECIPE, history=train(engine, data, RECIPE), **more)


def houses() -> Model:
    raw = load_dataset("houses")
    data = raw.standardized()
    engine = open_engine("scratch", Network((2, 3, 1), loss="squared"), dtype="float64")
    return Model.of(engine, data, raw=raw, recipe=RECIPE, history=train(engine, data, RECIPE))


def same(first, second) -> bool:
    """Whether two networks' parameters are the same to the bit."""
    arrays = [[array for layer in parameters for array in layer] for parameters in (first, second)]
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(*arrays, strict=True))


def round_trip(model, tmp_path) -> Model:
    save_model(tmp_path / "model.safetensors", model)
    return load_model(tmp_path / "model.safetensors")


def tampered(path, change) -> None:
    """Write a model file again after a change to its arrays or metadata, under a right sum."""
    arrays, metadata = read_tensors(path, kind="model")
    change(arrays, metadata)
    write_tensors(path, arrays, metadata, kind="model")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("activation", "loss"), every_one(ACTIVATIONS, [*LOSSES, "quantile:0.9"]))
def test_every_activation_and_loss_comes_back_to_the_bit(tmp_path, activation, loss, dtype):
    network = Network((4, 5, 3), activation, loss, dropout=0.25)
    model = trained(network, dtype=dtype)
    back = round_trip(model, tmp_path)
    assert back.network == network
    assert back.dtype == dtype
    assert same(back.parameters, model.parameters)
    X = np.random.default_rng(1).standard_normal((7, 4))
    np.testing.assert_array_equal(back.outputs(X), model.outputs(X))
    np.testing.assert_array_equal(back.predict(X), model.predict(X))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activation", ["relu", ("relu", "tanh")])
def test_every_normalisation_and_an_activation_per_layer_come_back(tmp_path, normalization, activation):
    model = trained(Network((4, 5, 6, 3), activation, normalization=normalization))
    back = round_trip(model, tmp_path)
    assert back.network == model.network
    assert [sorted(layer.arrays) for layer in back.parameters] == [sorted(layer.arrays) for layer in model.parameters]
    assert same(back.parameters, model.parameters)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_recipe_comes_back(tmp_path, optimizer, schedule):
    recipe = Recipe(optimizer=optimizer, schedule=schedule, clip_norm=0.1, learning_rate=1 / 3, seed=2**64 - 1)
    model = replace(trained(Network((2, 2))), recipe=recipe)
    assert round_trip(model, tmp_path).recipe == recipe


def test_all_that_is_known_of_a_model_comes_back(tmp_path):
    encoder, estimator = {"columns": [{"kind": "number", "mean": 0.1}]}, {"class": "MLPClassifier"}
    more = {
        "encoder": encoder,
        "estimator": estimator,
        "arrays": {"curve": np.arange(3)},
        "environment": {"twofold": "x"},
    }
    model = replace(houses(), **more)
    back = round_trip(model, tmp_path)
    for name in ("classes", "features", "target", "data_name", "data_hash", "encoder", "estimator"):
        assert getattr(back, name) == getattr(model, name), name
    assert back.features == ("area (m^2)", "age (years)")
    assert back.history == tuple(replace(epoch, seconds=0.0) for epoch in model.history)
    assert len(back.history) == RECIPE.epochs
    assert back.environment == {"twofold": "x"}
    assert back.arrays["curve"].tolist() == [0, 1, 2]
    for name, array in asdict(model.scaling).items():
        np.testing.assert_array_equal(getattr(back.scaling, name), array, strict=True)


def test_a_history_of_many_epochs_fits(tmp_path):
    model = houses()
    many = tuple(replace(model.history[0], epoch=k, epochs=20_000, loss=1 / k) for k in range(1, 20_000 + 1))
    assert round_trip(replace(model, history=many), tmp_path).history == tuple(replace(e, seconds=0.0) for e in many)


def test_the_same_training_writes_the_same_file(tmp_path):
    for name in ("a", "b"):
        save_model(tmp_path / name, houses())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_saved_model_tells_its_data_by_their_hash_and_its_versions(tmp_path):
    model = round_trip(houses(), tmp_path)
    assert model.data_hash == data_hash(load_dataset("houses").train)
    assert {"twofold", "python", "numpy"} <= set(model.environment)


@pytest.mark.torch
@pytest.mark.parametrize(("first", "second"), [("scratch", "concise"), ("concise", "scratch"), ("fused", "scratch")])
def test_weights_trained_in_one_engine_go_on_in_another(tmp_path, first, second):
    pytest.importorskip("torch")
    network = Network((4, 5, 3))
    data = random_dataset(network)
    engine = open_engine(first, network, dtype="float64")
    list(train(engine, data, RECIPE))
    save_model(tmp_path / "model.safetensors", engine)
    other = load_model(tmp_path / "model.safetensors").open_engine(second)
    assert (other.name, other.dtype) == (second, "float64")
    assert same(other.parameters(), engine.parameters())
    list(train(engine, data, RECIPE))
    list(train(other, data, RECIPE))
    for ours, theirs in zip(engine.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(ours.W, theirs.W, rtol=0, atol=1e-14)


def test_outputs_and_predictions_are_in_the_units_of_the_data():
    raw = load_dataset("houses")
    model = houses()
    scaled = model.scaling.features(raw.train.X)
    O = model.open_engine("scratch").outputs(scaled)
    np.testing.assert_array_equal(
        model.predict(raw.train.X), O * model.scaling.target_scale + model.scaling.target_mean
    )
    assert abs(model.predict(raw.train.X).mean() / raw.train.y.mean() - 1) < 0.1


def test_whole_numbers_that_fit_a_byte_are_columns_and_not_image_bytes_when_the_model_was_scaled():
    X = np.array([[120, 10], [80, 30]], dtype="uint8")
    np.testing.assert_array_equal(houses().predict(X), houses().predict(X.astype(float)))


def test_images_that_were_standardised_are_predicted_from(tmp_path):
    X = np.random.default_rng(0).uniform(size=(6, 2, 3))
    data = Dataset("images", Samples(X, np.arange(6) % 2), classes=("a", "b")).standardized()
    engine = open_engine("scratch", Network((6, 2)), initialization="xavier", dtype="float64")
    model = round_trip(Model.of(engine, data), tmp_path)
    np.testing.assert_array_equal(model.outputs(X), engine.outputs(data.train.X))


def test_classes_are_predicted_by_name_and_else_by_index():
    model = trained(Network((4, 3)))
    X = np.random.default_rng(1).standard_normal((9, 4))
    indices = model.outputs(X).argmax(axis=1)
    np.testing.assert_array_equal(model.predict(X), indices)
    named = replace(model, classes=("ant", "bee", "cow"))
    assert named.predict(X).tolist() == [named.classes[i] for i in indices]
    np.testing.assert_array_equal(named.probabilities(X), softmax(model.outputs(X)))


def test_labels_are_predicted_each_for_itself():
    model = trained(Network((4, 3), loss="sigmoid_cross_entropy"))
    X = np.random.default_rng(1).standard_normal((9, 4))
    np.testing.assert_array_equal(model.predict(X), model.probabilities(X) > 0.5)


def test_one_output_with_two_names_tells_two_classes_apart():
    model = replace(trained(Network((4, 1), loss="sigmoid_cross_entropy")), classes=("no", "yes"))
    X = np.random.default_rng(1).standard_normal((9, 4))
    P = model.probabilities(X)
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-15)
    assert model.predict(X).tolist() == [model.classes[int(p[1] > 0.5)] for p in P]


def test_numbers_have_no_probabilities():
    with pytest.raises(SpecificationError, match="'squared' is one for numbers, which have no probabilities"):
        houses().probabilities([[1.0, 2.0]])


def test_features_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="3 features a sample; the network has 2 inputs"):
        houses().predict([[1.0, 2.0, 3.0]])
    with pytest.raises(DataError, match=r"X\[0, 1\] is nan"):
        houses().predict([[1.0, float("nan")]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("a", "b", "c")}, "3 names of classes; the network has 1 outputs"),
        ({"features": ("a",)}, "1 names of features; the network has 2 inputs"),
        ({"parameters": ()}, r"the parameters are of \[\]; expected all float32 or all float64"),
        ({"parameters": (Layer(np.ones((2, 3), "float16"), np.ones(3, "float16")),)}, r"of \['float16'\]"),
        ({"parameters": (Layer(np.ones((2, 3)), np.ones(3, "float32")),)}, r"of \['float32', 'float64'\]"),
        ({"parameters": (Layer(np.ones((2, 3)), np.ones(3)),)}, "parameters have shapes"),
        ({"scaling": Scaling(np.zeros(3), np.ones(3))}, r"mean has shape \(3,\)"),
        ({"scaling": Scaling(np.zeros(2), np.array([1.0, 0.0]))}, "expected positive numbers of float64"),
        ({"scaling": Scaling(np.zeros(2), np.ones(2, "float32"))}, "scale has shape .* dtype float32"),
        ({"scaling": Scaling(np.zeros(2), np.ones(2), np.zeros(1))}, "come together or not at all"),
        ({"scaling": Scaling(np.zeros(2), np.ones(2), np.zeros(2), np.ones(2))}, "target_mean has shape"),
    ],
)
def test_a_model_whose_parts_disagree_cannot_be_made(change, message):
    with pytest.raises(SpecificationError, match=message):
        replace(houses(), **change)


@pytest.mark.parametrize("thing", [3, None, "model", np.ones(3)])
def test_what_is_no_model_is_not_saved(tmp_path, thing):
    with pytest.raises(SpecificationError, match="is no model; give a Model, an engine or an estimator"):
        save_model(tmp_path / "a", thing)


def test_anything_that_tells_its_model_can_be_saved(tmp_path):
    class Estimator:
        def to_model(self):
            return houses()

    assert round_trip(Estimator(), tmp_path).target == load_dataset("houses").target


def test_a_model_prints_in_a_line():
    assert repr(houses()) == "<Model 2-3-1, relu, squared; 13 parameters of float64; 2 epochs>"


def test_saving_into_no_folder_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        save_model(tmp_path / "no" / "a", houses())
    with pytest.raises(DataNotFoundError):
        load_model(tmp_path / "no" / "a")


def _set(key, value):
    return lambda arrays, metadata: metadata.update({key: value})


def _set_in(key, name, value):
    return lambda arrays, metadata: metadata[key].update({name: value})


def _normalized_wrongly(arrays, metadata):
    metadata["network"]["normalization"] = "batch"
    arrays.update({f"layers.0.{name}": -np.ones(3) for name in ("gamma", "mean", "variance")})


PLANTED = {
    "shapes": (lambda arrays, _: arrays.update({"layers.0.W": np.ones((3, 2))}), "parameters have shapes"),
    "one layer more": (lambda arrays, _: arrays.update({"layers.2.W": np.ones((1, 1))}), "no place .* 'layers.2.W'"),
    "one layer less": (lambda arrays, _: arrays.pop("layers.1.b"), "has 2 layers; layers.1.b is missing"),
    "integers": (lambda arrays, _: arrays.update({"layers.0.b": np.ones(3, int)}), r"of \['float64', 'int64'\]"),
    "mixed": (lambda arrays, _: arrays.update({"layers.0.b": np.ones(3, "float32")}), "expected all float32"),
    "nan": (lambda arrays, _: arrays["layers.0.W"].fill(np.nan), r"layers.0.W\[0, 0\] is nan"),
    "infinity": (lambda arrays, _: arrays["layers.1.b"].fill(np.inf), r"layers.1.b\[0\] is inf"),
    "a stranger's array": (lambda arrays, _: arrays.update({"x": np.ones(1)}), "no place in the network for .* 'x'"),
    "half a scaling": (lambda arrays, _: arrays.pop("scaling.scale"), "scaling.mean and scaling.scale come together"),
    "half a target's": (lambda arrays, _: arrays.pop("scaling.target_scale"), "come together or not at all"),
    "a scale of 0": (lambda arrays, _: arrays["scaling.scale"].fill(0), "expected positive numbers"),
    "a normalisation that isn't": (lambda arrays, _: arrays.update({"layers.0.gamma": np.ones(3)}), "have shapes"),
    "negative variance": (_normalized_wrongly, "negative variance"),
    "no network": (lambda _, metadata: metadata.pop("network"), "the metadata has"),
    "one key more": (_set("code", "import os"), "the metadata has"),
    "network of text": (_set("network", "mlp"), "network is 'mlp'; expected a JSON object"),
    "unknown activation": (
        _set_in("network", "activation", "rleu"),
        "network: unknown activation 'rleu'; did you mean",
    ),
    "unknown field": (_set_in("network", "attention", 1), "has a field 'attention', which is not known here; upgrade"),
    "no widths": (lambda _, metadata: metadata["network"].pop("widths"), "network has no field 'widths'"),
    "widths of text": (_set_in("network", "widths", ["2", "1"]), r"network: widths is \['2', '1'\]; expected tuple"),
    "widths of truth": (_set_in("network", "widths", [True, 1]), "network: widths is"),
    "huge widths": (_set_in("network", "widths", [10**18, 10**18, 10**18]), "no computer holds that many weights"),
    "other widths": (_set_in("network", "widths", [2, 1]), "parameters have shapes|no place"),
    "dropout of text": (_set_in("network", "dropout", "0"), "network: dropout is '0'; expected float"),
    "dropout of 2": (_set_in("network", "dropout", 2), "network: dropout is 2; it must be"),
    "recipe of a list": (_set("recipe", [1]), r"recipe is \[1\]; expected a JSON object"),
    "recipe's epochs": (_set_in("recipe", "epochs", 0), "recipe: epochs is 0; it must be"),
    "recipe's type": (_set_in("recipe", "epochs", 1.5), "recipe: epochs is 1.5; expected int"),
    "classes of numbers": (_set("classes", [1, 2, 3]), r"classes is \[1, 2, 3\]; expected a list of texts"),
    "classes": (_set("classes", ["a", "b", "c"]), "3 names of classes"),
    "features": (_set("features", ["a"]), "1 names of features"),
    "target": (_set("target", None), "target is None; expected text"),
    "history": (_set("history", 3), "history is 3; expected an object of lists"),
    "an epoch": (_set("history", {"epoch": [1]}), "history has no field 'epochs'"),
    "epochs of two lengths": (_set_in("history", "epoch", [1]), "the lists of the history are not of one length"),
    "epochs of no list": (_set_in("history", "epoch", 1), "the lists of the history are not of one length"),
    "an epoch of text": (_set_in("history", "loss", ["a", "b"]), "history: loss is 'a'; expected float"),
    "an epoch in the old way": (_set("history", [{"epoch": 1}]), "history has no field 'epochs'"),
    "encoder": (_set("encoder", []), r"encoder is \[\]; expected an object or null"),
    "environment": (_set("environment", {"a": 1}), "environment is {'a': 1}; expected texts by name"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_refused_with_its_reason(tmp_path, fault):
    change, message = PLANTED[fault]
    path = tmp_path / "model.safetensors"
    save_model(path, houses())
    tampered(path, change)
    with pytest.raises(FileFormatError, match=message) as error:
        load_model(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def numbers_within(value, place=()):
    """List the places of all numbers in JSON."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [found for key, item in items for found in numbers_within(item, (*place, key))]
    return [place] if type(value) in (int, float) else []


def test_a_whole_number_beyond_all_doubles_is_refused_in_one_line_wherever_it_stands(tmp_path):
    path = tmp_path / "model.safetensors"
    encoder = TableEncoder().fit({"a": [1.0, 2.0, None, 5.0], "b": ["x", "y", "x", "y"]}).to_dict()
    save_model(path, replace(houses(), encoder=encoder))
    arrays, metadata = read_tensors(path, kind="model")
    places = numbers_within(metadata)
    assert {place[0] for place in places} == {"network", "recipe", "history", "encoder"}
    for *way, last in places:
        changed = inside = json.loads(json.dumps(metadata))
        for key in way:
            inside = inside[key]
        inside[last] = -(10**400)
        write_tensors(path, arrays, changed, kind="model")
        with pytest.raises(FileFormatError, match=r"the metadata is not sound JSON: the number -1000.* digits$"):
            load_model(path)


def test_tampering_with_nothing_is_not_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, houses())
    tampered(path, lambda arrays, metadata: None)
    load_model(path)


def test_the_file_holds_no_more_than_it_says(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, houses())
    blob = path.read_bytes()
    header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])
    assert {name for name in header if name.startswith("layers")} == {
        f"layers.{index}.{name}" for index in range(2) for name in "Wb"
    }
