import re
import threading
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize

from twofold.errors import DataError, SpecificationError, UnknownNameError
from twofold.solvers import (
    AccuracyWarning,
    DependentColumnsWarning,
    Moments,
    polynomial_features,
    solve_least_squares,
    solve_moments,
)
from twofold.solvers.ridge import ridge_path


def whole(text):
    return f"^{re.escape(text)}$"


def problem(n=60, d=3, q=2, seed=0):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, d)) + np.arange(d)
    return X, X @ random.standard_normal((d, q)) + 1.0 + 0.1 * random.standard_normal((n, q))


def streamed(X, Y, weight=None, **options):
    moments = Moments(X.shape[1], Y.shape[1])
    moments.add(X, Y, weight)
    return solve_moments(moments, **options)


def same(a, b, rtol=1e-9):
    np.testing.assert_allclose(a.W, b.W, rtol=rtol)
    np.testing.assert_allclose(a.b, b.b, rtol=rtol)
    np.testing.assert_allclose(a.residuals.rss, b.residuals.rss, rtol=rtol)
    np.testing.assert_allclose(a.residuals.tss, b.residuals.tss, rtol=rtol)
    np.testing.assert_allclose(a.spread.deviations, b.spread.deviations, rtol=rtol)
    np.testing.assert_allclose(a.spread.lengths, b.spread.lengths, rtol=rtol)
    np.testing.assert_allclose(a.condition, b.condition, rtol=rtol)
    np.testing.assert_allclose(a.singular, b.singular, rtol=rtol)
    assert (a.rank, a.residuals.n) == (b.rank, b.residuals.n)
    np.testing.assert_allclose(a.residuals.log_weights, b.residuals.log_weights, rtol=rtol)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("q", [1, 2])
def test_all_three_ways_agree(weighted, intercept, offset, q):
    X, Y = problem(20000, 4, q)
    X = X + offset
    weight = np.random.default_rng(5).integers(0, 3, len(X)).astype(float) if weighted else None
    careful = solve_least_squares(X, Y, weight, fit_intercept=intercept, method="qr")
    assert careful.method == "qr"
    if intercept or not offset:  # without an intercept an offset makes columns nearly parallel
        cheap = solve_least_squares(X, Y, weight, fit_intercept=intercept, method="gram")
        assert cheap.method == "gram"
        same(cheap, careful, 1e-10)
    same(streamed(X, Y, weight, fit_intercept=intercept), careful)


def test_the_cheap_way_is_taken_where_it_is_safe_and_not_elsewhere():
    X, Y = problem(20000, 4)
    assert solve_least_squares(X, Y).method == "gram"
    near = np.column_stack([X, X[:, 0] + 1e-5 * np.random.default_rng(9).standard_normal(len(X))])
    assert solve_least_squares(near, Y).method == "qr"
    with pytest.raises(
        SpecificationError, match=whole("method 'gram' can't be trusted with this problem; use method 'auto'")
    ):
        solve_least_squares(near, Y, method="gram")
    assert solve_least_squares(X * 1e160, Y).method == "qr"
    assert solve_least_squares(X[:100], Y[:100]).method == "qr"


@pytest.mark.parametrize("intercept", [False, True])
def test_many_ranges_of_rows_add_up(intercept):
    random = np.random.default_rng(0)
    X = random.standard_normal((50_000, 20))  # four ranges of at most 13107 rows
    Y = X @ random.standard_normal((20, 2)) + random.standard_normal((50_000, 2))
    cheap = solve_least_squares(X, Y, fit_intercept=intercept)
    assert cheap.method == "gram"
    A = np.column_stack([np.ones(len(X)), X]) if intercept else X
    expected = np.linalg.lstsq(A, Y, rcond=None)[0]
    np.testing.assert_allclose(cheap.W, expected[int(intercept) :], rtol=1e-10)
    np.testing.assert_allclose(cheap.residuals.rss, np.square(Y - A @ expected).sum(axis=0), rtol=1e-10)
    np.testing.assert_allclose(cheap.spread.deviations**2, np.diag(np.linalg.inv(A.T @ A)), rtol=1e-9)


