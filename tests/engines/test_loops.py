"""The functions that the loops are made of, number by number."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from twofold.engines.numba.exponential import exp, expm1, log1p
from twofold.engines.numba.instructions import narrow, widen
from twofold.engines.numba.jit import compiled
from twofold.engines.numba.layers import activate, activate_backward, add_product
from twofold.engines.numba.normal import normal
from twofold.engines.numba.plan import ACTIVATIONS as NUMBERS
from twofold.functions import ACTIVATIONS

FLOATS = (np.float32, np.float64)


@compiled
def evaluate(x, exponential, less_one, distribution):
    for i in range(len(x)):
        exponential[i] = exp(-abs(x[i]))
        less_one[i] = expm1(-abs(x[i]))
        distribution[i] = normal(x[i])


def evaluated(x):
    results = [np.empty_like(x) for _ in range(3)]
    evaluate(x, *results)
    return results


@pytest.mark.parametrize("kind", FLOATS)
def test_exponentials_are_right_to_two_units_in_the_last_place(kind):
    x = np.concatenate([np.geomspace(1e-30, 80, 100_001), np.linspace(0, 80, 100_001)]).astype(kind)
    exponential, less_one, _ = evaluated(x)
    wide = -x.astype(np.longdouble)
    epsilon = np.finfo(kind).eps
    np.testing.assert_allclose(exponential, np.exp(wide).astype(kind), rtol=epsilon, atol=0)
    np.testing.assert_allclose(less_one, np.expm1(wide).astype(kind), rtol=epsilon, atol=0)


@compiled
def logarithms(x, out):
    for i in range(len(x)):
        out[i] = log1p(x[i])


@pytest.mark.parametrize("kind", FLOATS)
def test_logarithms_are_right_to_a_few_units_in_the_last_place(kind):
    x = np.concatenate([[0.0, 1.0], np.geomspace(1e-30, 1, 100_001), np.linspace(0, 1, 100_001)]).astype(kind)
    out = np.empty_like(x)
    logarithms(x, out)
    np.testing.assert_allclose(out, np.log1p(x.astype(np.longdouble)).astype(kind), rtol=4 * np.finfo(kind).eps, atol=0)


@pytest.mark.parametrize("kind", FLOATS)
def test_exponentials_of_the_extremes(kind):
    exponential, less_one, _ = evaluated(np.array([0, -0.0, 1e30, np.inf, np.nan], kind))
    np.testing.assert_array_equal(exponential, np.array([1, 1, 0, 0, np.nan], kind))
    np.testing.assert_array_equal(less_one, np.array([0, 0, -1, -1, np.nan], kind))
    x = np.linspace(80, 110 if kind == np.float32 else 800, 10_001).astype(kind)  # on to where nothing is left
    small = evaluated(x)[0]
    assert np.all(np.abs(small - np.exp(-x.astype(np.longdouble))) <= np.maximum(1e-6 * small, np.finfo(kind).tiny))
    assert np.all(np.diff(small) <= 0)
    assert small[-1] == 0


@pytest.mark.parametrize(("kind", "tolerance"), [(np.float32, 2e-7), (np.float64, 1e-15)])
def test_the_normal_distribution_function(kind, tolerance):
    z = np.linspace(-12, 12, 100_001).astype(kind)
    found, expected = evaluated(z)[2], ndtr(z.astype(float))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    near = np.abs(z) < 5
    np.testing.assert_allclose(found[near], expected[near], rtol=20 * tolerance)
    np.testing.assert_array_equal(evaluated(np.array([0, np.inf, -np.inf, np.nan], kind))[2], [0.5, 1, 0, np.nan])


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize(
    ("kind", "tolerance"), [pytest.param(np.float32, 1e-6, marks=pytest.mark.slow), (np.float64, 1e-14)]
)
def test_activations_are_their_formulas(kind, tolerance, name):
    Z = np.concatenate([np.linspace(-30, 30, 601), [1e4, -1e4, 0.0, 1e-9]]).astype(kind)[None]
    H, dZ = np.empty_like(Z), np.full_like(Z, 2)
    activate(NUMBERS[name], Z, H)
    activate_backward(NUMBERS[name], Z, dZ)
    wide = Z.astype(float)
    np.testing.assert_allclose(H, ACTIVATIONS[name].value(wide), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(dZ, 2 * ACTIVATIONS[name].derivative(wide), rtol=tolerance, atol=2 * tolerance)


@compiled
def there_and_back(x, bits, again):
    for i in range(len(x)):
        bits[i] = narrow(x[i], bits[i])
        again[i] = widen(bits[i])


@pytest.mark.torch
def test_bfloat16_is_rounded_as_pytorch_rounds_it():
    import torch

    rng = np.random.default_rng(0)
    x = rng.integers(2**32, size=200_000, dtype=np.uint32).view(np.float32)
    halfway = (np.arange(2**16, dtype=np.uint32) << 16 | 0x8000).view(np.float32)  # between two neighbours
    x = np.concatenate([x, halfway, np.array([0, -0.0, np.inf, -np.inf, np.nan, 3.4e38, 1e-45], np.float32)])
    bits, again = np.empty(len(x), np.uint16), np.empty_like(x)
    there_and_back(x, bits, again)
    expected = torch.from_numpy(x).bfloat16().float().numpy()
    np.testing.assert_array_equal(again, expected)
    np.testing.assert_array_equal(np.signbit(again[~np.isnan(x)]), np.signbit(expected[~np.isnan(x)]))


def test_a_float_needs_no_rounding():
    x = np.linspace(-1, 1, 101)
    bits, again = np.empty_like(x), np.empty_like(x)
    there_and_back(x, bits, again)
    np.testing.assert_array_equal(again, x)


@pytest.mark.parametrize("width", [1, 2, 3, 7, 8, 9, 10, 16, 17])
@pytest.mark.parametrize("turned", [False, True])
def test_a_product_is_added(turned, width):
    rng = np.random.default_rng(width)
    A = rng.standard_normal((width, 5)).T if turned else rng.standard_normal((5, width))
    B, C = rng.standard_normal((width, 33)), rng.standard_normal((5, 33))
    expected = C + A @ B
    add_product(A, B, C)
    np.testing.assert_allclose(C, expected, rtol=0, atol=1e-13)
