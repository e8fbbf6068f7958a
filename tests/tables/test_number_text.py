"""Numbers written as text: which mark is the decimal one is told by the column, then by the table."""

from __future__ import annotations

import pyarrow as pa
import pytest

from twofold.errors import DataError, SpecificationError
from twofold.tables import Choices, TablePlan, as_table, learn_table
from twofold.tables.forms import Forms, infer_forms
from twofold.tables.problem import Preparation, prepare
from twofold.tables.reading import read_table
from twofold.tables.targets import infer_target

NAN = float("nan")


def read(columns, name="x", **said) -> list[float]:
    """Read a column as a table's encoder does."""
    table = as_table(columns if isinstance(columns, dict) else {name: columns})
    plan = learn_table(table, Choices(scale=False), forms=infer_forms(table, Forms(**said)))
    X, _ = plan.encode(table)
    return X[:, plan.features.index(name)].tolist()


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1.343,64", "12,50", "5"], [1343.64, 12.5, 5]),
        (["12,50 €", "1.250,00 €", "3 €"], [12.5, 1250, 3]),
        (["$1,234.50", "$3", "-$7.25"], [1234.5, 3, -7.25]),
        (["1 234,5", "2\u00a0000,25", "3\u202f000,5"], [1234.5, 2000.25, 3000.5]),
        (["1'234.50", "2’000.25", "7"], [1234.5, 2000.25, 7]),
        (["1.234.567", "950"], [1234567, 950]),
        (["12,34,567.5", "1,00,000"], [1234567.5, 100000]),
        (["2,69", "3,5"], [2.69, 3.5]),
        (["0,125", "0,250"], [0.125, 0.25]),
        (["12 %", "13,5 %"], [12, 13.5]),
        (["\u22125,5", "+3,25"], [-5.5, 3.25]),
        (["(1,234.5)", "500", "(7)"], [-1234.5, 500, -7]),
        (["1,5e3", "2,25"], [1500, 2.25]),
        (["950", "1.250", "2.100"], [950, 1250, 2100]),
        (["1.333", "2", "1.667"], [1.333, 2, 1.667]),
        (["1,200", "3,400"], [1200, 3400]),
    ],
)
def test_a_columns_own_cells_tell_the_decimal_mark(cells, numbers):
    assert read(cells) == numbers


def test_the_other_columns_tell_what_one_leaves_open():
    assert read({"x": ["1.250", "3.500"], "y": ["0,39", "0,63"]}) == [1250, 3500]
    assert read({"x": ["1,250", "3,500"], "y": ["0,39", "0,63"]}) == [1.25, 3.5]
    assert read({"x": ["1,250", "3,500"], "y": ["0.39", "0.63"]}) == [1250, 3500]


def test_a_column_that_differs_from_the_others_is_read_by_its_own_cells_and_named():
    table = as_table({"x": ["2,69", "3,5"], "y": ["0.39", "0.63"], "z": ["0.5", "0.25"]})
    forms = infer_forms(table)
    assert forms.decimals == {"x": ",", "y": ".", "z": "."}
    assert forms.remarks == ("column x: decimals stand behind ',' here and behind '.' in other columns",)


@pytest.mark.parametrize(("said", "numbers"), [({}, [1.25, 3.5]), ({"decimal": ","}, [1250, 3500])])
def test_what_nothing_tells_is_said_and_asked_for(said, numbers):
    table = as_table({"x": ["1.250", "3.500"]})
    assert read({"x": ["1.250", "3.500"]}, **said) == numbers
    doubts = infer_forms(table, Forms(**said)).doubts
    told = "column x: 1.250 is read as 1.25; if it is 1250, say so: --decimal , (in Python decimal=',')"
    assert doubts == (() if said else (told,))


def test_an_unknown_decimal_mark_is_refused():
    with pytest.raises(SpecificationError, match="unknown decimal mark ';'"):
        Forms(decimal=";")


def test_parentheses_around_all_numbers_are_no_minus():
    assert learn_table(as_table({"x": ["(1)", "(2)", "(1)"]})).features == ("x=(1)", "x=(2)")


def test_a_number_in_parentheses_is_negative_in_a_table_of_its_own_too():
    plan = learn_table(as_table({"x": ["(5)", "7", "9"]}), Choices(scale=False))
    assert plan.encode(as_table({"x": ["(5)"]}))[0].tolist() == [[-5]]


def test_the_mark_is_kept_for_later_tables():
    plan = learn_table(as_table({"x": ["1.250,5", "3,5", "7"]}), Choices(scale=False))
    back = TablePlan.from_dict(plan.to_dict())
    assert back.text_columns == ("x",)
    assert back.encode(as_table({"x": ["1.250", "2"]}))[0].tolist() == [[1250], [2]]
    assert back.encode(as_table({"x": [1.25, 2.0]}))[0].tolist() == [[1.25], [2]]
    with pytest.raises(DataError, match=r"such as '1\.5'; the model was trained on numbers with decimal commas"):
        back.encode(as_table({"x": ["1.5", "2.5"]}))


def test_whole_numbers_have_the_marks_of_their_file(tmp_path):
    (tmp_path / "a.csv").write_text("x;y\n950;0,5\n815;0,25\n1;2\n")
    table = read_table(tmp_path / "a.csv")
    assert pa.types.is_integer(table.column("x").type)
    plan = learn_table(table, Choices(scale=False))
    assert plan.text_columns == ("x", "y")
    (tmp_path / "b.csv").write_text("x;y\n1.250;1\n")
    assert plan.encode(read_table(tmp_path / "b.csv", text=plan.text_columns))[0].tolist() == [[1250, 1]]


