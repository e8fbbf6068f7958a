"""The analytical solution of linear regression: the exact minimiser of the mean squared loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError
from twofold.network import Layer, Parameters

Array = NDArray[Any]


@dataclass(frozen=True)
class LeastSquares:
    """The minimiser of ``L(W, b) = (1/2) sum_i w_i |x_i W + b - y_i|^2 / sum_i w_i``.

    Attributes
    ----------
    W : ndarray of float64, shape (d, q)
        Where columns depend on each other, the solution that is shortest after columns are scaled to length 1.
    b : ndarray of float64, shape (q,)
    loss : float
        L at (W, b).
    rank : int
        Number of independent columns, without the bias; less than d if some depend on others.
    """

    W: Array
    b: Array
    loss: float
    rank: int

    @property
    def parameters(self) -> Parameters:
        """The solution as the parameters of a network with one layer."""
        return (Layer(self.W, self.b),)


def solve_least_squares(X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None) -> LeastSquares:
    """Solve linear regression exactly.

    Features and targets are centred (the bias is then ``mean(y) - mean(x) W``), columns scaled to length 1, and the
    rest is solved by the singular value decomposition: no normal equations, which square the condition number
    (Golub and Van Loan 2013, section 5.3).

    Parameters
    ----------
    X : array, shape (n, d)
    Y : array, shape (n, q)
    sample_weight : array, shape (n,), optional
        Non-negative, not all 0.

    Returns
    -------
    LeastSquares

    Raises
    ------
    DataError
        If shapes don't fit, there are no samples, or a number is not finite.

    Examples
    --------
    >>> solution = solve_least_squares([[1.0], [2.0], [3.0]], [[3.0], [5.0], [7.0]])
    >>> solution.W.round(12), solution.b.round(12)
    (array([[2.]]), array([1.]))
    """
    X, Y, weight = _checked(X, Y, sample_weight)
    share = weight / weight.sum()  # (n,)
    x_mean, y_mean = share @ X, share @ Y  # (d,), (q,)
    root = np.sqrt(share)[:, None]  # (n, 1)
    A, B = root * (X - x_mean), root * (Y - y_mean)  # (n, d), (n, q)
    length = np.sqrt(np.square(A).sum(axis=0))  # (d,)
    # What centring leaves of a constant column is rounding: it must not be blown up to length 1.
    constant = length <= X.shape[0] * np.finfo(np.float64).eps * np.abs(X).max(axis=0)
    length[constant] = 1.0
    A[:, constant] = 0.0
    V, _, rank, _ = scipy.linalg.lstsq(A / length, B)
    W = V / length[:, None]  # (d, q)
    b = y_mean - x_mean @ W  # (q,)
    residual = X @ W + b - Y  # (n, q)
    return LeastSquares(W, b, float(share @ np.square(residual).sum(axis=1)) / 2, int(rank))


def _checked(X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Array, Array, Array]:
    """Bring the arguments to float64 arrays that fit each other."""
    arrays = {"X": np.asarray(X), "Y": np.asarray(Y)}
    for name, array in arrays.items():
        if array.ndim != 2:
            raise DataError(f"{name} has shape {array.shape}; expected a table, (n, {'d' if name == 'X' else 'q'})")
    X, Y = (array.astype(np.float64) for array in arrays.values())
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if len(X) == 0 or len(Y) != len(X) or weight.shape != (len(X),):
        raise DataError(
            f"X has shape {X.shape}, Y {Y.shape}, sample_weight {weight.shape}; they need the same n, at least 1"
        )
    for name, array in (("X", X), ("Y", Y), ("sample_weight", weight)):
        if not np.isfinite(array).all():
            raise DataError(f"{name} holds a number that is not finite")
    if (weight < 0).any() or not weight.any():
        raise DataError("sample_weight must not be negative, nor 0 everywhere")
    return X, Y, weight
