"""Targets that are bent like a logarithm, and predictions that are kept within a range: in a model and its exports."""

from __future__ import annotations

import numpy as np
import pytest

from twofold.data.scaling import Scaling
from twofold.errors import SpecificationError
from twofold.network import Network, initialize
from twofold.saving import Model, load_model, save_model, to_python

Y = np.array([[0.0], [3.0], [70.0], [900.0]])
X = np.random.default_rng(5).normal(size=(50, 3)) * 4


def scaling(*, bend: bool = True) -> Scaling:
    own = Scaling(np.zeros(3), np.ones(3), np.array([10.0]), np.array([400.0]))
    own = own.bent(np.array([2.0]), Y) if bend else own
    ends = {"target_low": np.array([0.0]), "target_high": np.array([900.0])}
    return Scaling(own.mean, own.scale, own.target_mean, own.target_scale, own.target_bend, **ends)


def model(*, bend: bool = True) -> Model:
    network = Network((3, 4, 1), activation="silu", loss="squared")
    parameters = initialize(network, 1, initialization="he", dtype="float64")
    return Model(network=network, parameters=parameters, scaling=scaling(bend=bend))


def test_what_is_scaled_comes_back():
    own = scaling()
    z = own.targets(Y)
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=1e-12)
    np.testing.assert_allclose(own.predictions(z), Y, rtol=1e-12, atol=1e-12)


def test_predictions_stay_within_the_range():
    far = scaling().predictions(np.array([[-1e6], [1e6]]))
    assert far.ravel().tolist() == [0.0, 900.0]


@pytest.mark.parametrize("bend", [True, False])
def test_a_model_file_keeps_the_scale_and_the_range(tmp_path, bend):
    ours = model(bend=bend)
    save_model(tmp_path / "m.safetensors", ours)
    np.testing.assert_array_equal(load_model(tmp_path / "m.safetensors").outputs(X), ours.outputs(X))
    assert 0 <= ours.outputs(X).min() < ours.outputs(X).max() <= 900


@pytest.mark.parametrize("bend", [True, False])
def test_python_source_gives_the_same(bend):
    space: dict = {}
    exec(compile(to_python(model(bend=bend)), "model.py", "exec"), space)  # noqa: S102 - our own source
    np.testing.assert_allclose([space["outputs"](row) for row in X], model(bend=bend).outputs(X), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("bend", [True, False])
def test_onnx_gives_the_same(tmp_path, bend):
    pytest.importorskip("onnxruntime", exc_type=ImportError)
    from twofold.saving import export_onnx

    assert export_onnx(model(bend=bend), tmp_path / "m.onnx", X=X).largest_difference < 1e-9


@pytest.mark.parametrize("bend", [True, False])
def test_pytorch_gives_the_same(bend):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    from twofold.saving import to_torch

    theirs = to_torch(model(bend=bend))(torch.as_tensor(X)).detach().numpy()
    np.testing.assert_allclose(theirs, model(bend=bend).outputs(X), rtol=1e-12, atol=1e-9)


def test_a_layer_cannot_carry_a_bent_target_back():
    with pytest.raises(SpecificationError, match="bent like a logarithm"):
        scaling().unscale(model().parameters)


def test_a_range_without_a_mean_is_refused():
    with pytest.raises(SpecificationError, match="go with a target_mean"):
        Model(
            network=Network((3, 1), loss="squared"),
            parameters=initialize(Network((3, 1), loss="squared")),
            scaling=Scaling(np.zeros(3), np.ones(3), target_high=np.ones(1)),
        )
