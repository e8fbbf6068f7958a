"""A model as a list of steps from a sample's numbers to the outputs: what every export is written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from twofold.saving.model import Model

Array = NDArray[Any]


@dataclass(frozen=True)
class Standardize:
    """``x <- (x - mean) / scale``, from the data's own units; both (d,) of float64."""

    mean: Array
    scale: Array


@dataclass(frozen=True)
class Affine:
    """``z <- x W + b``; W (inputs, outputs), b (outputs,), None before a normalisation."""

    W: Array
    b: Array | None


@dataclass(frozen=True)
class BatchNormalize:
    """``z <- gamma (z - mean) / sqrt(variance + EPSILON) + b``, all (h,)."""

    gamma: Array
    b: Array
    mean: Array
    variance: Array


@dataclass(frozen=True)
class LayerNormalize:
    """``z <- gamma (z - m) / sqrt(v + EPSILON) + b``, with mean m and variance v of this very z; both (h,)."""

    gamma: Array
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


@dataclass(frozen=True)
class Unbend:
    """``y <- bend sinh(o)``, to the data's own units; (q,) of float64."""

    bend: Array


@dataclass(frozen=True)
class Limit:
    """``y <- min(max(y, low), high)``, both (q,) of float64; None where there is no end."""

    low: Array | None
    high: Array | None


Step = Standardize | Affine | BatchNormalize | LayerNormalize | Activate | Unstandardize | Unbend | Limit


def steps(model: Model) -> list[Step]:
    """Write a model as steps; dropout is none of them, since predictions have none.

    Parameters
    ----------
    model : Model

    Returns
    -------
    list of Step

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
    for index, layer in enumerate(model.parameters):
        found.append(Affine(layer.W, layer.b if layer.gamma is None else None))
        if layer.gamma is not None and layer.mean is not None and layer.variance is not None:
            found.append(BatchNormalize(layer.gamma, layer.b, layer.mean, layer.variance))
        elif layer.gamma is not None:
            found.append(LayerNormalize(layer.gamma, layer.b))
        if index < len(model.network.hidden):
            found.append(Activate(model.network.activations[index]))
    if scaling is not None and scaling.target_mean is not None and scaling.target_scale is not None:
        found.append(Unstandardize(scaling.target_mean, scaling.target_scale))
        if scaling.target_bend is not None:
            found.append(Unbend(scaling.target_bend))
        if scaling.target_low is not None or scaling.target_high is not None:
            found.append(Limit(scaling.target_low, scaling.target_high))
    return found
