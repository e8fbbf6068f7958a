"""The linear model of a formula and a table: `lm`, as users of R know it."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError
from twofold.solvers import pairs
from twofold.solvers.inference import Fit, Prediction, goodness, predict_interval
from twofold.solvers.least_squares import solve_least_squares
from twofold.solvers.solution import LeastSquares
from twofold.statistics.covariance import WeightedFit
from twofold.statistics.fit_summary import FitSummary, coefficient_rows
from twofold.statistics.formula_model import FormulaModel, without_aliased
from twofold.statistics.formulas import ModelFrame, Table, model_frame

Array = NDArray[np.float64]
PERFECT_FIT = "essentially perfect fit: residuals are but rounding, so that tests and standard errors mean nothing"
MAX_PERFECT = 1e-30  # of the mean square of the fitted values: R's limit


class PerfectFitWarning(UserWarning):
    """The fit is essentially perfect: residuals are but rounding, and what is computed from them means nothing."""


def lm(formula: str, data: Table, *, weights: str | ArrayLike | None = None) -> LinearModel:
    """Fit a linear model by least squares.

    The coefficients are those of `twofold.solve_least_squares`, right to the last digits for the design's doubles.
    Columns that earlier ones give are left out, as in R, and named.

    Parameters
    ----------
    formula : str
        ``"y ~ x * group + poly(age, 2)"``; see `twofold.statistics.formulas.model_frame`.
    data : table
        A pandas or polars data frame, a pyarrow table, or a dict of columns. Rows with gaps are left out.
    weights : str or array, optional
        A column by name, or numbers: inverse variances up to a factor.

    Returns
    -------
    LinearModel

    Raises
    ------
    SpecificationError, DataError, MissingDependencyError
        As `model_frame`.

    Warns
    -----
    DependentColumnsWarning
        If columns were left out.
    PerfectFitWarning
        If the residuals are but rounding.

    Examples
    --------
    >>> fit = lm("y ~ x", {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 3.0, 5.0, 5.0]})
    >>> print(fit.summary())
    Linear model: y ~ x
               coefficient  std. error      t      p   low 95 %  high 95 %
    intercept            1     0.72457   1.38    0.3    -2.1176     4.1176
    x                  1.1     0.26458  4.158  0.053  -0.038375     2.2384
    n 4; df 2; errors classical; R2 0.896296; adjusted R2 0.844444; sigma 0.591608
    F 17.2857; p of F 0.0532707; log-likelihood -2.18982; AIC 8.37963; BIC 7.15222
    correct digits of the coefficients: at least 16
    """
    frame = model_frame(formula, data, weights=weights)
    if frame.classes is not None:
        raise DataError(
            f"{frame.target} holds classes ({', '.join(frame.classes[:4])}); lm needs numbers, glm takes classes"
        )
    kept, aliased = without_aliased(frame)
    solution = solve_least_squares(
        kept.X, kept.y[:, None], kept.weight, fit_intercept=kept.intercept, method="qr", names=kept.names
    )
    model = LinearModel(kept, frame.names, aliased, solution)
    if model.is_perfect:
        warnings.warn(PERFECT_FIT, PerfectFitWarning, stacklevel=2)
    return model


class LinearModel(FormulaModel):
    """A linear model of a formula; made by `lm`.

    Attributes
    ----------
    solution : LeastSquares
    """

    def __init__(
        self, frame: ModelFrame, all_names: tuple[str, ...], aliased: tuple[str, ...], solution: LeastSquares
    ) -> None:
        super().__init__(frame, all_names, aliased)
        self.solution = solution

    @property
    def fit(self) -> Fit:
        """R2, sigma, F, likelihood, AIC and BIC."""
        return goodness(self.solution)

    @property
    def weighted(self) -> WeightedFit:
        """The least squares that it is."""
        sigma = self.fit.sigma
        return WeightedFit(self.solution, self.frame.X, self.frame.y[:, None], self.frame.weight, sigma**2)

    @property
    def estimates(self) -> Array:
        """Coefficients, (p,)."""
        return np.concatenate([self.solution.b[: int(self.frame.intercept)], self.solution.W[:, 0]])

    @property
    def fitted(self) -> Array:
        """Fitted values, (n,)."""
        return fitted_pair(self.solution, self.frame.X).high

    @property
    def linear_predictor(self) -> Array:
        """The same."""
        return self.fitted

    @property
    def residuals(self) -> Array:
        """Target minus fitted value, from fitted values of 30 digits, (n,)."""
        fitted = fitted_pair(self.solution, self.frame.X)
        return pairs.subtract(pairs.pair(self.frame.y), fitted).high

    @property
    def is_perfect(self) -> bool:
        """Whether the fit is essentially perfect, by R's limit."""
        fitted = self.fitted
        df = self.fit.df
        return bool(df > 0 and self.fit.rss / df < MAX_PERFECT * (np.mean(fitted) ** 2 + np.var(fitted)))

    @property
    def more_notes(self) -> tuple[str, ...]:
        """Whether there are as many coefficients as samples, or a perfect fit."""
        if self.fit.df == 0:
            return ("as many coefficients as samples: there are no standard errors",)
        return (PERFECT_FIT,) if self.is_perfect else ()

    def summary(
        self,
        *,
        level: float = 0.95,
        errors: str = "classical",
        groups: ArrayLike | None = None,
        lags: int | None = None,
    ) -> FitSummary:
        """Tell coefficients, standard errors, t, p, intervals and the fit's quality.

        Parameters
        ----------
        level : float
            Of the confidence intervals.
        errors : {"classical", "HC0", "HC1", "HC2", "HC3", "HAC", "cluster"}
        groups, lags
            Of clusters and of HAC.

        Returns
        -------
        FitSummary
        """
        fit, covariance = self.fit, self.covariance(errors, groups=groups, lags=lags)
        digits = self.solution.digits[:, 0]
        return FitSummary(
            title=f"Linear model: {self.frame.formula}",
            statistic="t",
            level=level,
            rows=coefficient_rows(
                self.names, self.estimates, covariance.errors, digits=digits, level=level, df=covariance.df
            ),
            facts={
                "n": fit.n,
                "df": fit.df,
                "errors": covariance.kind,
                "R2": fit.r2,
                "adjusted R2": fit.r2_adjusted,
                "sigma": fit.sigma,
                "F": fit.f,
                "p of F": fit.f_p,
                "log-likelihood": fit.log_likelihood,
                "AIC": fit.aic,
                "BIC": fit.bic,
            },
            notes=(*self.notes, *covariance.notes),
        )

    def predict(self, data: Table | None = None) -> Array:
        """Predict new rows, or the fitted ones; (n,)."""
        return fitted_pair(self.solution, self._design(data)).high

    def predict_interval(self, data: Table | None = None, *, level: float = 0.95) -> Prediction:
        """Predict with confidence and prediction intervals, as R's ``predict(fit, new, interval=...)``.

        Parameters
        ----------
        data : table, optional
            New rows; the fitted ones otherwise.
        level : float

        Returns
        -------
        Prediction
        """
        return predict_interval(self.solution, self._design(data), level=level)

    def _design(self, data: Table | None) -> Array:
        return self.frame.X if data is None else self.frame.design_of(data, self.all_names)[0]


def fitted_pair(solution: LeastSquares, X: Array) -> pairs.Pair:
    """Compute ``X W + b`` of the first target with the digits that doubles leave out, (n,)."""
    low_W, low_b = solution.low if solution.low is not None else (0 * solution.W, 0 * solution.b)
    W, b = pairs.Pair(solution.W, low_W), pairs.Pair(solution.b, low_b)
    return pairs.add(pairs.matrix_product(pairs.pair(X), W), b).at((slice(None), 0))
