"""What the READMEs and the pages of docs/ say can be done: each block is run, and what it prints is what stands there."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twofold.cli import main

ROOT = Path(__file__).parents[1]
READMES = ["README.md", "README.zh.md"]
PAGES = [f"docs/{name}.md" for name in ("checkpoints", "estimators", "least-squares", "models-on-disk", "training")]
BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
SECONDS = re.compile(r"\d+\.\d+ s\b")


def read(name: str) -> str:
    path = ROOT / name
    if not path.exists():
        pytest.skip("the source tree is out of reach")
    return path.read_text(encoding="utf-8")


def blocks(name: str) -> list[tuple[str, str]]:
    return BLOCK.findall(read(name))


def assert_same_lines(printed: str, expected: str) -> None:
    """Words are the same; a number is as it stands but for a hundredth, and times are any."""
    printed, expected = SECONDS.sub("", printed), SECONDS.sub("", expected)
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", expected)
    np.testing.assert_allclose(
        [float(number) for number in NUMBER.findall(printed)],
        [float(number) for number in NUMBER.findall(expected)],
        rtol=0.01,
    )


def test_outputs_that_differ_are_seen():
    assert_same_lines("loss 0.5000  0.1 s\n", "loss 0.5001  0.2 s\n")
    for other in ("loss 0.52  0.2 s\n", "los 0.5  0.2 s\n", "loss 0.5  0.2 s\n1\n"):
        with pytest.raises(AssertionError):
            assert_same_lines("loss 0.5  0.1 s\n", other)


def run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run a page's blocks one after the other; return what each printed."""
    monkeypatch.chdir(tmp_path)
    printed, names = [], {"__name__": "__main__"}
    for code, expected in blocks(name):
        exec(compile(code, name, "exec"), names)  # noqa: S102 - our own pages
        printed.append(capsys.readouterr().out)
        if expected:
            assert_same_lines(printed[-1], expected)
    return printed


@pytest.mark.torch
@pytest.mark.parametrize("name", READMES)
def test_the_readme_prints_what_stands_there(name, tmp_path, monkeypatch, capsys):
    assert all(expected for _, expected in blocks(name)), "a block without its output"
    assert len(run(name, tmp_path, monkeypatch, capsys)) == 2


def test_both_readmes_run_the_same():
    english, chinese = ([re.sub(r"#[^\n]*", "", code) for code, _ in blocks(name)] for name in READMES)
    assert english == chinese
    assert len(read("README.md").splitlines()) <= 150


def test_checkpoints_run_as_they_stand(tmp_path, monkeypatch, capsys):
    assert len(run("docs/checkpoints.md", tmp_path, monkeypatch, capsys)) == 1
    assert list((tmp_path / "runs" / "a").glob("*.safetensors"))


def test_the_example_of_least_squares_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    (printed,) = run("docs/least-squares.md", tmp_path, monkeypatch, capsys)
    assert "R2 0.99" in printed


def test_the_example_of_the_estimators_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    printed, nothing = run("docs/estimators.md", tmp_path, monkeypatch, capsys)
    assert not nothing  # the second makes a pipeline, and fits none
    scores = [float(line) for line in printed.split()]
    assert len(scores) == 2
    assert min(scores) > 0.9


def test_the_example_of_models_on_disk_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    (printed,) = run("docs/models-on-disk.md", tmp_path, monkeypatch, capsys)
    assert re.fullmatch(r"\['\d' '\d' '\d'\]\n", printed)


