"""The training loop: one generator over epochs, for every engine. Whoever consumes it decides when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from twofold.borders import check_features, check_targets, check_weight
from twofold.data.dataset import Dataset, Samples
from twofold.engines import Engine, EngineState
from twofold.errors import DivergedError
from twofold.functions import LOSSES
from twofold.metrics import Score, score
from twofold.network import largest
from twofold.randomness import epoch_order
from twofold.recipe import Recipe


@dataclass(frozen=True)
class Epoch:
    """What an epoch brought.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    epochs : int
        How many the recipe has.
    loss : float
        Mean training loss per sample over the epoch's steps, each taken just before its step (and under dropout).
    train_accuracy : float or None
        Accuracy in the same sense; None where targets are numbers.
    test_loss, test_accuracy : float or None
        On the whole test set after the epoch; None without one.
    learning_rate : float
        Of the last step.
    samples : int
        Samples trained on in this epoch.
    seconds : float
        Wall-clock time of the steps; the test set's evaluation is not in it.
    """

    epoch: int
    epochs: int
    loss: float
    train_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    learning_rate: float
    samples: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, fit for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [f"epoch {self.epoch}/{self.epochs}", f"loss {self.loss:.4g}"]
        if self.train_accuracy is not None:
            parts.append(f"train accuracy {self.train_accuracy:.4f}")
        if self.test_accuracy is not None:
            parts.append(f"test accuracy {self.test_accuracy:.4f}")
        elif self.test_loss is not None:
            parts.append(f"test loss {self.test_loss:.4g}")
        return "  ".join([*parts, f"{self.seconds:.3f} s"])


def train(
    engine: Engine,
    data: Dataset,
    recipe: Recipe,
    *,
    resume: EngineState | None = None,
    watch: Callable[[int], None] | None = None,
) -> Iterator[Epoch]:
    """Train an engine's network; yields after each epoch.

    Parameters
    ----------
    engine : Engine
        Its parameters are where the training starts from, and are changed.
    data : Dataset
        ``data.train`` is trained on; ``data.test``, if there is one, is scored after each epoch.
    recipe : Recipe
    resume : EngineState, optional
        Go on from here, in the middle of an epoch even: bit for bit the run that would have been, on the same engine.
    watch : callable, optional
        Called after each step with the number of samples gone through in this epoch; may read ``engine.running()``.

    Yields
    ------
    Epoch

    Raises
    ------
    DataError
        If the data don't fit the network.
    DivergedError
        If the loss or a parameter is no finite number at the end of an epoch.

    Examples
    --------
    >>> from twofold import Network, load_dataset, open_engine
    >>> engine = open_engine("scratch", Network((2, 1), loss="squared"))
    >>> recipe = Recipe(epochs=3, batch_size=10, learning_rate=0.03)
    >>> [epoch.epoch for epoch in train(engine, load_dataset("synthetic"), recipe)]
    [1, 2, 3]
    """
    engine.load(data.train.X, data.train.y, data.train.sample_weight)
    engine.start(recipe)
    engine.begin_epoch()
    if resume is not None:
        engine.restore(resume)
    edges = batch_edges(len(data.train), recipe.batch_size)
    steps_per_epoch = len(edges) - 1
    history: list[Epoch] = []
    while engine.steps < recipe.epochs * steps_per_epoch:
        done, first = divmod(engine.steps, steps_per_epoch)
        order = epoch_order(recipe.seed, done + 1, len(data.train))
        rate = math.nan
        started = time.perf_counter()
        for start, end in pairwise(edges[first:]):
            rate = recipe.rate(engine.steps, steps_per_epoch)
            engine.step(order[start:end], rate)
            if watch is not None:
                watch(end)
        running = engine.running()  # waits for the last step, so it belongs to the time
        seconds = time.perf_counter() - started
        test = None if data.test is None else evaluate(engine, data.test)
        engine.begin_epoch()
        record = Epoch(
            epoch=done + 1,
            epochs=recipe.epochs,
            loss=running.loss,
            train_accuracy=running.accuracy,
            test_loss=None if test is None else test.loss,
            test_accuracy=None if test is None else test.accuracy,
            learning_rate=rate,
            samples=len(data.train) - edges[first],
            seconds=seconds,
        )
        _refuse_divergence(engine, record, history)
        history.append(record)
        yield record


def batch_edges(n: int, batch_size: int) -> list[int]:
    """Cut an epoch of n samples into minibatches as even as can be: sizes differ by at most 1, none is too large.

    The common cut leaves a short last minibatch, whose samples weigh more than the others (at 60000 samples and batch
    size 256 the last 96 weigh 2.7 times as much) and whose step, the noisiest, is the one that an epoch ends on.

    Parameters
    ----------
    n, batch_size : int
        Both at least 1.

    Returns
    -------
    list of int
        Minibatch k is the samples ``edges[k]`` to ``edges[k + 1] - 1`` of the epoch's order.

    Examples
    --------
    >>> batch_edges(10, 4)
    [0, 3, 6, 10]
    """
    steps = math.ceil(n / batch_size)
    return [n * k // steps for k in range(steps + 1)]


def evaluate(engine: Engine, samples: Samples) -> Score:
    """Score an engine's present parameters on a set.

    Parameters
    ----------
    engine : Engine
    samples : Samples

    Returns
    -------
    Score
        Mean loss per sample, and accuracy where there are classes or labels.

    Raises
    ------
    DataError
        If the set doesn't fit the network.
    """
    X = check_features(engine.network, samples.X, dtype=engine.dtype)
    y = check_targets(engine.network, samples.y, dtype=engine.dtype)
    weight = check_weight(samples.sample_weight, len(X), dtype=engine.dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # the outputs of a diverged run are judged by the loop
        return score(LOSSES[engine.network.loss], engine.outputs(X), y, weight)


def _refuse_divergence(engine: Engine, record: Epoch, history: list[Epoch]) -> None:
    """Raise if the run has left the finite numbers: going on would only spread NaN."""
    parameter = largest(engine.parameters())
    if not all(map(math.isfinite, (record.loss, record.test_loss or 0.0, parameter))):
        raise DivergedError(
            f"training diverged in epoch {record.epoch} (loss {record.loss:.4g}, largest parameter {parameter:.4g}); "
            f"try a learning rate smaller than {record.learning_rate:.4g}, or scale the features",
            record.epoch,
            history,
        )
