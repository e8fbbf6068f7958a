from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.solvers import pairs
from twofold.solvers.exact_products import exact_gram

# Magnitudes in which products and their errors stay in the range of doubles.
numbers = st.floats(min_value=1e-100, max_value=1e100) | st.floats(min_value=-1e100, max_value=-1e-100) | st.just(0.0)


def value(a, index=()):
    return Fraction(float(a.high[index])) + Fraction(float(a.low[index]))


def make(high, low=0.0):
    return pairs.pair(np.array(high), np.array(low))


@given(numbers, numbers)
def test_sums_and_products_of_doubles_are_exact(a, b):
    x, y = np.array(a), np.array(b)
    assert value(pairs.two_sum(x, y)) == Fraction(a) + Fraction(b)
    assert value(pairs.two_product(x, y)) == Fraction(a) * Fraction(b)


@given(numbers, numbers, numbers)
def test_operations_on_pairs_are_right_to_a_hundred_bits(a, b, c):
    x, y = make(a, a * 1e-17), make(b, c * 1e-17 if abs(c) < abs(b) else 0.0)
    X, Y = value(x), value(y)
    bound = Fraction(1, 2**100)
    assert abs(value(pairs.add(x, y)) - (X + Y)) <= bound * abs(X + Y)
    assert abs(value(pairs.subtract(x, y)) - (X - Y)) <= bound * abs(X - Y)
    assert abs(value(pairs.multiply(x, y)) - X * Y) <= bound * abs(X * Y)
    if Y:
        assert abs(value(pairs.divide(x, y)) - X / Y) <= bound * abs(X / Y)


@given(st.floats(min_value=1e-100, max_value=1e100))
def test_square_roots_squared_are_the_number(a):
    root = value(pairs.square_root(make(a)))
    assert abs(root * root - Fraction(a)) <= Fraction(a) / 2**98


def test_the_square_root_of_zero_is_zero():
    assert value(pairs.square_root(make(0.0))) == 0


@pytest.mark.parametrize("n", [0, 1, 2, 7, 1000])
def test_total_keeps_what_cancels(n):
    terms = np.concatenate([np.full(n, 1e20), np.ones(n), np.full(n, -1e20)])
    assert value(pairs.total(pairs.pair(terms))) == n


def test_matrix_products_agree_with_rational_arithmetic():
    random = np.random.default_rng(0)
    A, B = (pairs.pair(random.standard_normal((4, 4)), 1e-17 * random.standard_normal((4, 4))) for _ in range(2))
    product, other = pairs.matrix_product(A, B), pairs.transposed_product(A, B)
    for i in range(4):
        for j in range(4):
            exact = sum(value(A, (i, k)) * value(B, (k, j)) for k in range(4))
            assert abs(value(product, (i, j)) - exact) < Fraction(1, 2**98)
            exact = sum(value(A, (k, i)) * value(B, (k, j)) for k in range(4))
            assert abs(value(other, (i, j)) - exact) < Fraction(1, 2**98)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_exact_gram_matrix_is_right_to_two_hundred_bits(weighted):
    random = np.random.default_rng(1)
    Z = random.standard_normal((50, 3)) * 10.0 ** random.integers(-8, 8, (50, 3))
    weight = random.uniform(0, 2, 50) if weighted else None
    G = exact_gram(Z, weight)
    w = [Fraction(1)] * 50 if weight is None else [Fraction(v) for v in weight]
    for i in range(3):
        for j in range(3):
            exact = sum(w[k] * Fraction(Z[k, i]) * Fraction(Z[k, j]) for k in range(50))
            size = Fraction(float(np.sqrt(G[0, i, i] * G[0, j, j])))
            assert abs(sum(Fraction(float(part)) for part in G[:, i, j]) - exact) < size / 2**190


def test_an_exact_gram_matrix_of_zeros():
    assert not exact_gram(np.zeros((3, 2))).any()
