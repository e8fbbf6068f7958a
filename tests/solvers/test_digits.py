"""The digits that a solution claims for itself, against exact rational arithmetic."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nist
from twofold.errors import DataError
from twofold.solvers import AccuracyWarning, Moments, solve_least_squares, solve_moments
from twofold.solvers.gram import solve_gram
from twofold.solvers.input_checks import check_problem
from twofold.solvers.moments import BLOCK_ROWS

PROMISED = 13  # correct digits of every coefficient


@st.composite
def problems(draw, conditions=12.0, offsets=11.0, rows=30):
    """Draw tables with columns that all but depend on each other, far from 0, and of unlike units."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    d, intercept = draw(st.integers(1, 4)), draw(st.booleans())
    n = draw(st.integers(d + 3, rows))
    X = random.standard_normal((n, d))
    X = X @ np.diag(10.0 ** -np.linspace(0, draw(st.floats(0, conditions)), d)) @ random.standard_normal((d, d))
    X += draw(st.sampled_from([0.0, 1.0, -1.0])) * np.abs(X).max() * 10.0 ** draw(st.floats(0, offsets))
    X *= 10.0 ** random.uniform(-draw(st.floats(0, 8)), 0, d)
    y = X @ random.standard_normal(d) + draw(st.sampled_from([0.0, 1e6])) * float(intercept)
    y += 10.0 ** draw(st.floats(-14, 2)) * random.standard_normal(n)
    weight = random.uniform(0.01, 10, n) if draw(st.booleans()) else None
    return X, y, weight, intercept


def overstated(solution, X, y, weight, intercept):
    """By how many digits the worst claim is too high, and the fewest that are right; None where columns depend."""
    rows = [[1.0, *row] if intercept else row for row in X.tolist()]
    if solution.dependent:
        return None
    truth = nist.solve_exactly(rows, y.tolist(), None if weight is None else weight.tolist()).coefficients
    values = [*solution.b[: int(intercept)], *solution.W[:, 0]]
    sum_of = float(np.abs(X).mean(axis=0) @ np.abs(solution.W[:, 0])) + float(abs(y.mean()))  # the intercept's terms
    terms = [sum_of] * int(intercept) + [0.0] * X.shape[1]
    worst, fewest = -math.inf, math.inf
    for value, exact, claim, term in zip(values, truth, solution.digits[:, 0], terms, strict=True):
        if abs(exact) < 4e-16 * term:
            continue  # an intercept of which nothing is left but rounding counts against what it is a sum of
        error = abs(Fraction(float(value)) - exact)
        right = -math.log10(error / abs(exact)) if error else 16.0
        worst, fewest = max(worst, claim - right), min(fewest, right)
    return worst, fewest


@settings(deadline=None)
@given(problems())
@pytest.mark.filterwarnings("ignore::twofold.solvers.DependentColumnsWarning")
@pytest.mark.filterwarnings("ignore::twofold.solvers.AccuracyWarning")  # a claim may be too low, never too high
def test_refined_qr_never_claims_a_digit_too_many(drawn):
    X, y, weight, intercept = drawn
    solution = solve_least_squares(X, y[:, None], weight, fit_intercept=intercept, method="auto")
    if (found := overstated(solution, *drawn)) is not None:
        assert found[0] <= 1
        assert found[1] >= PROMISED


@settings(deadline=None)
@given(problems(conditions=4.0, offsets=4.0, rows=60))
def test_the_gram_matrix_never_claims_a_digit_too_many(drawn):
    X, y, weight, intercept = drawn
    solution = solve_gram(check_problem(X, y[:, None], weight, intercept=intercept, penalty=0.0))
    if solution is not None:
        assert overstated(solution, *drawn)[0] <= 1


@settings(deadline=None)
@given(problems(), st.integers(1, 5), st.integers(0, 2**32))
def test_streams_never_claim_a_digit_too_many(drawn, pieces, seed):
    X, y, weight, intercept = drawn
    whole = Moments(X.shape[1], 1)
    for rows in np.array_split(np.random.default_rng(seed).permutation(len(y)), pieces):
        if len(rows):
            piece = Moments(X.shape[1], 1)
            piece.add(X[rows], y[rows, None], None if weight is None else weight[rows])
            whole.merge(piece)
    if (found := overstated(solve_moments(whole, fit_intercept=intercept), *drawn)) is not None:
        assert found[0] <= 1
        if not whole.noise.any():
            assert found[1] >= PROMISED


@pytest.mark.parametrize("offset", [1e6, 1e7, 1e8, 1e9])
@pytest.mark.parametrize("seed", range(3))
def test_a_stream_far_from_0_keeps_its_digits(offset, seed):
    random = np.random.default_rng(seed)
    X = random.standard_normal((40, 3)) + offset * np.array([1.0, -1.0, 2.0])
    y = X @ [1.0, 2.0, -0.5] + random.standard_normal(40)
    whole = Moments(3, 1)
    for rows in np.array_split(random.permutation(40), 4):
        whole.add(X[rows], y[rows, None])
    with warnings.catch_warnings():
        warnings.simplefilter("error", AccuracyWarning)
        solution = solve_moments(whole)
    assert overstated(solution, X, y, None, True)[1] >= 15


def test_large_blocks_that_are_summed_in_doubles_merge_with_those_that_are_not():
    random = np.random.default_rng(0)
    plain = random.standard_normal((200, 2))
    steep = random.standard_normal((200, 1)) * 1e6 @ [[1.0, 1.0]] + random.standard_normal((200, 2)) * 1e-3
    X = np.vstack([plain, steep])
    y = X @ [3.0, -2.0] + random.standard_normal(400)
    whole = Moments(2, 1)
    for rows in (slice(0, 200), slice(200, 400)):
        whole.add(X[rows], y[rows, None])
    assert whole.noise.any()
    worst, fewest = overstated(solve_moments(whole), X, y, None, True)
    assert worst <= 1
    assert fewest >= 12


def test_residuals_of_blocks_that_are_summed_in_doubles_keep_ten_digits():
    random = np.random.default_rng(0)
    X = random.standard_normal((200, 2)) + 1
    y = X @ [3.0, -2.0] + 0.01 * random.standard_normal(200)
    whole = Moments(2, 1)
    whole.add(X, y[:, None])
    assert whole.noise.any()
    truth = nist.solve_exactly([[1.0, *row] for row in X.tolist()], y.tolist())
    assert nist.digits(solve_moments(whole).residuals.rss[0], truth.rss) >= 10


def test_a_long_block_is_the_same_as_its_pieces_one_after_the_other():
    random = np.random.default_rng(0)
    n = 2 * BLOCK_ROWS + 100
    X, y, weight = random.standard_normal((n, 2)) + 1, random.standard_normal((n, 1)), random.uniform(0, 2, n)
    whole, pieces = Moments(2, 1), Moments(2, 1)
    whole.add(X, y, weight)
    for start in range(0, n, BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        pieces.add(X[rows], y[rows], weight[rows])
    np.testing.assert_array_equal(whole.parts, pieces.parts)
    assert whole.n == pieces.n == n
    X[-1, 0] = 1e200
    with pytest.raises(DataError, match="numbers reach"):
        pieces.add(X, y, weight)
    np.testing.assert_array_equal(whole.parts, pieces.parts)  # nothing of it was taken in
