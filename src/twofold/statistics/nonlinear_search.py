"""The search for a minimum of nonlinear least squares, finished in double-double arithmetic.

Levenberg and Marquardt's method finds the minimum in doubles, with exact derivatives. Newton's method finishes it: the
gradient ``J' r`` has about 30 digits there, so that the coefficients are right to the last digit of a double. In the
coordinates in which J has orthonormal columns, ``J = Q R`` and ``u = R delta``, a step solves ``(I - S) u = Q' r``,
where S is ``R^-T (sum_i r_i d2f_i) R^-1``: the curvature that Gauss and Newton leave out.

References
----------
Levenberg, "A method for the solution of certain non-linear problems in least squares", Quart. Appl. Math. 2, 1944.
Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", J. SIAM 11, 1963.
Moré, "The Levenberg-Marquardt algorithm: implementation and theory", LNM 630, 1978.
Nielsen, "Damping parameter in Marquardt's method", report IMM-REP-1999-05, 1999.
Bates, Watts, "Nonlinear Regression Analysis and Its Applications", 1988, chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twofold.errors import DataError, NotConvergedError
from twofold.solvers import pairs
from twofold.solvers.pairs import Pair, pair
from twofold.solvers.solution import EPS
from twofold.statistics.fitted_function import FittedFunction

Array = NDArray[np.float64]
MAX_OFFSET = 1e-7  # cosine of residuals and tangent plane from which the double-double steps finish
MAX_TURN = 0.375  # of a step, that follows the model's bend
MIN_STEP = 1e-13  # of the coefficients, that can still lower the sum of squares in doubles
MAX_FINAL_STEPS, MAX_HALVINGS = 1000, 30
PAIR_ROUNDING = 2.0**-42  # of double-double arithmetic, in units of doubles' of the same function; 2**5 to spare


@dataclass(frozen=True)
class Minimum:
    """Where the search ended.

    Attributes
    ----------
    b : Pair, shape (p,)
    error : ndarray, shape (p,)
        Estimate of what is wrong with each coefficient.
    steps : int
    wrong : float
        Estimate of what is wrong with the residuals, as a length.
    """

    b: Pair
    error: Array
    steps: int
    wrong: float


def approach(problem: FittedFunction, beta: Array, max_iter: int) -> tuple[Array, int]:
    """Take steps of Levenberg and Marquardt's method in doubles; return where they end, and how many there were.

    Each step is followed by half of its acceleration, ``-(J'J + damping)^-1 J' f''``, so that it turns with the model's
    bend, and is shorter where it would turn too much (Transtrum, Sethna, arXiv:1201.5885, 2012).
    """
    r, J = problem.slopes(beta)
    with np.errstate(over="ignore"):
        finite = np.isfinite(r).all() and np.isfinite(J).all() and np.isfinite(r @ r)
    if not finite:
        raise DataError("the model, its slopes or the sum of squares leave the doubles at the start; start elsewhere")
    scale, damping, factor = np.zeros(len(beta)), 1e-3, 2.0
    for step in range(1, max_iter + 1):
        scale = np.maximum(scale, np.linalg.norm(J, axis=0))
        unit = np.where(scale > 0, scale, 1.0)
        U, s, Vt = np.linalg.svd(J / unit, full_matrices=False)
        u = U.T @ r
        sure = s > len(beta) * EPS * s[0]
        if np.linalg.norm(u[sure]) <= MAX_OFFSET * np.linalg.norm(r):
            return beta, step
        while True:
            filtered = s / (np.square(s) + damping)
            delta = Vt.T @ (filtered * u) / unit
            turn = -Vt.T @ (filtered * (U.T @ problem.bend(beta, delta))) / unit / 2
            straight = np.linalg.norm(unit * turn) <= MAX_TURN * np.linalg.norm(unit * delta)
            trial = beta + delta + turn
            predicted = np.sum(np.square(u) * (1 - np.square(damping / (np.square(s) + damping))))
            lower = problem.residuals(trial)
            with np.errstate(all="ignore"):
                gain = (r @ r - lower @ lower) / predicted
                found = problem.slopes(trial) if straight and gain > 1e-4 else None
            if found is not None and np.isfinite(found[1]).all():
                break
            if not np.any(np.abs(delta) > MIN_STEP * np.abs(beta)) or not np.isfinite(damping):
                return beta, step
            damping, factor = damping * factor, 2 * factor
        beta, (r, J) = trial, found
        damping, factor = damping * max(1 / 3, 1 - (2 * gain - 1) ** 3), 2.0
    raise NotConvergedError(
        f"no minimum after {max_iter} steps, at b = {beta.tolist()}; raise max_iter, or start elsewhere"
    )


def finish(problem: FittedFunction, beta: Array) -> Minimum:
    """Take Newton's steps with gradients of 30 digits, until they are as small as those digits allow.

    Each turns with the model's bend, as those of `approach` do: along a narrow bent valley straight ones get a fourth
    as far.
    """
    b, least = pair(beta), 2.0**-98 * float(np.linalg.norm(problem.root * problem.y))
    for step in range(1, MAX_FINAL_STEPS + 1):
        r, J = problem.pair_slopes(b)
        inverse = _inverse_root(b, J.high)
        r_double, J_double = problem.slopes(b.high)
        u = inverse.T @ pairs.transposed_product(J, Pair(r.high[:, None], r.low[:, None])).high[:, 0]
        values, vectors = np.linalg.eigh(np.eye(len(beta)) - inverse.T @ problem.curvature(b.high, r.high) @ inverse)
        v = vectors @ ((vectors.T @ u) / np.maximum(np.abs(values), EPS))
        rounding = PAIR_ROUNDING * float(np.linalg.norm(u - inverse.T @ (J_double.T @ r_double)))
        noise = max(rounding, least) / np.abs(values).min()
        wrong = max(PAIR_ROUNDING * float(np.linalg.norm(r.high - r_double)), least)
        if np.linalg.norm(v) <= noise and values[0] > 0:
            error = (np.linalg.norm(v) + noise) * np.linalg.norm(inverse, axis=1)
            return Minimum(b, error, step, wrong)
        delta = inverse @ v
        turn = -inverse @ (inverse.T @ (J_double.T @ problem.bend(b.high, delta))) / 2
        b = _descend(problem, b, (delta, turn), r=r, wrong=wrong)
    raise _no_minimum(b)


def _inverse_root(b: Pair, J: Array) -> Array:
    """Return T with ``T T' = (J'J)^-1``, (p, p); raise `DataError` if there is none."""
    scale = np.linalg.norm(J, axis=0)
    R: Array = np.linalg.qr(J / np.where(scale > 0, scale, 1.0))[1]
    sizes = np.abs(np.diag(R))
    if sizes.min() <= len(scale) * EPS:
        raise DataError(
            f"the model doesn't determine b[{np.argmin(sizes)}] beside the coefficients before it at b = "
            f"{b.high.tolist()}; start elsewhere, or leave it out"
        )
    return np.linalg.inv(R) / scale[:, None]


def _descend(problem: FittedFunction, b: Pair, path: tuple[Array, Array], *, r: Pair, wrong: float) -> Pair:
    """Go ``t delta + t^2 turn``, by the first t of 1, 1/2, 1/4, ... that lowers the sum of squares in 30 digits."""
    delta, turn = path
    best = pairs.sum_of_squares(Pair(r.high[:, None], r.low[:, None]))
    rounding = 2 * wrong * (np.sqrt(best.high[0]) + wrong)
    for halvings in range(MAX_HALVINGS):
        t = 0.5**halvings
        trial = pairs.add(b, pair(t * delta + t * t * turn))
        r, J = problem.pair_slopes(trial)
        change = pairs.subtract(pairs.sum_of_squares(Pair(r.high[:, None], r.low[:, None])), best)
        if np.isfinite(J.high).all() and change.high[0] <= rounding:
            return trial
    raise _no_minimum(b)


def _no_minimum(b: Pair) -> NotConvergedError:
    return NotConvergedError(f"the search ended at b = {b.high.tolist()}, which is no minimum; start elsewhere")
