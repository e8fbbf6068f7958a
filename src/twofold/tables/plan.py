"""What every plan of a column has, whatever its kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.errors import DataError

Array = NDArray[Any]


@dataclass
class CellCounts:
    """What was met in a column's cells, which adds up over the blocks of a table.

    Attributes
    ----------
    notes : Counter of str
        See `twofold.tables.table_plan.TablePlan.encode`.
    present : int
        Cells of text with something.
    example : str or None
        The first of those that can't be read.
    units : Counter of tuple of two str
        Cells that are numbers with each unit, see `twofold.tables.number_text.numbers_with_units`.
    """

    notes: Counter[str] = field(default_factory=Counter)
    present: int = 0
    example: str | None = None
    units: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, other: CellCounts) -> None:
        """Add what was met further down."""
        self.notes.update(other.notes)
        self.present += other.present
        self.example = other.example if self.example is None else self.example
        self.units.update(other.units)


class Plan(Protocol):
    """What is known of a column.

    Attributes
    ----------
    kind : str
    name : str
        The column's.
    gaps : bool
        Cells were missing when it was learned: a feature tells where they are.
    """

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """The column's name."""
        ...

    @property
    def gaps(self) -> bool:
        """Whether a feature flags missing cells."""
        ...

    def feature_names(self) -> list[str]:
        """Name the features it gives, k of them."""
        ...

    @property
    def code_type(self) -> str:
        """NumPy's name of the type of a cell's code."""
        ...

    def codes(self, column: pa.ChunkedArray, start: int = 0, /) -> tuple[Array, CellCounts]:
        """Turn cells into codes (n,), all that their features depend on, and count what is not as when learned.

        `start` rows lie before these.
        """
        ...

    def features(self, codes: Array, /) -> Array:
        """Turn codes (n,) into features (n, k)."""
        ...

    def check(self, counts: CellCounts) -> None:
        """Raise `DataError` if what was met in a whole column says that it holds something else than when learned."""
        ...


def flag_name(plan: Plan) -> list[str]:
    """Name the feature that flags missing cells, if there is one."""
    return [f"{plan.name} missing"] if plan.gaps else []


def count_missing(plan: Plan, counts: CellCounts, missing: Array) -> None:
    """Count missing cells, which without a flag are something new."""
    counts.notes["missing"] = int(missing.sum())
    if not plan.gaps:
        counts.notes["newly missing"] = counts.notes["missing"]


def flagged(plan: Plan, parts: list[Array], missing: Array) -> Array:
    """Put features together, with the flag of missing cells if there is one."""
    return np.hstack([*parts, missing.astype(np.float64)[:, None]] if plan.gaps else parts)


def count_unread(counts: CellCounts, text: pa.ChunkedArray, missing: Array) -> None:
    """Count the cells of a text column that could not be read.

    Parameters
    ----------
    counts : CellCounts
    text : pyarrow.ChunkedArray of string, n cells
        Null where there is a gap.
    missing : ndarray of bool, shape (n,)
        Cells of which nothing was read.
    """
    unread = np.flatnonzero(missing & text.is_valid().to_numpy().astype(bool))
    counts.notes["unreadable"] = len(unread)
    counts.present = len(text) - text.null_count
    counts.example = text[int(unread[0])].as_py() if unread.size else None


def check_readable(name: str, counts: CellCounts, expected: str) -> None:
    """Raise `DataError` if several cells of text can't be read, and they are more than half of those with something."""
    unread = counts.notes["unreadable"]
    if unread > 1 and 2 * unread > counts.present:
        raise wrong(name, pa.chunked_array([[counts.example]], pa.string()), expected)


def wrong(name: str, column: pa.ChunkedArray, expected: str) -> DataError:
    """Make the error of a column that holds something else than when it was learned."""
    present = column.drop_null()
    example = f" such as {str(present[0].as_py())[:40]!r}" if len(present) else ""
    return DataError(f"column {name!r} holds {column.type}{example}; the model was trained on {expected}")
