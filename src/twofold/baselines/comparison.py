"""A model beside what costs nothing: always the same answer, and the linear model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.ranking import ranking_scores
from twofold.scores import Estimate, class_scores, number_scores

Array = NDArray[Any]

RISING = {"accuracy", "R2", "ROC-AUC", "average precision"}  # scores that are the better the higher they are
RARE = 0.1  # part of the rows below which a class is told to be rare


def score_outputs(outputs: Array, y: Array, *, unknown: int = 0) -> list[Estimate]:
    """Score outputs for classes or predicted numbers; of two classes the ranking too, that of the rarer one.

    Parameters
    ----------
    outputs : ndarray
        Raw outputs (n, q), or numbers (n,).
    y : ndarray
        Class indices (n,), or numbers (n,).
    unknown : int
        Further rows, of classes without an output.

    Returns
    -------
    list of Estimate
    """
    if outputs.ndim == 1:
        return number_scores(outputs, y)
    scores = class_scores(outputs, y, unknown=unknown)
    if outputs.shape[1] == 2:
        rarer = int(y.mean() < 0.5)
        margin = (outputs[:, 1] - outputs[:, 0]) * (1 if rarer else -1)
        scores += ranking_scores(margin, y == rarer)
    return scores


def constant_outputs(y: Array, rows: int, classes: int = 0) -> Array:
    """Return what always gives the same answer: the training rows' class frequencies, or their mean.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Of the training rows.
    rows : int
        To answer for.
    classes : int
        Number of classes; 0 for numbers.

    Returns
    -------
    ndarray
        Raw outputs (rows, classes), or numbers (rows,).

    Examples
    --------
    >>> constant_outputs(np.array([1.0, 3.0]), 2).tolist()
    [2.0, 2.0]
    """
    if not classes:
        return np.full(rows, y.mean())
    counts = np.bincount(y, minlength=classes) + 1 / classes  # a class without a row is not impossible
    return np.tile(np.log(counts / counts.sum()), (rows, 1))


def tell_imbalance(y: Array, classes: tuple[str, ...], right: float) -> str:
    """Say that a class is rare, and what its scores are then worth; "" if none is.

    Parameters
    ----------
    y : ndarray of int, shape (n,)
        Of the test rows.
    classes : tuple of str
    right : float
        The accuracy of always naming the most frequent class.

    Returns
    -------
    str
    """
    counts = np.bincount(y, minlength=len(classes))
    common, rare = int(counts.argmax()), int(counts.argmin())
    if len(classes) != 2 or counts[rare] >= RARE * len(y):
        return ""
    return (
        f"{counts[rare]} of {len(y)} rows are {classes[rare]!r}: to say {classes[common]!r} of every row is right in "
        f"{right:.2%}, so accuracy tells little; look at ROC-AUC, average precision and the confusion matrix"
    )


def tell_simpler(models: Mapping[str, list[Estimate]]) -> str:
    """Say that the linear model scores no worse than the network, if it does in all that is scored; "" if not.

    Examples
    --------
    >>> score = [Estimate("R2", 0.5, 0.4, 0.6, "Student")]
    >>> tell_simpler({"linear model": score, "network": score})[:31]
    'the linear model scores no wors'
    """
    if not {"linear model", "network"} <= set(models):
        return ""
    pairs = zip(models["network"], models["linear model"], strict=True)
    if not all(own.value <= other.value if own.name in RISING else own.value >= other.value for own, other in pairs):
        return ""
    return "the linear model scores no worse than the network here: the simpler model is the better choice"
