"""Machine code from Python, by Numba: what the loops are decorated with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be taken in another order, and a product and a sum be one operation: what BLAS does too. NaN and infinity
# stay what they are, so that a run that diverges is seen to.
FAST = {"reassoc", "contract", "nsz", "arcp"}
LINE = 64  # bytes that come from memory at once
READ = (0, 3, 1)  # of llvm.prefetch: to be read; kept in all caches; data, not instructions


def compiled(function: Function) -> Function:
    """Have a function compiled when it is first called, or as a part of one that calls it.

    Parameters
    ----------
    function : callable
        Of numbers, arrays and named tuples.

    Returns
    -------
    callable
    """
    made: Any = numba.njit(fastmath=FAST, error_model="numpy")(function)
    return made


def kept(function: Function) -> Function:
    """Do the same for a function that Python calls; its machine code is kept on disk, and it lets go of Python's lock.

    Numba finds the code stale if the function's own file has changed, and looks no further: here it is forgotten if any
    file of the loops is younger.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
    """
    options: dict[str, Any] = {"fastmath": FAST, "error_model": "numpy", "nogil": True}
    make: Any = numba.njit
    try:
        made = make(cache=True, **options)(function)
    except RuntimeError:  # no folder can be written, neither the package's nor the user's: compile in each process
        return make(**options)(function)
    if folder := getattr(getattr(made, "stats", None), "cache_path", None):
        forget(Path(folder), younger=max(path.stat().st_mtime for path in Path(__file__).parent.glob("*.py")))
    return made


def forget(folder: Path, *, younger: float) -> None:
    """Remove Numba's indexes in a folder that were last written before a time."""
    for index in folder.glob("*.nbi"):
        try:
            if index.stat().st_mtime < younger:
                index.unlink()
        except OSError:  # another process was faster, or may and we may not: Numba goes by its own rule
            continue


def _prefetch(_context: Any, X: Any, row: Any) -> Any:
    """Ask memory for a row of X (n, d), C-contiguous: it comes while the processor goes on with something else."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        width = builder.extract_value(array.strides, 0)
        start = builder.add(builder.ptrtoint(array.data, width.type), builder.mul(arguments[1], width))
        pointer, flag = ir.PointerType(ir.IntType(8)), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        ask = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        loop: Any = cgutils.for_range_slice
        with loop(builder, width.type(0), width, width.type(LINE)) as (offset, _):
            place = builder.inttoptr(builder.add(start, offset), pointer)
            builder.call(ask, [place, *(ir.Constant(flag, value) for value in READ)])
        return context.get_dummy_value()

    return types.void(X, row), generate


def _wait(_X: Any, _row: Any) -> None:
    """Stand in for `prefetch` where nothing is compiled."""


config: Any = numba.config
prefetch: Any = _wait if config.DISABLE_JIT else intrinsic(_prefetch)
