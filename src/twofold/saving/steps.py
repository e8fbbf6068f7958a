"""A model as a list of steps from a sample's numbers to the outputs: what every export is written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from twofold.inspect.collapse import fold_normalization
from twofold.saving.model import Model

Array = NDArray[Any]


@dataclass(frozen=True)
class Standardize:
    """``x <- (x - mean) / scale``, from the data's own units; both (d,) of float64."""

    mean: Array
    scale: Array


@dataclass(frozen=True)
class Affine:
    """``z <- x W + b``; W (inputs, outputs), b (outputs,)."""

    W: Array
    b: Array


@dataclass(frozen=True)
class Activate:
    """``h <- phi(z)``, a name in `twofold.functions.ACTIVATIONS`."""

    name: str


@dataclass(frozen=True)
class Unstandardize:
    """``o <- o scale + mean``, to the data's own units; both (q,) of float64."""

    mean: Array
    scale: Array


Step = Standardize | Affine | Activate | Unstandardize


def steps(model: Model) -> list[Step]:
    """Write a model as steps; dropout is none of them, since predictions have none.

    Parameters
    ----------
    model : Model

    Returns
    -------
    list of Step
        Batch normalisation is in the weights.

    Raises
    ------
    SpecificationError
        If the network has layer normalisation.

    Examples
    --------
    >>> from twofold import Network, open_engine
    >>> model = Model.of(open_engine("scratch", Network((4, 5, 3))))
    >>> [type(step).__name__ for step in steps(model)]
    ['Affine', 'Activate', 'Affine']
    """
    found: list[Step] = []
    scaling = model.scaling
    if scaling is not None:
        found.append(Standardize(scaling.mean.ravel(), scaling.scale.ravel()))
    network, parameters = fold_normalization(model.network, model.parameters)
    for index, layer in enumerate(parameters):
        found.append(Affine(layer.W, layer.b))
        if index < len(network.hidden):
            found.append(Activate(network.activations[index]))
    if scaling is not None and scaling.target_mean is not None and scaling.target_scale is not None:
        found.append(Unstandardize(scaling.target_mean, scaling.target_scale))
    return found
