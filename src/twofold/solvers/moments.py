"""Least squares over data that does not fit in memory: blocks reduce to sums that merge in any order.

The state is ``M = Z' diag(w) Z`` with ``Z = [1, X, Y]``, held in pairs of doubles. That is not the naive Gram matrix:
forming one in doubles loses cond^2 * 1e-16, a streaming QR in doubles cond * 1e-16; this one, of products that are
exact (see `exact_gram`), cond^2 * 1e-32, which is the least of the three for every condition below 1e16. And it merges
by addition: pieces computed apart, in other processes or on other days, give the same answer in any order.

A block whose own condition is at most 100 is summed in doubles: that costs at most four digits of sixteen, and runs at
the speed of memory. Sums of positive semidefinite matrices are no worse conditioned than their parts of equal scale.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError
from twofold.solvers import pairs
from twofold.solvers.border import check_finite, check_problem
from twofold.solvers.exact_gram import exact_gram
from twofold.solvers.gram import scaled_cholesky
from twofold.solvers.pairs import Pair

Array = NDArray[np.float64]
MOST_CONDITION = 100.0  # of a block that is summed in doubles
BLOCK_ROWS = 1 << 14
LARGEST = 1e280
FORMAT = "twofold-moments-1"


@dataclass
class Moments:
    """Sums over samples from which least squares is solved; grows with d^2, not with n.

    Parameters
    ----------
    features, targets : int
        d and q.

    Attributes
    ----------
    M : Pair, shape (1 + d + q, 1 + d + q)
        ``[1, X, Y]' diag(w) [1, X, Y]``.
    n : int
        Samples of positive weight.
    log_weights : float
    rounding : float
        Relative error of the worst block: 2**-52 where one was summed in doubles, 2**-104 otherwise.

    Examples
    --------
    >>> monday, tuesday = Moments(1, 1), Moments(1, 1)
    >>> monday.add([[1.0], [2.0]], [[3.0], [5.0]])
    >>> tuesday.add([[3.0]], [[7.0]])
    >>> monday.merge(tuesday)
    >>> from twofold.solvers import solve_moments
    >>> solve_moments(monday).W
    array([[2.]])
    """

    features: int
    targets: int
    M: Pair = field(init=False)
    n: int = 0
    log_weights: float = 0.0
    rounding: float = 2.0**-104

    def __post_init__(self) -> None:
        size = 1 + self.features + self.targets
        self.M = pairs.pair(np.zeros((size, size)))

    def add(self, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Take in a block of samples.

        Parameters
        ----------
        X : array, shape (n, d)
        Y : array, shape (n, q)
        sample_weight : array, shape (n,), optional

        Raises
        ------
        DataError
            If a shape or number is not right; the state is then as it was.
        """
        problem = check_problem(X, Y, sample_weight, intercept=True, penalty=0.0)
        features = problem.X.high
        if features.shape[1] != self.features or problem.Y.shape[1] != self.targets:
            raise DataError(
                f"a block has {features.shape[1]} features and {problem.Y.shape[1]} targets; "
                f"those before it had {self.features} and {self.targets}"
            )
        check_finite("X", features)
        Z = np.empty((self.M.high.shape[0], len(features))).T  # (n, k), a column at a time in memory
        Z[:, 0] = 1.0
        Z[:, 1 : 1 + self.features] = features
        Z[:, 1 + self.features :] = problem.Y
        self.add_columns(Z, problem.weight)

    def add_columns(self, Z: Array, weight: Array | None = None) -> None:
        """Take in numbers ``[1, X, Y]``, (n, 1 + d + q); raise `DataError` if one is not finite or above 1e140."""
        added, rounding = pairs.pair(np.zeros(self.M.high.shape)), self.rounding
        for start in range(0, len(Z), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            part, error = _block(Z[rows], None if weight is None else weight[rows])
            added, rounding = pairs.add(added, part), max(rounding, error)
        self.M, self.rounding = pairs.add(self.M, added), rounding
        self.n += len(Z) if weight is None else int((weight > 0).sum())
        self.log_weights += 0.0 if weight is None else float(np.log(weight[weight > 0]).sum())

    def merge(self, other: Moments) -> None:
        """Add the sums of samples taken in elsewhere."""
        if (other.features, other.targets) != (self.features, self.targets):
            raise DataError(
                f"pieces of {self.features} and {other.features} features, {self.targets} and {other.targets} targets "
                "don't merge; they must be of the same columns"
            )
        self.M = pairs.add(self.M, other.M)
        self.n += other.n
        self.log_weights += other.log_weights
        self.rounding = max(self.rounding, other.rounding)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain lists and numbers, for JSON; every double comes back as it was."""
        return {
            "format": FORMAT,
            "features": self.features,
            "targets": self.targets,
            "n": self.n,
            "log_weights": self.log_weights,
            "rounding": self.rounding,
            "high": self.M.high.tolist(),
            "low": self.M.low.tolist(),
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Moments:
        """Build the state that `to_dict` wrote.

        Raises
        ------
        DataError
            If it is not such a state.
        """
        if not hasattr(state, "get") or state.get("format") != FORMAT:
            raise DataError(f"not a state of moments: expected a dictionary with format {FORMAT!r}")
        try:
            moments = cls(int(state["features"]), int(state["targets"]))
            M = Pair(np.array(state["high"], dtype=np.float64), np.array(state["low"], dtype=np.float64))
            moments.n, moments.log_weights = int(state["n"]), float(state["log_weights"])
            moments.rounding = float(state["rounding"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"a state of moments that is damaged: {error!r}; write it again with to_dict") from error
        if M.high.shape != moments.M.high.shape or M.low.shape != M.high.shape or not np.isfinite(M.high).all():
            raise DataError(f"a state of moments that is damaged: its matrix has shape {M.high.shape}")
        moments.M = M
        return moments


def _block(Z: Array, weight: Array | None) -> tuple[Pair, float]:
    """Sum one block: in doubles if its condition allows it, exactly otherwise."""
    scaled = Z if weight is None else Z * np.sqrt(weight)[:, None]
    with np.errstate(all="ignore"):
        G = scaled.T @ scaled
    diagonal = np.diag(G)
    if not (diagonal < LARGEST).all():  # true of NaN too
        check_finite("[1, X, Y]", Z)
        raise DataError(f"numbers reach {np.abs(Z).max():.1e}; their squares must stay below 1e280: rescale")
    if (diagonal > 1.0 / LARGEST).all():
        unit = 1.0 / np.sqrt(diagonal)
        if scaled_cholesky(G * unit * unit[:, None])[0] <= MOST_CONDITION:
            return pairs.pair(G), 2.0**-52
    return exact_gram(Z, weight), 2.0**-104


def collect_moments(blocks: Iterable[tuple[ArrayLike, ...]]) -> Moments:
    """Reduce blocks ``(X, Y)`` or ``(X, Y, sample_weight)`` to their moments.

    Parameters
    ----------
    blocks : iterable of tuples of arrays, shapes (n, d), (n, q) and (n,)

    Returns
    -------
    Moments

    Raises
    ------
    DataError
        If there is no block, or one is not right: its number is in the message.
    """
    moments: Moments | None = None
    for number, block in enumerate(blocks):
        try:
            X, Y, *weight = block
            if moments is None:
                moments = Moments(np.shape(X)[-1], np.shape(Y)[-1])
            moments.add(X, Y, *weight)
        except DataError as error:
            raise DataError(f"block {number}: {error}") from error
    if moments is None:
        raise DataError("there are no blocks; give at least one (X, Y)")
    return moments
