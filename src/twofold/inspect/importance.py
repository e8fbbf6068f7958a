"""What matters in a table: how much worse a model scores if a column's cells are shuffled among the rows.

Permutation importance (Breiman 2001, doi:10.1023/A:1010933404324; Fisher, Rudin and Dominici 2019, JMLR 20(177)) is
that of the table's columns, not of the features that they become: it is what scikit-learn's `permutation_importance`
gives of the whole pipeline. What two columns both say, such as a length in two units, either can lose
without harm: both then count for less than they would alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from twofold.errors import SpecificationError, check_name
from twofold.inspect.table_rows import TableRows
from twofold.randomness import Purpose, stream
from twofold.scores import LEVEL, Estimate, log_losses

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Losses = Callable[[Array], Array]  # from outputs to the loss of each row, (n,)

SCORES = {"regression": ("R2", "MAE"), "classification": ("accuracy", "log loss")}
MAX_ROWS = 10_000  # that are shuffled: the interval of more would be narrower than anybody needs
REPEATS = 5  # scikit-learn's


@dataclass(frozen=True, repr=False)
class Importance:
    """The importance of each column of a table.

    Attributes
    ----------
    score : str
        What drops: ``"R2"`` or ``"accuracy"``; or what rises: ``"MAE"`` or ``"log loss"``.
    baseline : float
        The score of the rows as they are.
    columns : tuple of Estimate
        Of each column, by falling importance: how much worse the score is without it, with a 95 % interval for all
        rows that could be drawn.
    drops : dict of str to tuple of float
        The same of each shuffle.
    rows : int
    """

    score: str
    baseline: float
    columns: tuple[Estimate, ...]
    drops: dict[str, tuple[float, ...]]
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        own = {"score": self.score, "baseline": self.baseline, "rows": self.rows}
        return {**own, "columns": [{**each.to_dict(), "drops": list(self.drops[each.name])} for each in self.columns]}

    def plot(self, *, most: int = 20, ax: Axes | None = None) -> Axes:
        """Draw the most important columns, see `twofold.plots.importance_plot`."""
        from twofold.plots import importance_plot

        return importance_plot(self.columns[:most], score=self.score, ax=ax)

    def __repr__(self) -> str:
        width = max(len(each.name) for each in self.columns)
        lines = [f"importance: what {self.score} ({self.baseline:.4g}) loses, {self.rows} rows, 95 % interval"]
        return "\n".join([*lines, *(f"{e.name:{width}}  {e.value:9.4g}  {e.interval}" for e in self.columns)])


def column_importance(
    rows: TableRows, *, score: str | None = None, repeats: int = REPEATS, seed: int = 0
) -> Importance:
    """Shuffle each column among the rows, and see how much worse the model scores.

    Parameters
    ----------
    rows : TableRows
        That the model was not trained on; of more than 10,000 evenly spread ones are taken.
    score : {"R2", "MAE", "accuracy", "log loss"}, optional
        R2 of numbers and accuracy of classes otherwise.
    repeats : int
        Shuffles of each column, at least 1.
    seed : int
        Of the shuffles.

    Returns
    -------
    Importance

    Raises
    ------
    SpecificationError
        If the score is not one of what is predicted, a number is out of range, or there is one row only.

    Examples
    --------
    >>> from twofold import fit_table
    >>> from twofold.inspect import TableRows
    >>> table = {"area": [7.0 * a % 89 for a in range(100)], "noise": [7.0 * a % 31 for a in range(100)]}
    >>> table["price"] = [3 * a + 7 for a in table["area"]]
    >>> model = fit_table(table, "price", epochs=20).model
    >>> [each.name for each in column_importance(TableRows.of(model, table)).columns]
    ['area', 'noise']
    """
    known = SCORES[rows.target.task]
    score = known[0] if score is None else check_name("score", score, known)
    if repeats < 1:
        raise SpecificationError(f"repeats is {repeats}; it must be at least 1")
    rows = rows.some(MAX_ROWS)
    if len(rows) < 2:
        raise SpecificationError("one row has nothing to be shuffled with; give at least 2")
    losses, unit = _losses(rows, score)
    own = losses(rows.outputs())  # (n,)
    found, drops = [], {}
    for place, name in enumerate(rows.blocks):
        orders = draw_orders(len(rows), repeats, seed, place)
        shuffled = np.stack([losses(rows.outputs(_shuffled(rows, name, order))) for order in orders])  # (repeats, n)
        found.append(_estimate(name, own, shuffled, orders, unit=unit))
        drops[name] = tuple(((shuffled - own).mean(axis=1) / unit.mean()).tolist())
    baseline = float(own.mean() / unit.mean())
    baseline = 1 - baseline if score in ("R2", "accuracy") else baseline
    columns = tuple(sorted(found, key=lambda each: -each.value))
    return Importance(score, baseline, columns, drops, len(rows))


def draw_orders(n: int, repeats: int, seed: int, place: int) -> Array:
    """Draw orders of n rows for a column, (repeats, n)."""
    generator = stream(seed, Purpose.SHUFFLE, place)
    return np.stack([generator.permutation(n) for _ in range(repeats)])


def _shuffled(rows: TableRows, name: str, order: Array) -> Array:
    """Return the features with a column's cells in another order: encoding goes cell by cell, so it can come first."""
    X, block = rows.X.copy(), rows.blocks[name]
    X[:, block] = rows.X[order, block]
    return X


def _losses(rows: TableRows, score: str) -> tuple[Losses, Array]:
    """Return the loss of each row from outputs, and what the mean loss is divided by: of R2 the mean square of y."""
    y, ones = rows.y, np.ones(len(rows))
    if score == "R2":
        apart = y - y.mean()
        if not apart.any():
            raise SpecificationError("all targets are alike, so there is no R2 to drop; take another score: MAE")
        size = float(np.abs(apart).max())  # squares of what is divided by it are numbers, whatever their size
        return lambda O: np.square((y - O) / size), np.square(apart / size)
    if score == "MAE":
        return lambda O: np.abs(y - O), ones
    if score == "accuracy":
        return lambda O: (O.argmax(axis=1) != y).astype(np.float64), ones
    return lambda O: log_losses(O)[np.arange(len(y)), y], ones


def _estimate(name: str, own: Array, shuffled: Array, orders: Array, *, unit: Array) -> Estimate:
    """Return the mean drop with Student's interval.

    What a cell of row j does to row i is summed over pairs; a row counts as the one that gets a cell and as the one
    that gives it (Hoeffding 1948: the two projections of a U-statistic), and of R2 also in what is divided by.
    """
    n = len(own)
    more = shuffled - own  # (repeats, n)
    gets, gives = more.mean(axis=0), np.zeros(n)
    for each, order in zip(more, orders, strict=True):
        gives[order] += each / len(orders)
    value = float(gets.mean() / unit.mean())
    brought = (gets + gives - value * unit) / unit.mean()  # (n,)
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * float(brought.std(ddof=1)) / math.sqrt(n)
    return Estimate(name, value, value - half, value + half, "Student, over rows and shuffles")
