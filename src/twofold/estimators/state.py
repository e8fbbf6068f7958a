"""What an estimator knows, as words and arrays that a file can hold, and back; no class is looked up by a file's word.

JSON stands for itself but for objects, which have one key that says what they are: ``{"tuple": [...]}``,
``{"array": "name"}``, or the name of one of the classes in `KINDS` with its fields.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from twofold.engines import EngineState
from twofold.errors import DataError, SpecificationError
from twofold.estimators.epochs import Optimizer
from twofold.estimators.targets import ClassTargets
from twofold.network import Layer
from twofold.solvers.moments import Moments
from twofold.solvers.solution import Dependence, LeastSquares, Residuals, Spread
from twofold.tensor_file import DTYPES

Array = NDArray[Any]

KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (ClassTargets, Dependence, EngineState, Layer, LeastSquares, Optimizer, Residuals, Spread)
}

NAMES_IN_FILES = {"optimizer_state": "memory"}  # as version 0.1 has them, so that either reads what the other writes
NAMES_HERE = {theirs: ours for ours, theirs in NAMES_IN_FILES.items()}


def encode(value: Any, arrays: dict[str, Array], name: str) -> Any:  # noqa: PLR0911 - a return of each kind
    """Write a value as JSON; arrays of numbers go beside it.

    Parameters
    ----------
    value : object
    arrays : dict of str to ndarray
        Gets the arrays of numbers that the value holds, by names that begin with ``name``.
    name : str
        Of the parameter or attribute.

    Returns
    -------
    JSON

    Raises
    ------
    SpecificationError
        If it holds something that is no plain data, such as a function.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, list):
        return [encode(item, arrays, f"{name}.{index}") for index, item in enumerate(value)]
    if type(value) is tuple:
        return {"tuple": encode(list(value), arrays, name)}
    if isinstance(value, Mapping):
        pairs = [[encode(key, arrays, name), encode(item, arrays, f"{name}.{key}")] for key, item in value.items()]
        return {"dict": pairs}
    if isinstance(value, np.ndarray):
        return _encode_array(value, arrays, name)
    if isinstance(value, np.dtype) and value.kind in "iuf":
        return {"dtype": value.name}
    if isinstance(value, Moments):
        return {"Moments": encode(value.to_dict(), arrays, name)}
    if type(value) in KINDS.values():
        items = {NAMES_IN_FILES.get(item, item): getattr(value, item) for item in _hints(type(value))}
        return {type(value).__name__: {item: encode(it, arrays, f"{name}.{item}") for item, it in items.items()}}
    raise SpecificationError(
        f"{name} holds a {type(value).__name__}, which can't be saved; use set_params to put plain data in its place"
    )


def decode(value: Any, arrays: Mapping[str, Array]) -> Any:
    """Read what `encode` wrote.

    Parameters
    ----------
    value : JSON
    arrays : mapping of str to ndarray

    Returns
    -------
    object

    Raises
    ------
    DataError, LookupError, TypeError, ValueError
        If it is nothing that `encode` writes.
    """
    if isinstance(value, list):
        return [decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in KINDS:
        found = {NAMES_HERE.get(name, str(name)): decode(item, arrays) for name, item in content.items()}
        hints = _hints(KINDS[kind])
        for name, item in found.items():
            if not fits(item, hints[name]):
                raise DataError(f"{kind}.{name} is {item!r:.60}")
        return KINDS[kind](**found)
    readers: dict[str, Callable[[], Any]] = {
        "float": lambda: float(content),
        "tuple": lambda: tuple(decode(content, arrays)),
        "dict": lambda: {decode(key, arrays): decode(item, arrays) for key, item in content},
        "array": lambda: arrays[content],
        "words": lambda: np.array(_texts(content), dtype=str),
        "objects": lambda: np.array(_texts(content), dtype=object),
        "dtype": lambda: _dtype(content),
        "Moments": lambda: Moments.from_dict(decode(content, arrays)),
    }
    return readers[kind]()


def fits(value: Any, hint: Any) -> bool:  # noqa: PLR0911 - a return of each kind
    """Tell whether a value is of a type as an annotation says it."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(fits(value, choice) for choice in inner)
    if origin is Literal:
        return value in inner
    if origin is tuple and inner[-1] is not Ellipsis:
        return isinstance(value, tuple) and len(value) == len(inner) and all(map(fits, value, inner))
    if origin in (tuple, list):
        return isinstance(value, origin) and all(fits(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(k, inner[0]) and fits(v, inner[1]) for k, v in value.items())
    if hint is float:
        return type(value) in (int, float)
    if hint in (int, bool):
        return type(value) is hint
    return hint is Any or isinstance(value, origin or hint)


def _hints(kind: type) -> dict[str, Any]:
    """Return the annotation of each field of a dataclass or named tuple."""
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)] if is_dataclass(kind) else kind._fields  # type: ignore[attr-defined]
    return {name: hints[name] for name in names}


def _encode_array(array: Array, arrays: dict[str, Array], name: str) -> dict[str, Any]:
    if array.dtype.name in DTYPES.values():
        arrays[name] = array
        return {"array": name}
    words = array.tolist()
    if array.ndim == 1 and array.dtype.kind in "UO" and all(isinstance(word, str) for word in words):
        return {"words" if array.dtype.kind == "U" else "objects": words}
    raise SpecificationError(f"{name} is an array of {array.dtype}, which can't be saved; make it numbers or text")


def _dtype(name: str) -> np.dtype[Any]:
    if name not in DTYPES.values():
        raise DataError(f"{name!r:.60} is no type of numbers")
    return np.dtype(name)


def _texts(values: Any) -> list[str]:
    if not fits(values, list[str]):
        raise DataError(f"{values!r:.60} where texts should be")
    return list(values)
