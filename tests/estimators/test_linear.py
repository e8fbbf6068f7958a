import io
import json
import pickle
import re
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model
import statsmodels.api as sm
from rich.console import Console
from statsmodels.stats.outliers_influence import variance_inflation_factor

from twofold.errors import DataError, MissingDependencyError, SpecificationError, UnknownNameError
from twofold.estimators import LinearRegression
from twofold.solvers import DependentColumnsWarning, Moments, polynomial_features, solve_moments
from twofold.solvers.summary import summarize

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((80, 4)) @ RANDOM.standard_normal((4, 4)) + [0, 10, -3, 1]
Y = X @ RANDOM.standard_normal((4, 2)) + RANDOM.standard_normal((80, 2)) + 5
Y_ONE = Y[:, 0]
WEIGHT = RANDOM.uniform(0.1, 3, 80)


def peer(intercept, weight):
    design = sm.add_constant(X) if intercept else X
    return sm.OLS(Y_ONE, design).fit() if weight is None else sm.WLS(Y_ONE, design, weight).fit()


@pytest.fixture(params=[True, False], ids=["intercept", "no intercept"])
def intercept(request):
    return request.param


@pytest.fixture(params=[None, WEIGHT], ids=["unweighted", "weighted"])
def weight(request):
    return request.param


def column(summary, name):
    return np.array([getattr(item, name) for item in summary.coefficients])


def test_the_summary_is_statsmodels(intercept, weight):
    ours = LinearRegression(fit_intercept=intercept).fit(X, Y_ONE, weight).summary(level=0.9)
    theirs = peer(intercept, weight)
    for name, expected in {
        "value": theirs.params,
        "standard_error": theirs.bse,
        "t": theirs.tvalues,
        "p": theirs.pvalues,
        "low": theirs.conf_int(0.1)[:, 0],
        "high": theirs.conf_int(0.1)[:, 1],
    }.items():
        np.testing.assert_allclose(column(ours, name), expected, rtol=1e-9, atol=1e-300)
    fit = ours.fit
    for mine, expected in (
        (fit.r2, theirs.rsquared),
        (fit.r2_adjusted, theirs.rsquared_adj),
        (fit.sigma**2, theirs.scale),
        (fit.f, theirs.fvalue),
        (fit.f_p, theirs.f_pvalue),
        (fit.log_likelihood, theirs.llf),
        (fit.aic, theirs.aic),
        (fit.bic, theirs.bic),
        (fit.n, theirs.nobs),
        (fit.df, theirs.df_resid),
    ):
        np.testing.assert_allclose(mine, expected, rtol=1e-9)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_robust_errors_are_statsmodels(kind, intercept, weight):
    summary = LinearRegression(fit_intercept=intercept).fit(X, Y_ONE, weight).summary(X, Y_ONE, weight, robust=kind)
    theirs = peer(intercept, weight)
    np.testing.assert_allclose(column(summary, "standard_error"), getattr(theirs, f"{kind}_se"), rtol=1e-9)
    assert summary.errors == kind


def test_variance_inflation_is_statsmodels():
    summary = LinearRegression().fit(X, Y_ONE).summary()
    design = sm.add_constant(X)
    expected = [variance_inflation_factor(design, k) for k in range(1, 5)]
    np.testing.assert_allclose(column(summary, "vif")[1:], expected, rtol=1e-9)


def test_intervals_are_statsmodels(intercept, weight):
    model = LinearRegression(fit_intercept=intercept).fit(X, Y_ONE, weight)
    new = X[:7] + 1.0
    ours = model.predict_interval(new, level=0.99)
    theirs = peer(intercept, weight).get_prediction(sm.add_constant(new) if intercept else new).summary_frame(0.01)
    np.testing.assert_allclose(ours.mean, theirs["mean"], rtol=1e-9)
    np.testing.assert_allclose(ours.standard_error, theirs["mean_se"], rtol=1e-9)
    np.testing.assert_allclose(ours.confidence, theirs[["mean_ci_lower", "mean_ci_upper"]], rtol=1e-9)
    np.testing.assert_allclose(ours.prediction, theirs[["obs_ci_lower", "obs_ci_upper"]], rtol=1e-9)


def test_influence_is_statsmodels(intercept):
    model = LinearRegression(fit_intercept=intercept).fit(X, Y_ONE)
    ours, theirs = model.influence(X, Y_ONE), peer(intercept, None).get_influence()
    np.testing.assert_allclose(ours.leverage, theirs.hat_matrix_diag, rtol=1e-9)
    np.testing.assert_allclose(ours.studentized, theirs.resid_studentized_internal, rtol=1e-9)
    np.testing.assert_allclose(ours.studentized_external, theirs.resid_studentized_external, rtol=1e-8)
    np.testing.assert_allclose(ours.cook, theirs.cooks_distance[0], rtol=1e-8)
    np.testing.assert_allclose(ours.residual, theirs.resid, rtol=1e-8, atol=1e-12)


