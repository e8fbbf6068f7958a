"""The multilayer perceptron for numbers as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d

from twofold.data.scaling import Scaling
from twofold.deprecation import takes_old_parameters
from twofold.errors import check_name
from twofold.estimators.foreign import validated
from twofold.estimators.full_batch import fit_full_batch
from twofold.estimators.input_checks import as_numbers
from twofold.estimators.perceptron import Perceptron, takes_minibatches
from twofold.estimators.target_scale import target_scaling, warn_of_scale
from twofold.estimators.weights import spread
from twofold.functions import LOSSES
from twofold.functions.losses import SCIKIT_LEARN_NAMES
from twofold.network import Network

Array = NDArray[Any]


@takes_old_parameters
class MLPRegressor(RegressorMixin, Perceptron):  # type: ignore[misc]
    """A multilayer perceptron for numbers, in the place of scikit-learn's `MLPRegressor`.

    Minimises the mean loss per sample. Parameters, defaults and attributes are scikit-learn's where it has the same;
    the first weights are the very same numbers. What differs: minibatches are of even size, the order of the samples
    is drawn otherwise, and a fit by minibatches runs in float32. With q outputs the loss is their sum: scikit-learn's
    loss divides by q and its gradient doesn't, so that its ``"lbfgs"`` searches along a slope q times too steep. Here
    value and gradient belong together.

    Parameters
    ----------
    loss : {"squared_error", "huber", "absolute_error", "quantile", "poisson", "gamma"}
        ``|o - y|^2 / 2``, that up to an error of 1 and straight on from there, or ``|o - y|``.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; ``()`` is linear regression.
    activation : str or sequence of str
        A name in `twofold.functions.ACTIVATIONS`, or ``"logistic"`` for the sigmoid; or one of each hidden layer.
    solver : {"adam", "sgd", "adamw", "rmsprop", "lion", "lbfgs"}
        ``"lbfgs"`` goes through all samples at once, in float64.
    alpha : float
        Penalty ``alpha |W|^2 / 2`` on weights, divided by the samples (or weights) of a minibatch, as in scikit-learn.
    batch_size : int or "auto"
        Most samples of a minibatch, all of even size; ``"auto"`` is 200.
    learning_rate : {"constant", "invscaling", "adaptive"}
        Of ``"sgd"``, epoch by epoch: ``learning_rate_init``; that over ``(samples seen + 1)^power_t``; or a fifth each
        time ``n_iter_no_change`` epochs brought nothing.
    learning_rate_init, power_t, momentum, nesterovs_momentum, beta_1, beta_2, epsilon
        Of the solvers; momentum less than 1; of None, each has its own, those of Adam being scikit-learn's. In
        ``"adamw"`` and ``"lion"`` the penalty is a decoupled weight decay.
    max_iter : int
        Most epochs; of ``"lbfgs"``, iterations.
    shuffle : bool
        Go through the samples in another order each epoch.
    random_state : int, RandomState or None
        Gives first weights and validation set, the same as scikit-learn's, and the order of the samples.
    tol : float
        Least gain of an epoch that counts; of ``"lbfgs"``, the gradient's largest entry at the end.
    verbose : bool or int
        Write a line per epoch, or on a terminal a bar.
    warm_start : bool
        Let `fit` go on from the weights there are.
    early_stopping : bool
        Stop when the validation score stands still, and take the weights of the best epoch. The validation set is
        ``validation_fraction`` of the samples, or `fit`'s ``eval_set``.
    validation_fraction : float
    n_iter_no_change : int or inf
        Epochs without a gain after which to stop.
    max_fun : int
        Most evaluations of ``"lbfgs"``.
    dropout : float
        Probability with which a hidden unit is dropped in a training step.
    normalization : str, optional
        ``"batch"`` or ``"layer"``, of the hidden layers.
    ema_decay : float
        With more than 0, such as 0.999, the fitted weights are a running mean over the steps.
    l1 : float
        Penalty ``l1 sum |w|`` on weights, of which some become exactly 0; see `twofold.Recipe`.
    scoring : str or callable, optional
        What the validation set is judged by: a scorer of scikit-learn, ``"loss"``, or None for R2.
    callbacks : callable or sequence of callables, optional
        Called after each epoch as ``callback(estimator, epoch)`` with a `twofold.Epoch`; True stops the fit.
    time_budget : float, optional
        Seconds after which the fit stops, within an epoch if need be.
    engine : str
        ``"scratch"``, ``"concise"``, ``"compiled"``, ``"fused"`` or ``"auto"``: see
        `twofold.engines.choose`.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    dtype : str
        Type of the arithmetic of `fit`. ``"auto"`` is float32 for minibatches and float64 for ``"lbfgs"``; weights
        and predictions have the type of X, as in scikit-learn.
    precision : str, optional
        ``"bfloat16"`` for the matrix products of the fused engines.
    threads : int, optional
        Most threads that `fit` uses; with several members, that each uses. If None, one for minibatches whose products
        are small (`twofold.engines.choice.choose_threads`).
    n_members : int
        Networks whose outputs' mean is taken, each from other first weights and in another order of the samples; they
        are fitted side by side on the cores there are, and merged into one network of so many times the hidden units.
        The history is that of the first.
    scale_target : bool
        Standardise y for the fit, and predict in its own units: what a target such as a price needs, whose scale is far
        from 1. scikit-learn has nothing of the kind and fits y as it is, as False does. Mean and standard deviation are
        those of all samples given to `fit`, or of the first block given to `partial_fit`; losses and the history are
        those of the standardised target. Not for losses that take its logarithm.

    Attributes
    ----------
    target_mean_, target_scale_ : ndarray, shape (q,)
        What y is standardised by; only with ``scale_target``.
    coefs_, intercepts_ : list of ndarray
        W (inputs, outputs) and b (outputs,) of each layer.
    parameters_ : Parameters
        All of them, layer by layer, with what a normalisation adds.
    network_ : Network
    loss_ : float
        Mean loss of the last epoch, with the penalty. Summed over outputs.
    loss_curve_ : list of float
        `loss_` of each epoch.
    best_loss_ : float or None
        The least; None with early stopping.
    history_ : list of Epoch
        A record of each epoch, with loss and accuracy on the validation set if there is one.
    validation_scores_ : list of float or None
        Of each epoch.
    best_validation_score_, best_iter_ : float or None, int or None
        The best of them, and the epoch it belongs to, counted from 1.
    stop_reason_ : str or None
        ``"converged"``, ``"max_iter"``, ``"time_budget"``, ``"callback"``, ``"interrupted"``, ``"stalled"`` (rounding
        stopped ``"lbfgs"`` before its tol) or ``"diverged"`` (with the weights of the best epoch); None after a
        `partial_fit` that simply ended.
    n_iter_, t_ : int
        Epochs of the last fit, and samples gone through altogether.
    n_layers_, n_outputs_, out_activation_
        As in scikit-learn.
    members_ : list
        The fitted members, estimators like this one; only with ``n_members`` above 1, and not in a saved file.
    n_features_in_, feature_names_in_
        Of X.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> X, y = make_regression(200, 4, random_state=0)
    >>> model = MLPRegressor(solver="lbfgs", max_iter=4000, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.999
    True
    """

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float | None = None,
        beta_2: float | None = None,
        epsilon: float | None = None,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float = 0.0,
        normalization: str | None = None,
        ema_decay: float = 0.0,
        l1: float = 0.0,
        scoring: str | Callable[..., float] | None = None,
        callbacks: Callable[..., Any] | Sequence[Callable[..., Any]] | None = None,
        time_budget: float | None = None,
        engine: str = "auto",
        device: str = "cpu",
        dtype: str = "auto",
        precision: str | None = None,
        threads: int | None = None,
        n_members: int = 1,
        scale_target: bool = False,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.normalization = normalization
        self.ema_decay = ema_decay
        self.l1 = l1
        self.scoring = scoring
        self.callbacks = callbacks
        self.time_budget = time_budget
        self.engine = engine
        self.device = device
        self.dtype = dtype
        self.precision = precision
        self.threads = threads
        self.n_members = n_members
        self.scale_target = scale_target

    @takes_minibatches
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        eval_set: Sequence[ArrayLike] | None = None,
    ) -> Self:
        """Go once through a block of samples.

        Called k times with the same block it takes the steps of `fit` with ``max_iter=k``.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        eval_set : (X, y) or (X, y, sample_weight), optional
            Scored after the block. With ``early_stopping``, `stop_reason_` becomes ``"converged"`` once the score
            hasn't improved over ``n_iter_no_change`` calls, and the best weights are back in place.

        Returns
        -------
        MLPRegressor
            Itself.
        """
        return self._fit(X, y, sample_weight, eval_set=eval_set, incremental=True)

    def predict(self, X: ArrayLike) -> Array:
        """Predict a number, or several, of each sample.

        Parameters
        ----------
        X : array, sparse matrix or data frame, shape (n, d)

        Returns
        -------
        ndarray, shape (n,) or (n, q)
        """
        return self._decode(self._outputs(X))

    def _checked(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[Array, Array]:
        features, targets = validated(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = column_or_1d(targets, warn=True)
        return features, targets

    def _encode(self, y: Array, *, first: bool) -> Array:
        Y = as_numbers(y)
        Y = Y[:, None] if Y.ndim == 1 else Y
        if first or not self.__sklearn_is_fitted__():
            for name in ("target_mean_", "target_scale_"):
                self.__dict__.pop(name, None)
            if self.scale_target:
                scaling = target_scaling(Y, self._network_loss())
                self.target_mean_, self.target_scale_ = scaling.target_mean, scaling.target_scale
        return Y if self._scaling() is None else (Y - self.target_mean_) / self.target_scale_

    def _scaling(self) -> Scaling | None:
        """Return how targets were scaled; None if they weren't."""
        mean: Array | None = getattr(self, "target_mean_", None)
        if mean is None:
            return None
        d = self.n_features_in_
        return Scaling(np.zeros(d), np.ones(d), target_mean=mean, target_scale=self.target_scale_)

    def _look_back(self, y: ArrayLike, sample_weight: ArrayLike | None) -> None:
        if self._scaling() is None:
            Y = np.asarray(y, dtype=np.float64)
            weight = None if sample_weight is None else np.asarray(spread(sample_weight, len(Y)), np.float64)
            warn_of_scale(self, Y.reshape(len(Y), -1), weight, self._network_loss())

    def _decode(self, O: Array) -> Array:
        means = LOSSES[self._network_loss()].link.apply(O)
        if self._scaling() is not None:
            means = (means * self.target_scale_ + self.target_mean_).astype(means.dtype)
        return means[:, 0] if means.shape[1] == 1 else means

    def _network_loss(self) -> str:
        if ":" in str(self.loss):
            return LOSSES.check(self.loss)
        ours = {
            SCIKIT_LEARN_NAMES.get(name, name): name for name, loss in LOSSES.items() if not loss.targets.has_accuracy
        }
        return ours[check_name("loss", self.loss, ours)]

    def _out_activation(self) -> str:
        return LOSSES[self._network_loss()].link.name

    def _fit_exactly(self, network: Network, X: Array, y: Array, weight: Array | None) -> None:
        fit_full_batch(self, network, X, y, weight=weight)
