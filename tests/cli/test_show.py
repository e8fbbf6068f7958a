"""``--save`` and ``show``: a model goes to disk and tells what it is."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from twofold import (
    BestEpoch,
    EarlyStopping,
    Model,
    Network,
    OptimizerConfig,
    Recipe,
    __version__,
    load_dataset,
    load_model,
    open_engine,
    save_model,
    train,
)
from twofold.cli import main
from twofold.data.scaling import Scaling


@pytest.fixture
def model(tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    words = (
        "train",
        "mlp",
        "--data",
        "digits",
        "--hidden",
        "8",
        "--epochs",
        "13",
        "--optimizer",
        "adam",
        "--save",
        str(path),
    )
    assert main(words) == 0
    assert f"saved in {path} (" in capsys.readouterr().out
    return path


def shown(capsys, path) -> str:
    assert main(["show", str(path)]) == 0
    return capsys.readouterr().out


def test_a_trained_model_is_saved_and_shown(model, capsys):
    out = shown(capsys, model)
    assert "network   64-8-10, relu, cross_entropy; 610 parameters of float32\n" in out
    assert "classes   0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n" in out
    assert "recipe    optimizer adam, epochs 13, batch_size 32, learning_rate 0.001, schedule constant, seed 0\n" in out
    assert "data      digits (SHA-256 80c8c23f3a7b" in out
    assert f"made by   twofold {__version__}, python 3." in out
    assert "layers.1.W │ 8 x 10 │" in out
    epochs = re.findall(r"^│ +(\d+) │", out[out.index("history") :], flags=re.MULTILINE)
    assert epochs == ["1", "3", "5", "7", "9", "11", "13"]


@pytest.mark.parametrize("width", [30, 40, 80])
def test_on_a_narrow_screen_every_number_is_whole(model, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    out = shown(capsys, model)
    for epoch in load_model(model).history[::2]:
        for number in (f"{epoch.loss:.4g}", f"{epoch.train_accuracy:.4f}", f"{epoch.test_accuracy:.4f}"):
            assert re.search(rf"(?<!\S){re.escape(number)}(?=[,\s])", out)
    tables = out[out.index("arrays") :]
    assert max(map(len, tables.splitlines())) <= width
    assert "layers.1.W" in tables


def test_as_json_it_is_one_object_with_everything(model, capsys):
    assert main(["show", str(model), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found["network"]["widths"] == [64, 8, 10]
    assert (found["parameters"], found["dtype"], found["data_name"]) == (610, "float32", "digits")
    assert len(found["history"]) == 13
    assert found["recipe"]["optimizer"] == OptimizerConfig("adam").to_dict()


def test_the_saved_model_predicts_as_well_as_its_last_epoch_says(model):
    test = load_dataset("digits").test
    saved = load_model(model)
    right = saved.predict(test.X) == np.array(saved.classes)[test.y]
    assert right.mean() == saved.history[-1].test_accuracy


def test_regression_is_saved_with_its_units_and_shown_without_accuracy(tmp_path, capsys):
    path = tmp_path / "houses.safetensors"
    assert main(["train", "linear", "--data", "houses", "--save", str(path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["saved"] == str(path)
    assert result["sha256"].encode() in path.read_bytes()
    out = shown(capsys, path)
    assert (
        "features  area (m^2), age (years)\ntarget    price (1000 euros)\nscaling   features and target standardised;"
        in out
    )
    assert "accuracy" not in out
    raw = load_dataset("houses")
    w, b = result["sgd"]["w"], result["sgd"]["b"]
    np.testing.assert_allclose(load_model(path).predict(raw.test.X)[:, 0], raw.test.X @ w + b, rtol=1e-5)


def test_the_exact_solution_of_a_table_too_large_for_memory_is_saved(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("twofold.cli.table.MAX_BYTES_IN_MEMORY", 0)
    (tmp_path / "line.csv").write_text("x,y\n" + "".join(f"{x},{2 * x + 1}\n" for x in range(9)))
    path = tmp_path / "line.safetensors"
    assert main(["train", "linear", str(tmp_path / "line.csv"), "--target", "y", "--save", str(path)]) == 0
    capsys.readouterr()
    assert load_model(path).predict([[100.0]]).round(9).tolist() == [[201.0]]
    assert "data      line.csv\n" in shown(capsys, path)


def test_the_place_is_tried_before_the_training(tmp_path, capsys, monkeypatch):
    places = {str(tmp_path / "no" / "a"): "there is no folder", str(tmp_path): "is a folder; give the name of a file"}
    for place, message in places.items():
        assert main(["train", "mlp", "--data", "digits", "--save", place]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert message in captured.err
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main(["train", "mlp", "--data", "digits", "--save", str(tmp_path / "a")]) == 2
    assert "can't be written to; choose another" in capsys.readouterr().err


def test_what_is_no_model_is_refused_in_one_line(tmp_path, model, capsys):
    cut = tmp_path / "cut"
    cut.write_bytes(model.read_bytes()[:-1])
    for path, message in {cut: "was changed after it was saved", tmp_path / "no": "no such file"}.items():
        assert main(["show", str(path)]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert message in captured.err
        assert captured.err.count("\n") == 1


def test_a_strangers_words_do_not_steer_the_terminal(tmp_path, capsys):
    engine = open_engine("scratch", Network((25, 2)))
    model = replace(
        Model.of(engine), features=("\x1b[2J", *map(str, range(24))), target="a\nb", estimator={"class": "X"}
    )
    save_model(tmp_path / "a", model)
    out = shown(capsys, tmp_path / "a")
    assert "\x1b" not in out
    assert r"features  \x1b[2J, 0, 1, " in out
    assert "18 and 5 more\n" in out
    assert "target    a\\nb\n" in out
    assert "estimator X\n" in out


def test_a_model_of_which_nothing_is_known_is_shown(tmp_path, capsys):
    save_model(tmp_path / "a", replace(Model.of(open_engine("scratch", Network((3, 2)))), encoder={"columns": []}))
    out = shown(capsys, tmp_path / "a")
    assert out.startswith("network   3-2, cross_entropy; 8 parameters of float32\nencoder   holds columns\nmade by ")
    assert "history" not in out


def test_a_model_can_be_moved(tmp_path, model):
    shutil.move(model, tmp_path / "elsewhere")
    load_model(tmp_path / "elsewhere")


def test_what_is_special_about_a_network_is_shown(tmp_path, capsys):
    network = Network((4, 5, 6, 3), ("relu", "tanh"), dropout=0.5, normalization="layer")
    save_model(tmp_path / "a", open_engine("scratch", network))
    out = shown(capsys, tmp_path / "a")
    assert "network   4-5-6-3, relu, tanh, cross_entropy, dropout 0.5, normalization layer; 93 parameters" in out
    assert "layers.0.gamma │ 5 " in out


def test_the_history_has_a_column_for_each_score_that_there_is(tmp_path, capsys):
    data, best = load_dataset("digits"), BestEpoch()
    engine = open_engine("scratch", Network((64, 10)))
    records = [*train(engine, data, Recipe(epochs=2), EarlyStopping(best=best), validation=data.test)]
    save_model(tmp_path / "a", Model.of(engine, history=records))
    out = shown(capsys, tmp_path / "a")
    assert re.search("train accuracy ┃ validation loss ┃ +accuracy ┃", out)
    assert f"│ {records[-1].validation_loss:.4g} │" in re.sub(" +", " ", out)
    assert "test" not in out


def test_of_a_table_its_own_columns_are_shown(tmp_path, capsys):
    plan = {"columns": [{"name": "rooms", "kind": "number"}, {"name": "sea", "kind": "category"}]}
    scaling = Scaling(np.zeros(5), np.ones(5), np.ones(1), np.ones(1))
    model = Model.of(open_engine("scratch", Network((5, 1), loss="squared")), encoder={"plan": plan}, scaling=scaling)
    save_model(tmp_path / "a", replace(model, features=("rooms", "sea=0", "sea=1", "sea=2", "sea=3")))
    out = shown(capsys, tmp_path / "a")
    assert "columns   rooms (number), sea (category)\nscaling   target standardised;" in out
    assert "encoder   2 columns of a table become 5 features\n" in out
    assert "features  " not in out


@pytest.mark.parametrize("encoder", [{"plan": 3}, {"plan": {"columns": 3}}, {"plan": {"columns": [3]}}, {}])
def test_an_encoder_of_a_strangers_is_shown_by_its_keys(tmp_path, capsys, encoder):
    save_model(tmp_path / "a", replace(Model.of(open_engine("scratch", Network((3, 2)))), encoder=encoder))
    assert f"encoder   holds {', '.join(encoder)}\n" in shown(capsys, tmp_path / "a")
