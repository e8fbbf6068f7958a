"""A small model as a few lines of Python that need nothing but the interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold import __version__
from twofold.data.scaling import MAX_BENT
from twofold.errors import SpecificationError
from twofold.functions import ACTIVATIONS, LOSSES
from twofold.functions.expressions import FUNCTIONS, PYTHON, names_in, python_lines
from twofold.functions.links import IDENTITY
from twofold.functions.normalizations import EPSILON
from twofold.saving.model import Model, Savable, as_model
from twofold.saving.steps import (
    Activate,
    Affine,
    BatchNormalize,
    LayerNormalize,
    Limit,
    Standardize,
    Unbend,
    Unstandardize,
    steps,
)

Array = NDArray[Any]

MAX_PARAMETERS = 10_000  # parameters; past it, source is the wrong place for numbers

AFFINE = '''
def affine(x, W, b):
    """W has a row for each output."""
    return [sum(v * w for v, w in zip(x, row)) + c for row, c in zip(W, b)]
'''
NDTR = '''
def ndtr(z):
    """The normal distribution function."""
    return erfc(-z / sqrt(2)) / 2
'''
SIGN = """
def sign(z):
    return (z > 0) - (z < 0)
"""
HELPERS = {"ndtr": (NDTR, ("erfc", "sqrt")), "sign": (SIGN, ())}  # and what each needs from `math`
NORMALIZE = f'''
def normalize(x):
    """Bring x to mean 0 and variance 1."""
    m = sum(x) / len(x)
    s = sqrt(sum((v - m) ** 2 for v in x) / len(x) + {EPSILON})
    return [(v - m) / s for v in x]
'''
SOFTMAX = '''
def probabilities(x):
    """Return the probability of each class."""
    o = outputs(x)
    e = [exp(v - max(o)) for v in o]
    return [v / sum(e) for v in e]
'''
LABELS = '''
def probabilities(x):
    """Return the probability of each label."""
    return [sigmoid(v) for v in outputs(x)]
'''
PREDICT = '''
def predict(x):
    """Return {what}."""
    o = outputs(x)
    return {result}
'''


def to_python(model: Savable) -> str:
    """Write a model as Python source: ``outputs(x)``, ``predict(x)`` and, for classes and labels, ``probabilities(x)``.

    Each takes one sample, a sequence of d numbers in the data's own units (image bytes as numbers from 0 to 1, a
    table's columns as its encoder gives them), and computes with Python's floats. Nothing is imported but `math`, and
    weights are written so that they come back to the bit.

    Parameters
    ----------
    model : Model, estimator or Engine
        With at most `MAX_PARAMETERS` parameters.

    Returns
    -------
    str
        Source of a module.

    Raises
    ------
    SpecificationError
        If the model has more parameters.

    Examples
    --------
    >>> from twofold import Network, open_engine
    >>> engine = open_engine("scratch", Network((2, 1), loss="squared"), initialization="zeros")
    >>> for line in to_python(engine).splitlines()[2:6]:
    ...     print(line)
    W1 = [
        [0.0, 0.0],
    ]
    b1 = [0.0]
    """
    model = as_model(model)
    network = model.network
    if network.n_parameters > MAX_PARAMETERS:
        raise SpecificationError(
            f"the network has {network.n_parameters} parameters; as Python source at most {MAX_PARAMETERS} are "
            "written: export it to ONNX"
        )
    constants, lines, needed = _body(model)
    loss = LOSSES[network.loss]
    functions = {name: ACTIVATIONS[name].expressions[0] for name in network.activations if name != "identity"}
    if loss.link.mean is not None and loss.link is not IDENTITY:
        functions[loss.link.name] = loss.link.expression
    used: set[str] = set().union(*map(names_in, functions.values()))
    names = {*needed, *(used & (FUNCTIONS.keys() - PYTHON.calls.keys() - HELPERS.keys() - {"abs"}))}
    names.update(*(HELPERS[name][1] for name in used & HELPERS.keys()))
    if loss.targets.compete:
        names.add("exp")
    normalization = f"{network.normalization} normalisation" if network.normalization else ""
    words = ["-".join(map(str, network.widths)), *dict.fromkeys(network.activations), normalization, network.loss]
    parts = [f'"""A network {", ".join(filter(None, words))}; written by twofold {__version__}."""\n']
    if names:
        parts.append(f"from math import {', '.join(sorted(names))}\n")
    parts.append("\n".join(constants) + "\n")
    parts.append(AFFINE)
    parts += [HELPERS[name][0] for name in HELPERS if name in used]
    parts += [_function(name, formula) for name, formula in functions.items() if name not in names]  # tanh is math's
    if network.normalization == "layer" and network.hidden:
        parts.append(NORMALIZE)
    parts.append(_outputs(model, lines))
    if loss.targets.has_accuracy:
        parts.append(SOFTMAX if loss.targets.compete else LABELS)
    parts.append(_predict(model))
    return "\n".join(parts)


def _body(model: Model) -> tuple[list[str], list[str], list[str]]:
    """Return constants, the lines that compute, and the names that they need from `math`."""
    constants, lines = [], []
    functions: list[str] = []
    if model.features:
        constants.append(f"FEATURES = [{', '.join(map(ascii, model.features))}]")
    if model.classes:
        constants.append(f"CLASSES = [{', '.join(map(ascii, model.classes))}]")
    layer = 0
    for step in steps(model):
        match step:
            case Standardize(mean, scale):
                constants += [f"MEAN = {mean.tolist()!r}", f"SCALE = {scale.tolist()!r}"]
                lines.append("x = [(v - m) / s for v, m, s in zip(x, MEAN, SCALE)]")
            case Affine(W, b):
                layer += 1
                constants += [f"W{layer} = [", *(f"    {row!r}," for row in W.T.tolist()), "]"]
                constants.append(f"b{layer} = {(np.zeros(W.shape[1]) if b is None else b).tolist()!r}")
                lines.append(f"x = affine(x, W{layer}, b{layer})")
            case BatchNormalize(gamma, b, mean, variance):
                scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + EPSILON)
                constants += [f"S{layer} = {scale.tolist()!r}", f"C{layer} = {(b - mean * scale).tolist()!r}"]
                lines.append(f"x = [v * s + c for v, s, c in zip(x, S{layer}, C{layer})]")
            case LayerNormalize(gamma, b):
                constants += [f"S{layer} = {gamma.tolist()!r}", f"C{layer} = {b.tolist()!r}"]
                lines.append(f"x = [v * s + c for v, s, c in zip(normalize(x), S{layer}, C{layer})]")
                functions.append("sqrt")
            case Activate(name):
                if name != "identity":
                    lines.append(f"x = [{name}(v) for v in x]")
            case Unstandardize() | Unbend() | Limit():
                _to_own_units(step, constants, lines)
                functions += ["sinh"] if isinstance(step, Unbend) else []
    return constants, lines, functions


def _to_own_units(step: Unstandardize | Unbend | Limit, constants: list[str], lines: list[str]) -> None:
    """Write what brings outputs to the target's own units."""
    match step:
        case Unstandardize(mean, scale):
            constants += [f"TARGET_MEAN = {mean.tolist()!r}", f"TARGET_SCALE = {scale.tolist()!r}"]
            lines.append("x = [v * s + m for v, s, m in zip(x, TARGET_SCALE, TARGET_MEAN)]")
        case Unbend(bend):
            constants.append(f"TARGET_BEND = {bend.tolist()!r}")
            lines.append(f"x = [b * sinh(max(-{MAX_BENT}, min({MAX_BENT}, v))) for v, b in zip(x, TARGET_BEND)]")
        case Limit(low, high):
            for name, end, among in (("LOW", low, "max"), ("HIGH", high, "min")):
                if end is not None:
                    constants.append(f"TARGET_{name} = {end.tolist()!r}")
                    lines.append(f"x = [{among}(v, end) for v, end in zip(x, TARGET_{name})]")


