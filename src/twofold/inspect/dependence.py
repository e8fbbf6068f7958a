"""How predictions go with one column of a table: all rows are given one value of it, and then another.

Partial dependence (Friedman 2001, doi:10.1214/aos/1013203451) is the mean of the predictions; the individual curves
of the rows (Goldstein et al. 2015, doi:10.1080/10618600.2014.907095) tell by their spread how much else matters. It is
what scikit-learn's `partial_dependence` gives of the whole pipeline by brute force. Values of a column that never stand
beside the others of a row, such as a latitude in the ocean, are among what is averaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import SpecificationError
from twofold.functions import softmax
from twofold.inspect.table_rows import TableRows
from twofold.tables.category_plan import CategoryPlan
from twofold.tables.cells import words
from twofold.tables.date_plan import DatePlan
from twofold.tables.forms import infer_forms, read_numbers
from twofold.tables.number_plan import NumberPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

MAX_ROWS = 2000  # whose curves are averaged
POINTS = 30  # of a curve over numbers or dates
MAX_CATEGORIES = 20  # the most frequent ones
ENDS = (0.01, 0.99)  # quantiles between which the points of a curve lie
BAND = 0.8  # part of the rows whose curves lie within the band
OTHER, GAP = "(other)", "(no value)"


@dataclass(frozen=True, repr=False)
class Dependence:
    """How predictions go with one column.

    Attributes
    ----------
    column : str
    kind : {"number", "date", "category"}
    values : tuple of float or str
        g values of the column, rising, or categories, most frequent first; dates as text.
    counts : tuple of int
        Rows that have this value.
    outputs : tuple of str
        What is predicted, q of them: the target; of two classes the probability of the rarer one; of more classes the
        probability of each.
    of_classes : bool
        Whether these are probabilities.
    mean : ndarray, shape (g, q)
        The mean prediction if all rows had this value.
    low, high : ndarray, shape (g, q)
        Between them lie the predictions of 80 % of the rows.
    rows : int
    """

    column: str
    kind: str
    values: tuple[Any, ...]
    counts: tuple[int, ...]
    outputs: tuple[str, ...]
    of_classes: bool
    mean: Array
    low: Array
    high: Array
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        own = {"column": self.column, "kind": self.kind, "rows": self.rows, "band": BAND}
        own |= {"values": list(self.values), "counts": list(self.counts)}
        curves = [
            {
                "of": name,
                "mean": self.mean[:, k].tolist(),
                "low": self.low[:, k].tolist(),
                "high": self.high[:, k].tolist(),
            }
            for k, name in enumerate(self.outputs)
        ]
        return {**own, "curves": curves}

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw it, see `twofold.plots.dependence_plot`."""
        from twofold.plots import dependence_plot

        return dependence_plot(self, ax=ax)

    def __repr__(self) -> str:
        lines = [f"dependence of {', '.join(self.outputs)} on {self.column}, {self.rows} rows: mean (80 % of the rows)"]
        for value, *curves in zip(self.values, self.mean, self.low, self.high, strict=True):
            told = (f"{mean:.4g} ({low:.4g} to {high:.4g})" for mean, low, high in zip(*curves, strict=True))
            lines.append(f"{value if isinstance(value, str) else f'{value:.6g}'}  {'  '.join(told)}")
        return "\n".join(lines)


