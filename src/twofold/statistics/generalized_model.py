"""The generalised linear model of a formula and a table: `glm`, as users of R know it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from twofold.errors import DataError, SpecificationError, check_name
from twofold.solvers.inference import Prediction, goodness, predict_interval
from twofold.solvers.influence import Influence, influence
from twofold.statistics.covariance import WeightedFit
from twofold.statistics.families import FAMILIES, Family
from twofold.statistics.fit_summary import FitSummary, check_level, coefficient_rows
from twofold.statistics.formula_model import FormulaModel, without_aliased
from twofold.statistics.formulas import ModelFrame, Table, model_frame
from twofold.statistics.generalized_linear import GlmSolution, solve_glm
from twofold.statistics.multinomial_model import MultinomialModel

Array = NDArray[np.float64]
MIN_OVERDISPERSION = 1.5  # Pearson over df from which it is said


def glm(
    formula: str,
    data: Table,
    *,
    family: str = "gaussian",
    weights: str | ArrayLike | None = None,
    offset: str | ArrayLike | None = None,
    max_iter: int = 50,
) -> GeneralizedLinearModel | MultinomialModel:
    """Fit a generalised linear model by maximum likelihood.

    Parameters
    ----------
    formula, data
        As `lm` takes them. Of "binomial", a target of two levels counts the second as 1, as in R;
        ``cbind(successes, failures)`` is understood.
    family : {"gaussian", "binomial", "poisson", "gamma", "multinomial"}
        With the links identity, logit, log, log and softmax (against the first level).
    weights, offset : str or array, optional
        Columns by name, or numbers: prior weights, and what is added to the linear predictor.
    max_iter : int
        Most steps of Newton's method.

    Returns
    -------
    GeneralizedLinearModel or MultinomialModel

    Raises
    ------
    SpecificationError, DataError, MissingDependencyError
        As `model_frame`; `DataError` if a target is none of the family.
    SeparationError
        If a combination of columns tells the targets apart.
    NotConvergedError
        If max_iter is too small.

    Examples
    --------
    >>> counts = {"n": [2.0, 3.0, 6.0, 7.0, 8.0], "x": [0.0, 1.0, 2.0, 3.0, 4.0]}
    >>> fit = glm("n ~ x", counts, family="poisson")
    >>> {name: round(value, 4) for name, value in fit.coefficients.items()}
    {'intercept': 0.9052, 'x': 0.3212}
    """
    check_name("family", family, [*FAMILIES, "multinomial"])
    frame = model_frame(formula, data, weights=weights, offset=offset)
    kept, aliased = without_aliased(frame)
    if family == "multinomial":
        return MultinomialModel(kept, frame.names, aliased, max_iter=max_iter)
    _check_levels(kept, family)
    solution = solve_glm(
        kept.X,
        kept.y,
        family,
        sample_weight=kept.weight,
        offset=kept.offset,
        fit_intercept=kept.intercept,
        max_iter=max_iter,
        names=kept.names,
    )
    return GeneralizedLinearModel(kept, frame.names, aliased, solution)


def _check_levels(frame: ModelFrame, family: str) -> None:
    """Raise `DataError` if the target is of classes that the family doesn't take."""
    if frame.classes is None or (family == "binomial" and len(frame.classes) == 2):
        return
    levels = f"{frame.target} has {len(frame.classes)} levels, {', '.join(frame.classes[:4])}, ..."
    takes = "binomial takes two, and multinomial more" if family == "binomial" else f"{family} takes numbers"
    raise DataError(f"{levels}; {takes}")


