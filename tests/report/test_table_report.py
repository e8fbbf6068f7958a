"""The report of a table speaks of the table: its columns, what simpler models give, what matters, which rows are missed."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import hostile
from twofold import LinearRegression
from twofold.cli import main
from twofold.inspect.importance import column_importance
from twofold.inspect.table_rows import TableRows
from twofold.pages.numbers import readable
from twofold.plots.language import chinese_font
from twofold.report.blocks import Drawing
from twofold.report.drawings import Easel
from twofold.report.table_words import BECAME, REMARKS
from twofold.saving import load_model
from twofold.tables import read_table
from twofold.tables.splitting import split_rows

RNG = np.random.default_rng(1)
N = 150
AREA, ZONE = RNG.uniform(20, 200, N).round(1), RNG.choice(["north", "south", "east"], N)
PRICE = (1000 * AREA + 40_000 * (ZONE == "south") + 3000 * RNG.normal(size=N)).round()
CHEAP = np.where(PRICE < 60_000, "cheap", "dear")


class Page(HTMLParser):
    """What a person reads of a page: words in order, and the rows of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self._hidden, self._cell = 0, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._hidden += tag in ("svg", "style", "title")
        self._cell = tag in ("td", "th") or (self._cell and tag in ("span", "br"))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self._hidden -= tag in ("svg", "style", "title")
        self._cell &= tag not in ("td", "th")

    def handle_data(self, data):
        if self._hidden or not data.strip():
            return
        self.words.append(" ".join(data.split()))
        if self._cell:
            self.rows[-1][-1] = f"{self.rows[-1][-1]} {self.words[-1]}".strip()


@pytest.fixture
def no_pictures(monkeypatch):
    """Leave the drawing out where a test is about words and numbers."""
    monkeypatch.setattr(Easel, "hang", lambda _self, _draw, caption, **_: Drawing("", caption))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "houses.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["area", "zone", "id", "<b>note</b>", "price", "cheap"])
        for k in range(N):
            area = "" if k % 30 == 3 else AREA[k]
            note = f"<script>{k % 4}</script>" if k % 50 else "=cmd|' /C calc'!A0 " + "x" * 60
            writer.writerow([area, ZONE[k], k, note, int(PRICE[k]), CHEAP[k]])
    return path


def report(capsys, path, *words):
    """Run a command that writes a report; return its page, and what it says as JSON."""
    page = path.parent / "r.html"
    place = "-o" if words[0] == "report" else "--report"
    assert main([*map(str, words), place, str(page), "--json"]) == 0
    text = page.read_text(encoding="utf-8")
    return text, json.loads(capsys.readouterr().out)


def train(capsys, table, *words, model="mlp", target="price", drop="cheap"):
    own = ("--target", target, "--drop", drop, "--epochs", "15")
    return report(capsys, table, "train", model, table, *own, *words)


def row_of(page, *first):
    return next(row for row in page.rows if row[: len(first)] == list(first))


def test_columns_of_the_table_are_told_and_not_the_features_that_they_become(capsys, table, no_pictures):
    text, _ = train(capsys, table)
    page = Page(text)
    assert page.words[0] == "price, predicted from houses.csv"
    assert row_of(page, "area")[1].startswith("number 2")
    assert row_of(page, "area")[2] == "5"
    assert row_of(page, "zone")[1].startswith("category 3: ")
    assert row_of(page, "id")[1] == "left out it numbers the rows"
    assert row_of(page, "predicted") == ["predicted", "price, a number"]
    assert row_of(page, "rows") == ["rows", "120 trained, 30 held out to test"]
    assert row_of(page, "columns")[1].startswith("3 used, which become")
    assert "area>" not in text
    assert "zone=north" not in text


def test_simpler_models_stand_beside_with_intervals(capsys, table, no_pictures):
    text, told = train(capsys, table)
    page = Page(text)
    for name, scores in ({"network": told["test"]} | told["baselines"]).items():
        cells = row_of(page, name)[1:]
        for cell, score in zip(cells, scores.values(), strict=True):
            value, low, high = (readable(score[key]) for key in ("value", "low", "high"))
            assert cell == f"{value} {low} to {high}"
    assert page.words[1:3] == ["test R2", readable(told["test"]["R2"]["value"])]
    assert "R2 of linear model" in page.words


