"""Why a fit diverged: unscaled columns, unscaled targets, or the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[Any]

MAX_ROOT_MEAN_SQUARE = 10.0  # root mean square above which one learning rate can't serve a column and its neighbours
SCIKIT_LEARNS = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


def likely_cause(X: Array, y: Array, *, names: Sequence[str] | None, rate: float | None) -> str:
    """Say what most likely made a fit leave the finite numbers, and what to do.

    Parameters
    ----------
    X : ndarray or sparse matrix, shape (n, d)
    y : ndarray
        Targets: numbers if they are float.
    names : sequence of str, optional
        Of the columns.
    rate : float or None
        The learning rate; None if the solver has none.

    Returns
    -------
    str
        One sentence. The largest column is named if its root mean square is more than 10.
    """
    lower = "" if rate is None else f", or take a learning rate far below learning_rate_init={rate:.3g}"
    sizes = root_mean_square(X)
    column = int(np.argmax(sizes))
    if sizes[column] > MAX_ROOT_MEAN_SQUARE:
        name = f"column {column}" if names is None else f"column {names[column]!r}"
        others = np.median(sizes)
        return (
            f"{SCIKIT_LEARNS} Likely cause: unscaled features, {name} has root mean square {sizes[column]:.3g} "
            f"(the median column {others:.3g}); put StandardScaler() in front{lower}"
        )
    if y.dtype.kind == "f" and (size := float(root_mean_square(y.reshape(len(y), -1)).max())) > MAX_ROOT_MEAN_SQUARE:
        return f"Likely cause: unscaled targets, their root mean square is {size:.3g}; set scale_target=True{lower}"
    if rate is None:
        return f"{SCIKIT_LEARNS} Likely cause: the penalty is too weak for these data; try a larger alpha"
    return f"Likely cause: the learning rate; try learning_rate_init={rate / 10:.3g} in place of {rate:.3g}"


def root_mean_square(X: Array) -> Array:
    """Return each column's root mean square, of numbers of any size; 0 and not NaN for columns of zeros."""
    if sparse.issparse(X):
        # The largest number: zeros left out would say little of the numbers that are there.
        return np.asarray(abs(X).max(axis=0).toarray(), dtype=np.float64)[0]
    X = np.asarray(X, dtype=np.float64)
    largest = np.abs(X).max(axis=0)
    scale = np.where(largest > 0, largest, 1.0)
    return scale * np.sqrt(np.mean(np.square(X / scale), axis=0))
