"""The summary of a regression: one record that prints as a rich table, a data frame, JSON or plain text."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy  # whose `stats` takes half a second to import, and is imported where it is asked for
from numpy.typing import NDArray

from twofold.errors import MissingDependencyError
from twofold.pages.fitted_table import FittedTable
from twofold.pages.numbers import finite
from twofold.solvers.inference import Fit, check_target, goodness, spread_of, standard_errors, t_quantile
from twofold.solvers.influence import LeftOut
from twofold.solvers.solution import LeastSquares
from twofold.text import visible
from twofold.values import count

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Coefficient:
    """One line of the summary.

    Attributes
    ----------
    name : str
    value, standard_error, t, p, low, high : float
        t is value / standard_error, p its two-sided probability under Student's t, low and high the confidence
        interval.
    vif : float
        Variance inflation factor: how much larger the variance is than it were with all other columns orthogonal to
        this one; NaN for the intercept.
    digits : float
        Correct digits of the value, estimated.
    """

    name: str
    value: float
    standard_error: float
    t: float
    p: float
    low: float
    high: float
    vif: float
    digits: float


@dataclass(frozen=True)
class Summary:
    """A regression at a glance.

    Attributes
    ----------
    target : str
    coefficients : tuple of Coefficient
        The intercept first, if there is one.
    fit : Fit
    condition : float
    level : float
        Of the confidence intervals.
    errors : str
        ``"classical"`` or the kind of robust errors.
    left_out : LeftOut or None
        How well each sample is predicted without it, where the samples were at hand.
    """

    target: str
    coefficients: tuple[Coefficient, ...]
    fit: Fit
    condition: float
    level: float
    errors: str
    left_out: LeftOut | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers; what is not finite becomes None."""
        return finite(asdict(self))

    def to_json(self, *, indent: int | None = None) -> str:
        """Return JSON."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_frame(self) -> pd.DataFrame:
        """Return the coefficients as a data frame, one row each, indexed by name.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingDependencyError("a data frame needs pandas; pip install pandas, or use to_dict") from error
        return pd.DataFrame([asdict(item) for item in self.coefficients]).set_index("name")

    def lines(self, *, digits: int = 10) -> list[tuple[str, ...]]:
        """Return the table as text, its heading first; coefficients with so many significant digits."""
        percent = f"{100 * self.level:g} %"
        heading = ("", "coefficient", "std. error", "t", "p", f"low {percent}", f"high {percent}", "VIF", "digits")
        body = [
            (
                item.name,
                f"{item.value:.{digits}g}",
                f"{item.standard_error:.{min(digits, 6)}g}",
                f"{item.t:.4g}",
                f"{item.p:.{3 if digits > 5 else 2}g}",
                f"{item.low:.{min(digits, 6)}g}",
                f"{item.high:.{min(digits, 6)}g}",
                "" if math.isnan(item.vif) else f"{item.vif:.4g}",
                _whole(item.digits),
            )
            for item in self.coefficients
        ]
        return [heading, *body]

    def facts(self) -> list[str]:
        """Return what is said about the whole fit, line by line."""
        fit = self.fit
        return [
            f"n {fit.n}, parameters {fit.parameters}, degrees of freedom {fit.df}; {self.errors} errors",
            f"R2 {fit.r2:.6g}, adjusted {fit.r2_adjusted:.6g}; sigma {fit.sigma:.6g}; F {fit.f:.6g} (p {fit.f_p:.3g})",
            f"log-likelihood {fit.log_likelihood:.6g}, AIC {fit.aic:.6g}, BIC {fit.bic:.6g}; "
            f"condition {self.condition:.3g}",
            *self._of_new_ones(),
        ]

    def _of_new_ones(self) -> list[str]:
        """Return what new samples are expected to score, if that is known."""
        left = self.left_out
        if left is None or math.isnan(left.rmse):
            return []
        but = f"; left out: {left.alone} without which a coefficient is not determined" if left.alone else ""
        return [f"of new samples expect R2 {left.r2:.4g}, RMSE {left.rmse:.4g}: each by a fit to the others{but}"]

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        # What 80 columns can hold, no number cut: five digits, and the worst column's correct digits below.
        heading, *body = ([*line[:-1]] for line in self.lines(digits=5))
        table = FittedTable(f"Linear regression of {self.target}", heading, body, boxed=False)
        digits = min((item.digits for item in self.coefficients), default=0.0)
        return Group(table, *(Text(fact) for fact in self.facts()), Text(f"correct digits: at least {_whole(digits)}"))

    def __repr__(self) -> str:
        return (
            f"<Summary of {visible(self.target)}: {count(len(self.coefficients), 'coefficient')}, R2 {self.fit.r2:.4g}>"
        )

    def _repr_html_(self) -> str:
        from twofold.pages.notebook import table_html

        return table_html(f"Linear regression of {self.target}", self.lines(digits=6), self.facts())

    def __str__(self) -> str:
        lines = [(visible(name), *numbers) for name, *numbers in self.lines()]
        width = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
        table = [
            "  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(line, width, strict=True)))
            for line in lines
        ]
        return "\n".join([f"Linear regression of {visible(self.target)}", *table, *self.facts()])


