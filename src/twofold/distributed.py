"""Several processes that train one model, on one machine or several, under ``torchrun``.

PyTorch's ``torch.distributed`` finds the others, carries the bytes and notices who is gone. What stands here is the
order in which sums are added, see `twofold.engines.slices`: so the model is the same, to the bit, for any number of
processes up to `Recipe.slices`, if each computes with the same number of threads.

::

    # train.py; start it with: torchrun --nproc-per-node 4 train.py
    import twofold as tw

    with tw.connect() as processes:
        engine = tw.open_engine("fused", tw.Network((784, 256, 10)))
        recipe = tw.Recipe(epochs=10, slices=8)
        for epoch in tw.train(engine, tw.load_dataset("fashion-mnist"), recipe, processes=processes):
            if processes.rank == 0:
                print(epoch)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from twofold.engines.slices import Alone, Node, Sums, add, nodes_of
from twofold.errors import MissingDependencyError, ProcessLostError, SpecificationError
from twofold.values import is_real

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[Any]
Value = TypeVar("Value")

SECONDS = 30.0  # that a process waits for the others
SECONDS_OF_STORE = 3.0  # for an answer of torchrun's store, once another process is lost
MIN_CHUNKED_BYTES = 2**18  # of a gradient; of a smaller one, one exchange of all is faster than two of parts
STOP = 1 << 16  # a wish that is no signal's number


def is_launched() -> bool:
    """Tell whether ``torchrun`` has started this process together with others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_restarted() -> bool:
    """Tell whether ``torchrun`` has started it again, after one of them was lost."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def connect(*, seconds: float = SECONDS, threads: int = 1) -> Processes:
    """Meet the other processes that ``torchrun`` has started; without it there is one process.

    Parameters
    ----------
    seconds : float
        How long to wait for a process that doesn't answer before `ProcessLostError` is raised; positive.
    threads : int
        Of each process's arithmetic; the same in all and in every run, since with another number sums may round
        otherwise.

    Returns
    -------
    Processes
        To be entered, and handed to `twofold.train`.

    Raises
    ------
    SpecificationError
        If a number is out of range.
    MissingDependencyError
        If there are several processes and PyTorch is not installed.
    ProcessLostError
        If the others don't come.

    Examples
    --------
    >>> with connect() as processes:
    ...     processes.rank, processes.size
    (0, 1)
    """
    from twofold.engines.threads import use_threads  # not at the top: it needs more than NumPy

    if not is_real(seconds) or not 0 < seconds < float("inf"):
        raise SpecificationError(f"seconds is {seconds!r}; it must be a positive number")
    processes = _TorchProcesses(seconds) if is_launched() else Processes()
    use_threads(threads)
    return processes


class Processes(Alone):
    """One process, or what several that train together share.

    Attributes
    ----------
    rank, size : int
        Which of them this is, from 0, and how many there are.
    wish : int
        What this one asks of all: 0, the number of a signal that came, or `STOP`.
    agreed : int
        The largest wish of any when all last heard of each other, so that all do the same after the same step.
    """

    wish = 0

    @property
    def agreed(self) -> int:
        """What all do; alone, what this one wishes."""
        return self.wish

    def agree(self) -> None:
        """Hear of each other's wishes; steps do so too."""

    def share(self, make: Callable[[], Value]) -> Value:
        """Return what the first process makes, to all; raise what it raises."""
        return make()

    def refuse(self, what: str) -> None:
        """Raise `SpecificationError` if there are several for what one does."""
        if self.size > 1:
            raise SpecificationError(f"{what}, by one process; start it without torchrun")

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Part from the others."""


class _TorchProcesses(Processes):
    """Several processes."""

    def __init__(self, seconds: float) -> None:
        try:
            import torch
            from torch import distributed
        except ImportError as error:
            raise MissingDependencyError(
                f"several processes need PyTorch, which can't be imported here ({error}): pip install 'twofold[torch]'"
            ) from error
        self._torch, self._distributed, self._seconds, self._agreed = torch, distributed, seconds, 0
        self.rank, self.size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        self._call(self._meet)

    def _meet(self) -> None:
        """Find the others: under words of this attempt, since those of one that failed are still there."""
        limit = timedelta(seconds=self._seconds)
        distributed: Any = self._distributed
        store, _, _ = next(distributed.rendezvous("env://", timeout=limit))
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        self._store = distributed.PrefixStore(f"twofold/{attempt}", store)
        distributed.init_process_group("gloo", store=self._store, rank=self.rank, world_size=self.size, timeout=limit)

    @property
    def agreed(self) -> int:
        """What all do."""
        return self._agreed

    def agree(self) -> None:
        """Hear of each other's wishes."""
        self._agreed = int(self._gather(np.array([self.wish], np.int64)).max())

    def share(self, make: Callable[[], Value]) -> Value:
        """Return what the first process makes, or raise what it raises."""
        made: list[Any] = [None, None]
        if self.rank == 0:
            try:
                made[0] = make()
            except Exception as error:
                made[1] = error
        self._call(lambda: self._distributed.broadcast_object_list(made, src=0))
        if made[1] is not None:
            raise made[1]
        value: Value = made[0]
        return value

    def add_up(self, nodes: list[Node], slices: int) -> Sums:
        """Add up the nodes of all processes, in the order of the tree."""
        places = [nodes_of(rank, self.size, slices) for rank in range(self.size)]
        most, (length,), kind = max(map(len, places)), nodes[0].sums.numbers.shape, nodes[0].sums.numbers.dtype
        part = -(-length // self.size)
        chunked = part * self.size * kind.itemsize >= MIN_CHUNKED_BYTES
        sent, totals = np.zeros((len(nodes) if chunked else most, part * self.size), kind), np.zeros((most, 4))
        for k, node in enumerate(nodes):
            sent[k, :length], totals[k, :3] = node.sums
        totals[:, 3] = self.wish
        if chunked:
            ends = self._gather(totals)
            parts = self._swap(sent.reshape(len(nodes), self.size, part), list(map(len, places)))
            own = _add_up(places, parts, ends)
            result = own._replace(numbers=self._gather(own.numbers).ravel())
        else:
            told = self._gather(np.concatenate([sent.view(np.uint8).ravel(), totals.view(np.uint8).ravel()]))
            numbers, ends = (part.copy() for part in np.split(told, [sent.nbytes], axis=1))
            ends = ends.view(np.float64).reshape(self.size, most, 4)
            result = _add_up(places, list(numbers.view(kind).reshape(self.size, most, -1)), ends)
        self._agreed = int(ends[:, 0, 3].max())
        return result._replace(numbers=result.numbers[:length])

    def _gather(self, array: Array) -> Array:
        """Return the arrays of all processes, along a new first axis."""
        received = np.empty((self.size, *array.shape), array.dtype)
        parts = list(self._bytes(received.reshape(self.size, -1)).unbind())
        self._call(lambda: self._distributed.all_gather(parts, self._bytes(array.ravel())))
        return received

    def _swap(self, nodes: Array, counts: list[int]) -> list[Array]:
        """Send each process its part (nodes, process, part) of one's own nodes; return what came, by rank.

        Each process has as many nodes as ``counts`` says. Of two processes in gloo's ``all_to_all`` one sends after the
        other; with receivers that wait before anything is sent both send at once.
        """
        sent = [np.ascontiguousarray(nodes[:, rank]) for rank in range(self.size)]
        received = [np.empty((count, nodes.shape[-1]), nodes.dtype) for count in counts]
        received[self.rank] = sent[self.rank]
        others = [(self.rank + step) % self.size for step in range(1, self.size)]

        def talk() -> None:
            under_way = [self._distributed.irecv(self._bytes(received[rank]), rank) for rank in reversed(others)]
            under_way += [self._distributed.isend(self._bytes(sent[rank]), rank) for rank in others]
            for each in under_way:
                each.wait()

        self._call(talk)
        return received

    def _bytes(self, array: Array) -> Tensor:
        """View an array as bytes."""
        return self._torch.from_numpy(array.view(np.uint8))

    def _call(self, talk: Callable[[], object]) -> None:
        """Talk to the others; if that fails, one of them is gone."""
        try:
            talk()
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0].split(". This is typically")[0]
            lost = ProcessLostError(
                f"one of {self.size} processes is gone, or was silent for {self._seconds:g} s; the others stop "
                f"(process {self.rank}: {reason.rpartition('] ')[2]})"
            )
            lost.first = self._is_first()
            raise lost from error

    def _is_first(self) -> bool:
        """Tell whether no other process has noticed yet, by a count that ``torchrun`` keeps on the first host."""
        counts: list[int] = []

        def count() -> None:
            with suppress(AttributeError, RuntimeError):  # there is none yet, or it was with a process that is gone
                counts.append(self._store.add("lost", 1))

        asks = Thread(target=count, daemon=True)  # a host that is cut off gets no answer, nor an error
        asks.start()
        asks.join(SECONDS_OF_STORE)
        return counts in ([], [1])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Part from the others."""
        if self._distributed.is_initialized():
            self._distributed.destroy_process_group()


def _add_up(places: list[list[tuple[int, int]]], numbers: list[Array], totals: Array) -> Sums:
    """Add up each process's nodes (node, length), whose levels and places are given, in the order of the tree."""
    nodes: list[Node] = []
    for rank, own in enumerate(places):
        for k, (level, place) in enumerate(own):
            add(nodes, Node(level, place, Sums(numbers[rank][k], totals[rank, k, :3])))
    (root,) = nodes
    return root.sums
