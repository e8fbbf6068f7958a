"""What a fit is judged by after each epoch: a part set aside, or the user's own validation set."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import get_scorer, r2_score
from sklearn.model_selection import train_test_split

from twofold.engines import Engine
from twofold.errors import DivergedError, SpecificationError
from twofold.functions import LOSSES
from twofold.metrics import correct
from twofold.run import Epoch

Array = NDArray[Any]


@dataclass(frozen=True)
class Validation:
    """A validation set.

    Attributes
    ----------
    X : ndarray or sparse matrix, shape (n, d)
    y : ndarray
        Targets as the loss wants them.
    labels : ndarray
        Targets in the user's words.
    weight : ndarray, shape (n,), or None
    """

    X: Array
    y: Array
    labels: Array
    weight: Array | None

    @np.errstate(over="ignore", invalid="ignore")  # a run that diverges is told so by the training loop
    def judge(self, model: Any, engine: Engine, record: Epoch) -> tuple[float, Epoch]:
        """Score an engine's present parameters.

        Parameters
        ----------
        model : estimator
            With a scorer, it gets the engine's parameters.
        engine : Engine
        record : Epoch

        Returns
        -------
        score : float
            The higher, the better.
        record : Epoch
            With validation loss and accuracy.

        Raises
        ------
        DivergedError
            If an output is no finite number: scores are not made for that.
        """
        loss = LOSSES[engine.network.loss]
        O = engine.outputs(self.X)  # (n, q)
        if not np.isfinite(O).all():
            raise DivergedError("an output on the validation set is not finite", record.epoch, model.history_)
        value = loss.value(O, self.y, self.weight)
        right = correct(loss, O, self.y)
        accuracy = None if right is None else float(np.average(right, weights=self.weight))
        record = replace(record, validation_loss=value, validation_accuracy=accuracy)
        if model.scoring == "loss":
            return -value, record
        if model.scoring is None:
            return self._own_score(model, O), record
        model._set_parameters(engine.parameters())
        scorer: Callable[..., float] = get_scorer(model.scoring)
        weight = {} if self.weight is None else {"sample_weight": self.weight}
        with warnings.catch_warnings():  # the columns' names were checked when the set came in
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            return float(scorer(model, self.X, self.labels, **weight)), record

    def _own_score(self, model: Any, O: Array) -> float:
        """Return the accuracy of all labels of a sample, or R2: what `score` gives."""
        predicted = model._decode(O)
        if self.y.dtype.kind == "f":
            return float(r2_score(self.labels, predicted.astype(np.float64), sample_weight=self.weight))
        right = predicted == self.labels
        return float(np.average(right if right.ndim == 1 else right.all(axis=1), weights=self.weight))


def set_aside(
    y: Array, weight: Array | None, *, fraction: float, random_state: np.random.RandomState, classes: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the rows to train on and those to validate on.

    Parameters
    ----------
    y : ndarray
        Encoded targets.
    weight : ndarray, shape (n,), or None
        Of the samples. Where either part would have no weight at all, rows of weight 0 are in neither.
    fraction : float
        Of the rows, to validate on.
    random_state : RandomState
    classes : bool
        Whether the parts are to hold the classes in equal shares, which several classes are spared where one has a
        single member or the part is too small for them all.

    Returns
    -------
    train, validation : ndarray of int64

    Raises
    ------
    SpecificationError
        If fewer than two rows would be left to validate on, or none to train on.
    """
    rows = np.arange(len(y))
    train, validation = _split(rows, y, fraction=fraction, random_state=random_state, classes=classes)
    if weight is not None and not (weight[train].any() and weight[validation].any()):
        rows = np.flatnonzero(weight)
        train, validation = _split(rows, y[rows], fraction=fraction, random_state=random_state, classes=classes)
    return train, validation


def _split(
    rows: NDArray[np.int64], y: Array, *, fraction: float, random_state: np.random.RandomState, classes: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split rows, whose targets are y, in two."""
    held = math.ceil(fraction * len(rows))
    small = SpecificationError(
        f"The validation set is too small. Increase 'validation_fraction' or the size of your dataset: "
        f"{fraction} of {len(rows)} samples (of positive weight) leaves {held} to validate on and "
        f"{len(rows) - held} to train on"
    )
    if held >= len(rows):
        raise small
    stratify = None
    if classes and y.ndim == 2 and y.shape[1] == 1:
        stratify = y
    elif classes and y.ndim == 1:
        counts = np.bincount(y)
        present = counts[counts > 0]
        if present.min() > 1 and fraction * len(y) >= len(present) <= (1 - fraction) * len(y):
            stratify = y
    train, validation = train_test_split(rows, test_size=fraction, random_state=random_state, stratify=stratify)
    if held < 2:
        raise small
    return train, validation
