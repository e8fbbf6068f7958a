"""A table's plan from pieces of the table: each is summarised where it lies, and the summaries merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from twofold.errors import DataError
from twofold.tables.arrow_types import naming
from twofold.tables.column_inference import Choices
from twofold.tables.column_summary import MAX_TEXTS, ColumnSummary
from twofold.tables.forms import Forms, TableForms, infer_forms
from twofold.tables.gaps import with_gaps
from twofold.tables.number_counts import numbers_of
from twofold.tables.row_numbers import dense_numbers, row_numbers
from twofold.tables.table_plan import TablePlan, learn_table

MAX_ROWS = 1 << 20  # from which a plan is learned; of more, evenly spread ones
TOO_MANY = (
    f"more than {MAX_TEXTS:,} different texts: names, or free text; numbers and dates among them can be used once the "
    "column is of such a type"
)


@dataclass(frozen=True, eq=False)
class TableSummary:
    """What a table's plan is learned from: how often each column holds what, see `ColumnSummary`.

    Up to `MAX_ROWS` rows, and `twofold.tables.number_counts.MAX_BUCKETS` different cells of a column, all cells are
    there; only their order isn't. Of more rows, parts and quantiles are off by a millionth of the rows at most; of more
    different numbers, each is known to within its bucket.

    Attributes
    ----------
    columns : tuple of ColumnSummary

    Examples
    --------
    >>> from twofold.tables.frames import as_table
    >>> monday = TableSummary.of(as_table({"city": ["Rome", "Bonn"], "area": [30, 41]}))
    >>> tuesday = TableSummary.of(as_table({"city": ["Rome", None], "area": [50.5, 41.0]}))
    >>> plan, _ = TableSummary.merged([monday, tuesday]).learn()
    >>> plan.features
    ('city=Rome', 'city=Bonn', 'city missing', 'area')
    """

    columns: tuple[ColumnSummary, ...]

    @classmethod
    def of(cls, table: pa.Table, gaps: Sequence[str] = ()) -> TableSummary:
        """Summarise some rows; ``gaps`` as for `twofold.tables.gaps.with_gaps`.

        Raises
        ------
        DataError
            If a number is infinite.
        """
        table, columns = with_gaps(table, gaps), []
        for name in table.column_names:
            with naming(name, table.column(name).type):
                columns.append(ColumnSummary.of(name, table.column(name)))
        return cls(tuple(columns))

    @staticmethod
    def merged(pieces: Sequence[TableSummary]) -> TableSummary:
        """Put several pieces of one table together: the same in any grouping and order.

        Raises
        ------
        DataError
            If a column holds things of different kinds.
        """
        return TableSummary(
            tuple(ColumnSummary.merged(column) for column in zip(*(piece.columns for piece in pieces), strict=True))
        )

    def learn(
        self, choices: Choices | None = None, kinds: Mapping[str, str] | None = None, said: Forms | None = None
    ) -> tuple[TablePlan, TableForms]:
        """Learn the plan, as `learn_table` does it of a table whose rows come in no order.

        Parameters
        ----------
        choices, kinds
            As for `learn_table`.
        said : Forms, optional
            How cells are written, as far as it is known.

        Returns
        -------
        plan : TablePlan
        forms : TableForms
            How cells are written.

        Raises
        ------
        DataError
            If there are no rows, no column is of use, or one can't be of the kind that it is said to be.
        """
        kinds = kinds or {}
        if not self.columns or not self.columns[0].rows:
            raise DataError("there are no rows to learn from; check that it is the table you meant")
        reasons = {column.name: reason for column in self.columns if (reason := _no_cells(column))}
        for name, reason in reasons.items():
            if name in kinds:
                raise DataError(f"column {name!r} can't be a {kinds[name]}: {reason}")
        order = np.random.default_rng(0).permutation(min(self.columns[0].rows, MAX_ROWS))
        cells = {
            column.name: pa.nulls(len(order)) if column.name in reasons else column.cells(MAX_ROWS).take(order)
            for column in self.columns
        }
        table = pa.table(cells)
        forms = infer_forms(table, said)
        known = {*kinds, *forms.dates, *reasons}
        if len(self.columns) > 1:
            reasons |= self._row_numbers(table, known)
        return learn_table(table, choices, kinds, numbered=reasons, forms=forms), forms

    def _row_numbers(self, table: pa.Table, known: set[str]) -> dict[str, str]:
        """Find the columns that number the rows, or name each."""
        many = [column for column in self.columns if not _is_whole(column) and column.name not in known]
        found = row_numbers(table, {*known, *(column.name for column in many)})
        for column in many:
            counts = column.numbers
            if column.kind != "integers" or counts is None:
                continue
            low, high = (numbers_of(ends).astype(np.int64) for ends in (counts.low, counts.high))
            if (counts.counts <= high - low + 1).all():
                reason = dense_numbers(column.name, int(low[0]), int(high[-1]), column.present)
                found |= {column.name: reason} if reason else {}
        return found


def _is_whole(column: ColumnSummary) -> bool:
    """Tell whether `ColumnSummary.cells` returns all cells as they are."""
    return column.rows <= MAX_ROWS and (column.numbers is None or column.numbers.shift == 0)


def _no_cells(column: ColumnSummary) -> str:
    """Return the reason why a column's cells are not at hand, "" if they are."""
    if column.inexact:
        return f"whole numbers of more digits than doubles hold, such as {column.inexact}: as text they can be used"
    if column.kind in ("text", "categories") and column.texts is None:
        return TOO_MANY
    if column.numbers is None and column.texts is None and column.kind != "nothing":
        return f"cells of type {column.kind} are neither numbers, text, dates nor booleans"
    return ""
