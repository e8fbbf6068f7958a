"""Numbers that stand for gaps: told where they stand apart, and gaps where the user says so."""

from __future__ import annotations

import json

import numpy as np
import pytest

from twofold import TableEncoder
from twofold.cli import main
from twofold.errors import DataError
from twofold.tables import TablePlan, as_table, learn_table
from twofold.tables.forms import Forms, infer_forms
from twofold.tables.gaps import stand_in
from twofold.tables.problem import prepare
from twofold.tables.targets import infer_target

RNG = np.random.default_rng(0)
LEVELS = RNG.uniform(0.5, 12, 300).round(1)


def with_code(code: float, values=LEVELS, often: int = 10):
    return np.r_[np.full(often, float(code)), values]


@pytest.mark.parametrize("code", [-200, -99, -999, -9999, -1000, 999, 9999])
def test_a_code_far_from_all_other_numbers_is_found(code):
    assert stand_in(with_code(code)) == (code, 10)


@pytest.mark.parametrize(
    "values",
    [
        LEVELS,
        with_code(-200, often=2),  # it may be an outlier
        with_code(-1),  # near the others
        with_code(-153.5),  # no code
        with_code(99),  # an age, a score
        np.r_[np.full(9, -200.0), np.linspace(-900, 900, 300)],
        np.full(5, -999.0),
    ],
)
def test_other_numbers_are_not(values):
    assert stand_in(values) is None


def test_the_encoder_tells_and_can_be_told():
    table = {"co": with_code(-200), "no": with_code(-200), "t": RNG.normal(size=310)}
    told = "-200 stands apart from all other numbers of co (10), no (10); if it is a gap, say so: --gaps=-200 "
    encoder = TableEncoder().fit(table)
    assert encoder.remarks_ == (told + "(in Python gaps=[-200])",)
    encoder = TableEncoder(gaps=[-200]).fit(table)
    assert encoder.remarks_ == ()
    assert encoder.get_feature_names_out().tolist() == ["co", "co missing", "no", "no missing", "t"]
    back = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(back.transform(table), encoder.transform(table))
    assert back.transform(table)[:10, 1].all()


def test_gaps_are_found_in_text_whatever_the_decimal_mark():
    table = as_table({"x": ["-200,0", "1,5", "2,5", "off"], "y": ["a", "off", "b", "a"]})
    forms = infer_forms(table, Forms(gaps=("-200", "off")))
    plan = learn_table(table, forms=forms)
    assert plan.features == ("x", "x missing", "y=a", "y=b", "y missing")
    assert plan.encode(table)[1] == {"x": {"missing": 2}, "y": {"missing": 1}}


def test_words_that_are_gaps_are_told_but_not_names_of_classes():
    table = as_table({"x": ["a", "unknown", "b"] * 10, "y": ["unknown", "known", "known"] * 10})
    remarks = prepare(table, infer_target("y", table.column("y")), ["x"]).remarks
    assert remarks == ("read as missing: 'unknown' in x",)
    assert TableEncoder().fit(table.select(["x"])).remarks_ == remarks


def test_gaps_that_somebody_wrote_into_a_plan_are_checked():
    words = learn_table(as_table({"x": [1.5, 2.5]})).to_dict()
    with pytest.raises(DataError, match="the plan of a table has gaps in a list of text"):
        TablePlan.from_dict({**words, "gaps": [1]})


def test_a_code_in_the_target_is_told_and_left_out_on_demand(capsys, tmp_path):
    x = RNG.normal(size=310)
    rows = [f"{a:.3f};{y:.1f}".replace(".", ",") for a, y in zip(x, with_code(-200), strict=True)]
    (tmp_path / "t.csv").write_text("x;y\n" + "\n".join(rows) + "\n")
    words = ("train", "mlp", str(tmp_path / "t.csv"), "--target", "y", "--epochs", "1")
    assert main(words) == 0
    assert "-200 stands apart from all other numbers of y (10); if it is a gap, say so: --gaps=-200" in _out(capsys)
    model = str(tmp_path / "m.safetensors")
    assert main((*words, "--gaps=-200", "--save", model)) == 0
    out = _out(capsys)
    assert "stands apart" not in out
    assert "10 rows have no y and are left out" in out
    assert main(("evaluate", model, str(tmp_path / "t.csv"))) == 0
    assert "10 rows have no y and are left out" in _out(capsys)


def _out(capsys) -> str:
    return " ".join(capsys.readouterr().out.split())
