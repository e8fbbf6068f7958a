"""Engines: each knows how to take a step, and all of them take the same one.

``scratch.py`` is NumPy with every gradient by hand, ``concise.py`` is PyTorch with autograd; read them side by side.
The others are for speed: ``compiled.py`` has Numba turn the formulas, as loops, into machine code, for small networks;
``fused.py`` is PyTorch without autograd, for large ones; ``fused_compiled.py`` is the same with machine code between
the large products. `choose` is the rule behind ``"auto"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from numpy.typing import ArrayLike, NDArray

from twofold.engines.allocator import keep_freed_memory
from twofold.engines.choice import LIBRARIES, NUMBA, Library
from twofold.engines.choice import choose as choose  # a public name of this package
from twofold.errors import MissingDependencyError, SpecificationError, check_name
from twofold.functions import LOSSES, OPTIMIZERS
from twofold.metrics import Score
from twofold.network import Given, Network, Parameters, check_parameters, initialize
from twofold.recipe import Recipe
from twofold.validation import Precision, check_precision

Array = NDArray[Any]

AVERAGE = "average"  # the name of the running mean of the parameters in an engine's state
CHUNK = 4096  # rows that `outputs` takes at a time: image bytes become floats there, and shouldn't all at once

ENGINES: dict[str, str] = {
    "scratch": "twofold.engines.scratch:ScratchEngine",
    "compiled": "twofold.engines.compiled:CompiledEngine",
    "concise": "twofold.engines.concise:ConciseEngine",
    "fused": "twofold.engines.fused:FusedEngine",
    "fused-compiled": "twofold.engines.fused_compiled:FusedCompiledEngine",
}
OPTIONS = {"fused": ("device", "precision"), "fused-compiled": ("precision",)}  # that not every engine has

DEVICES = ("cpu", "cuda", "mps")
PRECISIONS = ("bfloat16",)


@dataclass(frozen=True)
class EngineState:
    """Everything that an engine needs to go on as if it had never stopped.

    Random numbers need no state: they are functions of the seed and the step.

    Attributes
    ----------
    parameters : Parameters
        Those that steps change; with `Recipe.averaging` not the model's, which are in the optimiser state.
    optimizer_state : dict of str to Parameters
        The optimiser's arrays by name (``"velocity"``, ``"mean"``, ``"square"``), shaped like what is trained; and
        ``"average"``, shaped like all parameters, with `Recipe.averaging`.
    steps : int
        Steps taken since `Engine.start`; also says where in which epoch.
    totals : tuple of three floats
        Sums of weighted loss, weighted correct predictions and weights since the epoch began.
    """

    parameters: Parameters
    optimizer_state: dict[str, Parameters] = field(default_factory=dict)
    steps: int = 0
    totals: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def with_model(self, parameters: Parameters) -> EngineState:
        """Return the state with these parameters as the model's: the average too, where one is kept."""
        average = {AVERAGE: parameters} if AVERAGE in self.optimizer_state else {}
        return replace(self, parameters=parameters, optimizer_state=self.optimizer_state | average)


def optimizer_state_names(recipe: Recipe) -> tuple[str, ...]:
    """Return the names of what an engine remembers from step to step besides the parameters."""
    return (*OPTIMIZERS[recipe.optimizer].state, *((AVERAGE,) if recipe.averaging else ()))


def check_recipe(network: Network, recipe: Recipe) -> Recipe:
    """Return a recipe that a network can be trained by.

    Raises
    ------
    SpecificationError
        If its labels are to be smoothed and the loss is no cross entropy.
    """
    if recipe.label_smoothing and not LOSSES[network.loss].smoothable:
        smoothable = ", ".join(name for name, loss in LOSSES.items() if loss.smoothable)
        raise SpecificationError(f"label_smoothing goes with {smoothable}; the network's loss is {network.loss!r}")
    return recipe


def check_state(network: Network, recipe: Recipe, state: EngineState, dtype: Precision) -> EngineState:
    """Copy a state, checked against the network and the recipe's optimiser, in the engine's dtype.

    Raises
    ------
    SpecificationError
        If it is the state of another network or optimiser.
    """
    names = optimizer_state_names(recipe)
    if set(state.optimizer_state) != set(names):
        raise SpecificationError(
            f"the state has {sorted(state.optimizer_state)}; the optimiser {recipe.optimizer!r} needs {sorted(names)}"
        )
    optimizer_state = {
        name: check_parameters(network, state.optimizer_state[name], dtype, statistics=name == AVERAGE)
        for name in names
    }
    return replace(
        state, parameters=check_parameters(network, state.parameters, dtype), optimizer_state=optimizer_state
    )


