"""What MLPClassifier and SoftmaxRegression have in common: classes in, classes and probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import unique_labels

from twofold.errors import DataError, SpecificationError
from twofold.estimators.foreign import validated
from twofold.estimators.perceptron import Perceptron, takes_minibatches
from twofold.estimators.targets import ClassTargets, Kind

Array = NDArray[Any]


class Classifier(ClassifierMixin, Perceptron):  # type: ignore[misc]
    """The common part of the two; not for use by itself."""

    @property
    def _targets(self) -> ClassTargets:
        """The classes: those of `classes_`, which may have been assigned."""
        classes = np.asarray(self.classes_)
        kind: Kind = "binary" if len(classes) <= 2 else "multiclass"
        return ClassTargets("multilabel" if getattr(self, "_multilabel", False) else kind, classes)

    @_targets.setter
    def _targets(self, targets: ClassTargets) -> None:
        self._multilabel, self.classes_ = targets.kind == "multilabel", targets.classes

    @takes_minibatches
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        *,
        eval_set: Sequence[ArrayLike] | None = None,
    ) -> Self:
        """Go once through a block of samples.

        Called k times with the same block it takes the steps of `fit` with ``max_iter=k``.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array, shape (k,), optional
            All classes there will ever be; needed in the first call.
        eval_set : (X, y) or (X, y, sample_weight), optional
            Scored after the block. With ``early_stopping``, `stop_reason_` becomes ``"converged"`` once the score
            hasn't improved over ``n_iter_no_change`` calls, and the best weights are back in place.

        Returns
        -------
        Itself.

        Raises
        ------
        DataError, SpecificationError, DivergedError
            As in `fit`; also if the first call names no classes, or a later one others.
        """
        if classes is None and not hasattr(self, "classes_"):
            raise SpecificationError("classes must be passed on the first call to partial_fit.")
        if classes is not None:
            labels = unique_labels(classes)
            if not hasattr(self, "classes_"):
                y_array = np.asarray(y)
                self._targets = ClassTargets.of(y_array if y_array.ndim == 2 else labels, labels)
            elif not np.array_equal(labels, self.classes_):
                raise DataError(
                    f"`classes={list(labels)}` is not the same as on last call to partial_fit, was: {self.classes_}"
                )
        return self._fit(X, y, sample_weight, eval_set=eval_set, incremental=True)

    def predict(self, X: ArrayLike) -> Array:
        """Predict the class, or the labels, of each sample.

        Parameters
        ----------
        X : array, sparse matrix or data frame, shape (n, d)

        Returns
        -------
        ndarray, shape (n,) or (n, k)
        """
        return self._decode(self._outputs(X))

    def predict_proba(self, X: ArrayLike) -> Array:
        """Predict probabilities, shape (n, k), in the order of `classes_`; of labels, each one's own."""
        O = self._outputs(X)
        return self._targets.probabilities(O)

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """Predict log-probabilities, shape (n, k); finite also where a probability is too small for a float."""
        O = self._outputs(X)
        return self._targets.log_probabilities(O)

    def _checked(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[Array, Array]:
        features, targets = validated(
            self, X, y, accept_sparse="csr", multi_output=True, dtype=(np.float64, np.float32), reset=reset
        )
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = column_or_1d(targets, warn=True)
        return features, targets

    def _encode(self, y: Array, *, first: bool) -> Array:
        """Write classes as numbers; learn which there are in the first fit."""
        if first or not hasattr(self, "classes_"):
            self._targets = ClassTargets.of(y)
        elif self.warm_start and set(unique_labels(y)) != set(self.classes_):
            raise DataError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {unique_labels(y)}"
            )
        return self._targets.encode(y)

    def _output_count(self) -> int:
        return self._targets.outputs

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"_targets": self._targets, "classes_": self._targets.classes}

    def _decode(self, O: Array) -> Array:
        return self._targets.decode(O)

    def _network_loss(self) -> str:
        return self._targets.loss

    def _out_activation(self) -> str:
        return self._targets.activation

    def _weights(self, y: Array, sample_weight: ArrayLike | None, *, incremental: bool) -> Array | None:
        weight = super()._weights(y, sample_weight, incremental=incremental)
        if self.class_weight is None:
            return weight
        if incremental and self.class_weight == "balanced":
            raise SpecificationError(
                "class_weight 'balanced' is not supported for partial_fit, which sees a block at a time; give a dict"
            )
        by_class: Array = compute_sample_weight(self.class_weight, y)
        product = by_class if weight is None else weight * by_class
        if not product.any():
            raise DataError("class_weight and sample_weight make the weight of every sample zero; one must be positive")
        return product

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
