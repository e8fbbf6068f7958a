"""Losses: how far the raw outputs O of a minibatch are from its targets y.

A loss is a function of the raw outputs (before any softmax or sigmoid) that returns a pair: the loss ``l_i`` of each
sample, shape (n,), and its slope ``d l_i / d o_i``, shape (n, q); they share what is costly, the exponentials. Softmax
and sigmoid live inside, by way of log-sum-exp, so nothing is clipped and nothing overflows: outputs of +-1e4 in float32
and +-1e300 in float64 give finite losses and right slopes. (The squared loss of numbers has no such trick: it overflows
where the square of an error does.)

The mean over the minibatch, and with it the factor 1/n, enters in one place: `shares`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twofold.functions.activations import ACTIVATIONS

sigmoid = ACTIVATIONS["sigmoid"].value

Array = NDArray[Any]
Pair = tuple[Array, Array]


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


def squared(O: Array, Y: Array) -> Pair:
    """``l = |o - y|^2 / 2``, ``d l / d o = o - y``; summed over outputs.

    PyTorch's MSELoss divides by the number of outputs as well, and not by 2.
    """
    R = O - Y  # (n, q)
    return np.square(R).sum(axis=1) / 2, R


def huber(O: Array, Y: Array) -> Pair:
    """``l = sum_j h(o_j - y_j)`` with ``h(r) = r^2 / 2`` where ``|r| <= 1``, else ``|r| - 1/2``.

    The slope is r cut to +-1. Huber (1964), doi:10.1214/aoms/1177703732, with the border at 1; for another border,
    divide the targets by it.
    """
    R = O - Y  # (n, q)
    slope = np.clip(R, -1, 1)  # (n, q)
    return (slope * (R - slope / 2)).sum(axis=1), slope


def absolute(O: Array, Y: Array) -> Pair:
    """``l = sum_j |o_j - y_j|``, ``d l / d o = sign(o - y)``, 0 at 0; its minimum is at medians."""
    R = O - Y  # (n, q)
    return np.abs(R).sum(axis=1), np.sign(R)


def cross_entropy(O: Array, y: Array) -> Pair:
    """``l = - sum_j y_j log softmax(o)_j``, ``d l / d o = softmax(o) - y``.

    With ``S = O - max``, ``log softmax(o)_j = s_j - log sum_i exp(s_i)``; for a class index y is one-hot.
    """
    S = O - O.max(axis=1, keepdims=True)  # (n, q)
    E = np.exp(S)  # (n, q)
    total = E.sum(axis=1, keepdims=True)  # (n, 1), between 1 and q
    if y.ndim == 1:
        return np.log(total[:, 0]) - S[np.arange(len(y)), y], _minus_target(E / total, y)
    # A row of probabilities in float32 sums to 1 only to rounding; its own sum keeps the slope that of the loss.
    return (y * (np.log(total) - S)).sum(axis=1), E * (y.sum(axis=1, keepdims=True) / total) - y


def softmax_squared(O: Array, y: Array) -> Pair:
    """``l = |p - y|^2 / 2`` with ``p = softmax(o)``: kept to show why it is too strict.

    With ``r = p - y``, ``d l / d o_j = p_j (r_j - sum_k p_k r_k)``.
    """
    P = softmax(O)  # (n, q)
    R = _minus_target(P.copy(), y)  # (n, q)
    return np.square(R).sum(axis=1) / 2, P * (R - (P * R).sum(axis=1, keepdims=True))


def sigmoid_cross_entropy(O: Array, Y: Array) -> Pair:
    """``l = sum_j log(1 + exp(o_j)) - y_j o_j``, ``d l / d o = sigma(o) - y``: each output a label, there or not."""
    losses = np.maximum(O, 0) - O * Y + np.log1p(np.exp(-np.abs(O)))  # (n, q)
    return losses.sum(axis=1), sigmoid(O) - Y


def smooth(pair: Pair, O: Array, y: Array, smoothing: float, *, labels: bool) -> Pair:
    """Turn the pair of a cross entropy into that of smoothed targets ``(1 - s) y + s u``, u spread evenly.

    For classes u is 1/q each (Szegedy et al. 2016, arXiv:1512.00567, section 7), for labels 1/2. The cross entropies
    are linear in y but for a term that stays, so ``l + s o (y - u)`` and ``d l / d o + s (y - u)`` are all it takes.

    Parameters
    ----------
    pair : Pair
        Losses (n,) and slope (n, q) of the targets as they are.
    O : ndarray, shape (n, q)
    y : ndarray, shape (n,) or (n, q)
    smoothing : float
        s, from 0 to less than 1.
    labels : bool
        Whether y are labels, several per sample.

    Returns
    -------
    losses : ndarray, shape (n,)
    slope : ndarray, shape (n, q)
    """
    losses, slope = pair
    away = _minus_target(np.full_like(O, 0.5 if labels else 1 / O.shape[1]), y)  # (n, q), u - y
    # The outputs' own level cancels for classes, where y and u both sum to 1: without it nothing large is left over.
    level = 0.0 if labels else O.max(axis=1, keepdims=True)
    return losses - smoothing * ((O - level) * away).sum(axis=1), slope - smoothing * away


def _minus_target(P: Array, y: Array) -> Array:
    """Subtract the targets, class indices (n,) or rows (n, q), from P (n, q) in place."""
    if y.ndim == 1:
        P[np.arange(len(y)), y] -= 1
    else:
        P -= y
    return P


def shares(n: int, weight: Array | None) -> Array | float:
    """Return each sample's share in the mean, summing to 1: here alone 1/n enters.

    Parameters
    ----------
    n : int
        Size of this minibatch; a smaller one divides by its own size.
    weight : ndarray of float, shape (n,), or None
        Non-negative sample weights; the mean is ``sum_i w_i l_i / sum_i w_i``. All 0: every share is 0.

    Returns
    -------
    float or ndarray, shape (n,)
        ``1 / n``, or ``w_i / sum_i w_i``.
    """
    if weight is None:
        return 1 / n
    total = weight.sum()
    return weight / total if total > 0 else weight


@dataclass(frozen=True)
class Loss:
    """A loss on raw outputs.

    Attributes
    ----------
    samples : callable
        Of (O, y): the pair of ``l_i`` (n,) and ``d l_i / d o_i`` (n, q).
    targets : {"numbers", "classes", "labels"}
        What y is: numbers (n, q); classes, as indices (n,) or rows of probabilities (n, q); or labels, several per
        sample, (n, q) in [0, 1].
    smoothable : bool
        Whether it is a cross entropy, which `smooth` knows how to change.
    pieces : callable, optional
        Of (O, y): the piece, of those that the loss is put together from, in which each output lies, (n, q); None for a
        loss of one piece.
    degree : int
        Power of the targets' unit that the loss is in: 1 of the absolute loss.
    """

    samples: Callable[[Array, Array], Pair]
    targets: Literal["numbers", "classes", "labels"]
    smoothable: bool = False
    pieces: Callable[[Array, Array], Array] | None = None
    degree: int = 2

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
        losses, _ = self.samples(O, y)
        return float((losses * shares(len(O), weight)).sum(dtype=np.float64))

    def gradient(self, O: Array, y: Array, weight: Array | None = None) -> Array:
        """Return the gradient of `value` with respect to O, shape (n, q); same parameters."""
        _, slope = self.samples(O, y)
        return average_slope(slope, weight)


def average_slope(slope: Array, weight: Array | None) -> Array:
    """Turn each sample's slope (n, q) into the gradient of the mean, ``dO`` (n, q)."""
    share = shares(len(slope), weight)
    return slope * (share if isinstance(share, float) else share[:, None])


LOSSES: dict[str, Loss] = {
    "squared": Loss(squared, "numbers"),
    "huber": Loss(huber, "numbers", pieces=lambda O, Y: np.clip(np.floor((O - Y + 1) / 2), -1, 1)),
    "absolute": Loss(absolute, "numbers", pieces=lambda O, Y: np.sign(O - Y), degree=1),
    "cross_entropy": Loss(cross_entropy, "classes", smoothable=True),
    "softmax_squared": Loss(softmax_squared, "classes"),
    "sigmoid_cross_entropy": Loss(sigmoid_cross_entropy, "labels", smoothable=True),
}
