"""Exports compute what the model computes, and say by how much they don't."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from helpers import every_one, random_dataset
from twofold import Model, Network, export_onnx, load_dataset, open_engine, save_model, to_python, to_torch
from twofold.cli import main
from twofold.data.scaling import Scaling
from twofold.errors import DataError, MissingDependencyError, SpecificationError, TwofoldError
from twofold.functions import ACTIVATIONS, LOSSES, NORMALIZATIONS, sigmoid, softmax
from twofold.functions.links import IDENTITY
from twofold.saving import onnx_graph, python_source

SCALING = Scaling(np.array([1e3, 0.0, -5.0]), np.array([10.0, 1.0, 2.0]))


def made(
    activation="tanh", loss="cross_entropy", *, dtype="float64", scaled=False, widths=(3, 4, 2), **options
) -> Model:
    network = Network(widths, activation, loss, **options)
    drawn = open_engine("scratch", network, initialization="he", dtype=dtype).parameters()
    rng = np.random.default_rng(0)
    rest = [{name: rng.uniform(0.5, 2, a.shape).astype(dtype) for name, a in layer.arrays.items()} for layer in drawn]
    parameters = tuple(replace(layer, **more | {"W": layer.W}) for layer, more in zip(drawn, rest, strict=True))
    scaling = SCALING if scaled else None
    if scaled and LOSSES[loss].link is IDENTITY:
        scaling = replace(SCALING, target_mean=np.array([100.0, 7.0]), target_scale=np.array([50.0, 0.5]))
    return Model(network=network, parameters=parameters, scaling=scaling)


def samples(model: Model, n=20) -> np.ndarray:
    X = 3 * random_dataset(model.network, n).train.X
    return X if model.scaling is None else X * model.scaling.scale + model.scaling.mean


def module_of(model: Model) -> dict:
    """Run the source of a model and return its names."""
    names: dict = {}
    exec(compile(to_python(model), "model.py", "exec"), names)  # noqa: S102 - our own source
    return names


@pytest.fixture(scope="module")
def onnxruntime():
    pytest.importorskip("onnx")
    return pytest.importorskip("onnxruntime")


every_function = pytest.mark.parametrize(("activation", "loss"), every_one(ACTIVATIONS, LOSSES))
scaled_or_not = pytest.mark.parametrize("scaled", [False, True])


@every_function
@scaled_or_not
def test_python_computes_the_same_outputs(activation, loss, scaled):
    model = made(activation, loss, scaled=scaled)
    X = samples(model)
    names = module_of(model)
    O = np.array([names["outputs"](x) for x in X.tolist()])
    np.testing.assert_allclose(O, model.outputs(X), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose([names["predict"](x) for x in X.tolist()], model.predict(X), rtol=1e-12, atol=1e-12)
    if not LOSSES[loss].targets.has_accuracy:
        assert "probabilities" not in names
    else:
        P = np.array([names["probabilities"](x) for x in X.tolist()])
        np.testing.assert_allclose(P, model.probabilities(X), rtol=1e-12, atol=1e-15)


normalized = pytest.mark.parametrize("normalization", NORMALIZATIONS)


@normalized
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_normalisation_is_exported(tmp_path, normalization, dtype, onnxruntime):
    activations, widths = ("relu", "gelu", "relu"), (3, 5, 4, 6, 2)
    model = made(activations, dtype=dtype, scaled=True, widths=widths, normalization=normalization)
    X = samples(model)
    O = model.outputs(X)
    assert np.ptp(O, axis=0).min() > 0.1
    limit = 1e-5 if dtype == "float32" else 1e-12
    names = module_of(model)
    assert f"3-5-4-6-2, relu, gelu, {normalization} normalisation, cross_entropy" in names["__doc__"]
    np.testing.assert_allclose([names["outputs"](x) for x in X.tolist()], O, rtol=0, atol=limit)
    report = export_onnx(model, tmp_path / "a.onnx", X=X)
    assert report.largest_difference < max(limit, 1e-6)  # the erf of GELU, and the epsilon, are float32 there


@pytest.mark.torch
@normalized
def test_every_normalisation_is_in_the_torch_module(normalization):
    torch = pytest.importorskip("torch")
    model = made(("relu", "tanh"), widths=(3, 5, 4, 2), normalization=normalization)
    X = samples(model)
    module = to_torch(model)
    assert [name for name, _ in module.named_children()] == [
        *("flatten", "hidden1", "normalize1", "relu1", "hidden2", "normalize2", "tanh2", "output")
    ]
    assert module.hidden1.bias is None
    with torch.no_grad():
        np.testing.assert_allclose(module(torch.from_numpy(X)).numpy(), model.outputs(X), rtol=0, atol=1e-13)


@normalized
def test_normalisation_without_gelu_is_exact_in_onnx(tmp_path, normalization, onnxruntime):
    report = export_onnx(made("relu", widths=(3, 5, 2), normalization=normalization), tmp_path / "a.onnx")
    assert report.largest_difference < (1e-13 if normalization == "batch" else 1e-10)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_python_is_finite_far_out(activation):
    names = module_of(made(activation, "sigmoid_cross_entropy"))
    for x in ([1e4, -1e4, 1e4], [-1e4, 1e4, -1e4]):
        assert np.isfinite(names["outputs"](x)).all()
        assert np.isfinite(names["probabilities"](x)).all()


def test_weights_of_float32_are_written_exactly():
    model = made(dtype="float32")
    assert np.float32(module_of(model)["W1"]).T.tobytes("C") == model.parameters[0].W.tobytes()


def test_python_names_the_classes():
    model = replace(made(), classes=("dog", "cat"), features=("a", "b", "c"))
    names = module_of(model)
    assert names["FEATURES"] == ["a", "b", "c"]
    X = samples(model)
    assert [names["predict"](x) for x in X.tolist()] == model.predict(X).tolist()
    pair = replace(made(loss="sigmoid_cross_entropy", widths=(3, 1)), classes=("no", "yes"))
    assert [module_of(pair)["predict"](x) for x in X.tolist()] == pair.predict(X).tolist()


def test_a_strangers_words_stay_words_in_the_source():
    words = '"""\nimport os\n', "']; x = 1 #", "\\"
    model = replace(made(), features=words, classes=words[:2], target=words[0], data_name=words[0])
    names = module_of(model)
    assert names["FEATURES"] == list(words)
    assert "os" not in names
    assert "x" not in names


