"""Solve least squares from moments: Cholesky in pairs of doubles finds the rank, whole numbers refine the rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.solvers import pairs
from twofold.solvers.exact_products import exact_product
from twofold.solvers.expansions import Whole, to_double, to_pair, to_whole
from twofold.solvers.moments import Moments
from twofold.solvers.normal_equations import solve_normal
from twofold.solvers.pair_cholesky import PairFactor, pivoted_cholesky, solve_lower, solve_upper
from twofold.solvers.pairs import Pair
from twofold.solvers.shortest import Shortest, shortest
from twofold.solvers.solution import Dependence, LeastSquares, Residuals, Spread, correct_digits
from twofold.solvers.spread import exact_spread, residual_digits
from twofold.solvers.triangle import Triangle, scaled_condition
from twofold.solvers.whole_refinement import refine_whole, residual_squares

Array = NDArray[np.float64]
Index = NDArray[np.intp]
EPS = float(np.finfo(np.float64).eps)
MAX_CUT = 2.0**-190  # what sums of a stream may have lost, relative to the columns' lengths
MIN_PRODUCT = 1e-305  # products below it have lost bits


@dataclass(frozen=True)
class Normal:
    """The normal equations, scaled.

    Attributes
    ----------
    M : Whole, shape (k, k)
        Coefficients first, then targets; penalised.
    free : Whole, shape (k, k)
        The same without the penalty.
    factor : PairFactor
        Of M rounded to pairs.
    unit : ndarray, shape (k,)
        Powers of two: column j of M is the user's times ``unit[j]``.
    """

    M: Whole
    free: Whole
    factor: PairFactor
    unit: Array

    @property
    def corner(self) -> Pair:
        """The triangular factor as far as the rank goes."""
        r = self.factor.rank
        return self.factor.R.at((slice(0, r), slice(0, r)))

    def solve(self, B: Pair) -> Array:
        """Solve ``M x = B`` on the independent columns, in their pivots' order."""
        corner = self.corner
        return solve_upper(corner, solve_lower(corner, B)).high


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
    normal = _normal(moments, fit_intercept=fit_intercept, penalty=penalty)
    factor, unit, corner = normal.factor, normal.unit, normal.corner
    first, d = int(fit_intercept), moments.features
    p, r = d + first, factor.rank
    independent, dependent = factor.order[:r], factor.order[r:p]
    M, C = normal.M[np.ix_(independent, independent)], normal.M[independent, p:]
    solved = refine_whole(M, C, normal.solve)
    x = solved.pair  # (r, q)
    worth = 1.0 / unit[p:]
    condition = scaled_condition(corner.high[first:, first:]) if r == p else np.inf
    tss = _squares(normal, first, slice(p, None)) * worth**2
    free = normal.free[np.ix_(independent, independent)]  # a penalty is no part of the residuals
    rss = np.minimum(residual_squares(free, C, np.diag(normal.free)[p:], solved.x) * worth**2, tss)
    spread: Spread | None = None
    found: tuple[Dependence, ...] = ()
    largest = np.abs(x.high).max(axis=0, initial=0.0)
    lost = np.fmax(MAX_CUT, MIN_PRODUCT / np.diag(moments.parts[0])[1 - first :][independent].min(initial=1.0))
    error = solved.error + lost * scaled_condition(corner.high) ** 2 * largest  # (r, q)
    if len(dependent):
        M_exact = _scaled_parts(moments, unit, first)
        solved_K = solve_normal(
            M_exact[:, independent[:, None], independent],
            M_exact[:, independent[:, None], dependent],
            Triangle(corner.high, np.arange(r)),
            whole=True,
        )
        K = solved_K.x
        unsure = solved_K.error + lost * scaled_condition(corner.high) ** 2 * np.abs(K.high).max(axis=0, initial=0.0)
        z, error, size = _shortest(normal, (x, error), (K, unsure), first).together
        found = _dependences(K.high, independent, dependent, first)
    else:
        order = np.argsort(independent)
        z, error = pairs.scale(x.at(order), unit[:p, None]), error[order] * unit[:p, None]
        size = unit[:p, None] * largest
        noise = _noise(moments, z.high, worth, first)  # (q,)
        wrong = 2.0**-104 * np.abs(x.high).sum(axis=0) + noise
        spread = _spread(normal, moments, first, most=residual_digits(wrong, rss / worth**2))
        if noise.any():
            error = error + noise * spread.deviations[:, None]
    digits, z = correct_digits(error, z.high, size), pairs.scale(z, worth)
    total = float(moments.parts[:, 0, 0].sum())
    return LeastSquares(
        W=z.high[first:],
        b=z.high[0] if first else np.zeros(len(worth)),
        rank=r - first,
        condition=condition,
        singular=_singular_values(factor, unit[:p], first)[: moments.n],
        digits=digits,
        dependent=found,
        residuals=Residuals(moments.n, rss, tss, total, moments.log_weights),
        spread=None if penalty else spread,
        method="moments",
        intercept=fit_intercept,
        penalty=penalty,
        low=(z.low[first:], z.low[0] if first else np.zeros(len(worth))),
    )


