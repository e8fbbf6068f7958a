"""Least squares at the ends of what doubles hold, and where problems degenerate."""

import re

import numpy as np
import pytest

from twofold.errors import DataError, SpecificationError
from twofold.estimators import LinearRegression
from twofold.solvers import (
    DependentColumnsWarning,
    Moments,
    collect_moments,
    polynomial_features,
    solve_least_squares,
    solve_moments,
)
from twofold.solvers.pairs import Pair
from twofold.solvers.ridge import ridge_path

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((12, 2))
Y = X @ [[1.0], [2.0]] + 3 + RANDOM.standard_normal((12, 1))


def streamed(X, Y, weight=None, **options):
    moments = Moments(X.shape[1], Y.shape[1])
    moments.add(X, Y, weight)
    return solve_moments(moments, **options)


def whole(text):
    return f"^{re.escape(text)}$"


@pytest.mark.parametrize("weight", [5e-324, 1e-310, 1e-300, 1e306])
def test_weights_of_any_size_cost_nothing(weight):
    found = solve_least_squares(X, Y, np.full(12, weight))
    np.testing.assert_allclose(found.W, solve_least_squares(X, Y).W, rtol=1e-14)


@pytest.mark.parametrize("value", [1e200, 1e-200])
def test_a_sample_of_weight_0_is_as_good_as_not_there(value):
    found = solve_least_squares(np.vstack([X, [[value, 1.0]]]), np.vstack([Y, [[value]]]), np.append(np.ones(12), 0.0))
    expected = solve_least_squares(X, Y)
    np.testing.assert_array_equal(found.W, expected.W)
    np.testing.assert_array_equal(found.residuals.rss, expected.residuals.rss)


@pytest.mark.parametrize("value", [1e-300, 1e200, 1e308])
def test_targets_whose_squares_are_no_doubles_are_fitted_without_statistics(value):
    found = solve_least_squares(X, Y / np.abs(Y).max() * value)
    np.testing.assert_allclose(found.W / value, solve_least_squares(X, Y / np.abs(Y).max()).W, rtol=1e-12)
    assert np.isnan([found.residuals.rss, found.residuals.tss]).all()


@pytest.mark.parametrize(("way", "small"), [(solve_least_squares, 1e-200), (streamed, 1e-120)])
def test_a_penalty_outweighs_a_column_of_tiny_numbers(way, small):
    found = way(X * [small, 1.0], Y, penalty=1.0)
    alone = way(X[:, 1:], Y, penalty=1.0)
    np.testing.assert_allclose(found.W[1:], alone.W, rtol=1e-14)
    assert abs(found.W[0, 0]) < 1e3 * small
    assert not found.dependent


@pytest.mark.parametrize("way", [solve_least_squares, streamed])
@pytest.mark.filterwarnings("ignore::twofold.solvers.DependentColumnsWarning")
def test_a_column_lost_in_its_own_rounding_costs_no_other_its_place(way):
    random = np.random.default_rng(0)
    z, u = random.standard_normal((2, 50))
    far, near = 0.9 * u + 8e-3 * random.standard_normal(50) + 1e12, z + 2e-3 * random.standard_normal(50)
    found = way(np.column_stack([z, u, far, near]), (z - near + u)[:, None])
    assert found.rank == 3
    assert [item.column for item in found.dependent] == [2]


def test_leave_one_out_where_columns_can_follow_any_targets():
    wide, y = RANDOM.standard_normal((8, 12)), RANDOM.standard_normal((8, 1))
    penalties = [0.0, 1e-12, 1e-6, 1.0]
    expected = []
    for penalty in penalties:
        squares = []
        for i in range(8):
            others = np.arange(8) != i
            A, mean = wide[others] - wide[others].mean(axis=0), y[others].mean()
            B = np.vstack([A, np.sqrt(penalty) * np.eye(12)])
            W = np.linalg.pinv(B, rcond=1e-10) @ np.append(y[others, 0] - mean, np.zeros(12))
            squares.append(((wide[i] - wide[others].mean(axis=0)) @ W + mean - y[i, 0]) ** 2)
        expected.append(np.mean(squares))
    np.testing.assert_allclose(
        ridge_path(wide, y, penalties).errors[[0, 2, 3]], np.array(expected)[[0, 2, 3]], rtol=1e-8
    )
    np.testing.assert_allclose(ridge_path(wide, y, penalties).errors[1], expected[0], rtol=1e-8)


