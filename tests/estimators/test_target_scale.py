"""Targets whose scale is far from 1: scaled by a parameter, or warned of; a table's linear regression takes no time."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor as Theirs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from twofold import LinearRegression, MLPRegressor, TableEncoder, load_estimator, load_model, save_model
from twofold.errors import DivergedError, FileFormatError, SpecificationError
from twofold.estimators.target_scale import TargetScaleWarning
from twofold.saving import Model

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
Y = 2e5 + 1e5 * (X[:, 0] + np.sin(2 * X[:, 1]))
FAST = {"hidden_layer_sizes": (20,), "max_iter": 40, "batch_size": 30, "learning_rate_init": 0.01, "random_state": 0}


def quiet(model, *data, **words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*data, **words)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_scikit_learn_s_way_stays_and_the_cause_is_named():
    warned = r"no better than always predicting the mean .* mean 1.84e\+05 .* 1.24e\+05, .*; set scale_target=True"
    with pytest.warns(TargetScaleWarning, match=warned):
        ours = MLPRegressor(**FAST).fit(X, Y)
    assert ours.score(X, Y) < 0
    assert quiet(Theirs(**FAST), X, Y).score(X, Y) < 0


def test_a_scaled_target_is_predicted_in_its_own_units():
    model = quiet(MLPRegressor(**FAST, scale_target=True), X, Y)
    assert model.score(X, Y) > 0.9
    np.testing.assert_allclose([model.target_mean_, model.target_scale_], [[Y.mean()], [Y.std()]])
    wrapped = TransformedTargetRegressor(MLPRegressor(**FAST), transformer=StandardScaler())
    np.testing.assert_allclose(model.predict(X), quiet(wrapped, X, Y).predict(X), rtol=1e-5)
    assert model.loss_ < 1


@pytest.mark.parametrize(
    "words", [{}, {"solver": "lbfgs"}, {"early_stopping": True}, {"loss": "absolute_error"}, {"loss": "huber"}], ids=str
)
def test_every_way_to_fit_takes_it(words):
    model = quiet(MLPRegressor(**{**FAST, **words}, scale_target=True), X, Y)
    assert model.score(X, Y) > 0.7
    if words.get("early_stopping"):
        assert model.best_validation_score_ > 0.7
    both = quiet(clone(model), X, np.stack([Y, -Y / 1e9], axis=1))
    assert both.predict(X).shape == (300, 2)
    assert both.score(X, np.stack([Y, -Y / 1e9], axis=1)) > 0.7


def test_blocks_keep_the_scale_of_the_first_and_a_new_fit_has_its_own():
    model = MLPRegressor(**FAST, scale_target=True).partial_fit(X[:100], Y[:100])
    mean = model.target_mean_
    for _ in range(60):
        model.partial_fit(X, Y)
    assert model.target_mean_ is mean
    assert model.score(X, Y) > 0.8
    quiet(model, X, Y)
    assert model.target_mean_ == Y.mean()
    quiet(model.set_params(scale_target=False), X, Y / 1e5)
    assert not hasattr(model, "target_mean_")
    warm = quiet(MLPRegressor(**FAST, scale_target=True, warm_start=True), X, Y)
    assert quiet(warm, X[:50], Y[:50]).target_mean_ == Y.mean()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_in_the_file_for_models_and_estimators(tmp_path, dtype):
    model = quiet(MLPRegressor(**FAST, scale_target=True), X.astype(dtype), Y)
    assert model.predict(X.astype(dtype)).dtype == dtype
    save_model(tmp_path / "m", model)
    again = load_estimator(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(X.astype(dtype)), model.predict(X.astype(dtype)))
    again.partial_fit(X, Y)
    plain = load_model(tmp_path / "m")
    np.testing.assert_allclose(plain.predict(X.astype(dtype))[:, 0], model.predict(X.astype(dtype)), rtol=1e-5)


def test_a_file_that_lacks_the_scale_is_refused(tmp_path):
    own = quiet(MLPRegressor(**FAST, scale_target=True), X, Y).to_model()
    fields = {name: getattr(own, name) for name in ("network", "parameters", "estimator", "arrays", "history")}
    save_model(tmp_path / "m", Model(**fields))
    with pytest.raises(FileFormatError, match="scale_target says otherwise than the model's scaling"):
        load_estimator(tmp_path / "m")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Y, {"scale_target": True}),  # scaled
        ((Y - 2e5) / 1e5, {"max_iter": 1, "learning_rate_init": 1e-6}),  # learned nothing, but not for its scale
        (Y / 1e4, {"max_iter": 200}),  # far from 1, and learned even so
        (np.full(300, 5.0), {}),  # no scale
    ],
    ids=["scaled", "near 1", "learned", "constant"],
)
def test_no_warning_where_the_scale_is_not_the_cause(target, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("error", TargetScaleWarning)
        MLPRegressor(**{**FAST, **words}).fit(X, target)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("target", [1e-4 * X[:, 0], 1000 + X[:, 0], np.stack([X[:, 0], 1000 + X[:, 0]], axis=1)])
def test_small_targets_and_large_means_are_warned_of_too(target):
    with pytest.warns(TargetScaleWarning, match="set scale_target=True"):
        MLPRegressor(**{**FAST, "max_iter": 3}).fit(X, target)


def test_losses_that_take_the_logarithm_refuse_it():
    with pytest.raises(SpecificationError, match="loss 'poisson' takes the target's logarithm"):
        MLPRegressor("poisson", scale_target=True).fit(X, Y)


def test_a_fit_that_diverges_for_its_target_names_the_remedy():
    with pytest.raises(DivergedError, match=r"unscaled targets.*; set scale_target=True"):
        MLPRegressor(solver="sgd", learning_rate_init=1.0, max_iter=5).fit(X, 1e3 * Y)


def test_linear_regression_of_an_encoded_table_takes_less_than_a_second():
    """Of 16,512 rows, with categories whose features depend on each other: 0.05 s when it was written."""
    n = 16_512
    table = {f"x{k}": RNG.normal(size=n) for k in range(8)} | {"zone": RNG.choice(list("abcde"), n).tolist()}
    y = 1e5 * table["x0"] + 2e5
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(TableEncoder(), LinearRegression()).fit(table, y)
    assert time.process_time() - began < 1  # of all threads: those that wait for each other count too
    assert model.score(table, y) > 0.999
