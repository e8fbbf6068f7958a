"""Engines: each knows how to take a step, and all of them take the same one.

``scratch.py`` is NumPy with every gradient by hand, ``concise.py`` is PyTorch with autograd; read them side by side.
The other two are for speed: ``compiled.py`` has Numba turn the formulas, as loops, into machine code, for small
networks; ``fused.py`` is PyTorch without autograd, for large ones. `choose` is the rule behind ``"auto"``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

from numpy.typing import ArrayLike, NDArray

from twofold.borders import Precision, check_precision
from twofold.engines.memory import keep_freed_memory
from twofold.errors import MissingDependencyError, SpecificationError, check_name
from twofold.functions import LOSSES, OPTIMIZERS
from twofold.metrics import Score
from twofold.network import Given, Network, Parameters, check_parameters, initialize
from twofold.recipe import Recipe

Array = NDArray[Any]

AVERAGE = "average"  # the name of the running mean of the parameters in an engine's memory
CHUNK = 4096  # rows that `outputs` takes at a time: image bytes become floats there, and shouldn't all at once

ENGINES: dict[str, str] = {
    "scratch": "twofold.engines.scratch:ScratchEngine",
    "compiled": "twofold.engines.compiled:CompiledEngine",
    "concise": "twofold.engines.concise:ConciseEngine",
    "fused": "twofold.engines.fused:FusedEngine",
}

DEVICES = ("cpu", "cuda", "mps")
PRECISIONS = ("bfloat16",)


class Library(NamedTuple):
    """What an engine needs besides NumPy: the module, its name among people, and our extra that installs it."""

    module: str
    title: str
    extra: str


PYTORCH, NUMBA = Library("torch", "PyTorch", "torch"), Library("numba", "Numba", "compiled")
LIBRARIES = {"concise": PYTORCH, "fused": PYTORCH, "compiled": NUMBA}

# The largest product of a minibatch, in multiply-adds, up to which PyTorch's calls cost more than they save:
SMALL_FOR_LOOPS = 2**22  # against machine code
SMALL_FOR_NUMPY = 2**18  # against NumPy

# Minibatches above which NumPy and PyTorch are faster than machine code that takes one number after the other:
FEW_SAMPLES = 2**10
FEW_UNITS = 2**12  # samples x hidden units, of an activation that needs an exponential each

# A job below both is over before another library than NumPy, once it is imported, has made up for that:
FEW_STEPS = 20_000
SMALL_JOB = 33 * 10**10  # multiply-adds


@dataclass(frozen=True)
class EngineState:
    """Everything that an engine needs to go on as if it had never stopped.

    Random numbers need no state: they are functions of the seed and the step.

    Attributes
    ----------
    parameters : Parameters
        Those that steps change; with `Recipe.averaging` not the model's, which are in the memory.
    memory : dict of str to Parameters
        The optimiser's arrays by name (``"velocity"``, ``"mean"``, ``"square"``), shaped like what is trained; and
        ``"average"``, shaped like all parameters, with `Recipe.averaging`.
    steps : int
        Steps taken since `Engine.start`; also says where in which epoch.
    totals : tuple of three floats
        Sums of weighted loss, weighted correct predictions and weights since the epoch began.
    """

    parameters: Parameters
    memory: dict[str, Parameters] = field(default_factory=dict)
    steps: int = 0
    totals: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def with_model(self, parameters: Parameters) -> EngineState:
        """Return the state with these parameters as the model's: the average too, where one is kept."""
        average = {AVERAGE: parameters} if AVERAGE in self.memory else {}
        return replace(self, parameters=parameters, memory=self.memory | average)


def memory_names(recipe: Recipe) -> tuple[str, ...]:
    """Return the names of what an engine remembers from step to step besides the parameters."""
    return (*OPTIMIZERS[recipe.optimizer].memory, *((AVERAGE,) if recipe.averaging else ()))


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
    names = memory_names(recipe)
    if set(state.memory) != set(names):
        raise SpecificationError(
            f"the state remembers {sorted(state.memory)}; the optimiser {recipe.optimizer!r} needs {sorted(names)}"
        )
    memory = {name: check_parameters(network, state.memory[name], dtype, statistics=name == AVERAGE) for name in names}
    return replace(state, parameters=check_parameters(network, state.parameters, dtype), memory=memory)


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
            Targets: see `twofold.borders.check_targets`.
        sample_weight : array, shape (n,), optional
            Non-negative; a minibatch's loss is ``sum_i w_i l_i / sum_i w_i``.

        Raises
        ------
        DataError
            If they don't fit the network or hold what is not a finite number.
        """
        ...

    def start(self, recipe: Recipe) -> None:
        """Forget the optimiser's memory, count steps from 0 and follow this recipe; the parameters stay.

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
        indices : ndarray of int64, shape (|B|,)
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


