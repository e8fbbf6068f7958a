"""The careful way: pivoted Householder QR, then refinement until the doubles are right."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.design import Design, Problem, build_design, power_of_two
from twofold.solvers.pairs import Pair
from twofold.solvers.rank import RankedFactor, minimum_norm, rank_factor
from twofold.solvers.refinement import Refined, refine
from twofold.solvers.solution import Dependence, LeastSquares, Residuals, Spread, correct_digits

Array = NDArray[np.float64]
REFINED_VARIANCES = 2e7  # up to that many products m * p * p variances are refined too: about a second of work
REFINED_DEPENDENCES = 2e7  # and so for the products of dependent columns with independent ones, some seconds
SMALLEST = 1e-290  # of sums of squares: below, they run out of bits
EPS = float(np.finfo(np.float64).eps)


def solve_qr(problem: Problem) -> LeastSquares:
    """Solve by pivoted Householder QR and iterative refinement.

    Parameters
    ----------
    problem : Problem
        Of finite numbers.

    Returns
    -------
    LeastSquares
    """
    design = build_design(problem)
    ranked = rank_factor(design)
    first = int(problem.intercept)
    spread: Spread | None = None
    dependent: tuple[Dependence, ...] = ()
    if len(ranked.dependent):
        solved, coefficients, digits, dependent = _solve_deficient(design, ranked)
    else:
        directions = coefficient_directions(design)[ranked.independent]  # (p, p)
        sizes = power_of_two(np.abs(directions).max(axis=0, initial=0.0))
        directions = directions * sizes  # near length 1, so that all right-hand sides are of one size
        solved = _refine(design, ranked, directions if _affordable(problem, design) else directions[:, :0])
        coefficients, digits = _coefficients(design, ranked, solved)
        if not problem.penalty:
            spread = _spread(design, ranked, solved, sizes=sizes, directions=directions)
    return LeastSquares(
        W=coefficients[first:],
        b=coefficients[0] if first else np.zeros(coefficients.shape[1]),
        rank=len(ranked.independent) - first,
        condition=ranked.condition,
        singular=_singular_values(design),
        digits=digits,
        dependent=dependent,
        residuals=_residuals(problem, design, solved),
        spread=spread,
        method="qr",
        intercept=problem.intercept,
        penalty=problem.penalty,
    )


def coefficient_directions(design: Design) -> Array:
    """Return T with ``coefficients = T' x``: one column for each coefficient on the user's scale, (p, p).

    The intercept is ``b = scale[0] x[0] - sum_j shift[j] scale[j] x[j]``; every entry is an exact double.
    """
    T = np.diag(design.scale)
    if design.intercept:
        T[1:, 0] = -design.shift * design.scale[1:]
    return T


def _affordable(problem: Problem, design: Design) -> bool:
    return not problem.penalty and design.A.high.size * len(design.scale) <= REFINED_VARIANCES


def _refine(design: Design, ranked: RankedFactor, directions: Array) -> Refined:
    """Solve for the targets and, in the columns after them, for the covariance's directions."""
    q, k = design.B.high.shape[1], directions.shape[1]
    m, r = len(design.B.high), len(ranked.independent)
    B = Pair(*(np.hstack([half, np.zeros((m, k))]) for half in design.B))
    G = np.hstack([np.zeros((r, q)), -directions])
    return refine(design.columns(ranked.independent), B, G, ranked.factor)


def _coefficients(design: Design, ranked: RankedFactor, solved: Refined) -> tuple[Array, Array]:
    """Bring x back to the user's scale, (p, q), with the digits that are right."""
    q = design.B.high.shape[1]
    order = np.argsort(ranked.independent)
    x, error = solved.x.at((order, slice(0, q))), solved.error[order, :q]
    W = pairs.scale(x, design.scale[:, None])
    # Pairs have an end too: what 106 bits leave, amplified by the condition.
    largest = np.abs(x.high).max(axis=0, initial=0.0)
    slack = design.scale[:, None] * np.fmax(error, 2.0**-100 * ranked.condition * largest)
    size = design.scale[:, None] * largest
    high = W.high.copy()
    if design.intercept:
        moved = pairs.transposed_product(pairs.pair(design.shift[:, None]), W.at(slice(1, None)))  # (1, q)
        high[0] = pairs.subtract(W.at(slice(0, 1)), moved).high
        slack[0] += np.abs(design.shift) @ slack[1:]
        size[0] += np.abs(design.shift) @ size[1:]
    return high * design.unit, correct_digits(slack, high, size)


