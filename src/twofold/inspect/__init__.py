"""Look inside: engines in lockstep, gradient checks, one sample traced through every number, why a prediction is so."""

from twofold.inspect.affine import AffineMap, affine_map_at
from twofold.inspect.collapse import collapse
from twofold.inspect.compare import Comparison, compare_engines
from twofold.inspect.gradients import GradientCheck, GradientReport, check_gradients
from twofold.inspect.paths import sgd_path
from twofold.inspect.rates import RateSweep, find_rate
from twofold.inspect.tracing import Trace, find_entry, trace
from twofold.inspect.units import hidden_activations

__all__ = [
    "AffineMap",
    "Comparison",
    "GradientCheck",
    "GradientReport",
    "RateSweep",
    "Trace",
    "affine_map_at",
    "check_gradients",
    "collapse",
    "compare_engines",
    "find_entry",
    "find_rate",
    "hidden_activations",
    "sgd_path",
    "trace",
]