def factor_moments(moments: Moments, *, fit_intercept: bool, penalty: float) -> tuple[Array, Array]:
    """Return R, (r, p), and the targets, (r, q), of an equivalent small problem: columns in their order, scaled."""
    factor = _normal(moments, fit_intercept=fit_intercept, penalty=penalty).factor
    p, r = moments.features + int(fit_intercept), factor.rank
    R = np.empty((r, p))
    R[:, factor.order[:p]] = factor.R.high[:r, :p]
    return R, factor.R.high[:r, p:]


def _normal(moments: Moments, *, fit_intercept: bool, penalty: float) -> Normal:
    """Scale the sums by powers of two, add the penalty, and factor what belongs to the coefficients."""
    if moments.n == 0:
        raise DataError("no samples of positive weight were taken in; give at least one block")
    first = int(fit_intercept)
    p = moments.features + first
    parts = moments.parts[:, 1 - first :, 1 - first :]
    squares = np.diag(parts[0]).copy()
    squares[first:p] += penalty
    unit = _units(squares)
    free = to_whole(parts * unit * unit[:, None])
    upper = np.triu_indices(len(free))
    free.T[upper] = free[upper]  # the order of adding may show far below the last bit of a double
    raw = np.diag(to_pair(free).high)[:p]
    M = free
    if penalty:
        M = free.copy()
        index = np.arange(first, p)
        M[index, index] += to_whole((penalty * np.square(unit[first:p]))[None])
    tolerance = np.square(8 * max(np.sqrt(moments.n), p) * EPS)
    return Normal(M, free, pivoted_cholesky(to_pair(M), p, tolerance * raw, first=fit_intercept), unit)


def _units(diagonal: Array) -> Array:
    """Return powers of two that bring the square roots of a diagonal near 1."""
    exponent = np.frexp(np.sqrt(np.maximum(diagonal, 0.0)))[1]
    return np.where(diagonal > 0, np.ldexp(1.0, -exponent), 1.0)


def _noise(moments: Moments, z: Array, worth: Array, first: int) -> Array:
    """Bound, in the norm of M, what sums in doubles have done to the fit; shape (q,), see `Moments.noise`."""
    if not moments.noise.any():
        return np.zeros(z.shape[1])
    noise = moments.noise[1 - first :, 1 - first :]
    both = np.vstack([z, -np.diag(1.0 / worth)])  # (k, q)
    squares = (both * (noise @ both)).sum(axis=0) + 8 * EPS * (np.abs(both) * (np.abs(noise) @ np.abs(both))).sum(
        axis=0
    )
    return EPS * len(noise) * np.sqrt(np.maximum(squares, 0.0))


