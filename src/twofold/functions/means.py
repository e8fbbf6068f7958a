"""From the losses of samples to that of a minibatch: the mean, where 1/n enters, and smoothed targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twofold.functions.targets import Targets

    Array = NDArray[Any]
    Pair = tuple[Array, Array]


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


def mean_gradient(gradient: Array, weight: Array | None) -> Array:
    """Turn each sample's gradient (n, q) into the gradient of the mean, ``dO`` (n, q)."""
    share = shares(len(gradient), weight)
    return gradient * (share if isinstance(share, float) else share[:, None])


def smooth(pair: Pair, O: Array, y: Array, smoothing: float, *, targets: Targets) -> Pair:
    """Turn the pair of a cross entropy into that of smoothed targets ``(1 - s) y + s u``, u spread evenly.

    For classes u is 1/q each (Szegedy et al. 2016, arXiv:1512.00567, section 7), for labels 1/2. The cross entropies
    are linear in y but for a term that stays, so ``l + s o (y - u)`` and ``d l / d o + s (y - u)`` are all it takes.

    Parameters
    ----------
    pair : Pair
        Losses (n,) and gradient (n, q) of the targets as they are.
    O : ndarray, shape (n, q)
    y : ndarray, shape (n,) or (n, q)
    smoothing : float
        s, from 0 to less than 1.
    targets : Targets
        What y are: classes or labels.

    Returns
    -------
    losses : ndarray, shape (n,)
    gradient : ndarray, shape (n, q)
    """
    import numpy as np

    losses, gradient = pair
    away = minus_target(np.full_like(O, targets.even(O.shape[1])), y)  # (n, q), u - y
    # The outputs' own level cancels for classes, where y and u both sum to 1: without it nothing large is left over.
    level = O.max(axis=1, keepdims=True) if targets.compete else 0.0
    return losses - smoothing * ((O - level) * away).sum(axis=1), gradient - smoothing * away


def minus_target(P: Array, y: Array) -> Array:
    """Subtract the targets, class indices (n,) or rows (n, q), from P (n, q) in place."""
    import numpy as np

    if y.ndim == 1:
        P[np.arange(len(y)), y] -= 1
    else:
        P -= y
    return P
