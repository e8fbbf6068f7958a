"""Machine code from Python, by Numba: what the loops are decorated with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be taken in another order, and a product and a sum be one operation: what BLAS does too. NaN and infinity
# stay what they are, so that a run that diverges is seen to.
FAST = {"reassoc", "contract", "nsz"}
config: Any = numba.config
COMPILES = not config.DISABLE_JIT


def compiled(function: Function) -> Function:
    """Have a function compiled when it is first called, or as a part of the code of each that calls it.

    A part, so that each caller's code has its sums in one order: were it called, the process that compiled it would run
    the copy that it made first, and later ones that on the disk, which was optimised once more.

    Parameters
    ----------
    function : callable
        Of numbers, arrays and named tuples.

    Returns
    -------
    callable
    """
    made: Any = numba.njit(fastmath=FAST, error_model="numpy", forceinline=True)(function)
    return made


def inlined(function: Function) -> Function:
    """Have a function of numbers compiled, with its sums in the order they are written in, as a part of its callers."""
    made: Any = numba.njit(fastmath={"contract"}, error_model="numpy", forceinline=True)(function)
    return made


def one_of(loops: Mapping[int, Any]) -> Any:
    """Make a function that calls the loop of a number, with what else it is given; of no loop's number it does nothing.

    It is written out and not put together of closures: one within another would be compiled as often as it is deep.
    """
    names = {f"loop{number}": loop for number, loop in loops.items()}
    lines = [f"    if wanted == {number}:\n        loop{number}(*arrays)\n" for number in loops]
    exec(f"def choose(wanted, *arrays):\n{''.join(lines)}", names)  # noqa: S102 - our own text, of numbers alone
    return compiled(names["choose"])
