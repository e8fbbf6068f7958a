"""A fingerprint of data: which numbers a model was trained on, in 64 letters."""

from __future__ import annotations

import hashlib

import numpy as np

from twofold.data.dataset import Samples
from twofold.errors import DataError

PIECE = 2**22  # bytes that are laid out in C order at a time


def data_hash(samples: Samples) -> str:
    """Return the SHA-256 sum of features, targets and weights: of their names, types, shapes and bytes.

    The order of the rows counts, as does the type: 1 as an integer is not 1.0. Memory layout and byte order don't.

    Parameters
    ----------
    samples : Samples

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    DataError
        If an array holds what has no fixed bytes, such as Python objects.

    Examples
    --------
    >>> from twofold import load_dataset
    >>> data_hash(load_dataset("toy-animals").train)[:8]
    '0c2779fa'
    """
    total = hashlib.sha256()
    for name, array in (("X", samples.X), ("y", samples.y), ("sample_weight", samples.sample_weight)):
        if array is None:
            continue
        if array.dtype.hasobject:
            raise DataError(f"{name} has dtype {array.dtype}; only numbers and fixed-width text have a fingerprint")
        little = array.dtype.newbyteorder("<")
        total.update(f"{name} {little.str} {array.shape}\n".encode())
        rows = max(1, PIECE // max(1, array[:1].nbytes))
        for start in range(0, len(array), rows):
            total.update(np.ascontiguousarray(array[start : start + rows], dtype=little).data)
    return total.hexdigest()