def test_python_refuses_a_sample_of_another_length():
    with pytest.raises(ValueError, match="the sample has 2 numbers; expected 3"):
        module_of(made())["outputs"]([1.0, 2.0])


def test_python_is_refused_for_a_large_network():
    model = Model.of(open_engine("scratch", Network((100, 100))))
    with pytest.raises(SpecificationError, match="has 10100 parameters; as Python source at most 10000 are written"):
        to_python(model)


def test_the_source_runs_without_any_library(tmp_path):
    model = made("gelu")
    (tmp_path / "model.py").write_text(to_python(model))
    script = "import sys; sys.path.insert(0, sys.argv[1]); import model; print(model.outputs([1, 2, 3])); print('numpy' in sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", script, str(tmp_path)]
    outputs, numpy = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    np.testing.assert_allclose(json.loads(outputs), model.outputs([[1.0, 2.0, 3.0]])[0], rtol=1e-12)
    assert numpy == "False"


@every_function
@scaled_or_not
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_onnx_computes_the_same_outputs_and_probabilities(tmp_path, onnxruntime, activation, loss, scaled, dtype):
    model = made(activation, loss, dtype=dtype, scaled=scaled)
    path = tmp_path / "model.onnx"
    X = samples(model)
    report = export_onnx(model, path, X=X)
    assert report.samples == len(X)
    limit = 3e-6 if dtype == "float32" or activation == "gelu" else 1e-13
    assert 0 <= report.largest_difference <= limit * max(1, report.largest_output)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    kind = {"tensor(double)": "float64", "tensor(float)": "float32"}[session.get_inputs()[0].type]
    assert kind == ("float64" if scaled else dtype)
    found = dict(
        zip([output.name for output in session.get_outputs()], session.run(None, {"X": X.astype(kind)}), strict=True)
    )
    ours = model.outputs(X.astype(kind))
    assert found["outputs"].dtype == ours.dtype
    assert np.abs(found["outputs"] - ours).max() == report.largest_difference
    link = LOSSES[loss].link
    assert found.keys() == {"outputs"} | ({link.meaning} if link is not IDENTITY else set())
    if link is not IDENTITY:
        meant = {"softmax": softmax, "sigmoid": sigmoid, "exp": np.exp}[link.name](ours)
        off = max(limit, 1e-6 * (dtype == "float32"))
        np.testing.assert_allclose(found[link.meaning], meant, rtol=off, atol=off)


def test_onnx_holds_the_names(tmp_path, onnxruntime):
    model = replace(made(), classes=("größe", "b"), features=("x", "y", "z"), data_hash="0" * 64)
    report = export_onnx(model, tmp_path / "a.onnx")
    assert report.samples == 64
    assert str(report).startswith(f"{tmp_path / 'a.onnx'}: on 64 samples onnxruntime's outputs differ")
    found = onnxruntime.InferenceSession(tmp_path / "a.onnx").get_modelmeta().custom_metadata_map
    assert {name: json.loads(value) for name, value in found.items()} == {
        "classes": ["größe", "b"],
        "features": ["x", "y", "z"],
        "data_hash": "0" * 64,
    }