class Engine(Protocol):
    """What the training loop, and everything above it, asks of an engine."""

    name: str
    network: Network
    dtype: Precision
    steps: int

    def load(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Put a set of samples where the engine wants it, checked, in its smallest exact type.

        Arrays that have that type already are not copied: change them only after training.

        Parameters
        ----------
        X : array, shape (n, d) or (n, height, width)
            Features; uint8 are image bytes, 0..255 for 0..1, and stay bytes.
        y : array
            Targets: see `twofold.validation.check_targets`.
        sample_weight : array, shape (n,), optional
            Non-negative; a minibatch's loss is ``sum_i w_i l_i / sum_i w_i``.

        Raises
        ------
        DataError
            If they don't fit the network or hold what is not a finite number.
        """
        ...

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's state, count steps from 0 and follow this recipe; the parameters stay.

        Raises
        ------
        SpecificationError
            If the recipe doesn't fit the network's loss.
        """
        ...

    def step(self, indices: Array, learning_rate: float) -> None:
        """Take one minibatch step.

        Parameters
        ----------
        indices : ndarray of int64, shape (batch,)
            Rows of the loaded set; with batch normalisation two at least, which is for the caller to see to.
        learning_rate : float
        """
        ...

    def begin_epoch(self) -> None:
        """Set the running means back to nothing."""
        ...

    def running(self) -> Score:
        """Read the mean loss and accuracy over the steps since the epoch began, each taken just before its step."""
        ...

    def outputs(self, X: ArrayLike) -> Array:
        """Compute raw outputs.

        Parameters
        ----------
        X : array, shape (n, d) or (n, height, width)

        Returns
        -------
        ndarray of the engine's dtype, shape (n, q)
        """
        ...

    def gradients(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Parameters:
        """Compute the gradient of the mean loss at the present parameters, without dropout, decay and smoothing.

        Batch normalisation is by these samples' own means and variances, as in a step.
        """
        ...

    def parameters(self) -> Parameters:
        """Copy the model's parameters out: a `twofold.network.Layer` of each layer; their average, if one is kept."""
        ...

    def state(self) -> EngineState:
        """Copy out everything that `restore` needs."""
        ...

    def restore(self, state: EngineState) -> None:
        """Go on from a state, of this engine or another; after `start`, with the same recipe.

        Raises
        ------
        SpecificationError
            If the state is that of another network or optimiser.
        """
        ...


def open_engine(
    name: str,
    network: Network,
    *,
    seed: int = 0,
    initialization: str = "normal",
    sigma: float = 0.01,
    parameters: Given | None = None,
    dtype: str = "float32",
    device: str = "cpu",
    precision: str | None = None,
) -> Engine:
    """Make an engine for a network.

    Parameters
    ----------
    name : str
        ``"scratch"`` (NumPy, gradients by hand), ``"concise"`` (PyTorch, autograd), ``"compiled"`` (machine code by
        Numba: the first step on a machine takes some 10 s, for which it is compiled), ``"fused"`` (PyTorch without
        autograd), ``"fused-compiled"`` (the same with machine code between its large products), or ``"auto"``: what
        `choose` says.
    network : Network
    seed : int
        Of the first weights; one seed gives every engine the same.
    initialization : str
        ``"normal"`` with standard deviation ``sigma``, ``"xavier"``, ``"he"`` or ``"zeros"``.
    sigma : float
        Standard deviation of ``"normal"``.
    parameters : sequence of (W, b) or Layer, optional
        Start from these, W of shape (inputs, outputs), in place of random ones.
    dtype : str
        ``"float32"`` or ``"float64"``.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``; the latter two are for ``"fused"`` alone.
    precision : str, optional
        ``"bfloat16"``: the matrix products of ``"fused"`` and ``"fused-compiled"`` take and give bfloat16, and what
        lies between them is bfloat16 too; outputs, loss, parameters and updates stay float32, and so does a last layer
        for which ``"fused-compiled"`` has machine code.

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
    check_name("engine", name, ("auto", *ENGINES))
    check_name("device", device, DEVICES)
    if precision is not None:
        check_name("precision", precision, PRECISIONS)
    floats = check_precision(dtype)
    if name == "auto":
        name = choose(network, dtype=dtype, device=device, precision=precision)
    options: dict[str, Any] = {}
    for option, value, default in (("device", device, "cpu"), ("precision", precision, None)):
        if option in OPTIONS.get(name, ()):
            options[option] = value
        elif value != default:
            raise SpecificationError(f"the {name} engine has no {option} {value!r}; fused has it")
    if parameters is None:
        start = initialize(network, seed, initialization=initialization, sigma=sigma, dtype=floats)
    else:
        start = check_parameters(network, parameters, floats)
    module, kind = ENGINES[name].split(":")
    keep_freed_memory()
    try:
        make = getattr(import_module(module), kind)
    except Exception as error:
        library = _to_blame(LIBRARIES.get(name, ()), error)
        if library is None:
            raise
        trouble = "is not installed" if find_spec(library.module) is None else f"can't be imported here ({error})"
        raise MissingDependencyError(
            f"the {name} engine needs {library.title}, which {trouble}: pip install 'twofold[{library.extra}]'"
        ) from error
    engine: Engine = make(network, start, floats, **options)
    return engine


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