def test_what_matters_and_the_rows_missed_worst_are_of_rows_that_trained_nothing(capsys, table, no_pictures):
    words = ("--no-refit", "--save", table.parent / "m.safetensors")
    text, _ = train(capsys, table, *words)
    page, model = Page(text), load_model(table.parent / "m.safetensors")
    heads, first = next(
        (page.rows[k], page.rows[k + 1]) for k, row in enumerate(page.rows) if row[:2] == ["row", "actual"]
    )
    assert heads[:5] == ["row", "actual", "predicted", "error", "area"]
    number = int(first[0])
    assert first[1] == readable(float(PRICE[number]), 5)
    assert first[4] in (f"{AREA[number]:g}", "")
    listed = [int(row[0]) for row in page.rows if row and row[0].isdigit() and len(row) == len(heads)]
    rows = TableRows.of(model, read_table(table))
    held_out = split_rows(rows.y[:, None], 0.2, seed=0)[1]
    missed = np.abs(rows.outputs() - rows.y)[held_out]
    assert listed == held_out[np.argsort(-missed, kind="stable")][:10].tolist()
    words = next(word for word in page.words if word.startswith("How much worse R2 is"))
    assert "95 % intervals" in words
    assert "What is predicted on average if all rows had the same area" in page.words
    known = [row[0] for row in page.rows if len(row) == 3 and row[0] in rows.blocks and "to" in row[2]]
    assert known[0] == "area" == column_importance(rows).columns[0].name


def test_text_of_the_table_is_escaped_and_cut(capsys, table, no_pictures):
    text, _ = train(capsys, table)
    assert "<script" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;note&lt;/b&gt;" in text
    assert "x" * 40 not in text
    assert hostile.steers(text) == set()


def test_classes_have_the_confusion_and_the_rows_in_doubt(capsys, table):
    text, told = train(capsys, table, target="cheap", drop="price")
    page = Page(text)
    assert row_of(page, "predicted")[1] == "cheap: cheap, dear"
    assert "Which class was taken for which" in page.words
    assert "The rows of which it was least sure" in page.words
    assert row_of(page, "row", "actual", "predicted", "p(predicted)", "p(actual)")
    assert row_of(page, "cheap")[1] == str(sum(told["confusion"][0]))
    assert text.count("<figure>") >= 5
    assert 'aria-label="Accuracy of each network over its epochs' in text


@pytest.mark.parametrize(
    ("words", "model", "told"),
    [
        (("--members", "1", "--validation-fraction", "0.2"), "mlp", "a network of 128-128-128 hidden units"),
        ((), "linear", "linear regression, by least squares, solved exactly"),
        (("--test-fraction", "0"), "mlp", "the mean of 6 networks"),
    ],
    ids=["one network", "linear", "no test rows"],
)
def test_every_model_of_a_table_has_its_report(capsys, table, no_pictures, words, model, told):
    page = Page(train(capsys, table, *words, model=model)[0])
    assert row_of(page, "model")[1].startswith(told)
    if model == "linear" or "--test-fraction" in words:
        assert page.words[1] == "training R2"
        assert len(row_of(page, "linear regression" if model == "linear" else "network")) == 4
        assert any(word.startswith("No row was held out") for word in page.words)
        assert ("What matters" in page.words) == (model == "linear")
    else:
        assert row_of(page, "rows")[1] == "96 trained, 24 chose the epoch, 30 held out to test"
        assert any(word.startswith("The weights of the best epoch") for word in page.words)


@pytest.mark.parametrize("columns", [("area",), ("area", "zone")], ids=["numbers alone", "a category too"])
def test_linear_regression_tells_its_coefficients_and_the_rows_that_it_misses(capsys, table, no_pictures, columns):
    lines = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, (*columns, "price"), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(line for line in lines if line["area"])
    words = ("--target", "price", "--save", table.parent / "m.safetensors")
    text, told = report(capsys, table, "train", "linear", table, *words)
    page, model = Page(text), load_model(table.parent / "m.safetensors")
    for each in told["summary"]["coefficients"]:
        value, low, high, error = (readable(each[key]) for key in ("value", "low", "high", "standard_error"))
        assert row_of(page, each["name"], value) == [each["name"], value, f"{low} to {high}", error, f"{each['p']:.2g}"]
    assert row_of(page, "adjusted R2")[1] == readable(told["summary"]["fit"]["r2_adjusted"])
    expected = row_of(page, "of new rows expect R2 (each row predicted by a fit to the others)")
    assert expected[1] == readable(told["summary"]["left_out"]["r2"])
    assert row_of(page, "area")[1].startswith("number 2")
    assert any("from the first one of its column" in word for word in page.words) == ("zone" in columns)
    assert "Training" not in page.words  # no curve of what is solved exactly
    assert "Rows that it was trained on, counted from 0 below the line of names" in page.words
    rows = TableRows.of(model, read_table(table))
    listed = [int(row[0]) for row in page.rows if row and row[0].isdigit()]
    assert listed == np.argsort(-np.abs(rows.outputs() - rows.y), kind="stable")[:10].tolist()
    assert row_of(page, "always the same")[2].startswith(f"{readable(float(rows.y.std()))} ")
    again = Page(report(capsys, table, "report", table.parent / "m.safetensors", "--data", table)[0])
    assert row_of(again, "area")[:2] == row_of(page, "area")[:2]
    assert row_of(again, "linear regression") == row_of(page, "linear regression")


