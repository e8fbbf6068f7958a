"""Look inside: engines in lockstep, gradient checks, the collapse of layers without activation."""

from twofold.inspect.collapse import collapse
from twofold.inspect.compare import Comparison, compare_engines
from twofold.inspect.gradients import GradientCheck, GradientReport, check_gradients

__all__ = ["Comparison", "GradientCheck", "GradientReport", "check_gradients", "collapse", "compare_engines"]
