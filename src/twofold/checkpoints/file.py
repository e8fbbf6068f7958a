"""How a checkpoint lies in a file: arrays by name, and words in JSON; see `twofold.tensor_file`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.checkpoints.checkpoint import Checkpoint
from twofold.dataclass_json import from_dict
from twofold.early_stopping import BestEpoch
from twofold.engines import EngineState, check_state
from twofold.errors import FileFormatError, NewerFormatError
from twofold.network import Layer, Network, Parameters, check_parameters
from twofold.recipe import Recipe
from twofold.run import Epoch
from twofold.tensor_file import read_tensors, write_tensors
from twofold.validation import Precision, check_precision

Array = NDArray[Any]

# The history lies in a file as one array for each number of an epoch.
CURVES = tuple(item.name for item in fields(Epoch) if item.name not in ("epoch", "epochs", "samples"))
BEST = ("patience", "least_gain", "epoch", "waited")


def write_checkpoint(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write a checkpoint to a file, all or nothing.

    Raises
    ------
    OSError
        If it can't be written.
    SpecificationError
        If `Checkpoint.setting` is not fit for a file.
    """
    metadata = {
        "network": asdict(checkpoint.network),
        "recipe": checkpoint.recipe.to_dict(),
        "data": checkpoint.data,
        "setting": checkpoint.setting,
        "dtype": checkpoint.dtype,
        "steps": checkpoint.steps,
        "samples": checkpoint.samples,
        "seconds": checkpoint.seconds,
        "best": None if checkpoint.best is None else {name: getattr(checkpoint.best, name) for name in BEST},
        "environment": checkpoint.environment,
        "head": checkpoint.state.head,
    }
    if checkpoint.memories:  # files without are as those of version 0.1
        metadata["memories"] = checkpoint.memories
    write_tensors(path, _arrays(checkpoint), metadata, kind="checkpoint")


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint back; every byte of the file is covered by its checksum.

    Parameters
    ----------
    path : path

    Returns
    -------
    Checkpoint

    Raises
    ------
    DataError
        There is no such file, it can't be read, or it is not a whole checkpoint.
    """
    arrays, metadata = read_tensors(path, kind="checkpoint", finite=False)
    try:
        return _from_file(arrays, metadata)
    except NewerFormatError as error:
        raise NewerFormatError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else error
        raise FileFormatError(f"{path}: not a whole checkpoint: {what}") from error


def _from_file(arrays: dict[str, Array], metadata: dict[str, Any]) -> Checkpoint:
    network = from_dict(Network, metadata["network"], "network")
    recipe = Recipe.from_dict(metadata["recipe"], "recipe")
    loss, right, weight = arrays["totals"].tolist()
    memory = sorted({name.split(".")[1] for name in arrays if name.startswith("memory.")})
    samples = _count(metadata["samples"])
    environment, head = _words(metadata["environment"]), metadata.get("head", "")
    if environment.get("engine") == "fused-compiled":  # version 0.1's name of fused with Numba's loops
        environment, head = environment | {"engine": "fused"}, "numba"
    state = EngineState(
        _unpack(arrays, "parameters."),
        {name: _unpack(arrays, f"memory.{name}.") for name in memory},
        _count(metadata["steps"]),
        (float(loss), float(right), float(weight)),
        head,
    )
    dtype = check_precision(metadata["dtype"])
    checkpoint = Checkpoint(
        network=network,
        recipe=recipe,
        data=_words(metadata["data"]),
        setting=_words(metadata["setting"]),
        dtype=dtype,
        state=check_state(network, recipe, state, dtype),
        history=_epochs(arrays, recipe, samples),
        samples=samples,
        seconds=float(metadata["seconds"]),
        best=None if metadata["best"] is None else _best(network, dtype, arrays, metadata["best"]),
        memories=_object(metadata.get("memories", {})),
        environment=environment,
    )
    strange = sorted(arrays.keys() - _arrays(checkpoint).keys())
    if strange:
        raise ValueError(f"there is no place for an array {strange[0]!r:.60}")
    return checkpoint


def _best(network: Network, dtype: Precision, arrays: Mapping[str, Array], metadata: dict[str, Any]) -> BestEpoch:
    best = BestEpoch(**{name: metadata[name] for name in BEST})
    best.value = float(arrays["best.value"])
    parameters = _unpack(arrays, "best.parameters.")
    best.parameters = check_parameters(network, parameters, dtype) if parameters else None
    return best


def _arrays(checkpoint: Checkpoint) -> dict[str, Array]:
    """Name every array of a checkpoint."""
    arrays = _state_arrays(checkpoint.state)
    arrays |= {f"history.{name}": _curve(checkpoint.history, name) for name in CURVES}
    arrays["totals"] = np.array(checkpoint.state.totals)
    best = checkpoint.best
    if best is not None:
        arrays |= {"best.value": np.array(best.value), **_pack(best.parameters or (), "best.parameters.")}
    return arrays


def _state_arrays(state: EngineState) -> dict[str, Array]:
    """Name the arrays of an engine's state: ``parameters.0.W``, ``memory.velocity.0.W``."""
    arrays = _pack(state.parameters, "parameters.")
    for name, parameters in state.optimizer_state.items():
        arrays |= _pack(parameters, f"memory.{name}.")
    return arrays


def _pack(parameters: Parameters, prefix: str) -> dict[str, Array]:
    return {
        f"{prefix}{index}.{name}": array
        for index, layer in enumerate(parameters)
        for name, array in layer.arrays.items()
    }


def _unpack(arrays: Mapping[str, Array], prefix: str) -> Parameters:
    """Put the layers together again; raise `KeyError` or `TypeError` if one lacks an array or has a strange one."""
    layers: dict[int, dict[str, Array]] = {}
    for name, array in _below(arrays, prefix).items():
        index, _, part = name.partition(".")
        layers.setdefault(int(index), {})[part] = array
    return tuple(Layer(**layers[index]) for index in range(len(layers)))


def _below(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _curve(history: Sequence[Epoch], name: str) -> Array:
    """Make an array of a number of each epoch; NaN where there is none."""
    numbers = (getattr(epoch, name) for epoch in history)
    return np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)


def _epochs(arrays: Mapping[str, Array], recipe: Recipe, samples: int) -> tuple[Epoch, ...]:
    """Make the history of its curves."""
    curves = {name: arrays[f"history.{name}"].tolist() for name in CURVES if f"history.{name}" in arrays}
    rows = zip(*curves.values(), strict=True)
    records: Iterator[dict[str, Any]] = (
        {name: None if np.isnan(x) else x for name, x in zip(curves, row, strict=True)} for row in rows
    )
    return tuple(
        Epoch(epoch=index, epochs=recipe.epochs, samples=samples, **record)
        for index, record in enumerate(records, start=1)
    )


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.60} where values by name should be")
    return value


def _words(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(word, str) for word in value.values()):
        raise TypeError(f"{value!r:.60} where words by name should be")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r:.60} where a count should be")
    return value
