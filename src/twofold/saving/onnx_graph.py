"""A model as an ONNX graph, run with onnxruntime before it is believed. Needs ``pip install 'twofold[onnx]'``."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold import __version__
from twofold.data.scaling import MAX_BENT
from twofold.errors import DataError, MissingDependencyError, TwofoldError
from twofold.files import replacing
from twofold.functions import ACTIVATIONS, LOSSES
from twofold.functions.expressions import Expression, names_in, walk
from twofold.functions.links import IDENTITY
from twofold.functions.normalizations import EPSILON
from twofold.randomness import Purpose, stream
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

OPSET = 17  # of 2022: read by onnxruntime 1.12 and later
IR_VERSION = 8
SAMPLES = 64  # random ones, to compare on
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}  # of the largest output; past it something is wrong, not just rounded

# ONNX's operator where it has one; others are put together of their formulas' parts.
OPERATORS = {"identity": "Identity", "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
PARTS = {
    "abs": "Abs",
    "exp": "Exp",
    "log": "Log",
    "maximum": "Max",
    "minimum": "Min",
    "sign": "Sign",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
    "where": "Where",
    "negative": "Neg",
    "+": "Add",
    "-": "Sub",
    "*": "Mul",
    "/": "Div",
    "pow": "Pow",
    "<": "Less",
    "<=": "LessOrEqual",
    ">": "Greater",
    ">=": "GreaterOrEqual",
}
LINKS = {"softmax": "Softmax", "sigmoid": "Sigmoid", "exp": "Exp"}


@dataclass(frozen=True)
class OnnxReport:
    """How well an ONNX graph computes what the model does.

    Attributes
    ----------
    path : str
        The file.
    samples : int
        Samples that were compared.
    largest_difference : float
        Between onnxruntime's outputs and the model's.
    largest_output : float
        Largest absolute output of the model, to hold that against.
    """

    path: str
    samples: int
    largest_difference: float
    largest_output: float

    def __str__(self) -> str:
        return (
            f"{self.path}: on {self.samples} samples onnxruntime's outputs differ from the model's by at most "
            f"{self.largest_difference:.1e}, the largest output being {self.largest_output:.4g}"
        )


def export_onnx(model: Savable, path: str | os.PathLike[str], *, X: ArrayLike | None = None) -> OnnxReport:
    """Write a model as an ONNX graph, all or nothing, once onnxruntime has computed the same outputs with it.

    The graph takes ``X`` (n, d) and gives ``outputs`` (n, q), in the data's own units, for classes and labels also
    ``probabilities`` (n, q), and for counts and amounts ``means`` (n, q). X is of the parameters' type, or of float64
    where the model standardises; image bytes go in as numbers from 0 to 1, and a table's columns as its encoder gives
    them. Names of features and classes, the target and the data's hash are in the graph's metadata.

    Parameters
    ----------
    model : Model, estimator or Engine
    path : path
        The file, such as ``model.onnx``.
    X : array, shape (n, d), optional
        Samples to compare on; random ones around the features' means otherwise.

    Returns
    -------
    OnnxReport

    Raises
    ------
    MissingDependencyError
        If onnx or onnxruntime is not installed.
    DataError
        If X doesn't fit the network.
    TwofoldError
        If the outputs differ by more than rounding; nothing is written then.
    OSError
        If the file can't be written.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            f"the export needs {error.name}, which is not installed: pip install 'twofold[onnx]'"
        ) from error
    model = as_model(model)
    graph = _build(model)
    onnx.checker.check_model(graph)
    data = graph.SerializeToString()
    rows = _samples(model, X)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    ours = model.outputs(rows)
    theirs = session.run(["outputs"], {"X": rows})[0]
    report = OnnxReport(os.fspath(path), len(rows), float(np.abs(ours - theirs).max()), float(np.abs(ours).max()))
    erf = any("ndtr" in names_in(ACTIVATIONS[name].expressions[0]) for name in model.network.activations)
    narrow = erf or model.network.normalization == "layer"  # float32 within float64
    kind = "float32" if narrow else model.dtype
    if not report.largest_difference <= TOLERANCE[kind] * max(report.largest_output, 1.0):
        raise TwofoldError(f"not written, this is more than rounding: {report}")
    with replacing(path) as file:
        file.write(data)
    return report


def _samples(model: Model, X: ArrayLike | None) -> Array:
    """Return samples in the graph's input type."""
    kind = "float64" if model.scaling is not None else model.dtype
    if X is not None:
        rows = np.asarray(X)
        if len(rows) == 0:
            raise DataError("X has no samples; give some to compare on, or none at all for random ones")
        if rows.dtype == np.uint8 and model.takes_images:
            rows = rows.astype(kind) / 255
        return rows.reshape(len(rows), -1).astype(kind)
    rows = stream(0, Purpose.DATA, 0).standard_normal((SAMPLES, model.network.inputs))
    if model.scaling is not None:
        rows = rows * model.scaling.scale.ravel() + model.scaling.mean.ravel()
    return rows.astype(kind)


