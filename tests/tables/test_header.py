"""First lines: names or a row; columns without a name; cells whose spelling counts."""

from __future__ import annotations

import pytest

from twofold.errors import FileFormatError
from twofold.tables import read_table
from twofold.tables.reading import without_empty_rows


def read(tmp_path, content: str, **how):
    said: list[str] = []
    (tmp_path / "t.csv").write_text(content)
    return read_table(tmp_path / "t.csv", say=said.append, **how), said


ROWS = {
    "a word among numbers": "M,0.455,0.365\nM,0.35,0.265\nF,0.53,0.42\n",
    "a label at the end": "5.1,3.5,1.4,Iris-setosa\n4.9,3.0,1.4,Iris-setosa\n7.0,3.2,4.7,Iris-versicolor\n",
    "numbers and words": "39, State-gov, 77516\n50, Self-emp, 83311\n38, Private, 215646\n",
    "words alone": "vhigh,small,low\nvhigh,big,low\nlow,small,high\n",
    "a word and a sentence": "ham\tGo until jurong point\nspam\tFree entry\nham\tOk lar\n",
    "decimal commas": "M;0,455;0,365\nF;0,53;0,42\n",
    "dates": "2020-01-02,True,Rome\n2020-01-03,False,Oslo\n",
    "an empty cell": ",0.455,0.365\nF,0.53,0.42\n",
}
NAMES = {
    "years": "country,1990,1991,1992\nChad,1,2,3\nMali,4,5,6\n",
    "years backwards": "country,1992,1991,1990\nChad,1,2,3\nMali,4,5,6\n",
    "dates above numbers": "country,2020-01-02,2020-01-03\nChad,1,2\nMali,4,5\n",
    "pixels": "label,0,1,2,3\n7,0,0,9,0\n2,0,8,0,0\n",
    "quantiles": "day,0.1,0.5,0.9\n1,2,3,4\n",
    "an index before numbers": ",0,1,2\n0,5,6,7\n1,5,6,7\n",
    "one number": "city,2020\nRome,5\nBonn,6\n",
    "one name that is a cell": "color,size,name\nred,5,color\nblue,6,x\n",
}


@pytest.mark.parametrize("content", ROWS.values(), ids=ROWS)
def test_a_first_line_that_looks_like_a_row_is_refused_with_what_to_type(tmp_path, content):
    with pytest.raises(
        FileFormatError, match=r"looks like a row \(.*\), not like names; if it is one: --no-header, and"
    ):
        read(tmp_path, content)
    table, _ = read(tmp_path, content, header=False)
    assert table.num_rows == content.count("\n")
    assert table.column_names == [f"column{k + 1}" for k in range(table.num_columns)]
    assert read(tmp_path, content, header=True)[0].num_rows == content.count("\n") - 1


@pytest.mark.parametrize("content", NAMES.values(), ids=NAMES)
def test_names_that_are_numbers_or_cells_are_still_names(tmp_path, content):
    assert read(tmp_path, content)[0].num_rows == content.count("\n") - 1


def test_columns_that_are_expected_tell_whether_there_are_names(tmp_path):
    bare = ROWS["a word among numbers"]
    assert read(tmp_path, bare, header=["column1", "column3"])[0].num_rows == 3
    assert read(tmp_path, "column1,column3\nM,2\n", header=["column1", "column3"])[0].num_rows == 1
    assert read(tmp_path, bare, header=["M"])[0].num_rows == 2


def test_columns_without_a_name_are_dropped_if_empty_and_else_named_as_pandas_does(tmp_path):
    table, said = read(tmp_path, ";a;b;;\n0;1;x;;\n1;2;y;;\n")
    assert table.to_pydict() == {"Unnamed: 0": [0, 1], "a": [1, 2], "b": ["x", "y"]}
    assert said == [
        "2 columns without a name and a value are left out",
        "column 1 has no name and is called 'Unnamed: 0'",
    ]


