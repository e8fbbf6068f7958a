"""The training loop: one generator over epochs, for every engine. Whoever consumes it decides when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from twofold.data.dataset import Dataset, Samples
from twofold.engines import Engine, EngineState
from twofold.errors import DataError, DivergedError, SpecificationError
from twofold.functions import LOSSES
from twofold.metrics import Score, score
from twofold.network import largest
from twofold.randomness import epoch_order
from twofold.recipe import Recipe
from twofold.validation import Block, check_block


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
    validation_loss, validation_accuracy : float or None
        On the validation set after the epoch; None without one, see `twofold.early_stopping.train_best`.
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
    validation_loss: float | None = None
    validation_accuracy: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, fit for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [f"epoch {self.epoch}/{self.epochs}", f"loss {self.loss:.4g}"]
        if self.train_accuracy is not None:
            parts.append(f"train accuracy {self.train_accuracy:.4f}")
        if self.validation_accuracy is not None:
            parts.append(f"validation accuracy {self.validation_accuracy:.4f}")
        elif self.validation_loss is not None:
            parts.append(f"validation loss {self.validation_loss:.4g}")
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
    after: int | None = None,
    rate: Callable[[int, int], float] | None = None,
    watch: Callable[[Engine, int], None] | None = None,
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
        Go on from here, after any step: bit for bit the run that would have been, on the same engine.
    after : int, optional
        Epochs that lie behind, if the steps of ``resume`` can't tell since the data then were others; at least 0.
    rate : callable, optional
        The learning rate, in place of the recipe's: of a step and the steps of an epoch, as `Recipe.rate`.
    watch : callable, optional
        Called after each step with the engine, whose running means and state it may read, and the number of samples
        gone through in this epoch.

    Yields
    ------
    Epoch

    Raises
    ------
    DataError
        If the data don't fit the network.
    SpecificationError
        If the recipe doesn't fit it: a minibatch of one sample, which batch normalisation can't normalise.
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
    test = None if data.test is None else _check_test(engine, data.test)  # a mistake there should not cost an epoch
    engine.start(recipe)
    engine.begin_epoch()
    edges = batch_edges(len(data.train), recipe.batch_size, even=recipe.even_batches)
    _refuse_single_samples(engine, edges)
    steps_per_epoch = len(edges) - 1
    first_epoch = first_step = 0
    if resume is not None:
        engine.restore(resume)
        first_epoch, first_step = divmod(engine.steps, steps_per_epoch)
        if first_step == 0 and resume.totals[2] > 0:  # all steps of an epoch were taken, and its record not yet made
            first_epoch, first_step = first_epoch - 1, steps_per_epoch
    if after is not None:
        first_epoch, first_step = after, 0
    rate = rate or recipe.rate
    history: list[Epoch] = []
    for epoch in range(first_epoch + 1, recipe.epochs + 1):
        n = len(data.train)
        order = epoch_order(recipe.seed, epoch, n) if recipe.shuffle else np.arange(n)
        started = time.perf_counter()
        for start, end in pairwise(edges[first_step:]):
            engine.step(order[start:end], rate(engine.steps, steps_per_epoch))
            if watch is not None:
                watch(engine, end)
        running = engine.running()  # waits for the last step, so it belongs to the time
        seconds = time.perf_counter() - started
        scored = None if test is None else _score(engine, test)
        engine.begin_epoch()
        record = Epoch(
            epoch=epoch,
            epochs=recipe.epochs,
            loss=running.loss,
            train_accuracy=running.accuracy,
            test_loss=None if scored is None else scored.loss,
            test_accuracy=None if scored is None else scored.accuracy,
            learning_rate=rate(engine.steps - 1, steps_per_epoch),
            samples=len(data.train) - edges[first_step],
            seconds=seconds,
        )
        first_step = 0
        _refuse_divergence(engine, record, history)
        history.append(record)
        yield record


def batch_edges(n: int, batch_size: int, *, even: bool = True) -> list[int]:
    """Cut an epoch of n samples into minibatches, as few as can be.

    Even minibatches differ in size by at most 1. The common cut leaves a short last one instead, whose samples weigh
    more than the others (at 60000 samples and batch size 256 the last 96 weigh 2.7 times as much) and whose step, the
    noisiest, is the one that an epoch ends on. Either way a minibatch's gradient is divided by its own size.

    Parameters
    ----------
    n, batch_size : int
        Both at least 1.
    even : bool
        False for full minibatches and a short last one.

    Returns
    -------
    list of int
        Minibatch k is the samples ``edges[k]`` to ``edges[k + 1] - 1`` of the epoch's order.

    Examples
    --------
    >>> batch_edges(10, 4), batch_edges(10, 4, even=False)
    ([0, 3, 6, 10], [0, 4, 8, 10])
    """
    steps = math.ceil(n / batch_size)
    return [n * k // steps if even else min(n, batch_size * k) for k in range(steps + 1)]


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
        If the set is empty or doesn't fit the network.
    """
    return _score(engine, check_block(engine.network, samples.X, samples.y, samples.sample_weight, dtype=engine.dtype))


def _refuse_single_samples(engine: Engine, edges: list[int]) -> None:
    """Raise if batch normalisation would meet a minibatch of one sample, whose variance is 0."""
    if engine.network.normalization == "batch" and min(b - a for a, b in pairwise(edges)) < 2:
        raise SpecificationError(
            "batch normalisation needs 2 samples in every minibatch; take a larger batch_size, even_batches or 'layer'"
        )


def _check_test(engine: Engine, test: Samples) -> Block:
    """Check the test set, saying of a mistake that it is there."""
    try:
        return check_block(engine.network, test.X, test.y, test.sample_weight, dtype=engine.dtype)
    except DataError as error:
        raise DataError(f"test set: {error}") from error


def _score(engine: Engine, block: Block) -> Score:
    with np.errstate(over="ignore", invalid="ignore"):  # the outputs of a diverged run are judged by the loop
        return score(LOSSES[engine.network.loss], engine.outputs(block.X), block.y, block.weight)


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
