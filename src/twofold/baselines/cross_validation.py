"""Cross-validation of a network, for one recipe or several, with all trainings side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.baselines.cross_fit import assign_folds, take
from twofold.data.dataset import Dataset, Samples
from twofold.engines import choose, open_engine
from twofold.errors import DivergedError, SpecificationError
from twofold.functions import LOSSES
from twofold.functions.losses import Loss
from twofold.metrics import score
from twofold.network import Network
from twofold.recipe import Recipe
from twofold.side_by_side import StopWith, run_in_processes, run_side_by_side
from twofold.training import train
from twofold.values import is_whole

Array = NDArray[Any]


@dataclass(frozen=True, repr=False)
class CrossValidation:
    """What a recipe is worth on samples that were left out.

    Attributes
    ----------
    recipe : Recipe
    losses : ndarray, shape (k,)
        Mean loss of each fold, by the network that did not see it; inf where its training diverged.
    accuracies : ndarray, shape (k,), or None
        None where numbers are predicted.
    outputs : ndarray, shape (n, q)
        Of each sample, by the network that did not see it; NaN where its training diverged.
    folds : ndarray of int, shape (n,)
        Which fold each sample is in, counted from 0.
    """

    recipe: Recipe
    losses: Array
    accuracies: Array | None
    outputs: Array
    folds: Array

    @property
    def loss(self) -> float:
        """The folds' mean loss."""
        return float(self.losses.mean())

    def __repr__(self) -> str:
        spread = f"{self.loss:.4g} (folds {self.losses.min():.4g} to {self.losses.max():.4g})"
        right = "" if self.accuracies is None else f", accuracy {self.accuracies.mean():.4g}"
        return f"<CrossValidation of {len(self.losses)} folds: loss {spread}{right}>"


def cross_validate(
    network: Network,
    data: Dataset,
    recipe: Recipe | Sequence[Recipe],
    *,
    folds: int = 5,
    engine: str = "auto",
    initialization: str = "he",
    dtype: str = "float32",
    threads: int = 1,
) -> Any:
    """Train a network on all folds but one, for each fold and recipe, and score it on the fold left out.

    All trainings run side by side, one a core. Each is the training it would be alone.

    Parameters
    ----------
    network : Network
    data : Dataset
        ``data.train`` is cut into folds, of each class alike; ``data.test`` is left alone.
    recipe : Recipe or sequence of Recipe
        Several make a search: the same folds for each. Its seed draws folds, first weights and the order of samples.
    folds : int
        k, from 2 to the number of samples.
    engine, initialization, dtype
        As for `open_engine`.
    threads : int
        Of each training's arithmetic.

    Returns
    -------
    CrossValidation, or a list of one for each recipe

    Raises
    ------
    DataError
        If the data don't fit the network.
    SpecificationError
        If the number of folds can't be, or there is no recipe.

    Examples
    --------
    >>> from twofold import load_dataset
    >>> rates = [Recipe(epochs=20, batch_size=16, learning_rate=rate) for rate in (0.001, 0.1)]
    >>> slow, fast = cross_validate(Network((4, 3)), load_dataset("toy-animals"), rates)
    >>> fast.loss < slow.loss
    True
    """
    recipes = [recipe] if isinstance(recipe, Recipe) else list(recipe)
    samples, n = data.train, len(data.train)
    if not recipes:
        raise SpecificationError("there is no recipe to cross-validate")
    if not (is_whole(folds) and 2 <= folds <= n):
        raise SpecificationError(f"folds is {folds}; expected 2 to {n}, the number of samples")
    assigned = assign_folds(np.asarray(samples.y), folds, recipes[0].seed)
    name = engine
    if engine == "auto":
        size = min(own.batch_size for own in recipes)
        name = choose(network, dtype=dtype, batch_size=size, samples=sum(own.epochs for own in recipes) * folds * n)

    def outputs_of(own: Recipe, fold: int, stopped: Event) -> Array:
        opened = open_engine(name, network, seed=own.seed, initialization=initialization, dtype=dtype)
        seen, left = (take(samples, np.flatnonzero(rows)) for rows in (assigned != fold, assigned == fold))
        try:
            for _ in train(opened, Dataset("fold", seen), own, StopWith(stopped)):
                pass
        except DivergedError:
            return np.full((len(left), network.outputs), np.nan)
        return opened.outputs(left.X)

    tasks = [partial(outputs_of, own, fold) for own in recipes for fold in range(folds)]
    run = run_in_processes if name == "scratch" else run_side_by_side
    found = run(tasks, threads=threads)
    results = []
    for own in recipes:
        outputs, found = found[:folds], found[folds:]
        results.append(_judge(own, LOSSES[network.loss], samples, folds=assigned, found=outputs))
    return results[0] if isinstance(recipe, Recipe) else results


def _judge(recipe: Recipe, loss: Loss, samples: Samples, *, folds: Array, found: list[Array]) -> CrossValidation:
    """Score what the folds' networks put out of the samples they did not see."""
    outputs, judged = np.empty((len(samples), found[0].shape[1]), found[0].dtype), []
    for fold, O in enumerate(found):
        rows = np.flatnonzero(folds == fold)
        outputs[rows] = O
        left = take(samples, rows)
        judged.append(score(loss, O, left.y, left.sample_weight))
    losses = np.array([math.inf if math.isnan(each.loss) else each.loss for each in judged])
    accuracies = None if judged[0].accuracy is None else np.array([each.accuracy for each in judged], np.float64)
    return CrossValidation(recipe, losses, accuracies, outputs, folds)
