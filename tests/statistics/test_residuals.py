"""Tests of residuals, quantile regression, and the diagnostic picture."""

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")

from scipy import stats  # noqa: E402

from twofold.errors import DataError, SpecificationError  # noqa: E402
from twofold.functions import LOSSES  # noqa: E402
from twofold.plots import diagnostic_plots, style  # noqa: E402
from twofold.plots.language import chinese_font  # noqa: E402
from twofold.statistics import (  # noqa: E402
    durbin_watson,
    glm,
    jarque_bera,
    lm,
    quantile_regression,
    shapiro_wilk,
    solve_quantile,
    white,
)
from twofold.statistics.hypothesis_tests import _normal, residual_tests  # noqa: E402


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    d = pd.DataFrame({"x": rng.normal(size=60), "z": rng.normal(size=60), "n": rng.poisson(3, 60)})
    return d.assign(y=1 + d.x + rng.normal(size=60) * (1 + d.z**2))


def test_white_and_jarque_bera_are_those_of_statsmodels(data):
    api, formula = pytest.importorskip("statsmodels.stats.api"), pytest.importorskip("statsmodels.formula.api")
    fit, theirs = lm("y ~ x + z", data), formula.ols("y ~ x + z", data).fit()
    statistic, p, *_ = api.het_white(theirs.resid, theirs.model.exog)
    assert (white(fit).statistic, white(fit).p) == pytest.approx((statistic, p), rel=1e-10)
    statistic, p, *_ = api.jarque_bera(theirs.resid)
    assert (jarque_bera(fit).statistic, jarque_bera(fit).p) == pytest.approx((statistic, p), rel=1e-10)


def test_the_durbin_watson_probability_is_that_of_simulated_errors():
    x = np.arange(15.0)
    fit = lm("y ~ x", {"x": x, "y": x + np.sin(x)})
    found = durbin_watson(fit)
    E = np.random.default_rng(0).normal(size=(40000, 15))
    A = np.column_stack([np.ones(15), x])
    R = E - E @ A @ np.linalg.inv(A.T @ A) @ A.T
    d = np.square(np.diff(R)).sum(axis=1) / np.square(R).sum(axis=1)
    assert found.p == pytest.approx(np.mean(d < found.statistic), abs=4 * np.sqrt(0.25 / 40000))


def test_the_normal_approximation_of_durbin_watson_is_near_the_exact_one(data):
    fit = lm("y ~ x + z", data)
    assert _normal(fit, 1.7) == pytest.approx(stats.norm.cdf((1.7 - 2.0) / 0.25), abs=0.05)
    assert durbin_watson(fit).distribution == "exact"


def test_what_can_not_be_tested_is_refused(data):
    with pytest.raises(SpecificationError, match="a linear model; fit one with lm"):
        white(glm("n ~ x", data, family="poisson"))
    with pytest.raises(SpecificationError, match="a model without weights"):
        jarque_bera(lm("y ~ x", data, weights=np.ones(60)))
    with pytest.raises(SpecificationError, match="a model with an intercept"):
        white(lm("y ~ 0 + x", data))
    with pytest.raises(DataError, match="it needs more samples"):
        white(lm("y ~ x + z", data.iloc[:5]))
    large = lm("y ~ x", {"x": np.arange(5001.0), "y": np.sin(np.arange(5001.0))})
    with pytest.raises(DataError, match="is for 3 to 5000: take jarque_bera"):
        shapiro_wilk(large)
    assert [test.name for test in residual_tests(large).tests][-1] == "Jarque-Bera"
    assert durbin_watson(large).distribution == "normal approximation"


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
def test_no_other_coefficients_have_a_smaller_quantile_loss(data, tau):
    X, y, weight = data[["x", "z"]].to_numpy(), data.y.to_numpy(), np.random.default_rng(1).uniform(0.2, 3, 60)
    fit = solve_quantile(X, y, tau, sample_weight=weight)
    A = np.column_stack([np.ones(60), X])
    loss = LOSSES[f"quantile:{tau}"]

    def value(beta):
        return loss.value((A @ beta)[:, None], y[:, None], weight)

    assert fit.loss == pytest.approx(value(fit.coefficients), rel=1e-13)
    np.testing.assert_allclose((A @ fit.coefficients)[fit.through], y[fit.through], rtol=1e-13)
    assert len(fit.through) == 3
    for step in np.random.default_rng(2).normal(size=(200, 3)):
        assert value(fit.coefficients + 1e-6 * step) > fit.loss
    assert fit.digits.min() > 15.5


def test_columns_of_other_units_have_the_same_quantile_fit(data):
    X, y = data[["x", "z"]].to_numpy(), data.y.to_numpy()
    plain = solve_quantile(X, y, 0.3)
    scaled = solve_quantile(X * [2.0**30, 2.0**-20], y * 2.0**10, 0.3)
    np.testing.assert_array_equal(scaled.coefficients, plain.coefficients * 2.0**10 / [1, 2.0**30, 2.0**-20])


def test_a_median_between_two_samples_is_said_not_to_be_the_only_one():
    model = quantile_regression("y ~ 1", {"y": [1.0, 2.0, 3.0, 4.0]})
    assert not model.solution.unique
    assert model.coefficients["intercept"] in (2.0, 3.0)
    assert "there may be other minima" in str(model)
    assert solve_quantile(np.zeros((5, 0)), [1.0, 2.0, 3.0, 4.0, 9.0]).unique


def test_what_has_no_quantile_fit_is_refused():
    with pytest.raises(SpecificationError, match="quantile is 1; it must lie between 0 and 1"):
        solve_quantile([[1.0]], [1.0], 1)
    with pytest.raises(DataError, match="depend on earlier ones or outnumber the samples"):
        solve_quantile([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], [1.0, 2.0, 3.0])
    with pytest.raises(DataError, match=r"y has shape \(1, 1\)"):
        solve_quantile([[1.0]], [[1.0]])


def test_new_rows_get_their_quantile(data):
    model = quantile_regression("y ~ x + z", data, 0.25)
    np.testing.assert_allclose(model.predict(data), model.predict(), rtol=1e-13)
    assert np.mean(data.y < model.predict()) == pytest.approx(0.25, abs=3 / 60)


def test_the_four_diagnostic_plots_stand_in_one_picture(data):
    fit = lm("y ~ x + z", data)
    figure = fit.plot()
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["Residuals", "Normal quantiles", "Spread", "Leverage"]
    found = fit.influence()
    offsets = figure.axes[3].collections[0].get_offsets()
    np.testing.assert_allclose(offsets, np.column_stack([found.leverage, found.studentized]))
    x, border = figure.axes[3].get_lines()[1].get_data()  # Cook's distance 0.5
    np.testing.assert_allclose(border**2 * x / (1 - x) / 3, 0.5)
    named = {int(text.get_text()) for text in figure.axes[3].texts}
    assert named == set(np.argsort(-found.cook)[:3].tolist())
    assert len(glm("n ~ x", data, family="poisson").plot().axes) == 4


@pytest.mark.skipif(chinese_font() is None, reason="no font with Chinese characters is installed")
def test_the_picture_is_written_in_chinese_too():
    x = np.arange(5.0)
    with style("dark", language="zh"):
        figure = diagnostic_plots(x, np.sin(x), np.sin(x), np.full(5, 0.4), parameters=2)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["残差", "正态分位数", "离散程度", "杠杆"]


def test_two_samples_have_no_diagnostic_plots():
    with pytest.raises(DataError, match="2 samples; the diagnostic plots need at least 3"):
        diagnostic_plots(np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2), parameters=1)
