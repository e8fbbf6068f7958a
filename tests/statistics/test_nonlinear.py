"""Nonlinear least squares against NIST's certified values, and against 90 decimal digits."""

import gzip
import json
from importlib.resources import files

import numpy as np
import pytest

from hard_nonlinear import MOST, draw, overclaims, right_digits, truth
from twofold.data.nist_nonlinear import load_nonlinear_sets
from twofold.errors import DataError, NotConvergedError, SpecificationError
from twofold.inspect import certify_nonlinear as certifying
from twofold.inspect.certify import correct_digits
from twofold.solvers.double_double import PairFunctions
from twofold.solvers.duals import Dual, DualFunctions
from twofold.solvers.inference import standard_errors
from twofold.solvers.least_squares import solve_least_squares
from twofold.solvers.pairs import pair
from twofold.statistics.fitted_function import NUMPY, FittedFunction
from twofold.statistics.linear_model import PerfectFitWarning
from twofold.statistics.nonlinear import nonlinear_least_squares

pytestmark = pytest.mark.filterwarnings("ignore::twofold.statistics.linear_model.PerfectFitWarning")
SETS = {data.name: data for data in load_nonlinear_sets()}
FAR = ("BoxBOD", "MGH09", "Thurber", "Rat43", "Lanczos2", "Nelson")
HALF_A_UNIT = 10.3  # digits: half a unit of the last of NIST's 11
RNG = np.random.default_rng(3)
X = np.linspace(0.0, 3.0, 10)
Y = 2 * np.exp(-X) + 0.01 * np.sin(9 * X)


def decay(x, b, xp):
    return b[0] * xp.exp(-b[1] * x)


def check_certified(data, start):
    fit = nonlinear_least_squares(data.model, data.x, data.y, start)
    assert correct_digits(fit.coefficients, data.coefficients) > HALF_A_UNIT
    assert fit.digits.min() > 15.9
    if data.name == "Lanczos1":  # its residuals of 1e-13 are those of rounding its decimals to doubles
        return
    assert correct_digits(fit.standard_errors, data.standard_errors) > HALF_A_UNIT
    assert correct_digits(np.array([fit.sigma]), [data.residual_std]) > HALF_A_UNIT


@pytest.mark.parametrize("name", FAR)
def test_certified_values_are_reached_from_afar(name):
    check_certified(SETS[name], SETS[name].starts[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_all_certified_values_are_reached_from_both_starts(name):
    for start in SETS[name].starts:
        check_certified(SETS[name], start)


@pytest.mark.slow
def test_what_lanczos1_lacks_is_the_rounding_of_its_decimals():
    data = SETS["Lanczos1"]
    packed = files("twofold.data").joinpath("nist_nonlinear.json.gz").read_bytes()
    texts = next(s for s in json.loads(gzip.decompress(packed))["sets"] if s["name"] == "Lanczos1")
    decimals = np.ravel(texts["x"]), texts["y"]
    fit = nonlinear_least_squares(data.model, data.x, data.y, data.starts[1])
    _, errors, _ = truth(data.model, *decimals, fit.coefficients)
    assert correct_digits(np.array(errors, dtype=float), data.standard_errors) > HALF_A_UNIT
    _, errors, _ = truth(data.model, data.x, data.y, fit.coefficients)
    assert min(map(right_digits, fit.standard_errors, errors)) > 14


@pytest.mark.parametrize("number", [0, 2, 5, 7, 8, 24])
def test_no_claim_is_too_high(number):
    found = overclaims(*draw(np.random.default_rng([0, number])))
    assert all(digits < MOST for digits in found.values())


def test_a_minimum_that_newton_alone_would_miss():
    found = overclaims(*draw(np.random.default_rng([5, 88])))  # two rates 1.1 % apart: a first step of 1e-5 is too long
    assert max(found.values()) < MOST


def test_standard_errors_weights_and_covariance_against_90_digits():
    weight = RNG.uniform(0.1, 9, 10)
    fit = nonlinear_least_squares(decay, X, Y, [1.0, 1.0], sample_weight=weight)
    b, errors, rss = truth(decay, X, Y, fit.coefficients, weight)
    assert min(map(right_digits, fit.coefficients, b)) > 15.9
    assert min(map(right_digits, fit.standard_errors, errors)) > 14
    assert right_digits(fit.rss, rss) > 14
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), fit.standard_errors, rtol=1e-12)
    without = nonlinear_least_squares(decay, X[1:], Y[1:], [1.0, 1.0])
    none = nonlinear_least_squares(decay, X, Y, [1.0, 1.0], sample_weight=[0.0] + [1.0] * 9)
    np.testing.assert_array_equal(none.coefficients, without.coefficients)


