from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")

from twofold.errors import DataError, SpecificationError  # noqa: E402
from twofold.solvers import DependentColumnsWarning  # noqa: E402
from twofold.statistics import glm, lm, quantile_regression  # noqa: E402
from twofold.statistics.formulas import model_frame  # noqa: E402
from twofold.statistics.linear_model import PerfectFitWarning  # noqa: E402

DATA = pd.DataFrame(
    {
        "y": [0.1, 0.9, 2.2, 2.8, 4.1, 5.3, 5.8, 7.2],
        "x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
        "z": [1.0, 0.0, 2.0, 1.0, 3.0, 0.0, 1.0, 2.0],
        "g": list("abcabcab"),
        "yes": ["no", "yes", "no", "yes", "no", "yes", "yes", "no"],
        "age of house": [3.0, 9.0, 4.0, 1.0, 7.0, 6.0, 2.0, 8.0],
    }
)


def test_a_formula_becomes_columns_and_terms_in_r_s_order():
    frame = model_frame("y ~ z:g + x * g + poly(z, 2)", DATA)
    assert frame.names[:5] == ("x", "g[T.b]", "g[T.c]", "poly(z, 2)[1]", "poly(z, 2)[2]")
    assert [term.name for term in frame.terms] == ["x", "g", "poly(z, 2)", "z:g", "x:g"]
    assert frame.intercept
    np.testing.assert_allclose(frame.X[:, 3:5].T @ frame.X[:, 3:5], np.eye(2), atol=1e-14)
    assert model_frame("y ~ 0 + g", DATA).names == ("g[a]", "g[b]", "g[c]")
    assert model_frame("y ~ . - yes - g", DATA).names == ("x", "z", "age of house")
    assert model_frame("np.log(y) ~ `age of house` + I(x**2)", DATA).names == ("age of house", "I(x ** 2)")
    assert model_frame("y ~ factor(z)", DATA).names == ("factor(z)[T.1.0]", "factor(z)[T.2.0]", "factor(z)[T.3.0]")


def test_tables_of_any_kind_are_taken():
    pa = pytest.importorskip("pyarrow")
    expected = model_frame("y ~ x + g", DATA)
    for table in (DATA.to_dict("list"), pa.Table.from_pandas(DATA)):
        np.testing.assert_array_equal(model_frame("y ~ x + g", table).X, expected.X)
    with pytest.raises(DataError, match="data is 'list'; expected a data frame"):
        model_frame("y ~ x", [1, 2])
    with pytest.raises(DataError, match="the columns make no table"):
        model_frame("y ~ x", {"y": [1.0], "x": [1.0, 2.0]})


def test_rows_with_a_gap_in_a_column_that_is_used_are_left_out_before_anything_is_computed_of_it():
    data = DATA.copy()
    data.loc[2, "x"] = np.nan
    data.loc[5, "age of house"] = np.nan  # which isn't used
    frame = model_frame("y ~ scale(x) + g", data, weights=[1, 1, 1, 1, 1, 1, 1, np.nan])
    assert frame.rows.tolist() == [0, 1, 3, 4, 5, 6]
    assert frame.missing == 2
    assert abs(frame.X[:, 0].sum()) < 1e-12
    assert "2 rows with gaps left out" in str(lm("y ~ x", data, weights=[1, 1, 1, 1, 1, 1, 1, np.nan]))
    with pytest.raises(DataError, match="no row of 8 has a value in each of y, x"):
        lm("y ~ x", data.assign(x=np.nan))


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("y ~ xx", r"formula 'y ~ xx': the table has no column 'xx'; did you mean 'x'\?"),
        ("y ~ x +", "can't be read: Operator `\\+` has insufficient arguments"),
        ("y", "expected a target and its terms: 'y ~ x \\+ group'"),
        ("~ x", "expected a target and its terms"),
        ("y ~ x | g", "expected one target and its terms"),
        ("y + z ~ x", "expected one target and its terms"),
        ("y ~ nothing(x)", "can't be computed: .*name 'nothing' is not defined"),
        (5, "formula is 5; expected"),
    ],
)
def test_formulas_that_cannot_be_are_refused_in_one_line(formula, words):
    with pytest.raises(SpecificationError, match=words) as raised:
        model_frame(formula, DATA)
    assert "\n" not in str(raised.value)
    assert "\x1b" not in str(raised.value)


def test_numbers_that_are_not_finite_are_named():
    with pytest.raises(DataError, match=r"log\(x\) is -inf in row 0; expected a finite number"):
        model_frame("y ~ log(x)", DATA)
    with pytest.raises(DataError, match="weights: there is no column 'ww'"):
        lm("y ~ x", DATA, weights="ww")
    with pytest.raises(DataError, match=r"weights has shape \(2,\); the table has 8 rows"):
        lm("y ~ x", DATA, weights=[1, 2])


