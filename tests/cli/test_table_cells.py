"""How numbers, dates and gaps in files are read is said when training, and is the same when predicting."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from twofold.cli import main

PRICES = ["950;0,39", "1.250;0,63", "2.100;0,5", "815;0,25", "1.343;0,4", "1.990;0,75"] * 20
DAYS = pd.date_range("2020-01-01", periods=12, freq="D")


def run(capsys, *words: str, code: int = 0) -> str:
    assert main(words) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


def write(path, header: str, rows: list[str]) -> str:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return str(path)


def test_points_between_thousands_are_read_as_such_when_training_predicting_and_evaluating(capsys, tmp_path):
    rows = [f"{row};{row.split(';')[0]}" for row in PRICES]
    file, model = write(tmp_path / "p.csv", "preis;rabatt;y", rows), str(tmp_path / "m.safetensors")
    out = run(capsys, "train", "linear", file, "--target", "y", "--save", model)
    assert "numbers are read with decimal commas, as column rabatt has them" in out
    assert "│ preis  │ number │ 815 to 2100 " in out
    new = write(tmp_path / "new.csv", "preis;rabatt", ["1.250;0,63", "950;1"])
    assert main(("predict", model, new)) == 0
    predicted = [float(line) for line in capsys.readouterr().out.splitlines()[1:]]
    np.testing.assert_allclose(predicted, [1250, 950], rtol=1e-9)
    scored = write(tmp_path / "scored.csv", "preis;rabatt;y", ["1.250;0,63;1.250", "1.990;1;1.990", "2.100;1;2.100"])
    assert main(("evaluate", model, scored, "--json")) == 0
    assert json.loads(capsys.readouterr().out)["scores"]["MAE"]["value"] < 1e-6


def test_a_mark_that_nothing_tells_is_asked_for_by_the_name_of_its_option(capsys, tmp_path):
    file = write(tmp_path / "p.csv", "x,y", [f"{1 + k / 7:.3f},{k}" for k in range(7, 60) if k % 10])
    words = ("train", "mlp", file, "--target", "y", "--epochs", "1", "--test-fraction", "0")
    out = run(capsys, *words)
    assert "column x: 2.000 is read as 2; if it is 2000, say so: --decimal ," in out
    out = run(capsys, *words, "--decimal", ",")
    assert "│ x      │ number │ 2000 to 9429 " in out
    assert "say so" not in out


def test_commas_that_nothing_tells_are_decimal_ones_between_semicolons(capsys, tmp_path):
    for mark, quote, read in ((";", "", "1,007 is read as 1.007"), (",", '"', "1,007 is read as 1007")):
        rows = [f"{quote}{1 + k % 9},{k:03}{quote}{mark}{k}" for k in range(7, 60)]
        file = write(tmp_path / "p.csv", f"x{mark}y", [f"{quote}1,007{quote}{mark}1", *rows])
        assert read in run(capsys, "train", "mlp", file, "--target", "y", "--epochs", "1")


def test_separators_and_quotes_do_not_change_what_a_number_is(capsys, tmp_path):
    rows = [(f"{k},69", f"{k % 7},5", k) for k in range(40)]
    for name, mark, quote in (("a.csv", ";", ""), ("b.tsv", "\t", ""), ("c.csv", ",", '"')):
        lines = [mark.join((f"{quote}{a}{quote}", f"{quote}{b}{quote}", str(y))) for a, b, y in rows]
        file = write(tmp_path / name, mark.join("aby"), lines)
        out = run(capsys, "train", "mlp", file, "--target", "y", "--epochs", "1", "--test-fraction", "0")
        assert "│ a      │ number │ 0.69 to 39.69 " in out


@pytest.mark.parametrize("form", ["%d-%b-%y", "%B %d, %Y", "%d/%m/%Y %H:%M", "%Y%m%dT%H%M%S", "%m/%d/%y"])
def test_dates_of_all_forms_are_read_and_an_unreadable_one_is_counted(capsys, tmp_path, form):
    stamps = pd.date_range("2020-01-03", periods=80, freq="3D") + pd.Timedelta("45min")
    cells = stamps.strftime(form).tolist()
    quoted = [f'"{cell}",{k % 9}.5' for k, cell in enumerate([*cells[:79], "soon"])]
    file, model = write(tmp_path / "d.csv", "when,y", quoted), str(tmp_path / "m.safetensors")
    out = run(capsys, "train", "mlp", file, "--target", "y", "--epochs", "1", "--save", model)
    assert "│ when   │ date" in out
    assert "column when: 1 row has a cell that can't be read, and counts as missing" in out
    new = write(tmp_path / "new.csv", "when", [f'"{cell}"' for cell in [*cells[:3], "later"]])
    out = run(capsys, "predict", model, new)
    assert "column when: 1 row has a cell that can't be read, and counts as missing" in out
    assert len([line for line in out.splitlines() if line.replace(".", "").replace("-", "").isdigit()]) == 4


def test_an_ambiguous_day_is_told_and_can_be_named(capsys, tmp_path):
    rows = [f"{3 + k * 5 % 9:02}/{1 + k * 7 % 12:02}/2020,{k}.5" for k in range(40)]
    rows = [row for row in rows if int(row[:2]) <= 12]
    file = write(tmp_path / "d.csv", "when,y", rows)
    words = ("train", "mlp", file, "--target", "y", "--epochs", "1")
    assert "if it is 2020-01-03, say so: --dates %d/%m/%Y" in run(capsys, *words)
    out = run(capsys, *words, "--dates", "%d/%m/%Y")
    assert "%d/%m/%Y" in out
    assert "say so" not in out
    assert "no column has dates of the form %d.%m.%Y" in run(capsys, *words, "--dates", "%d.%m.%Y", code=2)
    assert "unknown decimal mark ';'" in run(capsys, *words, "--decimal", ";", code=2)
    assert "there is no time zone 'Berlin'" in run(capsys, *words, "--zone", "Berlin", code=2)


def test_the_same_instants_predict_the_same_from_csv_and_parquet(capsys, tmp_path):
    stamps = pd.Series(pd.date_range("2024-03-20", periods=300, freq="5h", tz="Europe/Berlin"))
    frame = pd.DataFrame({"when": stamps, "y": np.sin(stamps.dt.hour / 24 * 2 * np.pi)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    said = []
    for trained in ("t.csv", "t.parquet"):
        model = str(tmp_path / f"{trained}.safetensors")
        run(capsys, "train", "mlp", str(tmp_path / trained), "--target", "y", "--epochs", "5", "--save", model)
        said += [run(capsys, "predict", model, str(tmp_path / name)) for name in ("t.csv", "t.parquet")]
    assert len(set(said)) == 1


def test_blanks_around_a_word_for_a_missing_value_change_nothing(capsys, tmp_path):
    rows = [f"{k}, {'?' if k % 6 == 0 else 'ab'[k % 2]}, {'NA ' if k % 5 == 0 else k / 4}, {k}.5" for k in range(60)]
    out = run(capsys, "train", "mlp", write(tmp_path / "t.csv", "n,c,d,y", rows), "--target", "y", "--epochs", "1")
    table = " ".join(out.split())
    assert "│ c │ category │ 2: b, a │ 10 │" in table
    assert "│ 12 │" in table
    assert "read as missing: '?' in c; 'NA' in d" in out
