"""Which columns and rows of a table count on the command line, and what is said about it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from twofold import load_model, save_model
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
    words = ("--hidden", 16, "--members", 2, "--epochs", 40)  # enough to tell the labels by the index
    result = run_json(capsys, "train", "mlp", path, "--target", "label", "--save", saved, *words)
    assert result["test"]["accuracy"]["value"] < 0.7
    assert load_model(saved).encoder["plan"]["columns"][0]["name"] == "x"


def test_what_numbers_the_rows_is_said_with_the_words_that_keep_it(capsys, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("n,code,x,y\n" + "".join(f"{k + 5},c{k:03},{NOISE[k]},{k % 2}\n" for k in range(N)))
    words = ("train", "softmax", path, "--target", "y", "--epochs", 1)
    text = run(capsys, *words)
    left_out = "it numbers the rows; left out, as what is learned of it holds for no other row"
    assert f"column 'n': {left_out}; to keep it: --kinds n=number\n" in text
    assert f"column 'code': {left_out}\n" in text
    assert "column 'n'" not in run(capsys, *words, "--kinds", "n=number")
    assert "column 'n': it numbers the rows; kept, as it is named" in run(capsys, *words, "--features", "n,x")


def test_linear_regression_of_plain_numbers_leaves_row_numbers_out_too(capsys, tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("n,x,y\n" + "".join(f"{k},{NOISE[k]},{3 * NOISE[k] + k}\n" for k in range(N)))
    for most in (1 << 28, 0):
        monkeypatch.setattr("twofold.cli.table.MAX_BYTES_IN_MEMORY", most)
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
    assert "mlp 25-128-128-2" in run(capsys, "train", "mlp", path, "--target", "y", "--epochs", 1)


def labelled(path, labels, n: int = 120):
    """A table of a number that tells the label, one of those given in turn."""
    lines = [f"{(k % len(labels)) + 0.1 * RNG.random():.4f},{labels[k % len(labels)]}" for k in range(n)]
    path.write_text("\n".join(["x,y", *lines]) + "\n")
    return path


@pytest.mark.parametrize("labels", [("007", "010"), ("True", "False"), ("1.0", "2.0"), ("Yes", "No"), ("0", "1")])
@pytest.mark.parametrize("model", ["softmax", "mlp"])
def test_classes_come_back_in_the_spelling_of_the_file(capsys, tmp_path, labels, model):
    path, saved, out = labelled(tmp_path / "t.csv", labels), tmp_path / "m.safetensors", tmp_path / "p.csv"
    words = ("--hidden", "8", "--members", "2") if model == "mlp" else ()
    text = run(capsys, "train", model, path, "--target", "y", "--epochs", 60, "--save", saved, *words)
    assert f"2 classes: {', '.join(sorted(labels))}" in text
    assert load_model(saved).classes == tuple(sorted(labels))
    run(capsys, "predict", saved, path, "-o", out)
    given = [line.split(",")[1] for line in path.read_text().splitlines()]
    assert out.read_text().replace('"', "").splitlines() == given
    assert run_json(capsys, "evaluate", saved, path)["scores"]["accuracy"]["value"] == 1
    run(capsys, "export", saved, "-o", tmp_path / "m.py")
    assert f"CLASSES = {sorted(labels)}" in (tmp_path / "m.py").read_text()


def test_a_model_knows_its_classes_in_another_spelling_too(capsys, tmp_path):
    """As where the rows to score come from Parquet, or from another program."""
    saved = tmp_path / "m.safetensors"
    path, words = labelled(tmp_path / "t.csv", ("007", "010")), ("--epochs", 5, "--save", saved)
    run(capsys, "train", "softmax", path, "--target", "y", *words)
    pq.write_table(pa.table({"x": [0.0, 1.0], "y": [7, 10]}), tmp_path / "t.parquet")
    assert run_json(capsys, "evaluate", saved, tmp_path / "t.parquet")["unknown"] == {}


def test_classes_that_differ_in_their_spelling_alone_are_one_and_it_is_said(capsys, tmp_path):
    words = ("--target", "y", "--epochs", 5)
    text = run(capsys, "train", "softmax", labelled(tmp_path / "t.csv", ("yes", "yes", "No", "Yes")), *words)
    assert "classification of y (yes or no, 'yes' and 'Yes' are one class), 2 classes: No, yes" in text
    text = run(capsys, "train", "softmax", labelled(tmp_path / "t.csv", ("1.0", "2", "1", "1")), *words)
    assert "'1' and '1.0' are one class), 2 classes: 1, 2" in text


def test_features_with_leading_zeros_are_names(capsys, tmp_path):
    path, saved = tmp_path / "t.csv", tmp_path / "m.safetensors"
    codes = ["01234", "98765", "00501"]
    path.write_text("zip,y\n" + "".join(f"{codes[k % 3]},{'ab'[k % 3 == 0]}\n" for k in range(90)))
    words = ("--target", "y", "--epochs", 40)
    text = run(capsys, "train", "softmax", path, "--save", saved, *words)
    assert "column 'zip' holds codes with leading zeros, names and no numbers; if wrong: --kinds zip=number" in text
    assert set(load_model(saved).features) == {"zip=00501", "zip=01234", "zip=98765"}
    result = run_json(capsys, "evaluate", saved, path)
    assert (result["notes"], result["scores"]["accuracy"]["value"]) == ({}, 1)
    told = run(capsys, "train", "softmax", path, "--kinds", "zip=number", "--save", saved, *words)
    assert "codes with leading zeros" not in told
    assert load_model(saved).features == ("zip",)


def test_a_class_that_was_never_seen_is_scored_as_wrong_and_told(capsys, tmp_path):
    saved, new = tmp_path / "m.safetensors", tmp_path / "new.csv"
    run(
        capsys,
        "train",
        "softmax",
        labelled(tmp_path / "t.csv", ("a", "b")),
        "--target",
        "y",
        "--epochs",
        60,
        "--save",
        saved,
    )
    new.write_text("x,y\n0,a\n1,b\n0,c\n1,c\n")
    result = run_json(capsys, "evaluate", saved, new)
    assert (result["rows"], result["unknown"], result["confusion"]) == (4, {"c": 2}, [[1, 0], [0, 1]])
    assert result["scores"]["accuracy"]["value"] == 0.5
    assert result["scores"]["log loss"]["value"] < 0.7
    told = (
        "2 rows are of a class that the model was not trained on, 'c': wrong in the accuracy, left out of the log loss"
    )
    assert told in run(capsys, "evaluate", saved, new)
    assert run_json(capsys, "plot", "confusion", saved, new, "-o", tmp_path / "c.svg")["picture"]


def test_numbers_that_can_not_be_read_are_left_out_of_a_score_and_told(capsys, tmp_path):
    saved, new = tmp_path / "m.safetensors", tmp_path / "new.csv"
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{x:.4f},{2 * x:.4f}\n" for x in NOISE))
    run(capsys, "train", "linear", tmp_path / "t.csv", "--target", "y", "--save", saved)
    new.write_text("x,y\n1,2\n2,4\n3,soon\n0.5,1\n0.25,0.5\n")
    result = run_json(capsys, "evaluate", saved, new)
    assert (result["rows"], result["unknown"]) == (4, {"soon": 1})
    assert "1 row has 'soon' in y, which is no number, and is left out" in run(capsys, "evaluate", saved, new)


def test_a_file_without_names_works_from_training_to_scores(capsys, tmp_path):
    path, saved = tmp_path / "t.csv", tmp_path / "m.safetensors"
    path.write_text("".join(f"{'MF'[k % 2]},{x:.3f},{2 * x:.3f},{x + k % 2:.3f}\n" for k, x in enumerate(NOISE)))
    assert "looks like a row (M, " in refused(capsys, "train", "mlp", path, "--target", "column4")
    words = ("--target", "column4", "--no-header", "--epochs", 5, "--save", saved)
    assert run_json(capsys, "train", "mlp", path, *words)["test"]
    assert run_json(capsys, "evaluate", saved, path)["rows"] == N
    assert run_json(capsys, "evaluate", saved, path, "--no-header")["rows"] == N
    bare = tmp_path / "new.csv"
    bare.write_text("M,0.5,1.0\nF,0.1,0.2\n")
    assert run_json(capsys, "predict", saved, bare, "-o", tmp_path / "p.csv")["rows"] == 2


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "gb18030"])
def test_a_file_in_another_encoding_is_trained_on_and_predicted_in_utf_8(capsys, tmp_path, encoding):
    names = ("北京", "上海") if encoding == "gb18030" else ("Köln", "Málaga")
    path, saved, out = tmp_path / "t.csv", tmp_path / "m.safetensors", tmp_path / "p.csv"
    lines = "".join(f"{names[k % 2]},{names[k % 2]}\n" for k in range(80))
    path.write_bytes(f"stadt,y\n{lines}".encode(encoding))
    for words in ((), ("--encoding", encoding)):
        text = run(capsys, "train", "softmax", path, "--target", "y", "--epochs", 40, "--save", saved, *words)
        assert ("by a guess from its bytes" in text) == (encoding != "utf-16" and not words)
        assert set(load_model(saved).classes) == set(names)
        run(capsys, "predict", saved, path, "-o", out, *words)
        assert out.read_text(encoding="utf-8").replace('"', "").splitlines()[1:3] == list(names)
        assert run_json(capsys, "evaluate", saved, path, *words)["rows"] == 80
    assert "unknown encoding 'latin_9000'" in refused(capsys, "predict", saved, path, "--encoding", "latin_9000")


def test_what_spreadsheets_leave_at_the_edges_is_left_out_and_said(capsys, tmp_path):
    path, saved, out = tmp_path / "t.csv", tmp_path / "m.safetensors", tmp_path / "p.csv"
    path.write_text("a;b;y;;\n" + "".join(f"{x:.3f};{k % 7};{k % 2};;\n" for k, x in enumerate(NOISE)) + ";;;;\n" * 14)
    text = run(capsys, "train", "softmax", path, "--target", "y", "--save", saved)
    assert "2 columns without a name and a value are left out" in text
    assert "14 rows without a value at the end are left out" in text
    assert "have no y" not in text
    assert run_json(capsys, "predict", saved, path, "-o", out)["rows"] == N


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            [k % 20 for k in range(400)],
            "if the values of y are amounts or grades, not names of classes: --task regression",
        ),
        ([k % 28 for k in range(400)], "if the values of y are names of classes: --task classification"),
        ([k % 2 for k in range(400)], ""),
        ([k % 300 for k in range(400)], ""),
        (["Cat", "cat", "dog", "dog"] * 100, "classes that differ in capital letters alone stay apart: 'Cat', 'cat'"),
    ],
    ids=["grades", "counts", "yes and no", "amounts", "capitals"],
)
def test_what_to_type_is_said_where_a_target_may_mean_something_else(capsys, tmp_path, values, said):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{RNG.normal():.4f},{value}\n" for value in values))
    text = run(capsys, "train", "mlp", path, "--target", "y", "--epochs", 1, "--hidden", "4")
    if said:
        assert said in text
    else:
        assert "if the values of" not in text
    if "--task" in said:
        told = run(capsys, "train", "mlp", path, "--target", "y", "--epochs", 1, "--hidden", "4", *said.split()[-2:])
        assert "if the values of" not in told


def test_a_table_of_messages_says_that_free_text_is_not_read(capsys, tmp_path):
    path = tmp_path / "sms.tsv"
    path.write_text(
        "label\ttext\n" + "".join(f"{['ham', 'spam'][k % 2]}\tcall, me, at {k} or after that, ok\n" for k in range(60))
    )
    line = refused(capsys, "train", "mlp", path, "--target", "label")
    assert "free text is not read: make numbers of it first, such as with scikit-learn's TfidfVectorizer" in line


def test_a_model_of_before_that_predicts_from_a_column_without_a_name_finds_it(capsys, tmp_path):
    path, saved = tmp_path / "t.csv", tmp_path / "m.safetensors"
    path.write_text(",y\n" + "".join(f"{x:.3f},{'ab'[int(x > 0)]}\n" for x in NOISE))
    run(capsys, "train", "softmax", path, "--target", "y", "--save", saved)
    expected = run(capsys, "predict", saved, path).replace("column Unnamed: 0:", "column :")
    model = load_model(saved)
    (column,) = model.encoder["plan"]["columns"]
    plan = {**model.encoder["plan"], "columns": [{**column, "name": ""}]}
    before = tmp_path / "before.safetensors"
    save_model(before, replace(model, encoder={**model.encoder, "plan": plan}, features=()))
    assert run(capsys, "predict", before, path) == expected
