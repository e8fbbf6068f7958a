"""Options of the core reach it from an estimator: normalisation, averaging, activations, losses, smoothing."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from twofold import MLPClassifier, MLPRegressor, SoftmaxRegression, load_estimator, save_model
from twofold.errors import SpecificationError

X, Y = load_iris(return_X_y=True)
X = scale(X)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # a few epochs are enough

OPTIONS = [
    {"normalization": "batch"},
    {"normalization": "layer"},
    {"ema_decay": 0.9},
    {"ema_decay": 0.9, "normalization": "batch", "solver": "sgd"},
    {"label_smoothing": 0.1},
    {"dropout": 0.2},
    {"activation": ("tanh", "gelu"), "hidden_layer_sizes": (6, 5)},
    {"batch_size": 16, "learning_rate": "invscaling", "solver": "sgd"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_blocks_that_come_k_times_are_k_epochs_with_every_option(options, tmp_path):
    whole = MLPClassifier(max_iter=4, random_state=0, **options).fit(X, Y)
    parts = MLPClassifier(random_state=0, **options)
    for k in range(4):
        parts.partial_fit(X, Y, classes=[0, 1, 2])
        if k == 1:
            parts = pickle.loads(pickle.dumps(parts))  # noqa: S301 - our own bytes
        if k == 2:
            save_model(tmp_path / "model", parts)
            parts = load_estimator(tmp_path / "model")
    np.testing.assert_array_equal(whole.predict_proba(X), parts.predict_proba(X))
    plain = MLPClassifier(max_iter=4, random_state=0).fit(X, Y)
    assert not np.array_equal(whole.predict_proba(X), plain.predict_proba(X))  # the option did something


@pytest.mark.parametrize("options", [{"ema_decay": 0.9}, {"normalization": "batch"}], ids=str)
def test_the_best_epoch_is_the_model_that_was_scored(options):
    model = MLPClassifier(
        learning_rate_init=0.05, early_stopping=True, n_iter_no_change=5, max_iter=50, random_state=0, **options
    )
    model.fit(X, Y, eval_set=(X[::3], Y[::3]))
    assert model.score(X[::3], Y[::3]) == model.best_validation_score_


@pytest.mark.parametrize("loss", ["huber", "absolute_error"])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_an_outlier_moves_robust_losses_less(loss, solver):
    features, y = load_diabetes(return_X_y=True)
    features, y = scale(features), scale(y)
    spoilt = np.append(y[:-1], 300.0)
    options = {"solver": solver, "hidden_layer_sizes": (), "random_state": 0, "learning_rate_init": 0.01, "tol": 1e-6}

    def error(loss):
        model = MLPRegressor(loss, max_iter=300, **options).fit(features, spoilt)
        return np.abs(model.predict(features)[:-1] - y[:-1]).mean()

    assert error(loss) < 0.8 * error("squared_error")


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_smoothed_labels_keep_probabilities_from_the_ends(solver):
    sharp, smooth = (
        MLPClassifier(solver=solver, label_smoothing=s, learning_rate_init=0.05, alpha=0, random_state=0).fit(X, Y)
        for s in (0.0, 0.2)
    )
    assert smooth.predict_proba(X).max() < sharp.predict_proba(X).max()
    assert np.median(smooth.predict_proba(X).max(axis=1)) == pytest.approx(1 - 0.2 * 2 / 3, abs=0.05)


@pytest.mark.parametrize("options", [{"dropout": 0.1}, {"normalization": "batch"}, {"ema_decay": 0.9}], ids=str)
def test_what_only_minibatches_have_is_refused_by_lbfgs(options):
    (name,) = options
    with pytest.raises(SpecificationError, match=f"{name} is .*; solver 'lbfgs' has none, 'adam' and 'sgd' do"):
        MLPClassifier(solver="lbfgs", **options).fit(X, Y)


def test_a_solver_without_epochs_refuses_a_validation_set():
    for model in (MLPClassifier(solver="lbfgs"), SoftmaxRegression()):
        with pytest.raises(SpecificationError, match="eval_set is scored epoch by epoch; solver 'lbfgs' has no epochs"):
            model.fit(X, Y, eval_set=(X, Y))


def test_an_activation_of_each_layer_must_be_as_many():
    with pytest.raises(SpecificationError, match="activation has 2 names; the network has 1 hidden layer"):
        MLPClassifier(activation=("relu", "tanh")).fit(X, Y)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_counts_and_amounts_are_learned_in_any_unit(loss, unit):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = rng.gamma(20.0, np.exp(0.5 * X[:, 0] + 1) / 20) * unit
    words = {"hidden_layer_sizes": (16,), "max_iter": 60, "learning_rate_init": 0.01, "random_state": 0}
    model = MLPRegressor(loss=loss, n_iter_no_change=60, **words)  # tol is in the loss's unit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert model.fit(X, y).score(X, y) > 0.6


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, SoftmaxRegression])
def test_a_parameter_by_its_old_name_works_with_a_warning_that_names_the_new_one(kind):
    name = kind.__name__
    with pytest.warns(DeprecationWarning, match=rf"{name}\(averaging=...\) is called {name}\(ema_decay=...\) now"):
        model = kind(averaging=0.9)
    with pytest.warns(DeprecationWarning, match="ema_decay"):
        assert kind().set_params(averaging=0.9).get_params() == model.get_params()
    assert (model.ema_decay, "averaging" in model.get_params()) == (0.9, False)
