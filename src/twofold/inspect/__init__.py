"""Look inside: engines in lockstep, gradients checked, one sample traced, why a prediction is so, a table's columns."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from twofold.inspect.affine import AffineMap, affine_map_at
from twofold.inspect.collapse import collapse
from twofold.inspect.compare import Comparison, compare_engines
from twofold.inspect.gradients import GradientCheck, GradientReport, check_gradients
from twofold.inspect.paths import sgd_path
from twofold.inspect.rates import RateSweep, find_rate
from twofold.inspect.tracing import Trace, find_entry, trace
from twofold.inspect.units import hidden_activations

if TYPE_CHECKING:
    from twofold.inspect.dependence import Dependence, partial_dependence
    from twofold.inspect.hard_rows import HardRow, uncertain_rows, worst_rows
    from twofold.inspect.importance import Importance, column_importance
    from twofold.inspect.table_rows import TableRows

__all__ = [
    "AffineMap",
    "Comparison",
    "Dependence",
    "GradientCheck",
    "GradientReport",
    "HardRow",
    "Importance",
    "RateSweep",
    "TableRows",
    "Trace",
    "affine_map_at",
    "check_gradients",
    "collapse",
    "column_importance",
    "compare_engines",
    "find_entry",
    "find_rate",
    "hidden_activations",
    "partial_dependence",
    "sgd_path",
    "trace",
    "uncertain_rows",
    "worst_rows",
]

# Names about tables, whose libraries the others do without: loaded when they are asked for.
_OF_TABLES = {
    "Dependence": "dependence",
    "HardRow": "hard_rows",
    "Importance": "importance",
    "TableRows": "table_rows",
    "column_importance": "importance",
    "partial_dependence": "dependence",
    "uncertain_rows": "hard_rows",
    "worst_rows": "hard_rows",
}


def __getattr__(name: str) -> Any:
    if name not in _OF_TABLES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_OF_TABLES[name]}"), name)
