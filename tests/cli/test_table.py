"""Linear regression of tables on disk, and NIST's certified sets, from the command line."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from twofold.cli import main
from twofold.cli import table as table_words

RNG = np.random.default_rng(0)
X = RNG.normal(size=(500, 3))
Y = X @ [1.0, -2.0, 0.5] + 4.0 + 0.1 * RNG.normal(size=500)


@pytest.fixture(params=["parquet", "csv"])
def file(request, tmp_path):
    columns = pa.table({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "weight": np.ones(500), "y": Y})
    path = tmp_path / f"table.{request.param}"
    if request.param == "parquet":
        pq.write_table(columns, path, row_group_size=200)
    else:
        import pyarrow.csv

        pyarrow.csv.write_csv(columns, path)
    return path


def run_json(capsys, *words: str) -> dict:
    assert main([*words, "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line)


def test_a_table_is_solved_by_sgd_and_exactly(capsys, file):
    words = ("train", "linear", str(file), "--target", "y", "--features", "a,b,c", "--epochs", "10")
    result = run_json(capsys, *words)
    expected = np.linalg.lstsq(np.column_stack([X, np.ones(500)]), Y, rcond=None)[0]
    np.testing.assert_allclose([*result["exact"]["w"], result["exact"]["b"]], expected, rtol=1e-12)
    np.testing.assert_allclose([*result["sgd"]["w"], result["sgd"]["b"]], expected, atol=0.02)
    assert [item["name"] for item in result["summary"]["coefficients"]] == ["intercept", "a", "b", "c"]
    assert main(list(words)) == 0
    shown = capsys.readouterr().out
    assert "distance between the two solutions" in shown
    assert "Linear regression of y" in shown


def test_a_table_too_large_for_memory_is_solved_in_one_pass(capsys, file, monkeypatch):
    small = run_json(capsys, "train", "linear", str(file), "--target", "y", "--weight", "weight")
    monkeypatch.setattr(table_words, "MAX_BYTES_IN_MEMORY", 0)
    large = run_json(capsys, "train", "linear", str(file), "--target", "y", "--weight", "weight")
    assert large["epochs"] == []
    values = [[item["value"] for item in result["summary"]["coefficients"]] for result in (small, large)]
    np.testing.assert_allclose(*values, rtol=1e-10)


def test_dependent_columns_have_no_summary_and_it_is_said(capsys, tmp_path):
    pq.write_table(pa.table({"a": X[:, 0], "twice": 2 * X[:, 0], "y": Y}), tmp_path / "t.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert main(["train", "linear", str(tmp_path / "t.parquet"), "--target", "y"]) == 0
    captured = capsys.readouterr()
    assert "only 1 of 2 columns are independent" in captured.out
    assert captured.err.startswith("twofold: columns depend on each other")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "train softmax FILE --target y",
            "NAME has numbers to predict, which softmax can't; train linear or mlp on it",
        ),
        ("train linear FILE", "which column of FILE is to be predicted? name it with --target"),
        ("train linear FILE --target z", "FILE: there is no column 'z'; the columns are a, b, c, weight, y"),
        ("train linear FILE --target y --data houses", "give --data houses or the file FILE, not both"),
        ("train linear nowhere.csv --target y", "nowhere.csv: no such file; check the path"),
        ("train linear", "no data: name a set with --data, such as --data digits"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(capsys, file, words, message):
    assert main([str(file) if word == "FILE" else word for word in words.split()]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"twofold: {message.replace('FILE', str(file)).replace('NAME', file.name)}\n"


@pytest.fixture
def nist() -> Path:
    folder = Path(os.environ.get("TWOFOLD_DATA", "")) / "nist-strd"
    if "TWOFOLD_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("TWOFOLD_DATA names no folder with nist-strd")
    return folder


def test_certify_prints_at_least_13_digits_of_every_set(capsys, nist):
    result = run_json(capsys, "certify")
    assert result["least"] >= 13
    assert len(result["rows"]) == 11
    assert main(["certify", "--data", str(nist)]) == 0
    assert "least correct digits of a coefficient: 13" in capsys.readouterr().out


def test_certify_fails_where_digits_are_missing(capsys, nist, monkeypatch):
    monkeypatch.setattr("twofold.cli.certify.GOAL", 20.0)
    assert main(["certify"]) == 2
    assert "digits, fewer than 20" in capsys.readouterr().err


def test_certify_says_where_the_sets_are_missing(capsys, tmp_path):
    assert main(["certify", "--data", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"twofold: {tmp_path}/norris.json: ")


def test_certify_runs_the_nonlinear_sets(capsys, monkeypatch):
    from twofold.inspect import certify_nonlinear

    sets = certify_nonlinear.load_nonlinear_sets()[:2]
    monkeypatch.setattr(certify_nonlinear, "load_nonlinear_sets", lambda: sets)
    result = run_json(capsys, "certify", "--nonlinear")
    assert [row["name"] for row in result["rows"]] == ["Misra1a 1", "Misra1a 2", "Chwirut2 1", "Chwirut2 2"]
    assert result["least"] > 10.3
    monkeypatch.setattr("twofold.cli.certify.NONLINEAR_GOAL", 20.0)
    assert main(["certify", "--nonlinear"]) == 2
    assert "digits, fewer than 20" in capsys.readouterr().err
