"""What several tests build from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest

from twofold import Dataset, EngineState, Network, Recipe, Samples, open_engine, train
from twofold.distributed import Processes
from twofold.engines import ENGINES, Engine
from twofold.engines.choice import LIBRARIES, PYTORCH
from twofold.engines.slices import Sums, add
from twofold.functions import LOSSES
from twofold.network import distance, largest

FUSED_NUMBA = "fused, Numba"  # with its head asked for, which the rule leaves to long trainings
KINDS = [*ENGINES, FUSED_NUMBA]
OTHERS = [kind for kind in KINDS if kind != "scratch"]


def open_kind(kind: str, network: Network, **options: Any) -> Engine:
    """Open an engine of `KINDS`."""
    if kind == FUSED_NUMBA:
        return open_engine("fused", network, head="numba", **options)
    return open_engine(kind, network, **options)


def train_kinds(kinds: Iterable[str], network: Network, data: Dataset, recipe: Recipe, **options: Any) -> list[Engine]:
    """Train engines of several kinds from the same start; return them."""
    engines = [open_kind(kind, network, **{"initialization": "he", "dtype": "float64"} | options) for kind in kinds]
    for engine in engines:
        for _ in train(engine, data, recipe):
            pass
    return engines


def each_engine(kinds: Sequence[str] = KINDS, *, compiles_anew: bool = False) -> list[Any]:
    """Every engine of `KINDS`, or some; those that need PyTorch are marked so.

    Where a test has machine code compiled that no other takes, `compiled` is a slow test: that is half a minute.
    """
    slow = {"compiled"} if compiles_anew else set()
    return [pytest.param(kind, marks=[*marks_of(kind), *[pytest.mark.slow] * (kind in slow)]) for kind in kinds]


def marks_of(kind: str) -> list[Any]:
    """Return the mark of tests that need PyTorch, if this engine does."""
    return [pytest.mark.torch] * (PYTORCH in LIBRARIES.get(kind.partition(",")[0], ()))


def engine_first(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Combinations of options, the first of which is an engine of `KINDS`; those that need PyTorch are marked so."""
    return [pytest.param(*row, marks=marks_of(row[0])) for row in rows]


def random_dataset(network: Network, n: int = 50, seed: int = 0, *, weighted: bool = False) -> Dataset:
    """Random features, and targets of the kind that the network's loss reads."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, network.inputs))
    y = LOSSES[network.loss].targets.draw(rng, (n, network.outputs))
    return Dataset("random", Samples(X, y, rng.uniform(0, 2, n) if weighted else None))


def assert_same_steps(engines: Sequence[Engine], tolerance: float = 1e-12) -> None:
    """Hold two engines' parameters and running means against each other, to rounding."""
    first, second = (engine.parameters() for engine in engines)
    assert distance(first, second) <= tolerance * largest(first)
    loss, accuracy = zip(
        *((score.loss, score.accuracy) for score in (engine.running() for engine in engines)), strict=True
    )
    assert loss[0] == pytest.approx(loss[1], rel=tolerance)
    assert (accuracy[0] or 0) == pytest.approx(accuracy[1] or 0, rel=tolerance)


def assert_same_state(one: EngineState, other: EngineState) -> None:
    """Hold two engines' states against each other, bit for bit."""
    assert (one.steps, one.totals, sorted(one.optimizer_state)) == (
        other.steps,
        other.totals,
        sorted(other.optimizer_state),
    )
    sets = [
        (one.parameters, other.parameters),
        *((one.optimizer_state[name], other.optimizer_state[name]) for name in one.optimizer_state),
    ]
    for layers, others in sets:
        for a, b in zip(layers, others, strict=True):
            for first, second in zip(a, b, strict=True):
                np.testing.assert_array_equal(first, second, strict=first is not None)


def every_one(*options: Iterable[Any]) -> list[tuple[Any, ...]]:
    """As few combinations of options as can be, in which each of them occurs."""
    lists = [list(names) for names in options]
    return [tuple(names[k % len(names)] for names in lists) for k in range(max(map(len, lists)))]


def every_pair(*options: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Few combinations of options, in which every pair of them occurs."""
    lists = [list(names) for names in options]
    places = range(len(lists))
    missing = {
        (i, a, j, b) for i in places for j in places if i < j for a, b in product(lists[i], lists[j])
    }  # fmt: skip
    rows = []
    while missing:
        row: dict[int, Any] = {}
        i, a, j, b = min(missing, key=repr)
        row |= {i: a, j: b}
        for place in places:
            if place not in row:  # the option that meets most of the pairs that are missing
                row[place] = max(lists[place], key=lambda name, at=place: _met({**row, at: name}, missing))
        rows.append(tuple(row[place] for place in places))
        missing -= _pairs(row)
    return rows


def _pairs(row: dict[int, Any]) -> set[tuple[int, Any, int, Any]]:
    return {(i, row[i], j, row[j]) for i in row for j in row if i < j}


def _met(row: dict[int, Any], missing: set[tuple[int, Any, int, Any]]) -> int:
    return len(_pairs(row) & missing)


class AfterStep:
    """A callback: calls a function of the engine and the samples gone through after each step."""

    def __init__(self, function):
        self.function = function

    def on_step_end(self, run):
        self.function(run.engine, run.samples)


class ThreadAsProcess(Processes):
    """One of several threads that act as processes."""

    def __init__(self, rank, size, barrier, shelf):
        self.rank, self.size, self._barrier, self._shelf = rank, size, barrier, shelf

    def add_up(self, nodes, slices):
        self._shelf[self.rank] = [node._replace(sums=Sums(*(part.copy() for part in node.sums))) for node in nodes]
        self._barrier.wait()
        root = []
        for rank in range(self.size):
            for node in self._shelf[rank]:
                add(root, node._replace(sums=Sums(*(part.copy() for part in node.sums))))
        self._barrier.wait()
        return root[0].sums


def threads_as_processes(size: int, work: Callable[[ThreadAsProcess], Any]) -> list[Any]:
    """Do work in so many threads, each of which is given its `ThreadAsProcess`; return what comes of it, by rank."""
    barrier, shelf, ends = Barrier(size), {}, {}

    def do(rank: int) -> None:
        try:
            ends[rank] = work(ThreadAsProcess(rank, size, barrier, shelf))
        finally:
            if rank not in ends:
                barrier.abort()

    threads = [Thread(target=do, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [ends[rank] for rank in range(size)]