def _squares(normal: Normal, first: int, which: slice) -> Array:
    """Sum the squares of some columns, about their means if column 0 is the intercept's."""
    squares = np.diag(normal.free)[which]
    if not first:
        return to_double(squares)
    moved = normal.free[0, which]
    return to_double((squares * normal.free[0, 0] - moved * moved) // normal.free[0, 0])


def _shortest(normal: Normal, solved: tuple[Pair, Array], others: tuple[Pair, Array], first: int) -> Shortest:
    """Take the shortest of all solutions that give the fit on the independent columns."""
    (x, error), (K, unsure) = solved, others
    r, p = K.high.shape[0], sum(K.high.shape)
    rows = np.zeros((3, r, p))  # high, low, error
    rows[0][:, normal.factor.order[:r]] = np.eye(r)
    rows[:, :, normal.factor.order[r:p]] = K.high, K.low, unsure
    rows /= normal.unit[:p]
    column = Pair(rows[0, :, :1], rows[1, :, :1]) if first else None
    features = rows[:, :, first:]
    return shortest(Pair(features[0], features[1]), column, x, wrong=(features[2], error))


def _scaled_parts(moments: Moments, unit: Array, first: int) -> Array:
    """Return the sums of the coefficients' columns to fourfold precision, scaled, (4, p, p)."""
    p = first + moments.features
    return moments.parts[:, 1 - first :, 1 - first :][:, :p, :p] * unit[:p] * unit[:p, None]


def _spread(normal: Normal, moments: Moments, first: int, *, most: float) -> Spread:
    """Give what the covariance follows from, for features less their means, which would cancel in every leverage."""
    p = first + moments.features
    order, unit, R = normal.factor.order[:p], normal.unit[:p], normal.corner
    M = _scaled_parts(moments, unit, first)
    shift, directions, corner = np.zeros(p - first), np.diag(unit), R.high
    if first:
        means = np.array([moved / normal.free[0, 0] for moved in normal.free[0, 1:p]], dtype=np.float64)
        moving, corner = np.eye(p), corner.copy()
        moving[0, 1:] = -means
        M = exact_product([moving.T], exact_product(M, [moving]))
        # R's first row, of the intercept, becomes that of the shifted features, where hardly anything is left of it.
        moved = pairs.multiply(R.at((slice(0, 1), slice(0, 1))), pairs.pair(means[None, order[1:] - 1]))
        corner[:1, 1:] = pairs.subtract(R.at((slice(0, 1), slice(1, None))), moved).high
        shift = means * unit[0] / unit[1:]
        directions[1:, 0] = -shift * unit[1:]
    lengths = np.sqrt(np.maximum(_squares(normal, first, slice(first, p)), 0.0)) / unit[first:]
    compute = partial(
        exact_spread,
        M,
        Triangle(corner, order).inverse,
        directions=directions,
        scale=unit,
        condition=scaled_condition(corner),
        most=most,
        noise=moments.noise[1 - first :, 1 - first :][:p, :p],
    )
    return Spread.later(shift, lengths, compute)


def _dependences(K: Array, independent: Index, dependent: Index, first: int) -> tuple[Dependence, ...]:
    """Name the columns that take part in each dependence; columns are all about of length 1."""
    found = []
    for k, j in enumerate(dependent):
        part = np.abs(K[:, k])
        large = independent[part > 1e-8 * max(part.max(initial=0.0), 1e-8)]
        found.append(Dependence(int(j) - first, tuple(np.sort(large[large >= first] - first).tolist())))
    return tuple(sorted(found, key=lambda item: item.column))


def _singular_values(factor: PairFactor, unit: Array, first: int) -> Array:
    """Compute singular values of the (centred) features in the user's units."""
    r, p = factor.rank, len(unit)
    R = factor.R.high[first:r, first:p] / unit[factor.order[first:p]]
    values = scipy.linalg.svdvals(R) if R.size else np.zeros(0)
    return np.concatenate([values, np.zeros(p - first - len(values))])
