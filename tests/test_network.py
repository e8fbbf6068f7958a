"""Networks, first parameters, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from twofold import Layer, Network, initialize
from twofold.errors import SpecificationError, UnknownNameError
from twofold.functions import INITIALIZATIONS
from twofold.functions.formulas import evaluate
from twofold.network import check_parameters, distance, largest, start_at_means


def test_the_three_models_are_one_family():
    linear = Network((2, 1), loss="squared")
    softmax = Network((784, 10))
    mlp = Network((784, 256, 10), activation="relu", loss="cross_entropy")
    assert [n.n_parameters for n in (linear, softmax, mlp)] == [3, 7850, 784 * 256 + 256 + 2560 + 10]
    assert mlp.hidden == (256,)
    assert mlp.shapes == ((784, 256), (256, 10))


def test_widths_may_come_as_a_list_of_numpy_integers():
    assert Network([np.int64(4), 3]) == Network((4, 3))


@pytest.mark.parametrize("widths", [784, (3,), (0, 2), (2.0, 1), (True, 2), ()])
def test_widths_that_can_not_be_are_refused(widths):
    with pytest.raises(SpecificationError, match="expected at least two positive integers"):
        Network(widths)


def test_unknown_names_and_impossible_values_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'relu'"):
        Network((2, 2), activation="rleu")
    with pytest.raises(UnknownNameError, match="did you mean 'squared'"):
        Network((2, 2), loss="square")
    with pytest.raises(SpecificationError, match="dropout is 1"):
        Network((2, 2), dropout=1)
    with pytest.raises(SpecificationError, match="needs at least 2 outputs"):
        Network((2, 1), loss="cross_entropy")


def test_activations_are_one_of_all_hidden_layers_or_one_of_each():
    assert Network((2, 3, 4, 2), "tanh").activations == ("tanh", "tanh")
    assert Network((2, 3, 4, 2), ["tanh", "relu"]).activations == ("tanh", "relu")
    assert Network((2, 3, 4, 2), ("tanh", "tanh")) == Network((2, 3, 4, 2), "tanh")
    assert Network((2, 2)).activations == ()
    with pytest.raises(SpecificationError, match="activation has 2 names; the network has 1 hidden layer"):
        Network((2, 3, 2), ("tanh", "relu"))
    with pytest.raises(UnknownNameError, match="did you mean 'relu'"):
        Network((2, 3, 3, 2), ("tanh", "rleu"))
    with pytest.raises(UnknownNameError, match="unknown normalization 'bach'; did you mean 'batch'"):
        Network((2, 3, 2), normalization="bach")


def test_a_normalisation_adds_scales_to_what_is_trained_and_its_means_and_variances_to_what_is_kept():
    network = Network((4, 5, 3), normalization="batch")
    hidden, last = initialize(network)
    assert network.n_parameters == 4 * 5 + 5 + 5 + 5 * 3 + 3
    assert {name: array.tolist() for name, array in hidden.arrays.items() if name != "W"} == {
        "b": [0] * 5,
        "gamma": [1] * 5,
        "mean": [0] * 5,
        "variance": [1] * 5,
    }
    assert [len(part) for part in hidden.trained] == [4, 5, 5]
    W, b = last
    assert (W is last.W, b is last.b) == (True, True)


def test_a_variance_from_outside_is_not_negative():
    network = Network((1, 1, 2), normalization="batch")
    hidden, last = initialize(network)
    with pytest.raises(SpecificationError, match="negative variance"):
        check_parameters(network, [(*hidden.trained, [0], [-1]), last], "float64")
    with pytest.raises(SpecificationError, match=r"W \(1, 1\), b \(1,\); W .* has W \(1, 1\), b \(1,\), gamma"):
        check_parameters(network, [hidden.trained[:2], last], "float64")


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_one_seed_gives_one_start_and_another_seed_another(name):
    network = Network((30, 20, 10))
    first, again, other = (initialize(network, seed, initialization=name) for seed in (0, 0, 1))
    assert distance(first, again) == 0
    assert (distance(first, other) > 0) == (name != "zeros")
    assert all((layer.b == 0).all() for layer in first)


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_initial_weights_have_the_spread_of_their_formula(name):
    variance = {"normal": lambda _, variance: variance, "uniform": lambda low, high: (high - low) ** 2 / 12}
    values = {"inputs": 400, "outputs": 300, "sigma": 0.03}
    deviation = np.sqrt(evaluate(INITIALIZATIONS[name].formula, values, variance))
    (layer,) = initialize(Network((400, 300)), 7, initialization=name, sigma=0.03)
    assert layer.W.std() == pytest.approx(deviation, rel=0.01)
    assert abs(layer.W.mean()) <= 4 * deviation / np.sqrt(layer.W.size)


def test_xavier_is_uniform_within_its_bound():
    (layer,) = initialize(Network((400, 300)), initialization="xavier")
    bound = np.sqrt(6 / 700)
    assert np.abs(layer.W).max() < bound
    assert np.abs(layer.W).max() > 0.999 * bound


def test_float32_is_the_float64_start_rounded():
    network = Network((5, 4, 3))
    single, double = initialize(network, dtype="float32"), initialize(network)
    for a, b in zip(single, double, strict=True):
        np.testing.assert_array_equal(a.W, b.W.astype(np.float32))
        assert a.b.dtype == np.float32


def test_initialization_refuses_unknown_names_and_impossible_spreads():
    with pytest.raises(UnknownNameError, match="did you mean 'xavier'"):
        initialize(Network((2, 2)), initialization="xavir")
    with pytest.raises(SpecificationError, match="sigma is 0"):
        initialize(Network((2, 2)), sigma=0)


def test_parameters_from_outside_are_copied_and_must_fit():
    network = Network((2, 3))
    W = np.ones((2, 3))
    (layer,) = check_parameters(network, [(W, np.zeros(3))], "float64")
    W[0, 0] = 5
    assert layer.W[0, 0] == 1
    with pytest.raises(SpecificationError, match=r"parameters have shapes .*\(3, 2\).* has .*\(2, 3\)"):
        check_parameters(network, [(W.T, np.zeros(3))], "float64")


def test_parameters_that_are_not_finite_are_refused():
    with pytest.raises(SpecificationError, match="parameters hold a number that is not finite"):
        check_parameters(Network((1, 2)), [([[np.nan, 1]], [0, 0])], "float32")


def test_largest_and_distance_look_at_every_weight_and_bias():
    a = (Layer(np.zeros((1, 1)), np.array([-3.0])),)
    b = (Layer(np.ones((1, 1)), np.array([-7.0])),)
    assert largest(a) == 3
    assert distance(a, b) == 4
    assert np.isnan(largest((Layer(np.array([[np.nan]]), np.zeros(1)),)))


def test_outputs_start_at_the_means_of_targets_where_their_link_is_exponential():
    y = np.array([[1e6, 2e-6, 0.0], [3e6, 4e-6, 0.0]])
    for loss, expected in (("poisson", np.log([2e6, 3e-6, 1])), ("squared", [0, 0, 0])):
        network = Network((2, 3), loss=loss)
        started = start_at_means(network, initialize(network, initialization="zeros"), y)
        np.testing.assert_allclose(started[-1].b, expected, rtol=1e-14)
