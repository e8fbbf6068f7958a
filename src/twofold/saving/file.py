"""Models on disk: one safetensors file with JSON metadata, see `twofold.tensor_file`.

Arrays are ``layers.0.W``, ``layers.0.b`` and so on, ``scaling.mean`` and its like, and ``arrays.`` with a further name;
everything else is metadata.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data.scaling import Scaling
from twofold.dataclass_json import from_dict
from twofold.errors import FileFormatError, SpecificationError
from twofold.network import ARRAYS, Layer, Network
from twofold.pages.numbers import finite
from twofold.recipe import Recipe
from twofold.run import Epoch
from twofold.saving.model import Model, Savable, as_model
from twofold.tensor_file import read_tensors, write_tensors

Array = NDArray[Any]

WORDS = ("target", "data_name", "data_hash")
LISTS = ("classes", "features")
OBJECTS = ("encoder", "estimator")
KEYS = {"network", "recipe", "history", "environment", *WORDS, *LISTS, *OBJECTS}


def _are_words(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(word, str) for word in values)


EXPECTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(WORDS, ("text", lambda value: isinstance(value, str))),
    **dict.fromkeys(LISTS, ("a list of texts", _are_words)),
    **dict.fromkeys(OBJECTS, ("an object or null", lambda value: isinstance(value, dict | None))),
    "environment": ("texts by name", lambda value: isinstance(value, dict) and _are_words(list(value.values()))),
    "history": ("an object of lists", lambda value: isinstance(value, dict | list)),
}


def save_model(path: str | os.PathLike[str], model: Savable) -> str:
    """Write a model to a file, all or nothing.

    Parameters
    ----------
    path : path
        The file; its folder must exist. A file that is there is replaced once the new one is on the disk.
    model : Model, estimator or Engine
        Of an engine, network and parameters are all there is to write; `Model.of` takes more.

    Returns
    -------
    str
        The SHA-256 sum in the file.

    Raises
    ------
    SpecificationError
        If it is something else, or its words are not fit for JSON.
    OSError
        If the file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from twofold import Network, load_model, open_engine
    >>> engine = open_engine("scratch", Network((4, 3)), dtype="float64")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_model(f"{folder}/model.safetensors", engine)
    ...     model = load_model(f"{folder}/model.safetensors")
    >>> bool((model.parameters[0].W == engine.parameters()[0].W).all())
    True
    """
    model = as_model(model)
    return write_tensors(path, _arrays(model), _columnar(metadata(model)), kind="model")


def load_model(path: str | os.PathLike[str]) -> Model:
    """Read a model from a file; nothing in it runs, and every byte is checked.

    Parameters
    ----------
    path : path
        Of `save_model`.

    Returns
    -------
    Model

    Raises
    ------
    DataNotFoundError
        There is no such file.
    FileFormatError
        It is no whole model: other bytes, a newer schema, a number that is not finite, arrays whose shapes are not
        the network's.
    ChecksumError
        It was changed after it was saved.
    """
    arrays, found = read_tensors(path, kind="model")
    if set(found) != KEYS:
        raise FileFormatError(f"{path}: the metadata has {sorted(found)}; expected {sorted(KEYS)}")
    for name, (expected, holds) in EXPECTED.items():
        if not holds(found[name]):
            raise FileFormatError(f"{path}: {name} is {found[name]!r:.60}; expected {expected}")
    network = from_dict(Network, found["network"], f"{path}: network")
    recipe = found["recipe"]
    words: dict[str, Any] = {name: found[name] for name in (*WORDS, *OBJECTS, "environment")}
    words |= {name: tuple(found[name]) for name in LISTS}
    try:
        return Model(
            network=network,
            parameters=_take_layers(path, arrays, len(network.shapes)),
            scaling=_take_scaling(path, arrays),
            arrays=_take_rest(path, arrays),
            recipe=None if recipe is None else Recipe.from_dict(recipe, f"{path}: recipe"),
            history=_take_history(path, found["history"]),
            **words,
        )
    except SpecificationError as error:
        raise FileFormatError(f"{path}: {error}") from error


def _arrays(model: Model) -> dict[str, Array]:
    """Name every array of a model."""
    found: dict[str, Array | None] = {
        f"layers.{index}.{name}": array
        for index, layer in enumerate(model.parameters)
        for name, array in layer.arrays.items()
    }
    if model.scaling is not None:
        found |= {f"scaling.{item.name}": getattr(model.scaling, item.name) for item in fields(Scaling)}
    found |= {f"arrays.{name}": np.asarray(array) for name, array in model.arrays.items()}
    return {name: array for name, array in found.items() if array is not None}


def metadata(model: Model) -> dict[str, Any]:
    """Return all of a model but its arrays.

    Parameters
    ----------
    model : Model

    Returns
    -------
    dict
        Fit for JSON: ``network``, ``recipe``, ``history`` and the other attributes by name.
    """
    return {
        "network": asdict(model.network),
        "recipe": None if model.recipe is None else model.recipe.to_dict(),
        "history": [
            finite({**vars(epoch), "seconds": 0.0}) for epoch in model.history
        ],  # the same model, the same file
        "environment": dict(model.environment),
        **{name: getattr(model, name) for name in WORDS},
        **{name: list(getattr(model, name)) for name in LISTS},
        **{name: None if getattr(model, name) is None else dict(getattr(model, name)) for name in OBJECTS},
    }


def _columnar(words: dict[str, Any]) -> dict[str, Any]:
    """Write the history as a list of each number, a third as long as a list of epochs: there may be 100,000."""
    epochs = words["history"]
    return words | {"history": {name: [epoch[name] for epoch in epochs] for name in (epochs[0] if epochs else ())}}


def _take_history(path: str | os.PathLike[str], found: dict[str, Any] | list[Any]) -> tuple[Epoch, ...]:
    """Read the history, as it is written now or as a list of epochs."""
    rows = found
    if isinstance(found, dict):
        columns = list(found.values())
        if not all(isinstance(column, list) and len(column) == len(columns[0]) for column in columns):
            raise FileFormatError(f"{path}: the lists of the history are not of one length")
        rows = [dict(zip(found, row, strict=True)) for row in zip(*columns, strict=True)]
    return tuple(from_dict(Epoch, row, f"{path}: history") for row in rows)


def _take_layers(path: str | os.PathLike[str], arrays: dict[str, Array], count: int) -> tuple[Layer, ...]:
    """Take the layers out of the arrays; the network checks their shapes."""
    layers = []
    for index in range(count):
        parts = {name: arrays.pop(f"layers.{index}.{name}", None) for name in ARRAYS}
        for name in ("W", "b"):
            if parts[name] is None:
                raise FileFormatError(f"{path}: the network has {count} layers; layers.{index}.{name} is missing")
        layers.append(Layer(**{name: array for name, array in parts.items() if array is not None}))
    return tuple(layers)


def _take_scaling(path: str | os.PathLike[str], arrays: dict[str, Array]) -> Scaling | None:
    names = [item.name for item in fields(Scaling) if f"scaling.{item.name}" in arrays]
    if not names:
        return None
    if not {"mean", "scale"} <= set(names):
        raise FileFormatError(f"{path}: scaling.mean and scaling.scale come together; one is missing")
    return Scaling(**{name: arrays.pop(f"scaling.{name}") for name in names})


def _take_rest(path: str | os.PathLike[str], arrays: Mapping[str, Array]) -> dict[str, Array]:
    for name in arrays:
        if not name.startswith("arrays."):
            raise FileFormatError(f"{path}: there is no place in the network for an array {name!r:.60}")
    return {name.removeprefix("arrays."): array for name, array in arrays.items()}