def test_onnx_is_compared_on_image_bytes_as_numbers_from_0_to_1(tmp_path, onnxruntime):
    model = made(dtype="float32", widths=(4, 3))
    X = np.random.default_rng(0).integers(256, size=(9, 2, 2), dtype="uint8")
    report = export_onnx(model, tmp_path / "a.onnx", X=X)
    assert report.largest_output == np.abs(model.outputs(X)).max()
    assert report.largest_difference < 1e-5


def test_onnx_samples_that_do_not_fit_are_refused(tmp_path, onnxruntime):
    for X, message in ((np.ones((2, 4)), "4 features a sample"), (np.ones((0, 3)), "X has no samples")):
        with pytest.raises(DataError, match=message):
            export_onnx(made(), tmp_path / "a.onnx", X=X)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_graph_is_not_written(tmp_path, onnxruntime, monkeypatch):
    monkeypatch.setitem(onnx_graph.OPERATORS, "tanh", "Sigmoid")
    with pytest.raises(TwofoldError, match="not written, this is more than rounding"):
        export_onnx(made("tanh"), tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_onnx_without_its_libraries_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'twofold\[onnx\]'"):
        export_onnx(made(), tmp_path / "a.onnx")


@pytest.mark.torch
@every_function
@scaled_or_not
def test_the_torch_module_computes_the_same_outputs(activation, loss, scaled):
    torch = pytest.importorskip("torch")
    model = made(activation, loss, scaled=scaled, dropout=0.5)
    X = samples(model)
    with torch.no_grad():
        O = to_torch(model)(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(O, model.outputs(X), rtol=1e-12, atol=1e-11 if scaled else 1e-12)


@pytest.mark.torch
def test_the_torch_module_is_plain_and_its_own(tmp_path):
    torch = pytest.importorskip("torch")
    model = made(dtype="float32", scaled=True, dropout=0.5, loss="squared")
    module = to_torch(model)
    names = [name for name, _ in module.named_children()]
    assert names == ["standardize", "hidden1", "tanh1", "dropout1", "output", "rescale"]
    assert all(type(part).__module__.startswith("torch.") for part in module.modules())
    assert {name for name, array in module.named_parameters() if array.requires_grad} == {
        "hidden1.weight",
        "hidden1.bias",
        "output.weight",
        "output.bias",
    }
    assert not module.training
    assert module.output.weight.dtype == torch.float32
    before = model.parameters[0].W.copy()
    with torch.no_grad():
        module.hidden1.weight.zero_()
    np.testing.assert_array_equal(model.parameters[0].W, before)
    copy = pickle.loads(pickle.dumps(module))  # noqa: S301 - our own bytes
    assert copy(torch.ones(1, 3)).shape == (1, 2)


def test_a_torch_module_without_torch_says_how_to_get_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "twofold.saving.torch_module", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'twofold\[torch\]'"):
        to_torch(made())


@pytest.fixture
def saved(tmp_path):
    save_model(tmp_path / "model.safetensors", replace(made(), classes=("a", "b")))
    return tmp_path / "model.safetensors"


def test_the_command_exports_to_onnx_and_tells_the_largest_difference(saved, onnxruntime, capsys):
    out = saved.with_name("model.onnx")
    assert main(["export", str(saved), "-o", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["format"], result["samples"]) == ("onnx", 64)
    assert result["largest_difference"] < 1e-13
    assert main(["export", str(saved), "--to", "onnx", "--output", str(out)]) == 0
    assert "64 samples onnxruntime's outputs differ from the model's by at most" in capsys.readouterr().out.replace(
        "\n", " "
    )


def test_the_command_exports_to_python(saved, capsys):
    out = saved.with_name("model.py")
    assert main(["export", str(saved), "-o", str(out)]) == 0
    assert "bytes of Python; outputs(x) and predict(x) take one sample" in capsys.readouterr().out
    assert "def predict(x):" in out.read_text()
    assert main(["export", str(saved), "-o", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == out.stat().st_size


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "model.txt"], "what is model.txt to be? say --to onnx or --to python"),
        (["-o", "a", "--to", "onix"], "unknown format 'onix'; did you mean 'onnx'?"),
        (["-o", "no/a.py"], "there is no folder"),
        ([], "Missing option '--output'"),
    ],
)
def test_the_command_says_what_is_wrong(saved, capsys, words, message):
    assert main(["export", str(saved), *words]) == 2
    assert message in capsys.readouterr().err


def test_real_data_go_all_the_way(tmp_path, onnxruntime):
    data = load_dataset("digits")
    engine = open_engine("scratch", Network((64, 10)), initialization="xavier")
    report = export_onnx(Model.of(engine, data), tmp_path / "a.onnx", X=data.test.X)
    assert report.largest_difference < 1e-5
    assert engine.network.n_parameters < python_source.MAX_PARAMETERS
