"""From an estimator's parameters, scikit-learn's words, to a network, a recipe and an engine."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from twofold.engines import Engine, check_engine, choose, open_engine
from twofold.engines.choice import choose_head
from twofold.engines.threads import check_threads
from twofold.errors import SpecificationError, check_name, show
from twofold.functions.optimizers import OPTIMIZERS, OptimizerConfig
from twofold.network import Network, Parameters, initialize
from twofold.recipe import Recipe
from twofold.run import is_callback
from twofold.validation import check_precision
from twofold.values import is_real, is_whole

Array = NDArray[Any]

CONSTANTS = {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "epsilon"}  # scikit-learn's names and the house's
LEARNING_RATES = ("constant", "invscaling", "adaptive")
MAX_NORM = 1e15  # norm of X and of y: far enough from where float32's squares overflow

# What a parameter's value must be: a test, and how to say it.
_RULES: dict[str, tuple[Any, str]] = {
    "alpha": (lambda v: is_real(v) and 0 <= v < math.inf, "a number of at least 0"),
    "batch_size": (lambda v: _is(v, "auto") or (is_whole(v) and v >= 1), "an integer of at least 1, or 'auto'"),
    "learning_rate_init": (lambda v: is_real(v) and 0 < v < math.inf, "a positive number"),
    "power_t": (lambda v: is_real(v) and v >= 0, "a number of at least 0"),
    "max_iter": (lambda v: is_whole(v) and v >= 0, "an integer of at least 0"),
    "max_fun": (lambda v: is_whole(v) and v >= 1, "an integer of at least 1"),
    "tol": (lambda v: is_real(v) and v >= 0, "a number of at least 0"),
    "momentum": (lambda v: is_real(v) and 0 <= v < 1, "a number from 0 to 1, less than 1"),
    "validation_fraction": (lambda v: is_real(v) and 0 <= v < 1, "a number from 0 to 1, less than 1"),
    "n_iter_no_change": (
        lambda v: is_real(v) and (v == math.inf or (is_whole(v) and v >= 1)),
        "an integer of at least 1, or inf",
    ),
    "time_budget": (lambda v: v is None or (is_real(v) and v > 0), "a positive number of seconds, or None"),
    "n_members": (lambda v: is_whole(v) and v >= 1, "an integer of at least 1"),
    "C": (lambda v: is_real(v) and v > 0, "a positive number, or inf for no penalty"),
    "callbacks": (
        lambda v: v is None or all(callable(each) or is_callback(each) for each in as_list(v)),
        "a function or a callback of twofold.train, several, or None",
    ),
    "verbose": (lambda v: isinstance(v, bool | np.bool_) or is_whole(v), "True, False or an integer"),
    **dict.fromkeys(
        ("shuffle", "fit_intercept", "warm_start", "nesterovs_momentum", "early_stopping"),
        (lambda v: isinstance(v, bool | np.bool_), "True or False"),
    ),
    "dropout": (lambda v: is_real(v) and 0 <= v < 1, "a number from 0 to 1, less than 1"),
}


def _constant_rule(name: str) -> tuple[Any, str]:
    """Return the rule of an optimiser's constant."""
    among, *_ = (constant.range for constant in OptimizerConfig.readers(name).values())
    return lambda v: v is None or among.holds(v), f"{among.words}, or None"


for _name in ("l1", "label_smoothing", "ema_decay"):
    _among = Recipe.__dataclass_fields__[_name].metadata["range"]
    _RULES[_name] = (_among.holds, _among.words)
_RULES |= {word: _constant_rule(name) for word, name in CONSTANTS.items()}


def minibatch_solvers() -> tuple[str, ...]:
    """Return the names of the optimisers, registered ones too; momentum is an option of "sgd", as in scikit-learn."""
    return tuple(name for name in OPTIMIZERS if name not in ("momentum", "nesterov"))


def as_list(value: Any) -> list[Any]:
    """Return what is one or several as a list."""
    return list(value) if isinstance(value, list | tuple) else [value]


def check_settings(model: Any) -> None:
    """Check what no other place checks; raise `SpecificationError`."""
    for name, (holds, expected) in _RULES.items():
        if hasattr(model, name) and not holds(getattr(model, name)):
            raise SpecificationError(f"{name} is {show(getattr(model, name))}; it must be {expected}")
    check_name("solver", model.solver, (*model._full_batch_solvers, *minibatch_solvers()))
    if model.max_iter < 1 and model.solver not in model._take_no_step:
        raise SpecificationError(f"max_iter is {model.max_iter}; it must be an integer of at least 1")
    check_name("learning_rate", model.learning_rate, LEARNING_RATES)
    check_engine(model.engine)
    check_threads(model.threads)
    if not _is(model.dtype, "auto"):
        check_precision(model.dtype)
    if any(not is_whole(units) or units <= 0 for units in hidden_layers(model)):
        raise SpecificationError(f"hidden_layer_sizes must be > 0, got {show(list(hidden_layers(model)))}.")


