import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")

from twofold.errors import SpecificationError, UnknownNameError  # noqa: E402
from twofold.statistics import anova, glm, lm  # noqa: E402


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    d = pd.DataFrame({"x": rng.normal(size=40), "g": rng.choice(list("abc"), 40), "h": rng.choice(list("uv"), 40)})
    return d.assign(y=1 + d.x + (d.g == "b") * 0.7 + rng.normal(size=40), n=rng.poisson(np.exp(0.4 * d.x)), w=2.0)


@pytest.mark.parametrize("kind", ["II", "III"])
def test_partial_and_marginal_sums_of_squares_are_those_of_statsmodels(data, kind):
    api, formula = pytest.importorskip("statsmodels.api"), pytest.importorskip("statsmodels.formula.api")
    ours = anova(lm("y ~ C(g, contr.sum) * C(h, contr.sum) + x", data), kind=kind)
    table = api.stats.anova_lm(formula.ols("y ~ C(g, Sum) * C(h, Sum) + x", data).fit(), typ={"II": 2, "III": 3}[kind])
    order = ["C(g, Sum)", "C(h, Sum)", "x", "C(g, Sum):C(h, Sum)", "Residual"]
    theirs = table.loc[order]
    np.testing.assert_allclose([row.change for row in ours.rows], theirs["sum_sq"], rtol=1e-10)
    np.testing.assert_allclose([row.p for row in ours.rows[:-1]], theirs["PR(>F)"][:-1], rtol=1e-9)


def test_sequential_sums_of_squares_add_up_to_what_is_explained(data):
    fit = lm("y ~ x + g * h", data, weights="w")
    rows = anova(fit).rows
    assert sum(row.change for row in rows) == pytest.approx(fit.fit.tss, rel=1e-13)
    assert rows[-1].change == fit.fit.rss
    assert sum(row.df for row in rows) == 39


def test_a_term_that_adds_all_but_nothing_keeps_its_digits():
    # y is orthogonal to z but for 1e-9: the difference of two residual sums would keep one digit of 1e-18.
    n = np.arange(16)
    x, z = np.cos(np.pi * n / 4), np.cos(np.pi * n / 2)
    y = 3 * x + 1e-9 * z + np.sin(np.pi * n / 4)
    row = anova(lm("y ~ x + z", {"y": y, "x": x, "z": z})).rows[1]
    Q = np.column_stack([np.ones(16), x])
    rest = z - Q @ np.linalg.lstsq(Q, z)[0]
    assert row.change == pytest.approx((rest @ y) ** 2 / (rest @ rest), rel=1e-5)
    assert row.change == pytest.approx(8e-18, rel=1e-5)


def test_deviances_of_nested_models_fall_by_chi_squared(data):
    small, large = glm("n ~ x", data, family="poisson"), glm("n ~ x + g", data, family="poisson")
    table = anova(small, large)
    assert table.test == "chi2"
    assert table.rows[0].change == pytest.approx(small.solution.deviance - large.solution.deviance, rel=1e-12)
    assert [row.df for row in table.rows] == [2, 36]
    assert anova(large, kind="II").rows[1].change == pytest.approx(table.rows[0].change, rel=1e-12)


def test_models_that_are_not_nested_or_of_other_samples_are_refused(data):
    with pytest.raises(SpecificationError, match="models 1 and 2 are not nested: 'y ~ g' doesn't hold all of 'y ~ x'"):
        anova(lm("y ~ x", data), lm("y ~ g", data))
    with pytest.raises(SpecificationError, match="not nested"):
        anova(lm("y ~ x + g", data), lm("y ~ x", data))
    with pytest.raises(SpecificationError, match="not of the same samples"):
        anova(lm("y ~ x", data.iloc[1:]), lm("y ~ x + g", data))
    with pytest.raises(SpecificationError, match="of different kinds"):
        anova(lm("n ~ x", data), glm("n ~ x + g", data, family="poisson"))
    with pytest.raises(SpecificationError, match="anova takes models that lm or glm have made"):
        anova()
    with pytest.raises(UnknownNameError, match="unknown kind of sums of squares 'IV'"):
        anova(lm("y ~ x", data), kind="IV")


def test_a_model_that_holds_another_in_other_words_is_nested(data):
    table = anova(lm("y ~ x", data), lm("y ~ g + poly(x, 2)", data))
    assert table.rows[0].df == 3


def test_the_table_is_text_and_json(data):
    table = anova(lm("y ~ x", data))
    assert str(table).splitlines()[0] == "Analysis of variance, type I: y ~ x"
    assert table.to_dict()["rows"][1]["p"] is None
    assert '"measure": "sum of squares"' in table.to_json()
