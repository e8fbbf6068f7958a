"""NIST's certified sets: digits against the exact solution of the same doubles, and against the certified values."""

from fractions import Fraction

import numpy as np
import pytest

import nist
from twofold.solvers import Moments, polynomial_features, solve_least_squares, solve_moments
from twofold.solvers.inference import goodness, standard_errors

# Digits that rounding the input to doubles leaves, even in exact arithmetic (the README beside the sets): 13.2 for
# Wampler2, 13.5 for Pontius; every other set is held to 13.

pytestmark = pytest.mark.skipif(not nist.DATA.is_dir(), reason=f"NIST's sets are not in {nist.DATA}")


def coefficients(solution):
    return np.concatenate([solution.b[: int(solution.intercept)], solution.W[:, 0]])


@pytest.mark.parametrize("name", nist.NAMES)
def test_thirteen_digits_of_the_exact_solution_of_the_same_doubles(name):
    X, y, intercept = nist.table(name)
    solution = solve_least_squares(X, y[:, None], fit_intercept=intercept)
    truth = nist.exact(name)
    assert nist.worst(coefficients(solution), truth.coefficients) >= 13
    assert nist.worst(standard_errors(solution), [nist.root(v) for v in truth.variances]) >= 13
    assert solution.digits.min() >= 13
    assert solution.rank == X.shape[1]
    assert solution.dependent == ()


@pytest.mark.parametrize("name", nist.NAMES)
def test_thirteen_digits_of_the_certified_values(name):
    data = nist.load(name)
    x, y, intercept = np.array(data["x"], dtype=float), np.array(data["y"], dtype=float), data["model"]["intercept"]
    X = polynomial_features(x, data["model"]["degree"]) if data["model"]["kind"] == "polynomial" else x
    solution = solve_least_squares(X, y[:, None], fit_intercept=intercept)
    fit = goodness(solution)
    assert nist.worst(coefficients(solution), nist.certified(name, "coefficients")) >= 13
    assert nist.worst(standard_errors(solution), nist.certified(name, "standard_errors")) >= 13
    values = data["certified"]
    assert nist.digits(fit.r2, values["r_squared"]) >= 13
    assert nist.digits(fit.sigma, values["residual_std"]) >= 13
    assert nist.digits(fit.tss - fit.rss, values["regression_sum_of_squares"]) >= 13
    assert fit.df == values["residual_degrees_of_freedom"]


@pytest.mark.parametrize(("name", "digits"), [("wampler2", 13.20), ("pontius", 13.51)])
def test_what_lacks_to_fifteen_digits_is_the_rounding_of_the_data(name, digits):
    """The exact solution of the doubles has no more: a program that comes closer does so by an error of its own."""
    data = nist.load(name)
    rows = [
        [Fraction(x) ** k for k in range(data["model"]["degree"] + 1)] for (x,) in np.array(data["x"], float).tolist()
    ]
    exact = nist.solve_exactly(rows, np.array(data["y"], float).tolist())
    assert nist.worst([float(c) for c in exact.coefficients], nist.certified(name, "coefficients")) == pytest.approx(
        digits, abs=0.01
    )


def test_powers_as_doubles_alone_lose_filip():
    X, y, _ = nist.table("filip")
    solution = solve_least_squares(X, y[:, None])
    assert 7 < nist.worst(coefficients(solution), nist.certified("filip", "coefficients")) < 8.5  # README: 7.6


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", nist.NAMES)
def test_blocks_dealt_out_in_any_order_merge_to_the_same_answer(name, seed):
    X, y, intercept = nist.table(name)
    random = np.random.default_rng(seed)
    hands = np.array_split(random.permutation(len(y)), 3)
    pieces = []
    for hand in hands:
        piece = Moments(X.shape[1], 1)
        for row in (part for part in np.array_split(hand, 2) if len(part)):
            piece.add(X[row], y[row, None])
        pieces.append(piece)
    whole = pieces.pop(int(random.integers(3)))
    for piece in pieces:
        whole.merge(piece)
    solution = solve_moments(whole, fit_intercept=intercept)
    truth = nist.exact(name)
    assert nist.worst(coefficients(solution), truth.coefficients) >= 13
    # Wampler1 fits exactly, and Wampler2 to some 1e-16: even there the sums tell what is left.
    assert nist.worst(standard_errors(solution), [nist.root(v) for v in truth.variances]) >= 13
    assert solution.digits.min() <= nist.worst(coefficients(solution), truth.coefficients)


@pytest.mark.parametrize("weights", [[1, 2, 0.5] * 5 + [3], [0.1] * 15 + [1e6], [0, 1] * 8])
def test_weights_are_exact_too(weights):
    X, y, _ = nist.table("longley")
    solution = solve_least_squares(X, y[:, None], np.array(weights))
    truth = nist.solve_exactly([[1.0, *row] for row in X.tolist()], y.tolist(), weights)
    assert nist.worst(coefficients(solution), truth.coefficients) >= 13
    assert nist.digits(solution.residuals.rss[0], truth.rss) >= 13


@pytest.mark.parametrize("unit", [1e-300, 1e-150, 1e150, 1e290])
def test_units_of_any_size_cost_nothing(unit):
    X, y, _ = nist.table("norris")
    scaled = X * unit
    solution = solve_least_squares(scaled, y[:, None])
    truth = nist.solve_exactly([[1.0, *row] for row in scaled.tolist()], y.tolist())
    assert nist.worst(coefficients(solution), truth.coefficients) >= 13


def test_ridge_is_the_exact_solution_of_its_own_normal_equations():
    X, y, _ = nist.table("longley")
    penalty = 0.5  # its root is no double
    solution = solve_least_squares(X, y[:, None], penalty=penalty)
    n, d = X.shape
    rows = [[1.0, *row] for row in X.tolist()] + [[0.0] * (j + 1) + [1.0] + [0.0] * (d - j - 1) for j in range(d)]
    truth = nist.solve_exactly(rows, y.tolist() + [0.0] * d, [1.0] * n + [penalty] * d)
    assert nist.worst(coefficients(solution), truth.coefficients) >= 13
    streamed = Moments(d, 1)
    streamed.add(X, y[:, None])
    assert nist.worst(coefficients(solve_moments(streamed, penalty=penalty)), truth.coefficients) >= 13


def test_several_targets_are_each_solved_as_alone():
    X, y, _ = nist.table("longley")
    Y = np.column_stack([y, X[:, 0] ** 2, np.ones(len(y))])
    together = solve_least_squares(X, Y)
    for k in range(3):
        alone = solve_least_squares(X, Y[:, k : k + 1])
        np.testing.assert_allclose(together.W[:, k], alone.W[:, 0], rtol=1e-15, atol=1e-25)
    np.testing.assert_allclose(together.b[2], 1.0, rtol=1e-15)