def test_weighted_leverages_sum_to_the_number_of_coefficients(weight):
    found = LinearRegression().fit(X, Y, weight).influence(X, Y, weight, target=1)
    assert found.leverage.sum() == pytest.approx(5, rel=1e-12)


def test_influence_wants_the_samples_that_were_fitted():
    with pytest.raises(DataError, match=r"^X has 79 samples and the fit had 80; give the samples that were fitted$"):
        LinearRegression().fit(X, Y_ONE).influence(X[1:], Y_ONE[1:])


def test_attributes_are_scikit_learns(intercept, weight):
    for y in (Y, Y_ONE):
        ours = LinearRegression(fit_intercept=intercept).fit(X, y, weight)
        theirs = sklearn.linear_model.LinearRegression(fit_intercept=intercept).fit(X, y, weight)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-9)
        np.testing.assert_allclose(ours.singular_, theirs.singular_, rtol=1e-9)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
        assert ours.rank_ == theirs.rank_
        assert np.shape(ours.coef_) == np.shape(theirs.coef_) == np.shape(ours.digits_)
        assert ours.digits_.min() > 14


def test_a_data_frames_names_reach_the_summary_and_the_warning():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = LinearRegression().fit(frame, Y_ONE)
    assert [item.name for item in model.summary().coefficients] == ["intercept", "a", "b", "c", "d"]
    assert list(model.feature_names_in_) == ["a", "b", "c", "d"]
    with pytest.warns(DependentColumnsWarning, match=r"columns depend on each other: . on .*; .*minimum-norm solution"):
        singular = LinearRegression().fit(frame.assign(e=frame["a"] + frame["b"]), Y_ONE)
    with pytest.raises(SpecificationError, match=r"^no standard errors: the columns depend on each other"):
        singular.summary()


def test_the_summary_as_table_frame_json_and_text():
    summary = LinearRegression().fit(X, Y).summary(target=1)
    frame = summary.to_frame()
    assert list(frame.index) == ["intercept", "x0", "x1", "x2", "x3"]
    assert frame.loc["x2", "value"] == summary.coefficients[3].value
    state = json.loads(summary.to_json())
    assert state["target"] == "y1"
    assert state["coefficients"][0]["vif"] is None
    assert state["coefficients"][1]["value"] == summary.coefficients[1].value
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(summary)
    for text, digits in ((str(summary), 6), (console.export_text(), 5)):  # a terminal's table has fewer digits
        assert "Linear regression of y1" in text
        assert "low 95 %" in text
        for item in summary.coefficients:
            for number in (item.value, item.standard_error, item.low, item.high):
                assert f"{number:.{digits}g}"[:-1] in text
        assert f"R2 {summary.fit.r2:.6g}" in text
        assert "…" not in text


def test_without_pandas_the_frame_says_so(monkeypatch):
    summary = LinearRegression().fit(X, Y_ONE).summary()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match=r"^a data frame needs pandas"):
        summary.to_frame()


def test_too_few_samples_for_errors_are_nan_and_null():
    summary = LinearRegression().fit(X[:5], Y_ONE[:5]).summary()
    assert summary.fit.df == 0
    assert np.isnan(column(summary, "standard_error")).all()
    assert json.loads(summary.to_json())["fit"]["sigma"] is None
    assert np.isnan(column(LinearRegression().fit(X[:5], Y_ONE[:5]).summary(X[:5], Y_ONE[:5], robust="HC3"), "t")).all()


def test_what_has_no_standard_errors_says_why():
    model = LinearRegression(penalty=1.0).fit(X, Y_ONE)
    with pytest.raises(SpecificationError, match=r"^no standard errors: penalised"):
        model.summary()
    plain = LinearRegression().fit(X, Y_ONE)
    with pytest.raises(SpecificationError, match=r"^robust errors need the samples"):
        plain.summary(robust="HC0")
    with pytest.raises(UnknownNameError, match=r"did you mean 'HC3'"):
        plain.summary(X, Y_ONE, robust="HC4")
    with pytest.raises(DataError, match=r"^there is no target 1; there are 1, counted from 0$"):
        plain.summary(target=1)
    with pytest.raises(SpecificationError, match=r"^level is 95; it must lie between 0 and 1"):
        plain.summary(level=95)


