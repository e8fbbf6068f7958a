"""Whether a target of heavy tail is better predicted on a logarithmic scale: ridge regression tries both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.randomness import Purpose, stream

Array = NDArray[Any]

MIN_SKEWNESS = 1.0  # of a target for which a logarithm is tried
MAX_TRIED_ROWS = 2000
MIN_GAIN = 0.1  # of the logarithm of the two errors' product: less is within what the rows drawn decide
PENALTIES = (1e-3, 1e-2, 1e-1)  # over the rows; features are about standardised
MAX_BENT = 700.0  # whose sinh is a double


def infer_bend(X: Array, y: Array) -> float | None:
    """Return the size above which a target is taken as its logarithm; None if that predicts no better.

    Ridge regression predicts each of up to 2000 rows without it, of ``y`` and of ``asinh(y / bend)``. The logarithm is
    taken if the product of root mean squared and mean absolute error, both in the unit of y, is less by a tenth then.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Features of the training rows.
    y : ndarray, shape (n,)

    Returns
    -------
    float or None

    Examples
    --------
    >>> x = np.linspace(-2, 2, 200)
    >>> infer_bend(x[:, None], np.exp(3 * x)) is not None, infer_bend(x[:, None], 3 + x)
    (True, None)
    """
    positive = y[y > 0]
    if y.min() < 0 or not positive.size or _skewness(y) < MIN_SKEWNESS:
        return None
    bend = float(np.quantile(positive, 0.1))
    rows = stream(0, Purpose.SPLIT, 3).permutation(len(y))[:MAX_TRIED_ROWS]
    X, y = X[rows].astype(np.float64), y[rows]
    if y.min() == y.max() or not bend / y.max() > 1e-12:
        return None
    plain = min(_error(y, z) for z in _left_out(X, y))
    bent = min(_error(y, bend * np.sinh(np.clip(z, -MAX_BENT, MAX_BENT))) for z in _left_out(X, np.arcsinh(y / bend)))
    return bend if bent < plain - MIN_GAIN else None


def _skewness(y: Array) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        z = (y - y.mean()) / (y.std() or 1.0)
        return float(np.nan_to_num((z**3).mean()))


def _left_out(X: Array, z: Array) -> list[Array]:
    """Predict each row by ridge regression of the others, for each penalty: ``z_i - e_i / (1 - h_i)``."""
    n = len(z)
    X, around = X - X.mean(axis=0), z - z.mean()
    values, V = np.linalg.eigh(X.T @ X / n)
    A = X @ V  # (n, d)
    predicted = []
    for penalty in PENALTIES:
        shrunk = A / (np.maximum(values, 0) + penalty) / n
        leverage = np.minimum((A * shrunk).sum(axis=1) + 1 / n, 1 - 1e-6)
        predicted.append(z - (around - shrunk @ (A.T @ around)) / (1 - leverage))
    return predicted


def _error(y: Array, predicted: Array) -> float:
    """Return the logarithm of the product of root mean squared and mean absolute error, within the range of y."""
    errors = np.abs(y - np.clip(predicted, y.min(), y.max())) / y.max()
    return float(np.log(max(np.sqrt((errors**2).mean()) * errors.mean(), 1e-300)))
