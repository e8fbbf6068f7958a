"""What a solution claims of itself on hard problems, against whole-number arithmetic; `hard_problems.py` runs more."""

import pickle
from copy import deepcopy
from fractions import Fraction

import numpy as np
import pytest
from sklearn.base import clone

from hard_problems import MOST, Hard, draw, overclaims, right_digits, root, truth
from twofold import LinearRegression, load_estimator, save_model
from twofold.solvers import solve_least_squares
from twofold.solvers.exact_products import exact_product
from twofold.solvers.inference import predict_interval, robust_errors
from twofold.solvers.influence import influence
from twofold.solvers.inverse_root import inverse_root
from twofold.solvers.ridge import ridge_path

pytestmark = pytest.mark.filterwarnings("ignore::twofold.solvers.DependentColumnsWarning")
PENALTIES = [0.0, 1e-6, 1e-3, 1.0, 10.0, 100.0]


def collinear(n=60, seed=0):
    rng = np.random.default_rng(seed)
    first = rng.standard_normal(n)
    X = np.column_stack([first, first + 1e-9 * rng.standard_normal(n)])
    return X, X @ [1.0, 2.0] + rng.standard_normal(n)


def left_out(X, y, penalty, weight=None, *, intercept=True):
    """The mean squared error of predicting each sample by an exact fit to all others."""
    n = len(X)
    weight = np.ones(n) if weight is None else weight
    total = Fraction(0)
    for i in range(n):
        others = np.arange(n) != i
        fit = truth(Hard("", X[others], y[others], weight[others], intercept, penalty))
        row = [Fraction(1)] * intercept + [Fraction(v) for v in X[i].tolist()]
        error = Fraction(float(y[i])) - sum(a * b for a, b in zip(row, fit.coefficients, strict=True))
        total += Fraction(float(weight[i])) * error * error
    return total / sum(Fraction(w) for w in weight.tolist())


@pytest.mark.parametrize("numbers", [range(15), pytest.param(range(15, 60), marks=pytest.mark.slow)], ids=str)
@pytest.mark.parametrize("streamed", [False, True])
def test_no_claim_is_too_high(streamed, numbers):
    solved = 0
    for number in numbers:
        found = overclaims(draw(np.random.default_rng([int(streamed), number])), streamed=streamed)
        solved += bool(found)
        assert all(digits <= MOST for digits in found.values()), (number, found)
    assert 6 * solved > 5 * len(numbers)


def test_the_shortest_solution_of_unlike_units_has_the_digits_that_are_claimed():
    found = overclaims(draw(np.random.default_rng([2026, 86391])))  # columns of 1e10 depend, beside one of 1e-7
    assert found["coefficients"] <= MOST


def test_the_square_of_a_small_residual_has_the_digits_that_are_claimed():
    for number in (51187, 88165):  # a residual of 1.009 thousandths of the others
        assert overclaims(draw(np.random.default_rng([2026, number])))["cook"] <= MOST


@pytest.mark.parametrize(("seed", "number"), [(1009, 54), (1018, 424), (1022, 94)])
def test_an_intercept_of_which_little_is_left_has_the_digits_that_are_claimed(seed, number):
    found = overclaims(draw(np.random.default_rng([seed, number])))  # columns of 1e-8 and 1e8; some depend on others
    assert found["coefficients"] < MOST


def test_a_claim_that_is_too_high_is_found(monkeypatch):
    monkeypatch.setattr("twofold.solvers.shortest.exact_product", lambda A, B, *, parts=4: np.stack([A[0] @ B[0]] * 2))
    wide = [problem for k in range(40) if (problem := draw(np.random.default_rng([0, k]))).kind == "wide"]
    assert max(overclaims(problem).get("coefficients", 0.0) for problem in wide) > 1


def test_the_shortest_solution_has_all_its_digits_whatever_the_units():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 9)) * 10.0 ** rng.uniform(-2, 2, 9)
    problem = Hard("wide", X, rng.standard_normal(6), None, intercept=True)
    solution = solve_least_squares(X, problem.y[:, None])
    assert solution.digits.min() > 15.9
    assert overclaims(problem)["coefficients"] <= 0.3


