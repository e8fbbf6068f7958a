"""Scores of a model on a set: mean loss and accuracy, computed once for all engines from raw outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.functions import Loss

Array = NDArray[Any]


@dataclass(frozen=True)
class Score:
    """How good a model is on a set.

    Attributes
    ----------
    loss : float
        Mean loss per sample.
    accuracy : float or None
        Correct predictions / all predictions; None where targets are numbers.
    """

    loss: float
    accuracy: float | None


def correct(loss: Loss, O: Array, y: Array) -> Array | None:
    """Tell for each sample how much of its prediction is right.

    Parameters
    ----------
    loss : Loss
    O : ndarray, shape (n, q)
        Raw outputs; softmax and sigmoid don't change what they predict, so they are not taken.
    y : ndarray
        Targets.

    Returns
    -------
    ndarray of float, shape (n,), or None
        For classes 1 or 0, whether the largest output is the class (or the row's most probable class); for several
        labels the fraction of them that are right; None for numbers.
    """
    if not loss.targets.has_accuracy:
        return None
    right: Array = loss.targets.right(O, y, 1)
    return right.astype(np.float64) if right.ndim == 1 else right.mean(axis=1)


def score(loss: Loss, O: Array, y: Array, weight: Array | None = None) -> Score:
    """Score raw outputs against targets.

    Parameters
    ----------
    loss : Loss
    O : ndarray of float, shape (n, q)
    y : ndarray
        Targets, as the loss wants them.
    weight : ndarray, shape (n,), optional
        Sample weights, of loss and accuracy alike.

    Returns
    -------
    Score

    Examples
    --------
    >>> from twofold.functions import LOSSES
    >>> score(LOSSES["cross_entropy"], np.array([[0.0, 0.0], [5.0, 0.0]]), np.array([0, 0])).accuracy
    1.0
    """
    right = correct(loss, O, y)
    return Score(loss.value(O, y, weight), None if right is None else float(np.average(right, weights=weight)))


def running_score(loss: Loss, totals: Sequence[float]) -> Score:
    """Turn an engine's sums of weighted loss, weighted correct predictions and weights into means.

    Before the first step there is nothing to average, and the loss is NaN.
    """
    total_loss, total_correct, total_weight = totals
    if total_weight == 0:
        return Score(math.nan, None)
    return Score(total_loss / total_weight, total_correct / total_weight if loss.targets.has_accuracy else None)
