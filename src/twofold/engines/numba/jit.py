"""Machine code from Python, by Numba: what the loops are decorated with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib import resources
from pathlib import Path
from shutil import rmtree
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

import numba
import numpy
import scipy

from twofold.data import layout
from twofold.functions import ACTIVATIONS, LOSSES, OPTIMIZERS

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be taken in another order, and a product and a sum be one operation: what BLAS does too. NaN and infinity
# stay what they are, so that a run that diverges is seen to.
FAST = {"reassoc", "contract", "nsz"}
config: Any = numba.config
COMPILES = not config.DISABLE_JIT


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


class Entry:
    """A function that Python calls: compiled, kept on disk for later processes, and without Python's lock.

    Attributes
    ----------
    run : callable
        The function; the first call compiles it, if no process has on this machine.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.__module__ = function.__module__
        self.run = make_entry(function, folder=code_folder())

    def __reduce__(self) -> str:
        """Copy and pickle as functions do: by name."""
        return self._function.__name__

    def prepare(self, *given: Any) -> None:
        """Call it once, so that it is compiled; once more if what lies on the disk is damaged, or the disk is full."""
        try:
            self.run(*given)
            return
        except Exception:  # whatever a file that was cut off may lead to; what is wrong fails again
            folder = code_folder()
        if folder is not None:
            rmtree(folder, ignore_errors=True)
        try:
            self.run = make_entry(self._function, folder=code_folder())
            self.run(*given)
        except OSError:
            self.run = make_entry(self._function, folder=None)
            self.run(*given)


def make_entry(function: Callable[..., Any], *, folder: Path | None) -> Callable[..., Any]:
    """Have a function compiled, with its machine code in a folder if there is one that can be written."""
    options: dict[str, Any] = {"fastmath": FAST, "error_model": "numpy", "nogil": True}
    make: Any = numba.njit
    if folder is None:
        return make(**options)(function)
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)  # read where a function is decorated
    try:
        return make(cache=True, **options)(function)
    except RuntimeError:  # Numba found no place either
        return make(**options)(function)
    finally:
        config.CACHE_DIR = before


def code_folder() -> Path | None:
    """Return a folder for machine code made from these very sources, or None if none can be written.

    Numba itself asks only whether the file of the function that was called has changed, and not those of what it calls.
    """
    homes: list[Callable[[], Path]] = [lambda: Path(__file__).with_name("__pycache__"), layout.cache_folder]
    if config.CACHE_DIR:
        homes = [lambda: Path(config.CACHE_DIR)]
    for home in homes:
        try:
            folder = home() / f"loops-{sources()}"
            folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=folder):
                return folder
        except (OSError, RuntimeError):  # not to be written, or there is no home
            continue
    return None


def sources() -> str:
    """Return a sum of what machine code is made from: sources, definitions, and who made constants."""
    from twofold.engines.numba.formulas import source_of  # both need this module
    from twofold.engines.numba.rules import source_of_penalty, source_of_step

    files = [path for path in resources.files("twofold.engines.numba").iterdir() if path.name.endswith(".py")]
    files.append(resources.files("twofold.functions") / "normalizations.py")  # has a constant
    texts = [path.read_bytes() for path in sorted(files, key=lambda path: path.name)]
    definitions = [source_of(formula, "z") for phi in ACTIVATIONS.values() for formula in phi.expressions]
    losses = [loss for loss in LOSSES.values() if not loss.targets.compete]
    definitions += [source_of(loss.expressions, "o", "y", "c") for loss in losses]
    definitions += [source(rule) for rule in OPTIMIZERS.values() for source in (source_of_step, source_of_penalty)]
    words = [*definitions, numpy.__version__, scipy.__version__]
    return sha256(b"".join([*texts, *(word.encode() for word in words)])).hexdigest()[:16]
