"""Engines by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypedDict, Unpack

from twofold.engines.allocator import keep_freed_memory
from twofold.engines.choice import FORMULAS, HEADS, LIBRARIES, NUMBA, Library, choose
from twofold.engines.protocol import Engine
from twofold.errors import MissingDependencyError, SpecificationError, UnknownNameError, check_name
from twofold.functions.initializations import SIGMA
from twofold.network import Given, Network, check_parameters, initialize
from twofold.validation import check_precision

ENGINES: dict[str, str] = {
    "scratch": "twofold.engines.scratch:ScratchEngine",
    "compiled": "twofold.engines.compiled:CompiledEngine",
    "concise": "twofold.engines.concise:ConciseEngine",
    "fused": "twofold.engines.fused:FusedEngine",
}


class EngineOptions(TypedDict, total=False):
    """What ``"fused"`` alone has."""

    device: str
    precision: str | None
    head: str | None


DEFAULTS: dict[str, str | None] = {"device": "cpu", "precision": None, "head": None}
CHOICES = {"device": ("cpu", "cuda", "mps"), "precision": ("bfloat16",), "head": HEADS}


def check_engine(name: str) -> str:
    """Return the name of an engine, or ``"auto"``; raise `UnknownNameError` if there is none."""
    given: object = name  # anything at all, in truth
    if isinstance(given, str) and given == "fused-compiled":
        raise UnknownNameError("engine 'fused-compiled' is 'fused' now, which uses Numba where that pays; use 'fused'")
    return check_name("engine", name, ("auto", *ENGINES))


def open_engine(
    name: str,
    network: Network,
    *,
    seed: int = 0,
    initialization: str = "normal",
    sigma: float = SIGMA.default,
    parameters: Given | None = None,
    dtype: str = "float32",
    **options: Unpack[EngineOptions],
) -> Engine:
    """Make an engine for a network.

    Parameters
    ----------
    name : str
        ``"scratch"`` (NumPy, gradients by hand), ``"concise"`` (PyTorch, autograd), ``"compiled"`` (machine code by
        Numba: the first step on a machine takes up to a minute, as it is compiled), ``"fused"`` (PyTorch without
        autograd), or ``"auto"``: what `choose` says.
    network : Network
    seed : int
        Of the first weights; one seed gives every engine the same.
    initialization : str
        A name in `twofold.functions.INITIALIZATIONS`.
    sigma : float
        Standard deviation of ``"normal"``.
    parameters : sequence of (W, b) or Layer, optional
        Start from these, W of shape (inputs, outputs), in place of random ones.
    dtype : str
        ``"float32"`` or ``"float64"``.
    **options
        Of ``"fused"`` alone. ``device``: ``"cpu"``, ``"cuda"`` or ``"mps"``. ``precision``: ``"bfloat16"``; the matrix
        products take and give bfloat16, and what lies between them is bfloat16 too, while outputs, loss, parameters
        and updates stay float32, and so does a last layer of Numba's. ``head``, what computes the loss and a narrow
        last layer: ``"pytorch"`` or ``"numba"`` (on a CPU); by default Numba in long trainings, where it is
        installed: see `choose_head`.

    Returns
    -------
    Engine

    Raises
    ------
    SpecificationError
        If a name is unknown, the parameters don't fit the network, the engine can't do what is asked, or there is
        no such device here.
    MissingDependencyError
        If the engine needs PyTorch or Numba, and it is not installed.

    Examples
    --------
    >>> engine = open_engine("scratch", Network((4, 3)), seed=0)
    >>> engine.outputs([[1.0, 2.0, 3.0, 4.0]]).shape
    (1, 3)
    """
    check_engine(name)
    given = _check_options(options)
    floats = check_precision(dtype)
    if name == "auto":
        name = choose(network, dtype=dtype, **{option: given[option] for option in given if option != "head"})
    if given and name != "fused":
        option, value = next(iter(given.items()))
        raise SpecificationError(f"the {name} engine has no {option} {value!r}; fused has it")
    if parameters is None:
        start = initialize(network, seed, initialization=initialization, sigma=sigma, dtype=floats)
    else:
        start = check_parameters(network, parameters, floats)
    module, kind = ENGINES[name].split(":")
    keep_freed_memory()
    libraries = (*LIBRARIES.get(name, ()), *((NUMBA,) if given.get("head") == "numba" else ()))
    try:
        make = getattr(import_module(module), kind)
        if NUMBA in libraries:
            import_module(FORMULAS[NUMBA])
    except Exception as error:
        library = _to_blame(libraries, error)
        if library is None:
            raise
        trouble = "is not installed" if find_spec(library.module) is None else f"can't be imported here ({error})"
        raise MissingDependencyError(
            f"the {name} engine needs {library.title}, which {trouble}: pip install 'twofold[{library.extra}]'"
        ) from error
    engine: Engine = make(network, start, floats, **given)
    return engine


def _check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are not as usual; raise if one is unknown."""
    for option, value in options.items():
        if option not in CHOICES:
            raise TypeError(f"open_engine() got an unexpected keyword argument {option!r}")
        if value != DEFAULTS[option]:
            check_name(option, value, CHOICES[option])
    return {option: value for option, value in options.items() if value != DEFAULTS[option]}


def _to_blame(libraries: Sequence[Library], error: Exception) -> Library | None:
    """Return the library whose import failed; None if it was none of them."""
    named = (getattr(error, "name", None) or "").split(".")[0]
    for library in libraries:
        if named == library.module or not _is_importable(library):
            return library
    return NUMBA if NUMBA in libraries and named != "twofold" else None  # it may fail where it is used


def _is_importable(library: Library) -> bool:
    try:
        import_module(library.module)
    except Exception:  # whatever a broken one may raise
        return False
    return True