def test_columns_of_python_s_numbers_are_numbers_and_complex_ones_are_refused():
    x = [1, 2.5, Decimal("3.5"), Fraction(9, 2), np.float32(5), 7]
    d = {"y": [1.0, 2.0, 2.0, 4.0, 5.0, 5.0], "x": pd.Series(x, dtype=object)}
    fit = lm("y ~ x", d)
    assert fit.coefficients == lm("y ~ x", d | {"x": [float(v) for v in x]}).coefficients
    np.testing.assert_array_equal(fit.predict(d), fit.fitted)
    with pytest.raises(DataError, match="column 'x' has complex numbers; expected real ones"):
        lm("y ~ x", d | {"x": np.arange(6) * 1j})
    with pytest.raises(DataError, match="column 'x' has a number that no double holds"):
        lm("y ~ x", d | {"x": pd.Series([10**400, *range(5)], dtype=object)})


def test_weights_and_offsets_that_cannot_be_are_named():
    with pytest.raises(DataError, match="weights is -2 in row 1; expected a finite number of at least 0"):
        lm("y ~ x", DATA, weights=[1.0, -2.0, *[1.0] * (len(DATA) - 2)])
    with pytest.raises(DataError, match="offset is inf in row 0; expected a finite number"):
        glm("y ~ x", DATA, offset=[np.inf, *[1.0] * (len(DATA) - 1)])


def test_new_rows_get_the_columns_of_the_fit():
    fit = lm("y ~ poly(x, 2) + g", DATA)
    np.testing.assert_allclose(fit.predict(DATA.iloc[3:5]), fit.predict()[3:5], rtol=1e-13)
    with pytest.raises(DataError, match="'z' was no level of its column when the model was fitted"):
        fit.predict({"x": [1.0], "g": ["z"]})
    with pytest.raises(DataError, match="the new table has no column 'g', which the formula uses"):
        fit.predict({"x": [1.0]})
    with pytest.raises(DataError, match="column 'x' has no value in row 1; drop or fill it"):
        fit.predict({"x": [1.0, np.nan], "g": ["a", "b"]})


def test_columns_that_earlier_ones_give_are_left_out_from_left_to_right_and_named():
    with pytest.warns(DependentColumnsWarning, match=r"columns that earlier ones give are left out: I\(2 \* x\)"):
        fit = lm("y ~ x + I(2 * x) + g", DATA)
    assert fit.aliased == ("I(2 * x)",)
    assert fit.coefficients == lm("y ~ x + g", DATA).coefficients
    assert "left out, as earlier columns give them: I(2 * x)" in str(fit)
    np.testing.assert_allclose(fit.predict(DATA), fit.predict(), rtol=1e-13)


def test_a_perfect_fit_is_said():
    with pytest.warns(PerfectFitWarning, match="essentially perfect fit"):
        fit = lm("y ~ x", {"x": [1.0, 2.0, 3.0, 4.0], "y": [0.1, 0.2, 0.30000000000000004, 0.4]})
    assert "essentially perfect fit: residuals are but rounding" in str(fit)


def test_as_many_coefficients_as_samples_are_said():
    fit = lm("y ~ x + z", DATA.iloc[:3])
    assert "as many coefficients as samples: there are no standard errors" in str(fit)
    assert np.isnan(list(fit.standard_errors.values())).all()


def test_the_second_of_two_levels_is_what_is_modelled():
    model = glm("yes ~ x", DATA, family="binomial")
    assert "the probability modelled is that of yes = yes" in str(model)
    coded = glm("yes ~ x", DATA.assign(yes=(DATA.yes == "yes")), family="binomial")
    assert coded.coefficients == model.coefficients
    with pytest.raises(DataError, match=r"g has 3 levels, a, b, c, \.\.\.; binomial takes two, and multinomial more"):
        glm("g ~ x", DATA, family="binomial")
    with pytest.raises(DataError, match="poisson takes numbers"):
        glm("yes ~ x", DATA, family="poisson")
    with pytest.raises(DataError, match=r"yes holds classes \(no, yes\); lm needs numbers, glm takes classes"):
        lm("yes ~ x", DATA)


def test_counted_successes_are_shares_with_trials():
    data = DATA.assign(wins=[1, 2, 0, 3, 2, 4, 1, 5], games=[4, 5, 3, 6, 4, 7, 2, 8])
    counted = glm("cbind(wins, games - wins) ~ x", data, family="binomial")
    shares = glm("I(wins / games) ~ x", data, family="binomial", weights="games")
    assert counted.coefficients == pytest.approx(shares.coefficients, rel=1e-15)
    with pytest.raises(DataError, match="numbers of successes and failures are not negative"):
        glm("cbind(wins, -games) ~ x", data, family="binomial")


