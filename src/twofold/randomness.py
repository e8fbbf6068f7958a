"""Random numbers as functions: what is drawn depends on the seed and on where, never on what was drawn before.

A counter-based generator (Philox4x64, Salmon et al. 2011, doi:10.1145/2063384.2063405) gives each purpose and place
a stream of its own. So both engines see the same weights, batches and dropout masks, a resumed run needs no
generator's state, and changing one draw leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import SpecificationError, show
from twofold.values import is_whole


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
    if not (is_whole(seed) and 0 <= seed < 2**64):
        raise SpecificationError(f"seed is {show(seed)}; it must lie between 0 and 2**64 - 1")
    first, second = (*place, 0, 0)[:2]
    # The low half of the counter is left to the generator itself, which counts its blocks there.
    philox = np.random.Philox(
        key=np.array([seed, purpose], dtype=np.uint64), counter=np.array([0, 0, first, second], dtype=np.uint64)
    )
    return np.random.Generator(philox)


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
    masks = []
    for layer, h in enumerate(hidden):
        philox: Any = stream(seed, Purpose.DROPOUT, step, layer).bit_generator
        blocks, before = divmod(start * h, 16)  # it draws 4 times 64 bits at once
        raw = philox.advance(blocks).random_raw(-(-(before + n * h) // 4))
        coins = np.asarray(raw, dtype="<u8").view("<u2")[before : before + n * h].reshape(n, h)
        mask = (coins >= least).astype(dtype)
        mask /= 1 - rate
        masks.append(mask)
    return masks