@pytest.mark.parametrize(
    "scales", [[1e9, 1e-9], [1e-9, 1e9], [1.0, 1.0]], ids=["large first", "small first", "like units"]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_leave_one_out_errors_are_right_whatever_the_units(scales, weighted):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((14, 2)) * scales
    y = X @ [0.0, 3 / scales[1]] + 0.1 * rng.standard_normal(14)
    weight = rng.uniform(0.1, 3, 14) if weighted else None
    path = ridge_path(X, y[:, None], PENALTIES, weight)
    for penalty, error in zip(PENALTIES, path.errors, strict=True):
        assert right_digits(error, left_out(X, y, penalty, weight)) > 14.5
    assert path.best.penalty == PENALTIES[int(np.argmin(path.errors))]


def test_the_penalty_that_fits_is_picked_where_units_differ_by_eighteen_orders_of_magnitude():
    rng = np.random.default_rng(0)
    X = np.column_stack([1e9 * rng.normal(size=50), 1e-9 * rng.normal(size=50)])
    y = 3e9 * X[:, 1] + 0.1 * rng.normal(size=50)
    model = LinearRegression(penalty=PENALTIES).fit(X, y)
    assert model.penalty_ == 0
    assert model.score(X, y) > 0.999


@pytest.mark.parametrize("penalty", [0.0, 1e-22, 1e-18, 1e-9, 1.0])
@pytest.mark.parametrize("offset", [0.0, 1.7e9])
def test_leave_one_out_errors_of_columns_that_all_but_depend_are_right(penalty, offset):
    X, y = collinear(14)
    X = np.column_stack([X, np.arange(14) ** 2.0 + offset])
    (error,) = ridge_path(X, y[:, None], [penalty]).errors
    assert right_digits(error, left_out(X, y, penalty)) > 14.5


@pytest.mark.parametrize("penalty", [1e-10, 1e-3, 1.0, 1e4])
@pytest.mark.parametrize("intercept", [False, True])
def test_leave_one_out_errors_with_more_columns_than_samples_are_right(penalty, intercept):
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((5, 7)) * 10.0 ** rng.uniform(-3, 3, 7), rng.standard_normal(5)
    weight = rng.uniform(0.1, 3, 5)
    (error,) = ridge_path(X, y[:, None], [penalty], weight, fit_intercept=intercept).errors
    assert right_digits(error, left_out(X, y, penalty, weight, intercept=intercept)) > 14.5


def test_leave_one_out_errors_that_are_but_a_trace_of_the_targets_are_right():
    problem = draw(np.random.default_rng([1, 129]))  # residuals of 1e-8 beside targets of 1e6, on powers of x
    penalties = [0.0, 1e-12, 1e-4]
    path = ridge_path(problem.X, problem.y[:, None], penalties)
    true = [left_out(problem.X, problem.y, penalty) for penalty in penalties]
    assert min(map(right_digits, path.errors, true)) > 14.5


def test_statistics_of_collinear_columns_have_the_digits_that_are_claimed():
    X, y = collinear()
    problem = Hard("", X, y, None, intercept=True)
    solution = solve_least_squares(X, y[:, None])
    assert solution.spread.digits == 15.0
    assert set(overclaims(problem)) >= {"leverage", "cook", "HC0", "HC2", "HC3", "standard errors"}
    assert max(overclaims(problem).values()) <= MOST


def test_intervals_of_collinear_columns_have_fourteen_digits():
    X, y = collinear()
    exact = truth(Hard("", X, y, None, intercept=True))
    told = predict_interval(solve_least_squares(X, y[:, None]), X)
    rest = exact.y - exact.A @ exact.coefficients
    sigma2 = (rest * rest).sum() / (len(y) - 3)
    mean = exact.A @ exact.coefficients
    for i in range(len(y)):
        h = exact.A[i] @ exact.inverse @ exact.A[i]
        assert right_digits(told.mean[i], mean[i]) > 14.5
        assert right_digits(told.standard_error[i], root(sigma2 * h)) > 14.5


@pytest.mark.parametrize("gap", [1e-6, 1e-12])
def test_a_sample_that_all_but_determines_a_coefficient_has_a_finite_hc3(gap):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.standard_normal(12), gap * rng.standard_normal(12)])
    X[5, 1] = 1.0
    y = X[:, 0] + rng.standard_normal(12)
    problem = Hard("", X, y, None, intercept=True)
    solution = solve_least_squares(X, y[:, None])
    assert influence(solution, X, y[:, None]).leverage[5] >= 1 - 100 * gap**2
    assert np.isfinite(robust_errors(solution, X, y[:, None], None, kind="HC3")).all()
    lost = max(0.0, -np.log10(1e14 * gap**2))  # where 1 - h is below 1e-14
    assert overclaims(problem)["HC3"] <= MOST + lost


