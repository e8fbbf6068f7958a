"""Training curves: loss and accuracy over the epochs, of one run or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from twofold.errors import DataError, check_name
from twofold.plots.axes_styling import label, legend, say, style_axes
from twofold.plots.figures import open_axes
from twofold.plots.style import WIDTH, Theme


class Record(Protocol):
    """What a curve reads of an epoch's record, such as a `twofold.Epoch`."""

    @property
    def epoch(self) -> int:
        """Counted from 1."""
        ...

    @property
    def loss(self) -> float:
        """Mean training loss over the epoch's steps."""
        ...

    @property
    def train_accuracy(self) -> float | None:
        """Accuracy in the same sense."""
        ...

    @property
    def validation_loss(self) -> float | None:
        """After the epoch."""
        ...

    @property
    def validation_accuracy(self) -> float | None:
        """After the epoch."""
        ...

    @property
    def test_loss(self) -> float | None:
        """After the epoch."""
        ...

    @property
    def test_accuracy(self) -> float | None:
        """After the epoch."""
        ...


Run = Sequence[Record]
FIELDS = {
    "loss": ("loss", "validation_loss", "test_loss"),
    "accuracy": ("train_accuracy", "validation_accuracy", "test_accuracy"),
}
PARTS = ("train", "validation", "test")


def training_curves(
    runs: Run | Mapping[str, Run],
    *,
    quantity: Literal["loss", "accuracy"] = "loss",
    log: bool = False,
    kept: Sequence[int] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw how loss or accuracy went, and mark each run's best epoch, or the one that was kept.

    The training curve is the mean over an epoch's steps, so it stands at the epoch's middle; those of validation and
    test set stand at its end. The best epoch is the one with the least loss or the largest accuracy on the validation
    set, or without one on the test set; of runs without either it is not marked.

    Parameters
    ----------
    runs : sequence of Epoch, or mapping of str to such sequences
        One run, or several by name, which are laid over each other.
    quantity : {"loss", "accuracy"}
    log : bool
        Show the quantity on a logarithmic scale.
    kept : sequence of int, optional
        The epoch whose weights each run kept, which is marked in place of the best.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own otherwise.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If there is no run, a run has no epoch, or no run has an accuracy and that is wanted.
    UnknownNameError
        If there is no such quantity.

    Examples
    --------
    >>> from twofold import Network, Recipe, load_dataset, open_engine, train
    >>> engine = open_engine("scratch", Network((4, 3)))
    >>> records = list(train(engine, load_dataset("toy-animals"), Recipe(epochs=3, batch_size=16)))
    >>> ax = training_curves(records, quantity="accuracy")
    >>> ax.get_ylabel(), [line.get_label() for line in ax.lines[:2]]
    ('accuracy', ['train', 'test'])
    """
    check_name("quantity", quantity, FIELDS)
    named = runs if isinstance(runs, Mapping) else {"": runs}
    _check(named, quantity)
    ax, theme = open_axes(ax, (WIDTH, 2.8))
    several = len(named) > 1
    for index, (name, run) in enumerate(named.items()):
        colors = (theme.color(index),) * 3 if several else (theme.color(0), theme.color(2), theme.color(1))
        _draw_run(ax, run, quantity, colors=colors, name=name)
        best = _at(run, quantity, kept[index]) if kept else best_epoch(run, quantity)
        if best is not None:
            words = f"{say('kept' if kept else 'best')}: {say('epoch')} {best[0]}, {_number(best[1], quantity)}"
            ring = colors[1] if _is_validated(run, quantity) else colors[2]
            ax.plot(*best, "o", ms=9, mfc="none", mec=ring, mew=1.6, label="_best" if several else words)
    if log:
        ax.set_yscale("log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlim(0, max(run[-1].epoch for run in named.values()) + 0.3)
    legend(ax, theme, handles=_handles(ax, theme, named, "kept" if kept else "best") if several else None)
    return style_axes(ax, theme, x="epoch", y=quantity, grid="y")


def best_epoch(run: Run, quantity: str = "loss") -> tuple[int, float] | None:
    """Return the epoch with the least loss or the largest accuracy on what was held out, and that number; or None.

    Of a validation set if there is one, else of a test set.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> best_epoch([SimpleNamespace(epoch=1, test_loss=0.5), SimpleNamespace(epoch=2, test_loss=0.7)])
    (1, 0.5)
    """
    scored = [(epoch, value) for epoch, value in _held_out(run, quantity) if np.isfinite(value)]
    if not scored:
        return None
    return (max if quantity == "accuracy" else min)(scored, key=lambda pair: pair[1])


def _held_out(run: Run, quantity: str) -> list[tuple[int, float]]:
    """Return the epochs with what they reached on a validation set, or without one on a test set."""
    field = FIELDS[quantity][1 if _is_validated(run, quantity) else 2]
    return [(record.epoch, value) for record in run if (value := getattr(record, field, None)) is not None]


def _at(run: Run, quantity: str, epoch: int) -> tuple[int, float] | None:
    return next(((each, value) for each, value in _held_out(run, quantity) if each == epoch), None)


def _is_validated(run: Run, quantity: str) -> bool:
    return any(getattr(record, FIELDS[quantity][1], None) is not None for record in run)


def _check(named: Mapping[str, Run], quantity: str) -> None:
    if not named or any(len(run) == 0 for run in named.values()):
        raise DataError("there is no epoch to draw; train for at least one")
    values = [getattr(record, field, None) for run in named.values() for record in run for field in FIELDS[quantity]]
    if all(value is None for value in values):
        raise DataError(f"these runs have no {quantity}: they predict numbers; draw their loss")


def _draw_run(ax: Axes, run: Run, quantity: str, *, colors: Sequence[str], name: str) -> None:
    """Draw the training curve, dashed, and those of what was held out; dotted is validation beside a test curve."""
    marker, tested = (
        "o" if len(run) <= 20 else "",
        any(getattr(record, FIELDS[quantity][2]) is not None for record in run),
    )
    lines = ("--", ":" if tested else "-", "-")
    for part, color, field, line in zip(PARTS, colors, FIELDS[quantity], lines, strict=True):
        back = 0.5 if part == "train" else 0.0
        values = [(record.epoch - back, getattr(record, field, None)) for record in run]
        points = [(place, value) for place, value in values if value is not None]
        if points:
            words = f"{label(name)}, {say(part)}" if name else say(part)
            ax.plot(*zip(*points, strict=True), line, color=color, marker=marker, markersize=3, lw=1.6, label=words)


def _number(value: float, quantity: str) -> str:
    return f"{value:.4f}" if quantity == "accuracy" else f"{value:.4g}"


def _handles(ax: Axes, theme: Theme, named: Mapping[str, Run], mark: str) -> list[Line2D]:
    """Explain colours once by the runs' names, and dashes once by train and test."""
    runs = [Line2D([], [], color=theme.color(index), lw=1.6, label=label(name)) for index, name in enumerate(named)]
    runs += [
        Line2D([], [], color=theme.soft, ls=line, label=say(part))
        for part in PARTS
        for line in dict.fromkeys(own.get_linestyle() for own in ax.lines if _ends_in(own, part))
    ]
    ring = Line2D([], [], ls="", marker="o", ms=9, mfc="none", mec=theme.soft, mew=1.6, label=say(mark))
    return [*runs, ring] if any(line.get_label() == "_best" for line in ax.lines) else runs


def _ends_in(line: Line2D, part: str) -> bool:
    return str(line.get_label()).endswith(f", {say(part)}")
