"""Linear regression solved exactly."""

from twofold.solvers.least_squares import LeastSquares, solve_least_squares

__all__ = ["LeastSquares", "solve_least_squares"]