def test_condition_that_shows_only_outside_the_sample_is_seen():
    random = np.random.default_rng(0)
    X = np.zeros((40000, 2))
    X[:, 0] = random.standard_normal(40000)
    X[:, 1] = X[:, 0]
    X[::1999, 1] += 1e-4
    assert solve_least_squares(X, X[:, :1] + X[:, 1:]).method == "qr"


def test_a_bad_first_guess_costs_a_second_pass_and_nothing_else():
    X, _ = problem(30000, 3)
    y = 1e3 * np.random.default_rng(1).standard_normal((30000, 1))  # all noise: the guess has not one digit
    same(solve_least_squares(X, y, method="gram"), solve_least_squares(X, y, method="qr"), 1e-9)


def test_the_cheap_way_does_not_depend_on_who_else_is_solving():
    X, Y = problem(20000, 4)
    expected = solve_least_squares(X, Y).W
    found = []
    threads = [threading.Thread(target=lambda: found.append(solve_least_squares(X, Y).W)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(W, expected) for W in found)
    assert len(found) == 4


@pytest.mark.parametrize("n", [60, 20000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named_with_its_place(n, bad):
    X, Y = problem(n, 4)
    X[n // 2, 3] = bad
    shown = "NaN" if np.isnan(bad) else "infinity, inf"
    with pytest.raises(DataError, match=whole(f"X[{n // 2}, 3] is {shown}; expected a finite number: drop or fill it")):
        solve_least_squares(X, Y)


def test_float32_is_computed_in_float64():
    X, Y = problem()
    single = X.astype(np.float32)
    same(solve_least_squares(single, Y), solve_least_squares(single.astype(np.float64), Y), 1e-15)


@pytest.mark.parametrize("way", [solve_least_squares, streamed])
def test_dependent_columns_are_named_and_the_solution_is_the_shortest(way):
    X, Y = problem(60, 3)
    X = np.column_stack([X, X[:, 0] - 2 * X[:, 2], np.full(60, 7.0)])
    if way is solve_least_squares:
        with pytest.warns(DependentColumnsWarning) as caught:
            solution = way(X, Y, names=["a", "b", "c", "d", "e"])
        assert "e is constant" in str(caught[0].message)
        assert "minimum-norm" in str(caught[0].message)
    else:
        solution = way(X, Y)
    assert solution.rank == 3
    assert solution.condition == np.inf
    assert solution.spread is None
    assert {item.column for item in solution.dependent} <= {0, 2, 3, 4}
    related = next(item for item in solution.dependent if item.of)
    assert {related.column, *related.of} == {0, 2, 3}
    centred = X - X.mean(axis=0)
    shortest = np.linalg.pinv(centred, rcond=1e-10) @ (Y - Y.mean(axis=0))
    np.testing.assert_allclose(solution.W, shortest, atol=1e-12)
    np.testing.assert_allclose(X @ solution.W + solution.b, centred @ shortest + Y.mean(axis=0), atol=1e-12)


def test_very_many_features_claim_no_more_digits_than_they_have():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 60_000)), rng.normal(size=(20, 1))
    with pytest.warns(DependentColumnsWarning):
        solution = solve_least_squares(X, y)
    assert solution.rank == 19
    # With Z the centred X, the shortest W is Z' a, Z Z' a = y - mean and 1'a = 0.
    exact = X.astype(np.longdouble)
    centred, target = exact - exact.mean(axis=0), (y - y.astype(np.longdouble).mean()).astype(np.longdouble)
    G = centred @ centred.T + np.full((20, 20), 3000.0, dtype=np.longdouble)
    a = np.linalg.solve(G.astype(float), target.astype(float)).astype(np.longdouble)
    for _ in range(3):
        a += np.linalg.solve(G.astype(float), (target - G @ a).astype(float))
    shortest = centred.T @ a
    wrong = np.abs(solution.W - shortest)
    rounding = 4e-18 * np.abs(shortest).max()  # of the truth
    assert (wrong <= 2.0 * 10.0 ** -solution.digits[1:] * np.abs(shortest) + rounding).all()
    assert solution.digits.min() > 15


@pytest.mark.parametrize("intercept", [False, True])
def test_fewer_samples_than_features(intercept):
    X, Y = problem(5, 9)
    with pytest.warns(DependentColumnsWarning, match="and ., more|columns depend on each other"):
        solution = solve_least_squares(X, Y, fit_intercept=intercept)
    np.testing.assert_allclose(X @ solution.W + solution.b, Y, atol=1e-12)
    A, B = (X - X.mean(axis=0), Y - Y.mean(axis=0)) if intercept else (X, Y)
    np.testing.assert_allclose(solution.W, np.linalg.pinv(A, rcond=1e-12) @ B, atol=1e-12)
    assert solution.rank == 5 - intercept


def test_columns_that_all_but_depend_are_told_by_their_digits():
    random = np.random.default_rng(0)
    x = random.integers(0, 1 << 40, 50).astype(float)
    X = np.column_stack([x, x + random.integers(-1, 2, 50) * 2.0**-4])
    Y = X @ [[1.0], [2.0]]
    solution = solve_least_squares(X, Y)
    assert solution.condition > 1e13
    for found in (solution, streamed(X, Y)):
        assert np.abs(found.W / [[1.0], [2.0]] - 1).max() < 10.0 ** -found.digits.min()


def test_few_digits_are_warned_of():
    from twofold.solvers.least_squares import warn_about

    X, Y = problem()
    poor = replace(streamed(X, Y), digits=np.full((4, 2), 4.0), condition=3.14e12)
    with pytest.warns(
        AccuracyWarning, match=r"^only about 4 digits of a coefficient are right \(condition number 3.1e"
    ):
        warn_about(poor, None)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("way", ["whole", "streamed"])
def test_non_negative_coefficients_meet_the_conditions_of_a_minimum(intercept, way):
    X, _ = problem(200, 5, seed=2)
    Y = X @ np.array([[1.0, -1.0], [-2.0, 0.5], [0.5, 0.0], [0.0, -0.3], [3.0, 2.0]]) - 4.0 * intercept
    Y += 0.1 * np.random.default_rng(0).standard_normal(Y.shape)
    if way == "whole":
        solution = solve_least_squares(X, Y, fit_intercept=intercept, positive=True)
    else:
        from twofold.solvers.nonnegative import solve_nonnegative_moments

        moments = Moments(5, 2)
        moments.add(X, Y)
        solution = solve_nonnegative_moments(moments, fit_intercept=intercept)
    assert solution.method == "nonnegative"
    assert (solution.W >= 0).all()
    assert (solution.W == 0).any()
    gradient = X.T @ (X @ solution.W + solution.b - Y)
    assert (gradient > -1e-9).all()
    assert np.abs(gradient[solution.W > 0]).max() < 1e-9
    if not intercept:
        for k in range(2):
            np.testing.assert_allclose(solution.W[:, k], scipy.optimize.nnls(X, Y[:, k])[0], atol=1e-12)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_leave_one_out_error_in_closed_form_is_that_of_leaving_each_out(intercept, weighted):
    X, Y = problem(20, 3)
    weight = np.random.default_rng(1).integers(0, 3, 20).astype(float) if weighted else np.ones(20)
    penalties = [0.0, 0.1, 10.0]
    path = ridge_path(X, Y, penalties, weight, fit_intercept=intercept)
    for penalty, error in zip(penalties, path.errors, strict=True):
        left = []
        for i in range(20):
            others = np.arange(20) != i
            fit = solve_least_squares(X[others], Y[others], weight[others], fit_intercept=intercept, penalty=penalty)
            left.append(weight[i] * np.square(Y[i] - X[i] @ fit.W - fit.b).mean())
        np.testing.assert_allclose(error, sum(left) / weight.sum(), rtol=1e-9)
    assert path.best.penalty == penalties[int(np.argmin(path.errors))]


def test_polynomial_features_refuse_what_they_cannot_raise():
    with pytest.raises(SpecificationError, match=whole("degree is 0; it must be a whole number of at least 1")):
        polynomial_features([1.0], 0)
    with pytest.raises(SpecificationError, match="degree is True"):
        polynomial_features([1.0], True)
    with pytest.raises(DataError, match=r"^x has shape \(2, 2\); powers are formed of one column"):
        polynomial_features(np.eye(2), 2)
    with pytest.raises(DataError, match=r"^x reaches 1e\+200; its power 2 leaves the range of doubles: rescale x$"):
        polynomial_features([1e200], 2)


@pytest.mark.parametrize(
    ("X", "Y", "options", "message"),
    [
        (np.ones(3), np.ones((3, 1)), {}, "X has shape (3,); expected a table, (n, d)"),
        (np.ones((3, 1)), np.ones(3), {}, "Y has shape (3,); expected a table, (n, q); write y[:, None]"),
        (np.ones((3, 1)), np.ones((2, 1)), {}, "X has 3 samples and Y has 2; they must be as many"),
        (np.ones((0, 1)), np.ones((0, 1)), {}, "X has no samples; give at least one row"),
        (np.array([["a"]]), np.ones((1, 1)), {}, "X has dtype <U1; expected real numbers"),
        (
            np.eye(2),
            np.ones((2, 1)),
            {"sample_weight": [1.0]},
            "sample_weight has shape (1,); X has 2 samples, so it must be (2,)",
        ),
        (np.eye(2), np.ones((2, 1)), {"sample_weight": [1, -1]}, "sample_weight[1] is -1.0; weights are not negative"),
        (
            np.eye(2),
            np.ones((2, 1)),
            {"sample_weight": [0, 0]},
            "every sample_weight is zero; at least one must be positive",
        ),
        (np.eye(2), [[1.0], [np.nan]], {}, "Y[1, 0] is NaN; expected a finite number: drop or fill it"),
    ],
)
def test_data_that_cannot_be_fitted(X, Y, options, message):
    with pytest.raises(DataError, match=whole(message)):
        solve_least_squares(X, Y, **options)


def test_options_that_cannot_be():
    with pytest.raises(SpecificationError, match=whole("penalty is -1.0; it must be a finite number of at least 0")):
        solve_least_squares([[1.0]], [[1.0]], penalty=-1.0)
    with pytest.raises(UnknownNameError, match="did you mean 'gram'"):
        solve_least_squares([[1.0]], [[1.0]], method="grim")
    for penalties in ([], [-1.0]):
        with pytest.raises(SpecificationError, match=r"^penalties are"):
            ridge_path([[1.0]], [[1.0]], penalties)


def test_the_loss_and_the_parameters_are_the_networks():
    X, Y = problem()
    solution = solve_least_squares(X, Y)
    assert solution.loss == pytest.approx(np.square(X @ solution.W + solution.b - Y).sum(axis=1).mean() / 2, rel=1e-12)
    (layer,) = solution.parameters
    np.testing.assert_array_equal(layer.W, solution.W)


def test_a_table_without_features_is_a_mean():
    solution = solve_least_squares(np.zeros((3, 0)), [[1.0], [2.0], [6.0]])
    assert solution.b == pytest.approx([3.0], rel=1e-15)
    assert solution.rank == 0


@pytest.mark.parametrize("X", [np.zeros((3, 0)), np.ones((3, 1))])
def test_where_nothing_is_fitted_the_residuals_are_the_targets(X):
    solution = solve_least_squares(X, [[-1.0], [-2.0], [-6.0]], fit_intercept=False, positive=True)
    assert solution.residuals.rss == pytest.approx([41.0])
    assert solution.loss == pytest.approx(41 / 6)


def test_singular_values_are_those_of_the_centred_table():
    X, Y = problem()
    np.testing.assert_allclose(solve_least_squares(X, Y).singular, scipy.linalg.svdvals(X - X.mean(axis=0)), rtol=1e-12)
    np.testing.assert_allclose(streamed(X, Y, fit_intercept=False).singular, scipy.linalg.svdvals(X), rtol=1e-12)


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
