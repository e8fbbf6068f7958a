"""Least squares over data that does not fit in memory: blocks reduce to sums that merge in any order.

The state is ``M = Z' diag(w) Z`` with ``Z = [1, X, Y]``, to fourfold precision. That is not the naive Gram matrix:
forming one in doubles loses cond^2 * 1e-16, a streaming QR in doubles cond * 1e-16; this one, of products that are
exact (see `exact_gram`), cond^2 * 1e-60, which leaves all digits of a double for every condition below 1e16. And it
merges by addition: pieces computed apart, in other processes or on other days, give the same answer in any order.

A block whose features have a condition c of at most 100 is summed in doubles, at the speed of memory. Its error is as
if its numbers had been changed by about c eps each; being small against the block's own matrix, it stays small whatever
the other blocks are like (see `noise`), and is counted in the digits that the solution tells. With its targets, the
condition may be 1000: residuals are then at least a thousandth of the targets, and their squares keep ten digits.

With ``exact`` no block is summed in doubles. The sums are then those of real numbers down to about 2**-200 of the
largest, which does not depend on how rows are dealt to blocks, nor on their order; `Moments.settled` gives them the one
form that these numbers have, and what is solved from it is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, show
from twofold.solvers.exact_products import exact_gram
from twofold.solvers.expansions import PARTS, accumulate, canonical
from twofold.solvers.gram import condition_of_gram
from twofold.solvers.input_checks import check_finite, check_problem

Array = NDArray[np.float64]
MAX_CONDITION = 100.0  # of the features of a block that is summed in doubles
MAX_CONDITION_WITH_TARGETS = 1000.0
BLOCK_ROWS = 1 << 14
MAX_MOMENT = 1e280
FORMAT = "twofold-moments-2"


@dataclass
class Moments:
    """Sums over samples from which least squares is solved; grows with d^2, not with n.

    Parameters
    ----------
    features, targets : int
        d and q.

    Attributes
    ----------
    parts : ndarray, shape (4, 1 + d + q, 1 + d + q)
        ``[1, X, Y]' diag(w) [1, X, Y]`` is their sum over the first axis, see `twofold.solvers.expansions`.
    noise : ndarray, shape (1 + d + q, 1 + d + q)
        What rounding may have done: where E is the error of M and z any vector, ``z'Ey`` is at most about eps times
        the root of ``z'noise z`` times the root of ``y'My``. 0 if every block was summed exactly.
    n : int
        Samples of positive weight.
    log_weights : float
        Sum of the logarithms of positive weights.
    exact : bool
        Sum every block exactly, which takes about ten times as long as in doubles.

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
    parts: Array = field(init=False, repr=False)
    noise: Array = field(init=False, repr=False)
    n: int = 0
    log_weights: float = 0.0
    exact: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        size = 1 + self.features + self.targets
        self.parts, self.noise = np.zeros((PARTS, size, size)), np.zeros((size, size))

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
        problem = check_problem(X, Y, sample_weight, intercept=True, penalty=0.0, weightless=True)
        features = problem.X.high
        if features.shape[1] != self.features or problem.Y.shape[1] != self.targets:
            raise DataError(
                f"a block has {features.shape[1]} features and {problem.Y.shape[1]} targets; "
                f"those before it had {self.features} and {self.targets}"
            )
        check_finite("X", features)
        memory = np.empty(len(self.noise) * min(BLOCK_ROWS, len(features)))

        def block(rows: slice) -> Array:
            m = len(features[rows])
            Z = memory[: len(self.noise) * m].reshape(-1, m).T  # (m, k), a column at a time in memory, without gaps
            Z[:, 0] = 1.0
            Z[:, 1 : 1 + self.features] = features[rows]
            Z[:, 1 + self.features :] = problem.Y[rows]
            return Z

        self._add_blocks(len(features), block, problem.weight)

    def add_columns(self, Z: Array, weight: Array | None = None) -> None:
        """Take in numbers ``[1, X, Y]``, (n, 1 + d + q); raise `DataError` if one is not finite or above 1e140."""
        self._add_blocks(len(Z), Z.__getitem__, weight)

    def _add_blocks(self, n: int, block: Callable[[slice], Array], weight: Array | None) -> None:
        """Take in n samples, so many at a time that the cache holds them; all or, if a number is not right, none."""
        parts, noise = self.parts.copy(), self.noise.copy()
        for start in range(0, n, BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            Z, w = block(rows), None if weight is None else weight[rows]
            added, error = _block(Z, w, None if self.exact else 1 + self.features)
            for part in added:
                accumulate(parts, part)
            noise += error
        self.parts, self.noise = parts, noise
        self.n += n if weight is None else int((weight > 0).sum())
        self.log_weights += 0.0 if weight is None else float(np.log(weight[weight > 0]).sum())

    def merge(self, other: Moments) -> None:
        """Add the sums of samples taken in elsewhere."""
        if (other.features, other.targets) != (self.features, self.targets):
            raise DataError(
                f"pieces of {self.features} and {other.features} features, {self.targets} and {other.targets} targets "
                "don't merge; they must be of the same columns"
            )
        self.parts, added = self.parts.copy(), other.parts.copy()  # other may be self
        for part in added:
            accumulate(self.parts, part)
        self.noise = self.noise + other.noise
        self.n += other.n
        self.log_weights += other.log_weights

    def settled(self) -> Moments:
        """Return the same sums in their one form: each number's parts, as far as doubles go, from the largest down."""
        found = Moments(self.features, self.targets, self.n, self.log_weights, exact=self.exact)
        found.parts, found.noise = canonical(self.parts), self.noise
        return found

    def on_columns(self, features: NDArray[np.intp], target: int) -> Moments:
        """Leave out all features but some, and all targets but one."""
        index = np.concatenate([[0], 1 + features, [1 + self.features + target]]).astype(np.intp)
        found = Moments(len(features), 1, n=self.n, log_weights=self.log_weights)
        found.parts, found.noise = self.parts[:, index[:, None], index], self.noise[np.ix_(index, index)]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain lists and numbers, for JSON; every double comes back as it was."""
        return {
            "format": FORMAT,
            "features": self.features,
            "targets": self.targets,
            "n": self.n,
            "log_weights": self.log_weights,
            "parts": self.parts.tolist(),
            "noise": self.noise.tolist(),
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
            parts = np.array(state["parts"], dtype=np.float64)
            noise = np.array(state["noise"], dtype=np.float64)
            features, targets = int(state["features"]), int(state["targets"])
            n, log_weights = int(state["n"]), float(state["log_weights"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(f"a state of moments that is damaged: {error!r}; write it again with to_dict") from error
        k = 1 + features + targets
        # Told before any memory is taken for them: a number is soon written.
        shapes = features >= 0 < targets and (parts.shape[1:], noise.shape) == ((k, k), (k, k))
        moments = cls(features, targets) if shapes else None
        if (
            moments is None
            or parts.shape != moments.parts.shape
            or not (np.isfinite(parts).all() and np.isfinite(noise).all())
        ):
            raise DataError(
                f"a state of moments that is damaged: its matrices have shapes {parts.shape}, {noise.shape}"
            )
        moments.n, moments.log_weights = n, log_weights
        moments.parts, moments.noise = parts, noise
        return moments


def _block(Z: Array, weight: Array | None, p: int | None) -> tuple[Array, Array]:
    """Sum one block; return its parts, (1 or 4, k, k), and its noise.

    In doubles if the condition of its first p columns allows it; never if p is None.
    """
    scaled = Z if weight is None else Z * np.sqrt(weight)[:, None]
    with np.errstate(all="ignore"):
        G = np.dot(scaled.T, scaled)  # not matmul, which keeps Python's lock where the result is small
    diagonal = np.diag(G)
    if not (diagonal < MAX_MOMENT).all():  # true of NaN too
        check_finite("[1, X, Y]", Z)
        raise DataError(f"numbers reach {np.abs(Z).max():.1e}; their squares must stay below 1e280: rescale")
    if p is not None and (diagonal > 1.0 / MAX_MOMENT).all():
        unit = 1.0 / np.sqrt(diagonal)
        scaled_G = G * unit * unit[:, None]
        both = condition_of_gram(scaled_G)
        condition = both if both <= MAX_CONDITION else condition_of_gram(scaled_G[:p, :p])
        if condition <= MAX_CONDITION and both <= MAX_CONDITION_WITH_TARGETS:
            return G[None], np.diag(diagonal * condition**2)
    return exact_gram(Z, weight), np.zeros_like(G)


def collect_moments(blocks: Iterable[Any]) -> Moments:
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
            if not isinstance(block, tuple | list) or not 2 <= len(block) <= 3:
                raise DataError(f"expected (X, Y) or (X, Y, sample_weight), got {show(block)}")
            X, Y, *weight = block
            if moments is None:
                first = check_problem(X, Y, None, intercept=True, penalty=0.0)
                moments = Moments(first.X.high.shape[1], first.Y.shape[1])
            moments.add(X, Y, *weight)
        except DataError as error:
            raise DataError(f"block {number}: {error}") from error
    if moments is None:
        raise DataError("there are no blocks; give at least one (X, Y)")
    return moments
