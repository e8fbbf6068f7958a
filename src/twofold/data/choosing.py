"""Choosing a few samples of a data set by their places."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from twofold.data.dataset import Dataset
from twofold.errors import DataError, SpecificationError

Array = NDArray[Any]


def choose_samples(data: Dataset, part: str, places: str) -> tuple[Array, Array, list[int]]:
    """Take samples out of a data set.

    Parameters
    ----------
    data : Dataset
    part : {"train", "test"}
    places : str
        Counted from 0: ``"7"``, or ``"0,3,8"``.

    Returns
    -------
    X : ndarray, shape (n, d) or (n, height, width)
    y : ndarray
    places : list of int

    Raises
    ------
    SpecificationError
        If the places are no whole numbers.
    DataError
        If the set has no such part or sample.

    Examples
    --------
    >>> from twofold import load_dataset
    >>> X, y, _ = choose_samples(load_dataset("toy-animals"), "test", "0,5")
    >>> X.shape, y.shape
    ((2, 2, 2), (2,))
    """
    parts = {"train": data.train, "test": data.test}
    samples = parts.get(part)
    if samples is None:
        there = " and ".join(repr(name) for name, each in parts.items() if each is not None)
        raise DataError(f"{data.name} has no part {part!r}; it has {there}")
    words = [word.strip() for word in places.split(",") if word.strip()]
    if not words or not all(word.isdecimal() for word in words):
        raise SpecificationError(f"sample is {places!r}; expected whole numbers from 0, such as 7 or 0,3,8")
    chosen = [int(word) for word in words]
    if max(chosen) >= len(samples):
        raise DataError(f"{data.name} has no {part} sample {max(chosen)}; they run from 0 to {len(samples) - 1}")
    return samples.X[chosen], samples.y[chosen], chosen
