"""What a fit is judged by after each epoch: a part set aside, or the user's own validation set."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import get_scorer, r2_score
from sklearn.model_selection import train_test_split

from twofold.engines import Engine
from twofold.errors import SpecificationError
from twofold.functions import LOSSES
from twofold.metrics import correct
from twofold.training import Epoch

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
            With a scorer, its parameters are the engine's already.
        engine : Engine
        record : Epoch

        Returns
        -------
        score : float
            The higher, the better.
        record : Epoch
            With validation loss and accuracy.
        """
        loss = LOSSES[engine.network.loss]
        O = engine.outputs(self.X)  # (n, q)
        value = loss.value(O, self.y, self.weight)
        right = correct(loss, O, self.y)
        accuracy = None if right is None else float(np.average(right, weights=self.weight))
        record = replace(record, validation_loss=value, validation_accuracy=accuracy)
        if model.scoring == "loss":
            return -value, record
        if model.scoring is None:
            return self._own_score(model, O), record
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
    y: Array, *, fraction: float, random_state: np.random.RandomState, classes: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the rows to train on and those to validate on.

    Parameters
    ----------
    y : ndarray
        Encoded targets.
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
        If fewer than two rows would be left to validate on.
    """
    stratify = None
    if classes and y.ndim == 2 and y.shape[1] == 1:
        stratify = y
    elif classes and y.ndim == 1:
        counts = np.bincount(y)
        present = counts[counts > 0]
        if present.min() > 1 and fraction * len(y) >= len(present) <= (1 - fraction) * len(y):
            stratify = y
    train, validation = train_test_split(
        np.arange(len(y)), test_size=fraction, random_state=random_state, stratify=stratify
    )
    if len(validation) < 2:
        raise SpecificationError(
            f"The validation set is too small. Increase 'validation_fraction' or the size of your dataset: "
            f"{fraction} of {len(y)} samples leaves {len(validation)}"
        )
    return train, validation