def test_the_examples_of_training_run_as_they_stand(fashion, tmp_path, monkeypatch, capsys):
    trained, many, traced = run("docs/training.md", tmp_path, monkeypatch, capsys)
    lines = trained.splitlines()
    assert [line.split()[1] for line in lines] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert float(re.search(r"test accuracy (\S+)", lines[-1])[1]) > 0.8
    *runs, best = many.splitlines()
    assert len(runs) == 4
    assert min(float(re.search(r"test accuracy (\S+)", line)[1]) for line in runs) > 0.9
    assert re.match(r"(0.1|1.0) <CrossValidation of 5 folds: loss .*, accuracy 0.9\d*>", best)
    assert "o = h1 W2 + b2" in traced
    assert 0 < float(traced.splitlines()[-1]) < 1
    *_, (code, _) = blocks("docs/training.md")
    names: dict[str, Any] = {}
    exec(compile(code, "docs/training.md", "exec"), names)  # noqa: S102 - our own pages
    assert (names["paper"]["h1"] > 0).sum() >= 2, "the network that is traced is dead"


def commands(name: str, heading: str) -> list[list[str]]:
    """The words of the commands of a page's block below a heading."""
    section = read(name).split(heading)[1]
    lines = re.search(r"```\n(.*?)```", section, re.DOTALL)[1].splitlines()
    return [re.findall(r'"[^"]*"|\S+', line.partition(" # ")[0]) for line in lines if line.startswith("twofold")]


@pytest.mark.parametrize("name", ["README.md", pytest.param("README.zh.md", marks=pytest.mark.slow)])
def test_the_commands_of_use_run_as_they_stand(name, tmp_path, monkeypatch, capsys):
    pytest.importorskip("formulaic")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for file, rows in (("houses.csv", 200), ("new.csv", 5)):
        areas, cities = rng.uniform(30, 200, rows), rng.choice(["Rome", "Bonn"], rows)
        prices = 1000 * areas + 50_000 * (cities == "Rome") + rng.normal(0, 3000, rows)
        with Path(file).open("w", newline="") as out:
            csv.writer(out).writerows([("area", "city", "price"), *zip(areas, cities, prices, strict=True)])
    train, predict, linear, fit = commands(name, "## Use" if name == "README.md" else "## 使用")
    expected = ("saved in model.safetensors", "", "area", "area:city")
    for words, part in zip((train, predict, linear, fit), expected, strict=True):
        assert main([word.strip('"') for word in words[1:]]) == 0
        assert part in capsys.readouterr().out
    predicted = Path("prices.csv").read_text().splitlines()
    assert len(predicted) == 6
    assert all(30_000 < float(line.split(",")[-1]) < 260_000 for line in predicted[1:])


@pytest.mark.parametrize("name", READMES)
def test_the_commands_of_learning_run_as_they_stand(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))  # which exercises are solved
    (tmp_path / "answers.py").write_text("def linear_prediction(X, w, b):\n    return X @ w + b\n")
    lab, *lines = commands(name, "## Learn" if name == "README.md" else "## 学习")
    if name == "README.zh.md":
        assert "export TWOFOLD_LANGUAGE=zh " in read(name)
        monkeypatch.setenv("TWOFOLD_LANGUAGE", "zh")
    assert lab == ["twofold", "lab"]  # opens a browser; its own tests run it
    for words, part in zip(lines, ("3.2/sgd", "linear_prediction", "✓ 3.1/prediction", "dW", "softmax"), strict=True):
        assert main(words[1:]) == 0
        assert part in capsys.readouterr().out


def test_the_commands_of_models_on_disk_run_as_they_stand(tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    lines = commands("docs/models-on-disk.md", "# Models on disk")
    assert [words[:2] for words in lines] == [["twofold", name] for name in ("train", "show", "export", "export")]
    for words in lines:
        assert main(words[1:]) == 0
        assert capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {f"model.{ending}" for ending in ("safetensors", "onnx", "py")}


@pytest.mark.parametrize("name", [*READMES, *PAGES])
def test_no_figure_is_left_open(name):
    assert not re.search(r"RATIO|TODO|XXX", read(name))


@pytest.mark.parametrize("name", [*READMES, *PAGES, "docs/speed.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_every_file_it_links_to_is_there(name):
    text = read(name)
    if not (ROOT / "src").is_dir():
        pytest.skip("the source tree is out of reach")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / name).parent / target).exists(), target
