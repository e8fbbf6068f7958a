"""Analysis of variance, and of deviance: what each term of a formula adds, or one model to another.

Sums of squares are lengths of differences of fitted values, ``sum_i w_i (y_hat_large - y_hat_small)^2``, which is the
difference of the residual sums without its cancellation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from twofold.errors import SpecificationError, check_name
from twofold.pages.fitted_table import FittedTable
from twofold.pages.numbers import finite, short
from twofold.solvers import pairs
from twofold.solvers.pairs import Pair
from twofold.statistics.fit_summary import aligned
from twofold.statistics.formula_model import FormulaModel
from twofold.statistics.formulas import ModelFrame, Term
from twofold.statistics.generalized_linear import exact_step, solve_glm
from twofold.statistics.generalized_model import GeneralizedLinearModel
from twofold.statistics.linear_model import LinearModel, fitted_pair

if TYPE_CHECKING:
    from rich.console import RenderableType

Array = NDArray[np.float64]
Kind = Literal["I", "II", "III"]
MAX_REST = 1e-20  # of a column's sum of squares: what is left of one that a larger model holds


@dataclass(frozen=True)
class AnovaRow:
    """A term, a model, or the residuals.

    Attributes
    ----------
    name : str
    df : int
        Of the term; of the residuals n - p.
    change : float
        Sum of squares, or fall of the deviance.
    statistic, p : float
        F or chi squared and its probability; NaN for residuals.
    """

    name: str
    df: int
    change: float
    statistic: float
    p: float


@dataclass(frozen=True)
class AnovaTable:
    """An analysis of variance or deviance.

    Attributes
    ----------
    title : str
    measure : {"sum of squares", "deviance"}
    test : {"F", "chi2"}
    rows : tuple of AnovaRow
        The residuals last.
    """

    title: str
    measure: str
    test: str
    rows: tuple[AnovaRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers; what is not finite becomes None."""
        return finite(asdict(self))

    def to_json(self, *, indent: int | None = None) -> str:
        """Return JSON."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def lines(self) -> list[tuple[str, ...]]:
        """Return the table as text, its heading first."""
        has_mean = self.measure == "sum of squares"
        heading = ("", "df", self.measure, *(["mean square"] if has_mean else []), self.test, "p")
        body = [
            (
                row.name,
                str(row.df),
                short(row.change, 6),
                *([short(row.change / row.df, 6) if row.df else ""] if has_mean else []),
                "" if np.isnan(row.statistic) else f"{row.statistic:.5g}",
                "" if np.isnan(row.p) else f"{row.p:.3g}",
            )
            for row in self.rows
        ]
        return [heading, *body]

    def __rich__(self) -> RenderableType:
        heading, *body = self.lines()
        return FittedTable(self.title, heading, body, boxed=False)

    def _repr_html_(self) -> str:
        from twofold.pages.notebook import table_html

        return table_html(self.title, self.lines())

    def __str__(self) -> str:
        return "\n".join([self.title, *aligned(self.lines())])


def anova(*models: FormulaModel, kind: Kind = "I") -> AnovaTable:
    """Test the terms of one model, or nested models against each other.

    Parameters
    ----------
    *models : LinearModel or GeneralizedLinearModel
        One; or several of the same samples, each with all terms of the one before, which are tested step by step
        against the residuals of the last.
    kind : {"I", "II", "III"}
        Of one model. I: each term after those before it (sequential, R's ``anova``). II: each term after all others
        that don't contain it (partial, ``car::Anova``). III: each term after all others, which depends on the
        contrasts: take ``C(g, contr.sum)``.

    Returns
    -------
    AnovaTable
        Linear models by F. Generalised ones by the fall of the deviance: chi squared; F where the dispersion is
        estimated, as Pearson's of the largest model.

    Raises
    ------
    SpecificationError
        If models are not nested, not of the same samples, or of different kinds.

    References
    ----------
    Fox, "Applied Regression Analysis and Generalized Linear Models", 3rd edition, 2016, chapter 8.

    Examples
    --------
    >>> from twofold.statistics import lm
    >>> data = {"y": [1.0, 3.0, 2.0, 5.0, 4.0, 7.0], "x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "g": list("ababab")}
    >>> print(anova(lm("y ~ x + g", data)))
    Analysis of variance, type I: y ~ x + g
               df  sum of squares  mean square       F       p
    x           1         18.5143      18.5143   133.3  0.0014
    g           1         4.40238      4.40238  31.697  0.0111
    residuals   3        0.416667     0.138889
    """
    if not models or not all(isinstance(model, LinearModel | GeneralizedLinearModel) for model in models):
        raise SpecificationError("anova takes models that lm or glm have made, but multinomial ones")
    check_name("kind of sums of squares", kind, ("I", "II", "III"))
    return _of_terms(models[0], kind) if len(models) == 1 else _of_models(models)


def _of_terms(model: FormulaModel, kind: Kind) -> AnovaTable:
    terms = model.frame.terms
    steps = []
    for place, term in enumerate(terms):
        if kind == "I":
            smaller = terms[:place]
        elif kind == "II":
            smaller = tuple(other for other in terms if other is not term and not term.factors < other.factors)
        else:
            smaller = tuple(other for other in terms if other is not term)
        steps.append((term.name, _frame_of(model.frame, smaller), _frame_of(model.frame, (*smaller, term))))
    changes = [(name, *_change(model, small, large)) for name, small, large in steps]
    return _table(model, changes, f"type {kind}: {model.frame.formula}")


def _frame_of(frame: ModelFrame, terms: Sequence[Term]) -> ModelFrame:
    return frame.columns(np.array(sorted(j for term in terms for j in term.columns), dtype=np.intp))


def _change(model: FormulaModel, small: ModelFrame, large: ModelFrame) -> tuple[int, float]:
    """Return degrees of freedom and the sum of squares, or the fall of the deviance, from one design to another."""
    df = len(large.names) + large.intercept - len(small.names) - small.intercept
    if isinstance(model, LinearModel):
        difference = pairs.subtract(_fitted(large), _fitted(small)).high
        weight = 1.0 if model.frame.weight is None else model.frame.weight
        return df, float(np.sum(weight * np.square(difference)))
    return df, _deviance(model, small) - _deviance(model, large)


def _fitted(frame: ModelFrame) -> Pair:
    """Return the fitted values of least squares, to 30 digits."""
    if not frame.names and not frame.intercept:
        return pairs.pair(np.zeros(len(frame.y)))
    solution = exact_step(pairs.pair(frame.X), frame.y[:, None], frame.weight, intercept=frame.intercept)
    return fitted_pair(solution, frame.X)


def _deviance(model: FormulaModel, frame: ModelFrame) -> float:
    if not isinstance(model, GeneralizedLinearModel):
        raise SpecificationError("deviances are those of generalised linear models")
    if frame.names == model.frame.names:
        return model.solution.deviance
    found = solve_glm(
        frame.X,
        frame.y,
        model.family.name,
        sample_weight=frame.weight,
        offset=frame.offset,
        fit_intercept=frame.intercept,
        names=frame.names,
    )
    return found.deviance


def _table(model: FormulaModel, changes: Sequence[tuple[str, int, float]], what: str) -> AnovaTable:
    """Test each change against the residuals of the largest model."""
    linear = isinstance(model, LinearModel)
    fit = model.weighted
    df = fit.solution.residuals.n - len(model.names)
    by_f = linear or not model.family.known_dispersion  # type: ignore[attr-defined]
    rows = []
    for name, terms_df, change in changes:
        if not terms_df:
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = float(np.float64(change) / terms_df / fit.dispersion) if by_f else change
        known = df > 0 or not by_f
        p = float(stats.f.sf(statistic, terms_df, df) if by_f else stats.chi2.sf(statistic, terms_df))
        rows.append(AnovaRow(name, terms_df, change, statistic if known else np.nan, p if known else np.nan))
    left = model.fit.rss if isinstance(model, LinearModel) else model.solution.deviance  # type: ignore[attr-defined]
    rows.append(AnovaRow("residuals", df, left, np.nan, np.nan))
    return AnovaTable(
        f"Analysis of {'variance' if linear else 'deviance'}, {what}",
        "sum of squares" if linear else "deviance",
        "F" if by_f else "chi2",
        tuple(rows),
    )


def _of_models(models: Sequence[FormulaModel]) -> AnovaTable:
    for number, (small, large) in enumerate(pairwise(models), start=1):
        _check_nested(small, large, number)
    changes = []
    for small, large in pairwise(models):
        df, change = _change(models[-1], small.frame, large.frame)
        changes.append((large.frame.formula, df, change))
    return _table(models[-1], changes, f"each model against the one before, first {models[0].frame.formula}")


def _check_nested(small: FormulaModel, large: FormulaModel, number: int) -> None:
    """Raise `SpecificationError` if a model doesn't hold another of the same samples."""
    pair = f"models {number} and {number + 1}"
    a, b = small.frame, large.frame
    if type(small) is not type(large) or getattr(small, "family", None) != getattr(large, "family", None):
        raise SpecificationError(f"{pair} are of different kinds; compare two of lm, or two of one family")
    if not np.array_equal(a.y, b.y) or not _same(a.weight, b.weight) or not _same(a.offset, b.offset):
        raise SpecificationError(f"{pair} are not of the same samples (gaps in a column leave out rows); fit them anew")
    columns = np.column_stack([np.ones((len(a.y), int(a.intercept))), a.X])
    weight = large.weighted.weight
    inner = exact_step(pairs.pair(b.X), columns, weight, intercept=b.intercept) if b.names or b.intercept else None
    scale = np.square(columns).sum(axis=0) if weight is None else weight @ np.square(columns)
    if len(a.names) >= len(b.names) or inner is None or (inner.residuals.rss > MAX_REST * scale).any():
        raise SpecificationError(f"{pair} are not nested: {b.formula!r} doesn't hold all of {a.formula!r} and more")


def _same(a: Array | None, b: Array | None) -> bool:
    return (a is None and b is None) or (a is not None and b is not None and np.array_equal(a, b))