def test_a_model_of_typed_numbers_reads_text_by_its_own_proofs_alone():
    plan = learn_table(as_table({"x": [950.0, 1.25, 3.5], "y": [1.0, 2.0, 4.0]}), Choices(scale=False))
    assert plan.encode(as_table({"x": ["1.250", "950"], "y": ["1", "2"]}))[0].tolist() == [[1.25, 1], [950, 2]]
    assert plan.encode(as_table({"x": ["1.250", "950"], "y": ["1,5", "2"]}))[0].tolist() == [[1250, 1.5], [950, 2]]


def test_a_model_of_before_reads_decimal_commas_between_semicolons(tmp_path):
    words = learn_table(as_table({"x": [0.5, 1.25, 3.5]}), Choices(scale=False)).to_dict()
    for name in ("decimal", "duration"):
        del words["columns"][0][name]
    (tmp_path / "a.csv").write_text("x;y\n1,250;1\n3,5;2\n")
    assert TablePlan.from_dict(words).encode(read_table(tmp_path / "a.csv"))[0].tolist() == [[1.25], [3.5]]


def test_a_plan_of_before_reads_commas_as_marks_of_thousands():
    words = learn_table(as_table({"x": ["1,200 kg", "3.5 kg", "12 kg"]}), Choices(scale=False)).to_dict()
    for name in ("decimal", "duration"):
        del words["columns"][0][name]
    assert TablePlan.from_dict(words).encode(as_table({"x": ["1,250 kg"]}))[0].tolist() == [[1250]]


def test_a_decimal_mark_that_somebody_wrote_into_a_plan_is_checked():
    words = learn_table(as_table({"x": ["1.5", "3.5"]})).to_dict()
    words["columns"][0]["decimal"] = "]"
    with pytest.raises(DataError, match="column 'x': unknown decimal mark ']'"):
        TablePlan.from_dict(words)


def test_target_and_weights_have_the_marks_of_the_table():
    n = 20
    table = as_table({"a": ["0,5", "0,25"] * n, "y": ["1.250", "3.500"] * n, "w": ["0,5", "2"] * n})
    forms = infer_forms(table)
    target = infer_target("y", table.column("y"), "regression", decimal=forms.decimals["y"])
    assert target.decimal == ","
    problem = prepare(table, target, ["a"], Preparation(weight="w", forms=forms, scale_target=False), test_fraction=0)
    assert set(problem.data.train.y[:, 0]) == {1250, 3500}
    assert set(problem.data.train.sample_weight) == {0.5, 2}


@pytest.mark.parametrize(
    "word", ["unknown", " ?", " NA", "N/A ", "-", "--", "null", "None", ".", "missing", "#N/A ", r"\N", "0000-00-00"]
)
def test_words_for_a_missing_value_are_gaps_in_every_kind_of_column(word):
    for cells in (
        ["1.5", "2.5", "3.5"],
        ["a", "b", "a"],
        ["yes", "no", "no"],
        ["2020-01-02", "2020-03-01", "2021-01-01"],
    ):
        plan = learn_table(as_table({"x": [*cells, word]}))
        X, notes = plan.encode(as_table({"x": [*cells, word]}))
        assert plan.features[-1] == "x missing"
        assert X[:, -1].tolist() == [0, 0, 0, 1]
        assert notes["x"] == {"missing": 1}


def test_none_in_small_letters_is_a_category():
    assert "x=none" in learn_table(as_table({"x": ["none", "guarantor", "none"]})).features


@pytest.mark.parametrize("word", ["unknown", "off line"])
def test_a_fifth_of_one_word_in_a_column_of_numbers_is_gaps_with_a_flag(word):
    cells = [word if k % 5 == 0 else f"{k}.5" for k in range(100)]
    plan = learn_table(as_table({"x": cells}))
    assert plan.features == ("x", "x missing")
    X, notes = plan.encode(as_table({"x": cells}))
    assert X[:, 1].sum() == notes["x"]["missing"] == 20


def test_an_odd_word_among_yes_and_no_is_a_gap_when_predicting():
    plan = learn_table(as_table({"x": ["yes", "no", "no"]}))
    X, notes = plan.encode(as_table({"x": ["yes", "perhaps", "no"]}))
    assert X.tolist() == [[1], [1 / 3], [0]]
    assert notes["x"] == {"missing": 1, "newly missing": 1, "unreadable": 1}


def test_a_class_may_be_called_unknown():
    target = infer_target("y", as_table({"y": ["unknown", "None", " ?", "-"] * 5}).column("y"))
    assert target.classes == ("-", "None", "unknown")
    assert target.read(pa.chunked_array([["None", " ?"]]))[1].tolist() == [True, False]


def test_a_model_of_before_keeps_words_that_were_categories():
    words = learn_table(as_table({"x": ["a", "b", "a", "b"]})).to_dict()
    words["columns"][0] |= {"values": ["a", "unknown"]}
    del words["columns"][0]["gap_words"]
    X, notes = TablePlan.from_dict(words).encode(as_table({"x": ["unknown"]}))
    assert (X.tolist(), dict(notes["x"])) == ([[0, 1]], {})
