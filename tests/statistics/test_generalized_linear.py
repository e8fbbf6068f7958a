"""Maximum likelihood to the last digit: the truth is Newton's method in 60 decimal digits."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from twofold.errors import DataError, NotConvergedError, SeparationError, SpecificationError
from twofold.functions import LOSSES
from twofold.statistics import solve_glm, solve_multinomial
from twofold.statistics.families import FAMILIES

SLOPES = {  # d l / d o and d2 l / d o2 of one sample, in Decimal
    "gaussian": lambda o, y: (o - y, Decimal(1)),
    "binomial": lambda o, y: (1 / (1 + (-o).exp()) - y, (-o).exp() / (1 + (-o).exp()) ** 2),
    "poisson": lambda o, y: (o.exp() - y, o.exp()),
    "gamma": lambda o, y: (1 - y * (-o).exp(), y * (-o).exp()),
}
INFORMATION = {**{name: (lambda o, y, f=f: f(o, y)[1]) for name, f in SLOPES.items()}, "gamma": lambda o, y: Decimal(1)}


def solve(M, b):
    """Gauss elimination with pivoting."""
    n = len(b)
    rows = [[*row, value] for row, value in zip(M, b, strict=True)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k in range(n):
            if k != i:
                factor = rows[k][i] / rows[i][i]
                rows[k] = [a - factor * c for a, c in zip(rows[k], rows[i], strict=True)]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def truth(family, X, y, weight, offset, start):
    """Coefficients, and standard errors over the root of the dispersion, in 60 digits."""
    with localcontext() as context:
        context.prec = 60
        A = [[Decimal(1), *map(Decimal, row)] for row in X.tolist()]
        y, weight, offset = ([Decimal(v) for v in values.tolist()] for values in (y, weight, offset))
        beta = [Decimal(v) for v in start.tolist()]
        p = len(beta)
        for _ in range(12):
            o = [sum(a * b for a, b in zip(row, beta, strict=True)) + s for row, s in zip(A, offset, strict=True)]
            parts = [SLOPES[family](*pair) for pair in zip(o, y, strict=True)]
            gradient = [sum(w * s * row[j] for w, (s, _), row in zip(weight, parts, A, strict=True)) for j in range(p)]
            hessian = moments(A, [w * c for w, (_, c) in zip(weight, parts, strict=True)])
            beta = [b - d for b, d in zip(beta, solve(hessian, gradient), strict=True)]
        information = moments(
            A, [w * INFORMATION[family](*pair) for w, pair in zip(weight, zip(o, y, strict=True), strict=True)]
        )
        errors = [solve(information, [Decimal(int(i == j)) for i in range(p)])[j].sqrt() for j in range(p)]
        return beta, errors


def moments(A, weights):
    p = len(A[0])
    return [[sum(w * row[i] * row[j] for w, row in zip(weights, A, strict=True)) for j in range(p)] for i in range(p)]


def digits(ours, true):
    error = abs(Decimal(float(ours)) - true) / abs(true)
    return float(-error.log10()) if error else 17.0


def problem(family, seed):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=25), 1990.0 + rng.integers(0, 30, 25)])  # years: far from 0
    o = 0.4 * X[:, 0] + 0.05 * (X[:, 1] - 2005)
    draw = {
        "gaussian": lambda: o + rng.normal(size=25),
        "binomial": lambda: (rng.uniform(size=25) < 1 / (1 + np.exp(-o))).astype(float),
        "poisson": lambda: rng.poisson(np.exp(o + 1)).astype(float),
        "gamma": lambda: np.exp(o) * rng.gamma(2.0, size=25),
    }
    return X, draw[family](), rng.integers(1, 4, 25).astype(float), rng.normal(size=25) / 4


def nearly_dependent(family, seed):
    X, y, weight, offset = problem(family, seed)
    rng = np.random.default_rng(seed)
    return np.column_stack([X, X[:, 0] + 10.0 ** rng.integers(-13, -11) * rng.normal(size=25)]), y, weight, offset


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("make", "seed"), [(problem, 1), (problem, 2), (nearly_dependent, 3), (nearly_dependent, 4)])
def test_coefficients_are_right_to_the_last_digit_and_errors_to_as_many_as_are_claimed(family, make, seed):
    X, y, weight, offset = make(family, seed)
    fit = solve_glm(X, y, family, sample_weight=weight, offset=offset)
    beta, errors = truth(family, X, y, weight, offset, fit.coefficients.high)
    found = [digits(a, b) for a, b in zip(fit.coefficients.high, beta, strict=True)]
    assert (np.array(found) >= fit.digits - 0.3).all()
    assert fit.digits.min() > 15.5
    relative = fit.standard_errors / np.sqrt(fit.dispersion)
    found = [digits(a, b) for a, b in zip(relative, errors, strict=True)]
    assert min(found) >= fit.error_digits - 0.3
    assert fit.error_digits >= 13


def test_a_family_s_curvature_and_information_are_the_derivatives_that_they_should_be():
    from twofold.functions.numpy_functions import of_type

    o, y, xp = np.linspace(-3, 3, 13), np.linspace(0.1, 0.9, 13), of_type(np.dtype(float))
    for family in FAMILIES.values():
        step = 1e-5
        slopes = [family.loss.of_outputs(o + h, y, xp)[1] for h in (-step, step)]
        np.testing.assert_allclose(family.curvature(o, y, xp), (slopes[1] - slopes[0]) / (2 * step), rtol=1e-8)
        m = family.mean(o)
        derivative = (family.mean(o + step) - family.mean(o - step)) / (2 * step)
        np.testing.assert_allclose(family.information(o, y, xp), derivative**2 / family.variance(m), rtol=1e-8)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_saturated_loss_is_the_least(family):
    y = np.array([0.1, 0.5, 0.9])
    o = np.linspace(-12, 12, 200001)[:, None]
    kind = FAMILIES[family]
    for value in y:
        losses, _ = LOSSES[kind.loss_name].samples(o, np.full_like(o, value))
        assert losses.min() == pytest.approx(kind.saturated(np.array([value]))[0], abs=1e-7)


def test_an_intercept_alone_is_the_mean():
    y = np.array([1.0, 4.0, 7.0])
    fit = solve_glm(np.zeros((3, 0)), y, "poisson")
    assert fit.coefficients.high[0] == np.log(4.0)
    assert fit.deviance == fit.null_deviance == pytest.approx(2 * float(np.sum(y * np.log(y / 4) - (y - 4))))


def test_weights_count_like_repeated_samples():
    X, y, weight, offset = problem("poisson", 3)
    times = weight.astype(int)
    fit = solve_glm(X, y, "poisson", sample_weight=weight, offset=offset)
    repeated = solve_glm(np.repeat(X, times, axis=0), np.repeat(y, times), "poisson", offset=np.repeat(offset, times))
    np.testing.assert_array_equal(fit.coefficients.high, repeated.coefficients.high)
    np.testing.assert_allclose(fit.standard_errors, repeated.standard_errors, rtol=1e-14)


def test_samples_of_weight_0_count_for_nothing():
    X, y, weight, offset = problem("binomial", 4)
    weight[:5] = 0
    fit = solve_glm(X, y, "binomial", sample_weight=weight, offset=offset)
    without = solve_glm(X[5:], y[5:], "binomial", sample_weight=weight[5:], offset=offset[5:])
    np.testing.assert_array_equal(fit.coefficients.high, without.coefficients.high)
    assert fit.df == without.df


@pytest.mark.parametrize(
    ("X", "y", "family", "words"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], "binomial", "y = 0 and y = 1 are told apart completely by dose"),
        ([1, 2, 2, 3, 3], [0, 0, 1, 1, 1], "binomial", "y = 0 and y = 1 are told apart in 3 samples by dose"),
        ([0, 0, 0, 1, 1], [1, 3, 2, 0, 0], "poisson", "counts of 0 and others are told apart in 2 samples by dose"),
    ],
)
def test_separation_is_named(X, y, family, words):
    with pytest.raises(SeparationError) as raised:
        solve_glm(np.array(X, dtype=float)[:, None], y, family, names=["dose"])
    assert str(raised.value).startswith(words)
    assert "penalty" in str(raised.value)


def test_what_looks_like_separation_but_is_none_is_fitted():
    x = np.array([0.0, 1.0, 2.0, 3.0, 40.0, 41.0, 42.0, 43.0, 20.0, 21.0])
    y = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    fit = solve_glm(x[:, None], y, "binomial")
    assert np.abs(fit.predictor).max() > 5
    assert fit.digits.min() > 15


@pytest.mark.parametrize(
    ("family", "y", "words"),
    [
        ("poisson", [1, -1, 2], "y\\[1\\] is -1; poisson takes counts, from 0 on"),
        ("gamma", [1, 0, 2], "y\\[1\\] is 0; gamma takes positive numbers"),
        ("binomial", [0, 1, 2], "y\\[2\\] is 2; binomial takes 0 and 1, or shares"),
    ],
)
def test_targets_that_a_family_has_none_of_are_refused(family, y, words):
    with pytest.raises(DataError, match=words):
        solve_glm([[1.0], [2.0], [3.0]], y, family)


def test_dependent_columns_and_wrong_shapes_are_named():
    with pytest.raises(DataError, match=r"columns depend on each other: .*b on a.*leave some out"):
        solve_glm([[1.0, 2.0], [2.0, 4.0], [5.0, 10.0], [3.0, 6.0]], [1, 2, 1, 3], "poisson", names=["a", "b"])
    with pytest.raises(DataError, match=r"offset has shape \(2,\); X has 3 samples"):
        solve_glm([[1.0], [2.0], [3.0]], [1, 2, 3], "poisson", offset=[1, 2])
    with pytest.raises(DataError, match=r"y has shape \(3, 1\); expected one target"):
        solve_glm([[1.0], [2.0], [3.0]], [[1], [2], [3]], "poisson")
    with pytest.raises(SpecificationError, match="unknown family 'posson'; did you mean 'poisson'"):
        solve_glm([[1.0]], [1], "posson")


def test_too_few_steps_are_said():
    X, y, *_ = problem("poisson", 5)
    with pytest.raises(NotConvergedError, match=r"has not converged after 2 steps.*raise max_iter"):
        solve_glm(X, y, "poisson", max_iter=2)


def test_two_classes_are_the_binomial_model():
    X, y, weight, _ = problem("binomial", 6)
    two = solve_glm(X, y, "binomial", sample_weight=weight)
    many = solve_multinomial(X, y.astype(int), sample_weight=weight)
    np.testing.assert_array_equal(many.coefficients.high[0], two.coefficients.high)
    X, y, weight, _ = nearly_dependent("binomial", 4)
    two, many = solve_glm(X, y, "binomial"), solve_multinomial(X, y.astype(int))
    np.testing.assert_allclose(many.coefficients.high[0], two.coefficients.high, rtol=1e-15)
    np.testing.assert_allclose(many.standard_errors[0], two.standard_errors, rtol=1e-12)
    assert many.deviance == pytest.approx(two.deviance, rel=1e-14)
    assert many.null_deviance == pytest.approx(two.null_deviance, rel=1e-14)


def multinomial_problem():
    rng = np.random.default_rng(7)
    X = np.column_stack([rng.normal(size=60), rng.integers(1990, 2020, 60)]).astype(float)
    O = np.column_stack([np.zeros(60), X[:, 0], 0.1 * (X[:, 1] - 2005)]) + rng.gumbel(size=(60, 3))
    return X, O.argmax(axis=1)


def test_multinomial_coefficients_are_where_the_gradient_is_0_in_60_digits():
    X, y = multinomial_problem()
    fit = solve_multinomial(X, y)
    assert fit.digits.min() > 15.5
    with localcontext() as context:
        context.prec = 60
        A = [[Decimal(1), *map(Decimal, row)] for row in X.tolist()]
        beta = [
            [Decimal(a) + Decimal(b) for a, b in zip(*rows, strict=True)]
            for rows in zip(*map(np.ndarray.tolist, fit.coefficients), strict=True)
        ]
        gradient = [[Decimal(0)] * 3 for _ in range(2)]
        for row, label in zip(A, y.tolist(), strict=True):
            e = [Decimal(1), *(sum(a * b for a, b in zip(row, each, strict=True)).exp() for each in beta)]
            for j in range(2):
                slope = e[j + 1] / sum(e) - int(label == j + 1)
                gradient[j] = [g + slope * a for g, a in zip(gradient[j], row, strict=True)]
    scale = np.abs(X).max() * len(X)
    assert max(abs(float(g)) for row in gradient for g in row) < 1e-24 * scale


def test_multinomial_standard_errors_and_likelihood_are_those_of_statsmodels():
    api = pytest.importorskip("statsmodels.api")
    X, y = multinomial_problem()
    X = X - [0, 2005]  # statsmodels' Newton doesn't converge on years as they are
    fit = solve_multinomial(X, y)
    theirs = api.MNLogit(y, api.add_constant(X)).fit(disp=0, tol=1e-14, method="newton", maxiter=50)
    np.testing.assert_allclose(fit.coefficients.high, theirs.params.T, rtol=1e-9)
    np.testing.assert_allclose(fit.standard_errors, theirs.bse.T, rtol=1e-9)
    assert fit.log_likelihood == pytest.approx(theirs.llf, rel=1e-12)
    counts = np.bincount(y)
    assert fit.null_deviance == pytest.approx(-2 * float(counts @ np.log(counts / 60)), rel=1e-14)


def test_classes_that_are_told_apart_or_have_no_sample_are_named():
    with pytest.raises(SeparationError, match="classes are told apart completely by dose"):
        solve_multinomial([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]], [0, 0, 1, 1, 2, 2], names=["dose"])
    with pytest.raises(DataError, match="y has 3 classes of which one has no sample"):
        solve_multinomial([[1.0], [2.0], [3.0]], [0, 2, 2])
    with pytest.raises(DataError, match="dtype float64; expected class indices"):
        solve_multinomial([[1.0], [2.0]], [0.0, 1.0])
