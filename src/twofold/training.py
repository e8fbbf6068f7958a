"""The training loop: one generator over epochs, for every engine. Whoever consumes it decides when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import numpy as np

from twofold.callbacks import LearningRate
from twofold.data.dataset import Dataset, Samples
from twofold.data.stored import Stored, in_pieces
from twofold.deprecation import old_parameters
from twofold.distributed import Processes
from twofold.engines import Engine, EngineState
from twofold.engines.protocol import CHUNK
from twofold.engines.slices import SlicedEngine
from twofold.errors import DataError, DivergedError, SpecificationError
from twofold.feed import Feed
from twofold.functions import LOSSES
from twofold.metrics import Score, score
from twofold.network import largest
from twofold.recipe import Recipe
from twofold.run import Epoch, Run, in_order
from twofold.validation import Block, check_block, check_targets, check_weight
from twofold.values import count


def train(
    engine: Engine,
    data: Dataset,
    recipe: Recipe,
    callbacks: object = (),
    *,
    validation: Samples | None = None,
    resume: EngineState | None = None,
    after: int | None = None,
    processes: Processes | None = None,
    **renamed: Any,
) -> Iterator[Epoch]:
    """Train an engine's network; yields after each epoch.

    Parameters
    ----------
    engine : Engine
        Its parameters are where the training starts from, and are changed.
    data : Dataset
        ``data.train`` is trained on; ``data.test``, if there is one, is scored after each epoch.
    recipe : Recipe
    callbacks : object or sequence of objects
        Told while the training goes on, and may end it: `twofold.EarlyStopping`, `twofold.Checkpoints`,
        `twofold.TimeBudget`, `twofold.LiveCurves`, `twofold.Progress`, or your own, see `twofold.run`.
    validation : Samples, optional
        Not part of ``data.train``. It is scored after each epoch, and ``data.test`` is left alone: what chooses an
        epoch must not be what the model is scored by in the end.
    resume : EngineState, optional
        Go on from here, after any step: bit for bit the run that would have been, on the same engine.
    after : int, optional
        Epochs that lie behind, if the steps of ``resume`` can't tell since the data then were others; at least 0.
    processes : Processes, optional
        Train it together with other processes, see `twofold.connect`.
    **renamed
        ``watch`` and ``rate`` of version 0.1: a function of the engine and the samples gone through, called after each
        step, and the learning rate. Callbacks do that now.

    Yields
    ------
    Epoch

    Raises
    ------
    DataError
        If the data don't fit the network.
    SpecificationError
        If the recipe doesn't fit it: a minibatch of one sample, which batch normalisation can't normalise. If a
        callback is none.
    DivergedError
        If the loss or a parameter is no finite number at the end of an epoch.

    Examples
    --------
    >>> from twofold import Network, TimeBudget, load_dataset, open_engine
    >>> engine = open_engine("scratch", Network((2, 1), loss="squared"))
    >>> recipe = Recipe(epochs=3, batch_size=10, learning_rate=0.03)
    >>> [epoch.epoch for epoch in train(engine, load_dataset("synthetic"), recipe, TimeBudget(60))]
    [1, 2, 3]
    """
    if not isinstance(data, Dataset):
        raise DataError(_how_to_give(data))
    old = old_parameters("train", renamed, {name: instead for name, (instead, _) in OLD_NAMES.items()})
    told = in_order(callbacks) + tuple(OLD_NAMES[name][1](value) for name, value in old.items() if value is not None)
    run = Run(
        engine=engine,
        data=data,
        recipe=recipe,
        callbacks=told,
        validation=validation,
        rate=recipe.rate,
        resumed=resume,
        processes=processes or Processes(),
    )
    return _session(run, after)


def _how_to_give(data: object) -> str:
    """Say how what is no `Dataset` becomes one."""
    got = f"data is a {type(data).__name__}; expected a twofold.Dataset: "
    name, rows, source = "data", "", data
    if hasattr(source, "dataset") and not hasattr(source, "indices"):  # a DataLoader: what it loads
        name, source = f"{name}.dataset", source.dataset
    if hasattr(source, "dataset") and hasattr(source, "indices"):  # a Subset
        name, rows, source = f"{name}.dataset", f"[{name}.indices]", source.dataset
    if hasattr(source, "data") and hasattr(source, "targets"):
        X, y = (f"np.asarray({name}.{part}){rows}" for part in ("data", "targets"))
        made = f"Dataset('mine', Samples({X}, {y}), classes=tuple({name}.classes))"
        return f"{got}{made}, or load_dataset of its name or folder"
    if hasattr(source, "tensors"):
        return f"{got}Dataset('mine', Samples(*(np.asarray(t){rows} for t in {name}.tensors)), classes=NAMES)"
    if type(source).__module__.startswith(("torch.", "torchvision.")):
        made = "Dataset('mine', Samples(torch.stack(X).flatten(1).numpy(), y), classes=NAMES)"
        return f"{got}X, y = zip(*{name.removesuffix('.dataset') if rows else name}), then {made}"
    return f"{got}Dataset(name, Samples(X, y)), with X (n, d) or (n, height, width) and y (n,) or (n, q)"


def _session(run: Run, after: int | None) -> Iterator[Epoch]:
    """Go through a run from its begin to its end, whichever way it ends."""
    with ExitStack() as ends:
        for callback in run.callbacks:
            ends.callback(getattr(callback, "on_train_end", _ignore), run)
            getattr(callback, "on_train_begin", _ignore)(run)
        feed = ends.enter_context(closing(Feed(run.engine, run.data.train, run.recipe, run.processes)))
        yield from _epochs(run, after, feed)


def _epochs(run: Run, after: int | None, feed: Feed) -> Iterator[Epoch]:
    engine, recipe, n = run.engine, run.recipe, len(run.data.train)
    held = _check_held_out(run)  # a mistake there should not cost an epoch
    engine.start(recipe)
    engine.begin_epoch()
    edges = batch_edges(n, recipe.batch_size, even=recipe.even_batches)
    _refuse_single_samples(engine, edges)
    _meet(run, edges)
    steps_per_epoch = len(edges) - 1
    place = _place(run, steps_per_epoch)
    first_epoch, first_step = place if after is None else (after, 0)
    after_step, several = run.listeners("on_step_end"), run.processes.size > 1
    for epoch in range(first_epoch + 1, recipe.epochs + 1):
        run.samples = edges[first_step]
        run.tell("on_epoch_begin")
        if run.stop_reason is not None:
            return
        feed.start(epoch, edges[first_step:])
        rate = run.rate
        started = time.perf_counter()
        for start, end in pairwise(edges[first_step:]):
            engine.step(feed.rows(start, end), rate(engine.steps, steps_per_epoch))
            if after_step or several:
                run.samples = end
                for tell in after_step:
                    tell(run)
                run.heed()
                if run.stop_reason is not None:
                    return
        run.samples = n
        running = engine.running()  # waits for the last step, so it belongs to the time
        seconds = time.perf_counter() - started
        scores = _scores(run, held)
        engine.begin_epoch()
        record = Epoch(
            epoch=epoch,
            epochs=recipe.epochs,
            loss=running.loss,
            train_accuracy=running.accuracy,
            learning_rate=rate(engine.steps - 1, steps_per_epoch),
            samples=n if run.interrupted is not None else n - edges[first_step],
            seconds=seconds + (run.interrupted or 0.0),
            **scores,
        )
        first_step, run.interrupted = 0, None
        _refuse_divergence(engine, record, run.history)
        run.history.append(record)
        run.tell("on_epoch_end")
        run.processes.agree()
        run.heed()
        yield run.epoch
        if run.stop_reason is not None:
            return
    run.stop("epochs")


def _meet(run: Run, edges: list[int]) -> None:
    """Let an engine compute its slices together with other processes; raise if there are too few of something."""
    recipe, processes = run.recipe, run.processes
    if processes.size > recipe.slices:
        raise SpecificationError(
            f"there are {processes.size} processes and slices={recipe.slices}; take as many slices as processes or "
            "more, a power of 2, and keep their number: it decides the bits"
        )
    processes.wish = 0
    processes.agree()
    if recipe.slices == 1:
        return
    least = 2 if run.engine.network.normalization == "batch" else 1
    if (smallest := min(b - a for a, b in pairwise(edges))) < least * recipe.slices:
        raise SpecificationError(
            f"slices={recipe.slices} with a minibatch of {smallest}; each slice needs {count(least, 'sample')}: take "
            "fewer slices, a larger batch_size or even_batches"
        )
    cast("SlicedEngine", run.engine).processes = processes


def _place(run: Run, steps_per_epoch: int) -> tuple[int, int]:
    """Restore what the run goes on from, and return how many epochs lie behind, and steps of the present one."""
    if run.resumed is None:
        return 0, 0
    run.engine.restore(run.resumed)
    epoch, step = divmod(run.engine.steps, steps_per_epoch)
    if step == 0 and run.resumed.totals[2] > 0:  # all steps of an epoch were taken, and its record not yet made
        return epoch - 1, steps_per_epoch
    return epoch, step


class _AfterStep:
    """Calls a function as version 0.1 did."""

    def __init__(self, watch: Callable[[Engine, int], None]) -> None:
        self._watch = watch

    def on_step_end(self, run: Run) -> None:
        self._watch(run.engine, run.samples)


# Parameters of version 0.1, with what takes their place.
OLD_NAMES: dict[str, tuple[str, Callable[[Any], object]]] = {
    "watch": ("a callback's on_step_end", _AfterStep),
    "rate": ("callbacks=LearningRate(rate)", LearningRate),
}


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
    return _score(engine, _checked(engine, samples))


def _ignore(_run: Run) -> None:
    """Do nothing: the callback has no method of that name."""


def _refuse_single_samples(engine: Engine, edges: list[int]) -> None:
    """Raise if batch normalisation would meet a minibatch of one sample, whose variance is 0."""
    if engine.network.normalization == "batch" and min(b - a for a, b in pairwise(edges)) < 2:
        raise SpecificationError(
            "batch normalisation needs 2 samples in every minibatch; take a larger batch_size, even_batches or 'layer'"
        )


def _check_held_out(run: Run) -> Block | None:
    """Check the set that is scored after each epoch, saying of a mistake that it is there."""
    held, engine = run.data.test if run.validation is None else run.validation, run.engine
    if held is None:
        return None
    try:
        return _checked(engine, held)
    except DataError as error:
        raise DataError(f"{'test' if run.validation is None else 'validation'} set: {error}") from error


def _scores(run: Run, held: Block | None) -> dict[str, float | None]:
    """Score the set that is held out, as the fields of an `Epoch` that it fills."""
    if held is None:
        return {"test_loss": None, "test_accuracy": None}
    found = _score(run.engine, held)
    if run.validation is None:
        return {"test_loss": found.loss, "test_accuracy": found.accuracy}
    none = {"test_loss": None, "test_accuracy": None}
    return none | {"validation_loss": found.loss, "validation_accuracy": found.accuracy}


def _checked(engine: Engine, samples: Samples) -> Block:
    """Check a set that is to be scored; features on disk are checked when they are read."""
    X, y, weight = samples.X, np.asarray(samples.y), samples.sample_weight
    weight = None if weight is None else np.asarray(weight)
    if not isinstance(X, Stored):
        return check_block(engine.network, X, y, weight, dtype=engine.dtype)
    block = check_block(engine.network, X[:1], y[:1], None, dtype=engine.dtype)
    return replace(
        block,
        X=X,
        y=check_targets(engine.network, y, dtype=engine.dtype),
        weight=check_weight(weight, len(X), dtype=engine.dtype),
    )


def _score(engine: Engine, block: Block) -> Score:
    with np.errstate(over="ignore", invalid="ignore"):  # the outputs of a diverged run are judged by the loop
        O = in_pieces(engine.outputs, block.X, CHUNK)
        return score(LOSSES[engine.network.loss], O, block.y, block.weight)


def _refuse_divergence(engine: Engine, record: Epoch, history: list[Epoch]) -> None:
    """Raise if the run has left the finite numbers: going on would only spread NaN."""
    parameter = largest(engine.parameters())
    losses = (record.loss, record.test_loss or 0.0, record.validation_loss or 0.0)
    if not all(map(math.isfinite, (*losses, parameter))):
        raise DivergedError(
            f"training diverged in epoch {record.epoch} (loss {record.loss:.4g}, largest parameter {parameter:.4g}); "
            f"try a learning rate smaller than {record.learning_rate:.4g}, or scale the features",
            record.epoch,
            history,
        )