def test_a_linear_function_has_the_solution_of_linear_least_squares():
    table, y = RNG.normal(size=(20, 3)), RNG.normal(size=20)

    def plane(x, b, _):
        return b[0] + b[1] * x[:, 0] + b[2] * x[:, 1] + b[3] * x[:, 2]

    fit, exact = nonlinear_least_squares(plane, table, y, np.zeros(4)), solve_least_squares(table, y[:, None])
    np.testing.assert_array_equal(fit.coefficients, [*exact.b, *exact.W[:, 0]])
    np.testing.assert_allclose(fit.standard_errors, standard_errors(exact), rtol=1e-14)
    assert (fit.df, fit.sigma) == (16, pytest.approx(np.sqrt(exact.residuals.rss[0] / 16), rel=1e-14))
    assert "b[3]" in str(fit.summary())


def everything(x, b, xp):
    a, c = b[0] * x, b[1]
    first = xp.exp(a) / (2 - c) + xp.log(a + 3) * xp.sin(c * x) - xp.cos(a) ** 3 + xp.arctan(c - x) - (1 - a)
    second = xp.sqrt(a + 2) + xp.tanh(c) * xp.log1p(a * a) + xp.expm1(c) ** 2.5 + (x + 1) ** c + 2**a + c**-2
    third = xp.maximum(a, c) + xp.minimum(a * c, 0.3) + xp.abs(a - 1) + abs(c) + xp.where(x > 1, a, c * c) + xp.pi
    return first + second + third + (1.5 + a) * 2 / c + np.arange(len(X)) * c + 1 / c - 2


def test_slopes_are_those_of_differences():
    b, h = np.array([0.7, 0.4]), 1e-5
    problem = FittedFunction(everything, X, 0 * X, None)
    _, J = problem.slopes(b)
    for k in range(2):
        step = h * np.eye(2)[k]
        numeric = (problem.residuals(b - step) - problem.residuals(b + step)) / (2 * h)
        np.testing.assert_allclose(J[:, k], numeric, rtol=1e-8, atol=1e-8)
        bent = (problem.slopes(b + step)[1] - problem.slopes(b - step)[1]) / (2 * h)  # (n, p)
        np.testing.assert_allclose(problem.curvature(b, X)[:, k], X @ bent, rtol=1e-8)
    direction = np.array([0.3, -0.2])
    bent = (problem.slopes(b + h * direction)[1] - problem.slopes(b - h * direction)[1]) @ direction / (2 * h)
    np.testing.assert_allclose(problem.bend(b, direction), bent, rtol=1e-7)
    r, exact = problem.pair_slopes(pair(b))
    np.testing.assert_allclose(exact.high, J, rtol=1e-12)
    np.testing.assert_allclose(r.high, problem.residuals(b), rtol=1e-12)


def test_only_x_is_indexed():
    assert Dual(NUMPY, X)[3].value == X[3]
    with pytest.raises(TypeError, match="only x can be indexed"):
        Dual(NUMPY, X, {0: 1.0})[3]
    assert (Dual(NUMPY, X) <= 1.0).sum() == (X <= 1).sum()
    assert DualFunctions(PairFunctions).pi.value.high == np.pi


def test_perfect_fits_say_so():
    with pytest.warns(PerfectFitWarning):
        fit = nonlinear_least_squares(lambda x, b, _: b[0] * x, [1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0])
    assert (fit.coefficients[0], fit.error_digits) == (2.0, 0.0)
    assert "perfect" in str(fit.summary())
    saturated = nonlinear_least_squares(decay, X[:2], Y[:2], [1.0, 1.0])
    assert (saturated.df, saturated.digits.min() > 15.9) == (0, True)
    assert np.isnan([*saturated.standard_errors, saturated.sigma]).all()


def many(x, b, _):
    return b[0] + b[1] * x + b[2] * x


