"""What a fit says while it runs: a line per epoch, or on a terminal one line with a bar."""

from __future__ import annotations

import sys
from typing import TextIO

WIDTH = 24  # characters of the bar


class Progress:
    """Writes how far a fit is.

    Parameters
    ----------
    verbose : int
        0 is silent.
    total : int
        Epochs at most.
    stream : TextIO, optional
        Standard output otherwise. A terminal gets a bar in one line, everything else scikit-learn's line per epoch.
    """

    def __init__(self, verbose: int, total: int, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._active, self._total = bool(verbose), total
        self._bar = self._active and self._stream.isatty()

    def report(self, iteration: int, loss: float, score: float | None) -> None:
        """Say what an epoch brought.

        Parameters
        ----------
        iteration : int
            Counted from 1.
        loss : float
        score : float or None
            On the validation set.
        """
        if not self._active:
            return
        words = f"Iteration {iteration}, loss = {loss:.8f}"
        words += "" if score is None else f", validation score = {score:.6f}"
        if self._bar:
            full = WIDTH * iteration // self._total
            self._stream.write(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {words}\x1b[K")
        else:
            self._stream.write(words + "\n")
        self._stream.flush()

    def end(self, words: str = "") -> None:
        """Close the line, and say why the fit ended."""
        if self._active:
            self._stream.write(("\n" if self._bar else "") + (words + "\n" if words else ""))
            self._stream.flush()
