"""The careful way: pivoted Householder QR finds the rank, exact sums refine until the doubles are right."""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.design import Design, Problem, build_design
from twofold.solvers.normal_equations import Sums, centred_squares, exact_sums, residual_squares, solve_normal
from twofold.solvers.pairs import Pair
from twofold.solvers.rank import RankedFactor, rank_factor
from twofold.solvers.shortest import Shortest, shortest
from twofold.solvers.solution import Dependence, LeastSquares, Residuals, Spread, correct_digits
from twofold.solvers.spread import exact_spread, residual_digits

Array = NDArray[np.float64]
MIN_SUM_OF_SQUARES = 1e-290  # of sums of squares: below, they run out of bits


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
    any_targets = len(ranked.independent) == len(problem.Y)  # can be followed
    sums = exact_sums(design, ranked.independent, ranked.dependent[: 0 if any_targets else None])
    first = int(problem.intercept)
    spread: Spread | None = None
    dependent: tuple[Dependence, ...] = ()
    q = design.B.shape[1]
    # For the targets and, in the columns after them, the dependent columns.
    right = np.concatenate([sums.C, sums.others], axis=2)
    solved = solve_normal(sums.M, right, ranked.triangle, whole=len(ranked.dependent) > 0)
    x, error = solved.x, solved.error
    rss = residual_squares(sums, x.at((slice(None), slice(q))))
    if len(ranked.dependent):
        if any_targets:
            found, K = _shortest_of_samples(design), _in_doubles(design, ranked)
        else:
            found, K = _shortest_of_fit(design, ranked, x, error), x.high[:, q:]
        coefficients, digits = _unshifted(design, *found.together)
        dependent = _dependences(design, ranked, K)
    else:
        coefficients, digits = _coefficients(design, ranked, x, error)
        if not problem.penalty:
            wrong = solved.misfit + 2.0**-104 * np.abs(solved.x.high).sum(axis=0)
            spread = _spread(design, ranked, sums, most=residual_digits(wrong, rss))
    W, b = (coefficients.at(slice(first, None)), coefficients.at(slice(0, first)))
    return LeastSquares(
        W=W.high,
        b=b.high[0] if first else np.zeros(q),
        rank=len(ranked.independent) - first,
        condition=ranked.condition,
        singular=_singular_values(design, ranked),
        digits=digits,
        dependent=dependent,
        residuals=_residuals(problem, design, sums, rss),
        spread=spread,
        method="qr",
        intercept=problem.intercept,
        penalty=problem.penalty,
        low=(W.low, b.low[0] if first else np.zeros(q)),
    )


def coefficient_directions(design: Design) -> Array:
    """Return T with ``coefficients = T' x``: one column for each coefficient on the user's scale, (p, p).

    The intercept is ``b = scale[0] x[0] - sum_j shift[j] scale[j] x[j]``; every entry is an exact double.
    """
    T = np.diag(design.scale)
    if design.intercept:
        T[1:, 0] = -design.shift * design.scale[1:]
    return T


def _coefficients(design: Design, ranked: RankedFactor, x: Pair, error: Array) -> tuple[Pair, Array]:
    """Bring x back to the user's scale, (p, q), with the digits that are right."""
    order = np.argsort(ranked.independent)
    x, error = x.at(order), error[order]
    # Pairs have an end too: what 106 bits leave, amplified by the condition.
    largest = np.abs(x.high).max(axis=0, initial=0.0)
    slack = design.scale[:, None] * np.fmax(error, 2.0**-100 * ranked.condition * largest)
    return _unshifted(design, pairs.scale(x, design.scale[:, None]), slack, design.scale[:, None] * largest)


def _unshifted(design: Design, z: Pair, error: Array, size: Array) -> tuple[Pair, Array]:
    """Turn coefficients of the shifted features into the user's, with the digits that are right."""
    if design.intercept:
        error, size = error.copy(), size.copy()
        moved = pairs.transposed_product(pairs.pair(design.shift[:, None]), z.at(slice(1, None)))  # (1, q)
        b = pairs.subtract(z.at(slice(0, 1)), moved)
        z = Pair(*(np.concatenate([half, rest[1:]]) for half, rest in zip(b, z, strict=True)))
        error[0] += np.abs(design.shift) @ error[1:]
        size[0] += np.abs(design.shift) @ size[1:]
    return pairs.scale(z, design.unit), correct_digits(error, z.high, size)


def _shortest_of_samples(design: Design) -> Shortest:
    """Take the shortest of all solutions that give the targets themselves."""
    rows, first = pairs.scale(design.A, 1.0 / design.scale), int(design.intercept)
    column = rows.at((slice(None), slice(1))) if first else None
    return shortest(rows.at((slice(None), slice(first, None))), column, pairs.pair(design.B))


