"""The summary of a fit: one record that prints as a rich table, a data frame, JSON or plain text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from twofold.errors import SpecificationError
from twofold.pages.fitted_table import FittedTable
from twofold.pages.numbers import finite, short
from twofold.text import visible
from twofold.values import count

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One coefficient.

    Attributes
    ----------
    name : str
    value, standard_error, statistic, p, low, high : float
        The statistic is value / standard_error; p its two-sided probability; low and high the confidence interval.
    digits : float
        Correct digits of the value, estimated.
    """

    name: str
    value: float
    standard_error: float
    statistic: float
    p: float
    low: float
    high: float
    digits: float


@dataclass(frozen=True)
class FitSummary:
    """A fit at a glance.

    Attributes
    ----------
    title : str
    statistic : {"t", "z"}
    level : float
        Of the confidence intervals.
    rows : tuple of Row
    facts : dict
        Numbers about the whole fit, by name.
    notes : tuple of str
        Sentences: what was left out, what can't be trusted.
    """

    title: str
    statistic: str
    level: float
    rows: tuple[Row, ...]
    facts: dict[str, float | int | str]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers; what is not finite becomes None."""
        return finite(asdict(self))

    def to_json(self, *, indent: int | None = None) -> str:
        """Return JSON."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_frame(self) -> pd.DataFrame:
        """Return the coefficients as a data frame, one row each, indexed by name."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows]).set_index("name")

    def lines(self, *, digits: int = 6) -> list[tuple[str, ...]]:
        """Return the table as text, its heading first."""
        percent = f"{100 * self.level:g} %"
        heading = ("", "coefficient", "std. error", self.statistic, "p", f"low {percent}", f"high {percent}")
        body = [
            (
                row.name,
                f"{row.value:.{digits}g}",
                f"{row.standard_error:.{min(digits, 5)}g}",
                f"{row.statistic:.4g}",
                f"{row.p:.2g}",
                f"{row.low:.{min(digits, 5)}g}",
                f"{row.high:.{min(digits, 5)}g}",
            )
            for row in self.rows
        ]
        return [heading, *body]

    def remarks(self) -> list[str]:
        """Return what is said about the whole fit, line by line, in at most 80 columns where words allow."""
        lines, line = [], ""
        for name, value in self.facts.items():
            word = f"{name} {short(value, 6)}"
            if line and len(line) + len(word) > 77:
                lines.append(line)
                line = word
            else:
                line = f"{line}; {word}" if line else word
        worst = min((row.digits for row in self.rows), default=np.nan)
        known = [] if np.isnan(worst) else [f"correct digits of the coefficients: at least {int(worst + 0.05)}"]
        return [*lines, *([line] if line else []), *known, *self.notes]

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        heading, *body = self.lines(digits=5)
        table = FittedTable(self.title, heading, body, boxed=False)
        return Group(table, *(Text(visible(line)) for line in self.remarks()))

    def __repr__(self) -> str:
        return f"<{visible(self.title)}: {count(len(self.rows), 'coefficient')}>"

    def _repr_html_(self) -> str:
        from twofold.pages.notebook import table_html

        return table_html(self.title, self.lines(), self.remarks())

    def __str__(self) -> str:
        return "\n".join([visible(self.title), *aligned(self.lines()), *map(visible, self.remarks())])


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return a table's lines with its columns below each other: the first to the left, the others to the right."""
    cells = [[visible(cell) for cell in line] for line in lines]
    width = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(line, width, strict=True))
        ).rstrip()
        for line in cells
    ]


def coefficient_rows(
    names: Sequence[str], values: Array, errors: Array, *, digits: Array, level: float, df: float = np.inf
) -> tuple[Row, ...]:
    """Test each coefficient against 0, and give its interval.

    Parameters
    ----------
    names : sequence of str
    values, errors, digits : ndarray, shape (p,)
    level : float
        Between 0 and 1.
    df : float
        Degrees of freedom of Student's t; infinite for the normal distribution.

    Returns
    -------
    tuple of Row
    """
    check_level(level)
    distribution = stats.norm if np.isinf(df) else stats.t(df) if df > 0 else None
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = values / errors
    nothing = np.full(len(values), np.nan)
    p = nothing if distribution is None else 2 * distribution.sf(np.abs(statistic))
    width = nothing if distribution is None else distribution.isf((1 - level) / 2) * errors
    columns = (values, errors, statistic, p, values - width, values + width, digits)
    return tuple(
        Row(name, *numbers) for name, *numbers in zip(names, *(column.tolist() for column in columns), strict=True)
    )


def check_level(level: float) -> None:
    """Raise `SpecificationError` if a confidence level isn't between 0 and 1."""
    if not 0 < level < 1:
        raise SpecificationError(f"level is {level}; it must lie between 0 and 1, such as 0.95")
