"""Targets on a scale that weights drawn at random can reach: scaled for the fit, or warned of after it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from twofold.data.scaling import Scaling
from twofold.errors import SpecificationError
from twofold.functions import LOSSES
from twofold.functions.links import IDENTITY

Array = NDArray[Any]

FAR = 10.0  # times that a standard deviation may be from 1, and a mean from 0 in standard deviations
POOR = 0.9  # part of the loss of always predicting the mean above which a fit has learned next to nothing
USER = 4  # how far up from `warn_of_scale` the user's call is


class TargetScaleWarning(ConvergenceWarning):  # type: ignore[misc]
    """A fit came to next to nothing, and the target's scale is the likely cause."""


def target_scaling(Y: Array, loss: str) -> Scaling:
    """Return mean and standard deviation of targets (n, q), for a fit to standardise them.

    Raises
    ------
    SpecificationError
        If the loss takes the target's logarithm: then its scale is a matter of the last bias alone.
    """
    if LOSSES[loss].link is not IDENTITY:
        raise SpecificationError(
            f"loss {loss!r} takes the target's logarithm, so it can't be scaled; leave scale_target"
        )
    return Scaling.of(np.zeros((2, 1)), Y)


def warn_of_scale(model: Any, Y: Array, weight: Array | None, loss: str) -> None:
    """Warn that a fit is hardly better than always predicting the mean, if the targets' scale is far from 1.

    It is if a standard deviation is above 10 or below 1/10, or a mean more than 10 standard deviations from 0; and the
    loss of the last epoch is more than 9/10 of that of the mean.

    Parameters
    ----------
    model : MLPRegressor
        Fitted.
    Y : ndarray, shape (n, q)
    weight : ndarray, shape (n,), or None
    loss : str
        Of its network.

    Warns
    -----
    TargetScaleWarning
    """
    mean, deviation = Y.mean(axis=0), Y.std(axis=0)
    far = (deviation > FAR) | (deviation < 1 / FAR) | (np.abs(mean) > FAR * deviation)
    far &= deviation > 0
    if LOSSES[loss].link is not IDENTITY or not far.any():
        return
    of_mean = LOSSES[loss].value(np.broadcast_to(mean, Y.shape), Y, weight)
    if not model.loss_ > POOR * of_mean:
        return
    k = int(far.argmax())
    which = f"target {k}" if Y.shape[1] > 1 else "the target"
    warnings.warn(
        f"the fit is no better than always predicting the mean (loss {model.loss_:.3g}, the mean's {of_mean:.3g}), "
        f"likely because {which} has mean {mean[k]:.3g} and standard deviation {deviation[k]:.3g}, far from 0 and 1; "
        "set scale_target=True",
        TargetScaleWarning,
        stacklevel=USER,
    )