@pytest.mark.parametrize("unit", [1e-170, 1e170])
def test_leave_one_out_does_not_depend_on_units(unit):
    path = ridge_path(X * unit, Y, [0.0])
    np.testing.assert_allclose(path.errors, ridge_path(X, Y, [0.0]).errors, rtol=1e-9)


def test_a_sample_that_alone_determines_a_coefficient_cannot_be_left_out():
    dummy = np.column_stack([X, np.arange(12) == 5])
    assert ridge_path(dummy, Y, [0.0]).errors[0] == np.inf


@pytest.mark.parametrize("penalty", [1e-3, 1e-9])
def test_residuals_of_a_penalised_stream_are_those_of_the_whole(penalty):
    exact = X @ [[1.0], [2.0]]
    expected = solve_least_squares(X, exact, penalty=penalty).residuals.rss
    np.testing.assert_allclose(streamed(X, exact, penalty=penalty).residuals.rss, expected, rtol=1e-9)


@pytest.mark.parametrize("offset", [1e4, 1e8])
def test_leverages_of_a_stream_far_from_0_keep_their_digits(offset):
    far, y = X + offset, Y[:, 0]
    one, other = LinearRegression().fit(far, y), LinearRegression().partial_fit(far, y)
    np.testing.assert_allclose(other.influence(far, y).leverage, one.influence(far, y).leverage, rtol=1e-12)
    np.testing.assert_allclose(
        other.predict_interval(far).standard_error, one.predict_interval(far).standard_error, rtol=1e-10
    )


@pytest.mark.filterwarnings("ignore::twofold.solvers.DependentColumnsWarning")
def test_singular_values_are_as_many_in_a_stream():
    wide = RANDOM.standard_normal((3, 5))
    assert streamed(wide, wide[:, :1]).singular.shape == solve_least_squares(wide, wide[:, :1]).singular.shape == (3,)


def test_a_constant_target_leaves_nothing_to_explain():
    for found in (solve_least_squares(X, np.full((12, 1), 0.1)), streamed(X, np.full((12, 1), 0.1))):
        assert found.residuals.rss <= found.residuals.tss
        assert found.residuals.tss < 1e-30


def test_moments_of_no_features_come_back():
    moments = Moments(0, 1)
    moments.add(np.zeros((3, 0)), [[1.0], [2.0], [6.0]])
    assert solve_moments(Moments.from_dict(moments.to_dict())).b == pytest.approx([3.0])


def test_moments_merged_with_themselves_count_twice():
    twice, moments = Moments(2, 1), Moments(2, 1)
    for state in (twice, twice, moments):
        state.add(X, Y)
    moments.merge(moments)
    assert moments.n == 24
    np.testing.assert_array_equal(moments.parts.sum(axis=0), twice.parts.sum(axis=0))


def test_a_block_of_weights_0_adds_nothing():
    moments = Moments(2, 1)
    moments.add(X, Y)
    moments.add(X, Y, np.zeros(12))
    assert moments.n == 12
    np.testing.assert_array_equal(solve_moments(moments).W, streamed(X, Y).W)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ((X, Y[:, 0]), "block 0: Y has shape (12,); expected a table, (n, q); write y[:, None]"),
        ((X, Y, None, None), None),
        (5, "block 0: expected (X, Y) or (X, Y, sample_weight), got 5"),
    ],
)
def test_blocks_of_another_kind(block, message):
    with pytest.raises(DataError, match=whole(message) if message else r"^block 0: expected \(X, Y\) or"):
        collect_moments([block])


@pytest.mark.parametrize(
    ("table", "weight", "message"),
    [
        ([[1.0, 2.0], [3.0]], None, r"^X is no table: .*; expected rows of equal length$"),
        (
            np.ma.masked_array(np.eye(2), [[0, 1], [0, 0]]),
            None,
            "^X has masked numbers; fill them, or drop their rows$",
        ),
        (np.eye(2), ["a", "b"], "^sample_weight holds something that is no real number: "),
        (np.eye(2), [1e308, 1e308], "^the weights' sum leaves the range of doubles; divide them all by a number$"),
        (
            Pair(np.eye(2), np.zeros((1, 2))),
            None,
            r"^X is a Pair of shapes \(2, 2\) and \(1, 2\); they must be the same$",
        ),
        (Pair(np.eye(2), np.full((2, 2), np.nan)), None, r"^X\.low\[0, 0\] is NaN; "),
    ],
)
def test_what_is_no_table_or_no_weight(table, weight, message):
    with pytest.raises(DataError, match=message):
        solve_least_squares(table, [[1.0], [2.0]], weight)


