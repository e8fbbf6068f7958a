"""Linear regression solved exactly."""

from twofold.solvers.from_moments import solve_moments
from twofold.solvers.least_squares import solve_least_squares
from twofold.solvers.moments import Moments, collect_moments
from twofold.solvers.polynomial import polynomial_features
from twofold.solvers.solution import AccuracyWarning, DependentColumnsWarning, LeastSquares

__all__ = [
    "AccuracyWarning",
    "DependentColumnsWarning",
    "LeastSquares",
    "Moments",
    "collect_moments",
    "polynomial_features",
    "solve_least_squares",
    "solve_moments",
]
