"""SoftmaxRegression: scikit-learn's checks, its LogisticRegression's solution, and what can't be."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import parametrize_with_checks

from twofold import SoftmaxRegression, load_estimator, save_model
from twofold.errors import DataError, SpecificationError
from twofold.solvers.softmax import SoftmaxProblem

IRIS = load_iris()

IRIS_X, IRIS_Y = load_iris(return_X_y=True)
THROUGH_THE_ORIGIN = "a weight of one class moves only planes through the origin, and the check's classes need another"
MINIBATCHES = "a repeated sample changes which samples share a minibatch, and with it the penalty's share of a step"
NO_MINIMUM = "the check's classes can be told apart, so rounding decides where L-BFGS stops on its way to infinity"


def expected(estimator):
    if not estimator.fit_intercept:
        return {"check_class_weight_classifiers": THROUGH_THE_ORIGIN}
    names = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")
    return dict.fromkeys(names, MINIBATCHES) if estimator.batch_size == 8 else {}


@parametrize_with_checks(
    [
        SoftmaxRegression(),
        SoftmaxRegression(solver="newton"),
        SoftmaxRegression(penalty=None),
        SoftmaxRegression(penalty=None, solver="newton"),
        SoftmaxRegression(fit_intercept=False),
        SoftmaxRegression(solver="adam", learning_rate_init=0.1, max_iter=50, dtype="float64"),
        SoftmaxRegression(solver="sgd", batch_size=8, max_iter=20),
    ],
    expected_failed_checks=expected,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # the checks are content with few epochs
def test_scikit_learns_checks(estimator, check):
    if estimator.penalty is None and estimator.solver != "newton" and "sample_weight_equivalence" in str(check):
        pytest.skip(NO_MINIMUM)
    check(estimator)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("intercept", [False, True])
def test_gradient_and_curvature_are_those_of_the_value(classes, intercept, weighted):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((9, 4)), rng.integers(classes, size=9)
    shares = rng.dirichlet(np.ones(9)) if weighted else None
    problem = SoftmaxProblem(X, y, classes=classes, shares=shares, penalty=0.1, fit_intercept=intercept)
    theta, V = rng.standard_normal((2, *problem.shape))
    h = 1e-6
    (up, up_gradient), (down, down_gradient) = (problem.value_and_gradient(theta + s * h * V) for s in (1, -1))
    assert np.vdot(problem.value_and_gradient(theta)[1], V) == pytest.approx((up - down) / (2 * h), rel=1e-6)
    product = problem.curvature(problem.probabilities(theta), V)
    np.testing.assert_allclose(product, (up_gradient - down_gradient) / (2 * h), atol=1e-8)


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
@pytest.mark.parametrize("load", [load_iris, load_digits, load_breast_cancer])
def test_the_minimum_is_that_of_logistic_regression(load, solver):
    X, y = load(return_X_y=True)
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
    options = {"C": 0.3, "max_iter": 5000, "class_weight": "balanced"}
    ours = SoftmaxRegression(solver=solver, tol=1e-9, **options).fit(X, y)
    peer = LogisticRegression(solver="newton-cg", tol=1e-9, **options).fit(X, y)
    assert ours.coef_.shape == peer.coef_.shape
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, peer.intercept_, atol=1e-5)
    np.testing.assert_allclose(ours.decision_function(X), peer.decision_function(X), atol=1e-4)
    assert ours.gradient_ <= 1e-9
    assert ours.n_iter_.shape == peer.n_iter_.shape


def test_badly_scaled_columns_cost_no_iterations():
    X, y = load_breast_cancer(return_X_y=True)  # columns of 1e-3 and of 1e3
    ours = SoftmaxRegression(tol=1e-6).fit(X, y)
    assert ours.n_iter_[0] < 30
    assert ours.gradient_ <= 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer = LogisticRegression(tol=1e-6, max_iter=100).fit(X, y)
    assert peer.n_iter_[0] == 100  # as far as scikit-learn's default goes, and not there yet


def test_large_problems_end_in_float64(monkeypatch):
    monkeypatch.setattr("twofold.solvers.softmax_regression.MIN_LARGE_DATA", 1)
    X, y = load_digits(return_X_y=True)
    mixed = SoftmaxRegression(tol=1e-9, max_iter=1000, C=0.01).fit(X / 16, y)
    assert mixed.gradient_ <= 1e-9
    exact = SoftmaxRegression(tol=1e-10, solver="newton", C=0.01).fit(X / 16, y)
    np.testing.assert_allclose(mixed.coef_, exact.coef_, atol=1e-6)


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
def test_sparse_features_have_the_same_minimum(solver):
    X, y = load_digits(return_X_y=True)
    dense, thin = (
        SoftmaxRegression(solver=solver, tol=1e-8, C=0.01, max_iter=1000).fit(features, y)
        for features in (X / 16, sparse.csr_matrix(X / 16))
    )
    np.testing.assert_allclose(dense.coef_, thin.coef_, atol=1e-6)


def test_more_columns_than_a_matrix_can_serve(monkeypatch):
    monkeypatch.setattr("twofold.solvers.curvature.MAX_COLUMNS", 10)
    X, y = load_digits(return_X_y=True)
    model = SoftmaxRegression(C=0.01, max_iter=1000).fit(sparse.csr_array(X), y)
    assert model.gradient_ <= 1e-4


def test_without_a_penalty_separable_classes_have_no_minimum_and_it_says_so():
    with pytest.warns(ConvergenceWarning, match="without a penalty, classes that can be told apart"):
        model = SoftmaxRegression(penalty=None, max_iter=3, tol=1e-12).fit(IRIS_X[:100], IRIS_Y[:100])
    assert model.stop_reason_ == "max_iter"


def test_a_solver_that_rounding_stops_says_so():
    with pytest.warns(ConvergenceWarning, match="Rounding hides any lower value: take a larger tol"):
        model = SoftmaxRegression(tol=0, max_iter=10_000).fit(IRIS_X, IRIS_Y)
    assert model.stop_reason_ == "stalled"
    assert model.gradient_ < 1e-8


def test_a_warm_start_begins_where_the_last_fit_ended():
    model = SoftmaxRegression(warm_start=True, tol=1e-8).fit(IRIS_X, IRIS_Y)
    first = model.coef_.copy()
    assert model.fit(IRIS_X, IRIS_Y).n_iter_[0] == 0
    np.testing.assert_array_equal(model.coef_, first)


def test_sgd_comes_near_the_minimum():
    exact = SoftmaxRegression(C=0.1).fit(IRIS_X, IRIS_Y)
    near = SoftmaxRegression(C=0.1, solver="adam", learning_rate_init=0.05, max_iter=2000, tol=1e-8, random_state=0)
    near.fit(IRIS_X, IRIS_Y)
    np.testing.assert_allclose(near.coef_, exact.coef_, atol=0.01)
    assert near.predict_proba(IRIS_X).shape == (150, 3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_callbacks_see_each_iteration_and_can_stop():
    seen = []

    def watch(model, epoch):
        seen.append((epoch.epoch, epoch.loss, model.score(IRIS_X, IRIS_Y)))
        return len(seen) == 3

    model = SoftmaxRegression(callbacks=watch).fit(IRIS_X, IRIS_Y)
    assert (model.stop_reason_, len(seen), model.n_iter_[0]) == ("callback", 3, 3)
    assert seen[0][1] > seen[2][1]


def test_an_interrupted_fit_leaves_a_usable_model_and_warns():
    def interrupt(_model, epoch):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = SoftmaxRegression(callbacks=interrupt).fit(IRIS_X, IRIS_Y)
    assert model.stop_reason_ == "interrupted"
    assert model.score(IRIS_X, IRIS_Y) > 0.5


def test_it_comes_back_from_disk(tmp_path):
    model = SoftmaxRegression().fit(IRIS_X, IRIS_Y.astype(str))
    save_model(tmp_path / "model", model)
    back = load_estimator(tmp_path / "model")
    np.testing.assert_array_equal(back.predict(IRIS_X), model.predict(IRIS_X))
    np.testing.assert_array_equal(back.n_iter_, model.n_iter_)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"penalty": "l3"}, "unknown penalty 'l3' (known: l2, l1, elasticnet)"),
        ({"l1_ratio": 1.5}, "l1_ratio is 1.5; it must be from 0 to 1"),
        ({"dual": True}, "dual is liblinear's; only False is here"),
        ({"C": 0}, "C is 0; it must be a positive number, or inf for no penalty"),
        ({"solver": "sag"}, "unknown solver 'sag'"),
        ({"solver": "sgd", "fit_intercept": False}, "fit_intercept=False goes with lbfgs and newton alone"),
        ({"ema_decay": 0.9}, "ema_decay goes with solver 'sgd' and 'adam'; 'lbfgs' has none"),
    ],
)
def test_a_parameter_that_cant_be_is_refused(options, message):
    with pytest.raises(SpecificationError) as caught:
        SoftmaxRegression(**options).fit(IRIS_X, IRIS_Y)
    assert message in str(caught.value)


def test_one_class_is_too_few():
    with pytest.raises(DataError, match="y holds one class alone, 0; at least two classes are needed"):
        SoftmaxRegression().fit(IRIS_X[:50], IRIS_Y[:50])


def hard_problem(seed):
    """Columns of very different spread, nearly constant and nearly alike, as seen from the origin."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(130, 4)) * [0.3, 1.3, 0.003, 161] + 10
    return features, (features @ rng.normal(size=(4, 4)) + 5 * rng.gumbel(size=(130, 4))).argmax(axis=1)


