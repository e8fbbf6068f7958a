"""What R says of the same samples: its values stand in ``tests/stored/r``, beside the script that printed them."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")

from twofold.statistics import (  # noqa: E402
    anova,
    breusch_pagan,
    durbin_watson,
    glm,
    lm,
    quantile_regression,
    shapiro_wilk,
)
from twofold.statistics.hypothesis_tests import _normal  # noqa: E402

RSCRIPT = shutil.which("Rscript")
HERE = Path(__file__).parents[1] / "stored" / "r"
NEW = pd.DataFrame({"x": [-1, 0, 1.5], "g": ["ash", "birch", "cedar"], "age": [25, 40, 59], "log_exposure": [0, 1, 2]})


def parsed(text):
    lines = (line.split() for line in text.splitlines())
    return {name: np.array([float("nan" if value == "NA" else value) for value in values]) for name, *values in lines}


R = parsed((HERE / "values.txt").read_text())


@pytest.fixture(scope="module")
def samples():
    return pd.read_csv(HERE / "samples.csv").assign(log_exposure=lambda d: np.log(d.exposure))


@pytest.fixture(scope="module")
def fit(samples):
    return lm("y ~ x * g + poly(age, 2)", samples)


def same(ours, name, digits=12):
    np.testing.assert_allclose(np.ravel(ours), R[name], rtol=10.0**-digits, err_msg=name)


def same_table(model, name, digits=12):
    rows = model.summary().rows
    same([row.value for row in rows], f"{name}.coefficients", digits)
    same([row.standard_error for row in rows], f"{name}.errors", digits)
    same([row.p for row in rows], f"{name}.p", digits - 2)


@pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")
def test_r_prints_the_stored_values_today():
    run = subprocess.run([RSCRIPT, str(HERE / "values.R")], capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.skip(f"R lacks a package: {run.stderr.splitlines()[-1][:60]}")
    found = parsed(run.stdout)
    assert found.keys() == R.keys()
    for name, values in found.items():
        np.testing.assert_allclose(values, R[name], rtol=1e-9, err_msg=name)


def test_a_linear_model_with_an_interaction_and_a_polynomial(fit):
    same_table(fit, "lm")
    found = fit.fit
    same([found.sigma, found.r2, found.r2_adjusted, found.f, found.log_likelihood], "lm.facts")
    influence = fit.influence()
    same(influence.leverage[:5], "lm.hat")
    same(influence.cook[:5], "lm.cook")
    same(influence.studentized_external[:5], "lm.studentized")


def test_confidence_and_prediction_intervals_of_new_rows(fit):
    found = fit.predict_interval(NEW, level=0.9)
    same(np.column_stack([found.mean, found.confidence]).T, "lm.confidence")
    same(np.column_stack([found.mean, found.prediction]).T, "lm.prediction")
    np.testing.assert_allclose(fit.predict(NEW), found.mean, rtol=1e-14)


def test_sequential_analysis_of_variance(fit):
    rows = anova(fit).rows
    assert [row.name for row in rows] == ["x", "g", "poly(age, 2)", "x:g", "residuals"]
    ours = np.array([[row.df, row.change, row.statistic, row.p] for row in rows]).T
    np.testing.assert_allclose(ours.ravel(), R["lm.anova"], rtol=1e-11)


def test_nested_models(samples):
    table = anova(lm("y ~ x", samples), lm("y ~ x + g", samples), lm("y ~ x * g", samples))
    ours = np.array([[row.df, row.change, row.statistic, row.p] for row in table.rows[:2]]).T
    same(ours, "lm.nested", 11)


def test_partial_sums_of_squares_without_interactions_are_those_of_drop1(samples):
    table = anova(lm("y ~ x + g + age", samples), kind="II")
    ours = np.array([[row.df, row.change, row.statistic, row.p] for row in table.rows[:3]]).T
    same(ours, "lm.drop1", 11)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_errors_of_unequal_variances(fit, kind):
    same(fit.covariance(kind).errors, f"lm.{kind}")


def test_errors_of_series_and_of_clusters(fit, samples):
    same(fit.covariance("HAC", lags=4).errors, "lm.HAC")
    same(fit.covariance("cluster", groups=samples.block).errors, "lm.cluster")


def test_tests_of_the_residuals(fit):
    plain, studentized = breusch_pagan(fit, studentized=False), breusch_pagan(fit)
    same([studentized.statistic, studentized.p], "lm.breusch_pagan")
    same([plain.statistic, plain.p], "lm.breusch_pagan_plain")
    found = durbin_watson(fit)
    same([found.statistic, found.p], "lm.durbin_watson", 5)  # R's routine integrates to as many digits
    same([found.statistic, _normal(fit, found.statistic)], "lm.durbin_watson_normal", 10)
    found = shapiro_wilk(fit)
    same([found.statistic, found.p], "lm.shapiro_wilk", 6)


def test_weights_contrasts_and_no_intercept(samples):
    same_table(lm("y ~ x + g", samples, weights="w"), "lm_weighted")
    same_table(lm("y ~ x * C(g, contr.sum)", samples), "lm_sum")
    same_table(lm("y ~ 0 + g + x", samples), "lm_bare")


GLMS = {
    "binomial": ("yes ~ x + g", {}),
    "successes": ("cbind(successes, trials - successes) ~ x + age", {}),
    "poisson": ("counts ~ x * g", {"offset": "log_exposure"}),
    "gamma": ("cost ~ x + age", {}),
}


@pytest.mark.parametrize("name", GLMS)
def test_generalised_linear_models(samples, name):
    formula, more = GLMS[name]
    model = glm(formula, samples, family="binomial" if name == "successes" else name, **more)
    same_table(model, name, 10)
    found = model.solution
    same([found.deviance, found.null_deviance, found.dispersion, found.log_likelihood], f"{name}.facts", 10)
    residuals = [model.residuals_of(kind)[:3] for kind in ("deviance", "pearson", "working")]
    same(residuals, f"{name}.residuals", 10)
    found = model.influence()
    same(found.leverage[:3], f"{name}.hat", 10)
    same(found.cook[:3], f"{name}.cook", 9)
    same(found.studentized[:3], f"{name}.studentized", 9)
    same(model.covariance("HC0").errors, f"{name}.HC0", 10)


def test_analysis_of_deviance(samples):
    rows = anova(glm("yes ~ x + g", samples, family="binomial")).rows[:2]
    same(np.array([[row.df, row.change, row.p] for row in rows]).T, "binomial.anova", 10)
    rows = anova(glm("cost ~ x + age", samples, family="gamma")).rows[:2]
    same(np.array([[row.df, row.change, row.statistic, row.p] for row in rows]).T, "gamma.anova", 10)


def test_predictions_on_the_link_s_scale(samples):
    model = glm("yes ~ x + g", samples, family="binomial")
    found = model.predict_interval(NEW)
    same([model.predict(NEW, kind="link"), found.standard_error], "binomial.link", 10)
    half = 1.959963984540054 * found.standard_error
    o = model.predict(NEW, kind="link")
    np.testing.assert_allclose(found.confidence, 1 / (1 + np.exp(-np.column_stack([o - half, o + half]))), rtol=1e-12)


@pytest.mark.parametrize("tau", [0.25, 0.6])
def test_quantile_regression(samples, tau):
    model = quantile_regression("y ~ x + age", samples, tau)
    assert model.solution.unique
    same(list(model.coefficients.values()), f"rq_{tau}.coefficients", 10)
    same(list(model.standard_errors.values()), f"rq_{tau}.errors", 7)  # R's distances are smaller by 1.5e-8
