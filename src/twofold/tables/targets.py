"""The column that is to be predicted: classes or numbers, seen from its cells or said by the user."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.errors import DataError, check_name
from twofold.tables.cells import NO, YES, booleans_in_text, holds, numbers, words
from twofold.tables.codes import are_codes
from twofold.tables.forms import infer_forms
from twofold.tables.gaps import GAP_WORDS, without_gaps
from twofold.tables.number_plan import unit_told
from twofold.tables.number_text import MIN_READABLE, OTHER, numbers_in_text

Array = NDArray[Any]

TASKS = {"classification": "classes", "regression": "numbers"}
WHOLE = "different whole numbers"  # as which a target was taken for classes or for numbers
MAX_CLASSES = 20  # different whole numbers up to which they are taken for classes
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
MIN_ROWS_PER_CLASS = 5  # and if each has so many rows on average


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
        y, present, unknown = self.read_known(column)
        if unknown:
            first, rows = next(iter(unknown)), sum(unknown.values())
            what = f"which is none of the classes {', '.join(self.classes[:10])}; mend or drop those rows"
            if not self.classes:
                what = "where numbers are to be predicted; bring them to one unit, or predict classes"
            raise DataError(
                f"column {self.name!r} holds {first[:40]!r} ({rows} {'rows' if self.classes else 'cells'} such), {what}"
            )
        return y, present

    def read_known(self, column: pa.ChunkedArray) -> tuple[Array, Array, Counter[str]]:
        """Read the targets of some rows, as far as they can be: to score a model, which may meet others.

        Parameters
        ----------
        column : pyarrow.ChunkedArray, n cells

        Returns
        -------
        y, present
            As of `read`, without the rows whose target can't be.
        unknown : Counter of str
            Those: classes that the target does not have, or cells that are no number, and how many rows have each.
        """
        if self.task == "classification":
            text = without_gaps(words(column), tuple(word for word in GAP_WORDS if word not in self.classes))
            encoded = text.combine_chunks().dictionary_encode()
            known = _places(self.classes, encoded.dictionary.to_pylist())
            places = np.array([*known, -1])[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
            present: Array = places >= 0
            y = places[present].astype(np.int64)
        else:
            values, unit = _numbers(self.name, column, self.decimal)
            present = ~np.isnan(values)
            y = values[present][:, None]
            if unit is None:
                return y, present, Counter()
            if present.any() and unit != (self.unit or ("", "")):
                raise DataError(
                    f"column {self.name!r} has numbers with {unit_told(unit)}; the model was trained on numbers with "
                    f"{unit_told(self.unit or ('', ''))}: bring them to that"
                )
            text = without_gaps(words(column))
        unknown = text.filter(pa.array(~present)).drop_null()
        return y, present, Counter(unknown.to_pylist())

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return asdict(self)


def infer_target(name: str, column: pa.ChunkedArray, task: str | None = None, *, decimal: str | None = None) -> Target:
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
    >>> infer_target("kind", pa.chunked_array([["cat", "dog", "cat", "dog", None]])).classes
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
        _, unit = _numbers(name, column, decimal)
        reported = unit if unit and any(unit) else None
        target = Target(name, guess, unit=reported, because=because, decimal=decimal)
        present = target.read(column)[0]
        if present.size == 0 or present.min() == present.max():
            only = f"has one value only, {present[0, 0]:g}" if present.size else "has no values"
            raise DataError(f"column {name!r} {only}; there is nothing to predict")
        return target
    named = without_gaps(words(column), GAP_WORDS).drop_null()
    counts = Counter({item["values"]: item["counts"] for item in pc.value_counts(named).to_pylist()})
    counts, one = _one_spelling(counts)
    because += one
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
        if booleans_in_text(present) is not None or are_codes(present):
            return "classification", "codes with leading zeros" if are_codes(present) else "yes or no"
        values = numbers_in_text(present, decimal or ".")[0]
        if np.count_nonzero(~np.isnan(values)) < MIN_READABLE * len(present):
            return "classification", "text"
    else:
        values = present.cast(pa.float64(), safe=False).to_numpy()
    values = values[~np.isnan(values)]
    different = np.unique(values)
    if not np.array_equal(values, np.trunc(values)):
        return "regression", "numbers with fractions"
    few = len(different) <= MAX_CLASSES and len(values) >= MIN_ROWS_PER_CLASS * len(different)
    return "classification" if few else "regression", f"{len(different)} {WHOLE}"


def _same(word: str) -> str:
    """Return what a class is whatever its spelling: 1 and 1.0, True and true."""
    try:
        return str(float(word))
    except ValueError:
        folded = word.casefold()
        return folded if folded in YES | NO else word


def _places(classes: tuple[str, ...], names: list[str]) -> list[int]:
    """Find the class of each name: of the same spelling, or else the only one that is the same but for it."""
    exact = {name: k for k, name in enumerate(classes)}
    counts = Counter(map(_same, classes))
    same = {_same(name): k for k, name in enumerate(classes) if counts[_same(name)] == 1}
    return [exact.get(name, same.get(_same(name), -1)) for name in names]


def _one_spelling(counts: Counter[str]) -> tuple[Counter[str], str]:
    """Count classes that are the same but for their spelling as one, and say so: numbers but for codes, yes and no."""
    numbers_alone = all(_NUMBER.fullmatch(name) for name in counts)
    codes = numbers_alone and are_codes(pa.chunked_array([list(counts)]))
    if not counts or codes or not (numbers_alone or {name.casefold() for name in counts} <= YES | NO):
        return counts, ""
    spellings: dict[str, list[str]] = {}
    for name, _ in counts.most_common():
        spellings.setdefault(_same(name), []).append(name)
    together = Counter({names[0]: sum(counts[name] for name in names) for names in spellings.values()})
    reported = [" and ".join(map(repr, names)) + " are one class" for names in spellings.values() if len(names) > 1]
    return together, "".join(f", {words_}" for words_ in reported)


def _numbers(name: str, column: pa.ChunkedArray, decimal: str | None) -> tuple[Array, tuple[str, str] | None]:
    if (what := holds(column)) in ("times", "other"):
        raise DataError(f"column {name!r} is of {column.type}, where numbers are to be predicted; write numbers")
    if what != "text":
        return numbers(name, column), None
    if decimal is None:
        decimal = infer_forms(pa.table({name: column}), guess=False).decimals.get(name, ".")
    return numbers_in_text(without_gaps(words(column)), decimal)


def _order(name: str) -> tuple[float, str]:
    """Put numbers in their order, and words in theirs behind them."""
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name
