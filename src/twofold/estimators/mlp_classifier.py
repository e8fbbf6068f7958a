"""The multilayer perceptron for classes as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from twofold.deprecation import takes_old_parameters
from twofold.estimators.classifier import Classifier
from twofold.estimators.full_batch import fit_full_batch
from twofold.network import Network

Array = NDArray[Any]


@takes_old_parameters
class MLPClassifier(Classifier):
    """A multilayer perceptron for classes or labels, in the place of scikit-learn's `MLPClassifier`.

    Minimises the mean cross entropy. Parameters, defaults and attributes are scikit-learn's where it has the same; the
    first weights are the very same numbers, so ``"lbfgs"`` finds the same solution. What differs: minibatches are of
    even size, the order of the samples is drawn otherwise, and a fit by minibatches runs in float32. Bytes are taken
    at their value, 0 to 255.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; ``()`` is softmax regression.
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
    class_weight : dict, "balanced" or None
        Weights of the classes, which multiply those of the samples.
    dropout : float
        Probability with which a hidden unit is dropped in a training step.
    normalization : str, optional
        ``"batch"`` or ``"layer"``, of the hidden layers.
    label_smoothing : float
        s: trained against ``(1 - s) y + s / k``.
    ema_decay : float
        With more than 0, such as 0.999, the fitted weights are a running mean over the steps.
    l1 : float
        Penalty ``l1 sum |w|`` on weights, of which some become exactly 0; see `twofold.Recipe`.
    scoring : str or callable, optional
        What the validation set is judged by: a scorer of scikit-learn, ``"loss"``, or None for the accuracy.
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

    Attributes
    ----------
    classes_ : ndarray, shape (k,)
        Of labels their columns, 0 to k - 1.
    coefs_, intercepts_ : list of ndarray
        W (inputs, outputs) and b (outputs,) of each layer.
    parameters_ : Parameters
        All of them, layer by layer, with what a normalisation adds.
    network_ : Network
    loss_ : float
        Mean loss of the last epoch, with the penalty.
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
    >>> from sklearn.datasets import make_moons
    >>> X, y = make_moons(200, noise=0.1, random_state=0)
    >>> model = MLPClassifier(solver="lbfgs", random_state=0).fit(X, y)
    >>> model.score(X, y)
    1.0
    """

    def __init__(
        self,
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
        class_weight: dict[Any, float] | str | None = None,
        dropout: float = 0.0,
        normalization: str | None = None,
        label_smoothing: float = 0.0,
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
    ) -> None:
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
        self.class_weight = class_weight
        self.dropout = dropout
        self.normalization = normalization
        self.label_smoothing = label_smoothing
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

    def _fit_exactly(self, network: Network, X: Array, y: Array, weight: Array | None) -> None:
        fit_full_batch(self, network, X, y, weight=weight)
