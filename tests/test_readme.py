"""What the README says can be done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from twofold.cli import main

README = Path(__file__).parents[1] / "README.md"


def run_example(word: str) -> None:
    """Run the one example in Python that has this word in it."""
    (code,) = (
        block for block in re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL) if word in block
    )
    exec(compile(code, str(README), "exec"), {})  # noqa: S102 - our own README


def test_the_example_of_training_runs_as_it_stands(fashion, capsys):
    run_example("print(epoch)")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert float(re.search(r"test accuracy (\S+)", lines[-1])[1]) > 0.8


def test_the_example_of_least_squares_runs_as_it_stands(capsys):
    run_example("LinearRegression")
    assert "R2 0.99" in capsys.readouterr().out


def test_the_example_of_the_estimators_runs_as_it_stands(capsys):
    run_example("SoftmaxRegression")
    scores = [float(line) for line in capsys.readouterr().out.split()]
    assert len(scores) == 2
    assert min(scores) > 0.9


def test_the_example_of_a_trace_runs_as_it_stands(capsys):
    run_example("affine_map_at")
    out = capsys.readouterr().out
    assert "o = h1 W2 + b2" in out
    assert 0 < float(out.splitlines()[-1]) < 1


@pytest.mark.torch
def test_the_example_of_models_on_disk_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_example("save_model")
    assert re.fullmatch(r"\['\d' '\d' '\d'\]\n", capsys.readouterr().out)


def test_the_commands_of_models_on_disk_run_as_they_stand(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    section = README.read_text().split("## Models on disk")[1]
    lines = [line.partition("#")[0].split() for line in re.search(r"```\n(.*?)```", section, re.DOTALL)[1].splitlines()]
    assert [words[:2] for words in lines] == [["twofold", name] for name in ("train", "show", "export", "export")]
    for words in lines:
        assert main(words[1:]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"model.{ending}" for ending in ("safetensors", "onnx", "py")}


def test_the_example_of_tables_runs_as_it_stands(capsys):
    run_example("TableEncoder")
    assert re.fullmatch(r"\['(let|sold)' '(let|sold)'\]\n", capsys.readouterr().out)


def test_no_figure_is_left_open():
    assert not re.search(r"RATIO|TODO|XXX", README.read_text())


def test_every_file_it_links_to_is_there():
    if not (README.parent / "src").is_dir():
        pytest.skip("the source tree is out of reach")
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