def _function(name: str, formula: Any) -> str:
    """Write a recorded formula as a function of one number."""
    body = "".join(f"    {line}\n" for line in python_lines(formula, PYTHON))
    return f"\ndef {name}(z):\n{body}"


def _outputs(model: Model, lines: list[str]) -> str:
    d, q = model.network.inputs, model.network.outputs
    return "\n".join(
        [
            "\ndef outputs(x):",
            f'    """Return the raw outputs ({q}) of one sample, d = {d} numbers."""',
            f"    if len(x) != {d}:",
            f'        raise ValueError(f"the sample has {{len(x)}} numbers; expected {d}")',
            *(f"    {line}" for line in lines),
            "    return x\n",
        ]
    )


def _predict(model: Model) -> str:
    loss = LOSSES[model.network.loss]
    name = "CLASSES[{}]" if model.classes else "{}"
    if loss.targets.compete:
        return PREDICT.format(what="the likeliest class", result=name.format("o.index(max(o))"))
    if not loss.targets.has_accuracy:
        result = "o" if loss.link is IDENTITY else f"[{loss.link.name}(v) for v in o]"
        return PREDICT.format(what="the predicted numbers", result=result)
    if model.tells_two_apart:
        return PREDICT.format(what="the likelier class", result=name.format("int(o[0] > 0)"))
    return PREDICT.format(
        what="1 for each label that is more likely than not, else 0", result="[int(v > 0) for v in o]"
    )
