"""Softmax regression solved: L-BFGS in variables in which the problem is nearly round, or Newton's method."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from twofold.solvers.curvature import Preconditioner, blocks, bound
from twofold.solvers.softmax import SoftmaxProblem

Array = NDArray[Any]
Tell = Callable[[int, float, Array], bool]

MIN_LARGE_DATA = 2 * 10**6  # numbers of X from which products in float32 pay
MIN_FLOAT32_GRADIENT = 3e-6  # the gradient's largest entry down to which float32 is trusted
MAX_FALL = 0.05  # of the gradient, after which the curvature is measured anew
MAX_STAGE = 25  # iterations at most before that


@dataclass(frozen=True)
class SoftmaxSolution:
    """The minimum, as near as asked for.

    Attributes
    ----------
    theta : ndarray of float64, shape (q, d + 1) or (q, d)
        A row a class: weights and intercept.
    value : float
        Mean loss with the penalty.
    gradient : float
        Largest entry of its gradient.
    iterations : int
    stopped : bool
        Whether the caller asked to stop.
    """

    theta: Array
    value: float
    gradient: float
    iterations: int
    stopped: bool = False


def minimize_lbfgs(
    problem: SoftmaxProblem, start: Array, *, tol: float, max_iter: int, report: Tell | None = None
) -> SoftmaxSolution:
    """Minimise by L-BFGS, in stages: each in variables measured where the last one ended.

    Large problems are first solved with products in float32, as far as those can be trusted. A stage that doesn't halve
    the gradient is followed by Newton's method, which rounding and curvature that differs much stop later.

    Parameters
    ----------
    problem : SoftmaxProblem
    start : ndarray, shape of the problem's parameters
    tol : float
        On the gradient's largest entry.
    max_iter : int
        Most iterations, of all stages together.
    report : callable, optional
        Called after each iteration with its number, the value and the parameters; True stops.

    Returns
    -------
    SoftmaxSolution
        Its gradient tells whether ``tol`` was reached.
    """
    theta, done, stopped = problem.centred(start.astype(np.float64)), 0, False
    problems = [problem]
    if problem.X.dtype == np.float64 and math.prod(problem.X.shape) >= MIN_LARGE_DATA and fits_float32(problem.X):
        problems.insert(0, problem.with_features(problem.X.astype(np.float32)))
    value, gradient = math.nan, math.inf
    for present in problems:
        trusted = MIN_FLOAT32_GRADIENT if present.X.dtype == np.float32 and len(problems) > 1 else 0.0
        value, slope = present.value_and_gradient(theta)
        gradient, first = _largest(slope), done == 0 and not theta.any()
        while gradient > max(tol, trusted) and done < max_iter and not stopped:
            change = bound(present) if first else blocks(present, theta)
            goal = max(tol, trusted, MAX_FALL * gradient)
            most = min(MAX_STAGE, max_iter - done)
            before = gradient
            stage = _Stage(present, change, goal=goal, done=done, report=report)
            theta, value, gradient, stopped = stage.run(theta, most)
            first, done = False, stage.done
            if gradient > 0.5 * before and present is problem and not stopped:
                return _newton(problem, theta, tol=tol, max_iter=max_iter, report=report, done=done)
            if stage.stuck and gradient > 0.5 * before:
                break  # as far as this type of numbers goes
    return SoftmaxSolution(theta, value, gradient, done, stopped)


class _Stage:
    """Some iterations of L-BFGS in one set of variables."""

    def __init__(
        self, problem: SoftmaxProblem, change: Preconditioner, *, goal: float, done: int, report: Tell | None
    ) -> None:
        self._problem, self._change, self._goal, self._report = problem, change, goal, report
        self.done, self.stuck, self._stopped = done, False, False
        self._seen: dict[bytes, tuple[Array, float, float]] = {}

    def run(self, theta: Array, most: int) -> tuple[Array, float, float, bool]:
        """Return parameters, value, the gradient's largest entry and whether the caller asked to stop."""
        v = self._change.to_variables(theta)
        self._last = (theta, math.nan, math.inf)
        result = scipy.optimize.minimize(
            self._evaluate,
            v.ravel(),
            jac=True,
            method="L-BFGS-B",
            callback=self._after_iteration,
            options={"maxiter": most, "maxfun": 10 * most, "gtol": 0.0, "ftol": 0.0, "maxcor": 20},
        )
        self.stuck = result.status != 0 and result.nit < most  # the line search found nothing lower
        if math.isnan(self._last[1]):  # not one iteration
            value, slope = self._problem.value_and_gradient(theta)
            self._last = (theta, value, _largest(slope))
        return (*self._last, self._stopped)

    def _evaluate(self, v: Array) -> tuple[float, Array]:
        # One vector more in all rows leaves the loss as it is; where they sum to 0 the penalty is least: search there.
        theta = self._problem.centred(self._change.to_parameters(v.reshape(self._problem.shape)))
        value, gradient = self._problem.value_and_gradient(theta)
        self._seen[v.tobytes()] = (theta, value, _largest(gradient))
        return value, self._change.to_gradient(self._problem.centred(gradient)).ravel()

    def _after_iteration(self, intermediate_result: scipy.optimize.OptimizeResult) -> None:
        self._last = self._seen[np.asarray(intermediate_result.x).tobytes()]
        self._seen.clear()
        self.done += 1
        theta, value, gradient = self._last
        self._stopped = self._report is not None and self._report(self.done, value, theta)
        if self._stopped or gradient <= self._goal:
            raise StopIteration