@pytest.mark.filterwarnings("always:columns depend on each other")
def test_features_that_follow_from_others_are_named_and_the_others_have_their_intervals(capsys, tmp_path, no_pictures):
    path, X = tmp_path / "gaps.csv", RNG.normal(size=(60, 3)).round(3)
    y = (X[:, 0] - 2 * X[:, 1] + RNG.normal(size=60)).round(3)
    gone = np.arange(60) % 7 == 0  # in both columns at once
    lines = [f"{a},{b},{c},{d}" if not g else f",,{c},{d}" for (a, b, c), d, g in zip(X, y, gone, strict=True)]
    path.write_text("\n".join(["a,b,c,y", *lines]))
    words = ["train", "linear", str(path), "--target", "y", "--epochs", "1", "--report", str(tmp_path / "r.html")]
    assert main(words) == 0
    assert re.search("columns depend on each other: . missing on . missing", capsys.readouterr().err)
    page = Page((tmp_path / "r.html").read_text(encoding="utf-8"))
    (said,) = [word for word in page.words if word.startswith("Features that follow from the others are left out here")]
    (left,) = {"a", "b"} & {said.partition("(1): ")[2].removesuffix(" missing")}
    kept = {"a": "b", "b": "a"}[left]
    filled = np.where(gone[:, None], np.nanmedian(np.where(gone[:, None], np.nan, X[:, :2]), axis=0), X[:, :2])
    fit = LinearRegression().fit(np.stack([filled[:, 0], filled[:, 1], X[:, 2], gone], axis=1), y)
    names = ("intercept", "a", "b", "c", f"{kept} missing")
    for name, each in zip(names, fit.summary().coefficients, strict=True):
        assert row_of(page, name, readable(each.value))[2] == f"{readable(each.low)} to {readable(each.high)}"


def test_many_coefficients_are_folded_and_the_clearest_drawn(capsys, tmp_path, no_pictures):
    path, X = tmp_path / "wide.csv", RNG.normal(size=(200, 70)).round(3)
    names = [f"x{k}" for k in range(70)]
    lines = [",".join(map(str, [*row, (row[0] + row[1]).round(3)])) for row in X]
    path.write_text("\n".join([",".join([*names, "y"]), *lines]))
    text, _ = report(capsys, path, "train", "linear", path, "--target", "y", "--epochs", "1")
    assert "<details><summary>All 71 coefficients" in text
    assert any(word.startswith("The 30 coefficients that are clearest of 0") for word in Page(text).words)


def test_a_long_table_is_folded_and_a_rare_class_told(capsys, tmp_path, no_pictures):
    path = tmp_path / "wide.csv"
    names = [f"x{k}" for k in range(14)]
    X = RNG.normal(size=(200, 14)).round(3)
    lines = [",".join([*map(str, row), "rare" if k % 20 == 0 else "usual"]) for k, row in enumerate(X)]
    path.write_text("\n".join([",".join([*names, "kind"]), *lines]))
    text, _ = report(capsys, path, "train", "softmax", path, "--target", "kind", "--epochs", "5")
    page = Page(text)
    assert "All 14 columns and what became of them" in page.words
    assert re.search(r"<details><summary>All 14 columns", text)
    assert any("so accuracy tells little" in word for word in page.words)
    assert any("How much worse log loss is" in word for word in page.words)


