"""Sample weights as users give them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    """
    if isinstance(sample_weight, int | float | np.number) and not isinstance(sample_weight, bool):
        return np.full(n, float(sample_weight))
    return sample_weight
