"""The affine map in force: exact in its region, and no further than its margin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from twofold import Network, affine_map_at, initialize, open_engine
from twofold.errors import DataError, SpecificationError


def deep(seed: int):
    network = Network((5, 12, 8, 3))
    draw = np.random.default_rng(seed)
    parameters = tuple(
        replace(layer, b=0.3 * draw.standard_normal(len(layer.b)))
        for layer in initialize(network, seed, initialization="he")
    )
    engine = open_engine("scratch", network, parameters=parameters, dtype="float64")
    return network, parameters, engine, draw


@pytest.mark.parametrize("seed", range(5))
def test_within_the_margin_the_network_is_the_map(seed):
    network, parameters, engine, draw = deep(seed)
    x = draw.standard_normal(5)
    at = affine_map_at(network, parameters, x)
    np.testing.assert_allclose(at.outputs, engine.outputs(x[None])[0], rtol=1e-12, atol=1e-13)
    for _ in range(50):
        step = draw.standard_normal(5)
        near = x + 0.999 * at.margin * step / np.linalg.norm(step)
        np.testing.assert_allclose(near @ at.W + at.b, engine.outputs(near[None])[0], rtol=1e-10, atol=1e-12)
        same = affine_map_at(network, parameters, near)
        np.testing.assert_array_equal(np.concatenate(same.active), np.concatenate(at.active))


@pytest.mark.parametrize("seed", range(5))
def test_the_margin_is_reached_just_there_and_by_that_unit(seed):
    network, parameters, engine, draw = deep(seed)
    x = draw.standard_normal(5)
    at = affine_map_at(network, parameters, x)
    assert np.linalg.norm(at.step) == pytest.approx(at.margin)
    beyond = x + 1.001 * at.step
    other = affine_map_at(network, parameters, beyond)
    changed = [(layer, int(unit)) for layer, (a, b) in enumerate(zip(at.active, other.active, strict=True), start=1)
               for unit in np.flatnonzero(a != b)]  # fmt: skip
    assert at.nearest in changed
    far = x + 30 * at.step
    assert np.abs(far @ at.W + at.b - engine.outputs(far[None])[0]).max() > 1e-6


def test_contributions_and_bias_sum_to_the_outputs():
    network, parameters, _, draw = deep(1)
    at = affine_map_at(network, parameters, draw.standard_normal(5))
    np.testing.assert_allclose(at.contributions().sum(axis=0) + at.b, at.outputs, rtol=1e-12, atol=1e-13)


def test_without_a_kink_there_is_no_boundary():
    network = Network((4, 5, 3), "identity")
    at = affine_map_at(network, initialize(network), np.ones(4))
    assert at.margin == np.inf
    assert at.nearest is None
    assert affine_map_at(Network((4, 3)), initialize(Network((4, 3))), np.ones(4)).margin == np.inf


def test_a_unit_that_depends_on_nothing_bounds_nothing():
    network = Network((2, 2, 2))
    first, second = initialize(network, initialization="xavier")
    W = first.W.copy()
    W[:, 0] = 0
    at = affine_map_at(network, (replace(first, W=W, b=np.array([1.0, 5.0])), second), [1.0, 1.0])
    assert at.nearest == (1, 1)


def test_on_a_boundary_the_margin_is_0():
    network = Network((4, 5, 3))
    at = affine_map_at(network, initialize(network), np.zeros(4))
    assert at.margin == 0


def test_image_bytes_stand_for_0_to_1(animals):
    network = Network((4, 5, 3))
    parameters = initialize(network, initialization="he")
    image = animals.train.X[0]
    np.testing.assert_allclose(
        affine_map_at(network, parameters, image).x, image.ravel() / 255, rtol=1e-15, atol=0
    )  # fmt: skip


def test_curved_activations_and_wrong_samples_are_refused():
    network = Network((4, 5, 3), "tanh")
    with pytest.raises(SpecificationError, match="the activation 'tanh' is curved"):
        affine_map_at(network, initialize(network), np.ones(4))
    with pytest.raises(DataError, match="expected one sample of 4 features"):
        affine_map_at(Network((4, 3)), initialize(Network((4, 3))), np.ones((2, 4)))


def test_batch_normalisation_is_part_of_the_map_and_layer_normalisation_has_none():
    network = Network((4, 6, 3), normalization="batch")
    draw = np.random.default_rng(0)
    first, last = initialize(network, initialization="he")
    first = replace(
        first,
        mean=draw.normal(size=6),
        variance=draw.uniform(0.5, 2, 6),
        gamma=draw.normal(size=6),
        b=draw.normal(size=6),
    )
    x = draw.normal(size=4)
    engine = open_engine("scratch", network, parameters=(first, last), dtype="float64")
    np.testing.assert_allclose(affine_map_at(network, (first, last), x).outputs, engine.outputs(x[None])[0], rtol=1e-12)
    network = Network((4, 6, 3), normalization="layer")
    with pytest.raises(SpecificationError, match="there is no affine map with it"):
        affine_map_at(network, initialize(network), x)