def choose(
    network: Network,
    *,
    dtype: str = "float32",
    device: str = "cpu",
    precision: str | None = None,
    batch_size: int = 256,
    samples: int | None = None,
) -> str:
    """Choose the fastest engine that can do what is asked: the rule behind ``"auto"``.

    The first line that holds decides. None of them looks at a clock, so the choice is the same from run to run.

    1. A GPU, or products in another precision: ``"fused"``, which alone has them.
    2. The whole job is known, and is at most `FEW_STEPS` steps and `SMALL_JOB` multiply-adds: ``"scratch"``, since to
       import Numba or PyTorch takes longer than they save.
    3. The job is known, Numba is installed, and minibatches are small: every product at most `SMALL_FOR_LOOPS`
       multiply-adds, at most `FEW_SAMPLES` samples, and with another activation than ReLU at most `FEW_UNITS` numbers
       of hidden units: ``"compiled"``.
    4. Every product is at most `SMALL_FOR_NUMPY` multiply-adds: ``"scratch"``.
    5. PyTorch is installed: ``"fused"``.
    6. ``"scratch"``.

    An engine that lacks the network's activation or loss is passed over.

    Parameters
    ----------
    network : Network
    dtype, device, precision
        As for `open_engine`.
    batch_size : int
        Samples of a minibatch.
    samples : int, optional
        Samples gone through in the whole training, epochs times the set's size; None if it isn't known.

    Returns
    -------
    str
        A name in `ENGINES`.

    Examples
    --------
    >>> choose(Network((20, 64, 64, 1), loss="squared"), batch_size=32, samples=1000)
    'scratch'
    """
    check_precision(dtype)
    if device != "cpu" or precision is not None:
        return "fused"
    if samples is not None and samples <= FEW_STEPS * batch_size and 3 * network.n_parameters * samples <= SMALL_JOB:
        return "scratch"
    product = max(inputs * outputs for inputs, outputs in network.shapes) * batch_size
    if samples is not None and product <= SMALL_FOR_LOOPS and batch_size <= FEW_SAMPLES:
        plain = set(network.activations) <= {"identity", "relu"}
        if (plain or batch_size * sum(network.hidden) <= FEW_UNITS) and _can("compiled", network):
            return "compiled"
    return "fused" if product > SMALL_FOR_NUMPY and _can("fused", network) else "scratch"


def _can(name: str, network: Network) -> bool:
    """Tell whether an engine's library is here, and the network's functions in the engine."""
    if find_spec(LIBRARIES[name].module) is None:
        return False
    try:
        formulas = import_module({"compiled": "twofold.engines.loops", "fused": "twofold.engines.kernels"}[name])
    except Exception:  # there, but broken, or not for this Python or this NumPy: asking for it by name says why
        return False
    return bool(getattr(formulas, "COMPILES", True) and formulas.holds(network))


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
        autograd), or ``"auto"``: what `choose` says.
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
        ``"cpu"``, ``"cuda"`` or ``"mps"``; the latter two have ``"fused"`` alone.
    precision : str, optional
        ``"bfloat16"``: the matrix products of ``"fused"`` take and give bfloat16, and what lies between them is
        bfloat16 too; outputs, loss, parameters and updates stay float32.

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
    if name == "fused":
        options = {"device": device, "precision": precision}
    elif device != "cpu" or precision is not None:
        wanted = f"device {device!r}" if device != "cpu" else f"precision {precision!r}"
        raise SpecificationError(f"the {name} engine has no {wanted}; fused has it")
    if parameters is None:
        start = initialize(network, seed, initialization=initialization, sigma=sigma, dtype=floats)
    else:
        start = check_parameters(network, parameters, floats)
    module, kind = ENGINES[name].split(":")
    keep_freed_memory()
    try:
        make = getattr(import_module(module), kind)
    except Exception as error:
        library = LIBRARIES.get(name)
        if library is None or not _is_to_blame(library, error):
            raise
        trouble = "is not installed" if find_spec(library.module) is None else f"can't be imported here ({error})"
        raise MissingDependencyError(
            f"the {name} engine needs {library.title}, which {trouble}: pip install 'twofold[{library.extra}]'"
        ) from error
    engine: Engine = make(network, start, floats, **options)
    return engine


def _is_to_blame(library: Library, error: Exception) -> bool:
    """Tell whether it was a library's import that failed."""
    if isinstance(error, ModuleNotFoundError):
        return (error.name or "").split(".")[0] == library.module
    return isinstance(error, ImportError) or library == NUMBA
