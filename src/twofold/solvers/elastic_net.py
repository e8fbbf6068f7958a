"""Softmax regression with an elastic net: a penalty with a kink at 0, which makes coefficients exactly 0.

Minimises ``f(W, b) + l1 sum |W|`` where f holds the l2 part. Each iteration takes Newton's step for the coefficients
that are free, those that are not 0 and those that the gradient pulls away from it, within the orthant that they are in
or go to; what would change its sign stops at 0. Coefficients that are all but 0 and pulled there move by their own
curvature alone, without which steps could come to nothing (Bertsekas 1982). Once the orthant is the minimum's, it is
Newton's method, and the last digits come in a few iterations.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twofold.solvers.curvature import blocks
from twofold.solvers.softmax import SoftmaxProblem
from twofold.solvers.softmax_regression import SoftmaxSolution, Tell

Array = NDArray[np.float64]
Step = tuple[Array, float, Array]  # parameters, value, and gradient of the smooth part
MAX_PRODUCTS = 100  # of conjugate gradients, in a step
MAX_DAMPING = 0.01  # of the Hessian's diagonal
MAX_NEAR = 0.01  # of the largest coefficient: one that is all but 0
MIN_LENGTH = 1e-10  # of a step


def minimize_elastic_net(
    problem: SoftmaxProblem,
    start: Array,
    *,
    l1: float,
    tol: float,
    max_iter: int,
    report: Tell | None = None,
) -> SoftmaxSolution:
    """Minimise ``f + l1 |W|_1``.

    Parameters
    ----------
    problem : SoftmaxProblem
        Its penalty is the l2 part; it may be 0.
    start : ndarray, shape of the problem's parameters
    l1 : float
        Above 0; intercepts are free of it.
    tol : float
        On the largest entry of the least subgradient: 0 at the minimum.
    max_iter : int
    report : callable, optional
        Called after each iteration with its number, the value and the parameters; True stops.

    Returns
    -------
    SoftmaxSolution, Tell
        Its gradient is that of the subgradient.

    References
    ----------
    Andrew, Gao, "Scalable training of L1-regularized log-linear models", ICML 2007.
    Bertsekas, "Projected Newton methods for optimization problems with simple constraints", SIAM J. Control Optim. 20,
    1982.
    """
    net = _Net(problem, l1)
    theta, iteration, stopped = start.astype(np.float64), 0, False
    value, gradient = net.value_and_gradient(theta)
    subgradient = net.subgradient(theta, gradient)
    while _largest(subgradient) > tol and iteration < max_iter and not stopped:
        found = net.newton_step(theta, value, subgradient) or net.shrinkage_step(theta, value, gradient)
        if found is None:  # as far as doubles go
            break
        theta, value, gradient = found
        subgradient = net.subgradient(theta, gradient)
        iteration += 1
        stopped = report is not None and report(iteration, value, theta)
    return SoftmaxSolution(theta, value, _largest(subgradient), iteration, stopped)


class _Net:
    """The objective with its kink."""

    def __init__(self, problem: SoftmaxProblem, l1: float) -> None:
        self._problem = problem
        self._l1 = np.zeros(problem.shape)
        self._l1[:, : problem.d] = l1

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """Compute the whole objective, and the gradient of its smooth part."""
        value, gradient = self._problem.value_and_gradient(theta)
        return value + float(np.sum(self._l1 * np.abs(theta))), gradient

    def subgradient(self, theta: Array, gradient: Array) -> Array:
        """Return the subgradient of least length: at 0, what of the gradient the kink doesn't hold."""
        held = np.sign(gradient) * np.maximum(np.abs(gradient) - self._l1, 0.0)
        return np.where(theta != 0, gradient + self._l1 * np.sign(theta), held)

    def newton_step(self, theta: Array, value: float, subgradient: Array) -> Step | None:
        """Take Newton's step of the free coefficients, halved until the objective falls; None if it never does."""
        orthant = np.where(theta != 0, np.sign(theta), -np.sign(subgradient))
        near = np.abs(theta) <= min(MAX_NEAR * float(np.abs(theta).max()), _largest(subgradient))
        held = (self._l1 > 0) & near & (theta * subgradient > 0)
        free = ((theta != 0) | (subgradient != 0)) & ~held
        P = self._problem.probabilities(theta)
        diagonal = self._problem.diagonal(P)
        direction = np.where(
            held, -subgradient / diagonal, self._direction(theta, subgradient, P=P, free=free, diagonal=diagonal)
        )
        length = 1.0
        while length > MIN_LENGTH:
            candidate = theta + length * direction
            crossed = (self._l1 > 0) & (candidate * orthant < 0)
            candidate = np.where(crossed, 0.0, candidate)
            lower, gradient = self.value_and_gradient(candidate)
            expected = float(np.vdot(subgradient, candidate - theta))
            falls = lower <= value + 1e-4 * min(expected, 0.0) and lower < value
            # Near the minimum values agree to rounding, and the subgradient alone can tell.
            same = lower <= value + 1e-14 * abs(value)
            if falls or (same and _largest(self.subgradient(candidate, gradient)) < _largest(subgradient)):
                return candidate, lower, gradient
            length /= 2
        return None

    def shrinkage_step(self, theta: Array, value: float, gradient: Array) -> Step | None:
        """Take a step of the proximal gradient, short enough to fall; None if none is."""
        length = 1.0
        while length > MIN_LENGTH:
            moved = theta - length * gradient
            candidate = np.sign(moved) * np.maximum(np.abs(moved) - length * self._l1, 0.0)
            lower, next_gradient = self.value_and_gradient(candidate)
            if lower < value - 1e-14 * abs(value):
                return candidate, lower, next_gradient
            length /= 4
        return None

    def _direction(
        self, theta: Array, subgradient: Array, *, P: Array, free: NDArray[np.bool_], diagonal: Array
    ) -> Array:
        """Solve ``(H + damping) direction = -subgradient`` on the free coefficients, by conjugate gradients.

        One vector more in all classes' rows changes no probability, so that without an l2 part H is singular: damping
        in proportion to the subgradient keeps steps short, and vanishes at the minimum.
        """
        change, damping = blocks(self._problem, theta), min(MAX_DAMPING, _largest(subgradient)) * diagonal
        direction = np.zeros_like(subgradient)
        residual = -subgradient * free
        z = change.inverse(residual) * free
        p, rho = z, float(np.vdot(residual, z))
        goal = min(0.25, math.sqrt(_largest(subgradient))) * math.sqrt(max(rho, 0.0))
        for _ in range(MAX_PRODUCTS):
            Hp = (self._problem.curvature(P, p) + damping * p) * free
            along = float(np.vdot(p, Hp))
            if along <= 0:  # rounding: the Hessian has no negative curvature
                break
            step = rho / along
            direction = direction + step * p
            residual = residual - step * Hp
            z = change.inverse(residual) * free
            rho, before = float(np.vdot(residual, z)), rho
            if math.sqrt(max(rho, 0.0)) <= goal:
                break
            p = z + rho / before * p
        return direction if direction.any() else -subgradient * free / diagonal


def _largest(subgradient: Array) -> float:
    return float(np.abs(subgradient).max())
