"""Small callbacks of `twofold.train` and the estimators: a time budget, a learning rate, a bar of progress."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from twofold.errors import SpecificationError, show
from twofold.pages.notebook import notebook_display
from twofold.run import Run
from twofold.values import is_real

REDRAWN = 0.1  # seconds between two drawings of a bar
BAR = 30  # characters of a terminal's bar


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
    """Shows how far a training is: a bar in a notebook or a terminal, with the newest epoch's record; elsewhere a line.

    Parameters
    ----------
    stream : TextIO, optional
        Standard output otherwise. A bar is drawn on a terminal alone.
    display : callable, optional
        In place of ``IPython.display.display``, for which a notebook is asked if no stream is given.

    Examples
    --------
    >>> import io
    >>> from twofold import Network, Recipe, load_dataset, open_engine, train
    >>> told, engine = io.StringIO(), open_engine("scratch", Network((4, 3)))
    >>> epochs = list(train(engine, load_dataset("toy-animals"), Recipe(epochs=2), Progress(told)))
    >>> [line.split(" loss")[0] for line in told.getvalue().splitlines()]
    ['epoch 1/2 ', 'epoch 2/2 ']
    """

    def __init__(self, stream: TextIO | None = None, *, display: Callable[..., Any] | None = None) -> None:
        self.stream = stream
        self._show = display or (notebook_display() if stream is None else None)
        self._handle: Any = None
        self._due = 0.0

    def on_train_begin(self, _run: Run) -> None:
        """Begin a new bar."""
        self._handle, self._due = None, 0.0

    def on_step_end(self, run: Run) -> None:
        """Move the bar, ten times a second at most."""
        stream = self.stream or sys.stdout
        if (now := time.perf_counter()) < self._due or not (self._show or stream.isatty()):
            return
        self._due = now + REDRAWN
        part = run.samples / len(run.data.train)
        if self._show:
            self._redraw(run, part)
        else:
            filled = int(part * BAR)
            bar = "#" * filled + "-" * (BAR - filled)
            print(f"\r{_place(run)}  [{bar}] {100 * part:3.0f} %", end="", file=stream, flush=True)

    def on_epoch_end(self, run: Run) -> None:
        """Write the epoch's line, in place of the bar."""
        if self._show:
            self._redraw(run, 0.0)
            return
        stream = self.stream or sys.stdout
        print(f"\r\x1b[K{run.epoch}" if stream.isatty() else run.epoch, file=stream, flush=True)

    def _redraw(self, run: Run, part: float) -> None:
        """Draw a bar of all epochs, above the newest epoch's line."""
        done = len(run.history) + part
        line = str(run.history[-1]) if run.history else _place(run)
        html = f'<progress value="{done:.4f}" max="{run.recipe.epochs}" style="width: 20em"></progress> {line}'
        picture = {"text/html": html, "text/plain": line}
        if self._handle is None:
            self._handle = self._show(picture, raw=True, display_id=True)  # type: ignore[misc] # there is one
        else:
            self._handle.update(picture, raw=True)


def _place(run: Run) -> str:
    return f"epoch {len(run.history) + 1}/{run.recipe.epochs}"