def _shortest_of_fit(design: Design, ranked: RankedFactor, x: Pair, error: Array) -> Shortest:
    """Take the shortest of all solutions that give the fit on the independent columns.

    With ``A = A_i [I K]`` (A_i the independent columns), every solution z obeys ``[I K] z = x``.
    """
    first, q = int(design.intercept), design.B.shape[1]
    rows = np.zeros((3, len(error), len(design.scale)))  # high, low, error
    rows[0][:, ranked.independent] = np.eye(len(error))
    rows[:, :, ranked.dependent] = x.high[:, q:], x.low[:, q:], error[:, q:]
    rows /= design.scale
    column = Pair(rows[0, :, :1], rows[1, :, :1]) if first else None
    targets = x.at((slice(None), slice(q)))
    features = rows[:, :, first:]
    return shortest(Pair(features[0], features[1]), column, targets, wrong=(features[2], error[:, :q]))


def _in_doubles(design: Design, ranked: RankedFactor) -> Array:
    """Express the dependent columns by the independent ones, which are as many as the samples."""
    A = design.A.high
    return np.asarray(np.linalg.solve(A[:, ranked.independent], A[:, ranked.dependent]), dtype=np.float64)


def _dependences(design: Design, ranked: RankedFactor, K: Array) -> tuple[Dependence, ...]:
    """Name the columns that take part in each dependence."""
    first = int(design.intercept)
    length = np.sqrt(np.square(design.augmented).sum(axis=0))
    found = []
    for k, j in enumerate(ranked.dependent):
        part = np.abs(K[:, k]) * length[ranked.independent]
        large = ranked.independent[part > 1e-8 * part.max(initial=0.0)] if length[j] > 0 else ranked.independent[:0]
        found.append(Dependence(int(j) - first, tuple(np.sort(large[large >= first] - first).tolist())))
    return tuple(sorted(found, key=lambda item: item.column))


def _spread(design: Design, ranked: RankedFactor, sums: Sums, *, most: float) -> Spread:
    """Give what the covariance follows from; it is computed where it is asked for."""
    place = np.argsort(ranked.independent)
    T = ranked.triangle.inverse[place]
    first, weight_root = int(design.intercept), float(np.sqrt(design.weight_unit))
    lengths = np.empty(len(T))
    lengths[ranked.independent] = np.sqrt(np.square(ranked.R[first:]).sum(axis=0))
    compute = partial(
        exact_spread,
        sums.M[:, place[:, None], place],
        T,
        directions=coefficient_directions(design) / weight_root,
        scale=design.scale / weight_root,
        condition=ranked.condition,
        most=most,
    )
    return Spread.later(design.shift, lengths[first:] / design.scale[first:] * weight_root, compute)


def _residuals(problem: Problem, design: Design, sums: Sums, rss: Array) -> Residuals:
    """Sum squares of residuals and of centred targets."""
    with np.errstate(over="ignore", under="ignore"):
        unit = np.square(design.unit) * design.weight_unit
    unit = np.where(np.isfinite(unit) & (unit > MIN_SUM_OF_SQUARES), unit, np.nan)
    tss = centred_squares(sums.free, slice(sums.M.shape[1], None), intercept=problem.intercept)
    return residual_sums(problem, np.minimum(rss, tss) * unit, tss * unit)


def residual_sums(problem: Problem, rss: Array, tss: Array) -> Residuals:
    """Put the sums together with the number of samples and their weights."""
    n = len(problem.Y)
    if problem.weight is None:
        return Residuals(n, rss, tss, float(n), 0.0)
    positive = problem.weight[problem.weight > 0]
    return Residuals(len(positive), rss, tss, float(positive.sum()), float(np.log(positive).sum()))


def _singular_values(design: Design, ranked: RankedFactor) -> Array:
    """Compute the singular values of the centred, weighted features in the user's units."""
    first, (n, p) = int(design.intercept), design.A.high.shape
    if len(ranked.dependent) or design.penalty.any():
        R: Array = np.asarray(np.linalg.qr(design.weighted / design.scale, mode="r"))
    else:
        R = ranked.R / design.scale[ranked.independent]
    # The intercept's column is the first, so that what is below its row is of the centred columns.
    R = R[first:, first:]
    values = scipy.linalg.svdvals(R, check_finite=False) if R.size else np.zeros(0)
    found = np.zeros(min(n, p - first))
    found[: len(values)] = values[: len(found)]
    return found * np.sqrt(design.weight_unit)
