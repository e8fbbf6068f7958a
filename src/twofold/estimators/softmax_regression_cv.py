"""Softmax regression whose penalty is chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_X_y

from twofold.errors import SpecificationError, show
from twofold.estimators.softmax_regression import SoftmaxRegression
from twofold.estimators.weights import spread
from twofold.values import POSITIVE, is_whole

Array = NDArray[Any]


class SoftmaxRegressionCV(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """To scikit-learn's `LogisticRegressionCV` what `SoftmaxRegression` is to `LogisticRegression`.

    Each fold goes along the strengths from the strongest penalty to the weakest, each fit beginning where the last one
    ended. The best mean score decides (of equal ones the strongest penalty), and all samples are fitted with it.

    Parameters
    ----------
    Cs : int or sequence of float
        So many strengths from 1e-4 to 1e4, evenly apart by their logarithms, or these.
    l1_ratios : sequence of float
        Shares of the l1 penalty to try, from 0 (l2 alone) to 1.
    fit_intercept, solver, tol, max_iter, class_weight
        As in `SoftmaxRegression`.
    cv : int, splitter or iterable, optional
        Five stratified folds otherwise.
    scoring : str or callable, optional
        Accuracy otherwise; "neg_log_loss" judges the probabilities.

    Attributes
    ----------
    estimator_ : SoftmaxRegression
        Fitted to all samples with the best penalty.
    C_, l1_ratio_ : float
        The best.
    Cs_, l1_ratios_ : ndarray
        Those tried, ascending and as given.
    scores_ : ndarray, shape (folds, l1_ratios, Cs)
    classes_, coef_, intercept_, n_iter_, n_features_in_, feature_names_in_
        The estimator's.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxRegressionCV(Cs=[0.01, 1.0], l1_ratios=[0.0, 1.0], cv=3, max_iter=1000).fit(X, y)
    >>> model.C_, model.scores_.shape
    (1.0, (3, 2, 2))
    """

    def __init__(
        self,
        *,
        Cs: int | Sequence[float] = 10,
        l1_ratios: Sequence[float] = (0.0,),
        fit_intercept: bool = True,
        cv: Any = None,
        scoring: Any = None,
        solver: str = "lbfgs",
        tol: float = 1e-4,
        max_iter: int = 100,
        class_weight: dict[Any, float] | str | None = None,
    ) -> None:
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.scoring = scoring
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Choose the penalty, and fit all samples with it.

        Parameters
        ----------
        X : array, sparse matrix or data frame, shape (n, d)
        y : array, shape (n,)
        sample_weight : array, shape (n,), optional
            Counts in the fits and in the scores.

        Returns
        -------
        SoftmaxRegressionCV
            Itself.

        Raises
        ------
        SpecificationError
            If a strength or share can't be.
        DataError
            As `SoftmaxRegression`.
        """
        self.Cs_, self.l1_ratios_ = self._grid()
        checked, y = check_X_y(X, y, accept_sparse="csr", dtype=None, estimator=self)
        X = X if hasattr(X, "iloc") else checked  # a data frame keeps its columns' names
        check_classification_targets(y)
        first = self._estimator(self.Cs_[0], self.l1_ratios_[0])
        score = check_scoring(first, scoring=self.scoring)
        folds = check_cv(self.cv, y, classifier=True)
        weight = None if sample_weight is None else np.asarray(spread(sample_weight, len(y)), dtype=np.float64)  # type: ignore[arg-type] # an array by now
        splits = folds.split(X, y)
        self.scores_ = np.array([self._scores(score, X, y, rows=rows, weight=weight) for rows in splits])
        mean = self.scores_.mean(axis=0)
        ratio, strength = np.unravel_index(int(np.argmax(mean)), mean.shape)
        self.C_, self.l1_ratio_ = float(self.Cs_[strength]), float(self.l1_ratios_[ratio])
        self.estimator_ = self._estimator(self.C_, self.l1_ratio_).fit(X, y, sample_weight=weight)
        return self

    def _grid(self) -> tuple[Array, Array]:
        given: Any = self.Cs
        if is_whole(given) and given >= 1:
            Cs = np.logspace(-4, 4, int(given))
        else:
            several = list(given) if np.ndim(given) == 1 else []
            if not several or not all(POSITIVE.holds(C) for C in several):
                raise SpecificationError(f"Cs is {show(given)}; expected a whole number from 1 on, or positive numbers")
            Cs = np.sort(np.array(several, dtype=np.float64))
        if np.ndim(self.l1_ratios) != 1 or not len(self.l1_ratios):
            raise SpecificationError(f"l1_ratios is {show(self.l1_ratios)}; expected a list of numbers from 0 to 1")
        return Cs, np.asarray(self.l1_ratios, dtype=np.float64)

    def _estimator(self, C: float, l1_ratio: float) -> SoftmaxRegression:
        return SoftmaxRegression(
            C=float(C),
            l1_ratio=float(l1_ratio),
            fit_intercept=self.fit_intercept,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            class_weight=self.class_weight,
            warm_start=True,
        )

    def _scores(self, score: Any, X: Any, y: Any, *, rows: tuple[Array, Array], weight: Array | None) -> Array:
        """Score every penalty on one fold, (l1_ratios, Cs)."""
        train, test = rows
        parts = [(_safe_indexing(X, part), _safe_indexing(y, part)) for part in rows]
        (X_train, y_train), (X_test, y_test) = parts
        more = {} if weight is None else {"sample_weight": weight[test]}
        table = np.empty((len(self.l1_ratios_), len(self.Cs_)))
        for i, l1_ratio in enumerate(self.l1_ratios_):
            model = self._estimator(self.Cs_[0], l1_ratio)
            for j, C in enumerate(self.Cs_):
                model.set_params(C=float(C)).fit(
                    X_train, y_train, sample_weight=None if weight is None else weight[train]
                )
                table[i, j] = score(model, X_test, y_test, **more)
        return table

    def predict(self, X: ArrayLike) -> Array:
        """Predict classes, (n,)."""
        check_is_fitted(self)
        return self.estimator_.predict(X)

    def predict_proba(self, X: ArrayLike) -> Array:
        """Predict the classes' probabilities, (n, k)."""
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """Predict the logarithms of the probabilities, (n, k)."""
        check_is_fitted(self)
        return self.estimator_.predict_log_proba(X)

    def decision_function(self, X: ArrayLike) -> Array:
        """Compute raw outputs, (n, k); of two classes (n,)."""
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    @property
    def classes_(self) -> Array:
        """Of the estimator."""
        return self._fitted.classes_

    @property
    def coef_(self) -> Any:
        """Of the estimator, (k, d) or (1, d)."""
        return self._fitted.coef_

    @property
    def intercept_(self) -> Array:
        """Of the estimator, (k,) or (1,)."""
        return self._fitted.intercept_

    @property
    def n_iter_(self) -> Any:
        """Of the estimator."""
        return self._fitted.n_iter_

    @property
    def n_features_in_(self) -> int:
        """Of the estimator."""
        return int(self._fitted.n_features_in_)

    @property
    def feature_names_in_(self) -> Array:
        """Of the estimator, if X had names of columns."""
        return self._fitted.feature_names_in_

    @property
    def _fitted(self) -> Any:
        """The estimator; an `AttributeError` before the fit, as for any attribute that isn't there."""
        return self.estimator_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