def test_rows_without_a_value_are_dropped_at_the_end_alone(tmp_path):
    table, said = read(tmp_path, "a;b\n1;x\n;\n2;y\n;\n;\n")
    kept = without_empty_rows(table, said.append)
    assert kept.to_pydict() == {"a": [1, None, 2], "b": ["x", None, "y"]}
    assert said == ["2 rows without a value at the end are left out"]
    assert without_empty_rows(kept) is kept


def test_codes_with_leading_zeros_stay_as_they_are_written(tmp_path):
    table, said = read(tmp_path, "zip,n,y\n01234,0,007\n98765,10,010\n00501,5,007\n", spelled="y")
    assert table.to_pydict() == {"zip": ["01234", "98765", "00501"], "n": [0, 10, 5], "y": ["007", "010", "007"]}
    assert said == ["column 'zip' holds codes with leading zeros, names and no numbers; if wrong: --kinds zip=number"]
    assert read(tmp_path, "zip,x\n01234,1\n98765,2\n", numbers=["zip"])[0].column("zip").to_pylist() == [1234, 98765]
    assert read(tmp_path, "zip,x\n01234,1\n98765,2\n", numbers=None)[0].column("zip").to_pylist() == [1234, 98765]


def test_a_stray_zero_before_a_number_makes_no_codes(tmp_path):
    cells = [*map(str, range(98, 200)), "07"]
    assert read(tmp_path, "n,x\n" + "".join(f"{cell},1\n" for cell in cells))[0].schema.types[0] == "int64"


@pytest.mark.parametrize(
    ("cells", "spelled"),
    [
        (["True", "False"], ["True", "False"]),
        (["1.0", "2.0"], ["1.0", "2.0"]),
        (["1", "2"], ["1", "2"]),
        (["0.5", "2.0"], [0.5, 2.0]),
        (["yes", "no"], ["yes", "no"]),
    ],
)
def test_classes_are_spelled_as_in_the_file(tmp_path, cells, spelled):
    table, _ = read(tmp_path, "x,y\n" + "".join(f"1,{cell}\n" for cell in cells), spelled="y")
    assert table.column("y").to_pylist() == spelled


def test_a_line_of_names_may_be_longer_than_what_is_looked_at_first(tmp_path):
    names = [f"measurement {k} of a long series" for k in range(4000)]
    table, _ = read(tmp_path, "\n" + ",".join(names) + "\n" + ",".join(["1.5"] * 4000) + "\n")
    assert table.column_names == names


def test_names_in_quotes_may_hold_the_separator_and_a_line_end(tmp_path):
    table, _ = read(tmp_path, '"a, b","c\nd"\n1,2\n')
    assert table.to_pydict() == {"a, b": [1], "c\nd": [2]}


def test_text_is_asked_for_by_the_name_without_space_around_it(tmp_path):
    assert read(tmp_path, " zip ,x\n007,1\n", text=["zip"])[0].to_pydict() == {"zip": ["007"], "x": [1]}


def test_a_line_of_names_once_more_is_no_row(tmp_path):
    table, said = read(tmp_path, "x,y\n1.5,a\nx,y\n2.5,b\n")
    assert table.to_pydict() == {"x": ["1.5", "2.5"], "y": ["a", "b"]}
    assert said == ["1 row that is the line of names once more: left out"]


def test_tabs_separate_whatever_else_stands_in_the_cells(tmp_path):
    table, _ = read(tmp_path, "label\ta text, a list, a word\nham\tone, two, three\nspam\tfour, five, six\n")
    assert table.column_names == ["label", "a text, a list, a word"]


def test_a_single_name_that_is_a_number_is_told(tmp_path):
    said = read(tmp_path, "Rome,12\nBonn,7\n")[1]
    assert said == ["a column is named '12'; if the first line is a row and not names: --no-header"]
    assert read(tmp_path, "city,2020\nBonn,7\n")[1] == []