@pytest.mark.parametrize(
    ("model", "x", "y", "start", "error", "message"),
    [
        (decay, X, Y[:5], [1.0, 1.0], DataError, r"x has shape \(10,\) and y \(5,\)"),
        (decay, X, Y, [], DataError, r"start has shape \(0,\)"),
        (decay, X, Y, [[1.0, 1.0]], DataError, r"start has shape \(1, 2\); expected a number for each"),
        (decay, X, Y, [1.0], SpecificationError, "asks for more coefficients or columns"),
        (decay, X[:1], Y[:1], [1.0, 1.0], DataError, "1 samples don't determine 2 coefficients"),
        (decay, X, Y + 1j, [1.0, 1.0], DataError, "y has dtype complex128; expected real numbers"),
        (decay, [[1.0], [2.0, 3.0]], Y, [1.0, 1.0], DataError, "x is no array"),
        (decay, np.ma.masked_less(X, 1), Y, [1.0, 1.0], DataError, "x has masked numbers"),
        (decay, X, [*Y[:-1], np.nan], [1.0, 1.0], DataError, r"y\[9, 0\] is NaN"),
        (decay, X, Y, [1.0, -1e9], DataError, "leave the doubles at the start; start elsewhere"),
        (many, X, Y, [1.0, 1.0, 1.0], DataError, r"doesn't determine b\[2\] beside the coefficients before it"),
        (lambda x, b, _: b[0] * np.exp(x * b[1]), X, Y, [1.0, 1.0], SpecificationError, "xp's functions; calling it"),
        (lambda x, b, xp: xp.cosh(b[0] * x), X, Y, [1.0], SpecificationError, "xp's functions; calling it failed"),
        (lambda x, b, _: b[0] * x[:3], X, Y, [1.0], SpecificationError, r"values have shape \(3,\); expected \(10,\)"),
        (lambda x, b, _: x**3 - b[0] ** 2 * x, X, X**3 + 1, [0.0], DataError, r"doesn't determine b\[0\]"),
    ],
)
def test_bad_input_is_refused_in_words(model, x, y, start, error, message):
    with pytest.raises(error, match=message):
        nonlinear_least_squares(model, x, y, start)


def test_a_search_that_ends_too_early_or_nowhere():
    with pytest.raises(NotConvergedError, match=r"no minimum after 1 steps, at b = \[.*\]; raise max_iter"):
        nonlinear_least_squares(decay, X, Y, [1.0, 1.0], max_iter=1)

    def parabola(x, b, _):
        return b[0] * x + 5 * b[0] ** 2

    x, y = np.array([-1.0, 0.0, 1.0]), np.full(3, 10.0)
    with pytest.raises(NotConvergedError, match=r"ended at b = \[0\.0\], which is no minimum; start elsewhere"):
        nonlinear_least_squares(parabola, x, y, [0.0])  # the top between two valleys
    assert abs(nonlinear_least_squares(parabola, x, y, [1e-9]).coefficients[0]) > 1


def test_a_curvature_that_is_not_finite_is_left_out():
    y = 2 * (1.3 * X) ** 1.5 + 0.01 * np.cos(9 * X)
    fit = nonlinear_least_squares(lambda x, b, _: b[0] + (b[1] * x) ** 1.5, X, y, [1.0, 1.2])  # at 0, of 0^-0.5
    assert fit.digits.min() > 15.9
    with pytest.raises((NotConvergedError, DataError), match="start elsewhere"):
        nonlinear_least_squares(lambda x, b, _: b[0] * (b[1] + x) ** 1.5, X, y, [1.0, 0.0])  # the edge of its domain


def test_a_certificate_shows_scipy_beside_it(monkeypatch):
    sets = [SETS["Misra1a"], SETS["MGH09"]]
    monkeypatch.setattr(certifying, "load_nonlinear_sets", lambda: sets)
    found = certifying.certify_nonlinear(peers=True)
    rows = {(row.name, row.library): row for row in found.rows}
    assert len(rows) == 12
    assert found.least > HALF_A_UNIT
    assert rows["MGH09 1", "curve_fit"].coefficients is None  # it gives up
    assert 6 < rows["Misra1a 2", "least_squares"].coefficients < 10
    assert 4 < rows["Misra1a 2", "curve_fit"].standard_errors < 9
