"""The formulas as loops over samples and units, which Numba turns into machine code.

The steps of the `compiled` engine are made of them, and in `fused` what lies between large products, where that pays.
On arrays as small as a small network's, a call of NumPy costs more than its arithmetic; a loop in machine code calls
nothing. The formulas and their names are those of `twofold.engines.scratch` and `twofold.functions`, where they are
argued for. To follow them number by number, set the environment variable ``NUMBA_DISABLE_JIT`` to 1: they are Python.
"""

import sys
from importlib import import_module, reload

from twofold.engines.numba.deep import step, take_gradient, write_gradient
from twofold.engines.numba.head import last_layers, loss
from twofold.engines.numba.jit import COMPILES
from twofold.engines.numba.plan import (
    Plan,
    Samples,
    StepConfig,
    frozen,
    holds,
    pack,
    plan_of,
    samples_of,
    step_config,
)
from twofold.engines.numba.shallow import ROWS, shallow_step
from twofold.network import Network
from twofold.recipe import Recipe


def take_up(network: Network, recipe: Recipe | None = None) -> None:
    """Make machine code anew if there is a function or an optimiser that came into the registries after it was made."""
    if not holds(network, recipe):
        for name in ("plan", "layers", "losses", "updates", "normalizations", "head", "deep", "shallow"):
            reload(import_module(f"{__name__}.{name}"))
        reload(sys.modules[__name__])


__all__ = [
    "COMPILES",
    "ROWS",
    "Plan",
    "Samples",
    "StepConfig",
    "frozen",
    "holds",
    "last_layers",
    "loss",
    "pack",
    "plan_of",
    "samples_of",
    "shallow_step",
    "step",
    "step_config",
    "take_gradient",
    "take_up",
    "write_gradient",
]
