"""Losses: how far the raw outputs O of a minibatch are from its targets y.

A loss is a pair of functions of the raw outputs (before any softmax or sigmoid): the loss ``l_i`` of each sample and
its slope ``d l_i / d o_i``. Softmax and sigmoid live inside, by way of log-sum-exp, so nothing is clipped and nothing
overflows: outputs of +-1e4 in float32 and +-1e300 in float64 give finite losses and right gradients.

The mean over the minibatch, and with it the factor 1/n, enters in one place: `shares`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twofold.functions.activations import sigmoid

Array = NDArray[Any]


def softmax(O: Array) -> Array:
    """Turn each row of outputs into probabilities: ``y_hat_j = exp(o_j) / sum_i exp(o_i)``.

    Parameters
    ----------
    O : ndarray of float, shape (n, q)
        Raw outputs; the largest of a row is subtracted first, which changes nothing but the range.

    Returns
    -------
    ndarray, shape (n, q)
        Positive rows that sum to 1, of O's dtype.

    Examples
    --------
    >>> softmax(np.array([[1000.0, 1000.0]]))
    array([[0.5, 0.5]])
    """
    E = np.exp(O - O.max(axis=1, keepdims=True))  # (n, q)
    return E / E.sum(axis=1, keepdims=True)


def log_sum_exp(O: Array) -> Array:
    """Return ``log sum_j exp(o_j)`` of each row, shape (n, 1); finite wherever O is."""
    largest = O.max(axis=1, keepdims=True)  # (n, 1)
    return largest + np.log(np.exp(O - largest).sum(axis=1, keepdims=True))


def squared(O: Array, Y: Array) -> Array:
    """``l_i = |o_i - y_i|^2 / 2``: summed over outputs (PyTorch's MSELoss divides by their number, and not by 2)."""
    return np.square(O - Y).sum(axis=1) / 2


def squared_slope(O: Array, Y: Array) -> Array:
    """``d l / d o = o - y``."""
    return O - Y


def cross_entropy(O: Array, y: Array) -> Array:
    """``l_i = - sum_j y_j log softmax(o)_j``; for a class index y this is ``log sum_j exp(o_j) - o_y``."""
    if y.ndim == 1:
        return (log_sum_exp(O) - np.take_along_axis(O, y[:, None], axis=1))[:, 0]
    return (y * (log_sum_exp(O) - O)).sum(axis=1)


def cross_entropy_slope(O: Array, y: Array) -> Array:
    """``d l / d o = softmax(o) - y``, y one-hot or a row of probabilities."""
    return _minus_target(softmax(O), y)


def softmax_squared(O: Array, y: Array) -> Array:
    """``l_i = |softmax(o) - y|^2 / 2``: kept to show why it is too strict."""
    return np.square(_minus_target(softmax(O), y)).sum(axis=1) / 2


def softmax_squared_slope(O: Array, y: Array) -> Array:
    """``d l / d o_j = p_j (r_j - sum_k p_k r_k)`` with ``p = softmax(o)``, ``r = p - y``."""
    P = softmax(O)  # (n, q)
    R = _minus_target(P.copy(), y)  # (n, q)
    return P * (R - (P * R).sum(axis=1, keepdims=True))


def sigmoid_cross_entropy(O: Array, Y: Array) -> Array:
    """``l_i = sum_j log(1 + exp(o_j)) - y_j o_j``: every output is a label of its own, there or not."""
    return (np.maximum(O, 0) - O * Y + np.log1p(np.exp(-np.abs(O)))).sum(axis=1)


def sigmoid_cross_entropy_slope(O: Array, Y: Array) -> Array:
    """``d l / d o = sigma(o) - y``."""
    return sigmoid(O) - Y


def _minus_target(P: Array, y: Array) -> Array:
    """Subtract the targets, class indices (n,) or rows (n, q), from P (n, q) in place."""
    if y.ndim == 1:
        P[np.arange(len(y)), y] -= 1
    else:
        P -= y
    return P


def shares(n: int, weight: Array | None, dtype: Any) -> Array:
    """Return each sample's share in the mean, summing to 1: here alone 1/n enters.

    Parameters
    ----------
    n : int
        Size of this minibatch; a short last one divides by its own size.
    weight : ndarray of float, shape (n,), or None
        Non-negative sample weights; the mean is ``sum_i w_i l_i / sum_i w_i``. All 0: every share is 0.
    dtype : dtype
        Of the result.

    Returns
    -------
    ndarray, shape (n, 1)
    """
    if weight is None:
        return np.full((n, 1), 1 / n, dtype=dtype)
    total = weight.sum()
    return (weight / total if total > 0 else weight)[:, None].astype(dtype, copy=False)


@dataclass(frozen=True)
class Loss:
    """A loss on raw outputs.

    Attributes
    ----------
    samples, slope : callable
        ``l_i`` (n,) and ``d l_i / d o_i`` (n, q), each of (O, y).
    targets : {"numbers", "classes", "labels"}
        What y is: numbers (n, q); classes, as indices (n,) or rows of probabilities (n, q); or labels, several per
        sample, (n, q) in [0, 1].
    probabilities : callable
        From raw outputs to the model's prediction Y_hat: softmax, sigmoid, or the outputs themselves.
    """

    samples: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    targets: Literal["numbers", "classes", "labels"]
    probabilities: Callable[[Array], Array]

    @property
    def least_outputs(self) -> int:
        """Fewest outputs that make sense: two for classes, which compete."""
        return 2 if self.targets == "classes" else 1

    def value(self, O: Array, y: Array, weight: Array | None = None) -> float:
        """Return the (weighted) mean loss of a minibatch.

        Parameters
        ----------
        O : ndarray of float, shape (n, q)
            Raw outputs.
        y : ndarray
            Targets as `targets` says.
        weight : ndarray of float, shape (n,), optional
            Sample weights.

        Returns
        -------
        float
        """
        return float(shares(len(O), weight, np.float64)[:, 0] @ self.samples(O, y))

    def gradient(self, O: Array, y: Array, weight: Array | None = None) -> Array:
        """Return the gradient of `value` with respect to O, shape (n, q); same parameters."""
        return self.slope(O, y) * shares(len(O), weight, O.dtype)


LOSSES: dict[str, Loss] = {
    "squared": Loss(squared, squared_slope, "numbers", lambda O: O),
    "cross_entropy": Loss(cross_entropy, cross_entropy_slope, "classes", softmax),
    "softmax_squared": Loss(softmax_squared, softmax_squared_slope, "classes", softmax),
    "sigmoid_cross_entropy": Loss(sigmoid_cross_entropy, sigmoid_cross_entropy_slope, "labels", sigmoid),
}
