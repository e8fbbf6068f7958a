"""Solve least squares from moments: Cholesky in pairs of doubles, with the rank found on the way."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.solvers import pairs
from twofold.solvers.moments import Moments
from twofold.solvers.pair_cholesky import PairFactor, pivoted_cholesky, solve_lower, solve_upper
from twofold.solvers.pairs import Pair
from twofold.solvers.rank import RankedFactor, minimum_norm, scaled_condition
from twofold.solvers.refinement import Factor
from twofold.solvers.solution import Dependence, LeastSquares, Residuals, Spread, correct_digits

Array = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)


def solve_moments(moments: Moments, *, fit_intercept: bool = True, penalty: float = 0.0) -> LeastSquares:
    """Solve least squares from the sums of a stream.

    Parameters
    ----------
    moments : Moments
        Of at least one sample.
    fit_intercept : bool
    penalty : float
        Ridge, as in `solve_least_squares`.

    Returns
    -------
    LeastSquares
        Of method ``"moments"``.

    Raises
    ------
    DataError
        If no sample was taken in.
    """
    M, factor, unit = _factor(moments, fit_intercept=fit_intercept, penalty=penalty)
    first, d = int(fit_intercept), moments.features
    p, k = d + first, len(M.high)
    R = factor.R
    r = factor.rank
    corner = R.at((slice(0, r), slice(0, r)))
    x = solve_upper(corner, R.at((slice(0, r), slice(p, k))))  # (r, q)
    independent, dependent = factor.order[:r], factor.order[r:p]
    worth = 1.0 / unit[p:]
    condition = scaled_condition(corner.high[first:, first:]) if r == p else np.inf
    amplified = moments.rounding * scaled_condition(corner.high) ** 2
    if len(dependent):
        K = solve_upper(corner, R.at((slice(0, r), slice(r, p)))).high
        ranked = RankedFactor(Factor(np.zeros((0, r)), corner.high), independent, dependent, condition)
        z = minimum_norm(K, x.high, unit[:p], ranked, intercept=fit_intercept)
        found = _dependences(K, ranked, first)
    else:
        order = np.argsort(independent)
        z, found = pairs.scale(x.at(order), unit[:p, None]).high, ()
    largest = unit[:p, None] * np.abs(x.high).max(axis=0, initial=0.0)
    error = largest * max(amplified, EPS * EPS)
    z, digits = z * worth, correct_digits(error, z / worth, largest)
    sums = _residual_sums(moments, M, factor, p, fit_intercept=fit_intercept)
    if penalty:
        fitted = penalty * np.square(z[first:]).sum(axis=0)
        sums = Residuals(sums.n, sums.rss - fitted, sums.tss, sums.weight_sum, sums.log_weights)
    return LeastSquares(
        W=z[first:],
        b=z[0] if first else np.zeros(z.shape[1]),
        rank=r - first,
        condition=condition,
        singular=_singular_values(factor, unit[:p], first),
        digits=digits,
        dependent=found,
        residuals=sums,
        spread=None if penalty or len(dependent) else _spread(corner, factor, unit[:p], _squares(M, first, p)),
        method="moments",
        intercept=fit_intercept,
        penalty=penalty,
    )


def factor_moments(moments: Moments, *, fit_intercept: bool, penalty: float) -> tuple[Array, Array]:
    """Return R, (r, p), and the targets, (r, q), of an equivalent small problem: columns in their order, scaled."""
    _, factor, _ = _factor(moments, fit_intercept=fit_intercept, penalty=penalty)
    p, r = moments.features + int(fit_intercept), factor.rank
    R = np.empty((r, p))
    R[:, factor.order[:p]] = factor.R.high[:r, :p]
    return R, factor.R.high[:r, p:]


def _factor(moments: Moments, *, fit_intercept: bool, penalty: float) -> tuple[Pair, PairFactor, Array]:
    """Scale M by powers of two, add the penalty, and factor what belongs to the coefficients."""
    if moments.n == 0:
        raise DataError("no samples of positive weight were taken in; give at least one block")
    first = int(fit_intercept)
    keep = slice(1 - first, None)
    M = moments.M.at((keep, keep))
    p = moments.features + first
    unit = _units(np.diag(M.high))
    M = pairs.scale(pairs.scale(M, unit), unit[:, None])
    raw = np.diag(M.high)[:p].copy()
    if penalty:
        M = _with_penalty(M, slice(first, p), np.square(unit[first:p]), penalty)
    tolerance = np.square(8 * max(np.sqrt(moments.n), p) * EPS)
    return M, pivoted_cholesky(M, p, tolerance * raw, first=fit_intercept), unit


def _units(diagonal: Array) -> Array:
    """Return powers of two that bring the square roots of a diagonal near 1."""
    exponent = np.frexp(np.sqrt(np.maximum(diagonal, 0.0)))[1]
    return np.where(diagonal > 0, np.ldexp(1.0, -exponent), 1.0)


def _with_penalty(M: Pair, where: slice, unit: Array, penalty: float) -> Pair:
    """Add the penalty to the features' diagonal."""
    extra = np.zeros_like(M.high)
    index = np.arange(where.start, where.stop)
    extra[index, index] = penalty * unit
    return pairs.add(M, pairs.pair(extra))


