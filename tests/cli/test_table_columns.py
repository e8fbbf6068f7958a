"""Which columns and rows of a table count on the command line, and what is said about it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from twofold import load_model
from twofold.cli import main

N = 300
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=N)


def run(capsys, *words) -> str:
    assert main([str(word) for word in words]) == 0
    captured = capsys.readouterr()
    return captured.out + captured.err


def run_json(capsys, *words) -> dict:
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def refused(capsys, *words) -> str:
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("start", [0, 1, 1000])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_index_gives_nothing_away_about_sorted_labels(capsys, tmp_path, start, kind):
    index, labels, path = np.arange(start, start + N), ["a"] * 150 + ["b"] * 150, tmp_path / f"leak.{kind}"
    if kind == "csv":
        lines = [f"{i},{x},{y}" for i, x, y in zip(index, NOISE, labels, strict=True)]
        path.write_text("\n".join([",x,label", *lines]) + "\n")
    else:
        pq.write_table(pa.table({"n": index, "x": NOISE, "label": labels}), path)
    saved = tmp_path / "m.safetensors"
    result = run_json(capsys, "train", "mlp", path, "--target", "label", "--epochs", 40, "--save", saved)
    assert result["test"]["accuracy"]["value"] < 0.7
    assert load_model(saved).encoder["plan"]["columns"][0]["name"] == "x"


def test_what_numbers_the_rows_is_said_with_the_words_that_keep_it(capsys, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("n,code,x,y\n" + "".join(f"{k + 5},c{k:03},{NOISE[k]},{k % 2}\n" for k in range(N)))
    words = ("train", "softmax", path, "--target", "y", "--epochs", 1)
    text = run(capsys, *words)
    left_out = "it numbers the rows; left out, as what is learned of it holds for no other row; to keep it: --kinds"
    assert f"column 'n': {left_out} n=number\n" in text
    assert f"column 'code': {left_out} code=category\n" in text
    kept = run(capsys, *words, "--kinds", "n=number,code=category")
    assert "numbers the rows" not in kept
    assert "column 'n': it numbers the rows; kept, as it is named" in run(capsys, *words, "--features", "n,x")


def test_linear_regression_of_plain_numbers_leaves_row_numbers_out_too(capsys, tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("n,x,y\n" + "".join(f"{k},{NOISE[k]},{3 * NOISE[k] + k}\n" for k in range(N)))
    for most in (1 << 28, 0):
        monkeypatch.setattr("twofold.cli.table.IN_MEMORY", most)
        result = run_json(capsys, "train", "linear", path, "--target", "y")
        assert [item["name"] for item in result["summary"]["coefficients"]] == ["intercept", "x"]
        result = run_json(capsys, "train", "linear", path, "--target", "y", "--features", "n,x")
        assert [item["name"] for item in result["summary"]["coefficients"]] == ["intercept", "n", "x"]


def test_a_line_through_the_only_column_there_is_stays_possible(capsys, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{k},{2 * k + 1}\n" for k in range(20)))
    text = run(capsys, "train", "linear", path, "--target", "y")
    assert "column 'x': it numbers the rows; kept, as there is no other to predict from" in text
    result = run_json(capsys, "train", "linear", path, "--target", "y")
    assert result["exact"]["w"] == pytest.approx([2])


def test_linear_regression_of_plain_numbers_reads_every_form_of_table(capsys, tmp_path):
    rows = [(1, 2.5, 3), (2, 3.5, 4), (4, 1.5, 5), (5, 2.5, 2)]
    for name, mark, words in (("semicolons.csv", ";", ()), ("bare.csv", ",", ("--no-header",))):
        head = [] if words else [mark.join(("column1", "column2", "column3"))]
        (tmp_path / name).write_text("\n".join([*head, *(mark.join(map(str, row)) for row in rows)]) + "\n")
    found = [
        run_json(capsys, "train", "linear", tmp_path / name, "--target", "column3", *words)["exact"]
        for name, words in (("semicolons.csv", ()), ("bare.csv", ("--no-header",)))
    ]
    assert found[0] == found[1]


def test_defaults_are_chosen_by_the_rows_that_have_a_target(capsys, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{RNG.normal():.5f},{'ab'[k % 2] if k < 1985 else ''}\n" for k in range(3000)))
    assert "mlp 9-128-128-2" in run(capsys, "train", "mlp", path, "--target", "y", "--epochs", 1)
