"""L-BFGS over all samples: its value and gradient belong together, and it goes scikit-learn's way where that is right."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn import neural_network as theirs
from sklearn.datasets import load_digits, make_regression
from sklearn.exceptions import ConvergenceWarning

from twofold import Network, initialize
from twofold.estimators import MLPClassifier, MLPRegressor
from twofold.estimators.full_batch import flatten, unflatten, value_and_gradient


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("loss", "outputs"),
    [("squared", 3), ("cross_entropy", 3), ("sigmoid_cross_entropy", 1), ("sigmoid_cross_entropy", 3)],
)
def test_the_gradient_is_that_of_the_value(loss, outputs, weighted):
    rng = np.random.default_rng(0)
    network = Network((4, 5, outputs), activation="tanh", loss=loss)
    X = rng.standard_normal((7, 4))
    y = rng.integers(outputs, size=7) if loss == "cross_entropy" else rng.integers(2, size=(7, outputs)).astype(float)
    weight = rng.uniform(0, 2, 7) if weighted else None
    parameters = initialize(network, initialization="xavier")
    theta = flatten(parameters)
    _, gradient = value_and_gradient(network, parameters, X, y, weight=weight, penalty=0.3)

    def value(theta):
        return value_and_gradient(network, unflatten(network, theta), X, y, weight=weight, penalty=0.3)[0]

    h = 1e-6
    steps = h * np.eye(len(theta))
    differences = np.array([(value(theta + e) - value(theta - e)) / (2 * h) for e in steps])
    np.testing.assert_allclose(flatten(gradient), differences, atol=1e-8)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # a few iterations are compared
@pytest.mark.parametrize("activation", ["relu", "logistic"])
def test_lbfgs_goes_the_way_of_scikit_learns(activation):
    X, y = load_digits(return_X_y=True)
    options = {
        "solver": "lbfgs",
        "max_iter": 5,
        "random_state": 3,
        "activation": activation,
        "hidden_layer_sizes": (8,),
    }
    for labels in (y, y > 4):
        ours = MLPClassifier(**options).fit(X / 16, labels)
        peer = theirs.MLPClassifier(**options).fit(X / 16, labels)
        for W, W_peer in zip(ours.coefs_ + ours.intercepts_, peer.coefs_ + peer.intercepts_, strict=True):
            np.testing.assert_allclose(W, W_peer, rtol=1e-6, atol=1e-8)
        assert ours.loss_ == pytest.approx(peer.loss_, rel=1e-9)


def test_with_several_outputs_the_minimum_is_no_worse_than_scikit_learns():
    X, Y = make_regression(200, 5, n_targets=4, noise=1.0, random_state=0)
    Y /= Y.std(axis=0)
    options = {
        "solver": "lbfgs",
        "hidden_layer_sizes": (6,),
        "random_state": 0,
        "max_iter": 2000,
        "alpha": 1.0,
        "tol": 1e-6,
    }
    losses = []
    for kind in (MLPRegressor, theirs.MLPRegressor):
        with warnings.catch_warnings():
            if kind is theirs.MLPRegressor:  # its line search is led astray, and says so
                warnings.simplefilter("ignore", ConvergenceWarning)
            model = kind(activation="tanh", **options).fit(X, Y)
        penalty = sum(np.sum(np.square(W)) for W in model.coefs_) / (2 * len(X))
        losses.append(np.square(model.predict(X) - Y).sum(axis=1).mean() / 2 + penalty)
    assert losses[0] <= losses[1] * 1.001


def test_a_run_that_is_cut_short_warns_and_says_so():
    X, y = load_digits(return_X_y=True)
    with pytest.warns(match="lbfgs failed to converge after 2 iteration"):
        model = MLPClassifier(solver="lbfgs", max_iter=2, random_state=0).fit(X, y)
    assert (model.n_iter_, model.stop_reason_) == (2, "max_iter")


def test_it_keeps_to_its_time():
    X, y = load_digits(return_X_y=True)
    model = MLPClassifier(solver="lbfgs", time_budget=1e-6, random_state=0).fit(X, y)
    assert (model.n_iter_, model.stop_reason_) == (1, "time_budget")