def _solve_deficient(design: Design, ranked: RankedFactor) -> tuple[Refined, Array, Array, tuple[Dependence, ...]]:
    """Solve on the independent columns, express the others by them, and take the shortest of all solutions."""
    q = design.B.high.shape[1]
    others = design.columns(ranked.dependent)
    A = design.columns(ranked.independent)
    refined = others.high.size * len(ranked.independent) <= REFINED_DEPENDENCES
    halves = zip(design.B, others, strict=True)
    B = Pair(*(np.hstack([mine, other]) for mine, other in halves)) if refined else design.B
    solved = refine(A, B, np.zeros((len(ranked.independent), B.high.shape[1])), ranked.factor)
    x, K = solved.x.high[:, :q], solved.x.high[:, q:]
    rounding = EPS * len(design.scale)
    if not refined:
        K = ranked.factor.upper(ranked.factor.Q.T @ others.high)
        rounding *= float(np.linalg.cond(ranked.factor.R))
    z = minimum_norm(K, x, design.scale, ranked, intercept=design.intercept)
    size = np.abs(z)
    if design.intercept:
        size[0] += np.abs(design.shift) @ size[1:]
        z[0] -= design.shift @ z[1:]
    digits = correct_digits(rounding * np.maximum(size, np.abs(z)), z)
    residual = Refined(solved.x, solved.r.at((slice(None), slice(0, q))), solved.error)
    return residual, z * design.unit, digits, _dependences(design, ranked, K)


def _dependences(design: Design, ranked: RankedFactor, K: Array) -> tuple[Dependence, ...]:
    """Name the columns that take part in each dependence."""
    first = int(design.intercept)
    length = np.sqrt(np.square(design.A.high).sum(axis=0))
    found = []
    for k, j in enumerate(ranked.dependent):
        part = np.abs(K[:, k]) * length[ranked.independent]
        large = ranked.independent[part > 1e-8 * part.max(initial=0.0)] if length[j] > 0 else ranked.independent[:0]
        found.append(Dependence(int(j) - first, tuple(sorted(int(i) - first for i in large if i >= first))))
    return tuple(sorted(found, key=lambda item: item.column))


def _spread(design: Design, ranked: RankedFactor, solved: Refined, *, sizes: Array, directions: Array) -> Spread:
    """Compute the covariance over sigma^2: t' (A'A)^-1 t as a sum of squares, where nothing cancels."""
    q, p = design.B.high.shape[1], len(design.scale)
    root = np.empty((p, p))
    root[ranked.independent] = ranked.factor.upper(np.eye(p))
    if solved.r.high.shape[1] > q:
        deviations = np.sqrt(pairs.sum_of_squares(solved.r.at((slice(None), slice(q, None)))).high)
    else:
        deviations = np.sqrt(np.square(ranked.factor.lower(directions)).sum(axis=0))
    weight_root = np.sqrt(design.weight_unit)
    first = int(design.intercept)
    length = np.sqrt(np.square(design.A.high[: design.samples, first:]).sum(axis=0)) / design.scale[first:]
    return Spread(
        shift=design.shift,
        root=root * design.scale[:, None] / weight_root,
        deviations=deviations / sizes / weight_root,
        lengths=length * weight_root,
    )


def _residuals(problem: Problem, design: Design, solved: Refined) -> Residuals:
    """Sum squares of residuals and of centred targets, in pairs."""
    q, rows = design.B.high.shape[1], slice(0, design.samples)
    B = design.B.at(rows)
    with np.errstate(over="ignore", under="ignore"):
        unit = np.square(design.unit) * design.weight_unit
    unit = np.where(np.isfinite(unit) & (unit > SMALLEST), unit, np.nan)
    rss = pairs.sum_of_squares(solved.r.at((rows, slice(0, q))))
    if problem.intercept:
        ones = design.A.at((rows, slice(0, 1)))
        mean = pairs.divide(pairs.transposed_product(ones, B), pairs.transposed_product(ones, ones))  # (1, q)
        B = pairs.subtract(B, pairs.matrix_product(ones, mean))
    return residual_sums(problem, rss.high * unit, pairs.sum_of_squares(B).high * unit)


def residual_sums(problem: Problem, rss: Array, tss: Array) -> Residuals:
    """Put the sums together with the number of samples and their weights."""
    n = len(problem.Y)
    if problem.weight is None:
        return Residuals(n, rss, tss, float(n), 0.0)
    positive = problem.weight[problem.weight > 0]
    return Residuals(len(positive), rss, tss, float(positive.sum()), float(np.log(positive).sum()))


def _singular_values(design: Design) -> Array:
    """Compute the singular values of the shifted, weighted features in the user's units."""
    first = int(design.intercept)
    features = design.A.high[: design.samples, first:] / design.scale[first:]
    if not features.size:
        return np.zeros(0)
    values = scipy.linalg.svdvals(np.linalg.qr(features, mode="r"), check_finite=False)
    return values * np.sqrt(design.weight_unit)
