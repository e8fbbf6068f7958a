"""Statistics: formulas, linear and generalised linear models, analysis of variance, tests, quantiles, curves.

What users of R's ``lm`` and ``glm`` look for, with the exactness of `twofold.solvers` below it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "FAMILIES": "families",
    "anova": "analysis_of_variance",
    "breusch_pagan": "hypothesis_tests",
    "durbin_watson": "hypothesis_tests",
    "glm": "generalized_model",
    "jarque_bera": "hypothesis_tests",
    "lm": "linear_model",
    "nonlinear_least_squares": "nonlinear",
    "quantile_regression": "quantile_model",
    "shapiro_wilk": "hypothesis_tests",
    "solve_glm": "generalized_linear",
    "solve_multinomial": "multinomial",
    "solve_quantile": "quantiles",
    "white": "hypothesis_tests",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'twofold.statistics' has no attribute {name!r}")
    return getattr(import_module(f"twofold.statistics.{_HOMES[name]}"), name)
