"""The multinomial model of a formula and a table; made by `twofold.statistics.glm` with ``family="multinomial"``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.functions.links import softmax
from twofold.pages.numbers import short
from twofold.statistics.fit_summary import FitSummary, coefficient_rows
from twofold.statistics.formula_model import common_notes
from twofold.statistics.formulas import ModelFrame, Table
from twofold.statistics.multinomial import MultinomialSolution, solve_multinomial

Array = NDArray[np.float64]
MAX_CLASSES = 100


class MultinomialModel:
    """Probabilities of several classes against the first.

    Parameters
    ----------
    frame : ModelFrame
        Of the columns that are fitted.
    all_names : tuple of str
        Of all columns of the design.
    aliased : tuple of str
        Columns that were left out, as earlier ones give them.
    max_iter : int
        Most steps of Newton's method.

    Attributes
    ----------
    classes : tuple of str
    solution : MultinomialSolution
    """

    solution: MultinomialSolution

    def __init__(
        self, frame: ModelFrame, all_names: tuple[str, ...], aliased: tuple[str, ...], *, max_iter: int = 50
    ) -> None:
        if frame.offset is not None:
            raise DataError("multinomial models take no offset; leave it out")
        self.frame, self.all_names, self.aliased = frame, all_names, aliased
        if frame.classes is None:
            levels, y = np.unique(frame.y, return_inverse=True)
            if len(levels) > MAX_CLASSES:
                raise DataError(f"{frame.target} has {len(levels)} different numbers; multinomial takes classes")
            self.classes = tuple(short(float(level), 10) for level in levels)
        else:
            y, self.classes = frame.y.astype(np.intp), frame.classes
        self.solution = solve_multinomial(
            frame.X,
            y.astype(np.intp),
            sample_weight=frame.weight,
            fit_intercept=frame.intercept,
            max_iter=max_iter,
            names=frame.names,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of a class's coefficients, ``"intercept"`` first if there is one."""
        return (*["intercept"][: int(self.frame.intercept)], *self.frame.names)

    @property
    def coefficients(self) -> dict[str, dict[str, float]]:
        """By class and name; the first class has none."""
        return self._by_class(self.solution.coefficients.high)

    @property
    def standard_errors(self) -> dict[str, dict[str, float]]:
        """By class and name."""
        return self._by_class(self.solution.standard_errors)

    def _by_class(self, values: Array) -> dict[str, dict[str, float]]:
        return {
            name: dict(zip(self.names, row.tolist(), strict=True))
            for name, row in zip(self.classes[1:], values, strict=True)
        }

    def predict(self, data: Table | None = None) -> Array:
        """Predict the probabilities of all classes, (n, k), of new rows or of the fitted ones."""
        X = self.frame.X if data is None else self.frame.design_of(data, self.all_names)[0]
        A = np.column_stack([np.ones((len(X), int(self.frame.intercept))), X])
        return softmax(np.column_stack([np.zeros(len(A)), A @ self.solution.coefficients.high.T]))

    def summary(self, *, level: float = 0.95) -> FitSummary:
        """Tell coefficients, standard errors, z, p and Wald's intervals, class by class, and deviances."""
        found = self.solution
        names = [f"{label}: {name}" for label in self.classes[1:] for name in self.names]
        against = f"the classes are set against {self.frame.target} = {self.classes[0]}"
        return FitSummary(
            title=f"Multinomial model: {self.frame.formula}",
            statistic="z",
            level=level,
            rows=coefficient_rows(
                names,
                found.coefficients.high.ravel(),
                found.standard_errors.ravel(),
                digits=found.digits.ravel(),
                level=level,
            ),
            facts={
                "n": len(self.frame.y),
                "classes": len(self.classes),
                "deviance": found.deviance,
                "null deviance": found.null_deviance,
                "log-likelihood": found.log_likelihood,
                "AIC": found.aic,
                "Newton steps": found.iterations,
            },
            notes=(*common_notes(self.frame, self.aliased), against),
        )

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def __rich__(self) -> Any:
        return self.summary()