def test_a_saved_model_tells_the_same_of_other_rows(capsys, table, no_pictures):
    file = table.parent / "m.safetensors"
    train(capsys, table, "--save", file, target="cheap", drop="price")
    new = table.parent / "new.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    new.write_text("\n".join([*lines[:80], lines[1].replace(CHEAP[0], "other")]), encoding="utf-8")
    page = Page(report(capsys, new, "report", file, "--data", new)[0])
    assert row_of(page, "rows")[1] == "79 to judge by, 1 of a class unknown to it, wrong in the accuracy"
    assert "On the rows of new, 79 in all" in page.words
    assert "Rows of new, counted from 0 below the line of names" in page.words
    assert main(["evaluate", str(file), str(new), "--json"]) == 0
    accuracy = json.loads(capsys.readouterr().out)["scores"]["accuracy"]["value"]
    assert row_of(page, "network")[1].startswith(f"{readable(accuracy)} ")


def test_a_table_too_wide_to_shuffle_is_told_so(capsys, table, no_pictures, monkeypatch):
    monkeypatch.setattr("twofold.report.table_story.MAX_WORK", 1e6)
    page = Page(train(capsys, table)[0])
    assert any(word.startswith("To shuffle each of so many columns") for word in page.words)
    assert "matters most" not in page.words


def test_a_comparison_of_tables_names_their_columns(capsys, table, no_pictures):
    for name in ("a", "b"):
        train(capsys, table, "--seed", str(ord(name)), "--save", table.parent / name)
    text, _ = report(capsys, table, "report", table.parent / "a", table.parent / "b", "--data", table)
    assert row_of(Page(text), "columns")[1] == "area, zone, <b>note</b>"
    assert "zone=north" not in text


LATIN = re.compile(
    r"area|zone|north|south|east|note|price|houses|script|cheap|dear|csv|mlp|silu|adamw|cosine|squared|scratch|twofold|"
    r"MAE|ROC-AUC|epsilon|python|llvmlite|numba|numpy|scipy|torch|cpu|Linux|x86_64|aarch64|float32|Wilson|RMSE|SHA-256|beta\d|sigma|he|"
    r"[0-9a-f]{64}|\d+e[-+]?\d+|x{5,}|Student|cmd|calc|gamma|accelerate|Darwin|arm64|"
    r"--test-fraction|sgd|float64|normal"
)


def test_a_chinese_report_leaves_no_word_of_ours_in_english(capsys, table, no_pictures):
    for target, drop, model in (("price", "cheap", "mlp"), ("cheap", "price", "mlp"), ("price", "cheap", "linear")):
        text, _ = train(capsys, table, "--language", "zh", target=target, drop=drop, model=model)
        page = Page(text)
        code = [word for word in page.words if word.startswith("twofold train")]
        found = [w for w in page.words if re.search("[A-Za-z]{3}", LATIN.sub("", w)) and w not in code]
        assert found == []
        assert "什么重要" in page.words


@pytest.mark.skipif(chinese_font() is None, reason="no font with Chinese characters is installed")
def test_pictures_of_a_chinese_report_are_labelled_in_chinese(capsys, table):
    text, _ = train(capsys, table, "--language", "zh")
    assert 'aria-label="真实值与预测值，每行一个点"' in text
    assert "打乱该列后" in text


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("20 to 199.5", "20 至 199.5"),
        ("3: north, south", "3 类：north, south"),
        ("years, weekday, clock", "年份、星期、时刻"),
        ("constant: every row has 1", "常数：每行都是 1"),
        ("names of which none has 3 rows: 90 different values in 100 rows", "名称，没有一个出现在 3 行中"),
    ],
)
def test_what_became_of_a_column_is_said_in_chinese(english, chinese):
    assert BECAME.translate(english) == chinese


@pytest.mark.parametrize(
    "remark",
    [
        "column 'total' has a heavy tail: above about 12.5 its logarithm is predicted, which errs less",
        "read as missing: 'unknown' in job, contact",
        "-200 stands apart from all other numbers of co (4 rows); if it is a gap, say so: --gaps=-200 (in Python "
        "gaps=[-200])",
        "numbers are read with decimal commas, as column a has them",
        "column d: 01/02/2020 is read as 2 January 2020 (%d/%m/%Y); if it is 1 February 2020, say so: --dates %m/%d/%Y "
        "(in Python dates='%m/%d/%Y')",
    ],
)
def test_what_was_inferred_is_said_in_chinese(remark):
    assert REMARKS.translate(remark) != remark


@pytest.mark.parametrize("number", [0.0, 999.9, 1000.0, 123456.0, -98765.4, 3e-9, 1e300, float("inf"), float("nan")])
def test_numbers_for_people_are_the_numbers(number):
    assert float(readable(number).replace(",", "")) == pytest.approx(number, rel=5e-4, nan_ok=True)
