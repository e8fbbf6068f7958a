"""Random numbers as functions: what is drawn depends on the seed and on where, never on what was drawn before.

A counter-based generator (Philox4x64, Salmon et al. 2011, doi:10.1145/2063384.2063405) gives each purpose and place
a stream of its own. So both engines see the same weights, batches and dropout masks, a resumed run needs no
generator's state, and changing one draw leaves the others alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import SpecificationError, show
from twofold.values import is_whole

BLOCKS = 64  # of consecutive samples in a window


class Purpose(IntEnum):
    """What a stream is for; part of its key, so no two purposes share numbers."""

    WEIGHTS = 1
    ORDER = 2
    DROPOUT = 3
    DATA = 4
    DIRECTION = 5
    SPLIT = 6
    SHUFFLE = 7


def stream(seed: int, purpose: Purpose, *place: int) -> np.random.Generator:
    """Open the stream of one purpose at one place.

    Parameters
    ----------
    seed : int
        From 0 to 2**64 - 1.
    purpose : Purpose
        What the numbers are for.
    *place : int
        Up to two non-negative integers: the epoch, or the step and the layer.

    Returns
    -------
    numpy.random.Generator
        The same numbers for the same arguments, always.

    Raises
    ------
    SpecificationError
        If the seed is out of range.

    Examples
    --------
    >>> a, b = (stream(0, Purpose.ORDER, 3).permutation(5) for _ in range(2))
    >>> bool((a == b).all())
    True
    """
    first, second = (*place, 0, 0)[:2]
    # The low half of the counter is left to the generator itself, which counts its blocks there.
    philox = np.random.Philox(
        key=np.array([_checked(seed), purpose], dtype=np.uint64),
        counter=np.array([0, 0, first, second], dtype=np.uint64),
    )
    return np.random.Generator(philox)


def _checked(seed: int) -> int:
    if not (is_whole(seed) and 0 <= seed < 2**64):
        raise SpecificationError(f"seed is {show(seed)}; it must lie between 0 and 2**64 - 1")
    return seed


class _Thread(threading.local):
    """A generator for each thread that is put to any place: a new one, of `stream`, takes thirty times as long."""

    def __init__(self) -> None:
        self._philox: Any = np.random.Philox(0)
        self._state = self._philox.state | {"buffer_pos": 4, "has_uint32": 0, "uinteger": 0}

    def at(self, seed: int, purpose: Purpose, place: tuple[int, int]) -> Any:
        """Return the generator where `stream` begins, until this thread asks for another place."""
        self._philox.state = self._state | {"state": {"counter": (0, 0, *place), "key": (_checked(seed), int(purpose))}}
        return self._philox


_thread = _Thread()


def epoch_order(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    """Draw the order in which an epoch visits the samples.

    Parameters
    ----------
    seed, epoch : int
        The order is a function of these two and ``n`` alone.
    n : int
        Number of samples.

    Returns
    -------
    ndarray of int64, shape (n,)
        A permutation of 0, ..., n - 1.
    """
    return stream(seed, Purpose.ORDER, epoch).permutation(n)


def epoch_windows(seed: int, epoch: int, n: int, window: int) -> Iterator[NDArray[np.int64]]:
    """Draw the order of an epoch window by window: of that many samples at a time, which can be in memory together.

    Blocks of consecutive samples, `BLOCKS` to a window, are put in another order, and so are the samples within each
    window of blocks.

    Parameters
    ----------
    seed, epoch, n : int
        As for `epoch_order`, which it is if the window covers the set.
    window : int
        Samples of a window, at least 1; 0 for all.

    Yields
    ------
    ndarray of int64
        The samples of a window; all windows together are a permutation of 0, ..., n - 1.

    Examples
    --------
    >>> [len(rows) for rows in epoch_windows(0, 1, 1024, 640)]
    [640, 384]
    """
    if not 0 < window < n:
        yield epoch_order(seed, epoch, n)
        return
    size = max(1, window // BLOCKS)  # of a block
    blocks = stream(seed, Purpose.ORDER, epoch, 1).permutation(-(-n // size))
    for k, start in enumerate(range(0, len(blocks), window // size)):
        rows = np.concatenate(
            [np.arange(b * size, min(n, (b + 1) * size)) for b in blocks[start : start + window // size]]
        )
        yield stream(seed, Purpose.ORDER, epoch, 2 + k).permutation(rows)


def dropout_masks(
    hidden: Sequence[int], n: int, rate: float, *, seed: int, step: int, dtype: str = "float64", start: int = 0
) -> list[NDArray[Any]]:
    """Draw what a step's hidden layers are multiplied by: 0 where a unit is dropped, 1 / (1 - rate) where it stays.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.
    n : int
        Samples of the minibatch, or of a run of them.
    rate : float
        Probability that a unit is dropped, 0 <= rate < 1; taken to the nearest 65536th.
    seed, step : int
        With the layer's place, all that the masks depend on.
    dtype : str
        Of the masks.
    start : int
        Place of the first of these samples in the minibatch.

    Returns
    -------
    list of ndarray, shape (n, h) each
        Empty if the rate is 0.
    """
    if rate == 0:
        return []
    least = round(rate * 2**16)  # 16 bits are plenty for a coin, and four coins come with each 64 that are drawn
    one = np.dtype(dtype).type(1)
    kept = one / one.dtype.type(1 - rate)
    masks = []
    for layer, h in enumerate(hidden):
        blocks, before = divmod(start * h, 16)  # it draws 4 times 64 bits at once
        philox = _thread.at(seed, Purpose.DROPOUT, (step, layer)).advance(blocks)
        raw = philox.random_raw(-(-(before + n * h) // 4))
        coins = np.asarray(raw, dtype="<u8").view("<u2")[before : before + n * h].reshape(n, h)
        masks.append((coins >= least) * kept)
    return masks
