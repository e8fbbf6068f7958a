"""The exact solution, against what is known without it."""

from __future__ import annotations

import numpy as np
import pytest

from twofold import solve_least_squares
from twofold.errors import DataError


def test_a_plane_is_found_exactly():
    rng = np.random.default_rng(0)
    X, W, b = rng.normal(size=(30, 3)) * [1, 100, 0.01], rng.normal(size=(3, 2)), np.array([5.0, -7.0])
    solution = solve_least_squares(X, X @ W + b)
    np.testing.assert_allclose(solution.W, W, rtol=1e-9)
    np.testing.assert_allclose(solution.b, b, rtol=1e-9)
    assert solution.rank == 3
    assert solution.loss <= 1e-15


def test_the_gradient_of_the_weighted_loss_vanishes_there():
    rng = np.random.default_rng(1)
    X, Y, weight = rng.normal(size=(40, 3)), rng.normal(size=(40, 1)), rng.uniform(0, 2, 40)
    solution = solve_least_squares(X, Y, weight)
    residual = X @ solution.W + solution.b - Y
    gradient = np.vstack([X.T, np.ones(40)]) @ (weight[:, None] * residual)
    assert np.abs(gradient).max() <= 1e-12
    assert solution.loss == pytest.approx(np.average(residual[:, 0] ** 2, weights=weight) / 2)


def test_dependent_and_constant_columns_lower_the_rank():
    X = np.array([[1.0, 2, 7], [2, 4, 7], [3, 6, 7], [4, 8, 7]])
    solution = solve_least_squares(X, X[:, :1])
    assert solution.rank == 1
    np.testing.assert_allclose(X @ solution.W + solution.b, X[:, :1], rtol=1e-12)


@pytest.mark.parametrize(
    ("X", "Y", "weight", "message"),
    [
        ([1.0], [[1.0]], None, r"X has shape \(1,\); expected a table, \(n, d\)"),
        ([[1.0]], [1.0], None, r"Y has shape \(1,\); expected a table, \(n, q\)"),
        ([[1.0]], [[1.0], [2.0]], None, "they need the same n"),
        ([[1.0]], [[1.0]], [1.0, 2.0], "they need the same n"),
        ([[np.nan]], [[1.0]], None, "X holds a number that is not finite"),
        ([[1.0]], [[1.0]], [-1.0], "sample_weight must not be negative, nor 0 everywhere"),
    ],
)
def test_bad_input_is_refused(X, Y, weight, message):
    with pytest.raises(DataError, match=message):
        solve_least_squares(X, Y, weight)
