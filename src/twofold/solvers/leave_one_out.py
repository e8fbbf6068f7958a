"""The error of predicting each sample without it, in closed form and without rounding that shows.

With more samples than columns, ``e_i / (1 - h_i)`` is taken from the residuals and leverages, in pairs of doubles, of
the penalised normal equations. With more columns than samples both go to 0 with the penalty; their ratio is then
``a_i / P_ii`` of the dual system ``(X X' + penalty W^-1) a + b = y``, where P is the inverse with the intercept's
direction taken out: at a penalty of 0, it is that of the shortest solution.
"""

from __future__ import annotations

import warnings
from typing import cast

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from twofold.solvers import pairs
from twofold.solvers.design import Design, Problem, build_design, power_of_two
from twofold.solvers.exact_products import collapsed, exact_gram, exact_product
from twofold.solvers.expansions import accumulate
from twofold.solvers.inverse_root import inverse_root
from twofold.solvers.normal_equations import Sums, exact_sums
from twofold.solvers.pairs import Pair
from twofold.solvers.rank import RankedFactor, rank_factor
from twofold.solvers.solution import AccuracyWarning

Array = NDArray[np.float64]
MIN_OWN = 2.0**-90  # of 1 - h, in pairs: below it a sample alone determines a coefficient


def leave_one_out(problem: Problem, penalties: Array) -> Array:
    """Compute the mean squared leave-one-out error for each penalty.

    Parameters
    ----------
    problem : Problem
        Of finite numbers and positive weights; its penalty is 0.
    penalties : ndarray, shape (k,)

    Returns
    -------
    ndarray, shape (k,)
        Over samples, by weight, and targets; infinite where a sample alone determines a coefficient.

    Warns
    -----
    AccuracyWarning
        If a penalty leaves the columns so nearly dependent that its error can't be computed; it is infinite then.
    """
    design = build_design(problem)
    ranked, (n, p) = rank_factor(design), design.A.high.shape
    everything = np.arange(p)
    sums = exact_sums(design, everything, everything[:0])
    share = np.full(n, 1.0) if problem.weight is None else problem.weight
    share = share / share.sum()
    errors = []
    for penalty in penalties.tolist():
        if n <= p and (penalty or len(ranked.independent) == n):
            left = _dual(design, penalty)
        else:
            left = _primal(design, ranked, sums, penalty=penalty)
        if left is None:
            warnings.warn(
                f"the leave-one-out error of penalty {penalty:g} can't be computed: with it, columns still depend on "
                "each other to the last digit; give a larger one, or drop columns",
                AccuracyWarning,
                stacklevel=4,
            )
            errors.append(np.inf)
            continue
        with np.errstate(over="ignore"):
            total = float(share @ np.square(left * design.unit).sum(axis=1)) / left.shape[1]
        errors.append(total if np.isfinite(total) else np.inf)
    return np.array(errors)


def _primal(design: Design, ranked: RankedFactor, sums: Sums, *, penalty: float) -> Array | None:
    """Compute ``e_i / (1 - h_i)``, (n, q); infinite where h is 1."""
    own = np.arange(len(design.scale)) if penalty else ranked.independent
    added = penalty / design.weight_unit * design.scale * design.scale
    added[: int(design.intercept)] = 0.0
    rows = np.concatenate([design.weighted, np.diag(np.sqrt(added))])[:, own] if penalty else design.weighted[:, own]
    M = sums.M[:, own[:, None], own].copy()
    accumulate(M, np.diag(added[own]))
    unit = power_of_two(np.sqrt(np.square(rows).sum(axis=0)))  # a penalty may make columns much longer
    root = _inverse_root(M * unit * unit[:, None], rows * unit)
    if root is None:
        return None
    root = pairs.scale(root, unit[:, None])
    x = _twice(root, sums.C[:, own])
    rest = -exact_product(M, x)
    for part in sums.C[:, own]:
        accumulate(rest, part)
    x = np.concatenate([x, _twice(root, rest)])  # four parts: residuals may be but a trace of the targets
    A = design.columns(own)
    e = -exact_product(A, x)
    accumulate(e, design.B)
    e = collapsed(e)
    h = pairs.sum_of_squares(pairs.pair(*exact_product(A, root, parts=2)).T)  # (n,)
    if design.weight is not None:
        h = pairs.multiply(h, pairs.pair(design.weight))
    rest = pairs.subtract(pairs.pair(np.ones(len(e))), h).high
    with np.errstate(divide="ignore"):
        return np.where(rest[:, None] > len(e) * MIN_OWN, e / rest[:, None], np.inf)


def _dual(design: Design, penalty: float) -> Array | None:
    """Compute ``a_i / P_ii``, (n, q)."""
    first, n = int(design.intercept), len(design.A.high)
    rows = pairs.scale(design.A, 1.0 / design.scale)
    size = 1.0 / float(power_of_two(np.abs(rows.high[:, first:]).max(initial=0.0)))
    rows = pairs.scale(rows, 1.0 / size)
    if first:  # the intercept's column, whose length is free, is made as long as the others
        rows.high[:, 0] *= size
    ridge = pairs.pair(np.full(n, penalty / design.weight_unit / size / size))
    if design.weight is not None:
        ridge = pairs.divide(ridge, pairs.pair(design.weight))
    K = exact_gram(rows.T)
    for half in ridge:
        accumulate(K, np.diag(half))
    root = _inverse_root(K, np.concatenate([rows.high.T, np.diag(np.sqrt(ridge.high))]))
    if root is None:
        return None
    right = np.column_stack([design.B, np.ones((n, first))])
    a = pairs.pair(*_twice(root, right[None]))  # K^-1 [y, 1]
    P = pairs.sum_of_squares(root.T)  # (n,)
    rounding = n * MIN_OWN * P.high
    if first:
        ones, a = a.at((slice(None), slice(-1, None))), a.at((slice(None), slice(-1)))
        share = pairs.divide(pairs.total(a), pairs.total(ones))  # (q,)
        a = pairs.subtract(a, pairs.multiply(ones, share))
        flat = ones.at((slice(None), 0))
        P = pairs.subtract(P, pairs.divide(pairs.multiply(flat, flat), pairs.total(ones)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((P.high > rounding)[:, None], a.high / P.high[:, None], np.inf)


def _inverse_root(M: Array, rows: Array) -> Pair | None:
    """Find the inverse root of ``M``, which is about ``rows' rows``."""
    order = np.argsort(-np.abs(rows).max(axis=1, initial=0.0), kind="stable")
    R, pivots = cast(
        "tuple[Array, NDArray[np.intp]]",
        scipy.linalg.qr(rows[order], mode="r", pivoting=True, check_finite=False),
    )
    k = rows.shape[1]
    if len(R) < k or not (np.abs(np.diag(R)) > 0).all():
        return None
    T = np.empty((k, k))
    T[pivots] = scipy.linalg.solve_triangular(R[:k], np.eye(k), check_finite=False)
    return inverse_root(M, T)


def _twice(root: Pair, C: Array) -> Array:
    """Compute ``root root' C`` in pairs."""
    return exact_product(root, exact_product(root.T, C), parts=2)
