"""Intervals of predicted numbers."""

from __future__ import annotations

import numpy as np
import pytest

from twofold.baselines.cross_fit import Training, cross_fit
from twofold.data import Samples
from twofold.data.scaling import Scaling
from twofold.engines import open_engine
from twofold.errors import DataError, SpecificationError
from twofold.network import Network, initialize
from twofold.recipe import Recipe
from twofold.saving import Model, load_model, save_model
from twofold.saving.intervals import ERRORS, keep_errors, predict_interval


def draw(rng, n):
    """Numbers with an error that is not normal, and whose size depends on x."""
    X = rng.normal(size=(n, 3))
    y = X @ [1.0, -1.0, 0.5] + np.tanh(X[:, 0]) + rng.exponential(size=n) * (1 + np.abs(X[:, 1]))
    return X.astype(np.float32), y[:, None]


def fitted(seed, n=150):
    X, y = draw(np.random.default_rng(seed), n)
    network = Network((3, 6, 1), "silu", "squared")
    recipe = Recipe(epochs=6, batch_size=16, learning_rate=0.02, optimizer="adam", seed=seed)
    training = Training(
        network=network,
        recipe=recipe,
        open_engine=lambda seed: open_engine("scratch", network, seed=seed, initialization="he"),
        plain=np.ones(3, bool),
    )
    fit = cross_fit(Samples(X, y), training, 3)
    model = Model(network=fit.network, parameters=fit.parameters, encoder={})
    return keep_errors(model, fit.outputs, y)


def test_intervals_hold_as_often_as_they_say():
    """Over 15 training sets of 150 rows and 400 new rows each: the mean coverage, give or take what the rows decide."""
    levels, covered = (0.8, 0.9, 0.95), np.zeros(3)
    for seed in range(15):
        model = fitted(seed)
        X, y = draw(np.random.default_rng(1000 + seed), 400)
        for place, level in enumerate(levels):
            low, high = predict_interval(model, X, level)
            covered[place] += ((low <= y[:, 0]) & (y[:, 0] <= high)).mean() / 15
    np.testing.assert_allclose(covered, levels, atol=0.03)


def with_errors(errors, **scaling):
    network = Network((2, 1), loss="squared")
    own = Scaling(np.zeros(2), np.ones(2), np.array([1.0]), np.array([2.0]), **scaling)
    errors = np.asarray(errors, float)
    return Model(network=network, parameters=initialize(network), scaling=own, arrays={ERRORS: errors})


def test_an_interval_is_in_the_targets_own_units_and_not_kept_within_the_range():
    model = with_errors([0.5] * 9, target_low=np.array([0.9]), target_high=np.array([1.1]))
    low, high = predict_interval(model, np.zeros((3, 2)), 0.9)
    np.testing.assert_allclose(low, 1 - 2 * 0.5, atol=0.1)
    np.testing.assert_allclose(high, 1 + 2 * 0.5, atol=0.1)


def test_of_a_bent_target_an_interval_is_bent_too_and_not_below_0():
    low, high = predict_interval(with_errors([1.0] * 9, target_bend=np.array([1e-3])), np.zeros((1, 2)), 0.9)
    np.testing.assert_allclose([low[0], high[0]], [0, 1e-3 * np.sinh(1 + 2 * 1.0)], rtol=1e-9)


def test_the_rank_is_that_of_conformal_prediction():
    """Of 9 errors the 90 % take the ceil(10 * 0.9) = 9th, the 50 % the 5th."""
    model = with_errors(np.arange(1.0, 10.0))
    for level, error in ((0.9, 9), (0.5, 5)):
        low, high = predict_interval(model, np.zeros((1, 2)), level)
        assert (high - low)[0] == pytest.approx(2 * 2 * error)


def test_the_errors_come_back_with_the_model_file(tmp_path):
    model = with_errors(np.arange(1.0, 30.0))
    save_model(tmp_path / "m.safetensors", model)
    again = load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(predict_interval(again, np.ones((2, 2))), predict_interval(model, np.ones((2, 2))))


def test_many_errors_are_kept_as_quantiles():
    rng = np.random.default_rng(0)
    errors = rng.exponential(size=20_000)
    model = keep_errors(with_errors([1.0]), errors[:, None], np.zeros((20_000, 1)))
    assert len(model.arrays[ERRORS]) == 2000
    low, high = predict_interval(model, np.zeros((1, 2)), 0.9)
    assert (high - low)[0] / 4 == pytest.approx(np.quantile(errors, 0.9), rel=0.01)


def test_too_few_errors_for_a_level_are_told():
    with pytest.raises(
        DataError, match=r"9 rows left out of training are too few for intervals of 0\.95; the most is 0\.9"
    ):
        predict_interval(with_errors([1.0] * 9), np.zeros((1, 2)), 0.95)


@pytest.mark.parametrize("level", [0, 1, 90])
def test_a_level_out_of_range_is_refused(level):
    with pytest.raises(SpecificationError, match=r"more than 0 and less than 1, such as 0\.9"):
        predict_interval(with_errors([1.0] * 9), np.zeros((1, 2)), level)


def test_a_model_without_errors_says_what_to_do():
    network = Network((2, 1), loss="squared")
    model = Model(network=network, parameters=initialize(network))
    with pytest.raises(SpecificationError, match="twofold train mlp FILE"):
        predict_interval(model, np.zeros((1, 2)))
