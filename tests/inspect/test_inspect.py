"""Gradient checks, lockstep, collapse: they find what is wrong, and pass what is right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers import every_one, random_dataset
from twofold import Network, Recipe, check_gradients, collapse, compare_engines, initialize, open_engine, train
from twofold.errors import DataError, SpecificationError
from twofold.functions import ACTIVATIONS, LOSSES, NORMALIZATIONS
from twofold.inspect.collapse import fold_normalization

DEEP = Network((4, 6, 5, 3), activation="identity")


@pytest.mark.parametrize(("activation", "loss"), every_one(ACTIVATIONS, LOSSES))
def test_every_gradient_passes_by_hand_by_autograd_and_by_differences(activation, loss):
    report = check_gradients(Network((3, 5, 4, 3), activation, loss))
    assert report.passed, str(report)
    assert len(report.checks) == 1 + Network((3, 5, 4, 3)).n_parameters
    assert report.checks[1].where == "W1[0, 0]"
    assert report.checks[-1].where == "b3[2]"


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activations", ["silu", ("relu", "tanh")])
def test_gradients_of_normalised_networks_pass(activations, normalization):
    network = Network((3, 5, 4, 3), activations, normalization=normalization)
    report = check_gradients(network)
    assert report.passed, str(report)
    assert "gamma2[3]" in [check.where for check in report.checks]


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_normalisation_taken_for_constant_fails(normalization, monkeypatch):
    kind = type(NORMALIZATIONS[normalization])
    monkeypatch.setattr(kind, "backward", lambda _, dZ_hat, kept: dZ_hat * kept.scale)
    assert not check_gradients(Network((3, 5, 3), "tanh", normalization=normalization)).passed


def test_a_planted_wrong_derivative_of_an_activation_fails(monkeypatch):
    right = ACTIVATIONS["tanh"]
    wrong = replace(right, phi_derivative=lambda z, xp: 1.001 * right.phi_derivative(z, xp))
    monkeypatch.setitem(ACTIVATIONS, "tanh", wrong)
    report = check_gradients(Network((4, 5, 3), "tanh"))
    assert not report.passed
    assert report.worst.error > 1e-5
    assert str(report).startswith("gradient check FAILED: 44 checks, worst at ")


def test_a_planted_wrong_slope_of_a_loss_fails_along_the_direction_too(monkeypatch):
    right = LOSSES["squared"]

    def twice_the_slope(o, y, xp):
        losses, slope = right.pair(o, y, xp)
        return losses, 2 * slope

    monkeypatch.setitem(LOSSES, "squared", replace(right, pair=twice_the_slope))
    report = check_gradients(Network((40, 60, 3), loss="squared"))  # too large to go through every coordinate
    assert [check.where for check in report.checks] == ["direction"]
    assert not report.passed


@pytest.mark.torch
def test_the_report_shows_the_three_numbers():
    report = check_gradients(Network((2, 2)))
    assert str(report).startswith("gradient check passed: 7 checks, worst at ")
    for word in ("by hand", "autograd", "central differences", "relative error", "tolerance 1e-07", "scale"):
        assert word in str(report)


def test_gradients_are_checked_on_given_samples_weights_and_parameters(animals):
    network = Network((4, 3))
    rng = np.random.default_rng(0)
    report = check_gradients(
        network,
        animals.train.X[:10],
        animals.train.y[:10],
        sample_weight=rng.random(10),
        parameters=initialize(network, sigma=1.0),
    )
    assert report.passed
    with pytest.raises(SpecificationError, match="give both X and y"):
        check_gradients(network, animals.train.X)
    with pytest.raises(DataError, match="4 inputs"):
        check_gradients(network, np.ones((1, 3)), [0])


def test_at_an_exact_kink_there_is_no_difference_to_hold_against():
    network = Network((4, 5, 3))
    X = [[0.0, 0, 0, 0], [1, 1, 1, 1]]  # with biases of 0 every hidden unit of the first sample is at the kink
    report = check_gradients(network, X, [0, 1], parameters=initialize(network, initialization="he"))
    assert report.passed, str(report)
    at_kink = [check.where for check in report.checks if check.differences is None]
    assert "b1[0]" in at_kink
    assert "W2[0, 0]" not in at_kink


@pytest.mark.torch
def test_a_nan_never_passes(monkeypatch):
    from twofold.engines.concise import ConciseEngine

    right = ConciseEngine.gradients

    def spoilt(self, *samples):
        (first, *rest) = right(self, *samples)
        return (replace(first, W=np.full_like(first.W, np.nan)), *rest)

    monkeypatch.setattr(ConciseEngine, "gradients", spoilt)
    report = check_gradients(Network((4, 3)))
    assert not report.passed
    assert np.isinf(report.worst.error)


def test_a_network_without_activation_collapses_to_one_layer():
    parameters = initialize(DEEP, 1, initialization="xavier")
    parameters = tuple(replace(layer, b=np.arange(len(layer.b), dtype=float)) for layer in parameters)
    shallow, layers = collapse(DEEP, parameters)
    X = np.random.default_rng(0).normal(size=(20, 4))
    deep, flat = (
        open_engine("scratch", network, parameters=layers, dtype="float64").outputs(X)
        for network, layers in ((DEEP, parameters), (shallow, layers))
    )
    assert shallow == Network((4, 3), activation="identity")
    np.testing.assert_allclose(deep, flat, rtol=1e-12, atol=1e-14)


def trained(network):
    """Parameters after some steps, so that no bias, scale, mean or variance is what it was at the start."""
    engine = open_engine("scratch", network, initialization="he", dtype="float64")
    list(train(engine, random_dataset(network, 40), Recipe(epochs=3, batch_size=8)))
    return engine.parameters()


def outputs(network, parameters, X):
    return open_engine("scratch", network, parameters=parameters, dtype="float64").outputs(X)


def test_batch_normalisation_folds_into_the_weights_and_collapses_with_them():
    X = np.random.default_rng(0).normal(size=(20, 4))
    network = Network((4, 6, 5, 3), "gelu", normalization="batch")
    parameters = trained(network)
    plain, folded = fold_normalization(network, parameters)
    assert plain == Network((4, 6, 5, 3), "gelu")
    np.testing.assert_allclose(outputs(plain, folded, X), outputs(network, parameters, X), rtol=1e-11, atol=1e-13)
    network = Network((4, 6, 5, 3), "identity", normalization="batch")
    parameters = trained(network)
    np.testing.assert_allclose(
        outputs(*collapse(network, parameters), X), outputs(network, parameters, X), rtol=1e-11, atol=1e-13
    )


def test_layer_normalisation_neither_folds_nor_collapses():
    network = Network((4, 6, 3), "identity", normalization="layer")
    with pytest.raises(SpecificationError, match="it can't be folded into the weights"):
        fold_normalization(network, initialize(network))
    with pytest.raises(SpecificationError, match="it doesn't collapse"):
        collapse(network, initialize(network))


def test_a_network_with_an_activation_does_not_collapse():
    network = Network((4, 6, 3), "relu")
    with pytest.raises(SpecificationError, match="the activation 'relu' stands between the layers"):
        collapse(network, initialize(network))


@pytest.mark.torch
def test_a_comparison_tells_each_epoch_s_differences(animals):
    network = Network((4, 8, 3))
    comparisons = list(compare_engines(network, animals, Recipe(epochs=3, batch_size=16), initialization="he"))
    assert [comparison.epoch for comparison in comparisons] == [1, 2, 3]
    assert all(0 <= c.max_parameter_difference <= 1e-12 and c.max_loss_difference <= 1e-12 for c in comparisons)
    assert set(comparisons[0].to_dict()) == {"epoch", "max_parameter_difference", "max_loss_difference"}
    assert str(comparisons[0]).startswith("epoch 1/3  losses ")


def test_a_comparison_sees_a_planted_difference(animals, monkeypatch):
    from twofold.engines import ENGINES
    from twofold.engines.scratch import ScratchEngine

    class Slower(ScratchEngine):
        def step(self, indices, learning_rate):
            super().step(indices, learning_rate * 0.999)

    monkeypatch.setattr("twofold.engines.scratch.SlowerEngine", Slower, raising=False)
    monkeypatch.setitem(ENGINES, "slower", "twofold.engines.scratch:SlowerEngine")
    (comparison,) = compare_engines(Network((4, 3)), animals, Recipe(epochs=1), engines=("scratch", "slower"))
    assert comparison.max_parameter_difference > 1e-5


def test_two_networks_of_zeros_are_equal(animals):
    network = Network((4, 3), loss="squared")
    data = random_dataset(network)
    recipe = Recipe(epochs=1, learning_rate=1e-300)
    zeros = compare_engines(network, data, recipe, engines=("scratch", "scratch"), initialization="zeros")
    assert [comparison.max_parameter_difference for comparison in zeros] == [0]
