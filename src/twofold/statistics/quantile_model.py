"""The quantile regression of a formula and a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from twofold.errors import DataError
from twofold.statistics.fit_summary import FitSummary, coefficient_rows
from twofold.statistics.formula_model import common_notes, without_aliased
from twofold.statistics.formulas import ModelFrame, Table, model_frame
from twofold.statistics.quantiles import QuantileSolution, solve_quantile

Array = NDArray[np.float64]


def quantile_regression(
    formula: str, data: Table, quantile: float = 0.5, *, weights: str | ArrayLike | None = None
) -> QuantileModel:
    """Fit a quantile of the target, as R's ``quantreg::rq``.

    Parameters
    ----------
    formula, data, weights
        As `twofold.statistics.lm` takes them.
    quantile : float
        Between 0 and 1: 0.5 is the median.

    Returns
    -------
    QuantileModel

    Raises
    ------
    SpecificationError, DataError, MissingDependencyError
        As `model_frame` and `solve_quantile`.

    Examples
    --------
    >>> data = {"y": [3.0, 2.0, 4.0, 5.0, 100.0], "x": [1.0, 2.0, 3.0, 4.0, 5.0]}
    >>> quantile_regression("y ~ x", data).coefficients
    {'intercept': 1.0, 'x': 1.0}
    """
    frame = model_frame(formula, data, weights=weights)
    if frame.classes is not None:
        raise DataError(f"{frame.target} holds classes; quantiles are of numbers")
    kept, aliased = without_aliased(frame)
    solution = solve_quantile(kept.X, kept.y, quantile, sample_weight=kept.weight, fit_intercept=kept.intercept)
    return QuantileModel(kept, frame.names, aliased, solution=solution, quantile=float(quantile))


class QuantileModel:
    """A quantile as a linear function of a formula's columns; made by `quantile_regression`.

    Attributes
    ----------
    solution : QuantileSolution
    quantile : float
    """

    def __init__(
        self,
        frame: ModelFrame,
        all_names: tuple[str, ...],
        aliased: tuple[str, ...],
        *,
        solution: QuantileSolution,
        quantile: float,
    ) -> None:
        self.frame, self.all_names, self.aliased = frame, all_names, aliased
        self.solution, self.quantile = solution, quantile

    @property
    def names(self) -> tuple[str, ...]:
        """Of the coefficients, ``"intercept"`` first if there is one."""
        return (*["intercept"][: int(self.frame.intercept)], *self.frame.names)

    @property
    def coefficients(self) -> dict[str, float]:
        """By name."""
        return dict(zip(self.names, self.solution.coefficients.tolist(), strict=True))

    def predict(self, data: Table | None = None) -> Array:
        """Predict the quantile of new rows, or of the fitted ones, (n,)."""
        X = self.frame.X if data is None else self.frame.design_of(data, self.all_names)[0]
        return self._columns(X) @ self.solution.coefficients

    def _columns(self, X: Array) -> Array:
        return np.column_stack([np.ones((len(X), int(self.frame.intercept))), X])

    @property
    def standard_errors(self) -> dict[str, float]:
        """Hendricks and Koenker's, by name; see `standard_errors_of`."""
        return dict(zip(self.names, self._errors().tolist(), strict=True))

    def _errors(self) -> Array:
        return standard_errors_of(self._columns(self.frame.X), self.frame.y, self.quantile, weight=self.frame.weight)

    def summary(self, *, level: float = 0.95) -> FitSummary:
        """Tell coefficients, standard errors, t, p and intervals.

        Parameters
        ----------
        level : float
            Of the intervals, which are Student's about Hendricks and Koenker's errors.

        Returns
        -------
        FitSummary
        """
        found, (n, p) = self.solution, (len(self.frame.y), len(self.names))
        notes = common_notes(self.frame, self.aliased)
        if not found.unique:
            notes = (*notes, "there may be other minima: several samples tie, or the quantile lies between two")
        errors = self._errors()
        if np.isnan(errors).any():
            notes = (*notes, "too few samples for the standard errors")
        return FitSummary(
            title=f"Quantile regression at {self.quantile:g}: {self.frame.formula}",
            statistic="t",
            level=level,
            rows=coefficient_rows(self.names, found.coefficients, errors, digits=found.digits, level=level, df=n - p),
            facts={"n": n, "df": n - p, "errors": "Hendricks-Koenker", "mean loss": found.loss},
            notes=notes,
        )

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def __rich__(self) -> Any:
        return self.summary()


def standard_errors_of(A: Array, y: Array, tau: float, *, weight: Array | None = None) -> Array:
    """Estimate standard errors where the noise's distribution may differ from sample to sample.

    ``tau (1 - tau) H^-1 (A'A) H^-1`` with ``H = sum_i f_i a_i a_i'`` and the density at the quantile from two fits
    beside it, ``f_i = 2 h / (a_i (beta(tau + h) - beta(tau - h)))``, 0 where these cross, h of Hall and Sheather at
    0.05: R's ``summary(rq(...), se = "nid")``, which takes 1.5e-8 from each distance too.

    Parameters
    ----------
    A : ndarray, shape (n, p)
    y : ndarray, shape (n,)
    tau : float
    weight : ndarray, shape (n,), optional
        Rows and targets are multiplied by it, as in R.

    Returns
    -------
    ndarray, shape (p,)
        NaN where there are too few samples.

    References
    ----------
    Hendricks, Koenker, J. American Statist. Assoc. 87, 1992; Hall, Sheather, J. R. Statist. Soc. B 50, 1988.
    """
    n = len(y)
    z = stats.norm.ppf(tau)
    width = (
        n ** (-1 / 3) * stats.norm.ppf(0.975) ** (2 / 3) * (1.5 * stats.norm.pdf(z) ** 2 / (2 * z**2 + 1)) ** (1 / 3)
    )
    while width and (tau - width < 0 or tau + width > 1):
        width /= 2
    rows, target = (A, y) if weight is None else (A * weight[:, None], y * weight)
    kept = np.ones(n, dtype=bool) if weight is None else weight > 0
    rows, target = rows[kept], target[kept]
    low, high = (solve_quantile(rows, target, tau + h, fit_intercept=False).coefficients for h in (-width, width))
    apart = rows @ (high - low)
    density = 2 * width * np.divide(1.0, apart, out=np.zeros(len(apart)), where=apart > 0)
    H = rows.T @ (rows * density[:, None])
    try:
        inverse = np.linalg.inv(H)
    except np.linalg.LinAlgError:
        return np.full(A.shape[1], np.nan)
    return np.asarray(np.sqrt(tau * (1 - tau) * np.maximum(np.diag(inverse @ (rows.T @ rows) @ inverse), 0.0)))