class GeneralizedLinearModel(FormulaModel):
    """A generalised linear model of a formula; made by `glm`.

    Attributes
    ----------
    solution : GlmSolution
    family : Family
    """

    family: Family

    def __init__(
        self, frame: ModelFrame, all_names: tuple[str, ...], aliased: tuple[str, ...], solution: GlmSolution
    ) -> None:
        super().__init__(frame, all_names, aliased)
        self.solution, self.family = solution, solution.family

    @property
    def weighted(self) -> WeightedFit:
        """The least squares of the last step, whose residuals are working residuals."""
        solution, rows = self.solution, self._rows
        return WeightedFit(
            solution.last, self.frame.X[rows], solution.working[:, None], solution.weight, solution.dispersion
        )

    @property
    def _rows(self) -> NDArray[np.bool_]:
        """Samples of positive weight, which are what is fitted."""
        weight = self.frame.weight
        return np.ones(len(self.frame.y), dtype=bool) if weight is None else weight > 0

    @property
    def estimates(self) -> Array:
        """Coefficients, (p,)."""
        return self.solution.coefficients.high

    @property
    def fitted(self) -> Array:
        """Means of the samples of positive weight."""
        return self.solution.fitted

    @property
    def linear_predictor(self) -> Array:
        """``X beta`` and the offset, (n,)."""
        return self.solution.predictor

    @property
    def residuals(self) -> Array:
        """Deviance residuals, ``sign(y - m) sqrt(w d)``, whose squares sum to the deviance."""
        return self.residuals_of("deviance")

    def influence(self) -> Influence:
        """Compute leverages, studentised residuals and Cook's distances of the last step's weighted least squares.

        The dispersion is the model's: 1 of binomial and Poisson models, as in R.
        """
        fit, known = self.weighted, self.family.known_dispersion
        return influence(fit.solution, fit.X, fit.Y, fit.weight, sigma=1.0 if known else None)

    def residuals_of(self, kind: Literal["deviance", "pearson", "response", "working"]) -> Array:
        """Return residuals of a kind, (n,).

        Parameters
        ----------
        kind : {"deviance", "pearson", "response", "working"}
            Response: y - m; Pearson: that over ``sqrt(V(m) / w)``; working: that times do/dm.
        """
        check_name("kind of residuals", kind, ("deviance", "pearson", "response", "working"))
        y, m = self.frame.y[self._rows], self.fitted
        if kind == "response":
            return y - m
        if kind == "working":
            return self.solution.working
        weight = np.ones(len(y)) if self.frame.weight is None else self.frame.weight[self._rows]
        if kind == "pearson":
            return np.asarray((y - m) * np.sqrt(weight / self.family.variance(m)))
        losses, _ = self.family.loss.samples(self.solution.predictor[:, None], y[:, None])
        half = np.maximum(losses - self.family.saturated(y), 0.0)
        return np.asarray(np.sign(y - m) * np.sqrt(2 * weight * half))

    def summary(
        self,
        *,
        level: float = 0.95,
        errors: str = "classical",
        groups: ArrayLike | None = None,
        lags: int | None = None,
    ) -> FitSummary:
        """Tell coefficients, standard errors, z (t where the dispersion is estimated), p, intervals and deviances.

        Parameters as in `LinearModel.summary`; intervals are Wald's, ``estimate +- quantile * error``.
        """
        found, covariance = self.solution, self.covariance(errors, groups=groups, lags=lags)
        normal = self.family.known_dispersion and errors != "cluster"
        p = len(self.names)
        return FitSummary(
            title=f"{self.family.name.capitalize()} model with {self.family.link_name} link: {self.frame.formula}",
            statistic="z" if normal else "t",
            level=level,
            rows=coefficient_rows(
                self.names,
                self.estimates,
                covariance.errors,
                digits=found.digits,
                level=level,
                df=np.inf if normal else covariance.df,
            ),
            facts={
                "n": found.df + p,
                "df": found.df,
                "errors": covariance.kind,
                "deviance": found.deviance,
                "null deviance": found.null_deviance,
                "Pearson": found.pearson,
                "dispersion": found.dispersion,
                "log-likelihood": found.log_likelihood,
                "AIC": found.aic,
                "BIC": found.aic + p * (float(np.log(found.df + p)) - 2),
                "Newton steps": found.iterations,
            },
            notes=(*self.notes, *covariance.notes),
        )

    @property
    def more_notes(self) -> tuple[str, ...]:
        """Whose probability is modelled, and whether the targets vary more than the family's."""
        notes = []
        if self.frame.classes is not None:
            notes.append(f"the probability modelled is that of {self.frame.target} = {self.frame.classes[1]}")
        over = self.solution.pearson / self.solution.df if self.solution.df else 1.0
        counted = self.family.name == "poisson" or self.frame.weight is not None
        if self.family.known_dispersion and counted and over > MIN_OVERDISPERSION:
            notes.append(f"Pearson / df is {over:.3g}: targets vary more than {self.family.name} ones; errors='HC1'?")
        return tuple(notes)

    def predict(self, data: Table | None = None, *, kind: Literal["mean", "link"] = "mean") -> Array:
        """Predict means, or linear predictors.

        Parameters
        ----------
        data : table, optional
            New rows; the fitted ones otherwise.
        kind : {"mean", "link"}

        Returns
        -------
        ndarray, shape (n,)
        """
        check_name("kind of prediction", kind, ("mean", "link"))
        o = self._predictor(data)[1]
        return self.family.mean(o) if kind == "mean" else o

    def predict_interval(self, data: Table | None = None, *, level: float = 0.95) -> Prediction:
        """Predict means with Wald's confidence intervals about the linear predictor, brought to means by the link.

        Parameters
        ----------
        data : table, optional
            New rows; the fitted ones otherwise.
        level : float

        Returns
        -------
        Prediction
            Its `standard_error` is the linear predictor's; `prediction` is NaN, for a new target's distribution is
            the family's and not normal.
        """
        check_level(level)
        X, o = self._predictor(data)
        leverage = np.square(
            predict_interval(self.solution.last, X).standard_error / goodness(self.solution.last).sigma
        )
        error = np.sqrt(self.solution.dispersion * leverage)
        tail = (1 - level) / 2
        quantile = stats.norm.isf(tail) if self.family.known_dispersion else stats.t.isf(tail, self.solution.df)
        sides = np.column_stack([self.family.mean(o - quantile * error), self.family.mean(o + quantile * error)])
        return Prediction(self.family.mean(o), error, sides, np.full_like(sides, np.nan))

    def _predictor(self, data: Table | None) -> tuple[Array, Array]:
        """Return the design and the linear predictor of new rows, or of the fitted ones."""
        X, offset = (self.frame.X, self.frame.offset) if data is None else self.frame.design_of(data, self.all_names)
        if self.frame.offset is not None and offset is None:
            raise SpecificationError("the model has an offset of numbers; name it as a column to predict new rows")
        first = int(self.frame.intercept)
        o = X @ self.estimates[first:] + (self.estimates[0] if first else 0.0)
        return X, o if offset is None else o + offset
