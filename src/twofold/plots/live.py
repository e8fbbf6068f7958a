"""Curves that grow in a notebook while a model trains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from twofold.pages.notebook import notebook_display
from twofold.plots.curves import Record, training_curves
from twofold.plots.figures import panels
from twofold.plots.saving import svg

R = TypeVar("R", bound=Record)


def live_curves(epochs: Iterable[R], *, display: Callable[..., Any] | None = None) -> Iterator[R]:
    """Pass epochs on, and redraw loss and accuracy below the notebook's cell after each.

    Parameters
    ----------
    epochs : iterable of Epoch
        Such as `twofold.train` yields.
    display : callable, optional
        In place of ``IPython.display.display``. Without IPython, or outside of it, nothing is shown and the epochs come
        through all the same.

    Yields
    ------
    Epoch
        Each, once it is drawn.

    Examples
    --------
    >>> from twofold import Network, Recipe, load_dataset, open_engine, train
    >>> engine = open_engine("scratch", Network((4, 3)))
    >>> for epoch in live_curves(train(engine, load_dataset("toy-animals"), Recipe(epochs=2))):
    ...     pass
    >>> epoch.epoch
    2
    """
    curves = LiveCurves(display=display)
    seen: list[R] = []
    for epoch in epochs:
        seen.append(epoch)
        curves.redraw(seen)
        yield epoch


class LiveCurves:
    """Redraws loss and accuracy below a notebook's cell after each epoch: a callback of `twofold.train`.

    Parameters
    ----------
    display : callable, optional
        In place of ``IPython.display.display``. Without IPython, or outside of it, nothing is shown.

    Examples
    --------
    >>> from twofold import Network, Recipe, load_dataset, open_engine, train
    >>> engine = open_engine("scratch", Network((4, 3)))
    >>> len(list(train(engine, load_dataset("toy-animals"), Recipe(epochs=2), LiveCurves())))
    2
    """

    def __init__(self, *, display: Callable[..., Any] | None = None) -> None:
        self._show, self._handle = display or notebook_display(), None

    def on_train_begin(self, _run: Any) -> None:
        """Begin a new picture."""
        self._handle = None

    def on_epoch_end(self, run: Any) -> None:
        """Draw the epochs so far."""
        self.redraw(run.history)

    def redraw(self, history: Sequence[Record]) -> None:
        """Draw these epochs."""
        if self._show is None:
            return
        picture = {"image/svg+xml": _draw(history), "text/plain": str(history[-1])}
        if self._handle is None:
            self._handle = self._show(picture, raw=True, display_id=True)
        else:
            self._handle.update(picture, raw=True)


def _draw(seen: Sequence[Record]) -> str:
    kinds = ["loss"]
    if any(record.train_accuracy is not None for record in seen):
        kinds.append("accuracy")
    axes = panels(len(kinds), columns=len(kinds), size=(4.5 * len(kinds), 2.8))
    for kind, ax in zip(kinds, axes, strict=True):
        training_curves(seen, quantity=kind, ax=ax)  # type: ignore[arg-type]
    return svg(axes[0])
