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
from twofold.tables.plan import Tally, check_readable, count_unread, flag_name, flagged, wrong

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

    def encode(self, column: pa.ChunkedArray, start: int = 0, /) -> tuple[Array, Tally]:
        """Read and fill."""
        what = holds(column)
        values, tally = None, Tally()
        if what == "text":
            text = without_gaps(words(column))
            values = yes_and_no(text)
            count_unread(tally, text, np.isnan(values))
        if what in ("booleans", "numbers", "nothing"):
            values = numbers(self.name, column, start)
        if values is None or not np.isin(values[~np.isnan(values)], (0.0, 1.0)).all():
            raise wrong(self.name, column, "yes and no")
        missing = np.isnan(values)
        return flagged(self, [np.where(missing, self.fill, values)[:, None]], missing, tally)

    def check(self, tally: Tally) -> None:
        """Refuse a column of which most can't be read."""
        check_readable(self.name, tally, "yes and no")


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

    def encode(self, column: pa.ChunkedArray, _start: int = 0, /) -> tuple[Array, Tally]:
        """Look each cell up."""
        if holds(column) == "other":
            raise wrong(self.name, column, "categories")
        text = without_gaps(words(column)) if self.gap_words else words(column)
        missing: Array = text.is_null().to_numpy().astype(bool)
        places: Array = pc.index_in(text, pa.array(self.values, pa.string())).fill_null(-1).to_numpy()
        unseen = (places < 0) & ~missing
        k = len(self.values)
        table = np.eye(k, k + int(self.other))
        table = np.vstack([table, np.eye(1, k + 1, k) if self.other else np.array([self.parts])])
        X = table[np.where(missing, 0, places)]  # -1 is the last row
        X[missing] = 0.0 if self.gaps else np.array([*self.parts, *([0.0] if self.other else [])])
        return flagged(self, [X[:, int(self.baseline) :]], missing, Tally(Counter(unseen=int(unseen.sum()))))

    def check(self, tally: Tally) -> None:
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

    def encode(self, column: pa.ChunkedArray, _start: int = 0, /) -> tuple[Array, Tally]:
        """Flag missing cells."""
        cells = column if holds(column) in ("other", "nothing", "times") else words(column)
        cells = without_gaps(cells) if self.gap_words and pa.types.is_string(cells.type) else cells
        missing: Array = pc.is_null(cells).to_numpy().astype(bool)
        return missing.astype(np.float64)[:, None], Tally(Counter(missing=int(missing.sum())))

    def check(self, tally: Tally) -> None:
        """Do nothing: any cell has a value or none."""
