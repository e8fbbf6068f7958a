"""What models of a formula and a table have in common, and the columns that are left out of them."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.solvers import pairs
from twofold.solvers.aliasing import independent_columns
from twofold.solvers.influence import Influence, influence
from twofold.solvers.solution import DependentColumnsWarning
from twofold.statistics.covariance import Covariance, WeightedFit, covariance_of
from twofold.statistics.fit_summary import FitSummary
from twofold.statistics.formulas import ModelFrame
from twofold.values import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


class FormulaModel(ABC):
    """What linear and generalised linear models of a formula have in common.

    Parameters
    ----------
    frame : ModelFrame
        Of the columns that are fitted.
    all_names : tuple of str
        Of all columns of the design.
    aliased : tuple of str
        Columns that were left out, as earlier ones give them.
    """

    def __init__(self, frame: ModelFrame, all_names: tuple[str, ...], aliased: tuple[str, ...]) -> None:
        self.frame, self.all_names, self.aliased = frame, all_names, aliased

    @property
    def names(self) -> tuple[str, ...]:
        """Of the coefficients, ``"intercept"`` first if there is one."""
        return (*["intercept"][: int(self.frame.intercept)], *self.frame.names)

    @property
    @abstractmethod
    def weighted(self) -> WeightedFit:
        """The weighted least squares that the fit is, or ends in."""

    @property
    @abstractmethod
    def fitted(self) -> Array:
        """Fitted values, or means, (n,)."""

    @property
    @abstractmethod
    def linear_predictor(self) -> Array:
        """``X beta``, with the offset if there is one, (n,)."""

    @property
    @abstractmethod
    def residuals(self) -> Array:
        """Residuals, (n,)."""

    @property
    @abstractmethod
    def estimates(self) -> Array:
        """Coefficients, (p,), in the order of `names`."""

    @property
    @abstractmethod
    def more_notes(self) -> tuple[str, ...]:
        """Notes of this kind of model alone."""

    @abstractmethod
    def summary(self) -> FitSummary:
        """Tell coefficients, standard errors, tests, intervals and the fit's quality."""

    @property
    def coefficients(self) -> dict[str, float]:
        """By name."""
        return dict(zip(self.names, self.estimates.tolist(), strict=True))

    @property
    def standard_errors(self) -> dict[str, float]:
        """Classical ones, by name."""
        return dict(zip(self.names, self.covariance().errors.tolist(), strict=True))

    def covariance(
        self, kind: str = "classical", *, groups: ArrayLike | None = None, lags: int | None = None
    ) -> Covariance:
        """Estimate the covariance of the coefficients; see `twofold.statistics.covariance.covariance_of`.

        Groups are a label for each row of the table, or for each of the rows that are fitted.
        """
        if groups is not None:
            labels = np.asarray(groups, dtype=object)
            if len(labels) == len(self.frame.y) + self.frame.missing:
                groups = labels[self.frame.rows]
        return covariance_of(self.weighted, kind, groups=groups, lags=lags)

    def influence(self) -> Influence:
        """Compute leverages, studentised residuals and Cook's distances; of the last step's weighted least squares."""
        fit = self.weighted
        return influence(fit.solution, fit.X, fit.Y, fit.weight)

    def plot(self) -> Figure:
        """Draw the four diagnostic plots of R's ``plot(fit)`` in one picture."""
        from twofold.plots.diagnostics import diagnostic_plots

        found = self.influence()
        return diagnostic_plots(
            self.linear_predictor, self.residuals, found.studentized, found.leverage, parameters=len(self.names)
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the summary must know."""
        return (*common_notes(self.frame, self.aliased), *self.more_notes)

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def __rich__(self) -> Any:
        return self.summary()


def common_notes(frame: ModelFrame, aliased: tuple[str, ...]) -> tuple[str, ...]:
    """Say how many rows have gaps, and which columns were left out."""
    notes = [f"{count(frame.missing, 'row')} with gaps left out"] if frame.missing else []
    if aliased:
        notes.append(f"left out, as earlier columns give them: {', '.join(aliased)}")
    return tuple(notes)


def without_aliased(frame: ModelFrame) -> tuple[ModelFrame, tuple[str, ...]]:
    """Leave out columns that earlier ones give, with a warning."""
    weight = None if frame.weight is None else frame.weight
    X = frame.X if weight is None else frame.X[weight > 0]
    found = independent_columns(
        pairs.pair(X), None if weight is None else weight[weight > 0], intercept=frame.intercept
    )
    aliased = tuple(frame.names[j] for j in found.aliased)
    if aliased:
        warnings.warn(
            f"columns that earlier ones give are left out: {', '.join(aliased)}", DependentColumnsWarning, stacklevel=3
        )
    return frame.columns(found.kept), aliased