def partial_dependence(rows: TableRows, column: str, *, points: int = POINTS) -> Dependence:
    """Predict all rows with one value of a column after the other.

    Parameters
    ----------
    rows : TableRows
        Of more than 2000 evenly spread ones are taken. The values are cells of theirs: of numbers and dates so many
        that each stands for as many rows, from the first to the last hundredth.
    column : str
        One that the model uses.
    points : int
        Most values of numbers and dates, at least 2.

    Returns
    -------
    Dependence

    Raises
    ------
    DataError
        If the model doesn't use the column.
    SpecificationError
        If ``points`` is less than 2.

    Examples
    --------
    >>> from twofold import fit_table
    >>> from twofold.inspect import TableRows
    >>> table = {"area": [float(a) for a in range(100)], "price": [3.0 * a + 7 for a in range(100)]}
    >>> found = partial_dependence(TableRows.of(fit_table(table, "price", epochs=20).model, table), "area", points=3)
    >>> found.values, bool((np.diff(found.mean[:, 0]) > 0).all())
    ((1.0, 50.0, 98.0), True)
    """
    if points < 2:
        raise SpecificationError(f"points is {points}; it must be at least 2")
    block = rows.check_column(column)
    rows = rows.some(MAX_ROWS)
    kind, places, values, counts = _grid(rows, column, points)
    outputs, chosen = _outputs(rows)
    mean, low, high = [], [], []
    ends = ((1 - BAND) / 2, (1 + BAND) / 2)
    for place in places:
        X = rows.X.copy()
        X[:, block] = rows.X[place, block]
        predicted = rows.outputs(X)
        curves = softmax(predicted.astype(np.float64))[:, chosen] if rows.classes else predicted[:, None]  # (n, q)
        mean.append(curves.mean(axis=0))
        band = np.quantile(curves, ends, axis=0)
        low.append(band[0])
        high.append(band[1])
    return Dependence(
        column=column,
        kind=kind,
        values=values,
        counts=counts,
        outputs=outputs,
        of_classes=bool(rows.classes),
        mean=np.stack(mean),
        low=np.stack(low),
        high=np.stack(high),
        rows=len(rows),
    )


def _outputs(rows: TableRows) -> tuple[tuple[str, ...], list[int]]:
    """Choose what is told: of two classes the rarer one, of several each."""
    if not rows.classes:
        return (rows.target.name,), [0]
    chosen = [int(rows.y.mean() < 0.5)] if len(rows.classes) == 2 else list(range(len(rows.classes)))
    return tuple(rows.classes[k] for k in chosen), chosen


def _grid(rows: TableRows, column: str, points: int) -> tuple[str, list[int], tuple[Any, ...], tuple[int, ...]]:
    """Choose values of a column; return its kind, a row that has each, the values and how many rows have each."""
    plan, cells = rows.plans.get(column), rows.cells.column(column)
    if isinstance(plan, DatePlan):
        times = plan.read(cells)[0]
        places, counts = _spread(times, np.isnat(times), points)
        return "date", places, tuple(np.datetime_as_string(times[places], unit="s").tolist()), counts
    if plan is None or isinstance(plan, NumberPlan):
        if plan is None:
            numbers = read_numbers(column, cells, infer_forms(rows.cells.select([column])).decimals.get(column, "."))
        else:
            numbers = plan.read(cells)[0]
        places, counts = _spread(numbers, np.isnan(numbers), points)
        return "number", places, tuple(numbers[places].tolist()), counts
    names = words(cells).to_pylist()
    known = set(plan.values) if isinstance(plan, CategoryPlan) else set(names)
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        missing = name is None or (plan.gaps and rows.X[place, rows.blocks[column]][-1] == 1)
        groups.setdefault(GAP if missing else name if name in known else OTHER, []).append(place)
    frequent = sorted(groups.items(), key=lambda group: -len(group[1]))[:MAX_CATEGORIES]
    return (
        "category",
        [own[0] for _, own in frequent],
        tuple(name for name, _ in frequent),
        tuple(len(own) for _, own in frequent),
    )


def _spread(values: Array, missing: Array, points: int) -> tuple[list[int], tuple[int, ...]]:
    """Choose places of different values, each for as many rows, rising; and how many rows have each value."""
    order = np.argsort(values, kind="stable")[: len(values) - int(missing.sum())]  # NaN and NaT come last
    if not len(order):
        return [0], (0,)
    ranks = np.quantile(np.arange(len(order)), np.linspace(*ENDS, points), method="nearest").astype(np.int64)
    different, first, counts = np.unique(values[order], return_index=True, return_counts=True)
    chosen = (
        np.arange(len(different)) if len(different) <= points else np.unique(np.searchsorted(first, ranks, "right") - 1)
    )
    return order[first[chosen]].tolist(), tuple(counts[chosen].tolist())
