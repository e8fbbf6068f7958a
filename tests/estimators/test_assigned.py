"""Coefficients that are assigned by hand, as federated averaging does, are the model's."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression as Peer
from sklearn.linear_model import LogisticRegression as PeerOfClasses

from twofold import load_estimator, load_model, save_model
from twofold.errors import DataError, SpecificationError
from twofold.estimators import LinearRegression, MLPClassifier, MLPRegressor, SoftmaxRegression
from twofold.solvers import polynomial_features

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2))
Y = X @ [1.0, -2.0] + 3 + RNG.normal(size=60) / 10
CLASSES = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
PAIR = np.where(X[:, 1] > 0, "no", "yes")


def assign_and(use, values, model, *args):
    """Set attributes, then use the model."""
    for name, value in values.items():
        setattr(model, name, value)
    return use(*args)


def saved(estimator, folder):
    """Return the estimator and the model that are read back."""
    path = save_model(folder / "model", estimator) and folder / "model.safetensors"
    path = path if path.exists() else folder / "model"
    return load_estimator(path), load_model(path)


def test_linear_regression_predicts_by_what_is_assigned(tmp_path):
    model, peer = LinearRegression().fit(X, Y), Peer().fit(X, Y)
    for one in (model, peer):
        one.coef_, one.intercept_ = np.array([1.0, 2.0]), 5.0
    np.testing.assert_array_equal(model.predict(X), peer.predict(X))
    assert model.score(X, Y) == peer.score(X, Y)
    back, kept = saved(model, tmp_path)
    np.testing.assert_array_equal(back.predict(X), peer.predict(X))
    np.testing.assert_array_equal(kept.predict(X)[:, 0], peer.predict(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), peer.predict(X))  # noqa: S301
    pair = polynomial_features(X[:, 0], 2)
    np.testing.assert_allclose(model.predict(pair), pair.high @ [1.0, 2.0] + 5)


def test_linear_regression_counts_what_is_written_into_its_arrays():
    model = LinearRegression().fit(X, np.c_[Y, -Y])
    model.coef_[:] = 0
    model.intercept_[:] = [5, 6]
    np.testing.assert_array_equal(model.predict(X[:2]), [[5, 6], [5, 6]])
    with pytest.raises(AttributeError, match="assigned after the fit"):
        _ = model.solution_
    model.coef_[0, 0] = np.nan
    with pytest.raises(DataError, match=r"coef_ holds nan at \[0, 0\]"):
        model.predict(X)


def test_statistics_of_a_fit_are_not_those_of_assigned_coefficients(tmp_path):
    model = LinearRegression().fit(X, Y)
    own = model.coef_.copy()
    model.coef_ = [0.0, 0.0]
    for ask in (
        model.summary,
        lambda: model.predict_interval(X),
        lambda: model.influence(X, Y),
        lambda: model.summary(X, Y, robust="HC1"),
    ):
        with pytest.raises(SpecificationError, match=r"assigned after the fit.*fit anew"):
            ask()
    for name in ("solution_", "digits_", "rank_", "singular_", "condition_", "penalty_"):
        assert not hasattr(model, name)
    assert not hasattr(saved(model, tmp_path)[0], "solution_")
    model.coef_ = own
    assert model.summary().coefficients[1].value == own[0]


def test_a_merge_does_not_overwrite_assigned_coefficients():
    model, other = LinearRegression(), LinearRegression().partial_fit(X, Y)
    model.coef_, model.intercept_ = [1.0, 2.0], 3.0
    with pytest.raises(DataError, match="no moments to merge into"):
        model.merge(other)


def test_linear_regression_needs_no_fit(tmp_path):
    model = LinearRegression()
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(AttributeError, match="no coef_ yet"):
        _ = model.coef_
    model.coef_ = [[1, 2]]
    model.intercept_ = [5]
    np.testing.assert_array_equal(model.predict(X), X @ [[1], [2]] + 5)
    back, _ = saved(model, tmp_path)
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    through = LinearRegression(fit_intercept=False)
    through.coef_ = np.array([1.0, 2.0])
    np.testing.assert_array_equal(through.predict(X), X @ [1, 2])
    with pytest.raises(SpecificationError, match="no fit has found"):
        through.summary()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("coef_", [np.nan, 1.0], r"coef_ holds nan at \[0\]"),
        ("coef_", ["x", "y"], "coef_ is no array of numbers"),
        ("coef_", [1j, 2j], "coef_ is no array of numbers"),
        ("coef_", 5.0, r"coef_ has shape \(\); expected an array of 1 or 2 dimension"),
        ("coef_", [1.0, 2.0, 3.0], r"coef_ has shape \(3,\); n_features_in_ is 2"),
        ("intercept_", np.inf, "intercept_ holds inf"),
        ("intercept_", [1.0, 2.0], r"intercept_ has shape \(2,\); coef_ has shape \(2,\)"),
        ("intercept_", [[1.0]], r"intercept_ has shape \(1, 1\)"),
    ],
)
def test_what_can_not_be_coefficients_is_refused(name, value, words):
    model = LinearRegression().fit(X, Y)
    with pytest.raises(DataError, match=words):
        assign_and(model.predict, {name: value}, model, X)


@pytest.mark.parametrize("y", [CLASSES, PAIR])
@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_softmax_regression_predicts_by_what_is_assigned(y, solver, tmp_path):
    model, peer = SoftmaxRegression(solver=solver, max_iter=500, tol=1e-3).fit(X, y), PeerOfClasses().fit(X, y)
    coef, intercept = RNG.normal(size=peer.coef_.shape), RNG.normal(size=peer.intercept_.shape)
    for one in (model, peer):
        one.coef_, one.intercept_ = coef, intercept
    back, kept = saved(model, tmp_path)
    for one in (model, back, pickle.loads(pickle.dumps(model))):  # noqa: S301
        np.testing.assert_array_equal(one.predict(X), peer.predict(X))
        np.testing.assert_allclose(one.predict_proba(X), peer.predict_proba(X), rtol=1e-12)
    np.testing.assert_array_equal(kept.predict(X), peer.predict(X))
    assert not hasattr(model, "gradient_")
    assert not hasattr(back, "loss_")
    model.coef_[:] = 0
    np.testing.assert_allclose(
        model.decision_function(X), np.tile(np.squeeze(intercept), (60,) + (1,) * (y is CLASSES))
    )


@pytest.mark.parametrize("y", [CLASSES, PAIR])
def test_softmax_regression_needs_no_fit(y, tmp_path):
    fitted = SoftmaxRegression().fit(X, y)
    model = SoftmaxRegression(warm_start=True)
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.classes_, model.coef_ = np.unique(y), fitted.coef_
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.intercept_, model.n_features_in_ = fitted.intercept_, 2
    np.testing.assert_array_equal(model.predict(X), fitted.predict(X))
    np.testing.assert_array_equal(saved(model, tmp_path)[0].predict(X), fitted.predict(X))
    assert model.fit(X, y).n_iter_[0] == 0  # it goes on from there, and that is the minimum


def test_softmax_regression_goes_on_from_assigned_coefficients_block_by_block():
    model, anew = (SoftmaxRegression(solver="sgd", random_state=0) for _ in range(2))
    model.partial_fit(X, CLASSES, classes=np.unique(CLASSES))
    model.coef_, model.intercept_ = np.full((3, 2), 100.0), np.zeros(3)
    model.partial_fit(X, CLASSES)
    assert abs(model.coef_ - 100).max() < 1
    anew.classes_, anew.coef_, anew.intercept_ = np.unique(CLASSES), np.full((3, 2), 100.0), np.zeros(3)
    anew.partial_fit(X, CLASSES)
    assert abs(anew.coef_ - 100).max() < 1


def test_an_average_over_steps_goes_on_from_assigned_coefficients():
    model = MLPRegressor(hidden_layer_sizes=(3,), ema_decay=0.9, random_state=0).partial_fit(X, Y)
    kept = copy.deepcopy(model)
    model.coefs_ = [np.full((2, 3), 100.0), np.full((3, 1), 100.0)]
    assert min(W.min() for W in model.partial_fit(X, Y).coefs_) > 90
    kept.coefs_ = [W.copy() for W in kept.coefs_]
    again = MLPRegressor(hidden_layer_sizes=(3,), ema_decay=0.9, random_state=0).partial_fit(X, Y).partial_fit(X, Y)
    np.testing.assert_array_equal(kept.partial_fit(X, Y).coefs_[0], again.coefs_[0])


@pytest.mark.parametrize(
    ("assign", "words"),
    [
        ({"coef_": np.zeros((2, 2))}, r"coef_ has shape \(2, 2\).*with 3 classes expected \(3, 2\) and \(3,\)"),
        ({"intercept_": np.zeros(2)}, r"intercept_ \(2,\).*with 3 classes expected"),
        ({"coef_": np.zeros((3, 3))}, "coef_ has shape"),
        ({"classes_": np.array(["a", "b"])}, r"with 2 classes expected \(1, 2\)"),
        ({"coef_": np.full((3, 2), np.inf)}, "coef_ holds inf"),
        ({"coef_": np.zeros(2)}, "coef_ has shape"),
    ],
)
def test_shapes_of_assigned_coefficients_are_those_of_the_classes(assign, words):
    model = SoftmaxRegression().fit(X, CLASSES)
    with pytest.raises(DataError, match=words):
        assign_and(model.predict, assign, model, X)
    with pytest.raises(DataError, match=words):
        assign_and(model.to_model, assign, model)


def test_assigned_classes_count():
    model = SoftmaxRegression().fit(X, CLASSES)
    before = model.predict(X)
    model.classes_ = ["x", "y", "z"]
    np.testing.assert_array_equal(model.predict(X), np.char.translate(before, str.maketrans("abc", "xyz")))


@pytest.mark.parametrize("make", [MLPRegressor, MLPClassifier])
def test_a_perceptron_predicts_by_what_is_assigned(make, tmp_path):
    y = Y if make is MLPRegressor else CLASSES
    model, other = (make(hidden_layer_sizes=(4,), max_iter=20, tol=1.0, random_state=seed).fit(X, y) for seed in (0, 1))
    model.coefs_, model.intercepts_ = other.coefs_, [b.tolist() for b in other.intercepts_]
    np.testing.assert_array_equal(model.predict(X), other.predict(X))
    back, kept = saved(model, tmp_path)
    np.testing.assert_array_equal(back.predict(X), other.predict(X))
    np.testing.assert_array_equal(np.ravel(kept.predict(X)), other.predict(X))
    model.coefs_[-1] = np.zeros_like(model.coefs_[-1])
    assert len(np.unique(model.predict(X))) == 1
    bare = make(hidden_layer_sizes=(4,))
    bare.coefs_, bare.intercepts_ = other.coefs_, other.intercepts_
    if make is MLPClassifier:
        bare.classes_ = other.classes_
    np.testing.assert_array_equal(bare.predict(X), other.predict(X))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda m: setattr(m, "coefs_", [np.zeros((2, 3)), np.zeros((3, 1))]),
            r"coefs_ have shapes \[\(2, 3\), \(3, 1\)\]",
        ),
        (
            lambda m: setattr(m, "coefs_", m.coefs_[:1]),
            r"coefs_ have shapes \[\(2, 4\)\], intercepts_ \[\(4,\), \(1,\)\]; expected",
        ),
        (lambda m: setattr(m, "coefs_", 5), "coefs_ is 5; expected an array of each layer"),
        (lambda m: setattr(m, "coefs_", [np.full((2, 4), np.nan), m.coefs_[1]]), r"coefs_\[0\] holds nan"),
        (lambda m: setattr(m, "intercepts_", [["x"] * 4, [0.0]]), r"intercepts_\[0\] is no array of numbers"),
        (lambda m: m.coefs_[1].fill(np.nan), r"coefs_\[1\] holds nan"),
        (lambda m: m.coefs_.pop(), "of 2 layer"),
    ],
)
def test_what_can_not_be_a_perceptrons_weights_is_refused(change, words):
    model = MLPRegressor(hidden_layer_sizes=(4,)).partial_fit(X, Y)
    with pytest.raises(DataError, match=words):
        (change(model), model.predict(X))


def test_sparse_coefficients_predict_the_same():
    model = SoftmaxRegression().fit(X, CLASSES)
    before = model.predict_proba(X)
    thin = copy.deepcopy(model).sparsify()
    assert sparse.issparse(thin.coef_)
    np.testing.assert_array_equal(thin.predict_proba(X), before)
    np.testing.assert_allclose(thin.predict_proba(sparse.csr_matrix(X)), before, rtol=1e-14)
    np.testing.assert_array_equal(thin.to_model().probabilities(X), before)
    assert isinstance(thin.densify().coef_, np.ndarray)
    thin.coef_ = sparse.csr_matrix(model.coef_)
    np.testing.assert_array_equal(thin.predict_proba(X), before)
    with pytest.raises(NotFittedError):
        SoftmaxRegression().sparsify()
