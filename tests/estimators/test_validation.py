"""Validation sets: weights of 0 in them, and what is no finite number on them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from twofold.errors import DataError, DivergedError, SpecificationError
from twofold.estimators import MLPClassifier, MLPRegressor, SoftmaxRegression, perceptron
from twofold.estimators.full_batch import minimize
from twofold.network import Layer, Network, initialize

RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 3))
Y = X @ [1.0, 2.0, 3.0]
CLASSES = (Y > 0).astype(int)


def early(kind, **options):
    hidden = {} if kind is SoftmaxRegression else {"hidden_layer_sizes": (5,)}
    return kind(**{"solver": "adam", "early_stopping": True, "tol": 1.0, "random_state": 0} | hidden | options)


@pytest.fixture
def parts(monkeypatch):
    """The rows of the last fit: to train on, and to validate on."""
    kept = []

    def spy(*args, _set_aside=perceptron.set_aside, **kwargs):
        kept[:] = _set_aside(*args, **kwargs)
        return tuple(kept)

    monkeypatch.setattr(perceptron, "set_aside", spy)
    return kept


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, SoftmaxRegression])
@pytest.mark.parametrize("part", ["train", "validation"])
def test_neither_part_is_left_without_weight(kind, part, parts):
    y = Y if kind is MLPRegressor else CLASSES
    early(kind, validation_fraction=0.3).fit(X, y)
    without = parts[part == "validation"]
    weight = np.ones(len(X))
    weight[without] = 0
    model = early(kind, validation_fraction=0.3).fit(X, y, weight)
    assert weight[parts[0]].all()
    assert weight[parts[1]].all()
    assert len(parts[0]) + len(parts[1]) == weight.sum()
    assert np.isfinite(model.validation_scores_).all()


def test_some_weights_of_zero_leave_the_parts_as_they_were(parts):
    early(MLPClassifier).fit(X, CLASSES)
    train, held = parts
    weight = np.ones(len(X))
    weight[[held[0], train[0]]] = 0
    early(MLPClassifier).fit(X, CLASSES, weight)
    np.testing.assert_array_equal(parts[0], train)
    np.testing.assert_array_equal(parts[1], held)


def test_a_single_sample_of_positive_weight_is_too_few_to_set_some_aside():
    with pytest.raises(SpecificationError, match=r"1 samples \(of positive weight\) leaves 1 to validate on and 0 to"):
        early(MLPRegressor).fit(X, Y, np.eye(len(X))[0])


@pytest.mark.parametrize("kind", [MLPClassifier, SoftmaxRegression])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_weights_that_vanish_with_those_of_the_classes_are_refused(kind, solver):
    model = early(kind, solver=solver, class_weight={0: 0, 1: 1})
    with pytest.raises(DataError, match="class_weight and sample_weight make the weight of every sample zero"):
        model.fit(X, CLASSES, 1 - CLASSES)


@pytest.mark.parametrize("loss", ["squared_error", "huber", "absolute_error"])
@pytest.mark.parametrize("scoring", [None, "loss", "neg_mean_squared_error"])
def test_a_validation_set_names_the_cause_of_outputs_that_are_not_finite(loss, scoring):
    options = {"hidden_layer_sizes": (20, 20), "solver": "sgd", "learning_rate_init": 1e10, "loss": loss}
    model = early(MLPRegressor, scoring=scoring, **options)
    words = r"diverged in epoch 1.*column \d has root mean square 1.*e\+04.*learning_rate_init=1e\+10"
    with pytest.raises(DivergedError, match=words):
        model.fit(X * 1e4, Y * 1e8)
    with pytest.raises(DivergedError, match=words):
        model.partial_fit(X * 1e4, Y * 1e8, eval_set=(X * 1e4, Y * 1e8))
    with pytest.raises(DivergedError, match=words):
        model.set_params(early_stopping=False).fit(X * 1e4, Y * 1e8, eval_set=(X * 1e4, Y * 1e8))
    assert not hasattr(model, "coefs_") or np.isfinite(model.coefs_[0]).all()


def test_a_second_fit_that_diverges_at_once_keeps_the_best_epoch_of_the_first():
    model = early(MLPRegressor, solver="sgd", warm_start=True).fit(X, Y)
    best, epochs = model.coefs_[0].copy(), len(model.loss_curve_)
    with pytest.warns(ConvergenceWarning, match="the weights of the best epoch are kept"):
        model.set_params(learning_rate_init=1e10).fit(X * 1e4, Y * 1e8)
    np.testing.assert_array_equal(model.coefs_[0], best)
    assert (model.stop_reason_, model.n_iter_) == ("diverged", 1)
    assert len(model.validation_scores_) == epochs + 1
    assert np.isnan(model.validation_scores_[-1])


def test_a_validation_set_too_large_for_float32_is_scored_in_float64():
    model = early(MLPRegressor).fit(X, Y, eval_set=(X * 1e38, Y))
    assert np.isfinite(model.history_[0].validation_loss)


def test_weights_too_large_for_the_type_of_x_keep_the_type_of_the_fit():
    model = MLPRegressor(hidden_layer_sizes=(5,), learning_rate_init=1e50, random_state=0)
    model.partial_fit(X.astype(np.float32), Y * 1e60)
    assert np.isfinite(model.coefs_[0]).all()
    assert np.isfinite(model.predict(X)).all()


def test_an_optimizers_memory_that_overflows_does_not_cost_the_fit():
    model = early(MLPClassifier).fit(X * 1e200, CLASSES)
    assert np.isfinite(model.coefs_[0]).all()
    model.partial_fit(X * 1e200, CLASSES, eval_set=(X, CLASSES))
    model.to_model()


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_lbfgs_names_the_cause_of_a_loss_that_is_not_finite(kind):
    model = kind(solver="lbfgs", hidden_layer_sizes=(5,), random_state=0)
    with pytest.raises(DivergedError, match="unscaled features, column 0 has root mean square"):
        model.fit(X * 1e200, Y if kind is MLPRegressor else CLASSES)


def test_lbfgs_advises_what_helps():
    model = MLPRegressor(solver="lbfgs", hidden_layer_sizes=(5,), random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"increase max_iter \(=3\)"):
        assert model.set_params(max_iter=3).fit(X, Y).stop_reason_ == "max_iter"


def test_lbfgs_that_finds_nothing_lower_does_not_ask_for_more_iterations():
    network = Network((1, 1), loss="squared")

    def uphill(parameters):
        return float(parameters[0].W.sum()), (Layer(np.full((1, 1), -1.0), np.zeros(1)),)

    start = initialize(network, initialization="zeros")
    with pytest.warns(ConvergenceWarning, match="take a larger tol: rounding hides any lower value"):
        found = minimize(network, start, uphill, max_iter=9, max_fun=99, tol=0.0, report=lambda *_: False)
    assert found.reason == "stalled"