@dataclass
class _Graph:
    """Nodes and constants as they come together; `now` is the name of the last result."""

    dtype: str
    now: str = "X"
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def constant(self, array: Array) -> str:
        """Add an array and return its name."""
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def number(self, value: float) -> str:
        """Add a number of the graph's type and return its name."""
        return self.constant(np.asarray(value, self.dtype))

    def then(self, operator: str, *more: str, of: str | None = None, **attributes: Any) -> str:
        """Apply an operator to the last result, or to that of another name, and return the new one's name."""
        from onnx import helper

        name = f"r{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [of or self.now, *more], [name], **attributes))
        self.now = name
        return name

    def cast(self, dtype: str) -> str:
        """Bring the last result to another type."""
        from onnx import helper

        return self.then("Cast", to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def _to_own_units(graph: _Graph, step: Unstandardize | Unbend | Limit) -> None:
    """Bring outputs to the target's own units, in float64."""
    match step:
        case Unstandardize(mean, scale):
            if graph.dtype != "float64":
                graph.cast("float64")
            graph.then("Mul", graph.constant(scale))
            graph.then("Add", graph.constant(mean))
        case Unbend(bend):  # bend sinh(o), of which ONNX has the exponential alone
            o = graph.then("Clip", graph.constant(np.array(-MAX_BENT)), graph.constant(np.array(MAX_BENT)))
            rising, falling = graph.then("Exp", of=o), graph.then("Exp", of=graph.then("Neg", of=o))
            graph.then("Sub", falling, of=rising)
            graph.then("Mul", graph.constant(bend / 2))
        case Limit(low, high):
            for operator, end in (("Max", low), ("Min", high)):
                if end is not None:
                    graph.then(operator, graph.constant(end))


def _build(model: Model) -> Any:
    """Put the graph of a model together."""
    from onnx import helper

    graph = _Graph(model.dtype)
    for step in steps(model):
        match step:
            case Standardize(mean, scale):
                graph.then("Sub", graph.constant(mean))
                graph.then("Div", graph.constant(scale))
                if model.dtype != "float64":
                    graph.cast(model.dtype)
            case Affine(W, b):
                constants = [graph.constant(array) for array in (W, b) if array is not None]
                graph.then("MatMul" if b is None else "Gemm", *constants)
            case BatchNormalize(gamma, b, mean, variance):  # an attribute is a float32, a constant as exact as wanted
                numbers = (gamma, b, mean, variance + EPSILON)
                graph.then("BatchNormalization", *map(graph.constant, numbers), epsilon=0.0)
            case LayerNormalize(gamma, b):
                graph.then("LayerNormalization", graph.constant(gamma), graph.constant(b), epsilon=EPSILON)
            case Activate(name):
                _activate(graph, name)
            case Unstandardize() | Unbend() | Limit():
                _to_own_units(graph, step)
    last = graph.now
    graph.nodes.append(helper.make_node("Identity", [last], ["outputs"]))
    kinds = {"outputs": _kind(model, target=True)}
    link = LOSSES[model.network.loss].link
    if link is not IDENTITY:
        graph.nodes.append(helper.make_node(LINKS[link.name], [last], [link.meaning]))
        kinds[link.meaning] = _kind(model, target=True)
    n, d, q = "n", model.network.inputs, model.network.outputs
    inputs = [helper.make_tensor_value_info("X", _kind(model, target=False), [n, d])]
    results = [helper.make_tensor_value_info(name, kind, [n, q]) for name, kind in kinds.items()]
    body = helper.make_graph(graph.nodes, "twofold", inputs, results, graph.constants)
    made = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="twofold",
        producer_version=__version__,
    )
    words = {name: getattr(model, name) for name in ("features", "classes", "target", "data_name", "data_hash")}
    helper.set_model_props(made, {name: json.dumps(value) for name, value in words.items() if value})
    return made


def _kind(model: Model, *, target: bool) -> int:
    """Return ONNX's number for the type of the inputs, or of the outputs."""
    from onnx import helper

    scaled = model.scaling is not None and (not target or model.scaling.target_mean is not None)
    return int(helper.np_dtype_to_tensor_dtype(np.dtype("float64" if scaled else model.dtype)))


def _activate(graph: _Graph, name: str) -> None:
    """Apply an activation: by ONNX's operator, or by the parts of its formula."""
    if name in OPERATORS:
        graph.then(OPERATORS[name])
        return
    expression = ACTIVATIONS[name].expressions[0]
    results: dict[str | int, str] = {"z": graph.now}  # where the result of each part is

    def name_of(part: Any) -> str:
        return results["z" if part.name == "z" else id(part)] if isinstance(part, Expression) else graph.number(part)

    for part in walk(expression):
        if isinstance(part, Expression) and part.arguments:
            results[id(part)] = _apply(graph, part.name, [name_of(argument) for argument in part.arguments])


def _apply(graph: _Graph, name: str, arguments: list[str]) -> str:
    """Apply a part of a formula to results of these names, and return the name of what comes of it."""
    first, *more = arguments
    match name:
        case "expm1":
            graph.then("Exp", of=first)
            return graph.then("Sub", graph.number(1))
        case "log1p":
            graph.then("Add", graph.number(1), of=first)
            return graph.then("Log")
        case "ndtr":  # (1 + erf(z / sqrt 2)) / 2
            graph.then("Mul", graph.number(math.sqrt(0.5)), of=first)
            if graph.dtype == "float64":  # onnxruntime has no Erf of doubles: its error, 1e-7, is in the report
                graph.cast("float32")
            graph.then("Erf")
            if graph.dtype == "float64":
                graph.cast("float64")
            graph.then("Add", graph.number(1))
            return graph.then("Mul", graph.number(0.5))
    return graph.then(PARTS[name], *more, of=first)
