"""Targets of a classifier: its classes as the numbers that a network is trained on, and outputs turned back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import type_of_target

from twofold.errors import DataError
from twofold.estimators.foreign import in_our_words
from twofold.functions import sigmoid
from twofold.functions.links import softmax

Array = NDArray[Any]
Kind = Literal["binary", "multiclass", "multilabel"]


@dataclass(frozen=True)
class ClassTargets:
    """The classes of a problem, and how they are written.

    Two classes are one output: its sigmoid is the second one's probability, as in scikit-learn. Three and more are one
    output each, under a softmax; several labels per sample are one output each, under a sigmoid of their own.

    Attributes
    ----------
    kind : {"binary", "multiclass", "multilabel"}
    classes : ndarray, shape (k,)
        In sorted order; of several labels their columns, 0 to k - 1.
    """

    kind: Kind
    classes: Array

    @classmethod
    def of(cls, y: Array, classes: ArrayLike | None = None) -> ClassTargets:
        """Learn the classes from y (n,), or labels (n, k) of 0 and 1; or take them as given.

        Raises
        ------
        DataError
            If y is neither, such as continuous numbers.
        """
        with in_our_words("y", {}):
            kind = type_of_target(y, input_name="y", raise_unknown=True)
            known = np.unique(y if classes is None else np.asarray(classes))
        if kind == "multilabel-indicator":
            return cls("multilabel", np.arange(y.shape[1]))
        if kind not in ("binary", "multiclass"):
            raise DataError(
                f"Unknown label type: {kind}; y must be classes (n,), or labels (n, k) of 0 and 1. "
                "For numbers take a regressor."
            )
        return cls("binary" if len(known) <= 2 else "multiclass", known)

    @property
    def outputs(self) -> int:
        """Number of a network's outputs."""
        return 1 if self.kind == "binary" else len(self.classes)

    @property
    def loss(self) -> str:
        """The loss that goes with them, a name in `twofold.functions.LOSSES`."""
        return "cross_entropy" if self.kind == "multiclass" else "sigmoid_cross_entropy"

    @property
    def activation(self) -> str:
        """The function from outputs to probabilities, by scikit-learn's name."""
        return "softmax" if self.kind == "multiclass" else "logistic"

    def encode(self, y: Array) -> Array:
        """Write y as the loss wants it.

        Parameters
        ----------
        y : ndarray, shape (n,) or (n, k)

        Returns
        -------
        ndarray
            int64 (n,) for several classes, bool (n, 1) for two, bool (n, k) for labels.

        Raises
        ------
        DataError
            If there is a class or a number of labels that is not known.
        """
        if self.kind == "multilabel":
            if y.ndim != 2 or y.shape[1] != len(self.classes):
                raise DataError(f"y has shape {y.shape}; expected {len(self.classes)} labels a sample")
            return np.asarray(y).astype(bool)
        if y.ndim != 1:
            raise DataError(f"y has shape {y.shape}; expected classes (n,)")
        place = np.searchsorted(self.classes, y).clip(max=len(self.classes) - 1)
        if (unknown := np.flatnonzero(self.classes[place] != y)).size:
            found = np.unique(y)
            raise DataError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes}. 'y' has {found}; "
                f"the first unknown one is y[{unknown[0]}]"
            )
        return (place == 1)[:, None] if self.kind == "binary" else place.astype(np.int64)

    def probabilities(self, O: Array) -> Array:
        """Turn outputs O (n, q) into probabilities (n, k)."""
        if self.kind == "multiclass":
            return softmax(O)
        P = sigmoid(O)
        if self.kind == "multilabel":
            return P
        # The small one of the two by its own sigmoid: 1 - p would lose its digits.
        return np.ones_like(P) if len(self.classes) == 1 else np.hstack([sigmoid(-O), P])

    def log_probabilities(self, O: Array) -> Array:
        """Turn outputs O (n, q) into log-probabilities (n, k), finite for every finite output."""
        if self.kind == "multiclass":
            S = O - O.max(axis=1, keepdims=True)
            return S - np.log(np.exp(S).sum(axis=1, keepdims=True))
        if len(self.classes) == 1 and self.kind == "binary":
            return np.zeros_like(O)
        if self.kind == "binary":
            return np.hstack([_log_sigmoid(-O), _log_sigmoid(O)])
        # Near 1 as rounded as the probability itself: labels that tie in the one tie in the other.
        return np.where(O > 0, np.log(sigmoid(O)), _log_sigmoid(O))

    def decode(self, O: Array) -> Array:
        """Turn outputs O (n, q) into classes (n,), or labels (n, k) of 0 and 1."""
        if self.kind == "multilabel":
            return (O > 0).astype(np.int64)
        if self.kind == "binary":
            place = (O[:, 0] > 0).astype(np.intp) if len(self.classes) > 1 else np.zeros(len(O), dtype=np.intp)
            return self.classes[place]
        return self.classes[O.argmax(axis=1)]


def _log_sigmoid(O: Array) -> Array:
    """``log sigma(o) = min(o, 0) - log(1 + exp(-|o|))``."""
    return np.minimum(O, 0) - np.log1p(np.exp(-np.abs(O)))
