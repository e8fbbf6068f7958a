"""Functions of machine code that Python calls, kept on disk under a sum of what they are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from importlib import resources
from pathlib import Path
from shutil import rmtree
from tempfile import NamedTemporaryFile
from typing import Any

import numba
import numpy
import scipy

from twofold.data import layout
from twofold.engines.numba.formulas import source_of
from twofold.engines.numba.jit import FAST, config
from twofold.engines.numba.rules import source_of_penalty, source_of_step
from twofold.functions import ACTIVATIONS, LOSSES, OPTIMIZERS
from twofold.functions.normalizations import EPSILON


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
        self._folder = code_folder()
        self.run = make_entry(function, folder=self._folder)

    def __reduce__(self) -> str:
        """Copy and pickle as functions do: by name."""
        return self._function.__name__

    def prepare(self, *given: Any) -> None:
        """Call it once, so that it is compiled; once more if what lies on the disk is damaged, or the disk is full.

        Of several processes one compiles, and the others wait for what it leaves on the disk; not for other functions.
        """
        try:
            with locked(self._folder, self._function.__name__):
                self.run(*given)
            return
        except Exception:  # whatever a file that was cut off may lead to; what is wrong fails again
            if self._folder is not None:
                rmtree(self._folder, ignore_errors=True)
        try:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
            self.run = make_entry(self._function, folder=self._folder)
            self.run(*given)
        except OSError:
            self.run = make_entry(self._function, folder=None)
            self.run(*given)


@contextmanager
def locked(folder: Path | None, name: str) -> Iterator[None]:
    """Keep other processes off a function's files in a folder, as far as the system has locks."""
    if folder is None:
        yield
        return
    with ExitStack() as opened:
        with suppress(ImportError, OSError):  # not to be written any more, or a system without locks
            import fcntl

            fcntl.flock(opened.enter_context((folder / f"{name}.lock").open("wb")), fcntl.LOCK_EX)
        yield


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
    files = [path for path in resources.files("twofold.engines.numba").iterdir() if path.name.endswith(".py")]
    texts = [path.read_bytes() for path in sorted(files, key=lambda path: path.name)]
    definitions = [source_of(formula, "z") for phi in ACTIVATIONS.values() for formula in phi.expressions]
    losses = [loss for loss in LOSSES.values() if not loss.targets.compete]
    definitions += [source_of(loss.expressions, "o", "y", "c") for loss in losses]
    definitions += [source(rule) for rule in OPTIMIZERS.values() for source in (source_of_step, source_of_penalty)]
    words = [*definitions, repr(EPSILON), numpy.__version__, scipy.__version__]
    return sha256(b"".join([*texts, *(word.encode() for word in words)])).hexdigest()[:16]
