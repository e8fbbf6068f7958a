"""The rules behind ``"auto"``, and behind what ``"fused"`` uses: what is the fastest for what is asked."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from typing import NamedTuple

from twofold.functions import ACTIVATIONS, LOSSES
from twofold.functions.expressions import Expression, walk
from twofold.network import Network
from twofold.validation import check_precision


class Library(NamedTuple):
    """What an engine needs besides NumPy: the module, its name among people, and our extra that installs it."""

    module: str
    title: str
    extra: str


PYTORCH, NUMBA = Library("torch", "PyTorch", "torch"), Library("numba", "Numba", "compiled")
LIBRARIES: dict[str, tuple[Library, ...]] = {
    "concise": (PYTORCH,),
    "fused": (PYTORCH,),
    "compiled": (NUMBA,),
}
HEADS = ("pytorch", "numba")  # what computes the last layers and the loss in `fused`
FORMULAS = {
    PYTORCH: "twofold.engines.pytorch.kernels",
    NUMBA: "twofold.engines.numba",
}  # each of which `holds` networks

MIN_SHARED_WORK = 2**24  # multiply-adds of a product from which on it is shared among threads

MAX_NARROW_OUTPUTS = 16  # outputs up to which loops beat a library's matrix product

# The largest product of a minibatch, in multiply-adds, up to which PyTorch's calls cost more than they save:
MAX_WORK_FOR_LOOPS = 2**22  # against machine code
MAX_WORK_FOR_NUMPY = 2**18  # against NumPy

# Minibatches above which NumPy and PyTorch, in several threads, are faster than machine code in one:
MAX_SAMPLES_FOR_LOOPS = 2**10
MAX_UNITS_FOR_LOOPS = 2**15  # samples x hidden units, of activations whose formulas are long
MIN_LONG_FORMULA = 5  # exponentials, logarithms and the like, of an activation and its derivative

# A job below both is over before another library than NumPy, once it is imported, has made up for that:
MAX_SHORT_STEPS = 20_000
MAX_SMALL_JOB = 33 * 10**10  # multiply-adds


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
    2. The whole job is known, and is at most `MAX_SHORT_STEPS` steps and `MAX_SMALL_JOB` multiply-adds:
       ``"scratch"``, since to import Numba or PyTorch takes longer than they save.
    3. The job is known, Numba is installed, and minibatches are small: every product at most `MAX_WORK_FOR_LOOPS`
       multiply-adds, at most `MAX_SAMPLES_FOR_LOOPS` samples, and at most `MAX_UNITS_FOR_LOOPS` numbers of hidden
       units if an activation's formula is long (GELU, Mish): ``"compiled"``.
    4. A product is more than `MAX_WORK_FOR_NUMPY` multiply-adds, and PyTorch is installed: ``"fused"``.
    5. ``"scratch"``.

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
    is_long = samples is not None and samples > MAX_SHORT_STEPS * batch_size
    if samples is not None and not is_long and 3 * network.n_parameters * samples <= MAX_SMALL_JOB:
        return "scratch"
    product = largest_product(network, batch_size)
    if samples is not None and product <= MAX_WORK_FOR_LOOPS and batch_size <= MAX_SAMPLES_FOR_LOOPS:
        cheap = not any(map(_is_long, network.activations)) or batch_size * sum(network.hidden) <= MAX_UNITS_FOR_LOOPS
        if cheap and can("compiled", network):
            return "compiled"
    return "fused" if product > MAX_WORK_FOR_NUMPY and can("fused", network) else "scratch"


def choose_threads(network: Network, batch_size: int, *, device: str = "cpu") -> int | None:
    """Choose how many threads the arithmetic of a training has.

    Threads that share a small product gain little, and wait for each other where another program has one of the cores.

    Parameters
    ----------
    network : Network
    batch_size : int
        Samples of a minibatch.
    device : str

    Returns
    -------
    int or None
        1 if every product is less than `MIN_SHARED_WORK` multiply-adds; None, as many as there are, otherwise. By sizes
        alone: one job has one number, since with another one sums may round otherwise.

    Examples
    --------
    >>> choose_threads(Network((20, 64, 64, 3)), 32), choose_threads(Network((784, 256, 10)), 256)
    (1, None)
    """
    return 1 if device == "cpu" and largest_product(network, batch_size) < MIN_SHARED_WORK else None


def largest_product(network: Network, batch_size: int) -> int:
    """Return the multiply-adds of a minibatch's largest matrix product."""
    return max(inputs * outputs for inputs, outputs in network.shapes) * batch_size


def choose_head(network: Network, *, batch_size: int, samples: int, device: str = "cpu") -> str:
    """Choose what computes the last layers and the loss in ``"fused"``; the parameters are those of `choose`.

    Returns
    -------
    str
        ``"numba"`` on a CPU, where Numba is installed and has something to do, in more than `MAX_SHORT_STEPS` steps of
        at most `MAX_SAMPLES_FOR_LOOPS` samples, which win back the import of its compiler; else ``"pytorch"``.
    """
    pays = samples > MAX_SHORT_STEPS * batch_size and batch_size <= MAX_SAMPLES_FOR_LOOPS
    return "numba" if device == "cpu" and pays and numba_helps(network) and has(NUMBA, network) else "pytorch"


def numba_helps(network: Network) -> bool:
    """Tell whether Numba has something to do in ``"fused"``: a narrow last layer, or a loss of classes or labels.

    For many numbers without exponentials PyTorch takes a few calls, in several threads.
    """
    return network.outputs <= MAX_NARROW_OUTPUTS or LOSSES[network.loss].targets.has_accuracy


def _is_long(activation: str) -> bool:
    """Tell whether an activation's formula is a long one for machine code; ndtr is as long as three exponentials."""
    lengths = {"exp": 1, "expm1": 1, "log": 1, "log1p": 1, "tanh": 1, "ndtr": 3}
    parts = chain.from_iterable(map(walk, ACTIVATIONS[activation].expressions))
    return sum(lengths.get(part.name, 0) for part in parts if isinstance(part, Expression)) > MIN_LONG_FORMULA


def can(name: str, network: Network) -> bool:
    """Tell whether an engine's libraries are here, and the network's functions in the engine."""
    return all(has(library, network) for library in LIBRARIES[name])


def has(library: Library, network: Network) -> bool:
    """Tell whether a library is here, and the network's functions in what we have on it."""
    if find_spec(library.module) is None:
        return False
    try:
        module = import_module(FORMULAS[library])
    except Exception:  # there, but broken, or not for this Python or this NumPy: asking for it by name says why
        return False
    if hasattr(module, "take_up"):
        module.take_up(network)
    return getattr(module, "COMPILES", True) and module.holds(network)
