"""Intervals of predicted numbers, from the errors of rows that the model did not see.

Cross-conformal prediction (Vovk 2015, doi:10.1007/s10472-013-9368-4; Barber et al. 2021, doi:10.1214/20-AOS1965): an
interval reaches as far around a prediction as the wanted part of those errors. On rows drawn like the training rows it
holds about as often as it says, whatever the distribution.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, SpecificationError
from twofold.functions import LOSSES
from twofold.functions.links import IDENTITY
from twofold.saving.model import Model

Array = NDArray[Any]

ERRORS = "left_out_errors"  # among a model's arrays: their sizes, rising, in the network's own numbers
MAX_ERRORS = 2000  # that are kept: quantiles of more


def keep_errors(model: Model, outputs: Array, targets: Array) -> Model:
    """Return the model with the errors of rows that its networks did not see.

    Parameters
    ----------
    model : Model
    outputs, targets : ndarray, shape (n, 1)
        Of those rows, in the network's own numbers.

    Returns
    -------
    Model
        As it is, if it predicts something else than one number with no link between.
    """
    if not _is_of_numbers(model):
        return model
    errors = np.sort(np.abs(outputs[:, 0] - targets[:, 0]))
    if len(errors) > MAX_ERRORS:
        errors = np.quantile(errors, np.linspace(0, 1, MAX_ERRORS), method="higher")
    return replace(model, arrays={**model.arrays, ERRORS: errors.astype(np.float64)})


def predict_interval(model: Model, X: ArrayLike, level: float = 0.9) -> tuple[Array, Array]:
    """Predict an interval for each row that holds the actual number about as often as asked for.

    Parameters
    ----------
    model : Model
        Trained on a table by ``twofold train mlp``.
    X : array, shape (n, d)
        Features, as for `Model.predict`.
    level : float
        Part of the rows whose number should lie within, more than 0 and less than 1.

    Returns
    -------
    low, high : ndarray, shape (n,)
        In the target's own units.

    Raises
    ------
    SpecificationError
        If the level is out of range, or the model keeps no such errors.
    DataError
        If they are too few for the level.
    """
    if not 0 < level < 1:
        raise SpecificationError(
            f"the interval's level is {level}; it must be more than 0 and less than 1, such as 0.9"
        )
    errors = model.arrays.get(ERRORS)
    if errors is None or not _is_of_numbers(model):
        what = "classes have probabilities" if model.classes else "train it on a table: twofold train mlp FILE"
        raise SpecificationError(f"the model keeps no errors of rows that it did not see, so no intervals; {what}")
    place = math.ceil((len(errors) + 1) * level)
    if place > len(errors):
        raise DataError(
            f"{len(errors)} rows left out of training are too few for intervals of {level:.4g}; "
            f"the most is {len(errors) / (len(errors) + 1):.4g}"
        )
    reach = errors[place - 1]
    scaling = model.scaling
    if scaling is None:
        middle = model.outputs(X)[:, 0].astype(np.float64)
        return middle - reach, middle + reach
    bare = replace(scaling, target_mean=None, target_scale=None, target_bend=None, target_low=None, target_high=None)
    O = replace(model, scaling=bare).outputs(X).astype(np.float64)  # (n, 1), in the network's numbers
    free = replace(scaling, target_low=None, target_high=None)
    low, high = free.predictions(O - reach)[:, 0], free.predictions(O + reach)[:, 0]
    return low if scaling.target_bend is None else np.maximum(low, 0), high  # what is bent is never below 0


def _is_of_numbers(model: Model) -> bool:
    loss = LOSSES[model.network.loss]
    return model.network.outputs == 1 and not loss.targets.has_accuracy and loss.link is IDENTITY