def _residual_sums(moments: Moments, M: Pair, factor: PairFactor, p: int, *, fit_intercept: bool) -> Residuals:
    """Read RSS from what is left of the targets, and TSS from what the mean leaves."""
    worth = np.square(1.0 / _units(np.diag(moments.M.high)[1 + moments.features :]))
    targets = np.arange(p, len(M.high))
    # What is left after the last pivot; columns of the rank's shortfall add nothing.
    rss = np.maximum(factor.R.high[targets, targets], 0.0) * worth
    tss = _squares(M, int(fit_intercept), len(M.high))[p - int(fit_intercept) :] * worth
    return Residuals(moments.n, rss, tss, float(moments.M.high[0, 0]), moments.log_weights)


def _squares(M: Pair, first: int, stop: int) -> Array:
    """Sum the squares of columns `first` to `stop`, about their means if column 0 is the intercept's."""
    index = np.arange(first, stop)
    squares = M.at((index, index))
    if first:
        moved = pairs.multiply(M.at((0, index)), M.at((0, index)))
        squares = pairs.subtract(squares, pairs.divide(moved, M.at((0, slice(0, 1)))))
    return squares.high


def _spread(corner: Pair, factor: PairFactor, unit: Array, squares: Array) -> Spread:
    """Compute (A'A)^-1's root and its diagonal, on the user's scale."""
    p = len(unit)
    directions = np.diag(unit)[factor.order[:p]]
    h = solve_lower(corner, pairs.pair(directions))  # (p, p)
    root = np.empty((p, p))
    root[factor.order[:p]] = solve_upper(corner, pairs.pair(np.eye(p))).high
    lengths = np.sqrt(squares) / unit[p - len(squares) :]
    return Spread(np.zeros(len(squares)), root * unit[:, None], np.sqrt(pairs.sum_of_squares(h).high), lengths)


def _dependences(K: Array, ranked: RankedFactor, first: int) -> tuple[Dependence, ...]:
    """Name the columns that take part in each dependence; columns are all about of length 1."""
    found = []
    for k, j in enumerate(ranked.dependent):
        part = np.abs(K[:, k])
        large = ranked.independent[part > 1e-8 * max(part.max(initial=0.0), 1e-8)]
        found.append(Dependence(int(j) - first, tuple(sorted(int(i) - first for i in large if i >= first))))
    return tuple(sorted(found, key=lambda item: item.column))


def _singular_values(factor: PairFactor, unit: Array, first: int) -> Array:
    """Compute singular values of the (centred) features in the user's units."""
    r, p = factor.rank, len(unit)
    R = factor.R.high[first:r, first:p] / unit[factor.order[first:p]]
    values = scipy.linalg.svdvals(R) if R.size else np.zeros(0)
    return np.concatenate([values, np.zeros(p - first - len(values))])
