"""Networks trained on parts of the rows, and what is known of the rows that they did not see."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from twofold.baselines.cross_fit import Training, assign_folds, cross_fit, probability_scale
from twofold.baselines.linear_models import fit_linear
from twofold.data import Samples
from twofold.engines import open_engine
from twofold.network import Network
from twofold.recipe import Recipe

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)).astype(np.float32)
NUMBERS = (X @ [1.0, -2.0, 0.5, 0.0] + 0.3 * RNG.normal(size=120))[:, None]
CLASSES = (NUMBERS[:, 0] > 0).astype(np.int64) + (NUMBERS[:, 0] > 2)


def fitted(y, *, outputs, loss, forks=False):
    network = Network((4, 8, outputs), "silu", loss)
    recipe = Recipe(epochs=12, batch_size=16, learning_rate=0.01, optimizer="adam")
    training = Training(
        network=network,
        recipe=recipe,
        open_engine=lambda seed: open_engine("scratch", network, seed=seed, initialization="he"),
        plain=np.array([True, True, True, False]),
        forks=forks,
    )
    return cross_fit(Samples(X, y), training, 3)


@pytest.fixture(scope="module")
def of_numbers():
    return fitted(NUMBERS, outputs=1, loss="squared")


@pytest.fixture(scope="module")
def of_classes():
    return fitted(CLASSES, outputs=3, loss="cross_entropy")


def test_the_merged_network_predicts_better_than_the_mean(of_numbers):
    O = open_engine("scratch", of_numbers.network, parameters=of_numbers.parameters).outputs(X)
    assert ((O - NUMBERS) ** 2).mean() < 0.3 * NUMBERS.var()
    assert len(of_numbers.epochs) == 3


def test_rows_left_out_are_predicted_no_better_by_one_model_alone(of_numbers):
    both = ((of_numbers.outputs - NUMBERS) ** 2).mean()
    assert both <= ((of_numbers.linear_outputs - NUMBERS) ** 2).mean() + 1e-9
    assert min(of_numbers.weights) >= 0


def test_the_linear_model_leaves_out_the_features_it_should(of_numbers):
    W, _ = of_numbers.linear
    assert W[3, 0] == 0
    assert (W[:3, 0] != 0).all()


def test_outputs_of_classes_are_as_sure_as_they_are_right(of_classes):
    assert probability_scale(of_classes.outputs, CLASSES) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("forks", [False, True])
def test_the_same_seed_gives_the_same_model(of_numbers, monkeypatch, forks):
    if forks:
        monkeypatch.setattr("twofold.side_by_side.usable_cores", lambda: 2)
        monkeypatch.delitem(sys.modules, "torch", raising=False)
    again = fitted(NUMBERS, outputs=1, loss="squared", forks=forks)
    assert again.histories[1][-1].loss == of_numbers.histories[1][-1].loss
    assert all((a.W == b.W).all() for a, b in zip(of_numbers.parameters, again.parameters, strict=True))


def test_folds_hold_each_class_evenly():
    fold = assign_folds(CLASSES, 4, seed=3)
    counts = np.array([np.bincount(fold[k == CLASSES], minlength=4) for k in range(3)])
    assert (np.ptp(counts, axis=1) <= 1).all()


@pytest.mark.parametrize("penalty", [1.0, 100.0])
def test_the_linear_models_are_ridge_and_softmax_regression(penalty):
    """scikit-learn minimises the same sums: squares + penalty |W|^2, and losses + |W|^2 / (2 C), C = 1 / penalty."""
    [(W, b)] = fit_linear(X.astype(np.float64), NUMBERS, penalties=[penalty])
    theirs = Ridge(alpha=penalty).fit(X.astype(np.float64), NUMBERS)
    np.testing.assert_allclose(W[:, 0], np.ravel(theirs.coef_), rtol=1e-8)
    np.testing.assert_allclose(b, theirs.intercept_, rtol=1e-8)
    [(W, b)] = fit_linear(X.astype(np.float64), CLASSES, classes=3, penalties=[penalty])
    theirs = LogisticRegression(C=1 / penalty, tol=1e-8, max_iter=1000).fit(X.astype(np.float64), CLASSES)
    np.testing.assert_allclose(W, theirs.coef_.T, atol=5e-3)
