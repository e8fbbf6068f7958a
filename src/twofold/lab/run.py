"""A training that can be stepped, and taken back to any step: exactly, since what a step draws depends on its place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data import Dataset
from twofold.data.scaling import Scaling
from twofold.engines import Engine, EngineState
from twofold.errors import SpecificationError
from twofold.network import largest
from twofold.randomness import epoch_order
from twofold.recipe import Recipe
from twofold.training import batch_edges, evaluate

Array = NDArray[Any]

MOST_KEPT = 128  # states, so that any step is at most 1/128 of the way from one
MOST_NUMBERS = 2**24  # in the states that are kept
MOST_ON_PATH = 12  # parameters of which the way is kept, step by step
LONGEST_PATH = 2000  # steps of it


@dataclass(frozen=True)
class Record:
    """What an epoch brought, or the start: losses and accuracies, None where there are none."""

    epoch: int
    loss: float
    accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None


class Run:
    """An engine's training, step by step: the same steps, bit for bit, as `twofold.train` takes.

    Parameters
    ----------
    engine : Engine
        With the first weights.
    data : Dataset
    recipe : Recipe
    rate : callable, optional
        The learning rate, in place of the recipe's, as for `twofold.train`.
    units : Scaling, optional
        What brings features and targets back to their own units, in pictures; the data's if None.
    """

    def __init__(
        self,
        engine: Engine,
        data: Dataset,
        recipe: Recipe,
        *,
        rate: Callable[[int, int], float] | None = None,
        units: Scaling | None = None,
    ) -> None:
        self.engine, self.data, self.recipe = engine, data, recipe
        self.units = units or data.scaling
        self._rate = rate or recipe.rate
        engine.load(data.train.X, data.train.y, data.train.sample_weight)
        engine.start(recipe)
        engine.begin_epoch()
        self._edges = batch_edges(len(data.train), recipe.batch_size, even=recipe.even_batches)
        if engine.network.normalization == "batch" and min(np.diff(self._edges)) < 2:
            raise SpecificationError("batch normalisation needs 2 samples in every minibatch; take a larger batch size")
        self._order = lru_cache(maxsize=2)(lambda epoch: epoch_order(recipe.seed, epoch, len(data.train)))
        self.records = [self._record(0)]
        self._spacing = 1
        self._kept: dict[int, EngineState] = {0: engine.state()}
        size = sum(array.size for layer in engine.parameters() for array in layer)
        self._most = max(4, min(MOST_KEPT, MOST_NUMBERS // (3 * size)))
        self._path: dict[int, Array] | None = {} if size <= MOST_ON_PATH else None
        self._trace_path()

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches of an epoch."""
        return len(self._edges) - 1

    @property
    def step(self) -> int:
        """Steps taken."""
        return self.engine.steps

    @property
    def last_step(self) -> int:
        """Steps that the recipe has."""
        return self.recipe.epochs * self.steps_per_epoch

    @property
    def diverged(self) -> bool:
        """Whether a parameter or the loss is no longer finite."""
        finite = map(math.isfinite, (largest(self.engine.parameters()), self.engine.running().loss if self.step else 0))
        return not all(finite)

    def batch(self, step: int) -> Array:
        """Return which samples a step sees, int64 (|B|,)."""
        epoch, k = divmod(step, self.steps_per_epoch)
        n = len(self.data.train)
        order = self._order(epoch + 1) if self.recipe.shuffle else np.arange(n)
        return order[self._edges[k] : self._edges[k + 1]]

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        return self._rate(step, self.steps_per_epoch)

    def advance(self, steps: int = 1) -> None:
        """Take steps, as far as the recipe goes."""
        for _ in range(min(steps, self.last_step - self.step)):
            if self.step and self.step % self.steps_per_epoch == 0:
                self.engine.begin_epoch()
            self.engine.step(self.batch(self.step), self.rate(self.step))
            self._trace_path()
            if self.step % self.steps_per_epoch == 0 and self.step // self.steps_per_epoch == len(self.records):
                self.records.append(self._record(len(self.records)))
            if self.step % self._spacing == 0:
                self._keep()

    def go_to(self, step: int) -> None:
        """Go to a step, back or forth: the numbers there are those that were, or will be.

        Raises
        ------
        SpecificationError
            If the recipe has no such step.
        """
        if not 0 <= step <= self.last_step:
            raise SpecificationError(f"step is {step}; the run has steps from 0 to {self.last_step}")
        nearest = max(kept for kept in self._kept if kept <= step)
        if step < self.step or nearest > self.step:
            self.engine.restore(self._kept[nearest])
        self.advance(step - self.step)

    def path(self) -> Array:
        """Return the parameters of a small network at each step so far, as far as they are kept (steps, p)."""
        kept = {step: theta for step, theta in (self._path or {}).items() if step < self.step}
        return np.array([*kept.values(), _flat(self.engine)])

    def _trace_path(self) -> None:
        """Keep the parameters of a small network: of each step, and later of each epoch."""
        if self._path is not None and (self.step < LONGEST_PATH or self.step % self.steps_per_epoch == 0):
            self._path[self.step] = _flat(self.engine)

    def _keep(self) -> None:
        """Keep the present state; once there are many, every second one is forgotten."""
        self._kept[self.step] = self.engine.state()
        if len(self._kept) > self._most:
            self._spacing *= 2
            self._kept = {step: state for step, state in self._kept.items() if step % self._spacing == 0}

    def _record(self, epoch: int) -> Record:
        """Score an epoch: its running means, and the test set."""
        running = self.engine.running() if epoch else evaluate(self.engine, self.data.train)
        test = None if self.data.test is None else evaluate(self.engine, self.data.test)
        scores = (None, None) if test is None else (test.loss, test.accuracy)
        return Record(epoch, running.loss, running.accuracy, *scores)


def _flat(engine: Engine) -> Array:
    return np.concatenate([array.ravel() for layer in engine.parameters() for array in layer.trained])