def test_standard_errors_are_computed_when_they_are_asked_for_and_once(monkeypatch):
    calls = []

    def counted(M, T):
        calls.append(len(T))
        return inverse_root(M, T)

    monkeypatch.setattr("twofold.solvers.spread.inverse_root", counted)
    model = LinearRegression().fit(*collinear())
    model.predict(collinear()[0])
    assert calls == []
    model.summary()
    assert model.error_digits_ == 15.0
    model.summary()
    assert calls == [3]


@pytest.mark.parametrize("asked", [False, True])
def test_a_model_that_was_not_asked_for_standard_errors_has_them_after_a_copy_and_on_disk(asked, tmp_path):
    X, y = collinear()
    model = LinearRegression().fit(X, y)
    expected = LinearRegression().fit(X, y).summary().to_dict()
    if asked:
        model.summary()
    for other in (pickle.loads(pickle.dumps(model)), deepcopy(model)):  # noqa: S301 - our own bytes
        assert other.summary().to_dict() == expected
        assert other.error_digits_ == 15.0
    save_model(tmp_path / "line", model)
    loaded = load_estimator(tmp_path / "line")
    assert loaded.summary().to_dict() == expected
    np.testing.assert_array_equal(loaded.influence(X, y).cook, model.influence(X, y).cook)
    assert not hasattr(clone(model), "solution_")


def test_a_fit_keeps_no_hold_of_the_samples():
    X, y = collinear()
    expected = LinearRegression().fit(X, y).summary().to_dict()
    mine, targets = X.copy(), y.copy()
    model = LinearRegression().fit(mine, targets)
    mine[:], targets[:] = 7.0, 7.0
    assert model.summary().to_dict() == expected


def test_the_digits_of_statistics_are_not_a_number_where_there_are_none():
    X, y = collinear()
    assert np.isnan(LinearRegression(penalty=1.0).fit(X, y).error_digits_)


def test_the_cheap_way_claims_no_more_digits_of_statistics_than_it_has():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((8000, 3))
    X[:, 2] = X[:, 1] + 0.01 * X[:, 2]
    Y = X @ [[1.0], [2.0], [3.0]] + rng.standard_normal((8000, 1))
    cheap, careful = (solve_least_squares(X, Y, method=method) for method in ("gram", "qr"))
    np.testing.assert_allclose(
        cheap.spread.deviations, careful.spread.deviations, rtol=10.0**-cheap.spread.digits, atol=0
    )
    leverages = [influence(solution, X, Y).leverage for solution in (cheap, careful)]
    np.testing.assert_allclose(*leverages, rtol=10.0**-cheap.spread.digits, atol=0)
    assert 9 < cheap.spread.digits < 14


@pytest.mark.parametrize("gap", [1e-3, 1e-9, 1e-14])
def test_the_inverse_root_is_right_whatever_the_condition(gap):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((20, 4))
    A[:, 1] = A[:, 0] + gap * A[:, 1]
    M = exact_product([A.T], [A])
    found = inverse_root(M, np.linalg.inv(np.linalg.qr(A, mode="r")))
    T = [
        [Fraction(h) + Fraction(low) for h, low in zip(*row, strict=True)]
        for row in zip(*map(np.ndarray.tolist, found), strict=True)
    ]
    product = np.array(T, dtype=object) @ np.array(T, dtype=object).T
    exact = truth(Hard("", A, np.zeros(20), None, intercept=False)).inverse
    assert all(right_digits(float(a), b) >= 15.9 for a, b in zip(np.diag(product), np.diag(exact), strict=True))


def test_what_is_singular_has_no_inverse_root():
    assert inverse_root([np.ones((2, 2))], np.eye(2)) is None


def test_products_are_exact_however_their_parts_cancel():
    rng = np.random.default_rng(0)
    A = [rng.standard_normal((3, 50)) * s for s in (1e-10, 1.0, 1e-17)]  # the largest part is not the first
    B = [rng.standard_normal((50, 2)) * 10.0 ** rng.uniform(-9, 9, (50, 2))]
    whole = [np.vectorize(Fraction)(sum_of) for sum_of in (A[0], A[1], A[2])]
    exact = sum(whole) @ np.vectorize(Fraction)(B[0])
    found = np.vectorize(Fraction)(exact_product(A, B)).sum(axis=0)
    assert max(abs(f / e - 1) for f, e in zip(found.ravel(), exact.ravel(), strict=True)) < Fraction(1, 2**150)
