"""``twofold plot`` as a stranger uses it, and the sparkline of the bar."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from twofold.cli import main
from twofold.cli.sparkline import sparkline


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def plot(capsys, *words: str) -> tuple[int, str, str]:
    code = main(["plot", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def texts(path) -> list[str]:
    root = ET.parse(path).getroot()  # noqa: S314 - our own file
    return ["".join(node.itertext()).strip() for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_all_activations_are_drawn_without_a_model(capsys, tmp_path):
    code, out, _ = plot(capsys, "activations")
    assert (code, out.split()[1]) == (0, "activations.svg")
    assert {"relu", "sigmoid", "tanh", "gelu", "silu", "identity"} <= set(texts(tmp_path / "activations.svg"))
    assert plot(capsys, "activations", "tanh", "-o", "one.svg")[0] == 0
    assert "relu" not in texts(tmp_path / "one.svg")


def test_a_network_is_drawn_by_its_widths(capsys, tmp_path):
    assert plot(capsys, "network", "4-5-3")[0] == 0
    assert {"x₄", "h₅", "o₃"} <= set(texts(tmp_path / "network.svg"))


def test_a_model_is_trained_and_drawn_and_json_is_one_object(capsys, tmp_path):
    words = ("curves", "softmax", "--data", "toy-animals", "--epochs", "2", "-o", "c.svg", "--json")
    code, out, err = plot(capsys, *words)
    assert (code, err) == (0, "")
    assert json.loads(out) == {"subject": "curves", "picture": "c.svg"}
    assert {"loss", "accuracy", "epoch"} <= set(texts(tmp_path / "c.svg"))


def test_a_saved_model_is_drawn_without_training(capsys, tmp_path):
    for name, rate in (("slow", "0.01"), ("fast", "0.5")):
        words = ["--data", "toy-animals", "--epochs", "3", "--learning-rate", rate, "--save", f"{name}.safetensors"]
        assert main(["train", "softmax", *words]) == 0
    capsys.readouterr()
    assert plot(capsys, "confusion", "fast.safetensors") == (0, plot(capsys, "confusion", "fast.safetensors")[1], "")
    assert "chicken" in texts(tmp_path / "confusion.svg")
    assert plot(capsys, "curves", "slow.safetensors", "--beside", "fast.safetensors")[0] == 0
    assert {"slow", "fast"} <= set(texts(tmp_path / "curves.svg"))
    code, _, err = plot(capsys, "curves", "slow.safetensors", "--epochs", "3")
    assert (code, err) == (
        2,
        "twofold: slow.safetensors is trained already; --epochs is for a model that is trained here\n",
    )


def test_a_table_s_model_is_drawn_of_its_rows(capsys, tmp_path):
    rows = [f"{k * k},{k % 7},{3 * k + (k % 7)}" for k in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["area,age,price", *rows]))
    assert main(["train", "linear", "t.csv", "--target", "price", "--save", "t.safetensors"]) == 0
    capsys.readouterr()
    assert plot(capsys, "fit", "t.safetensors", "t.csv", "-o", "fit.svg")[0] == 0
    assert {"area", "age", "price"} <= set(texts(tmp_path / "fit.svg"))
    assert plot(capsys, "network", "t.safetensors", "t.csv")[0] == 0
    code, _, err = plot(capsys, "fit", "linear", "t.csv")
    assert code == 2
    assert "twofold train linear t.csv --target COLUMN --save FILE" in err


def test_what_matters_in_a_table_is_drawn_and_told_in_numbers(capsys, tmp_path):
    rows = [
        f"{k * k % 97},{k % 7},{'red' if k % 3 else 'blue'},{3 * (k * k % 97) + 50 * (k % 3 > 0)}" for k in range(99)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["area,age,paint,price", *rows]))
    (tmp_path / "new.csv").write_text("\n".join(["area,age,paint,price", *rows[::2]]))
    words = ["--target", "price", "--epochs", "20", "--save", "m.safetensors"]
    assert main(["train", "mlp", "t.csv", *words]) == 0
    capsys.readouterr()
    code, out, _ = plot(capsys, "importance", "m.safetensors", "--data", "new.csv", "--of", "MAE")
    assert code == 0
    assert "with a column shuffled it rises by" in out
    assert max(map(len, out.splitlines())) <= 80
    assert texts(tmp_path / "importance.svg")[-3:] == ["area", "paint", "age"]
    code, out, _ = plot(capsys, "importance", "m.safetensors", "t.csv")
    assert out.startswith("the model was trained on these rows")
    code, out, err = plot(capsys, "dependence", "m.safetensors", "new.csv", "--column", "paint", "--json")
    told = json.loads(out)
    assert (code, err, told["values"], told["counts"]) == (0, "", ["red", "blue"], [33, 17])
    (curve,) = told["curves"]
    assert (curve["of"], curve["mean"][0] - curve["mean"][1] > 10) == ("price", True)
    assert {"red (33)", "blue (17)"} <= set(texts(tmp_path / "dependence.svg"))
    assert "80 % of the rows" in plot(capsys, "dependence", "m.safetensors", "new.csv", "--column", "area")[1]


def test_a_film_is_made_while_a_model_trains(capsys, tmp_path):
    code, out, _ = plot(capsys, "film", "softmax", "--data", "toy-animals", "--epochs", "3", "--frames", "2", "--json")
    assert (code, json.loads(out.splitlines()[-1])["frames"]) == (0, 3)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mistake", "softmax"], "unknown picture 'mistake'; did you mean 'mistakes'?"),
        (["curves"], "of which model? name a file, or linear, softmax or mlp, after curves"),
        (["weights", "sofmax"], "unknown model 'sofmax'; did you mean 'softmax'?"),
        (["weights", "no.safetensors"], "no.safetensors: no such file"),
        (["regions", "softmax", "--data", "digits"], "there is no picture 'regions' of this: it needs two features"),
        (["curves", "softmax", "--data", "digits", "-o", "c.txt"], "c.txt: a picture's name ends in one of"),
        (["film", "softmax", "--data", "digits", "-o", "f.svg"], "f.svg: a film's name ends in one of .gif"),
        (["film", "linear", "--data", "houses"], "houses is standardised for training, of which there is no film"),
        (["importance", "mlp"], "importance is of a saved model: twofold train mlp FILE"),
        (["importance", "m.safetensors"], "of which rows? name a table: twofold plot importance m.safetensors --data"),
        (["dependence", "m.safetensors", "t.csv"], "on which column? name it: --column COLUMN"),
        (["importance", "m.safetensors", "t.csv", "--epochs", "3"], "m.safetensors is trained already; --epochs"),
        (["curves", "softmax", "--column", "a"], "--column is for dependence; curves has no use for it"),
        (["activations", "--theme", "drak"], "unknown theme 'drak'; did you mean 'dark'?"),
        (["activations", "--language", "fr"], "unknown language 'fr'"),
        (["weights", "softmax", "--beside", "x"], "--beside lays runs over each other's curves; weights has none"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_trained_or_written(capsys, tmp_path, words, message):
    code, out, err = plot(capsys, *words)
    assert code == 2
    assert err.startswith(f"twofold: {message}")
    assert err.count("\n") == 1
    assert "epoch 1/" not in out
    assert list(tmp_path.iterdir()) == []


def test_a_sparkline_goes_from_the_least_to_the_largest():
    assert sparkline([0, 7]) == "▁█"
    assert sparkline([1.0, np.nan, 3.0, np.inf]) == "▁ █ "
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([]) == ""
    assert len(sparkline(np.arange(1000.0), 12)) == 12


def test_the_bar_carries_the_loss_so_far_as_a_sparkline(tmp_path, monkeypatch):
    from types import SimpleNamespace

    from rich.console import Console

    from twofold import Recipe
    from twofold.cli.screen import Screen
    from twofold.metrics import Score

    clock = iter(np.arange(0, 100, 0.2))
    monkeypatch.setattr("twofold.cli.screen.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    losses = iter([4.0, 2.0, 1.0])
    engine = SimpleNamespace(running=lambda: Score(next(losses), None))
    for encoding, curve in (("utf-8", "█▃▁"), ("ascii", "")):
        losses = iter([4.0, 2.0, 1.0])
        with (tmp_path / encoding).open("w+", encoding=encoding) as sink:
            terminal = Console(force_terminal=True, width=120, file=sink)
            with Screen(console=terminal).training(Recipe(epochs=1), 100) as (meter,):
                for done in (30, 60, 90):
                    meter.on_step_end(SimpleNamespace(engine=engine, samples=done))
                (task,) = meter.bar.tasks
                assert task.fields["curve"] == curve
