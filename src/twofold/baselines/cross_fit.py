"""Networks trained on parts of the rows, each judged on the rows it did not see, and merged into one.

With k folds every row is left out of one network's training, and seen by the other k - 1. What they predict of the rows
left out tells, without a row set aside, which epoch to keep, how much of the linear model to take in, how sure the
probabilities may be, and how far off predictions are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from twofold.baselines.linear_models import PENALTIES, Linear, fit_linear
from twofold.baselines.merging import carries_linear, merge_networks
from twofold.data.dataset import Dataset, Samples
from twofold.early_stopping import BestEpoch
from twofold.engines import Engine
from twofold.functions import LOSSES
from twofold.network import Network, Parameters
from twofold.randomness import Purpose, stream
from twofold.recipe import Recipe
from twofold.run import Epoch
from twofold.side_by_side import run_in_processes, run_side_by_side
from twofold.training import train

Array = NDArray[Any]
Tell = Callable[[int, Epoch], None]

FOLDS_PLACE = 2  # of the draw, beside those of test and validation rows
MIN_PATIENCE = 10  # epochs
MAX_LINEAR_ROWS = 50_000  # that the linear model is fitted to: more would change little
LOG_SCALES = (-1.5, 1.5)  # least and largest logarithm of the probabilities' scale


@dataclass(frozen=True, kw_only=True)
class Training:
    """What each member is and how it is trained.

    Attributes
    ----------
    network : Network
    recipe : Recipe
    open_engine : callable
        Makes an engine for a seed.
    patience : int, optional
        Epochs without a gain after which a member's training ends. If None, a quarter of all, of a running mean of
        weights, whose loss doesn't jump, a sixth; but at least 10.
    threads : int
        Of each member's arithmetic: small products gain nothing by more than one. Members train at the same time, as
        many as there are cores for; what they come to is the same for any number.
    forks : bool
        Whether members may train in processes of their own, forked from this one.
    plain : ndarray of bool, shape (d,)
        The features that the linear model takes.
    """

    network: Network
    recipe: Recipe
    open_engine: Callable[[int], Engine]
    plain: Array
    patience: int | None = None
    threads: int = 1
    forks: bool = False


@dataclass(frozen=True, kw_only=True)
class CrossFit:
    """The merged network, and what is known of rows that its members did not see.

    Attributes
    ----------
    network, parameters
        Merged.
    outputs : ndarray, shape (n, q)
        Of each row, by a member that did not see it, the linear model's share and the scale included.
    linear_outputs : ndarray, shape (n, q)
        The same of the linear model alone.
    linear : tuple of ndarray
        W and b of the linear model, the mean of those of the folds.
    epochs : tuple of int
        The epoch that each member kept.
    weights : tuple of float
        What the networks' mean and the linear model are multiplied by: as the rows left out are predicted best. Of
        classes this also makes probabilities as sure as they are right.
    histories : tuple of tuple of Epoch
        Of each member; validated on the rows that it did not see.
    """

    network: Network
    parameters: Parameters
    outputs: Array
    linear_outputs: Array
    linear: Linear
    epochs: tuple[int, ...]
    weights: tuple[float, float]
    histories: tuple[tuple[Epoch, ...], ...]

    @property
    def history(self) -> tuple[Epoch, ...]:
        """Of the first member."""
        return self.histories[0]


def cross_fit(samples: Samples, training: Training, folds: int, *, tell: Tell | None = None) -> CrossFit:
    """Train a network on all folds but one, for each fold, and merge them.

    Parameters
    ----------
    samples : Samples
        Class indices (n,), or numbers (n, q).
    training : Training
    folds : int
        At least 2, and at most n.
    tell : callable, optional
        Told of each epoch, and of which member, from that member's thread; of members in other processes it isn't.

    Returns
    -------
    CrossFit

    Raises
    ------
    DivergedError
        If a training leaves the finite numbers.
    """
    network, seed = training.network, training.recipe.seed
    fold = assign_folds(samples.y, folds, seed)
    outputs = np.empty((len(samples), network.outputs))
    members, kept, histories = [], [], []

    def member(k: int, stopped: Event) -> tuple[tuple[int, Parameters, Array], list[Epoch]]:
        seen, left = take(samples, np.flatnonzero(fold != k)), take(samples, np.flatnonzero(fold == k))
        return _train_member(training, seen, left, k, tell=tell, stopped=stopped)

    tasks = [partial(member, k) for k in range(folds)]
    run = run_in_processes if training.forks else run_side_by_side
    for k, (best, records) in enumerate(run(tasks, threads=training.threads)):
        kept.append(best[0])
        members.append(best[1])
        outputs[fold == k] = best[2]
        histories.append(tuple(records))
    linear, linear_outputs = fit_linear_folds(samples, fold, training.plain, outputs=network.outputs)
    weights = _best_weights(samples, outputs, linear_outputs, network)
    merged, parameters = merge_networks(network, members, linear=linear, weights=weights)
    return CrossFit(
        network=merged,
        parameters=parameters,
        outputs=weights[0] * outputs + weights[1] * linear_outputs,
        linear_outputs=linear_outputs,
        linear=linear,
        epochs=tuple(kept),
        weights=weights,
        histories=tuple(histories),
    )


def assign_folds(y: Array, folds: int, seed: int) -> Array:
    """Draw a fold for each row, of each class as evenly as can be, (n,).

    Examples
    --------
    >>> np.bincount(assign_folds(np.array([0] * 6 + [1] * 3), 3, seed=0)).tolist()
    [3, 3, 3]
    """
    order = stream(seed, Purpose.SPLIT, FOLDS_PLACE).permutation(len(y))
    if y.ndim == 1:
        order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(y), np.int64)
    fold[order] = np.arange(len(y)) % folds
    return fold


def take(samples: Samples, rows: Array) -> Samples:
    """Return some rows."""
    weight = samples.sample_weight
    return Samples(samples.X[rows], samples.y[rows], None if weight is None else weight[rows])


def _train_member(
    training: Training, seen: Samples, left: Samples, k: int, *, tell: Tell | None, stopped: Event
) -> tuple[tuple[int, Parameters, Array], list[Epoch]]:
    """Train one network; return its best epoch, the parameters then and outputs of the rows left out, and records."""
    recipe = replace(training.recipe, seed=(training.recipe.seed + k * 1_000_003) % 2**63)
    engine = training.open_engine(recipe.seed)
    loss = LOSSES[training.network.loss]
    patience = training.patience or max(MIN_PATIENCE, recipe.epochs // (6 if recipe.ema_decay else 4))
    best, kept, records = BestEpoch(patience), np.empty(0), []
    for epoch in train(engine, Dataset("fold", seen), recipe):
        O = engine.outputs(left.X).astype(np.float64)
        value = loss.value(O, left.y, left.sample_weight)
        right = None if left.y.ndim > 1 else float(np.average(O.argmax(axis=1) == left.y, weights=left.sample_weight))
        records.append(replace(epoch, validation_loss=value, validation_accuracy=right))
        hope = best.see(engine, epoch.epoch, _judge(O, left, value, right))
        if best.epoch == epoch.epoch:
            kept = O
        if tell is not None:
            tell(k, records[-1])
        if not hope or stopped.is_set():
            break
    best.bring_back(engine)
    return (best.epoch, engine.parameters(), kept), records


def _judge(O: Array, left: Samples, value: float, right: float | None) -> float:
    """Value an epoch: by its loss; of classes by the log loss once its scale is right, and by the errors."""
    if right is None or not math.isfinite(value):
        return value
    scale = probability_scale(O, left.y, left.sample_weight)
    return LOSSES["cross_entropy"].value(scale * O, left.y, left.sample_weight) + 1 - right


def probability_scale(O: Array, y: Array, weight: Array | None = None) -> float:
    """Return the factor of outputs (n, q) for which softmax has the least log loss (Guo et al. 2017, temperature 1/s).

    Examples
    --------
    >>> O = np.array([[5.0, 0.0]] * 4)
    >>> probability_scale(O, np.array([0, 0, 0, 1])) < 0.5
    True
    """
    loss = LOSSES["cross_entropy"]
    found = minimize_scalar(
        lambda log_scale: loss.value(math.exp(log_scale) * O, y, weight),
        bounds=LOG_SCALES,
        method="bounded",
        options={"xatol": 0.01},
    )
    return math.exp(found.x)


def fit_linear_folds(samples: Samples, fold: Array, plain: Array, *, outputs: int) -> tuple[Linear, Array]:
    """Fit the linear model to all folds but one, for each fold, with the penalty at which the others are best.

    Parameters
    ----------
    samples : Samples
    fold : ndarray of int, shape (n,)
        Of each row, counted from 0.
    plain : ndarray of bool, shape (d,)
        The features that it takes.
    outputs : int
        q, the number of classes or of numbers.

    Returns
    -------
    linear : tuple of ndarray
        W (d, q), 0 for the features it doesn't take, and b (q,): the mean of those of the folds.
    left_out : ndarray, shape (n, q)
        Its outputs of each row, by the one that did not see it.
    """
    X, classes = samples.X[:, plain].astype(np.float64), outputs if samples.y.ndim == 1 else 0
    left_out = np.empty((len(PENALTIES), len(samples), outputs))
    models = []
    for k in range(int(fold.max()) + 1):
        seen, left = np.flatnonzero(fold != k)[:MAX_LINEAR_ROWS], fold == k
        weight = None if samples.sample_weight is None else samples.sample_weight[seen]
        models.append(fit_linear(X[seen], samples.y[seen], weight, classes=classes))
        for place, (W, b) in enumerate(models[-1]):
            left_out[place, left] = X[left] @ W + b
    loss = LOSSES["cross_entropy" if classes else "squared"]
    best = int(np.argmin([loss.value(O, samples.y, samples.sample_weight) for O in left_out]))
    W = np.zeros((len(plain), outputs))
    W[plain] = np.mean([model[best][0] for model in models], axis=0)
    return (W, np.mean([model[best][1] for model in models], axis=0)), left_out[best]


def _best_weights(samples: Samples, outputs: Array, linear_outputs: Array, network: Network) -> tuple[float, float]:
    """Return the weights of network and linear model, neither negative, at which rows left out have the least loss."""
    if network.loss not in ("squared", "cross_entropy"):
        return 1.0, 0.0
    loss, y, weight = LOSSES[network.loss], samples.y, samples.sample_weight
    both = np.stack([outputs, linear_outputs])
    allowed = not network.hidden or carries_linear(network)

    def value(weights: Array) -> float:
        return loss.value(np.tensordot(weights, both, 1), y, weight)

    def slope(weights: Array) -> Array:
        gradient = loss.gradient(np.tensordot(weights, both, 1), y, weight)
        return np.tensordot(both, gradient, ((1, 2), (0, 1)))

    bounds = [(0, None), (0, None if allowed else 0)]
    start = np.array([0.5, 0.5 if allowed else 0.0])
    found = minimize(value, start, jac=slope, method="L-BFGS-B", bounds=bounds)
    return float(found.x[0]), float(found.x[1])