def test_an_offset_by_name_is_read_of_new_rows_too():
    data = DATA.assign(n=[1, 2, 0, 3, 2, 4, 1, 5], t=np.log([1.0, 2, 3, 1, 2, 3, 1, 2]))
    model = glm("n ~ x", data, family="poisson", offset="t")
    np.testing.assert_allclose(model.predict(data), model.predict(), rtol=1e-13)
    assert model.fitted.sum() == pytest.approx(15 + 3)
    with pytest.raises(DataError, match="the new table has no column 't'"):
        model.predict({"x": [1.0]})
    unnamed = glm("n ~ x", data, family="poisson", offset=data.t)
    with pytest.raises(SpecificationError, match="name it as a column"):
        unnamed.predict({"x": [1.0]})


def test_targets_that_vary_more_than_their_family_are_said():
    counts = [0, 0, 30, 1, 0, 45, 2, 0]
    assert "targets vary more than poisson ones; errors='HC1'?" in str(
        glm("n ~ x", DATA.assign(n=counts), family="poisson")
    )


def test_a_multinomial_model_is_told_class_by_class():
    model = glm("g ~ x", DATA, family="multinomial")
    assert model.classes == ("a", "b", "c")
    assert set(model.coefficients) == {"b", "c"}
    np.testing.assert_allclose(model.predict().sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(model.predict(DATA).sum(axis=0), DATA.g.value_counts().loc[list("abc")], rtol=1e-12)
    assert "the classes are set against g = a" in str(model)
    numbered = glm("k ~ x", DATA.assign(k=DATA.g.map({"a": 1, "b": 2, "c": 5})), family="multinomial")
    assert numbered.classes == ("1", "2", "5")
    assert list(numbered.coefficients["5"].values()) == list(model.coefficients["c"].values())
    with pytest.raises(DataError, match="take no offset"):
        glm("g ~ x", DATA, family="multinomial", offset="z")


def test_a_summary_is_text_a_table_of_80_columns_json_and_a_frame():
    from io import StringIO

    from rich.console import Console

    fit = lm("y ~ g + poly(z, 2) + `age of house`", DATA)
    stream = StringIO()
    Console(file=stream, width=80).print(fit)
    assert max(map(len, stream.getvalue().splitlines())) <= 80
    summary = lm("y ~ x", DATA).summary(level=0.9)
    assert summary.to_frame().loc["x", "value"] == summary.rows[1].value
    assert summary.to_dict()["facts"]["n"] == 8
    assert '"level": 0.9' in summary.to_json()
    with pytest.raises(SpecificationError, match="level is 2; it must lie between 0 and 1"):
        lm("y ~ x", DATA).summary(level=2)


def test_kinds_of_errors_that_do_not_go_together_are_refused():
    fit = lm("y ~ x", DATA)
    with pytest.raises(SpecificationError, match="needs groups"):
        fit.covariance("cluster")
    with pytest.raises(SpecificationError, match="groups belong to errors='cluster'"):
        fit.covariance("HC1", groups=DATA.g)
    with pytest.raises(SpecificationError, match="lags belong to errors='HAC'"):
        fit.covariance("HC1", lags=1)
    with pytest.raises(SpecificationError, match="lags is 8; expected a whole number from 0 to 7"):
        fit.covariance("HAC", lags=8)
    with pytest.raises(DataError, match="one group alone"):
        fit.covariance("cluster", groups=["a"] * 8)
    with pytest.raises(DataError, match=r"groups has shape \(3,\)"):
        fit.covariance("cluster", groups=[1, 2, 3])
    for gap in (None, np.nan):
        with pytest.raises(DataError, match="groups has no label for sample 7"):
            fit.covariance("cluster", groups=[*"abcabca", gap])
    few = lm("y ~ x * z", DATA).covariance("cluster", groups=DATA.g)
    assert few.notes == ("3 groups for 4 coefficients: some clustered errors are too small, or 0",)


def test_classical_covariance_is_that_of_the_standard_errors():
    fit = lm("y ~ x + z", DATA)
    A = np.column_stack([np.ones(8), DATA.x, DATA.z])
    np.testing.assert_allclose(fit.covariance().matrix, fit.fit.sigma**2 * np.linalg.inv(A.T @ A), rtol=1e-12)
    # No lag is HC1; every sample its own cluster is HC1 but for n / (n - p) against n / (n - 1) (n - 1) / (n - p).
    np.testing.assert_allclose(fit.covariance("HAC", lags=0).errors, fit.covariance("HC1").errors, rtol=1e-13)
    every = fit.covariance("cluster", groups=range(8))
    np.testing.assert_allclose(every.errors, fit.covariance("HC1").errors, rtol=1e-13)
    assert every.df == 7


def test_quantiles_are_of_numbers():
    with pytest.raises(DataError, match="g holds classes; quantiles are of numbers"):
        quantile_regression("g ~ x", DATA)