def test_ridge_is_scikit_learns_and_a_path_takes_the_best(weight):
    ours = LinearRegression(penalty=2.5).fit(X, Y, weight)
    theirs = sklearn.linear_model.Ridge(2.5, solver="svd").fit(X, Y, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-9)
    path = LinearRegression(penalty=[1e3, 1.0, 1e-3]).fit(X, Y, weight)
    assert path.penalty_ == path.penalties_[np.argmin(path.loo_errors_)]
    chosen = sklearn.linear_model.RidgeCV([1e3, 1.0, 1e-3]).fit(X, Y_ONE)
    assert LinearRegression(penalty=[1e3, 1.0, 1e-3]).fit(X, Y_ONE).penalty_ == chosen.alpha_
    with pytest.raises(SpecificationError, match=r"^several penalties and positive=True"):
        LinearRegression(penalty=[1.0, 2.0], positive=True).fit(X, Y)
    with pytest.raises(SpecificationError, match=r"^blocks are solved with one penalty"):
        LinearRegression(penalty=[1.0, 2.0]).partial_fit(X, Y)


def test_pairs_keep_the_digits_of_powers():
    x = np.linspace(-9, -3, 60)
    powers = polynomial_features(x, 10)
    model = LinearRegression().fit(powers, np.sin(x))
    assert model.n_features_in_ == 10
    expected = np.polynomial.Chebyshev.fit(x, np.sin(x), 10)(x)  # the same space in a basis of condition near 1
    np.testing.assert_allclose(model.predict(powers), expected, atol=1e-13)
    with pytest.raises(SpecificationError, match=r"^partial_fit takes X of doubles"):
        LinearRegression().partial_fit(powers, x)


def test_blocks_give_what_the_whole_gives_and_merge(intercept, weight):
    whole = LinearRegression(fit_intercept=intercept).fit(X, Y, weight)
    pieces = [LinearRegression(fit_intercept=intercept) for _ in range(3)]
    for k, rows in enumerate(np.array_split(RANDOM.permutation(80), 6)):
        pieces[k % 3].partial_fit(X[rows], Y[rows], None if weight is None else weight[rows])
    merged = LinearRegression(fit_intercept=intercept)
    for piece in pieces:
        merged.merge(pickle.loads(pickle.dumps(piece)))  # noqa: S301
    np.testing.assert_allclose(merged.coef_, whole.coef_, rtol=1e-10)
    np.testing.assert_allclose(merged.intercept_, whole.intercept_, rtol=1e-10)
    for target in range(2):
        ours, theirs = merged.summary(target=target), whole.summary(target=target)
        for name in ("standard_error", "t", "p", "vif"):
            np.testing.assert_allclose(column(ours, name), column(theirs, name), rtol=1e-9)
        np.testing.assert_allclose(ours.fit.log_likelihood, theirs.fit.log_likelihood, rtol=1e-9)
    blocks = [(X[i::2], Y[i::2], *([] if weight is None else [weight[i::2]])) for i in range(2)]
    np.testing.assert_allclose(
        LinearRegression(fit_intercept=intercept).fit_blocks(blocks).coef_, whole.coef_, rtol=1e-10
    )


def test_what_does_not_merge():
    one = LinearRegression().partial_fit(pd.DataFrame(X, columns=list("abcd")), Y_ONE)
    with pytest.raises(DataError, match=r"^the other has no moments to merge"):
        one.merge(LinearRegression().fit(X, Y_ONE))
    with pytest.raises(DataError, match=r"^columns differ: a, b, c, d and a, b, d, c"):
        one.merge(LinearRegression().partial_fit(pd.DataFrame(X, columns=list("abdc")), Y_ONE))
    with pytest.raises(DataError, match=r"don't merge; they must be of the same columns$"):
        one.merge(LinearRegression().partial_fit(X[:, :2], Y_ONE))
    with pytest.raises(DataError, match=r"another number of dimensions$"):
        one.partial_fit(pd.DataFrame(X, columns=list("abcd")), Y)
    fresh = LinearRegression().merge(one)
    assert list(fresh.feature_names_in_) == list("abcd")


