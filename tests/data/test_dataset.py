"""Data sets by name, what is in them, and their standardisation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from twofold import Dataset, Network, Samples, initialize, load_dataset, open_engine, write_idx
from twofold.data import CATALOG
from twofold.errors import DataError, DataNotFoundError, DownloadError, SpecificationError, UnknownNameError

BUILT_IN = ["synthetic", "houses", "toy-animals", "digits", "diabetes"]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_set_is_the_same_every_time_and_whole(name):
    first, again = load_dataset(name), load_dataset(name)
    np.testing.assert_array_equal(first.train.X, again.train.X)
    assert first.name == name
    assert len(first.train) > len(first.test) > 0
    assert np.isfinite(first.train.X).all()
    assert first.outputs == (len(first.classes) or 1)
    if first.classes:
        for part in (first.train, first.test):
            np.testing.assert_array_equal(np.unique(part.y), range(len(first.classes)))
    else:
        assert len(first.features) == first.inputs
        assert first.train.y.shape == (len(first.train), 1)


def test_synthetic_has_the_weights_it_is_made_of():
    data = load_dataset("synthetic")
    noise = data.train.y - (data.train.X @ [[2.0], [-3.4]] + 4.2)
    assert data.train.X.shape == (1000, 2)
    assert noise.std() == pytest.approx(0.01, rel=0.1)


def test_houses_are_in_real_units():
    data = load_dataset("houses")
    area, age = data.train.X.T
    assert (area.min() >= 40) & (area.max() <= 240) & (age.min() >= 0) & (age.max() <= 80)
    assert (data.train.y > 0).all()
    assert data.features == ("area (m^2)", "age (years)")


def test_digits_are_sixteenths_between_0_and_1():
    X = load_dataset("digits").train.X
    assert X.dtype == np.float32
    assert (X.min(), X.max()) == (0, 1)
    np.testing.assert_array_equal(X * 16, np.round(X * 16))


def test_animals_of_a_kind_are_alike():
    data = load_dataset("toy-animals")
    assert data.image_shape == (2, 2)
    assert data.train.X.dtype == np.uint8
    means = np.array([data.train.X[data.train.y == c].reshape(-1, 4).mean(axis=0) for c in range(3)])
    nearest = np.abs(data.test.X.reshape(-1, 1, 4) - means).sum(axis=2).argmin(axis=1)
    assert (nearest == data.test.y).mean() > 0.95


def test_standardised_columns_have_mean_0_and_deviation_1_and_parameters_go_back_to_the_units():
    raw = load_dataset("houses")
    data = raw.standardized()
    assert raw.needs_scaling
    assert not data.needs_scaling
    np.testing.assert_allclose([data.train.X.mean(), data.train.y.std()], [0, 1], atol=1e-12)
    network = Network((2, 3, 1), "tanh", "squared")
    scaled = open_engine("scratch", network, initialization="he", dtype="float64")
    back = open_engine("scratch", network, parameters=data.scaling.unscale(scaled.parameters()), dtype="float64")
    prices = scaled.outputs(data.test.X) * raw.train.y.std() + raw.train.y.mean()
    np.testing.assert_allclose(back.outputs(raw.test.X), prices, rtol=1e-12)


def test_a_network_with_batch_normalisation_goes_back_to_the_units_and_one_with_layer_normalisation_says_it_can_t():
    raw = load_dataset("houses")
    data = raw.standardized()
    network = Network((2, 3, 1), "tanh", "squared", normalization="batch")
    scaled = open_engine("scratch", network, initialization="he", dtype="float64")
    back = open_engine("scratch", network, parameters=data.scaling.unscale(scaled.parameters()), dtype="float64")
    prices = scaled.outputs(data.test.X) * raw.train.y.std() + raw.train.y.mean()
    np.testing.assert_allclose(back.outputs(raw.test.X), prices, rtol=1e-12)
    with pytest.raises(SpecificationError, match="scaled features can't be carried back"):
        data.scaling.unscale(initialize(replace(network, normalization="layer")))


def test_classes_and_constant_columns_are_left_alone_by_scaling():
    X = np.array([[1.0, 100.0], [1.0, 300.0]])
    data = Dataset("two", Samples(X, np.array([0, 1])), classes=("a", "b"))
    scaled = data.standardized()
    np.testing.assert_array_equal(scaled.train.X, [[0, -1], [0, 1]])
    np.testing.assert_array_equal(scaled.train.y, [0, 1])
    assert scaled.test is None
    network = Network((2, 2))
    start = open_engine("scratch", network, dtype="float64").parameters()
    ((W, b),) = scaled.scaling.unscale(start)
    np.testing.assert_allclose(X @ W + b, scaled.train.X @ start[0].W + start[0].b, rtol=1e-12)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6 + 0.1, -3e-9])
def test_a_constant_column_is_known_by_its_rounding(constant):
    X = np.column_stack([np.full(1000, constant), np.random.default_rng(0).normal(size=1000)])
    data = Dataset("c", Samples(X, X[:, 1:]))
    assert not data.needs_scaling
    assert data.standardized().scaling.scale[0] == 1


def test_data_without_classes_needs_rows_of_numbers():
    with pytest.raises(DataError, match=r"mine names no classes and y has shape \(2,\); give classes="):
        _ = Dataset("mine", Samples(np.zeros((2, 1)), [0, 1])).outputs


def test_images_need_no_scaling_and_bytes_refuse_it(animals):
    assert not animals.needs_scaling
    assert not load_dataset("digits").needs_scaling
    assert not Dataset("flat", Samples(np.zeros((3, 4), np.uint8), [0, 1, 0]), classes=("a", "b")).needs_scaling
    with pytest.raises(DataError, match="toy-animals holds image bytes"):
        animals.standardized()


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones(3), np.ones(3), r"X has shape \(3,\); expected \(samples, features\)"),
        (np.ones((3, 2)), np.ones(2), r"X has shape \(3, 2\) and y \(2,\)"),
        (np.ones((3, 2)), 1.0, r"X has shape \(3, 2\) and y \(\)"),
    ],
)
def test_samples_must_fit_each_other(X, y, message):
    with pytest.raises(DataError, match=message):
        Samples(X, y)


@pytest.mark.torch
def test_a_data_set_wraps_as_one_of_pytorch(animals):
    import torch

    wrapped = animals.as_torch_dataset("test", target_transform=lambda label: animals.classes[label])
    pixels, name = wrapped[0]
    assert len(wrapped) == 60
    assert torch.equal(pixels, torch.tensor(animals.test.X[0])[None] / 255)
    assert name == animals.classes[animals.test.y[0]]
    with pytest.raises(DataError, match="toy-animals has no part 'valid'; it has 'train' and 'test'"):
        animals.as_torch_dataset("valid")


def test_a_folder_of_idx_files_is_a_data_set(tmp_path):
    rng = np.random.default_rng(0)
    for part, n in (("train", 6), ("t10k", 3)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", rng.integers(0, 256, (n, 3, 2)).astype(np.uint8))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.arange(n, dtype=np.uint8) % 4)
    data = load_dataset(tmp_path)
    assert (len(data.train), len(data.test), data.image_shape) == (6, 3, (3, 2))
    assert data.classes == ("0", "1", "2", "3")


def test_a_folder_s_wild_labels_are_refused(tmp_path):
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images", np.zeros((2, 2, 2), np.uint8))
        write_idx(tmp_path / f"{part}-labels", np.array([0, 2**31 - 1], np.int32))
    with pytest.raises(DataError, match="labels from 0 to 2147483647; expected classes numbered from 0"):
        load_dataset(tmp_path)


def test_names_and_folders_that_are_not_there_are_told_apart(no_data, tmp_path):
    with pytest.raises(UnknownNameError, match="unknown data set 'fashion-mnits'; did you mean 'fashion-mnist'"):
        load_dataset("fashion-mnits")
    with pytest.raises(DataNotFoundError, match="no folder of IDX files there"):
        load_dataset(tmp_path / "nowhere")


def test_an_image_set_that_can_not_be_had_says_where_to_put_it(no_data, monkeypatch):
    import dataclasses

    from twofold.data.image_sets import IMAGE_SETS

    away = dataclasses.replace(IMAGE_SETS["mnist"], addresses=("http://127.0.0.1:9/",))
    monkeypatch.setitem(IMAGE_SETS, "mnist", away)
    with pytest.raises(DownloadError, match=r"train-images-idx3-ubyte.gz.*by hand, or set TWOFOLD_DATA"):
        load_dataset("mnist")


def test_fashion_mnist_is_complete(fashion):
    assert fashion.train.X.shape == (60000, 28, 28)
    assert fashion.test.X.shape == (10000, 28, 28)
    assert fashion.train.X.dtype == np.uint8
    np.testing.assert_array_equal(np.bincount(fashion.train.y), 6000)
    np.testing.assert_array_equal(np.bincount(fashion.test.y), 1000)
    assert fashion.classes[9] == "Ankle boot"
    assert fashion.train.y[0] == 9


def test_every_name_of_the_catalogue_says_what_it_is():
    assert set(BUILT_IN) < set(CATALOG)
    assert all(entry.summary for entry in CATALOG.values())
