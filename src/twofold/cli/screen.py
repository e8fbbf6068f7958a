"""What a person sees: progress while training and downloading, tables; plain lines where there is no terminal."""

from __future__ import annotations

import math
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from twofold.cli.sparkline import sparkline
from twofold.language import choose_language
from twofold.pages.fitted_table import FittedTable
from twofold.pages.numbers import to_json
from twofold.recipe import Recipe
from twofold.run import Run
from twofold.text import visible


class PlainConsole(Console):
    """A console for which no string is markup, and that shows control characters as escapes.

    Whatever a command prints comes from data sooner or later: a header, a class, the name of a file.
    """

    def __init__(self, **words: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **words)

    def render_str(self, text: str, **words: Any) -> Text:
        """Turn a string into what is drawn."""
        return super().render_str(visible(text, keep="\n"), **words)


class Screen:
    """Where a command prints.

    Parameters
    ----------
    as_json : bool
        People's output then goes to standard error, and only if that is a terminal; standard output gets the object.
    aside : bool
        People's output goes to standard error, since standard output gets a table.
    console : rich.console.Console, optional
        In place of the process's own streams.
    language : str, optional
        Of pages that the command writes; the environment's otherwise.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        aside: bool = False,
        console: Console | None = None,
        language: str | None = None,
    ) -> None:
        self.as_json, self.language = as_json, choose_language(language)
        self.console = console or PlainConsole(file=sys.stderr if as_json or aside else sys.stdout)
        if as_json and not self.console.is_terminal:
            self.console.quiet = True

    def say(self, text: str) -> None:
        """Print a line; on a terminal, one that is too long is broken between words."""
        text = visible(text)
        if self.console.is_terminal:
            text = textwrap.fill(
                text, self.console.width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
            )
        self.console.print(Text(text), soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, text: int = 1) -> None:
        """Print a table; its first ``text`` columns are words, the others numbers.

        Where the screen is too narrow for whole numbers, each row is told in words instead.
        """
        self.console.print(FittedTable(title, columns, list(rows), text))

    def data(self, pieces: Iterable[str]) -> None:
        """Print a table on standard output, for other programs: nothing is escaped but on a terminal."""
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        lacking = False
        for text in pieces:
            if not lacking and text.encode(encoding, "replace").decode(encoding) != text:
                lacking = True
                self.say(
                    f"standard output is {encoding}: what it lacks is written as escapes; --output FILE has it all"
                )
            sys.stdout.write(visible(text, keep="\n") if sys.stdout.isatty() else text)

    def document(self, text: str) -> None:
        """Print a document, such as a trace, on standard output; a line is a line, however long."""
        print(visible(text, keep="\n"), flush=True)

    def result(self, value: dict[str, Any]) -> None:
        """Print the JSON object, if that is wanted."""
        if self.as_json:
            print(to_json(value), flush=True)

    @contextmanager
    def downloading(self) -> Iterator[Callable[[str, int, int | None], None]]:
        """Show a bar for each file; yields the callback of `twofold.load_dataset`."""
        columns = field("description"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
        with bars_on(self.console, *columns) as bars:
            tasks: dict[str, TaskID] = {}

            def show(name: str, done: int, total: int | None) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=total)
                    if not self.console.is_terminal:
                        self.say(f"downloading {name}")
                bars.update(tasks[name], completed=done, total=total)

            yield show

    @contextmanager
    def training(
        self, recipe: Recipe, samples: int, *, runs: int = 1, loss_unit: float = 1.0
    ) -> Iterator[Sequence[Meter]]:
        """Show a live bar per epoch; yields callbacks of `twofold.train`: one where there is a terminal, or none.

        Parameters
        ----------
        recipe : Recipe
        samples : int
            Size of the training set.
        runs : int
            How often each epoch is gone through: by two engines, twice.
        loss_unit : float
            What losses are multiplied by to be in the data's own units.
        """
        columns = (
            field("description"),
            BarColumn(bar_width=16),
            field("fields[curve]"),
            field("fields[numbers]"),
        )
        live = self.console.is_terminal and not self.console.quiet
        with bars_on(self.console, *columns, transient=True) as bar:
            yield [Meter(bar, recipe.epochs, samples, runs=runs, loss_unit=loss_unit)] if live else []


def bars_on(console: Console, *columns: ProgressColumn, transient: bool = False) -> Progress:
    """Return bars where there is a terminal to draw them on; elsewhere they leave nothing, not even a line's end.

    Parameters
    ----------
    console : rich.console.Console
    *columns : rich.progress.ProgressColumn
        What a bar shows.
    transient : bool
        Bars vanish when they are done.
    """
    live = console.is_terminal and not console.quiet
    # Bars that are off end with an empty line before rich 14.3, unless their console is quiet.
    return Progress(*columns, console=console if live else Console(quiet=True), disable=not live, transient=transient)


def field(name: str) -> TextColumn:
    """Return a bar's column of words: an attribute of its task, which is no markup."""
    return TextColumn(f"{{task.{name}}}", markup=False)


class Meter:
    """Draws the bar of the epoch that is running: a callback of `twofold.train`.

    Parameters
    ----------
    bar : rich.progress.Progress
        With a column for the field ``numbers``, and one for ``curve``, the loss so far as a sparkline.
    epochs, samples : int
        Epochs of the recipe, samples of the training set.
    runs : int
        How often each epoch is gone through.
    loss_unit : float
        What losses are multiplied by.
    """

    def __init__(self, bar: Progress, epochs: int, samples: int, *, runs: int = 1, loss_unit: float = 1.0) -> None:
        self.bar = bar
        self._epochs, self._samples, self._runs = epochs, samples, runs
        self._loss_unit = loss_unit
        self._task = bar.add_task(f"epoch 1/{epochs}", total=samples, numbers="", curve="")
        self._losses: list[float] = []
        self._started = self._shown = time.perf_counter()
        self._passes = 0  # whole passes through the training set
        self._last = 0

    def on_step_end(self, run: Run) -> None:
        """Note how many samples of this pass are through; redraw at most ten times a second.

        Reading the loss may make an engine wait, so it is not read at every step.
        """
        done = run.samples
        if done <= self._last:
            self._passes += 1
        self._last = done
        now = time.perf_counter()
        if now - self._shown < 0.1:
            return
        self._shown = now
        gone = self._passes * self._samples + done
        speed = gone / (now - self._started)
        left = (self._epochs * self._runs * self._samples - gone) / speed
        score = run.engine.running()
        numbers = [f"loss {score.loss * self._loss_unit:.4g}"]
        numbers += [] if score.accuracy is None else [f"accuracy {score.accuracy:.4f}"]
        numbers += [f"{speed:,.0f} samples/s", f"{math.ceil(left)} s left"]
        epoch = f"epoch {self._passes // self._runs + 1}/{self._epochs}"
        self._losses.append(score.loss)
        self.bar.update(self._task, completed=done, description=epoch, curve=self._curve(), numbers="  ".join(numbers))

    def _curve(self) -> str:
        """Draw the loss of each redraw so far; nothing where the terminal can't show the characters."""
        return sparkline(self._losses, 8) if self.bar.console.encoding.startswith("utf") else ""
