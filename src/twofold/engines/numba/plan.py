"""A network, a recipe and samples as machine code knows them: by numbers and arrays, not by names."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twofold import functions
from twofold.engines.numba.jit import compiled
from twofold.functions.losses import family
from twofold.network import Network
from twofold.recipe import Recipe
from twofold.validation import Block

Array = NDArray[Any]

ACTIVATIONS = {name: number for number, name in enumerate(functions.ACTIVATIONS)}

LOSSES = {name: number for number, name in enumerate(functions.LOSSES)}
CROSS_ENTROPY, SOFTMAX_SQUARED = LOSSES["cross_entropy"], LOSSES["softmax_squared"]  # whose loops are written by hand
KINDS = {"numbers": 0, "classes": 1, "labels": 2}  # of targets
CLASSES, LABELS = KINDS["classes"], KINDS["labels"]

NONE, BATCH, LAYER = range(3)
NORMALIZATIONS = {None: NONE, "batch": BATCH, "layer": LAYER}

OPTIMIZERS = {name: number for number, name in enumerate(functions.OPTIMIZERS)}


class Plan(NamedTuple):
    """A network, in numbers.

    Attributes
    ----------
    widths : ndarray of int64, shape (layers + 1,)
    activations : ndarray of int64, shape (hidden layers,)
    loss, targets, normalization : int
    constant : float
        Of the loss; NaN for one that has none.
    """

    widths: Array
    activations: Array
    loss: int
    targets: int
    normalization: int
    constant: float


class StepConfig(NamedTuple):
    """What of a recipe a step reads, in numbers.

    Attributes
    ----------
    optimizer : int
    constants : ndarray of float64
        l1, and the optimiser's own.
    decoupled : bool
    weight_decay, smoothing : float
    clip_norm : float
        Infinite for none.
    """

    optimizer: int
    constants: Array
    decoupled: bool
    weight_decay: float
    smoothing: float
    clip_norm: float


class Samples(NamedTuple):
    """A set of samples; arrays that there are none of have no rows.

    Attributes
    ----------
    X : ndarray, shape (n, d)
        uint8, or of the parameters' type.
    classes : ndarray of int64, shape (n,)
    Y : ndarray, shape (n, q)
        Targets that are no class indices.
    weight : ndarray, shape (n,)
    """

    X: Array
    classes: Array
    Y: Array
    weight: Array


PLAN = len(Plan._fields)
OPTIMIZER = PLAN + len(StepConfig._fields)
SAMPLES = OPTIMIZER + len(Samples._fields)


def pack(plan: Plan, rule: StepConfig, samples: Samples) -> tuple[Any, ...]:
    """Return an entry's first arguments: parts one by one, since whole they take three times as long to hand over."""
    return (*plan, *rule, *samples)


@compiled
def unpack(given: tuple[Any, ...]) -> tuple[Plan, StepConfig, Samples, Any]:
    """Undo `pack`; what comes after it is a tuple."""
    plan, rule = Plan(*given[:PLAN]), StepConfig(*given[PLAN:OPTIMIZER])
    return plan, rule, Samples(*given[OPTIMIZER:SAMPLES]), given[SAMPLES:]


def holds(network: Network, recipe: Recipe | None = None) -> bool:
    """Tell whether a network's functions, and an optimiser, are here; `loops.take_up` makes those of later."""
    normalizes = network.normalization in NORMALIZATIONS
    optimizes = recipe is None or recipe.optimizer.name in OPTIMIZERS
    loss = network.loss in ("cross_entropy", "softmax_squared") or not functions.LOSSES[network.loss].targets.compete
    named = family(network.loss) in LOSSES and all(name in ACTIVATIONS for name in network.activations)
    return normalizes and optimizes and loss and named


def plan_of(network: Network) -> Plan:
    """Write a network in numbers."""
    loss = functions.LOSSES[network.loss]
    activations = np.array([ACTIVATIONS[name] for name in network.activations], dtype=np.int64)
    return Plan(
        np.array(network.widths, dtype=np.int64),
        activations,
        LOSSES[family(network.loss)],
        KINDS[loss.targets.name],
        NORMALIZATIONS[network.normalization],
        math.nan if loss.constant is None else loss.constant,
    )


def step_config(recipe: Recipe) -> StepConfig:
    """Write what of a recipe a step reads in numbers."""
    rule = recipe.optimizer.definition
    _ = recipe.l1 > 0 and rule.step_length  # which says so if there is none
    return StepConfig(
        OPTIMIZERS[recipe.optimizer.name],
        frozen(np.array([recipe.l1, *recipe.optimizer.constants.values()], dtype=np.float64)),
        rule.decoupled,
        float(recipe.weight_decay),
        float(recipe.label_smoothing),
        math.inf if recipe.clip_norm is None else float(recipe.clip_norm),
    )


def samples_of(block: Block, *, outputs: int, dtype: str) -> Samples:
    """Hand checked samples over, to parameters of this type."""
    classes, none = block.y.ndim == 1, np.empty(0, dtype)
    return Samples(
        X=frozen(block.X),
        classes=frozen(block.y if classes else np.empty(0, np.int64)),
        Y=frozen(none.reshape(0, outputs) if classes else block.y),
        weight=frozen(none if block.weight is None else block.weight),
    )


def frozen(array: Array) -> Array:
    """View an array as one that isn't written to: Numba compiles once for those that may be and those that mayn't."""
    view = array.view()
    view.flags.writeable = False
    return view


@compiled
def are_rows(rows: Array, n: int) -> bool:
    """Tell whether there are indices, and all of them are rows of n samples: a loop would go anywhere."""
    for i in range(len(rows)):
        if rows[i] < 0 or rows[i] >= n:
            return False
    return len(rows) > 0


@compiled
def first(plan: Plan, layer: int) -> int:
    """Return the place of a layer's W in the array of all parameters; b and gamma come after it."""
    place = 0
    for below in range(layer):
        arrays = 1 if plan.normalization == NONE else 2  # b, and gamma with a normalisation
        place += (plan.widths[below] + arrays) * plan.widths[below + 1]
    return place


@compiled
def weights(theta: Array, plan: Plan, layer: int) -> Array:
    """Return a layer's W (inputs, outputs) in the array of all parameters."""
    inputs, outputs = plan.widths[layer], plan.widths[layer + 1]
    place = first(plan, layer)
    return theta[place : place + inputs * outputs].reshape((inputs, outputs))


@compiled
def vector(theta: Array, plan: Plan, layer: int, number: int) -> Array:
    """Return a layer's b (number 0) or gamma (number 1)."""
    outputs = plan.widths[layer + 1]
    place = first(plan, layer) + (plan.widths[layer] + number) * outputs
    return theta[place : place + outputs]


@compiled
def level(levels: Array, plan: Plan, n: int, layer: int, lowest: int) -> Array:
    """Return a layer's input, or what has its shape (n, width), in an array of these from the lowest layer's up."""
    place = 0
    for below in range(lowest, layer):
        place += n * plan.widths[below]
    return levels[place : place + n * plan.widths[layer]].reshape((n, plan.widths[layer]))


@compiled
def unit_of(samples: Samples) -> float:
    """Return what a feature is multiplied by: image bytes stand for numbers from 0 to 1."""
    return 1 / 255 if samples.X.itemsize == 1 else 1.0


@compiled
def weight_of(samples: Samples, rows: Array) -> float:
    """Return the sum of the samples' weights; their number without weights."""
    if len(samples.weight) == 0:
        return float(len(rows))
    total = 0.0
    for i in range(len(rows)):
        total += samples.weight[rows[i]]
    return total
