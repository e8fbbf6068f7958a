"""Columns of categories, of yes and no, and of gaps alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.tables.cells import (
    holds,
    numbers,
    words,
    yes_and_no,
)
from twofold.tables.gaps import without_gaps
from twofold.tables.plan import CellCounts, check_readable, count_missing, count_unread, flag_name, flagged, wrong

Array = NDArray[Any]


@dataclass(frozen=True)
class BooleanPlan:
    """A column of yes and no: 1 and 0, and the part of yes where it is missing."""

    kind: ClassVar[str] = "boolean"
    name: str
    fill: float
    gaps: bool = False

    def feature_names(self) -> list[str]:
        """Name the column and the flag."""
        return [self.name, *flag_name(self)]

    code_type: ClassVar[str] = "u1"

    def codes(self, column: pa.ChunkedArray, start: int = 0, /) -> tuple[Array, CellCounts]:
        """Read 0, 1 and, where it is missing, 2."""
        what = holds(column)
        values, counts = None, CellCounts()
        if what == "text":
            text = without_gaps(words(column))
            values = yes_and_no(text)
            count_unread(counts, text, np.isnan(values))
        if what in ("booleans", "numbers", "nothing"):
            values = numbers(self.name, column, start)
        if values is None or not np.isin(values[~np.isnan(values)], (0.0, 1.0)).all():
            raise wrong(self.name, column, "yes and no")
        count_missing(self, counts, np.isnan(values))
        return np.where(np.isnan(values), 2, values).astype(np.uint8), counts

    def features(self, codes: Array, /) -> Array:
        """Fill what is missing."""
        return flagged(self, [np.array([0.0, 1.0, self.fill])[codes][:, None]], codes == 2)

    def check(self, counts: CellCounts) -> None:
        """Refuse a column of which most can't be read."""
        check_readable(self.name, counts, "yes and no")


@dataclass(frozen=True)
class CategoryPlan:
    """A column of categories: one feature each, 1 where the cell is of it.

    Attributes
    ----------
    values : tuple of str
        The categories, most frequent first.
    parts : tuple of float
        Part of the rows that each had.
    other : bool
        Rare categories share one more feature, and unseen ones go there. Without it an unseen category is encoded as
        the average row, ``parts``: a feature that no training row has had would have weights that nothing has trained.
    baseline : bool
        The first category gets no feature: for least squares, where the features' sum must not be constant.
    gap_words : bool
        Cells such as ``unknown`` are gaps, see `twofold.tables.gaps`; they were categories in models of before.
    """

    kind: ClassVar[str] = "category"
    name: str
    values: tuple[str, ...]
    parts: tuple[float, ...]
    other: bool = False
    gaps: bool = False
    baseline: bool = False
    gap_words: bool = False

    def feature_names(self) -> list[str]:
        """Name a feature for each category, for the others, and the flag."""
        names = [f"{self.name}={value}" for value in self.values[int(self.baseline) :]]
        return [*names, *([f"{self.name}=(other)"] if self.other else []), *flag_name(self)]

    code_type: ClassVar[str] = "<u2"

    def codes(self, column: pa.ChunkedArray, _start: int = 0, /) -> tuple[Array, CellCounts]:
        """Look each cell up: its place among the k values, k for others, and k + 1 where it is missing."""
        if holds(column) == "other":
            raise wrong(self.name, column, "categories")
        text = without_gaps(words(column)) if self.gap_words else words(column)
        k, missing = len(self.values), text.is_null().to_numpy().astype(bool)
        places: Array = pc.index_in(text, pa.array(self.values, pa.string())).fill_null(k).to_numpy()
        counts = CellCounts(Counter(unseen=int(((places == k) & ~missing).sum())))
        count_missing(self, counts, missing)
        return np.where(missing, k + 1, places).astype(np.uint16), counts

    def features(self, codes: Array, /) -> Array:
        """Give each cell its row of 0 and 1."""
        k = len(self.values)
        other, average = [1.0] if self.other else [], np.array([*self.parts, *([0.0] if self.other else [])])
        unseen = np.array([*np.zeros(k), *other]) if self.other else average
        missing = np.zeros_like(average) if self.gaps else average
        rows = np.vstack([np.eye(k, len(average)), unseen, missing])
        return flagged(self, [rows[codes][:, int(self.baseline) :]], codes == k + 1)

    def check(self, counts: CellCounts) -> None:
        """Do nothing: any cell may be a category."""


@dataclass(frozen=True)
class GapPlan:
    """A column that has one value only, and gaps: what counts is where they are."""

    kind: ClassVar[str] = "gaps"
    name: str
    gaps: bool = True
    gap_words: bool = False

    def feature_names(self) -> list[str]:
        """Name the flag."""
        return flag_name(self)

    code_type: ClassVar[str] = "u1"

    def codes(self, column: pa.ChunkedArray, _start: int = 0, /) -> tuple[Array, CellCounts]:
        """Tell where cells are missing, 1, and where not, 0."""
        cells = column if holds(column) in ("other", "nothing", "times") else words(column)
        cells = without_gaps(cells) if self.gap_words and pa.types.is_string(cells.type) else cells
        missing: Array = pc.is_null(cells).to_numpy().astype(np.uint8)
        return missing, CellCounts(Counter(missing=int(missing.sum())))

    def features(self, codes: Array, /) -> Array:
        """Flag missing cells."""
        return codes.astype(np.float64)[:, None]

    def check(self, counts: CellCounts) -> None:
        """Do nothing: any cell has a value or none."""
