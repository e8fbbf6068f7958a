"""Small callbacks of `twofold.train` and the estimators: a time budget, a learning rate, a line per epoch."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TextIO

from twofold.errors import SpecificationError, show
from twofold.run import Run
from twofold.values import is_real


class TimeBudget:
    """Ends a training after so many seconds, within an epoch if need be.

    Parameters
    ----------
    seconds : float
        Of this call; positive. The step that is running is taken to its end.

    Raises
    ------
    SpecificationError
        If that is no positive number.

    Examples
    --------
    >>> from twofold import Network, Recipe, load_dataset, open_engine, train
    >>> engine = open_engine("scratch", Network((4, 3)))
    >>> len(list(train(engine, load_dataset("toy-animals"), Recipe(epochs=10**6), TimeBudget(0.01)))) < 10**6
    True
    """

    def __init__(self, seconds: float) -> None:
        if not is_real(seconds) or not seconds > 0:
            raise SpecificationError(f"the time budget is {show(seconds)}; it must be a positive number of seconds")
        self.seconds, self._deadline = seconds, math.inf

    def on_train_begin(self, _run: Run) -> None:
        """Start the clock."""
        self._deadline = time.perf_counter() + self.seconds

    def on_step_end(self, run: Run) -> None:
        """Stop once the time is up."""
        if time.perf_counter() > self._deadline:
            run.stop("time_budget")


class LearningRate:
    """Puts another learning rate in the place of the recipe's.

    Parameters
    ----------
    rate : callable
        Of a step, counted from 0 over all epochs, and the steps of an epoch, as `Recipe.rate`.

    Examples
    --------
    >>> from twofold import Network, Recipe, load_dataset, open_engine, train
    >>> engine, halved = open_engine("scratch", Network((4, 3))), LearningRate(lambda step, per_epoch: 0.5**step)
    >>> [epoch.learning_rate for epoch in train(engine, load_dataset("toy-animals"), Recipe(epochs=2), halved)]
    [1.0, 0.5]
    """

    def __init__(self, rate: Callable[[int, int], float]) -> None:
        self.rate = rate

    def on_train_begin(self, run: Run) -> None:
        """Put it in place."""
        run.rate = self.rate


class Progress:
    """Writes a line per epoch.

    Parameters
    ----------
    stream : TextIO, optional
        Standard output otherwise.

    Examples
    --------
    >>> import io
    >>> from twofold import Network, Recipe, load_dataset, open_engine, train
    >>> told, engine = io.StringIO(), open_engine("scratch", Network((4, 3)))
    >>> epochs = list(train(engine, load_dataset("toy-animals"), Recipe(epochs=2), Progress(told)))
    >>> [line.split(" loss")[0] for line in told.getvalue().splitlines()]
    ['epoch 1/2 ', 'epoch 2/2 ']
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream

    def on_epoch_end(self, run: Run) -> None:
        """Write the epoch's line."""
        print(run.epoch, file=self.stream or sys.stdout, flush=True)
