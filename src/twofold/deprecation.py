"""Old names of public things: they work for one release, with a warning that names the new one."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")

REMOVED_IN = "0.3"

# Modules of version 0.1 that have another name now.
MODULES = {
    "twofold.borders": "twofold.validation",
    "twofold.checkpoints.content": "twofold.checkpoints.checkpoint",
    "twofold.checkpoints.sameness": "twofold.checkpoints.compatibility",
    "twofold.data.ahead": "twofold.data.prefetch",
    "twofold.engines.choosing": "twofold.engines.choice",
    "twofold.estimators.awkward": "twofold.estimators.input_checks",
    "twofold.inspect.tracing.letters": "twofold.inspect.tracing.symbols",
    "twofold.plain": "twofold.dataclass_json",
    "twofold.plots.dress": "twofold.plots.axes_styling",
    "twofold.tables.study": "twofold.tables.column_inference",
}


PARAMETERS = {"averaging": "ema_decay"}  # of `twofold.Recipe`, the estimators and the command line


def renamed(old: str, new: str) -> str:
    """Say that a public name of version 0.1 is another now."""
    return f"{old} is called {new} now; the old name goes in version {REMOVED_IN}"


def warn_renamed(old: str, new: str, *, stacklevel: int = 3) -> None:
    """Warn that a public name of version 0.1 is another now.

    Parameters
    ----------
    old, new : str
        As the caller writes them.
    stacklevel : int
        As for `warnings.warn`, seen from here.
    """
    warnings.warn(renamed(old, new), DeprecationWarning, stacklevel=stacklevel)


def old_parameters(function: str, given: Mapping[str, Any], instead: Mapping[str, str]) -> Mapping[str, Any]:
    """Return parameters of version 0.1 as they are, with a warning that says what to write instead.

    The function itself calls it, so that the warning points to the function's caller.

    Parameters
    ----------
    function : str
        Its name.
    given : mapping of str
        What was given to it beside its parameters.
    instead : mapping of str to str
        Of each parameter that went, what takes its place.

    Raises
    ------
    TypeError
        If there never was such a parameter.
    """
    if strange := given.keys() - instead.keys():
        raise TypeError(f"{function}() got an unexpected keyword argument {min(strange)!r}")
    for name in given:
        warn_renamed(f"{function}'s parameter {name}", instead[name], stacklevel=4)
    return given


def takes_old_parameters(cls: type[T]) -> type[T]:
    """Let a class be made with the old names in `PARAMETERS` too, and scikit-learn's ``set_params`` take them."""
    for method in {"__init__", "set_params"} & {*dir(cls)}:
        setattr(cls, method, _with_new_names(getattr(cls, method), cls.__name__))
    return cls


def _with_new_names(method: Callable[..., Any], place: str) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, *given: Any, **words: Any) -> Any:
        for old in PARAMETERS.keys() & words:
            warn_renamed(f"{place}({old}=...)", f"{place}({PARAMETERS[old]}=...)")
            words[PARAMETERS[old]] = words.pop(old)
        return method(self, *given, **words)

    return call


class RenamedModules:
    """Finds modules by their old names, after all other finders have found nothing."""

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Return how to load a module that has another name now; None for all others."""
        return ModuleSpec(fullname, self) if fullname in MODULES else None  # type: ignore[arg-type] # it has what is asked

    def create_module(self, _spec: ModuleSpec) -> None:
        """Let Python make the empty module that `exec_module` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the module of the new name in the old one's place, with a warning."""
        new = MODULES[module.__name__]
        warn_renamed(module.__name__, new, stacklevel=2)
        sys.modules[module.__name__] = import_module(new)


def find_renamed_modules() -> None:
    """Let Python find modules by the names of version 0.1, from now on."""
    if not any(isinstance(finder, RenamedModules) for finder in sys.meta_path):
        sys.meta_path.append(RenamedModules())
