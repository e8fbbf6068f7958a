"""The score of samples predicted without them: the closed form against as many fits as there are samples."""

import numpy as np
import pytest

from twofold import LinearRegression, solve_least_squares
from twofold.solvers.influence import left_out_scores


def by_refitting(X, Y, weight, *, intercept):
    """Fit n times, each time to all samples but one, and predict that one."""
    errors = np.empty(len(X))
    for i in range(len(X)):
        rest = np.delete(np.arange(len(X)), i)
        fit = solve_least_squares(X[rest], Y[rest], weight[rest], fit_intercept=intercept)
        errors[i] = Y[i, 0] - (X[i] @ fit.W + fit.b)[0]
    mean = np.average(Y[:, 0], weights=weight) if intercept else 0.0
    press = weight @ errors**2
    return 1 - press / (weight @ (Y[:, 0] - mean) ** 2), np.sqrt(press / weight.sum())


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_it_is_what_as_many_fits_give(intercept, weighted):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((25, 4)) + 3
    Y = X @ rng.standard_normal((4, 1)) + rng.standard_normal((25, 1))
    weight = rng.uniform(0.2, 3, 25) if weighted else np.ones(25)
    fit = solve_least_squares(X, Y, weight, fit_intercept=intercept)
    found = left_out_scores(fit, X, Y, weight)
    np.testing.assert_allclose([found.r2, found.rmse], by_refitting(X, Y, weight, intercept=intercept), rtol=1e-12)
    assert found.alone == 0


def test_noise_is_worth_nothing_though_the_fit_looks_good():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((40, 30)), rng.standard_normal((40, 1))
    model = LinearRegression().fit(X, Y[:, 0])
    assert model.score(X, Y[:, 0]) > 0.7
    assert model.summary(X, Y[:, 0]).left_out.r2 < 0
    assert "of new samples expect R2 -" in str(model.summary(X, Y[:, 0]))
    assert model.summary().left_out is None


def test_a_sample_that_determines_a_coefficient_alone_is_left_out_and_counted():
    rng = np.random.default_rng(1)
    X = np.column_stack([rng.standard_normal(20), np.zeros(20)])
    X[7, 1] = 1
    Y = X[:, :1] + rng.standard_normal((20, 1))
    found = left_out_scores(solve_least_squares(X, Y), X, Y)
    rest = np.delete(np.arange(20), 7)
    others = left_out_scores(solve_least_squares(X[rest, :1], Y[rest]), X[rest, :1], Y[rest])
    np.testing.assert_allclose([found.r2, found.rmse], [others.r2, others.rmse], rtol=1e-12)
    assert found.alone == 1


def test_a_perfect_fit_predicts_each_sample():
    X = np.arange(6.0)[:, None]
    assert left_out_scores(solve_least_squares(X, 2 * X), X, 2 * X).r2 == 1