def _whole(digits: float) -> str:
    """Round digits down, but for the 15.95 that a double holds."""
    return str(int(digits + 0.05))


def summarize(
    solution: LeastSquares,
    *,
    names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
    target: int = 0,
    level: float = 0.95,
    robust: tuple[str, Array] | None = None,
    left_out: LeftOut | None = None,
) -> Summary:
    """Build the summary of one target.

    Parameters
    ----------
    solution : LeastSquares
    names : sequence of str, optional
        Of the features; x0, x1, ... otherwise.
    target_names : sequence of str, optional
    target : int
    level : float
        Of the confidence intervals, between 0 and 1.
    robust : (str, ndarray of shape (p,)), optional
        Kind and values of standard errors to use in place of the classical ones.
    left_out : LeftOut, optional
        How well each sample is predicted without it, see `left_out_scores`.

    Returns
    -------
    Summary

    Raises
    ------
    SpecificationError
        If the solution has no standard errors: penalised, non-negative, dependent columns.
    DataError
        If there is no such target.

    Examples
    --------
    >>> from twofold import solve_least_squares
    >>> fit = solve_least_squares([[1.0], [2.0], [3.0], [4.0]], [[2.0], [3.0], [5.0], [5.0]])
    >>> print(summarize(fit, names=["area"], target_names=["price"]))
    Linear regression of price
               coefficient  std. error      t       p    low 95 %  high 95 %  VIF  digits
    intercept            1    0.724569   1.38   0.302    -2.11757    4.11757           16
    area               1.1    0.264575  4.158  0.0533  -0.0383749    2.23837    1      16
    n 4, parameters 2, degrees of freedom 2; classical errors
    R2 0.896296, adjusted 0.844444; sigma 0.591608; F 17.2857 (p 0.0533)
    log-likelihood -2.18982, AIC 8.37963, BIC 7.15222; condition 1
    """
    d, q = solution.W.shape
    check_target(solution, target)
    spread, fit = spread_of(solution), goodness(solution, target)
    kind, errors = robust or ("classical", standard_errors(solution, target))
    first = int(solution.intercept)
    values = np.concatenate([solution.b[target : target + 1][:first], solution.W[:, target]])
    labels = [*["intercept"][:first], *(names if names is not None else [f"x{j}" for j in range(d)])]
    vif = np.concatenate([[np.nan] * first, np.square(spread.deviations[first:] * spread.lengths)])
    quantile = t_quantile(level, fit.df)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = values / errors
    p = 2 * scipy.stats.t.sf(np.abs(t), fit.df) if fit.df > 0 else np.full(len(t), np.nan)
    columns = (
        values,
        errors,
        t,
        p,
        values - quantile * errors,
        values + quantile * errors,
        vif,
        solution.digits[:, target],
    )
    rows = zip(labels, *(column.tolist() for column in columns), strict=True)
    return Summary(
        target=target_names[target] if target_names is not None else ("y" if q == 1 else f"y{target}"),
        coefficients=tuple(Coefficient(*row) for row in rows),
        fit=fit,
        condition=solution.condition,
        level=level,
        errors=kind,
        left_out=left_out,
    )
