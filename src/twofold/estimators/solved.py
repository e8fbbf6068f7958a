"""What `LinearRegression` holds: coefficients, which may be assigned, and the statistics of the fit that found them."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from twofold.errors import DataError, SpecificationError
from twofold.estimators.coefficients import Coefficients, check_coefficients
from twofold.network import Layer, Network, Parameters
from twofold.solvers.solution import LeastSquares

Array = NDArray[Any]


class Solved:
    """Coefficients and the solution they came from, if they did; a part of `LinearRegression`."""

    coef_ = Coefficients(1, 2, doc="W, transposed: shape (d,), or (q, d) if y has two dimensions.")
    intercept_ = Coefficients(0, 1, doc="b: a number, or of shape (q,).")
    fit_intercept: bool
    n_features_in_: int
    _flat: bool

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coef_") and (hasattr(self, "intercept_") or not self.fit_intercept)

    def _take(self, solution: LeastSquares) -> Self:
        """Set the coefficients to copies of a solution's, so that whatever becomes of them is told from it."""
        self.__dict__["solution_"] = solution
        self._set_coefficients(solution.W, solution.b, intercept=solution.intercept)
        return self

    def _set_coefficients(self, W: Array, b: Array, *, intercept: bool) -> None:
        self.coef_ = W[:, 0].copy() if self._flat else W.T.copy()
        self.intercept_ = (b[0] if self._flat else b.copy()) if intercept else 0.0

    def _layer(self) -> tuple[Array, Array]:
        """Return the coefficients as W (d, q) and b (q,), checked: they may have been assigned."""
        if not hasattr(self, "intercept_") and not self.fit_intercept:
            self.intercept_ = 0.0
        coef, intercept = self.coef_, np.asarray(self.intercept_, dtype=np.float64)
        W = np.asarray(coef[None] if coef.ndim == 1 else coef, dtype=np.float64).T
        if intercept.shape not in ((), (W.shape[1],)):
            raise DataError(f"intercept_ has shape {intercept.shape}; coef_ has shape {coef.shape}")
        if len(W) != getattr(self, "n_features_in_", len(W)):
            raise DataError(f"coef_ has shape {coef.shape}; n_features_in_ is {self.n_features_in_}")
        check_coefficients("coef_", coef)
        check_coefficients("intercept_", intercept)
        return W, np.broadcast_to(intercept, W.shape[1:]).copy()

    def _statistics(self) -> LeastSquares:
        """Return the solution, for statistics that only it has."""
        try:
            return self.solution_
        except AttributeError as error:
            raise SpecificationError(f"{error}; fit anew for statistics") from None

    @property
    def solution_(self) -> LeastSquares:
        """What the solver found; there is none once other coefficients are assigned."""
        solution: LeastSquares | None = vars(self).get("solution_")
        if solution is None:
            raise AttributeError("no fit has found these coefficients: there is no solution_")
        W, b = self._layer()
        if not (np.array_equal(W, solution.W) and np.array_equal(b, solution.b)):
            raise AttributeError("the coefficients were assigned after the fit: they are not those of its solution_")
        return solution

    @property
    def digits_(self) -> Array:
        """Estimate of the correct decimal digits of each coefficient."""
        solution = self.solution_
        digits = solution.digits[int(solution.intercept) :]
        return digits[:, 0] if self.coef_.ndim == 1 else digits.T

    @property
    def error_digits_(self) -> float:
        """Estimate of the correct digits of standard errors, leverages, intervals; NaN where there are none."""
        spread = self.solution_.spread
        return spread.digits if spread is not None else float("nan")

    @property
    def rank_(self) -> int:
        """Number of independent columns."""
        return self.solution_.rank

    @property
    def singular_(self) -> Array:
        """Singular values of the centred, weighted X."""
        return self.solution_.singular

    @property
    def condition_(self) -> float:
        """Of the centred design with columns of length 1."""
        return self.solution_.condition

    @property
    def penalty_(self) -> float:
        """The penalty used."""
        return self.solution_.penalty

    def _network(self) -> tuple[Network, Parameters]:
        W, b = self._layer()
        return Network(W.shape, loss="squared"), (Layer(W, b),)

    def _state(self) -> dict[str, Any]:
        state = vars(self) | {"n_features_in_": self.coef_.shape[-1], "_flat": self.coef_.ndim == 1}
        if not hasattr(self, "solution_"):
            state.pop("solution_", None)
        return state
