"""Networks trained on parts of the rows, each judged on the rows it did not see, and merged into one.

With k folds every row is left out of one network's training, and seen by the other k - 1. What they predict of the rows
left out tells, without a row set aside, which epoch to keep, how much of the linear model to take in, how sure the
probabilities may be, and how far off predictions are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from twofold.baselines.linear_models import PENALTIES, Linear, fit_linear
from twofold.baselines.merging import carries_linear, merge_networks
from twofold.data.dataset import Dataset, Samples
from twofold.early_stopping import BestEpoch
from twofold.engines import Engine
from twofold.functions import LOSSES
from twofold.network import Network, Parameters
from twofold.randomness import Purpose, stream
from twofold.recipe import Recipe
from twofold.training import Epoch, train

Array = NDArray[Any]
Tell = Callable[[int, Epoch], None]

FOLDS_PLACE = 2  # of the draw, beside those of test and validation rows
MAX_LINEAR_ROWS = 50_000  # that the linear model is fitted to: more would change little
SHARES = np.linspace(0, 1, 11)  # of the linear model that are tried
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
        Epochs without a gain after which a member's training ends.
    plain : ndarray of bool, shape (d,)
        The features that the linear model takes.
    """

    network: Network
    recipe: Recipe
    open_engine: Callable[[int], Engine]
    plain: Array
    patience: int | None = None


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
    share : float
        Part of the linear model in the outputs.
    scale : float
        What outputs of classes are multiplied by, so that probabilities are as sure as they are right.
    history : tuple of Epoch
        Of the first member.
    """

    network: Network
    parameters: Parameters
    outputs: Array
    linear_outputs: Array
    linear: Linear
    epochs: tuple[int, ...]
    share: float
    scale: float
    history: tuple[Epoch, ...]


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
        Told of each epoch, and of which member.

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
    members, kept, history = [], [], []
    for k in range(folds):
        seen, left = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        best, records = _train_member(training, take(samples, seen), take(samples, left), k, tell=tell)
        members.append(best[1])
        kept.append(best[0])
        outputs[left] = best[2]
        history.append(records)
    linear, linear_outputs = _linear_folds(samples, fold, network, training.plain)
    share = _linear_share(samples, outputs, linear_outputs, network)
    mixed = (1 - share) * outputs + share * linear_outputs
    scale = probability_scale(mixed, samples.y, samples.sample_weight) if samples.y.ndim == 1 else 1.0
    wide = _on_all_features(linear, training.plain)
    merged, parameters = merge_networks(network, members, linear=wide, share=share, scale=scale)
    return CrossFit(
        network=merged,
        parameters=parameters,
        outputs=scale * mixed,
        linear_outputs=linear_outputs,
        linear=wide,
        epochs=tuple(kept),
        share=share,
        scale=scale,
        history=tuple(history[0]),
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
    training: Training, seen: Samples, left: Samples, k: int, *, tell: Tell | None
) -> tuple[tuple[int, Parameters, Array], list[Epoch]]:
    """Train one network; return its best epoch, the parameters then and outputs of the rows left out, and records."""
    recipe = replace(training.recipe, seed=(training.recipe.seed + k * 1_000_003) % 2**63)
    engine = training.open_engine(recipe.seed)
    loss = LOSSES[training.network.loss]
    best, kept, records = BestEpoch(training.patience), np.empty(0), []
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
        if not hope:
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


def _linear_folds(samples: Samples, fold: Array, network: Network, plain: Array) -> tuple[Linear, Array]:
    """Fit the linear model to all folds but one, for each; return their mean, and outputs of the rows left out."""
    X, classes = samples.X[:, plain].astype(np.float64), network.outputs if samples.y.ndim == 1 else 0
    outputs = np.empty((len(PENALTIES), len(samples), network.outputs))
    models = []
    for k in range(int(fold.max()) + 1):
        seen = np.flatnonzero(fold != k)[:MAX_LINEAR_ROWS]
        weight = None if samples.sample_weight is None else samples.sample_weight[seen]
        models.append(fit_linear(X[seen], samples.y[seen], weight, classes=classes))
        left = fold == k
        for place, (W, b) in enumerate(models[-1]):
            outputs[place, left] = X[left] @ W + b
    loss = LOSSES["cross_entropy" if classes else "squared"]
    best = int(np.argmin([loss.value(O, samples.y, samples.sample_weight) for O in outputs]))
    W, b = (np.mean([model[best][part] for model in models], axis=0) for part in (0, 1))
    return (W, b), outputs[best]


def _linear_share(samples: Samples, outputs: Array, linear_outputs: Array, network: Network) -> float:
    """Return the part of the linear model at which rows left out have the least loss; 0 if the network takes none."""
    if network.loss not in ("squared", "cross_entropy") or (network.hidden and not carries_linear(network)):
        return 0.0
    loss = LOSSES[network.loss]
    values = [
        loss.value((1 - share) * outputs + share * linear_outputs, samples.y, samples.sample_weight) for share in SHARES
    ]
    return float(SHARES[int(np.argmin(values))])


def _on_all_features(linear: Linear, plain: Array) -> Linear:
    W = np.zeros((len(plain), linear[0].shape[1]))
    W[plain] = linear[0]
    return W, linear[1]
