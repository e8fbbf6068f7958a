"""``twofold predict`` and ``twofold evaluate``: models on rows that they have not seen."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from twofold import load_model
from twofold.cli import main
from twofold.engines.protocol import CHUNK
from twofold.engines.threads import limited_threads
from twofold.tables import blocks
from twofold.tables.problem import encoder_from_dict

RNG = np.random.default_rng(0)
COLORS = ["red", "green", "blue"]


def rows(n: int) -> dict[str, list]:
    color = RNG.choice(COLORS, n)
    size = RNG.uniform(1, 9, n).round(2)
    return {
        "code": [f"0{k % 3}" for k in range(n)],
        "color": color.tolist(),
        "size": size.tolist(),
        "price": (size + 3 * (color == "red")).tolist(),
        "kind": np.where(size > 5, "big", "small").tolist(),
    }


def write(path, columns):
    pyarrow.csv.write_csv(pa.table(columns), path)
    return str(path)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    train = write(folder / "train.csv", rows(400))
    words = ("--kinds", "code=category", "--json")
    made = {}
    few = ("--members", "2", "--hidden", "16", "--epochs", "40")
    for model, target, *own in (("mlp", "price", *few), ("softmax", "kind"), ("linear", "price")):
        made[model] = str(folder / f"{model}.safetensors")
        assert main(["train", model, train, "--target", target, "--save", made[model], *words, *own]) == 0
    made["plain"] = str(folder / "plain.safetensors")
    assert main(["train", "linear", train, "--target", "price", "--features", "size", "--save", made["plain"]]) == 0
    made["digits"] = str(folder / "digits.safetensors")
    assert main(["train", "softmax", "--data", "digits", "--epochs", "3", "--save", made["digits"]]) == 0
    return made


def run_json(capsys, *words: str) -> dict:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line)


def test_predictions_go_to_a_file_in_the_rows_order(capsys, models, tmp_path):
    new = rows(30)
    file, output = write(tmp_path / "new.csv", new), tmp_path / "out.csv"
    result = run_json(capsys, "predict", models["mlp"], file, "-o", str(output))
    predicted = np.array(pyarrow.csv.read_csv(output).column("price"))
    assert (result["rows"], result["columns"]) == (30, ["price"])
    assert np.corrcoef(predicted, new["price"])[0, 1] > 0.97


def test_any_number_of_cores_predicts_the_same_bits(models, tmp_path, monkeypatch):
    pq.write_table(pa.table(rows(3 * CHUNK + 100)), tmp_path / "new.parquet")
    found = []
    for cores in (1, 4):
        monkeypatch.setattr("twofold.cli.apply.usable_cores", lambda cores=cores: cores)
        with limited_threads(cores):
            main(["predict", models["mlp"], str(tmp_path / "new.parquet"), "-o", str(tmp_path / "out.parquet")])
        found.append((tmp_path / "out.parquet").read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("model", ["mlp", "softmax", "plain"])
def test_predictions_block_by_block_are_those_of_all_rows_at_once(capsys, models, tmp_path, monkeypatch, model):
    table = pa.table(rows(2 * CHUNK + 100))
    trained = load_model(models[model])
    pyarrow.csv.write_csv(table, tmp_path / "new.csv")
    pq.write_table(table, tmp_path / "new.parquet", row_group_size=1000)
    if trained.encoder is None:
        X = np.array(table.column("size"))[:, None]
    else:
        X, _ = encoder_from_dict(trained.encoder)[0].encode(table, trained.dtype)
    predicted = trained.predict(X)
    expected = {trained.target: predicted if predicted.ndim == 1 else predicted[:, 0]}
    words = ["--probabilities"] if trained.classes else []
    expected |= (
        {f"P({name})": p for name, p in zip(trained.classes, trained.probabilities(X).T, strict=True)} if words else {}
    )
    for ending in ("csv", "parquet"):
        whole = tmp_path / f"whole.{ending}"
        (pyarrow.csv.write_csv if ending == "csv" else pq.write_table)(pa.table(expected), whole)
        for size in (1 << 12, 1 << 20):  # bytes that are read at a time
            monkeypatch.setattr(blocks, "FEW_BYTES", size)
            output = tmp_path / f"out.{ending}"
            main(["predict", models[model], str(tmp_path / f"new.{ending}"), "-o", str(output), *words])
            assert output.read_bytes() == whole.read_bytes()
    capsys.readouterr()
    main(["predict", models[model], str(tmp_path / "new.csv"), *words])
    assert capsys.readouterr().out == (tmp_path / "whole.csv").read_text()


def test_a_mistake_in_the_last_row_leaves_no_predictions(capsys, models, tmp_path):
    new = rows(CHUNK + 1)
    file, output = write(tmp_path / "new.csv", {**new, "size": [*new["size"][:-1], np.inf]}), tmp_path / "out.csv"
    capsys.readouterr()
    assert main(["predict", models["mlp"], file, "-o", str(output)]) == 2
    assert f"row {CHUNK} (counted from 0) is inf" in capsys.readouterr().err
    assert not output.exists()
    assert main(["predict", models["mlp"], file]) == 2
    assert capsys.readouterr().out == ""


def test_predictions_go_to_standard_output_otherwise_and_words_to_the_other(capsys, models, tmp_path):
    new = rows(3)
    capsys.readouterr()
    assert (
        main(["predict", models["softmax"], write(tmp_path / "new.csv", {**new, "color": ["red", "pink", "pink"]})])
        == 0
    )
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0] == '"kind"'
    assert len(captured.out.splitlines()) == 4
    assert captured.err == "column color: 2 rows have a category that was not in the training set\n"


def test_probabilities_are_told_by_class_and_sum_to_1(capsys, models, tmp_path):
    output = tmp_path / "out.parquet"
    run_json(
        capsys, "predict", models["softmax"], write(tmp_path / "n.csv", rows(9)), "-o", str(output), "--probabilities"
    )
    table = pq.read_table(output)
    assert table.column_names == ["kind", "P(big)", "P(small)"]
    P = np.stack([table.column(1), table.column(2)])
    np.testing.assert_allclose(P.sum(axis=0), 1, atol=1e-6)
    assert [("big", "small")[k] for k in P.argmax(axis=0)] == table.column(0).to_pylist()


def test_what_differs_from_the_training_set_is_counted_per_column(capsys, models, tmp_path):
    new = {**rows(4), "color": ["red", "pink", None, "blue"], "size": [3.0, 99.0, -99.0, None]}
    output = str(tmp_path / "out.tsv")
    notes = run_json(capsys, "predict", models["mlp"], write(tmp_path / "n.csv", new), "-o", output)["notes"]
    assert notes["color"] == {"unseen": 1, "missing": 1, "newly missing": 1}
    assert notes["size"] == {"out of range": 2, "missing": 1, "newly missing": 1}


def test_categories_that_look_like_numbers_stay_what_they_are(capsys, models, tmp_path):
    new = {**rows(3), "code": ["00", "01", "02"]}
    output = str(tmp_path / "out.csv")
    assert run_json(capsys, "predict", models["mlp"], write(tmp_path / "n.csv", new), "-o", output)["notes"] == {}


def test_evaluate_gives_scores_with_intervals_and_the_confusion_matrix(capsys, models, tmp_path):
    file = write(tmp_path / "new.csv", rows(200))
    result = run_json(capsys, "evaluate", models["softmax"], file)
    assert result["scores"]["accuracy"]["value"] == np.trace(result["confusion"]) / 200 > 0.9
    numbers = run_json(capsys, "evaluate", models["mlp"], file)["scores"]
    assert set(numbers) == {"R2", "RMSE", "MAE"}
    assert numbers["R2"]["value"] > 0.95
    assert main(["evaluate", models["softmax"], file]) == 0
    assert "true classes down, predicted ones across" in capsys.readouterr().out


def test_evaluate_leaves_out_rows_without_a_target(capsys, models, tmp_path):
    new = rows(20)
    new["price"][3] = None
    result = run_json(capsys, "evaluate", models["linear"], write(tmp_path / "new.csv", new))
    assert (result["rows"], result["dropped"]) == (19, 1)
    assert result["scores"]["R2"]["value"] > 0.999


def test_a_model_of_plain_numbers_finds_its_columns_by_name(capsys, models, tmp_path):
    new = rows(20)
    file, output = write(tmp_path / "new.csv", {"price": new["price"], "size": new["size"]}), tmp_path / "out.csv"
    run_json(capsys, "predict", models["plain"], file, "-o", str(output))
    model = load_model(models["plain"])
    expected = model.predict(np.array(new["size"])[:, None])[:, 0]
    np.testing.assert_allclose(pyarrow.csv.read_csv(output).column("price").to_numpy(), expected, rtol=1e-12)
    assert "R2" in run_json(capsys, "evaluate", models["plain"], file)["scores"]


def test_one_row_has_scores_but_no_intervals(capsys, models, tmp_path):
    scores = run_json(capsys, "evaluate", models["mlp"], write(tmp_path / "new.csv", rows(1)))["scores"]
    assert scores["R2"]["value"] is None
    assert scores["MAE"]["high"] is None


def test_a_table_may_be_named_by_data_wherever_rows_are_read(capsys, models, tmp_path):
    file = write(tmp_path / "new.csv", rows(40))
    for model, picture in (("mlp", "residuals"), ("softmax", "confusion"), ("plain", "residuals")):
        beside = run_json(capsys, "evaluate", models[model], file)
        assert run_json(capsys, "evaluate", models[model], "--data", file) == beside
        output = str(tmp_path / "picture.svg")
        assert run_json(capsys, "plot", picture, models[model], "--data", file, "-o", output)["picture"] == output
        assert run_json(capsys, "trace", models[model], "--data", file)["steps"]


def test_a_folder_of_parquet_files_is_a_table_wherever_rows_are_read(capsys, models, tmp_path):
    new, folder = rows(40), tmp_path / "parts"
    folder.mkdir()
    pq.write_table(pa.table(new), folder / "a.parquet")
    one = run_json(capsys, "evaluate", models["mlp"], write(tmp_path / "new.csv", new))["scores"]
    assert run_json(capsys, "evaluate", models["mlp"], "--data", str(folder))["scores"] == one
    assert run_json(capsys, "trace", models["mlp"], "--data", str(folder))["steps"]
    page = str(tmp_path / "page.html")
    assert run_json(capsys, "report", models["mlp"], "--data", str(folder), "-o", page)["report"] == page


def test_a_model_file_needs_no_suffix(capsys, models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bare").write_bytes((tmp_path / models["digits"]).read_bytes())
    assert run_json(capsys, "trace", "bare", "--data", "digits")["steps"]


def test_evaluate_takes_data_sets_too(capsys, models):
    result = run_json(capsys, "evaluate", models["digits"], "--data", "digits")
    assert result["rows"] == 360
    assert np.shape(result["confusion"]) == (10, 10)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("predict mlp LACKS", "LACKS: there is no column 'color', 'size', which the model was trained on; the columns are code, kind"),
        ("predict mlp WORDS", "WORDS: column 'size' holds string such as 'large'; the model was trained on numbers"),
        ("predict plain WORDS", "WORDS: column 'size' is of string; the model was trained on numbers"),
        ("predict plain LACKS", "LACKS: there is no column 'size', which the model was trained on; the columns are code, kind"),
        ("evaluate mlp LACKS", "LACKS: there is no column 'color', 'size', which the model was trained on"),
        ("evaluate softmax TARGETLESS", "TARGETLESS: there is no column 'kind', the target; to predict it: twofold predict"),
        ("evaluate softmax OTHER", "column 'kind' holds 'huge' (2 rows such), which is none of the classes big, small"),
        ("evaluate mlp", "give a table, or a data set with --data NAME: one of the two"),
        ("evaluate mlp --data houses", "the model was trained on a table; name one: --data rows.csv"),
        ("evaluate digits --data toy-animals", "the model predicts digit of 0, 1, 2, 3, 4, ...; toy-animals has animal"),
        ("predict digits LACKS", "the model was not trained on a table with names of columns but on digits; on a data set:"),
        ("plot residuals plain", "{plain} reads a table; name it: twofold plot residuals {plain} TABLE"),
        ("plot coefficients plain", "{plain} reads a table; name it: twofold plot coefficients {plain} TABLE"),
        ("plot confusion softmax LACKS --data houses", "give --data houses or the table LACKS, not both"),
        ("predict mlp nowhere.csv", "nowhere.csv: no such file; check the path"),
        ("predict mlp LACKS -o out.txt", "out.txt: a table's name ends in .csv, .tsv, .parquet; choose one"),
        ("predict mlp LACKS --json", "--json prints one object on standard output; name a file for the table with"),
        ("predict mlp WORDS", "WORDS: column 'size' holds string"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_exit_code_2(capsys, models, tmp_path, words, message):
    new = rows(2)
    tables = {
        "LACKS": {"code": new["code"], "kind": new["kind"]},
        "WORDS": {**new, "size": ["large", "small"]},
        "TARGETLESS": {name: cells for name, cells in new.items() if name != "kind"},
        "OTHER": {**new, "kind": ["huge", "huge"]},
    }
    places = {name: write(tmp_path / f"{name.lower()}.csv", columns) for name, columns in tables.items()}
    capsys.readouterr()
    assert main([models.get(word, places.get(word, word)) for word in words.split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    for name, place in places.items():
        message = message.replace(name, place).replace("{plain}", models["plain"])
    assert line.startswith(f"twofold: {message}")


def test_numbers_have_no_probabilities(capsys, models, tmp_path):
    assert main(["predict", models["mlp"], write(tmp_path / "n.csv", rows(2)), "--probabilities"]) == 2
    assert "which have no probabilities" in capsys.readouterr().err
