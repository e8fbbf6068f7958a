"""Several networks and a linear model as one network."""

from __future__ import annotations

import numpy as np
import pytest

from twofold.baselines.merging import carries_linear, merge_networks
from twofold.engines import open_engine
from twofold.errors import SpecificationError
from twofold.network import Network, initialize

X = np.random.default_rng(0).normal(size=(7, 4))
LINEAR = np.random.default_rng(1).normal(size=(4, 3)), np.arange(3.0)


def outputs(network, parameters):
    return open_engine("scratch", network, parameters=parameters, dtype="float64").outputs(X)


@pytest.mark.parametrize("hidden", [(), (8,), (8, 6), (8, 6, 5)], ids=str)
def test_a_merged_network_gives_the_weighted_sum(hidden):
    network = Network((4, *hidden, 3), "silu")
    members = [initialize(network, seed, initialization="he") for seed in range(3)]
    merged, parameters = merge_networks(network, members, linear=LINEAR, weights=(0.4, 0.7))
    mean = np.mean([outputs(network, each) for each in members], axis=0)
    expected = 0.4 * mean + 0.7 * (X @ LINEAR[0] + LINEAR[1])
    np.testing.assert_allclose(outputs(merged, parameters), expected, rtol=1e-12, atol=1e-12)


def test_batch_normalisation_is_carried_over():
    network = Network((4, 8, 3), "silu", normalization="batch")
    members = [initialize(network, seed, initialization="he") for seed in range(2)]
    merged, parameters = merge_networks(network, members)
    expected = np.mean([outputs(network, each) for each in members], axis=0)
    np.testing.assert_allclose(outputs(merged, parameters), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("activation", "carried"), [("relu", True), ("silu", True), ("gelu", True), ("tanh", False)])
def test_which_activations_let_a_linear_model_through(activation, carried):
    assert carries_linear(Network((4, 8, 3), activation)) is carried


def test_an_activation_that_lets_no_linear_model_through_is_refused():
    network = Network((4, 8, 3), "tanh")
    with pytest.raises(SpecificationError, match="no linear model passes through"):
        merge_networks(network, [initialize(network)], linear=LINEAR, weights=(0.5, 0.5))


def test_layer_normalisation_is_refused():
    network = Network((4, 8, 3), normalization="layer")
    with pytest.raises(SpecificationError, match="layer normalisation"):
        merge_networks(network, [initialize(network)])
