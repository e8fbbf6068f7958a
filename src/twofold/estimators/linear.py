"""Linear regression as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.linear_model import LinearRegression as ScikitLearns
from sklearn.utils.validation import check_is_fitted

from twofold.errors import DataError, SpecificationError, show
from twofold.estimators.foreign import validated
from twofold.estimators.input_checks import as_numbers, check_names
from twofold.estimators.saved import Saved
from twofold.estimators.solved import Solved
from twofold.estimators.streamed import Streamed
from twofold.estimators.weights import spread
from twofold.solvers import pairs
from twofold.solvers.inference import Prediction, Robust, predict_interval, robust_errors
from twofold.solvers.influence import Influence, influence, left_out_scores
from twofold.solvers.input_checks import check_finite, check_weights
from twofold.solvers.least_squares import solve_least_squares, warn_about
from twofold.solvers.moments import Moments
from twofold.solvers.pairs import Pair
from twofold.solvers.ridge import ridge_path
from twofold.solvers.summary import Summary, summarize
from twofold.values import is_real

Array = NDArray[Any]


class LinearRegression(Streamed, Solved, Saved, MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Least squares that can be trusted, in the place of scikit-learn's `LinearRegression`.

    Minimises ``sum_i w_i |x_i W + b - y_i|^2 + penalty |W|^2``. Coefficients and standard errors are right to the last
    digits of a double for the very numbers given, or `digits_` and `error_digits_` say how many are.

    `coef_` and `intercept_` may be assigned, after a fit or without one: they are what predicts and what is saved. The
    statistics of a fit belong to the coefficients that it found; with others there are none.

    Parameters
    ----------
    fit_intercept : bool
    copy_X, tol, n_jobs
        Accepted so that an import can be swapped; X is never written to, nothing is iterated to a tolerance, and all
        cores that BLAS may use are used.
    positive : bool
        Demand coefficients of at least 0.
    penalty : float or sequence of float
        Ridge. Of several, the one with the least leave-one-out error is taken.

    Attributes
    ----------
    coef_ : ndarray, shape (d,) or (q, d)
    intercept_ : float or ndarray, shape (q,)
    rank_ : int
    singular_ : ndarray, shape (min(n, d),)
        Singular values of the centred, weighted X.
    condition_ : float
        Of the centred design with columns of length 1.
    digits_ : ndarray, shape (d,) or (q, d)
        Estimate of the correct decimal digits of each coefficient.
    error_digits_ : float
        Estimate of the correct decimal digits of what follows from the covariance: standard and robust errors,
        leverages, Cook's distances, and intervals about a prediction. NaN where there is no covariance. It is computed,
        with the standard errors, when it is first asked for.
    penalty_ : float
        The penalty used.
    penalties_, loo_errors_ : ndarray, shape (k,)
        If there were several: each, and its mean squared leave-one-out error.
    solution_ : LeastSquares
    moments_ : Moments
        The sums of `partial_fit`, `fit_blocks` and `from_moments`; `merge` joins them with another's.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If X had names of columns.
    target_names_ : tuple of str
        If `from_moments` was told them.

    Examples
    --------
    >>> model = LinearRegression().fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0])
    >>> model.coef_, model.intercept_, model.predict([[4.0]])
    (array([2.]), 1.0, array([9.]))
    """

    moments_: Moments

    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        tol: float = 1e-6,
        n_jobs: int | None = None,
        positive: bool = False,
        penalty: float | Sequence[float] = 0.0,
    ) -> None:
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive
        self.penalty = penalty

    def fit(self, X: ArrayLike | Pair, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Solve least squares.

        Parameters
        ----------
        X : array, sparse matrix, data frame or Pair, shape (n, d)
            A sparse matrix is filled in. A `Pair`, as `polynomial_features` makes, counts with the digits of its low
            part.
        y : array, shape (n,) or (n, q)
        sample_weight : array, shape (n,), or number, optional
            Non-negative; inverse variances up to a factor.

        Returns
        -------
        LinearRegression
            Itself.

        Raises
        ------
        DataError
            If a number is not finite or shapes don't fit.

        Warns
        -----
        DependentColumnsWarning, AccuracyWarning
        """
        self._forget()
        self._check_settings()
        features, targets = self._checked(X, y, reset=True)
        sample_weight = spread(sample_weight, len(targets))
        names = self._names()
        if np.ndim(self.penalty):
            if self.positive:
                raise SpecificationError("several penalties and positive=True don't go together; give one penalty")
            path = ridge_path(features, targets, self.penalty, sample_weight, fit_intercept=self.fit_intercept)
            self.penalties_, self.loo_errors_ = path.penalties, path.errors
            warn_about(path.best, names)
            return self._take(path.best)
        solution = solve_least_squares(
            features,
            targets,
            sample_weight,
            fit_intercept=self.fit_intercept,
            penalty=float(self.penalty),
            positive=self.positive,
            names=names,
        )
        return self._take(solution)

    def predict(self, X: ArrayLike | Pair) -> Array:
        """Compute ``X W + b``.

        Parameters
        ----------
        X : array, data frame or Pair, shape (n, d)

        Returns
        -------
        ndarray, shape (n,) or (n, q)
        """
        check_is_fitted(self)
        W, b = self._layer()
        features = X if isinstance(X, Pair) else self._features(X)
        shape = (features.high if isinstance(features, Pair) else features).shape
        if shape[1:] != W.shape[:1]:
            what = "is a Pair of" if isinstance(X, Pair) else "has"
            raise DataError(f"X {what} shape {shape}; expected {len(W)} features")
        if isinstance(features, Pair):
            O = pairs.add(pairs.matrix_product(features, pairs.pair(W)), pairs.pair(b)).high
        else:
            O = features @ W + b
        return O[:, 0] if self.coef_.ndim == 1 else O

    def predict_interval(self, X: ArrayLike, *, level: float = 0.95, target: int = 0) -> Prediction:
        """Predict with confidence and prediction intervals; see `twofold.solvers.inference.Prediction`."""
        check_is_fitted(self)
        return predict_interval(self._statistics(), self._features(X), level=level, target=target)

    def summary(
        self,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        robust: Robust | None = None,
        level: float = 0.95,
        target: int = 0,
    ) -> Summary:
        """Tell coefficients, standard errors, t, p, intervals, VIF and the fit's quality.

        Parameters
        ----------
        X, y, sample_weight : optional
            The samples that were fitted: robust errors need them, and what to expect of new samples is told by them.
        robust : {"HC0", "HC1", "HC2", "HC3"}, optional
        level : float
            Of the confidence intervals.
        target : int

        Returns
        -------
        Summary
            Prints as text or a rich table; has `to_frame`, `to_json`, `to_dict`.

        Raises
        ------
        SpecificationError
            If there are no standard errors: penalised, non-negative, dependent columns; or robust ones lack X and y.
        """
        check_is_fitted(self)
        solution, errors, left_out = self._statistics(), None, None
        if X is not None and y is not None:
            samples = self._samples(X, y, sample_weight)
            left_out = left_out_scores(solution, *samples, target=target)
            if robust is not None:
                errors = (robust, robust_errors(solution, *samples, kind=robust, target=target))
        elif robust is not None:
            raise SpecificationError("robust errors need the samples that were fitted; give X and y")
        return summarize(
            solution,
            names=self._names(),
            target_names=getattr(self, "target_names_", None),
            target=target,
            level=level,
            robust=errors,
            left_out=left_out,
        )

    def influence(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, *, target: int = 0
    ) -> Influence:
        """Compute leverage, studentised residuals and Cook's distance of the samples that were fitted."""
        check_is_fitted(self)
        solution = self._statistics()
        features, targets, weight = self._samples(X, y, sample_weight)
        return influence(solution, features, targets, weight, target=target)

    def _check_settings(self) -> None:
        """Refuse parameters that are of another kind than they must be; least squares checks their ranges."""
        for name in ("fit_intercept", "positive"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise SpecificationError(f"{name} is {show(getattr(self, name))}; it must be True or False")
        given: object = self.penalty
        several = isinstance(given, Sequence | np.ndarray) and not isinstance(given, str | bytes)
        if not all(is_real(penalty) for penalty in (given if several else [given])):  # type: ignore[attr-defined]
            raise SpecificationError(f"penalty is {show(self.penalty)}; it must be a number or several")

    def _forget(self) -> None:
        """Drop what an earlier fit left that this one may not set."""
        for name in ("moments_", "penalties_", "loo_errors_", "feature_names_in_", "target_names_"):
            if hasattr(self, name):
                delattr(self, name)

    def _names(self) -> tuple[str, ...] | None:
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else tuple(str(name) for name in names)

    def _checked(self, X: ArrayLike | Pair, y: ArrayLike, *, reset: bool) -> tuple[Any, Array]:
        """Check X and y as scikit-learn does, but for what is not finite in X: the solver sees that in passing."""
        if isinstance(X, Pair):
            self.n_features_in_ = X.high.shape[1]
            features: Any = X
            targets = np.asarray(y, dtype=np.float64)
        else:
            check_names(X)
            checked, targets = validated(
                self,
                X,
                y,
                reset=reset,
                multi_output=True,
                y_numeric=True,
                dtype=np.float64,
                ensure_all_finite=False,
                accept_sparse=False if self.positive else "csr",
            )
            features = _filled_in(checked)
        flat = targets.ndim == 1
        if reset:
            self._flat = flat
        elif flat != self._flat:
            raise DataError(f"y has shape {targets.shape}, that of the first block had another number of dimensions")
        targets = as_numbers(targets)
        return features, np.asarray(targets[:, None] if flat else targets, dtype=np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self.positive
        return tags

    def _features(self, X: ArrayLike) -> Array:
        """Check X to predict for."""
        if isinstance(X, Pair):
            raise SpecificationError("intervals take X of doubles, not a Pair; use its high part")
        features = validated(self, X, reset=False, dtype=np.float64, ensure_all_finite=False, accept_sparse="csr")
        features = _filled_in(features)
        check_finite("X", features)
        return features

    def _samples(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[Array, Array, Array | None]:
        """Check the samples of a fit that are given again."""
        if isinstance(X, Pair):
            raise SpecificationError("robust errors and influence take X of doubles, not a Pair; use its high part")
        features, targets = self._checked(X, y, reset=False)
        check_finite("X", features)
        check_finite("y", targets)
        return features, targets, check_weights(spread(sample_weight, len(features)), len(features))


def _filled_in(X: Any) -> Array:
    return np.asarray(X if isinstance(X, np.ndarray) else X.toarray())


# RANSACRegressor knows how many samples a fit needs for this class alone, and asks by `isinstance`.
ScikitLearns.register(LinearRegression)