def test_blocks_that_cannot_be():
    with pytest.raises(DataError, match=r"^there are no blocks; give at least one \(X, Y\)$"):
        LinearRegression().fit_blocks([])
    moments = Moments(1, 1)
    with pytest.raises(DataError, match=r"^a block has 2 features and 1 targets; those before it had 1 and 1$"):
        moments.add(X[:, :2], Y[:, :1])
    with pytest.raises(
        DataError, match=re.escape("numbers reach 1.0e+200; their squares must stay below 1e280: rescale")
    ):
        moments.add([[1e200], [1.0]], [[1.0], [1.0]])
    assert moments.n == 0
    with pytest.raises(DataError, match=r"^no samples of positive weight"):
        solve_moments(moments)
    for broken in (None, {}, {"format": "twofold-moments-2"}, {**moments.to_dict(), "parts": [[1.0]]}):
        with pytest.raises(DataError, match=r"^(not a state of moments|a state of moments that is damaged)"):
            Moments.from_dict(broken)


def test_a_block_is_not_taken_in_where_it_cannot_be_solved():
    model = LinearRegression().partial_fit(X, Y_ONE).set_params(penalty=-1.0)
    with pytest.raises(SpecificationError, match=r"^penalty is -1\.0; it must be a finite number of at least 0$"):
        model.partial_fit(X, Y_ONE)
    assert model.moments_.n == 80


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([5], r"^block 0: expected \(X, y\) or \(X, y, sample_weight\), got 5$"),
        ([(X, Y_ONE), (X,)], r"^block 1: expected \(X, y\) or"),
        ([(X, Y_ONE), (X[:, :2], Y_ONE)], r"^block 1: X has 2 features, but LinearRegression is expecting 4"),
    ],
)
def test_a_block_that_is_wrong_is_told_by_its_number(blocks, message):
    with pytest.raises(DataError, match=message):
        LinearRegression().fit_blocks(blocks)


def test_a_fit_without_moments_has_nothing_to_merge_into():
    with pytest.raises(DataError, match=r"^this one was fitted by fit and has no moments to merge into"):
        LinearRegression().fit(X, Y_ONE).merge(LinearRegression().partial_fit(X, Y_ONE))


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_a_sample_of_leverage_1_says_nothing_about_the_noise(kind):
    dummy = np.column_stack([X, np.arange(80) == 7])
    model = LinearRegression().fit(dummy, Y_ONE)
    found = column(model.summary(dummy, Y_ONE, robust=kind), "standard_error")
    if kind == "HC3":
        assert np.isnan(found).all()
    else:
        theirs = sm.OLS(Y_ONE, sm.add_constant(dummy)).fit()
        np.testing.assert_allclose(found, getattr(theirs, f"{kind}_se"), rtol=1e-9)
    influence = model.influence(dummy, Y_ONE)
    assert np.isnan([influence.studentized[7], influence.studentized_external[7], influence.cook[7]]).all()
    assert np.isfinite(np.delete(influence.cook, 7)).all()


def test_statistics_want_a_target_and_the_weights_that_there_are():
    model = LinearRegression().fit(X, Y, WEIGHT)
    for target in (2, -1):
        for ask in (model.predict_interval, lambda X, target: model.influence(X, Y, WEIGHT, target=target)):
            with pytest.raises(DataError, match=f"^there is no target {target}; there are 2, counted from 0$"):
                ask(X, target=target)
    with pytest.raises(DataError, match=r"^the weights sum to 80 and the fit's to .*; give those of the fit$"):
        model.influence(X, Y)
    with pytest.raises(DataError, match=r"^X has 40 samples and the fit had 80; give the samples that were fitted$"):
        model.summary(X[:40], Y[:40], WEIGHT[:40], robust="HC0")
    with pytest.raises(DataError, match=r"^sample_weight\[0\] is -"):
        model.influence(X, Y, -WEIGHT)


def test_pairs_are_refused_where_doubles_are_wanted():
    powers = polynomial_features(X[:, 0], 2)
    model = LinearRegression().fit(powers, Y_ONE)
    for ask in (model.predict_interval, lambda X: model.influence(X, Y_ONE)):
        with pytest.raises(SpecificationError, match=r"take X of doubles, not a Pair; use its high part$"):
            ask(powers)
    with pytest.raises(DataError, match=r"^X is a Pair of shape \(80, 3\); expected 2 features$"):
        model.predict(polynomial_features(X[:, 0], 3))


def test_names_in_brackets_are_no_markup():
    frame = pd.DataFrame({"length [m]": X[:, 0]})
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(summarize(LinearRegression().fit(frame, Y_ONE).solution_, target_names=["mass [kg]"]))
    assert "Linear regression of mass [kg]" in console.export_text()


def test_digits_are_rounded_down():
    solution = LinearRegression().fit(X, Y_ONE).solution_
    for digits, shown in ((15.954, "16"), (12.9, "12"), (0.0, "0")):
        summary = summarize(replace(solution, digits=np.full((5, 1), digits)))
        assert [line[-1] for line in summary.lines()[1:]] == [shown] * 5
