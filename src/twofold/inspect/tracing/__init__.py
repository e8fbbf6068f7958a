"""One sample, or a small batch, followed through a network: every formula, every shape, every number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.deprecation import old_parameters
from twofold.errors import DataError, SpecificationError
from twofold.functions import ACTIVATIONS, LOSSES
from twofold.inspect.affine import affine_map_at
from twofold.inspect.tracing.arithmetic import place
from twofold.inspect.tracing.backward import backward_steps, update_steps
from twofold.inspect.tracing.checks import check_steps
from twofold.inspect.tracing.entries import Entry, find_entry, split_entry
from twofold.inspect.tracing.forward import forward_steps
from twofold.inspect.tracing.losses import LossScene, loss_gradient_step, loss_steps
from twofold.inspect.tracing.record import Named, Step, Symbol, Table
from twofold.inspect.tracing.symbols import Symbols
from twofold.inspect.tracing.trace_data import Trace
from twofold.network import Network, Parameters, check_parameters
from twofold.validation import check_block, floats

__all__ = ["Entry", "Named", "Step", "Symbol", "Table", "Trace", "find_entry", "trace"]

Array = NDArray[Any]

MAX_SAMPLES = 64
MAX_CONTRIBUTIONS = 10


def trace(
    network: Network,
    parameters: Parameters,
    X: ArrayLike,
    y: ArrayLike,
    *,
    learning_rate: float = 0.1,
    classes: Sequence[str] = (),
    features: Sequence[str] = (),
    entries: Sequence[str] = (),
    **renamed: str,
) -> Trace:
    """Follow samples through a network as on paper: forward, loss, backward, the step of SGD, and two checks.

    All in float64, without dropout; batch normalisation is by the samples' own means and variances, as in training.

    Parameters
    ----------
    network : Network
    parameters : Parameters
    X : array, shape (n, d) or (n, height, width)
        A sample, or a small batch, of at most 64; uint8 are image bytes, 0..255 for 0..1.
    y : array
        Targets, as the network's loss wants them.
    learning_rate : float
        eta of the update; positive.
    classes, features : sequence of str, optional
        Names of the outputs and of the inputs.
    entries : sequence of str, optional
        Entries, such as ``"W1[3,7]"``, that central differences are to be taken at in a network too large for all.
    **renamed
        ``source`` of version 0.1: what is traced, in words; an attribute of the trace now.

    Returns
    -------
    Trace

    Raises
    ------
    SpecificationError
        If the learning rate is not positive, or an entry can't be read.
    DataError
        If the samples don't fit the network, are too many, or one alone for batch normalisation.

    Examples
    --------
    >>> from twofold import Network, initialize
    >>> paper = trace(Network((4, 3)), initialize(Network((4, 3))), [[0.8, 0.2, 0.7, 0.5]], [0])
    >>> float(paper["y_hat"].sum().round(12)), paper["dW"].shape
    (1.0, (4, 3))
    """
    old = old_parameters("trace", renamed, {"source": "replace(trace(...), source=...)"})
    if not 0 < learning_rate < np.inf:
        raise SpecificationError(f"learning_rate is {learning_rate}; it must be positive and finite")
    layers = check_parameters(network, parameters, "float64")
    block = check_block(network, X, y, None, dtype="float64")
    if len(block) > MAX_SAMPLES:
        raise DataError(f"{len(block)} samples; a trace shows at most {MAX_SAMPLES}: choose a few")
    rows, names = floats(block.X, "float64"), tuple(classes)
    if network.normalization == "batch" and len(rows) < 2:
        raise DataError("batch normalisation takes its means over the samples of a step; give two or more")
    symbols = Symbols(len(rows), len(layers))

    given = [_given_samples(symbols, rows, tuple(features)), *_given_layers(symbols, layers, names, learning_rate)]
    forward, kept = forward_steps(network, layers, rows, names)
    scene = LossScene(network.loss, kept.outputs[-1], block.y, names, symbols)
    backward, gradients = backward_steps(network, layers, scene.gradient, kept)
    update, moved = update_steps(layers, gradients, learning_rate, len(rows))
    after = _loss_after(network, moved, rows, block.y)
    checks, report = check_steps(network, layers, (rows, block.y), gradients, also=_coordinates(entries))
    steps = [*given, *forward, *loss_steps(scene), loss_gradient_step(scene), *backward, *update, after, *checks]
    if (
        len(rows) == 1
        and network.hidden
        and network.normalization is None
        and all(ACTIVATIONS[name].is_piecewise_linear for name in network.activations)
    ):
        steps.append(_affine(network, layers, rows[0], classes=names, features=tuple(features)))
    return Trace(
        network,
        old.get("source", ""),
        learning_rate,
        tuple(steps),
        tuple(str(symbols.trained(i)[name]) for i, layer in enumerate(gradients, start=1) for name in layer.arrays),
        {check.where: (check.by_hand, check.autograd, check.differences) for check in report.checks},
    )


def _given_samples(symbols: Symbols, X: Array, features: tuple[str, ...]) -> Step:
    title = "The sample" if len(X) == 1 else f"The {len(X)} samples"
    columns = features if len(features) == X.shape[1] else ()
    return Step("given", title, shapes=f"{X.shape}", arrays=(Named(symbols.rows("X"), X, columns),))


def _given_layers(symbols: Symbols, layers: Parameters, classes: tuple[str, ...], eta: float) -> list[Step]:
    steps = []
    for number, layer in enumerate(layers, start=1):
        columns = classes if number == len(layers) else ()
        own_symbols, there = symbols.trained(number), layer.arrays
        arrays = tuple(Named(symbol, there[name], columns) for name, symbol in own_symbols.items() if name in there)
        title = "Weights and bias" + (f" of layer {number}" if len(layers) > 1 else "")
        shapes = ", ".join(str(array.values.shape) for array in arrays)
        steps.append(Step("given", title, shapes=shapes, arrays=arrays))
    rate = Named(Symbol("eta", r"\eta"), np.array(eta))
    return [*steps, Step("given", "Learning rate", arrays=(rate,))]


def _loss_after(network: Network, moved: Parameters, X: Array, y: Array) -> Step:
    _, kept = forward_steps(network, moved, X, ())
    loss = np.array(LOSSES[network.loss].value(kept.outputs[-1], y))
    symbol = Symbol("L_new", r"L^{\mathrm{new}}")
    return Step("update", "The loss after the step", arrays=(Named(symbol, loss),), shapes="()")


def _coordinates(entries: Sequence[str]) -> tuple[str, ...]:
    """Name the weights and biases among entries as `twofold.check_gradients` does."""
    found = []
    for text in entries:
        name, index = split_entry(text)
        parts = re.fullmatch(r"d?(W|b|gamma)(\d*)", name)
        if parts is not None:
            found.append(place(f"{parts[1]}{parts[2] or 1}", index))
    return tuple(found)


def _affine(
    network: Network, layers: Parameters, x: Array, *, classes: tuple[str, ...], features: tuple[str, ...]
) -> Step:
    """Explain the prediction by the affine map in force."""
    at = affine_map_at(network, layers, x)
    best = int(at.outputs.argmax())
    added = at.contributions()[:, best]  # (d,)
    order = np.argsort(-np.abs(added), kind="stable")[:MAX_CONTRIBUTIONS]
    named = features if len(features) == len(x) else tuple(f"x[{k}]" for k in range(len(x)))
    rows: list[tuple[Any, ...]] = [(named[k], float(x[k]), float(at.W[k, best]), float(added[k])) for k in order]
    rest = float(added.sum() - added[order].sum())
    rows += [("all others", None, None, rest)] if len(order) < len(x) else []
    rows += [("bias", None, None, float(at.b[best])), ("sum", None, None, float(at.outputs[best]))]
    whose = f"output {best}" + (f" ({classes[best]})" if classes else "")
    on = " + ".join(f"{int(units.sum())} of {len(units)}" for units in at.active)
    boundary = "there is no boundary" if at.nearest is None else (
        f"it holds wherever x moves by less than {at.margin:.4g}, where unit {at.nearest[1]} of hidden layer "
        f"{at.nearest[0]} changes sides"
    )  # fmt: skip
    W, b = Symbol("W_at_x", r"\mathbf{W}_{\mathbf{x}}"), Symbol("b_at_x", r"\mathbf{b}_{\mathbf{x}}")
    return Step(
        "explanation",
        "The affine map in force at this sample",
        "o = x W_at_x + b_at_x",
        rf"\mathbf{{o}} = \mathbf{{x}} {W.latex} + {b.latex}",
        f"(1, {at.W.shape[1]}) = (1, {len(x)}) {at.W.shape} + {at.b.shape}",
        (Named(W, at.W, classes), Named(b, at.b, classes)),
        note=f"Exact: {on} hidden units are on, and {boundary}. What makes {whose}:",
        table=Table(("feature", "x", "weight", "x times weight"), tuple(rows)),
    )
