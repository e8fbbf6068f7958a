"""Softmax regression with an elastic net, and the penalty chosen by cross-validation."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from twofold import SoftmaxRegression, SoftmaxRegressionCV
from twofold.errors import DataError, SpecificationError


def samples(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def objective(model, X, y, *, C, ratio, weight=None):
    weight = np.ones(len(y)) if weight is None else weight
    loss = log_loss(y, model.predict_proba(X), sample_weight=weight) * weight.sum()
    return C * loss + (1 - ratio) * np.square(model.coef_).sum() / 2 + ratio * np.abs(model.coef_).sum()


def violation(model, X, y, *, C, ratio, weight=None):
    """The largest entry of the least subgradient of the sum, from the definition of both parts."""
    weight = np.ones(len(y)) if weight is None else weight
    P = model.predict_proba(X)
    Y = (y[:, None] == model.classes_).astype(float)
    R = (C * weight[:, None] * (P - Y))[:, -len(model.coef_) :]
    slope = R.T @ X + (1 - ratio) * model.coef_
    held = np.sign(slope) * np.maximum(np.abs(slope) - ratio, 0)
    slope = np.where(model.coef_ != 0, slope + ratio * np.sign(model.coef_), held)
    return max(np.abs(slope).max(), np.abs(R.sum(axis=0)).max())


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize(("C", "ratio"), [(1.0, 1.0), (0.1, 0.5), (5.0, 0.9)])
def test_the_minimum_is_reached_to_the_last_digits(load, C, ratio):
    X, y = samples(load)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    model = SoftmaxRegression(C=C, l1_ratio=ratio, tol=1e-11).fit(X, y, weight)
    assert model.stop_reason_ == "converged"
    assert violation(model, X, y, C=C, ratio=ratio, weight=weight) < 1e-11 * C * weight.sum() * 1.01
    assert (model.coef_ == 0).any()


def test_it_is_no_worse_than_saga_and_has_the_same_coefficients_at_0():
    X, y = samples(load_breast_cancer)
    theirs = LogisticRegression(l1_ratio=0.5, C=0.1, solver="saga", tol=1e-8, max_iter=5000).fit(X, y)
    ours = SoftmaxRegression("elasticnet", l1_ratio=0.5, C=0.1, solver="saga", tol=1e-10).fit(X, y)
    ours_value, theirs_value = (objective(model, X, y, C=0.1, ratio=0.5) for model in (ours, theirs))
    assert ours_value <= theirs_value
    assert ours_value == pytest.approx(theirs_value, rel=1e-9)
    np.testing.assert_array_equal(ours.coef_ == 0, theirs.coef_ == 0)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


def test_a_ratio_of_0_is_the_l2_penalty_and_l1_is_a_ratio_of_1():
    X, y = samples(load_iris)
    np.testing.assert_array_equal(
        SoftmaxRegression(l1_ratio=0.0).fit(X, y).coef_, SoftmaxRegression("l2").fit(X, y).coef_
    )
    np.testing.assert_array_equal(
        SoftmaxRegression("l1").fit(X, y).coef_, SoftmaxRegression(l1_ratio=1).fit(X, y).coef_
    )


def test_a_strong_penalty_leaves_the_intercepts_alone():
    X, y = samples(load_iris)
    model = SoftmaxRegression("l1", C=1e-4, tol=1e-10).fit(X, y[:] > 0)
    assert (model.coef_ == 0).all()
    assert model.intercept_[0] == pytest.approx(np.log(2), rel=1e-9)


def test_sparse_matrices_and_no_intercept():
    sparse = pytest.importorskip("scipy.sparse")
    X, y = samples(load_iris)
    given = {"l1_ratio": 0.7, "fit_intercept": False, "tol": 1e-10}
    dense = SoftmaxRegression(**given).fit(X, y)
    thin = SoftmaxRegression(**given).fit(sparse.csr_matrix(X), y)
    np.testing.assert_allclose(thin.coef_, dense.coef_, atol=1e-9)


def test_minibatches_have_no_elastic_net():
    X, y = samples(load_iris)
    with pytest.raises(SpecificationError, match="solver 'sgd' takes the l2 penalty alone here"):
        SoftmaxRegression(l1_ratio=0.5, solver="sgd").fit(X, y)


def test_cross_validation_takes_the_penalty_of_the_best_mean_score():
    X, y = samples(load_iris)
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    model = SoftmaxRegressionCV(Cs=[1.0, 0.001, 0.05], l1_ratios=[0.0, 0.5], cv=folds, scoring="neg_log_loss").fit(X, y)
    assert model.Cs_.tolist() == [0.001, 0.05, 1.0]
    assert model.scores_.shape == (4, 2, 3)
    expected = np.empty((4, 2, 3))
    for k, (train, test) in enumerate(folds.split(X, y)):
        for i, ratio in enumerate([0.0, 0.5]):
            for j, C in enumerate(model.Cs_):
                fitted = SoftmaxRegression(C=C, l1_ratio=ratio, tol=1e-6).fit(X[train], y[train])
                expected[k, i, j] = -log_loss(y[test], fitted.predict_proba(X[test]))
    np.testing.assert_allclose(model.scores_, expected, atol=1e-3)
    i, j = np.unravel_index(model.scores_.mean(axis=0).argmax(), (2, 3))
    assert (model.C_, model.l1_ratio_) == (model.Cs_[j], [0.0, 0.5][i])
    again = SoftmaxRegression(C=model.C_, l1_ratio=model.l1_ratio_).fit(X, y)
    np.testing.assert_array_equal(model.coef_, again.coef_)
    np.testing.assert_array_equal(model.predict(X), again.predict(X))
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))


def test_of_equal_scores_the_strongest_penalty_is_taken():
    X = np.array([[-2.0], [-1.5], [-1.0], [1.0], [1.5], [2.0]] * 3)
    model = SoftmaxRegressionCV(Cs=5, cv=3).fit(X, X[:, 0] > 0)
    assert (model.scores_ == 1).all()
    assert model.C_ == 1e-4


def test_weights_count_in_fits_and_scores():
    X, y = samples(load_iris)
    weight = np.where(np.arange(150) % 3 == 0, 0.0, 1.0)
    model = SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=[(np.arange(0, 150, 2), np.arange(1, 150, 2))]).fit(X, y, weight)
    test = np.arange(1, 150, 2)
    chosen = SoftmaxRegression(C=1.0).fit(X[::2], y[::2], weight[::2])
    assert model.scores_[0, 0, 1] == pytest.approx(chosen.score(X[test], y[test], weight[test]))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Cs": 0}, "Cs is 0; expected a whole number from 1 on, or positive numbers"),
        ({"Cs": [1.0, -1.0]}, r"Cs is \[1.0, -1.0\]; expected"),
        ({"l1_ratios": []}, r"l1_ratios is \[\]; expected a list of numbers from 0 to 1"),
        ({"l1_ratios": [2.0]}, "l1_ratio is 2.0; it must be from 0 to 1"),
    ],
)
def test_grids_that_cannot_be_are_refused(given, words):
    X, y = samples(load_iris)
    with pytest.raises(SpecificationError, match=words):
        SoftmaxRegressionCV(**given).fit(X, y)


def test_before_the_fit_there_is_nothing():
    with pytest.raises(NotFittedError):
        SoftmaxRegressionCV().predict([[1.0]])
    assert not hasattr(SoftmaxRegressionCV(), "coef_")
    with pytest.raises((DataError, ValueError)):
        SoftmaxRegressionCV(cv=2).fit([[1.0], [2.0], [3.0], [4.0]], [1, 1, 1, 1])


@parametrize_with_checks([SoftmaxRegressionCV(Cs=[1.0], cv=2)])
def test_it_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)