def hidden_layers(model: Any) -> tuple[int, ...]:
    """Return the units of each hidden layer; a single number is one layer."""
    sizes = model.hidden_layer_sizes
    return tuple(sizes) if hasattr(sizes, "__iter__") else (sizes,)


def build_network(model: Any, inputs: int, outputs: int, loss: str) -> Network:
    """Make the network that an estimator's parameters describe."""
    given = model.activation
    several = isinstance(given, list | tuple)
    house = ["sigmoid" if _is(name, "logistic") else name for name in (given if several else [given])]
    options: dict[str, Any] = {"activation": tuple(house) if several else house[0]}
    if model.normalization is not None:
        options["normalization"] = model.normalization
    hidden = tuple(int(units) for units in hidden_layers(model))
    return Network((inputs, *hidden, outputs), loss=loss, dropout=model.dropout, **options)


def build_recipe(model: Any, *, n: int, total: float, seed: int, epochs: int) -> Recipe:
    """Make the recipe that an estimator's parameters describe.

    Parameters
    ----------
    model : estimator
    n : int
        Samples.
    total : float
        Sum of their weights, n without weights.
    seed : int
    epochs : int

    Returns
    -------
    Recipe
    """
    batch_size = min(200, n) if model.batch_size == "auto" else min(int(model.batch_size), n)
    steps = math.ceil(n / batch_size)
    solver, constants = model.solver, {}
    if solver == "sgd" and model.momentum > 0:
        solver, constants = "nesterov" if model.nesterovs_momentum else "momentum", {"momentum": model.momentum}
    own = OPTIMIZERS[solver].constants
    constants |= {name: getattr(model, word) for word, name in CONSTANTS.items() if name in own}
    options: dict[str, Any] = {
        name: float(getattr(model, name, 0.0)) for name in ("label_smoothing", "ema_decay", "l1")
    }
    return Recipe(
        epochs=epochs,
        batch_size=batch_size,
        shuffle=bool(model.shuffle),
        learning_rate=float(model.learning_rate_init),
        optimizer=OptimizerConfig(solver, **constants),
        weight_decay=model._weight_decay(steps, total),
        seed=seed,
        **options,
    )


def draw_parameters(network: Network, random_state: np.random.RandomState) -> Parameters:
    """Draw first parameters, the very numbers that scikit-learn draws: uniform within Glorot and Bengio's bound.

    The bound of weights and biases is ``sqrt(6 / (inputs + outputs))``, for the logistic activation
    ``sqrt(2 / (inputs + outputs))``.
    """
    layers = []
    activations = network.activations
    for index, layer in enumerate(initialize(network, initialization="zeros")):
        logistic = activations and activations[min(index, len(activations) - 1)] == "sigmoid"
        bound = math.sqrt((2 if logistic else 6) / sum(layer.W.shape))
        W = random_state.uniform(-bound, bound, layer.W.shape)
        layers.append(replace(layer, W=W, b=random_state.uniform(-bound, bound, layer.b.shape)))
    return tuple(layers)


def choose_dtype(model: Any, *data: Array) -> str:
    """Return the type of a fit's arithmetic on features and targets, also those that are only scored.

    ``"auto"`` is float32 for minibatches, whose noise is far above its rounding, unless a number is too large for it;
    float64 for L-BFGS, which compares nearly equal losses.
    """
    if not _is(model.dtype, "auto"):
        return check_precision(model.dtype)
    if model.solver == "lbfgs":
        return "float64"
    values: Any = (a.data if sparse.issparse(a) else a for a in data)
    fits = all(a.dtype.kind != "f" or np.vdot(a, a) < MAX_NORM**2 for a in values)  # one pass, by BLAS
    return "float32" if fits else "float64"


def open_fitting_engine(
    model: Any, network: Network, parameters: Parameters, *, dtype: str, samples: int, batch_size: int, is_sparse: bool
) -> Engine:
    """Open the engine that an estimator asks for.

    ``"auto"`` is `twofold.engines.choose`, for a job of ``samples`` gone through; sparse features are kept sparse by
    the scratch engine alone.
    """
    name, options = model.engine, {"device": model.device, "precision": model.precision}
    size = samples if model.time_budget is None else None  # how far a budget goes, nobody knows
    if name == "auto":
        name = choose(network, dtype=dtype, batch_size=batch_size, samples=size, **options)
        if is_sparse and model.device == "cpu" and model.precision is None:
            name = "scratch"
    if name == "fused":
        options["head"] = choose_head(network, batch_size=batch_size, samples=size or 0, device=model.device)
    return open_engine(name, network, parameters=parameters, dtype=dtype, **options)


def draw_seed(random_state: np.random.RandomState) -> int:
    """Draw a seed of the house's stateless randomness."""
    return int(random_state.randint(np.iinfo(np.int32).max))


def _is(value: object, word: str) -> bool:
    """Tell whether a value is this word; an array would be compared number by number."""
    return isinstance(value, str) and value == word