def minimize_newton(
    problem: SoftmaxProblem, start: Array, *, tol: float, max_iter: int, report: Tell | None = None
) -> SoftmaxSolution:
    """Minimise by Newton's method: each direction by conjugate gradients, each length by halving.

    Converges quadratically, so it is the one to ask for the last digits. Parameters and result as in `minimize_lbfgs`.
    """
    theta = problem.centred(start.astype(np.float64))
    return _newton(problem, theta, tol=tol, max_iter=max_iter, report=report, done=0)


def _newton(
    problem: SoftmaxProblem, theta: Array, *, tol: float, max_iter: int, report: Tell | None, done: int
) -> SoftmaxSolution:
    """Go on from theta, after so many iterations of another method."""
    stopped, iteration = False, done
    value, gradient = problem.value_and_gradient(theta)
    while _largest(gradient) > tol and iteration < max_iter and not stopped:
        found = _line_search(problem, theta, value, gradient)
        if found is None:  # as far as float64 goes
            break
        theta, value, gradient = found
        iteration += 1
        stopped = report is not None and report(iteration, value, theta)
    return SoftmaxSolution(theta, value, _largest(gradient), iteration, stopped)


def _line_search(
    problem: SoftmaxProblem, theta: Array, value: float, gradient: Array
) -> tuple[Array, float, Array] | None:
    """Take Newton's step, halved until the value falls as it should; None if it never does."""
    direction = _newton_direction(problem, theta, gradient)
    descent, length = float(np.vdot(direction, gradient)), 1.0
    while length > 1e-10:
        candidate = problem.centred(theta + length * direction)
        lower, slope = problem.value_and_gradient(candidate)
        # Near the minimum values agree to rounding, and the gradient alone can report.
        by_rounding = lower <= value + 1e-14 * abs(value) and _largest(slope) < _largest(gradient)
        if (lower <= value + 1e-4 * length * descent and lower < value) or by_rounding:
            return candidate, lower, slope
        length /= 2
    return None


def _newton_direction(problem: SoftmaxProblem, theta: Array, gradient: Array, most: int = 200) -> Array:
    """Solve ``H direction = - gradient`` by preconditioned conjugate gradients, as exactly as the distance is worth."""
    P = problem.probabilities(theta)
    change = blocks(problem, theta)
    direction = np.zeros_like(gradient)
    residual = -gradient
    z = change.inverse(residual)
    p, rho = z, float(np.vdot(residual, z))
    goal = min(0.25, math.sqrt(_largest(gradient))) * math.sqrt(rho)
    for _ in range(most):
        with np.errstate(over="ignore", invalid="ignore"):  # of features beyond 1e150
            Hp = problem.curvature(P, p)
            along = float(np.vdot(p, Hp))
        if not 0 < along < math.inf:  # not by the Hessian, but by rounding or overflow
            break
        step = rho / along
        direction = direction + step * p
        residual = residual - step * Hp
        z = change.inverse(residual)
        rho, before = float(np.vdot(residual, z)), rho
        if math.sqrt(max(rho, 0.0)) <= goal:
            break
        p = z + rho / before * p
    return direction if direction.any() else -change.inverse(gradient)


def fits_float32(X: Any) -> bool:
    """Tell whether no column lies so far from 0, compared with its spread, that float32 would lose it."""
    if hasattr(X, "indptr"):
        return bool(np.abs(X.data).max(initial=0.0) < 1e6)
    some = X[:: max(1, len(X) // 1000)]
    mean, spread = np.abs(some.mean(axis=0)), some.std(axis=0)
    return bool((mean <= 100 * np.where(spread > 0, spread, np.maximum(mean, 1))).all() and np.abs(some).max() < 1e6)


def _largest(gradient: Array) -> float:
    return float(np.abs(gradient).max())
