"""Separated samples: a combination of columns that tells targets apart, found by linear programming.

Where one exists, the likelihood grows for ever along it and has no maximum at finite coefficients. Newton's method
alone can't tell: its steps become no smaller, and standard errors grow without bound.

References
----------
Albert, Anderson, "On the existence of maximum likelihood estimates in logistic regression models", Biometrika 71, 1984.
Konis, "Linear programming algorithms for detecting separated data in binary logistic regression models", Oxford, 2007.
Correia, Guimaraes, Zylkin, "Verifying the existence of maximum likelihood estimates for generalized linear models",
arXiv:1903.01633, 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from twofold.errors import SeparationError

Array = NDArray[np.float64]
MIN_MARGIN = 1e-7  # of a column's unit: a margin above rounding
MAX_NAMES = 5  # columns that are named


@dataclass(frozen=True)
class Separation:
    """A direction along which the likelihood never falls.

    Attributes
    ----------
    direction : ndarray, shape (p,)
        Coefficients, of columns scaled to a largest entry of 1; the intercept first, if there is one.
    complete : bool
        Whether every sample is on its side; otherwise some lie on the border (quasi-complete).
    samples : ndarray of int
        Those whose fit goes to 0 or 1 (of counts, to 0).
    """

    direction: Array
    complete: bool
    samples: NDArray[np.intp]


def find_separation(X: Array, y: Array, *, counts: bool = False, intercept: bool = True) -> Separation | None:
    """Search a direction z with ``sign_i a_i z >= 0`` for all samples and ``> 0`` for some.

    Parameters
    ----------
    X : ndarray, shape (n, d)
    y : ndarray, shape (n,)
        Shares from 0 to 1, whose sign is known at the ends alone; or counts, where z must be 0 on those above 0.
    counts : bool
    intercept : bool

    Returns
    -------
    Separation or None
        None if the maximum exists.

    Examples
    --------
    >>> find_separation(np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0.0, 0.0, 1.0, 1.0])).complete
    True
    >>> find_separation(np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0.0, 1.0, 0.0, 1.0])) is None
    True
    """
    sign = np.where(y > 0, 0.0, -1.0) if counts else np.where(y >= 1, 1.0, np.where(y <= 0, -1.0, 0.0))
    A = _centred(X, intercept=intercept)
    return _search(A * np.where(sign == 0, 1.0, sign)[:, None], np.arange(len(A)), free=sign == 0)


def find_class_separation(X: Array, y: NDArray[np.intp], classes: int, *, intercept: bool = True) -> Separation | None:
    """Search directions z_j of the classes with ``a_i (z_y - z_j) >= 0`` for every sample and other class.

    Parameters
    ----------
    X : ndarray, shape (n, d)
    y : ndarray of int, shape (n,)
        Class indices.
    classes : int
    intercept : bool

    Returns
    -------
    Separation or None
        Its direction has the classes' one after the other.
    """
    A = _centred(X, intercept=intercept)
    n, p = A.shape
    rows = np.zeros((classes, n, classes, p))  # of other class j and sample i
    for j in range(classes):
        rows[j, np.arange(n), y] += A
        rows[j, :, j] -= A
    place = (np.arange(classes)[:, None] != y).ravel()
    sample = np.broadcast_to(np.arange(n), (classes, n)).ravel()[place]
    return _search(rows.reshape(classes * n, classes * p)[place], sample, free=np.zeros(len(sample), dtype=bool))


def _centred(X: Array, *, intercept: bool) -> Array:
    """Return the columns, with ones in front and about their means if there is an intercept, scaled to 1 at most."""
    centre = X.mean(axis=0) if intercept else np.zeros(X.shape[1])
    A = np.column_stack([np.ones((len(X), int(intercept))), X - centre])
    return A / np.maximum(np.abs(A).max(axis=0, initial=0.0), 1e-300)


def _search(A: Array, sample: NDArray[np.intp], *, free: NDArray[np.bool_]) -> Separation | None:
    """Maximise the sum of ``a_i z``, each at least 0, and 0 of those that are free; every z within +-1."""
    signed = A[~free]
    if not signed.size:
        return None
    found = scipy.optimize.linprog(
        -signed.sum(axis=0),
        A_ub=-signed,
        b_ub=np.zeros(len(signed)),
        A_eq=A[free] if free.any() else None,
        b_eq=np.zeros(int(free.sum())) if free.any() else None,
        bounds=(-1.0, 1.0),
        method="highs",
    )
    if found.x is None:
        return None
    margin = signed @ found.x
    if margin.max() <= MIN_MARGIN or margin.min() < -MIN_MARGIN * margin.max():
        return None
    told = np.unique(sample[~free][margin > MIN_MARGIN])
    widest = 0.0 if free.any() else _widest_margin(signed)
    return Separation(found.x, complete=widest > MIN_MARGIN, samples=told)


def _widest_margin(signed: Array) -> float:
    """Return the largest t with ``a_i z >= t`` for all samples."""
    found = scipy.optimize.linprog(
        np.append(np.zeros(signed.shape[1]), -1.0),
        A_ub=np.column_stack([-signed, np.ones(len(signed))]),
        b_ub=np.zeros(len(signed)),
        bounds=[*[(-1.0, 1.0)] * signed.shape[1], (None, None)],
        method="highs",
    )
    return 0.0 if found.x is None else float(found.x[-1])


def refuse_separation(
    found: Separation | None, names: Sequence[str] | None, *, intercept: bool, what: str = "y = 0 and y = 1"
) -> None:
    """Raise `SeparationError`, naming the columns, if there is a separation.

    Parameters
    ----------
    found : Separation or None
    names : sequence of str, optional
        Of the features.
    intercept : bool
    what : str
        What is told apart.
    """
    if found is None:
        return
    first = int(intercept)
    d = len(names) if names is not None else None
    per_class = found.direction.reshape(-1, d + first) if d is not None else found.direction[None]
    used = np.flatnonzero(np.abs(per_class[:, first:]).max(axis=0, initial=0.0) > MIN_MARGIN)
    labels = [names[j] if names is not None else f"x{j}" for j in used.tolist()]
    more = f" and {len(labels) - MAX_NAMES} more" if len(labels) > MAX_NAMES else ""
    by = f" by {', '.join(labels[:MAX_NAMES])}{more}" if labels else ""
    how = "completely" if found.complete else f"in {len(found.samples)} samples"
    raise SeparationError(
        f"{what} are told apart {how}{by} (separation): the likelihood has no maximum and coefficients would grow "
        "for ever; leave out or join columns or levels, or take a penalty: SoftmaxRegression(C=1)"
    )
