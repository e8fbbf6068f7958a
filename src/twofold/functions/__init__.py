"""Activations, initialisations, losses, normalisations, optimisers and schedules: the pages one learns from.

A name is imported when it is first asked for: whoever only wants names, such as a command's help, needs no NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twofold.functions.activations import ACTIVATIONS, Activation
    from twofold.functions.initializations import INITIALIZATIONS, Initialization
    from twofold.functions.links import softmax
    from twofold.functions.losses import LOSSES, Loss, sigmoid
    from twofold.functions.normalizations import NORMALIZATIONS, Normalization
    from twofold.functions.optimizers import OPTIMIZERS, Optimizer, OptimizerConfig
    from twofold.functions.schedules import SCHEDULES, Schedule, ScheduleConfig

__all__ = [
    "ACTIVATIONS",
    "INITIALIZATIONS",
    "LOSSES",
    "NORMALIZATIONS",
    "OPTIMIZERS",
    "SCHEDULES",
    "Activation",
    "Initialization",
    "Loss",
    "Normalization",
    "Optimizer",
    "OptimizerConfig",
    "Schedule",
    "ScheduleConfig",
    "sigmoid",
    "softmax",
]

_HOMES = {
    "activations": ("ACTIVATIONS", "Activation"),
    "initializations": ("INITIALIZATIONS", "Initialization"),
    "links": ("softmax",),
    "losses": ("LOSSES", "Loss", "sigmoid"),
    "normalizations": ("NORMALIZATIONS", "Normalization"),
    "optimizers": ("OPTIMIZERS", "Optimizer", "OptimizerConfig"),
    "schedules": ("SCHEDULES", "Schedule", "ScheduleConfig"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
