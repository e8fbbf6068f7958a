"""What a least-squares solver hands back, whichever way it went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from twofold.network import Layer, Parameters

Array = NDArray[np.float64]
Method = Literal["gram", "qr", "moments", "nonnegative"]
MIN_DISTINCT_ERRORS = (
    1e6  # errors by which a value must differ from 0, if it is below the rounding of what it is a sum of
)
MAX_DIGITS = 53 * np.log10(2)  # what a double holds
DERIVED_DIGITS = 15.0  # of what takes a handful of roundings more
LATER = frozenset({"root", "low", "deviations", "digits"})  # of a spread
EPS = float(np.finfo(np.float64).eps)
SHOWN = 20  # coefficients that a notebook shows


class DependentColumnsWarning(UserWarning):
    """Columns depend on each other, so that coefficients are not determined; the minimum-norm solution is given."""


class AccuracyWarning(UserWarning):
    """Few digits of the coefficients are right: the columns all but depend on each other."""


@dataclass(frozen=True)
class Dependence:
    """A column that others give.

    Attributes
    ----------
    column : int
        Counted from 0 among the features.
    of : tuple of int
        The columns that it is a combination of; empty if it is constant (with an intercept) or 0.
    """

    column: int
    of: tuple[int, ...]

    def describe(self, names: tuple[str, ...] | None = None) -> str:
        """Say it in one phrase."""

        def name(j: int) -> str:
            return names[j] if names else f"x{j}"

        if not self.of:
            return f"{name(self.column)} is constant"
        others = [name(j) for j in self.of[:6]] + (["..."] if len(self.of) > 6 else [])
        return f"{name(self.column)} on {', '.join(others)}"


@dataclass(frozen=True)
class Spread:
    """The covariance of the coefficients, up to the variance of the noise.

    Attributes
    ----------
    shift : ndarray, shape (d,)
    root : ndarray, shape (p, p)
        ``|root' [1, x - shift]|^2`` is the leverage of x: the variance of its mean prediction over sigma^2.
    deviations : ndarray, shape (p,)
        Standard errors of the coefficients on the user's scale, over sigma; the intercept first, if there is one.
    lengths : ndarray, shape (d,)
        Square root of the weighted sum of squares of each feature, about its mean if there is an intercept.
    low : ndarray, shape (p, p), or None
        What rounding took away from the root.
    digits : float
        Estimate of the correct decimal digits of the standard errors, and of what follows from them and from the
        samples: robust errors, leverages, Cook's distances, intervals. NaN if it is not known. Where a leverage h is
        next to 1, what divides by 1 - h loses as many digits as 1 - h is below 1e-14. Digits of a Cook's distance are
        counted as if no residual were below a thousandth of the others.
    """

    shift: Array
    root: Array
    deviations: Array
    lengths: Array
    low: Array | None = None
    digits: float = np.nan

    @classmethod
    def later(cls, shift: Array, lengths: Array, compute: Callable[[], dict[str, Any]]) -> Self:
        """Make one whose other attributes are computed when the first of them is asked for."""
        made = cls.__new__(cls)
        vars(made).update(shift=shift, lengths=lengths, _compute=compute)
        for name in LATER:
            vars(made).pop(name, None)
        return made

    def __getattribute__(self, name: str) -> Any:
        if name in LATER and (compute := vars(self).get("_compute")):
            vars(self).update(compute(), _compute=None)
        return super().__getattribute__(name)


@dataclass(frozen=True)
class Residuals:
    """Sums over the samples, from which R2, sigma and the likelihood follow; NaN where squares are no doubles.

    Attributes
    ----------
    n : int
        Samples of positive weight.
    rss : ndarray, shape (q,)
        ``sum_i w_i (y_i - y_hat_i)^2``.
    tss : ndarray, shape (q,)
        ``sum_i w_i (y_i - mean)^2`` with an intercept, ``sum_i w_i y_i^2`` without.
    weight_sum : float
    log_weights : float
        Sum of the logarithms of positive weights.
    """

    n: int
    rss: Array
    tss: Array
    weight_sum: float
    log_weights: float


@dataclass(frozen=True)
class LeastSquares:
    """The minimiser of ``sum_i w_i |x_i W + b - y_i|^2 + penalty |W|^2``.

    Attributes
    ----------
    W : ndarray of float64, shape (d, q)
        Where columns depend on each other, the shortest of all minimisers; one of them, if non-negative.
    b : ndarray of float64, shape (q,)
        0 without an intercept.
    rank : int
        Number of independent columns; with an intercept, of the centred features.
    condition : float
        Of the design matrix with columns of length 1 (centred ones, if there is an intercept); infinite if columns
        depend on each other.
    singular : ndarray, shape (min(n, d),)
        Singular values of the (centred, weighted) features on the user's scale.
    digits : ndarray, shape (p, q)
        Estimate of the correct decimal digits of each coefficient, as the solution for these very doubles; the
        intercept first, if there is one. At most 15.95. A bound rather than a guess, it may be too low by two digits of
        a Gram matrix's, and by more of an intercept that cancellation has left or of dependent columns of a stream.
    dependent : tuple of Dependence
    residuals : Residuals
    spread : Spread or None
        None if penalised, non-negative, or of deficient rank.
    method : {"gram", "qr", "moments", "nonnegative"}
        Which way it was found.
    intercept : bool
    penalty : float
    low : tuple of ndarray, shapes (d, q) and (q,), or None
        What rounding to doubles took away from W and b, where it is known.
    """

    W: Array
    b: Array
    rank: int
    condition: float
    singular: Array
    digits: Array
    dependent: tuple[Dependence, ...]
    residuals: Residuals
    spread: Spread | None
    method: Method
    intercept: bool
    penalty: float = 0.0
    low: tuple[Array, Array] | None = None

    def __repr__(self) -> str:
        digits = f"at least {int(self.digits.min() + 0.05)} correct digits" if self.digits.size else "no coefficients"
        return f"<LeastSquares {self.W.shape[0]}-{self.W.shape[1]}: loss {self.loss:.6g}, {digits}, by {self.method}>"

    def _repr_html_(self) -> str:
        from twofold.pages.notebook import table_html

        q = self.W.shape[1]
        heading = ("", *([f"output {j}" for j in range(q)] if q > 1 else ["coefficient"]))
        named = [("b", self.b), *((f"W[{k}]", row) for k, row in enumerate(self.W[:SHOWN]))]
        rows = [(name, *(f"{value:.10g}" for value in row)) for name, row in named]
        left = [f"and {len(self.W) - SHOWN} more"] if len(self.W) > SHOWN else []
        return table_html("Least squares", [heading, *rows], [*left, repr(self)[1:-1]])

    @property
    def loss(self) -> float:
        """The mean squared loss, ``(1/2) sum_i w_i |x_i W + b - y_i|^2 / sum_i w_i``."""
        return float(self.residuals.rss.sum() / self.residuals.weight_sum / 2)

    @property
    def parameters(self) -> Parameters:
        """The solution as the parameters of a network with one layer."""
        return (Layer(self.W, self.b),)


def correct_digits(error: Array, value: Array, size: Array | float = 0.0) -> Array:
    """Turn absolute errors into decimal digits, from 0 to what a double holds.

    Parameters
    ----------
    error, value : ndarray
    size : ndarray or float
        Of the terms that value is a sum of: where hardly more than the error is left of them, and less than a
        double's rounding, value is as good as 0, and its digits are counted against the terms.

    Returns
    -------
    ndarray
    """
    reference = np.where(np.abs(value) > np.minimum(MIN_DISTINCT_ERRORS * error, EPS * size), np.abs(value), size)
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = -np.log10(error / reference)
    return np.clip(np.nan_to_num(digits, nan=MAX_DIGITS, posinf=MAX_DIGITS, neginf=0.0), 0.0, MAX_DIGITS) + 0.0
