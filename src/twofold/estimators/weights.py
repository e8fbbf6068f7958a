"""Sample weights as users give them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError
from twofold.values import is_sparse, refuse_masked

Array = NDArray[Any]


def spread(sample_weight: ArrayLike | None, n: int) -> ArrayLike | None:
    """Turn a single weight into one of each sample, as scikit-learn does; leave the rest to whoever checks it.

    Parameters
    ----------
    sample_weight : number or array, shape (n,), or None
    n : int
        Samples.

    Returns
    -------
    array or None

    Raises
    ------
    DataError
        If they are masked, sparse, complex or times, of which NumPy makes other numbers.
    """
    refuse_masked("sample_weight", sample_weight)
    kind = getattr(getattr(sample_weight, "dtype", None), "kind", "")
    if kind in ("c", "m", "M") or is_sparse(sample_weight):
        what = "a sparse matrix" if is_sparse(sample_weight) else f"of {getattr(sample_weight, 'dtype', kind)}"
        raise DataError(f"sample_weight is {what}; expected one real number for each sample")
    if isinstance(sample_weight, int | float | np.number) and not isinstance(sample_weight, bool):
        return np.full(n, float(sample_weight))
    return sample_weight
