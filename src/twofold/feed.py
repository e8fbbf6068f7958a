"""What an engine trains on: the whole set once, or one window of it after the other where the set is on disk."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data.dataset import Samples
from twofold.data.prefetch import prefetch
from twofold.data.stored import Stored
from twofold.engines import Engine
from twofold.engines.slices import ALONE, Processes, rows_of, slices_of
from twofold.randomness import epoch_windows
from twofold.recipe import Recipe

Array = NDArray[Any]


@dataclass(frozen=True)
class Chunk:
    """Samples for some whole minibatches of an epoch.

    Attributes
    ----------
    start : int
        Place of the first in the epoch.
    samples : Samples
        In memory, in the set's own order.
    order : ndarray of int64, shape (m,)
        In which the epoch goes through them; anything for those that other processes read.
    """

    start: int
    samples: Samples
    order: Array


class Feed:
    """Loads an engine with samples, as an epoch needs them.

    Parameters
    ----------
    engine : Engine
    samples : Samples
    recipe : Recipe
        With a window smaller than a set on disk, two windows of it are in memory: one is read while the other trains.
    processes : Processes
        Of which each reads the rows of its own slices alone; all rows where they have weights, whose sum all need.
    """

    def __init__(self, engine: Engine, samples: Samples, recipe: Recipe, processes: Processes = ALONE) -> None:
        self._engine, self._samples, self._recipe = engine, samples, recipe
        self._apart = isinstance(samples.X, Stored) and 0 < recipe.window < len(samples)
        self._share = processes if processes.size > 1 and samples.sample_weight is None else ALONE
        self._chunks: Generator[Chunk] | None = None
        self._chunk: Chunk
        if not self._apart:
            engine.load(samples.X, samples.y, samples.sample_weight)

    def start(self, epoch: int, edges: Sequence[int]) -> None:
        """Begin an epoch, or the rest of one, whose minibatches have these edges."""
        self.close()
        windows = self._windows(epoch)
        if self._apart:
            self._chunks = prefetch(self._read(windows, edges), depth=0)
            self._chunk = Chunk(0, self._samples, np.arange(0))
        else:
            self._chunk = Chunk(0, self._samples, np.concatenate(list(windows)))

    def rows(self, start: int, end: int) -> Array:
        """Return the places, among the samples that are loaded, of those from one edge to the next."""
        while end > self._chunk.start + len(self._chunk.order) and self._chunks is not None:
            self._chunk = next(self._chunks)
            own = self._chunk.samples
            self._engine.load(own.X, own.y, own.sample_weight)
        return self._chunk.order[start - self._chunk.start : end - self._chunk.start]

    def close(self) -> None:
        """Stop reading."""
        if self._chunks is not None:
            self._chunks.close()
            self._chunks = None

    def _windows(self, epoch: int) -> Iterator[Array]:
        n, window = len(self._samples), self._recipe.window or len(self._samples)
        if self._recipe.shuffle:
            return epoch_windows(self._recipe.seed, epoch, n, window)
        return (np.arange(start, min(n, start + window)) for start in range(0, n, window))

    def _read(self, windows: Iterator[Array], edges: Sequence[int]) -> Generator[Chunk]:
        """Read the samples of each window, but for a rest that is no whole minibatch and waits for the next one."""
        behind, start = edges[0], edges[0]
        rest = np.arange(0)
        for window in windows:
            rows = np.concatenate([rest, window[behind:]])
            behind = max(0, behind - len(window))
            end = edges[bisect_right(edges, start + len(rows)) - 1]
            if end > start:
                inside = edges[bisect_left(edges, start) : bisect_right(edges, end)]
                yield self._chunk_of(start, rows[: end - start], self._places(inside))
            rest, start = rows[end - start :], end

    def _places(self, edges: Sequence[int]) -> Array:
        """Return which samples of some minibatches are of this process's slices, by their place among them."""
        slices, share = self._recipe.slices, self._share
        own = slices_of(share.rank, share.size, slices)
        rows = [(start, rows_of(end - start, slices, own)) for start, end in pairwise(edges)]
        return np.concatenate([np.arange(part.start, part.stop) + start - edges[0] for start, part in rows])

    def _chunk_of(self, start: int, rows: Array, places: Array) -> Chunk:
        """Read some of the rows, in the order that they have on disk."""
        by_place = places[np.argsort(rows[places])]
        order = np.zeros(len(rows), np.int64)
        order[by_place] = np.arange(len(by_place))
        sorted_, own = rows[by_place], self._samples
        weight = None if own.sample_weight is None else own.sample_weight[sorted_]
        return Chunk(start, Samples(own.X[sorted_], own.y[sorted_], weight), order)