@pytest.mark.parametrize("options", [{"positive": True}, {"penalty": 1.0}])
def test_the_gram_matrix_refuses_what_it_does_not_know(options):
    with pytest.raises(SpecificationError, match=r"^method 'gram' takes neither a penalty nor positive=True; use"):
        solve_least_squares(X, Y, method="gram", **options)


def test_non_negative_coefficients_of_dependent_columns_are_not_called_the_shortest():
    with pytest.warns(DependentColumnsWarning, match="one of many solutions"):
        solve_least_squares(np.column_stack([X, X[:, 0]]), Y, positive=True)


def test_powers_too_small_for_a_double_are_refused():
    with pytest.raises(DataError, match=r"^x reaches 2e-200; its power 3 leaves the range of doubles: rescale x$"):
        polynomial_features([1e-200, 2e-200], 3)


@pytest.mark.parametrize("noise", [1e-9, 1e-12, 1e-14])
def test_the_cheap_way_keeps_the_residuals_of_a_nearly_exact_fit(noise):
    random = np.random.default_rng(3)
    tall = random.standard_normal((4000, 3))
    y = (tall @ [1.0, 2.0, 3.0] + 5 + noise * random.standard_normal(4000))[:, None]
    cheap, careful = (solve_least_squares(tall, y, method=method) for method in ("gram", "qr"))
    assert cheap.method == "gram"
    np.testing.assert_allclose(cheap.residuals.rss, careful.residuals.rss, rtol=1e-9)
    np.testing.assert_allclose(cheap.residuals.tss, careful.residuals.tss, rtol=1e-12)


@pytest.mark.parametrize("q", [1, 2])
def test_the_cheap_way_keeps_sums_that_its_first_guess_knows_nothing_of(q):
    random = np.random.default_rng(0)
    n = 40000
    tall = random.standard_normal((n, 3)) + np.array([0.0, 50.0, -1.0])
    y = tall @ random.standard_normal((3, q)) + 1e-3 * random.standard_normal((n, q))
    weight = np.full(n, 1e-14)
    hot = (np.arange(100, n, 1999)[:, None] + np.arange(8)).ravel() % n
    weight[hot] = 1.0
    y[hot] += 1e6
    cheap, careful = (solve_least_squares(tall, y, weight, method=method) for method in ("gram", "qr"))
    np.testing.assert_allclose(cheap.residuals.rss, careful.residuals.rss, rtol=1e-9)
    np.testing.assert_allclose(cheap.residuals.tss, careful.residuals.tss, rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_planes_through_0_are_not_warned_of(seed):
    random = np.random.default_rng(seed)
    tall = random.standard_normal((20000, 4)) + 3
    solve_least_squares(tall, tall @ random.standard_normal((4, 1)), method="gram")


def test_one_sample_cannot_be_left_out():
    assert (ridge_path(X[:1], Y[:1], [0.0, 1.0]).errors == np.inf).all()


@pytest.mark.parametrize("unit", [1e-200, 1e250])
def test_leverages_and_intervals_do_not_depend_on_units(unit):
    far, y = X * unit, Y[:, 0]
    near, model = LinearRegression().fit(X, y), LinearRegression().fit(far, y)
    np.testing.assert_allclose(model.influence(far, y).leverage, near.influence(X, y).leverage, rtol=1e-14)
    np.testing.assert_allclose(model.predict_interval(far).confidence, near.predict_interval(X).confidence, rtol=1e-13)


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e200])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.filterwarnings("ignore::twofold.solvers.DependentColumnsWarning")
def test_the_shortest_solution_does_not_depend_on_units(unit, intercept):
    wide, y = RANDOM.standard_normal((3, 5)), Y[:3]
    found = solve_least_squares(wide * unit, y, fit_intercept=intercept).W * unit
    np.testing.assert_allclose(found, solve_least_squares(wide, y, fit_intercept=intercept).W, rtol=1e-13)
