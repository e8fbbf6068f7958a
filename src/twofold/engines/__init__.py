"""Engines: each knows how to take a step, and all of them take the same one.

``scratch.py`` is NumPy with every gradient by hand, ``concise.py`` is PyTorch with autograd; read them side by side.
The others are for speed: ``compiled.py`` has Numba turn the formulas, as loops, into machine code, for small networks;
``fused.py`` is PyTorch without autograd, for large ones, with Numba's loops between the large products where that pays.
`choose` is the rule behind ``"auto"``.
"""

from twofold.engines.choice import choose
from twofold.engines.factory import ENGINES, check_engine, open_engine
from twofold.engines.protocol import CHUNK, Engine
from twofold.engines.state import AVERAGE, EngineState, check_recipe, check_state, optimizer_state_names

__all__ = [
    "AVERAGE",
    "CHUNK",
    "ENGINES",
    "Engine",
    "EngineState",
    "check_engine",
    "check_recipe",
    "check_state",
    "choose",
    "open_engine",
    "optimizer_state_names",
]
