"""Look inside: engines in lockstep, gradient checks, the collapse of layers without activation."""

from twofold.inspect.collapse import collapse
from twofold.inspect.compare import Comparison, compare_engines
from twofold.inspect.gradients import GradientCheck, GradientReport, check_gradients
from twofold.inspect.rates import RateSweep, find_rate

__all__ = [
    "Comparison",
    "GradientCheck",
    "GradientReport",
    "RateSweep",
    "check_gradients",
    "collapse",
    "compare_engines",
    "find_rate",
]
