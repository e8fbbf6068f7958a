"""A minibatch in slices, so that the number of processes changes no bit.

With `Recipe.slices` = S > 1 a minibatch is cut into S runs of rows. The gradient of each slice is computed by itself,
times the slice's share of the minibatch's weight, and the S results are added over a fixed binary tree::

    ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))

So the recipe decides how sums round. One process computes all slices; each of several computes a run of them, adds up
what of the tree lies within its run, and the processes exchange these nodes and add the rest, all alike. Batch
normalisation takes each slice's own means and variances ("ghost" batches, Hoffer et al. 2017, arXiv:1705.08741), and
the running ones follow the mean over the slices.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from twofold.network import Network
from twofold.recipe import Recipe

Array = NDArray[Any]


class Sums(NamedTuple):
    """What a step learns from rows.

    Attributes
    ----------
    numbers : ndarray of the engine's dtype, one axis
        The gradient of their mean loss, as the engine has it in one array; behind it, with batch normalisation, the
        means and unbiased variances of the hidden layers.
    totals : ndarray of float64, shape (3,)
        Sums of weighted loss, weighted correct predictions and weights.
    """

    numbers: Array
    totals: Array


class Node(NamedTuple):
    """A node of the tree: the sums of slices ``place * 2**level`` to ``(place + 1) * 2**level - 1``."""

    level: int
    place: int
    sums: Sums


class Processes(Protocol):
    """Several processes that train one model."""

    rank: int
    size: int

    def add_up(self, nodes: list[Node], slices: int) -> Sums:
        """Add up the nodes of all processes."""
        ...


class Alone:
    """One process."""

    rank, size = 0, 1

    def add_up(self, nodes: list[Node], slices: int) -> Sums:  # noqa: ARG002
        """Return the sums of all slices."""
        (root,) = nodes
        return root.sums


ALONE = Alone()


class SlicedEngine(Protocol):
    """An engine that can compute slices."""

    network: Network
    processes: Processes

    def weights_of(self, indices: Array) -> Array | None:
        """Return the weights of rows of the loaded set, if it has weights."""
        ...

    def sums_of(self, indices: Array, start: int) -> Sums:
        """Go forward and back over rows, of which the first stands at this place of its minibatch."""
        ...

    def take(self, sums: Sums, learning_rate: float) -> None:
        """Update by a minibatch's sums."""
        ...


def sliced_step(engine: SlicedEngine, recipe: Recipe, indices: Array, learning_rate: float) -> None:
    """Take one minibatch step in slices.

    Parameters
    ----------
    engine : SlicedEngine
    recipe : Recipe
        Of at least as many slices as there are processes.
    indices : ndarray of int64, shape (batch,)
    learning_rate : float
    """
    slices, processes, n = recipe.slices, engine.processes, len(indices)
    weights, trained = engine.weights_of(indices), engine.network.n_parameters
    weights = np.ones(n) if weights is None else weights.astype(np.float64)
    total = float(weights.sum()) or 1.0  # of a minibatch without weight every gradient is 0
    nodes: list[Node] = []
    for k in slices_of(processes.rank, processes.size, slices):
        rows = rows_of(n, slices, range(k, k + 1))
        sums = engine.sums_of(indices[rows], rows.start)
        sums.numbers[:trained] *= float(weights[rows].sum()) / total
        sums.numbers[trained:] /= slices
        add(nodes, Node(0, k, sums))
    engine.take(processes.add_up(nodes, slices), learning_rate)


def slices_of(rank: int, size: int, slices: int) -> range:
    """Return the slices that a process computes.

    Examples
    --------
    >>> [list(slices_of(rank, 3, 8)) for rank in range(3)]
    [[0, 1], [2, 3, 4], [5, 6, 7]]
    """
    return range(slices * rank // size, slices * (rank + 1) // size)


def rows_of(n: int, slices: int, own: range) -> slice:
    """Return the rows, of a minibatch of n, that some of its slices have.

    Examples
    --------
    >>> rows_of(10, 4, range(1, 3))
    slice(2, 7, None)
    """
    return slice(n * own.start // slices, n * own.stop // slices)


def add(nodes: list[Node], node: Node) -> None:
    """Append the node that comes next, and add up siblings: what lies in the left one changes.

    Parameters
    ----------
    nodes : list of Node
        From the first slice on, without a gap.
    node : Node
    """
    nodes.append(node)
    while len(nodes) > 1 and are_siblings(*nodes[-2:]):
        right = nodes.pop().sums
        left = nodes.pop()
        for mine, other in zip(left.sums, right, strict=True):
            mine += other
        nodes.append(Node(left.level + 1, left.place // 2, left.sums))


def are_siblings(left: Node, right: Node) -> bool:
    """Tell whether two neighbours have the same parent."""
    return left.level == right.level and left.place % 2 == 0


def nodes_of(rank: int, size: int, slices: int) -> list[tuple[int, int]]:
    """Return level and place of the nodes that a process ends with.

    Examples
    --------
    >>> [nodes_of(rank, 3, 8) for rank in range(3)]
    [[(1, 0)], [(1, 1), (0, 4)], [(0, 5), (1, 3)]]
    """
    nodes: list[Node] = []
    for k in slices_of(rank, size, slices):
        add(nodes, Node(0, k, Sums(np.zeros(0), np.zeros(0))))
    return [(node.level, node.place) for node in nodes]
