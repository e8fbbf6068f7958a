"""Softmax regression as a scikit-learn estimator."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from twofold.deprecation import takes_old_parameters
from twofold.errors import DataError, SpecificationError
from twofold.estimators.callbacks import Iterations
from twofold.estimators.classifier import Classifier
from twofold.estimators.coefficients import as_coefficients, dense
from twofold.estimators.penalties import penalty_of
from twofold.estimators.progress import Progress
from twofold.estimators.settings import draw_parameters, minibatch_solvers
from twofold.network import Layer, Network, Parameters, initialize
from twofold.solvers.elastic_net import minimize_elastic_net
from twofold.solvers.softmax import SoftmaxProblem
from twofold.solvers.softmax_regression import SoftmaxSolution, minimize_lbfgs, minimize_newton

Array = NDArray[Any]

EXACT = {
    "lbfgs": minimize_lbfgs,
    "newton": minimize_newton,
    "newton-cg": minimize_newton,
    "newton-cholesky": minimize_newton,
    "saga": minimize_newton,
}


@takes_old_parameters
class SoftmaxRegression(Classifier):
    """Softmax regression, to scikit-learn's `LogisticRegression` what the others are to theirs.

    Minimises ``C sum_i w_i l_i + |W|^2 / 2`` with the cross entropy l_i; the intercept is not penalised. Two classes
    have one row of weights, the second's against the first's, as in scikit-learn.

    ``"lbfgs"`` works in variables in which the problem is nearly round: the Hessian's bound at first, then its blocks
    where the iterations have come. Badly scaled columns cost it nothing, and it takes a fraction of the iterations.

    `coef_` and `intercept_` may be assigned, after a fit or without one (then `classes_` too): they are what predicts,
    what is saved, and where ``warm_start`` and `partial_fit` go on.

    Parameters
    ----------
    penalty : {"l2", "l1", "elasticnet", None}
        With an l1 part, ``C sum_i w_i l_i + (1 - l1_ratio) |W|^2 / 2 + l1_ratio |W|_1``: coefficients become exactly 0.
        The solvers but those by minibatches then take Newton's steps within an orthant, to any ``tol``.
    C : float
        Inverse of the penalty's strength; ``inf`` is none.
    l1_ratio : float
        From 0 to 1; "l1" is 1, and with "l2" it counts too, as in scikit-learn from 1.8 on.
    tol : float
        On the largest entry of the gradient of the mean loss, as in scikit-learn; of the solvers by minibatches, the
        least gain of an epoch that counts.
    fit_intercept : bool
    class_weight : dict, "balanced" or None
        Weights of the classes, which multiply those of the samples.
    random_state : int, RandomState or None
        Of the solvers by minibatches.
    solver : {"lbfgs", "newton", "sgd", "adam", "adamw", "rmsprop", "lion"}
        ``"newton"`` is the one for the last digits; it also answers to ``"newton-cg"``, ``"newton-cholesky"`` and
        ``"saga"``.
    max_iter : int
        Most iterations, or epochs; 0 iterations leave the coefficients where they begin.
    verbose, warm_start
        As in scikit-learn.
    dual, intercept_scaling
        There so that an import can be swapped, at scikit-learn's defaults False and 1; others are refused, for they
        belong to a solver (liblinear) that is not offered.
    n_jobs
        Accepted, and without effect, as in scikit-learn.
    batch_size, learning_rate, learning_rate_init, power_t, shuffle, momentum, nesterovs_momentum, early_stopping, \
    validation_fraction, beta_1, beta_2, epsilon, n_iter_no_change, ema_decay, label_smoothing, scoring, callbacks, \
    time_budget, engine, device, dtype, precision, threads
        As in `MLPClassifier`. ``dtype="auto"`` is the type of X with the exact solvers; of large problems in float64
        they do the products in float32 as long as those can be trusted.

    Attributes
    ----------
    classes_ : ndarray, shape (k,)
    coef_ : ndarray, shape (k, d), or (1, d) for two classes
    intercept_ : ndarray, shape (k,) or (1,)
    n_iter_ : ndarray, shape (1,), or int
        Iterations; of the solvers by minibatches, epochs as an int.
    loss_ : float
        Mean loss with the penalty.
    gradient_ : float
        Largest entry of its gradient at the end, of the exact solvers.
    stop_reason_, history_, loss_curve_, validation_scores_, best_validation_score_, ...
        As in `MLPClassifier`; ``"stalled"`` if rounding stopped an exact solver before its tol.
    n_features_in_, feature_names_in_
        Of X.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxRegression().fit(X, y)
    >>> model.coef_.shape, model.score(X, y) > 0.97
    ((3, 4), True)
    """

    _full_batch_solvers = tuple(EXACT)
    _take_no_step = tuple(EXACT)
    # What a network without hidden layers has none of.
    hidden_layer_sizes: tuple[int, ...] = ()
    activation = "relu"
    dropout = 0.0
    normalization = None

    def __init__(
        self,
        penalty: str | None = "l2",
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        dual: bool = False,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: dict[Any, float] | str | None = None,
        random_state: Any = None,
        solver: str = "lbfgs",
        max_iter: int = 100,
        verbose: bool | int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        shuffle: bool = True,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float | None = None,
        beta_2: float | None = None,
        epsilon: float | None = None,
        n_iter_no_change: float = 10,
        ema_decay: float = 0.0,
        label_smoothing: float = 0.0,
        scoring: str | Callable[..., float] | None = None,
        callbacks: Callable[..., Any] | Sequence[Callable[..., Any]] | None = None,
        time_budget: float | None = None,
        engine: str = "auto",
        device: str = "cpu",
        dtype: str = "auto",
        precision: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.shuffle = shuffle
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.ema_decay = ema_decay
        self.label_smoothing = label_smoothing
        self.scoring = scoring
        self.callbacks = callbacks
        self.time_budget = time_budget
        self.engine = engine
        self.device = device
        self.dtype = dtype
        self.precision = precision
        self.threads = threads

    @property
    def coef_(self) -> Any:
        """W, transposed: a row a class; a CSR matrix after `sparsify`."""
        return self.coefs_[0].T

    @coef_.setter
    def coef_(self, values: ArrayLike) -> None:
        thin = sparse.issparse(values)
        W = as_coefficients("coef_", dense(values), ndim=(2,)).T
        self.__dict__["coefs_"] = [sparse.csc_matrix(W) if thin else W]
        if not (self.fit_intercept or hasattr(self, "intercepts_")):
            self.intercept_ = np.zeros(W.shape[1], dtype=W.dtype)
        self._forget_minimum()

    @property
    def intercept_(self) -> Array:
        """The bias, of each class."""
        return self.intercepts_[0]

    @intercept_.setter
    def intercept_(self, values: ArrayLike) -> None:
        self.__dict__["intercepts_"] = [as_coefficients("intercept_", values, ndim=(1,))]
        self._forget_minimum()

    def _forget_minimum(self) -> None:
        """Drop what was said of coefficients that are no more."""
        for name in ("loss_", "gradient_"):
            self.__dict__.pop(name, None)

    def _refuse_shapes(self, network: Network, outputs: int) -> None:  # noqa: ARG002
        k = self._targets.outputs
        raise DataError(
            f"coef_ has shape {self.coef_.shape} and intercept_ {self.intercept_.shape}; "
            f"with {len(self.classes_)} classes expected ({k}, {network.inputs}) and ({k},)"
        )

    def sparsify(self) -> Self:
        """Hold `coef_` as a CSR matrix, which takes less room where most coefficients are 0.

        Returns
        -------
        SoftmaxRegression
            Itself; predictions are the same.
        """
        check_is_fitted(self)
        self.coefs_[0] = sparse.csc_matrix(self.coefs_[0])
        return self

    def densify(self) -> Self:
        """Undo `sparsify`.

        Returns
        -------
        SoftmaxRegression
            Itself.
        """
        check_is_fitted(self)
        self.coefs_[0] = dense(self.coefs_[0])
        return self

    def decision_function(self, X: ArrayLike) -> Array:
        """Compute raw outputs, shape (n, k); of two classes (n,), positive for the second.

        Parameters
        ----------
        X : array, sparse matrix or data frame, shape (n, d)
        """
        O = self._outputs(X)
        return O[:, 0] if O.shape[1] == 1 else O

    def _encode(self, y: Array, *, first: bool) -> Array:
        if y.ndim != 1:
            raise DataError(
                f"y has shape {y.shape}; SoftmaxRegression has one class a sample, MLPClassifier takes labels"
            )
        encoded = super()._encode(y, first=first)
        if len(self.classes_) < 2:
            raise DataError(f"y holds one class alone, {self.classes_[0]}; at least two classes are needed")
        return encoded

    def _first_parameters(self, network: Network, random_state: np.random.RandomState) -> Parameters:
        if self.solver in minibatch_solvers():  # at 0 some gradients are 0 but for rounding, which Adam would blow up
            return draw_parameters(network, random_state)
        return initialize(network, initialization="zeros")

    def _weight_decay(self, steps: int, total: float) -> float:  # noqa: ARG002
        penalty = penalty_of(self, total)
        if penalty.l1:
            raise SpecificationError(
                f"solver {self.solver!r} takes the l2 penalty alone here; for an l1 part take solver='newton'"
            )
        if not self.fit_intercept:
            raise SpecificationError(f"fit_intercept=False goes with {' and '.join(('lbfgs', 'newton'))} alone")
        return penalty.l2

    def _fit_exactly(self, network: Network, X: Array, y: Array, weight: Array | None) -> None:  # noqa: ARG002
        for name in ("ema_decay", "label_smoothing"):
            if getattr(self, name):
                raise SpecificationError(f"{name} goes with solver 'sgd' and 'adam'; {self.solver!r} has none")
        total = float(len(y) if weight is None else weight.sum())
        penalty = penalty_of(self, total)
        problem = SoftmaxProblem(
            X if self.dtype == "auto" else X.astype(self.dtype),
            y if y.ndim == 1 else y[:, 0].astype(np.int64),
            classes=len(self.classes_),
            shares=None if weight is None else weight / total,
            penalty=penalty.l2,
            fit_intercept=bool(self.fit_intercept),
        )
        (layer,) = self.parameters_
        W, b = layer.W.T, layer.b[:, None]
        start = np.hstack([W, b]) if self.fit_intercept else W
        progress, iterations = Progress(self.verbose, self.max_iter), Iterations(self, n=len(y))
        deadline = math.inf if self.time_budget is None else time.perf_counter() + self.time_budget
        reasons = []
        last, self.n_iter_, self.loss_ = start, np.array([0]), math.nan

        def report(iteration: int, value: float, theta: Array) -> bool:
            nonlocal last
            last, self.n_iter_, self.loss_ = theta, np.array([iteration]), value
            progress.report(iteration, value, None)
            if iterations.report(iteration, value, _to_parameters(theta, X.shape[1])):
                reasons.append("callback")
            elif time.perf_counter() > deadline:
                reasons.append("time_budget")
            return bool(reasons)

        solve = partial(minimize_elastic_net, l1=penalty.l1) if penalty.l1 else EXACT[self.solver]
        try:
            found = solve(problem, start, tol=self.tol, max_iter=self.max_iter, report=report)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
            self.stop_reason_ = "interrupted"
            self._set_parameters(_to_parameters(last, X.shape[1]))
            return
        finally:
            progress.end()
        self.loss_, self.gradient_, self.n_iter_ = found.value, found.gradient, np.array([found.iterations])
        self._set_parameters(_to_parameters(found.theta, X.shape[1]))
        self.stop_reason_ = reasons[0] if reasons else self._reason(found, problem.X)

    def _reason(self, found: SoftmaxSolution, X: Any) -> str:
        """Say why the solver stopped, and warn if it wasn't at the minimum."""
        if found.gradient <= self.tol:
            return "converged"
        rounding = float(np.finfo(X.dtype).eps) * float(abs(X).max())  # in the sums that a gradient is made of
        stalled = found.iterations < self.max_iter or (rounding > self.tol and found.gradient < 100 * rounding)
        advice = f"Increase the number of iterations, max_iter (={self.max_iter}), scale the data or take a smaller C"
        if stalled:
            double = "" if X.dtype == np.float64 else ", dtype='float64'"
            left = f" (it alone makes a gradient of about {rounding:.2g})" if rounding > self.tol else ""
            advice = f"Rounding hides any lower value: take a larger tol{double}, or scale the features{left}"
        warnings.warn(
            f"{self.solver} failed to converge after {found.iterations} iteration(s): the gradient's largest entry is "
            f"{found.gradient:.2g}, tol is {self.tol:.2g}. {advice}; without a penalty, classes that can be told apart "
            "without error have no minimum.",
            ConvergenceWarning,
            stacklevel=5,
        )
        return "stalled" if stalled else "max_iter"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = False
        return tags


def _to_parameters(theta: Array, d: int) -> Parameters:
    """Return weights and intercept, 0 if there is none, as a network's layer."""
    b = theta[:, d] if theta.shape[1] > d else np.zeros(len(theta))
    return (Layer(theta[:, :d].T, b),)
