"""The column that is to be predicted: classes or numbers, seen from its cells or said by the user."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.errors import DataError, check_name
from twofold.tables.cells import holds, numbers, words
from twofold.tables.forms import infer_forms
from twofold.tables.gaps import GAP_WORDS, without_gaps
from twofold.tables.number_text import OTHER, READABLE, numbers_in_text

Array = NDArray[Any]

TASKS = {"classification": "classes", "regression": "numbers"}
MOST_CLASSES = 20  # different whole numbers up to which they are taken for classes
ROWS_A_CLASS = 5  # and if each has so many rows on average


@dataclass(frozen=True)
class Target:
    """What is predicted.

    Attributes
    ----------
    name : str
        The column's.
    task : {"classification", "regression"}
    classes : tuple of str
        Their names, in the order of their indices; () for numbers.
    unit : tuple of two str, or None
        Of numbers written as text: what stands before and after them.
    because : str
        Why the task is taken to be this one.
    decimal : {".", ","} or None
        Of numbers written as text: the decimal mark; None if none was learned, and each column's own cells tell.
    """

    name: str
    task: str
    classes: tuple[str, ...] = ()
    unit: tuple[str, str] | None = None
    because: str = ""
    decimal: str | None = None

    def __post_init__(self) -> None:
        if self.decimal is not None:
            check_name("decimal mark", self.decimal, OTHER)

    def read(self, column: pa.ChunkedArray) -> tuple[Array, Array]:
        """Read the targets of some rows.

        Parameters
        ----------
        column : pyarrow.ChunkedArray, n cells

        Returns
        -------
        y : ndarray
            Class indices, int64 (m,), or numbers, float64 (m, 1): of the rows that have one.
        present : ndarray of bool, shape (n,)
            Which rows those are.

        Raises
        ------
        DataError
            If there is a class that the target does not have, or something that is not a number.
        """
        if self.task == "classification":
            text = without_gaps(words(column), tuple(word for word in GAP_WORDS if word not in self.classes))
            places: Array = pc.index_in(text, pa.array(self.classes, pa.string())).fill_null(-1).to_numpy()
            present: Array = text.is_valid().to_numpy().astype(bool)
            if (unknown := present & (places < 0)).any():
                first = text[int(np.flatnonzero(unknown)[0])].as_py()
                raise DataError(
                    f"column {self.name!r} holds {first!r} ({int(unknown.sum())} rows such), which is none of the "
                    f"classes {', '.join(self.classes[:10])}; mend or drop those rows"
                )
            return places[present].astype(np.int64), present
        values = _numbers(self.name, column, self.decimal)[0]
        present = ~np.isnan(values)
        return values[present][:, None], present

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return asdict(self)


def study_target(name: str, column: pa.ChunkedArray, task: str | None = None, *, decimal: str | None = None) -> Target:
    """See whether a column holds classes or numbers.

    Text, booleans and few different whole numbers are classes: at most 20, of at least 5 rows each on average.

    Parameters
    ----------
    name : str
    column : pyarrow.ChunkedArray
        Cells without a value are passed over.
    task : {"classification", "regression"}, optional
        In place of what it looks like.
    decimal : {".", ","}, optional
        The decimal mark of numbers written as text; seen from the column if None.

    Returns
    -------
    Target

    Raises
    ------
    DataError
        If there is one class only, or nearly as many as rows, or nothing to predict.

    Examples
    --------
    >>> study_target("kind", pa.chunked_array([["cat", "dog", "cat", "dog", None]])).classes
    ('cat', 'dog')
    """
    if task is not None:
        check_name("task", task, TASKS)
    what = holds(column)
    if what in ("times", "other"):
        raise DataError(f"column {name!r} is of {column.type}, which can't be predicted; choose numbers or classes")
    if column.null_count == len(column):
        raise DataError(f"column {name!r} has no values to learn from")
    if decimal is None:
        decimal = infer_forms(pa.table({name: column})).decimals.get(name)
    guess, because = (task, "as told") if task else _guess(what, column, decimal)
    if guess == "regression":
        values, unit = _numbers(name, column, decimal)
        present = values[~np.isnan(values)]
        if present.size == 0 or present.min() == present.max():
            only = f"has one value only, {present[0]:g}" if present.size else "has no values"
            raise DataError(f"column {name!r} {only}; there is nothing to predict")
        return Target(name, guess, unit=unit if unit and any(unit) else None, because=because, decimal=decimal)
    counts = Counter(without_gaps(words(column), GAP_WORDS).drop_null().to_pylist())
    if len(counts) < 2:
        raise DataError(f"column {name!r} has one class only, {next(iter(counts))!r}; there is nothing to predict")
    if 2 * len(counts) > sum(counts.values()) > 10:
        raise DataError(
            f"column {name!r} has {len(counts)} classes in {sum(counts.values())} rows; is it the right column?"
        )
    return Target(name, guess, classes=tuple(sorted(counts, key=_order)), because=because)


def _guess(what: str, column: pa.ChunkedArray, decimal: str | None) -> tuple[str, str]:
    """Tell the task and what speaks for it."""
    if what == "booleans":
        return "classification", "yes or no"
    if pa.types.is_dictionary(column.type):
        return "classification", "categories"
    present = column.drop_null()
    if what == "text":
        present = without_gaps(words(present)).drop_null()
        values = numbers_in_text(present, decimal or ".")[0]
        if np.count_nonzero(~np.isnan(values)) < READABLE * len(present):
            return "classification", "text"
    else:
        values = present.cast(pa.float64(), safe=False).to_numpy()
    values = values[~np.isnan(values)]
    different = np.unique(values)
    if not np.array_equal(values, np.trunc(values)):
        return "regression", "numbers with fractions"
    few = len(different) <= MOST_CLASSES and len(values) >= ROWS_A_CLASS * len(different)
    return "classification" if few else "regression", f"{len(different)} different whole numbers"


def _numbers(name: str, column: pa.ChunkedArray, decimal: str | None) -> tuple[Array, tuple[str, str] | None]:
    if holds(column) != "text":
        return numbers(name, column), None
    text = without_gaps(words(column))
    if decimal is None:
        decimal = infer_forms(pa.table({name: column}), guess=False).decimals.get(name, ".")
    values, unit = numbers_in_text(text, decimal)
    unreadable = np.isnan(values) & text.is_valid().to_numpy().astype(bool)
    if unreadable.any():
        first = text[int(np.flatnonzero(unreadable)[0])].as_py()
        raise DataError(
            f"column {name!r} holds {first[:40]!r} ({int(unreadable.sum())} cells such), where numbers are to be "
            "predicted; bring them to one unit, or predict classes"
        )
    return values, unit


def _order(name: str) -> tuple[float, str]:
    """Put numbers in their order, and words in theirs behind them."""
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name