@pytest.mark.parametrize("tol", [1e-6, 1e-8, 1e-10])
@pytest.mark.parametrize("seed", range(3))
def test_a_smaller_tol_costs_a_few_iterations_and_no_more(seed, tol):
    features, y = hard_problem(seed)
    options = {"C": 838, "fit_intercept": False, "tol": tol}
    model = SoftmaxRegression(**options).fit(features, y)
    assert model.gradient_ <= tol
    np.testing.assert_allclose(
        model.loss_, SoftmaxRegression(solver="newton", **options).fit(features, y).loss_, rtol=1e-7
    )


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("C", [1.0, 150.0, np.inf])
def test_coefficients_sum_to_0_over_the_classes_as_at_the_minimum(solver, fit_intercept, C):
    model = SoftmaxRegression(C=C, solver=solver, fit_intercept=fit_intercept).fit(scale(IRIS.data), IRIS.target)
    assert abs(model.coef_.sum(axis=0)).max() < 1e-13 * max(1, abs(model.coef_).max())
    assert abs(model.intercept_.sum()) < 1e-13 * max(1, abs(model.intercept_).max())


def test_newton_takes_over_where_lbfgs_gets_no_further(monkeypatch):
    monkeypatch.setattr("twofold.solvers.curvature.RIDGE", 1e3)  # variables that are far from round
    features, y = hard_problem(0)
    model = SoftmaxRegression(C=838, fit_intercept=False, tol=1e-8).fit(features, y)
    assert model.stop_reason_ == "converged"
    told = []
    model.set_params(callbacks=lambda _, epoch: told.append(epoch.epoch)).fit(features, y)
    assert told == list(range(1, model.n_iter_[0] + 1))


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
@pytest.mark.parametrize("size", [1e155, 1e200, 1e300, 1e-155, 1e-300])
def test_features_of_any_size_do_without_warnings_of_the_arithmetic(size, solver):
    model = SoftmaxRegression(solver=solver)
    features = size * scale(IRIS.data)
    if size < 1:
        model.fit(features, IRIS.target)
    else:
        with pytest.warns(ConvergenceWarning, match="scale the features") as told:
            model.fit(features, IRIS.target)
        assert {item.category for item in told} == {ConvergenceWarning}
        assert model.score(features, IRIS.target) > 0.95
    assert np.isfinite(model.predict_proba(features)).all()


def test_advice_is_what_helps():
    features, y = scale(IRIS.data), IRIS.target
    with pytest.warns(ConvergenceWarning, match=r"Increase the number of iterations, max_iter \(=3\)"):
        SoftmaxRegression(max_iter=3).fit(features, y)
    with pytest.warns(ConvergenceWarning, match=r"take a larger tol, dtype='float64', or scale"):
        SoftmaxRegression(tol=1e-9, max_iter=1000).fit(features.astype(np.float32), y)
    assert (
        SoftmaxRegression(tol=1e-9, max_iter=1000, dtype="float64").fit(features.astype(np.float32), y).gradient_
        <= 1e-9
    )
