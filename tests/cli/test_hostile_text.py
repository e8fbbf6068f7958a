"""Every command with hostile names, on screens of every encoding: nothing fails, nothing is obeyed, nothing is lost."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec

import numpy as np
import pytest

import hostile
from twofold import load_model, write_idx
from twofold.cli import main

# Chinese names are drawn as boxes where no font has them, which is said.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::twofold.plots.language.MissingFontWarning")]

ENCODINGS = ("utf-8", "cp437", "cp1252", "ascii")
narrow = pytest.mark.parametrize("streams", ["ascii"], indirect=True)  # what lacks the most


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


class Streams:
    """Standard output and error of one encoding, as a process of its own has them."""

    def __init__(self, monkeypatch, encoding: str) -> None:
        self._monkeypatch, self.encoding = monkeypatch, encoding

    def run(self, *words: object, kind: type[io.TextIOWrapper] = io.TextIOWrapper) -> tuple[int, str, str]:
        outlets = [made(io.BytesIO(), encoding=self.encoding) for made in (kind, io.TextIOWrapper)]
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", outlets[0])
            patch.setattr(sys, "stderr", outlets[1])
            code = main([*map(str, words)])
        out, err = (outlet.buffer.getvalue().decode(self.encoding) for outlet in outlets)
        return code, out, err

    def check(self, *words: object, json_too: bool = True) -> str:
        """Run a command that must go well; return what it printed for people."""
        code, out, err = self.run(*words)
        assert (code, "Traceback" in err) == (0, False), err
        assert not hostile.steers(out + err)
        if json_too:
            code, line, err = self.run(*words, "--json")
            assert (code, line.count("\n")) == (0, 1)
            assert not hostile.steers(line)
            json.loads(line)
        return out


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return hostile.write_table(tmp_path_factory.mktemp("hostile") / "[b]\x1b ü.csv")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "im[a]ges \x1b $x$"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, n in (("train", 40), ("t10k", 20)):
        write_idx(folder / f"{name}-images-idx3-ubyte", rng.integers(256, size=(n, 6, 6)).astype(np.uint8))
        write_idx(folder / f"{name}-labels-idx1-ubyte", (np.arange(n) % 3).astype(np.uint8))
    return folder


@pytest.fixture
def streams(request, monkeypatch):
    return Streams(monkeypatch, getattr(request, "param", "utf-8"))


@pytest.mark.parametrize("streams", ENCODINGS, indirect=True)
def test_training_and_what_is_told_of_it_in_every_encoding(streams, table, tmp_path):
    model = tmp_path / "m.safetensors"
    streams.check("train", "softmax", table, "--target", hostile.CLASS, "--epochs", "1", "--save", model)
    for words in (("evaluate", model, table), ("show", model), ("trace", model, "--data", table), ("data", "list")):
        streams.check(*words, json_too=False)


@narrow
def test_commands_of_tables(streams, table, tmp_path):
    model, line = tmp_path / "[m]\x1b.safetensors", tmp_path / "line.safetensors"
    training = ("train", "softmax", table, "--target", hostile.CLASS, "--epochs", "2")
    out = streams.check(*training, "--save", model, "--report", tmp_path / "a.html")
    assert "height [m]" in out
    assert "[bold red]x[/]" in out
    assert "line\\nbreak" in out
    out = streams.check("train", "linear", table, "--target", hostile.NUMBER, "--epochs", "1", "--save", line)
    assert out.count("height [m]") >= 3
    assert "Linear regression of speed [km/h]" in out
    assert set(load_model(model).classes) == set(hostile.NAMES)
    for name in (model, line):
        streams.check("evaluate", name, table)
        streams.check("report", name, "--data", table, "-o", tmp_path / "b.html")
        assert "height [m]" in streams.check("show", name)
        streams.check("export", name, "-o", tmp_path / "[e].py")
        streams.check("predict", name, table, "-o", tmp_path / "p.csv")
        for style in ("text", "markdown", "html"):
            streams.check("trace", name, "--data", table, "--format", style, json_too=False)
        streams.check("trace", name, "--data", table)
    streams.check("plot", "confusion", model, table, "-o", tmp_path / "[p].svg")
    streams.check("plot", "coefficients", line, table, "-o", tmp_path / "[p].png")
    for name in (model, line):
        streams.check("plot", "importance", name, table, "-o", tmp_path / "[i].svg")
        streams.check("plot", "dependence", name, table, "--column", "height [m]", "-o", tmp_path / "[d].svg")
    streams.check("plot", "curves", model, "--beside", line, "-o", tmp_path / "[c].svg")
    code, _, err = streams.run("predict", model, tmp_path / "no\x1b[2J.csv")
    assert (code, err.count("\n"), hostile.steers(err)) == (2, 1, set())


@narrow
def test_commands_of_images_in_a_folder_of_any_name(streams, images, tmp_path):
    model, small = tmp_path / "m.safetensors", ("--data", images, "--epochs", "1")
    streams.check("train", "mlp", *small, "--save", model)
    streams.check("compare", "softmax", *small, "--engines", "scratch,scratch")
    streams.check("find-rate", "softmax", *small, "-o", tmp_path / "r.png")
    streams.check("plot", "mistakes", model, "--data", images, "-o", tmp_path / "m.svg", json_too=False)
    streams.check("report", model, "--data", images, "-o", tmp_path / "a.html", json_too=False)
    streams.check("data", "show", images, "-o", tmp_path / "g.png")
    streams.check("evaluate", model, "--data", images)
    streams.check("trace", model, "--data", images)
    streams.check("train", "mlp", *small, "--checkpoint", tmp_path / f"c[/] {streams.encoding}", json_too=False)
    streams.check("train", "mlp", *small, "--resume", tmp_path / f"c[/] {streams.encoding}")
    demo = [("demo", "--epochs", "1")] if find_spec("torch") else []  # it trains in PyTorch too
    for words in (("data", "list"), ("explain", "softmax-argmax"), *demo):
        streams.check(*words, json_too=False)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are any bytes on Linux alone")
def test_a_folder_whose_name_is_no_utf_8_is_trained_on_and_saved(streams, images, tmp_path):
    folder = tmp_path / b"b\xffd".decode("utf-8", "surrogateescape")
    shutil.copytree(images, folder)
    out = streams.check("train", "softmax", "--data", folder, "--epochs", "1", "--save", tmp_path / "m.safetensors")
    assert "b\\udcffd" in out
    assert load_model(tmp_path / "m.safetensors").data_name == "b\\udcffd"


@pytest.mark.parametrize("streams", ENCODINGS, indirect=True)
@pytest.mark.parametrize("command", ["", "train", "trace", "predict", "data"])
def test_help_is_printed_in_every_encoding(streams, command):
    code, out, err = streams.run(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert "Usage" in out
    assert "\\u" not in out


@pytest.mark.parametrize("encoding", ["cp437", "latin-1", "ascii"])
def test_help_of_a_process_of_its_own(encoding):
    words = [sys.executable, "-m", "twofold", "train", "--help"]
    done = subprocess.run(words, env={"PYTHONIOENCODING": encoding, "COLUMNS": "80"}, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert max(map(len, done.stdout.decode(encoding).splitlines())) <= 80


def test_predictions_on_standard_output_are_the_data_but_on_a_terminal(monkeypatch, table, tmp_path):
    model, streams = tmp_path / "m.safetensors", Streams(monkeypatch, "utf-8")
    streams.check("train", "softmax", table, "--target", hostile.CLASS, "--epochs", "9", "--save", model)
    _, out, _ = streams.run("predict", model, table)
    header, *rows = csv.reader(io.StringIO(out, newline=""))
    assert header == [hostile.CLASS]
    assert {row[0] for row in rows} <= set(hostile.NAMES)
    assert hostile.steers(out)
    _, out, err = Streams(monkeypatch, "ascii").run("predict", model, table)
    assert "\\U0001f431" in out
    assert "standard output is ascii: what it lacks is written as escapes" in err
    _, out, _ = streams.run("predict", model, table, kind=Terminal)
    assert not hostile.steers(out)


def test_predictions_are_escaped_for_a_spreadsheet_and_numbers_stay(monkeypatch, tmp_path, capsys):
    names = ("=1+1", "+1", "-2.5e3", "-a", "@b", "plain")
    rows, model = hostile.write_table(tmp_path / "t.csv", names), tmp_path / "m.safetensors"
    words = ["--target", hostile.CLASS, "--header", "--epochs", "30", "--save", str(model)]
    assert main(["train", "softmax", str(rows), *words]) == 0
    words = ["--header", "--escape-formulas", "-o"]
    assert main(["predict", str(model), str(rows), *words, str(tmp_path / "p.csv")]) == 0
    with (tmp_path / "p.csv").open(newline="") as file:
        found = {row[0] for row in list(csv.reader(file))[1:]}
    assert found == {"'=1+1", "+1", "-2.5e3", "'-a", "'@b", "plain"}
    assert main(["predict", str(model), str(rows), *words, str(tmp_path / "p.parquet")]) == 2
    assert "no spreadsheet computes the cells of a Parquet file" in capsys.readouterr().err


class Tags(HTMLParser):
    """Names of the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("report MODEL --data TABLE", ("\\x1b[2J", "&amp;amp;", "&lt;script&gt;", "\\u202e")),
        ("trace MODEL --data TABLE --format html", ("\\x1b[2J", "&amp;amp;")),  # of many classes the first and last
    ],
)
def test_pages_show_names_and_obey_none(monkeypatch, table, tmp_path, words, shown):
    model, streams = tmp_path / "m.safetensors", Streams(monkeypatch, "utf-8")
    streams.check("train", "softmax", table, "--target", hostile.CLASS, "--epochs", "2", "--save", model)
    places = {"MODEL": model, "TABLE": table}
    streams.check(*(places.get(word, word) for word in words.split()), "-o", tmp_path / "a.html", json_too=False)
    page, tags = (tmp_path / "a.html").read_text(encoding="utf-8"), Tags()
    tags.feed(page)
    assert "script" not in tags.found
    assert not hostile.steers(page)
    for name in shown:
        assert name in page
