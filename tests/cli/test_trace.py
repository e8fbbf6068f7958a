"""``twofold trace`` as a stranger uses it."""

from __future__ import annotations

import json

import pytest

from twofold.cli import main


def run(capsys, *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_toy_animals_are_traced_from_pixels_to_checked_gradients(capsys):
    code, out, err = run(capsys, "trace", "toy-animals")
    assert (code, err) == (0, "")
    assert out.startswith("toy-animals, test sample 0 through 4-3, cross entropy\n")
    for line in ("o = x W + b", "y_hat = e / t", "dW = x^T do", "W_new = W - eta dW", "chicken", "passed"):
        assert line in out


def test_numbers_are_traced_too_and_a_hidden_layer_makes_an_mlp(capsys):
    _, out, _ = run(capsys, "trace", "houses", "--sample", "3,4")
    assert "2 samples" in out
    assert "area (m^2)" in out
    _, out, _ = run(capsys, "trace", "toy-animals", "--hidden", "5", "--activation", "gelu", "--part", "train")
    assert out.startswith("toy-animals, train sample 0 through 4-5-3, gelu, cross entropy")


def test_an_entry_is_shown_alone(capsys):
    _, out, _ = run(capsys, "trace", "mlp", "--data", "toy-animals", "--hidden", "5", "--entry", "W1[2,3]")
    assert out.startswith("W1[2, 3] = ")
    assert "from central differences" in out
    assert len(out.splitlines()) <= 5


def test_json_and_files(capsys, tmp_path):
    code, out, err = run(capsys, "trace", "toy-animals", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["steps"][0]["title"] == "The sample"
    for style, start in (("html", "<!DOCTYPE html>"), ("markdown", "# toy"), ("json", "{"), ("text", "toy-animals")):
        path = tmp_path / style
        code, out, _ = run(capsys, "trace", "toy-animals", "--format", style, "-o", str(path))
        assert code == 0
        assert out.strip() == f"19 steps: {path}"
        assert path.read_text(encoding="utf-8").startswith(start)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["toy-animal"], "unknown model or data set 'toy-animal'; did you mean 'toy-animals'?"),
        (["softmax"], "no data: name the sample's set with --data, such as --data toy-animals"),
        (["toy-animals", "--data", "digits"], "toy-animals is a data set itself; leave --data out"),
        (["toy-animals", "--sample", "60"], "toy-animals has no test sample 60; they run from 0 to 59"),
        (["toy-animals", "--sample", "-1"], "sample is '-1'; expected whole numbers from 0"),
        (["toy-animals", "--part", "valid"], "toy-animals has no part 'valid'; it has 'train' and 'test'"),
        (["toy-animals", "--format", "pdf"], "unknown format 'pdf'"),
        (["toy-animals", "--entry", "W[9,9]"], "entry 'W[9,9]': W is (4, 3); give 2 places from 0, within it"),
        (["toy-animals", "--entry", "o[9]"], "entry 'o[9]': o is (1, 3); give 2 places from 0, within it"),
        (["toy-animals", "--hidden", "4", "--normalization", "batch"], "give a few: --sample 0,1,2"),
        (["toy-animals", "--hidden", "4,4", "--activation", "relu,tahn"], "did you mean 'tanh'?"),
        (["toy-animals", "-o", "/none/trace.html"], "/none/trace.html: there is no folder /none; make it first"),
        (["softmx", "--data", "digits"], "unknown model 'softmx'; did you mean 'softmax'?"),
    ],
)
def test_mistakes_end_in_one_line(capsys, words, message):
    code, out, err = run(capsys, "trace", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_model_file_is_traced_on_its_own_data(capsys, tmp_path):
    import numpy as np

    from twofold import Recipe, load_dataset, open_engine, train
    from twofold.models import build_network
    from twofold.saving import Model, save_model

    raw = load_dataset("houses")
    data = raw.standardized()
    engine = open_engine("scratch", build_network("mlp", data, hidden=(4,)), initialization="xavier")
    recipe = Recipe(epochs=2, batch_size=10)
    model = Model.of(engine, data, raw=raw, recipe=recipe, history=train(engine, data, recipe))
    path = str(tmp_path / "model.safetensors")
    save_model(path, model)
    code, out, _ = run(capsys, "trace", path, "--data", "houses", "--sample", "5", "--json")
    assert code == 0
    arrays = {array["name"]: array for step in json.loads(out)["steps"] for array in step["arrays"]}
    scale, mean = data.scaling.target_scale[0], data.scaling.target_mean[0]
    np.testing.assert_allclose(
        arrays["o"]["values"][0][0] * scale + mean, model.predict(raw.test.X[5:6])[0, 0], rtol=1e-5
    )
    code, _, err = run(capsys, "trace", path, "--data", "diabetes")
    assert code == 2
    assert "diabetes has 10 features; the scaling is one of 2" in err
    code, _, err = run(capsys, "trace", str(tmp_path / "none.safetensors"), "--data", "houses")
    assert code == 2
    assert "no such file" in err


@pytest.mark.parametrize(
    "words",
    [
        "digits",
        "mlp --data toy-animals --hidden 4 --normalization batch --sample 0,1,2",
        "mlp --data digits --hidden 8,8 --normalization layer",
        "linear --data diabetes",
        "houses",
    ],
)
def test_a_trace_fits_80_columns(capsys, words):
    assert main(["trace", *words.split()]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
