"""Tables in the lab: read as the library reads them, or refused in one line."""

from __future__ import annotations

import base64
import csv
import io
import json

import numpy as np
import pytest

from twofold.cli import main
from twofold.errors import DataError
from twofold.lab import Session, Setup
from twofold.lab.csv_table import prepare, read_csv
from twofold.tables import TablePlan, read_table

CITIES = ("北京", 'Saint "Quote", the', "Öls; z")


def written(delimiter=",", decimal=".", encoding="utf-8", rows=60) -> bytes:
    """A table with Chinese names, quotes, gaps and text."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["城市", "面积", "age (years)", "价格", "种类"])
    for row in range(rows):
        area, age = f"{50 + row * 1.25:.2f}".replace(".", decimal), "" if row % 7 == 3 else row % 9
        city = CITIES[row % 3] if row % 11 else "NA"
        writer.writerow(
            [city, area, age, f"{3 * row + row % 3 + 0.5}".replace(".", decimal), "yes" if row % 2 else "no"]
        )
    return text.getvalue().encode(encoding)


FORMS = {
    "commas": (",", ".", "utf-8"),
    "semicolons and decimal commas": (";", ",", "utf-8"),
    "tabs": ("\t", ".", "utf-8-sig"),
    "gb18030": (",", ".", "gb18030"),
}


@pytest.mark.parametrize("target", ["价格", "种类"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_table_is_read_as_the_library_reads_it(tmp_path, form, target):
    content = written(*form)
    (tmp_path / "a.csv").write_bytes(content)
    prepared = prepare(read_csv("a.csv", content), target)
    plan = TablePlan.from_dict(json.loads(json.dumps(prepared.encoder["plan"])))
    assert plan.features == prepared.data.features
    theirs, _ = plan.encode(read_table(tmp_path / "a.csv", text=list(plan.text_columns), encoding=form[2]))
    ours = np.concatenate([prepared.data.train.X, prepared.data.test.X])
    assert {tuple(row) for row in ours.round(12)} == {tuple(row) for row in theirs.round(12)}


@pytest.mark.parametrize("target", ["价格", "种类"])
def test_the_model_of_a_table_is_scored_to_the_same_digits(tmp_path, capsys, target):
    session = Session()

    def ask(do, **more):
        answer = json.loads(session.answer(json.dumps({"do": do, **more})))
        assert "error" not in answer, answer
        return answer

    ask("table", name="a.csv", content=base64.b64encode(written(";", ",")).decode())
    ask("setup", setup=Setup(data="csv", target=target, learning_rate=0.05).to_plain())
    record = ask("advance", epochs=20)["frame"]["records"][-1]
    answer = ask("model")
    (tmp_path / "m.safetensors").write_bytes(base64.b64decode(answer["model"]))
    (tmp_path / "rows.csv").write_text(answer["rows"], encoding="utf-8")
    assert main(["evaluate", str(tmp_path / "m.safetensors"), str(tmp_path / "rows.csv"), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    if target == "种类":
        assert scores["log loss"]["value"] == pytest.approx(record["test_loss"], rel=1e-12)
    else:
        scale = session._run.data.scaling.target_scale[0]
        assert scores["RMSE"]["value"] == pytest.approx(scale * np.sqrt(2 * record["test_loss"]), rel=1e-12)
    (tmp_path / "a.csv").write_bytes(written(";", ","))
    python = ask("python")["python"].replace("Path('a.csv')", f"Path({str(tmp_path / 'a.csv')!r})")
    names: dict = {}
    exec(python, names)  # noqa: S102 - what the page shows
    np.testing.assert_array_equal(names["engine"].parameters()[0].W, session._run.engine.parameters()[0].W)


REFUSED = [
    (b"", "expected at least 2"),
    (b"a,b\n1,2\n", "has 1 rows under its names"),
    (b"a,b\n1,2\n3\n", "line 3 has 1 cells; the first line names 2 columns"),
    (b"a,a\n1,2\n3,4\n", "names 'a' twice"),
    (b"1,2\n3,4\n5,6\n", "the first line holds numbers"),
    (b"a,\n1,2\n3,4\n", "column 2 has no name"),
    (b'a,b\n"1,2\n3,4\n', "is not a table"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not text"),
]


@pytest.mark.parametrize(("content", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_is_no_table_is_refused_with_its_place(content, message):
    with pytest.raises(DataError, match=message):
        read_csv("a.csv", content)


@pytest.mark.parametrize(
    ("content", "target", "message"),
    [
        ("a,b\n1,2\n2,2\n3,2\n4,2\n", "b", "one value only"),
        ("a,b\n1,x\n2,y\n3,z\n4,w\n", "b", "4 classes in 4 rows"),
        ("id,b\nu1,1.5\nu2,2.5\nu3,3.5\nu4,1.0\n", "b", "no column is left"),
        ("a,b\n1,1.5\n2,2.5\n3,3.5\n", "B", "there is no column 'B'"),
        ("a,b\n1e999,1.5\n2,2.5\n3,3.5\n4,3\n", "b", "too large a number"),
    ],
)
def test_a_target_that_cannot_be_predicted_is_refused(content, target, message):
    with pytest.raises(DataError, match=message):
        prepare(read_csv("a.csv", content.encode()), target)


def table_of(*columns, names="abcdefgh"):
    rows = zip(*columns, strict=True)
    return "\n".join([",".join(names[: len(columns)]), *(",".join(map(str, row)) for row in rows)]).encode()


def read(session, content):
    message = {"do": "table", "name": "a.csv", "content": base64.b64encode(content).decode()}
    return json.loads(session.answer(json.dumps(message)))


def test_the_target_to_begin_with_is_the_last_column_that_can_be_predicted():
    counts = range(30)
    names, halves = [f"name{i}" for i in counts], [i / 2 for i in counts]
    told = read(Session(), table_of(counts, halves, names, ["same"] * 30))
    assert told["table"]["target"] == "b"


def test_a_table_of_which_nothing_can_be_predicted_is_refused_and_the_one_before_stays():
    session = Session()
    assert "table" in read(session, table_of(range(30), [i * i for i in range(30)]))
    assert read(session, table_of(range(30)))["error"] == "a.csv has one column, 'a'; there is none to predict it from"
    setup = Setup(data="csv", target="b").to_plain()
    assert "frame" in json.loads(session.answer(json.dumps({"do": "setup", "setup": setup})))


def test_a_table_is_drawn_in_its_own_units():
    session = Session()
    area, price = np.arange(100.0, 140.0), np.arange(40) * 2500.0
    assert "table" in read(session, table_of(area, price))
    setup = {"do": "setup", "setup": Setup(data="csv", target="b").to_plain(), "views": ["predictions"]}
    answer = json.loads(session.answer(json.dumps(setup)))
    ((low, high),) = answer["problem"]["domain"]
    assert 90 < low < 105
    assert 135 < high < 145
    drawn = answer["problem"]["points"]["train"]
    X, y = (np.frombuffer(base64.b64decode(drawn[key]["data"]), "<f4") for key in "Xy")
    np.testing.assert_allclose(y, (X - 100) * 2500, rtol=1e-5)
    assert answer["frame"]["predictions"]["rmse"] > 1000


def test_a_number_whose_square_is_none_is_refused():
    table = read_csv("a.csv", table_of(range(30), [f"{i}e200" for i in range(30)]))
    with pytest.raises(DataError, match=r"column 'b': '1e200' in row 2 is too large a number"):
        prepare(table, "b")


def test_a_line_is_counted_as_an_editor_counts_it():
    with pytest.raises(DataError, match=r"line 6 has 1 cells"):
        read_csv("a.csv", b'a,b\n1,"x\ny"\n\n2,z\n3\n')
