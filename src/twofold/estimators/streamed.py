"""Least squares of samples that come bit by bit, or were summed elsewhere; a part of `LinearRegression`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, SpecificationError
from twofold.estimators.input_checks import checked_blocks
from twofold.estimators.weights import spread
from twofold.solvers.from_moments import solve_moments
from twofold.solvers.least_squares import warn_about
from twofold.solvers.moments import Moments, collect_moments
from twofold.solvers.nonnegative import solve_nonnegative_moments
from twofold.solvers.pairs import Pair
from twofold.solvers.solution import LeastSquares

if TYPE_CHECKING:
    from twofold.estimators.linear import LinearRegression

Array = NDArray[Any]


class Streamed:
    """Samples as their sums, `moments_`, which add up in any order."""

    moments_: Moments
    fit_intercept: bool
    positive: bool
    penalty: Any
    n_features_in_: int
    feature_names_in_: Array
    target_names_: tuple[str, ...]
    _flat: bool
    # The estimator's own.
    _forget: Callable[[], None]
    _check_settings: Callable[[], None]
    _checked: Callable[..., tuple[Any, Array]]
    _names: Callable[[], tuple[str, ...] | None]
    _take: Callable[[LeastSquares], Any]

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Take in a block of samples, and solve for all that came since the first.

        The state, `moments_`, grows with d^2 and not with n; what `fit` has learned is no part of it. Coefficients
        are those of `fit` on all blocks together, to 10 digits at least, in whatever order they come.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        LinearRegression
            Itself.
        """
        self._check_streaming()
        new = not hasattr(self, "moments_")
        if new:
            self._forget()
        features, targets = self._checked(X, y, reset=new)
        if isinstance(features, Pair):
            raise SpecificationError("partial_fit takes X of doubles, not a Pair; use fit")
        moments = Moments(features.shape[1], targets.shape[1]) if new else self.moments_
        moments.add(features, targets, spread(sample_weight, len(targets)))
        self.moments_ = moments
        return self._solve_moments()

    def fit_blocks(self, blocks: Iterable[tuple[ArrayLike, ...]]) -> Self:
        """Solve least squares over an iterator of blocks ``(X, y)`` or ``(X, y, sample_weight)``, in one pass."""
        self._check_streaming()
        self._forget()
        self.moments_ = collect_moments(checked_blocks(blocks, self._checked))
        return self._solve_moments()

    @classmethod
    def from_moments(
        cls,
        moments: Moments,
        *,
        features: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        flat: bool = True,
        **params: Any,
    ) -> Self:
        """Solve for sums that were taken in elsewhere.

        Parameters
        ----------
        moments : Moments
        features, targets : sequence of str, optional
            Names of the columns.
        flat : bool
            One target is predicted as (n,); as (n, 1) if False.
        **params
            Of the estimator.

        Returns
        -------
        LinearRegression
            Fitted; it goes on with `partial_fit` and `merge`.

        Raises
        ------
        DataError
            If no sample was taken in.

        Warns
        -----
        DependentColumnsWarning, AccuracyWarning
        """
        model = cls(**params)
        model._check_streaming()
        model.moments_, model.n_features_in_ = moments, moments.features
        model._flat = flat and moments.targets == 1
        if features is not None:
            model.feature_names_in_ = np.array(list(features), dtype=object)
        if targets is not None:
            model.target_names_ = tuple(targets)
        return model._solve_moments()

    def merge(self, other: LinearRegression) -> Self:
        """Take in the samples that another estimator was fitted to by `partial_fit` or `fit_blocks`.

        Parameters
        ----------
        other : LinearRegression

        Returns
        -------
        LinearRegression
            Itself, as if it had seen both.

        Raises
        ------
        DataError
            If one of them is fitted and has no `moments_`, or their columns differ.
        """
        self._check_streaming()
        if hasattr(self, "coef_") and not hasattr(self, "moments_"):
            raise DataError(
                "this one was fitted by fit and has no moments to merge into; use partial_fit or fit_blocks"
            )
        if not hasattr(other, "moments_"):
            raise DataError("the other has no moments to merge; fit it by partial_fit or fit_blocks")
        mine, theirs = getattr(self, "feature_names_in_", None), getattr(other, "feature_names_in_", None)
        if mine is not None and theirs is not None and list(mine) != list(theirs):
            raise DataError(
                f"columns differ: {', '.join(mine)} and {', '.join(theirs)}; merge fits of the same columns"
            )
        if not hasattr(self, "moments_"):
            self.moments_ = Moments(other.moments_.features, other.moments_.targets)
            self.n_features_in_, self._flat = other.n_features_in_, other._flat
            if theirs is not None:
                self.feature_names_in_ = theirs
        self.moments_.merge(other.moments_)
        return self._solve_moments()

    def _check_streaming(self) -> None:
        """Refuse parameters that blocks can't be solved with, before any is taken in."""
        self._check_settings()
        if np.ndim(self.penalty):
            raise SpecificationError("blocks are solved with one penalty; use fit to choose among several")
        if not 0 <= float(self.penalty) < np.inf:
            raise SpecificationError(f"penalty is {self.penalty}; it must be a finite number of at least 0")

    def _solve_moments(self) -> Self:
        solve = solve_nonnegative_moments if self.positive else solve_moments
        solution = solve(self.moments_, fit_intercept=self.fit_intercept, penalty=float(self.penalty))
        warn_about(solution, self._names())
        self._take(solution)
        return self
