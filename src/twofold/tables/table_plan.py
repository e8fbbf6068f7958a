"""What is learned of a table: a plan for each column that is used, a reason for each that is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.errors import DataError, check_name
from twofold.tables.arrow_types import naming
from twofold.tables.category_plan import CategoryPlan
from twofold.tables.cells import holds, words
from twofold.tables.column_inference import FREE_TEXT, Choices, infer_column
from twofold.tables.date_plan import NO_ZONE, OWN_ZONE, DatePlan
from twofold.tables.forms import TableForms, infer_forms, read_numbers
from twofold.tables.gaps import code_like, tell_gap_words, tell_stand_ins, with_gaps
from twofold.tables.number_plan import NumberPlan
from twofold.tables.plan import CellCounts, Plan
from twofold.tables.plan_json import plan_from_dict, plan_to_dict
from twofold.tables.row_numbers import row_numbers

Array = NDArray[Any]

SCHEMA = 1
FEW_ROWS = 1 << 12  # whose features are made at a time: more are out of the cache, fewer cost calls
MAX_DEVIATIONS = 1e6  # standard deviations: in float32, numbers farther out are taken as this far out


@dataclass(frozen=True)
class TablePlan:
    """How a table becomes numbers.

    Attributes
    ----------
    plans : tuple of Plan
        One for each column that is used, in their order.
    left_out : dict of str to str
        The other columns, with the reason.
    gaps : tuple of str
        Cells that hold no value because the user says so, see `twofold.tables.gaps.with_gaps`.
    """

    plans: tuple[Plan, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are used."""
        return tuple(plan.name for plan in self.plans)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features, k of them."""
        return tuple(name for plan in self.plans for name in plan.feature_names())

    @property
    def are_plain(self) -> tuple[bool, ...]:
        """Tell of each feature whether a linear model takes it: pieces and waves are for networks."""
        found: list[bool] = []
        for plan in self.plans:
            expanded = plan.expanded if isinstance(plan, NumberPlan | DatePlan) else 0
            plain = len(plan.feature_names()) - expanded - plan.gaps
            found += [True] * plain + [False] * expanded + [True] * plan.gaps
        return tuple(found)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Columns that a file must be read as text: as numbers, 007 would be 7."""
        return tuple(plan.name for plan in self.plans if _as_text(plan))

    @property
    def open_marks(self) -> tuple[str, ...]:
        """Columns of numbers whose decimal mark, if they are written as text, each table tells."""
        return tuple(plan.name for plan in self.plans if isinstance(plan, NumberPlan) and plan.decimal is None)

    def encode(self, table: pa.Table, dtype: str = "float64") -> tuple[Array, dict[str, Counter[str]]]:
        """Turn a table into features.

        Parameters
        ----------
        table : pyarrow.Table
            Its columns are found by name; others than `columns` are not looked at.
        dtype : str
            ``"float64"``, or ``"float32"`` with features from -1e6 to 1e6.

        Returns
        -------
        X : ndarray, shape (n, k)
        notes : dict of str to Counter
            For each column, how many cells were ``"missing"``, ``"newly missing"`` (where no cell was when the plan
            was made), ``"unseen"`` categories, ``"out of range"``, ``"unreadable"``.

        Raises
        ------
        DataError
            If a column is not there, or holds something else than when the plan was made.
        """
        coding = TableCoding(self.settled(table))
        return coding.encode(table, dtype), coding.finish()

    @property
    def record_type(self) -> np.dtype[Any]:
        """The type of a row's codes: a field for each column that is used, f0, f1, ..."""
        return np.dtype([(f"f{k}", plan.code_type) for k, plan in enumerate(self.plans)])

    def expand(self, records: Array, dtype: str) -> Array:
        """Turn rows of codes (n,), which have the fields of `record_type`, into features (n, k)."""
        X = np.empty((len(records), len(self.features)), dtype)
        for start in range(0, len(records), FEW_ROWS):
            place, rows = 0, slice(start, start + FEW_ROWS)
            for k, plan in enumerate(self.plans):
                features = plan.features(records[f"f{k}"][rows])
                if dtype == "float32":
                    features = np.clip(features, -MAX_DEVIATIONS, MAX_DEVIATIONS, out=features)
                X[rows, place : place + features.shape[1]] = features
                place += features.shape[1]
        return X

    def settled(self, table: pa.Table) -> TablePlan:
        """Return the plan with the decimal marks of a table, for columns of text where none was learned."""
        self.check_columns(table.column_names)
        if not any(holds(table.column(name)) == "text" for name in self.open_marks):
            return self
        marks = infer_forms(with_gaps(table.select(self.columns), self.gaps), guess=False).decimals

        def settled(plan: Plan) -> Plan:
            if isinstance(plan, NumberPlan) and plan.decimal is None:
                return replace(plan, decimal=marks.get(plan.name))
            return plan

        return replace(self, plans=tuple(map(settled, self.plans)))

    def check_columns(self, names: Sequence[str]) -> None:
        """Raise `DataError` if a column that is used is not among those of a table."""
        there = set(names)
        missing = [name for name in self.columns if name not in there]
        if missing:
            raise DataError(
                f"there is no column {', '.join(map(repr, missing))}, which the model was trained on; "
                f"the columns are {', '.join(names)}"
            )

    def describe(self) -> list[tuple[str, str, str]]:
        """Tell of each column its name, its kind, and what becomes of it."""
        used = [(plan.name, plan.kind, summarize(plan)) for plan in self.plans]
        return used + [(name, "left out", reason) for name, reason in self.left_out.items()]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return {
            "schema": SCHEMA,
            "columns": [plan_to_dict(plan) for plan in self.plans],
            "left_out": dict(self.left_out),
            **({"gaps": list(self.gaps)} if self.gaps else {}),
        }

    @classmethod
    def from_dict(cls, value: Any) -> TablePlan:
        """Make a plan of what `to_dict` gave.

        Raises
        ------
        DataError
            If it is not such a dict, or from a newer version.
        """
        if not isinstance(value, Mapping) or set(value) - {"gaps"} != {"schema", "columns", "left_out"}:
            raise DataError("the plan of a table must have schema, columns and left_out")
        if value["schema"] != SCHEMA:
            raise DataError(f"the plan of a table has schema {value['schema']!r}; this version reads {SCHEMA}: upgrade")
        columns, left_out, gaps = value["columns"], value["left_out"], value.get("gaps", [])
        if not isinstance(gaps, list) or not all(isinstance(cell, str) for cell in gaps):
            raise DataError("the plan of a table has gaps in a list of text")
        if not isinstance(columns, list) or not isinstance(left_out, Mapping):
            raise DataError("the plan of a table has columns in a list and left_out in a mapping")
        plans = tuple(plan_from_dict(column) for column in columns)
        names = [plan.name for plan in plans]
        if len(set(names)) < len(names):
            raise DataError("the plan of a table names a column twice")
        return cls(plans, {str(name): str(reason) for name, reason in left_out.items()}, tuple(gaps))


class TableCoding:
    """A table that is being turned into codes or features, whole or block by block: the same either way.

    Parameters
    ----------
    plan : TablePlan
        With the table's own decimal marks, see `TablePlan.settled`.
    """

    def __init__(self, plan: TablePlan) -> None:
        self._plan, self._rows = plan, 0
        self._counts = [CellCounts() for _ in plan.plans]

    def code(self, table: pa.Table, into: Array | None = None) -> Array:
        """Turn the next rows into codes.

        Parameters
        ----------
        table : pyarrow.Table
            Its columns' types are those of the whole table.
        into : ndarray, shape (n,), optional
            Rows with at least the fields of `TablePlan.record_type`.

        Returns
        -------
        ndarray, shape (n,)
        """
        plan = self._plan
        plan.check_columns(table.column_names)
        table = with_gaps(table.select(plan.columns), plan.gaps)
        records = np.empty(table.num_rows, plan.record_type) if into is None else into
        for k, (own, counts) in enumerate(zip(plan.plans, self._counts, strict=True)):
            with naming(own.name, table.column(own.name).type):
                records[f"f{k}"], found = own.codes(table.column(own.name), self._rows)
            counts.add(found)
        self._rows += table.num_rows
        return records

    def encode(self, table: pa.Table, dtype: str) -> Array:
        """Turn the next rows into features (n, k), as `TablePlan.encode` does."""
        return self._plan.expand(self.code(table), dtype)

    def finish(self) -> dict[str, Counter[str]]:
        """Return the notes on all rows, as `TablePlan.encode` does; raise `DataError` as it does."""
        for plan, counts in zip(self._plan.plans, self._counts, strict=True):
            plan.check(counts)
        pairs = zip(self._plan.plans, self._counts, strict=True)
        return {plan.name: +counts.notes for plan, counts in pairs}  # without what was counted 0


def learn_table(
    table: pa.Table,
    choices: Choices | None = None,
    kinds: Mapping[str, str] | None = None,
    *,
    numbered: Mapping[str, str] | None = None,
    forms: TableForms | None = None,
) -> TablePlan:
    """Learn a table of features.

    Parameters
    ----------
    table : pyarrow.Table
        The training set, without the target.
    choices : Choices, optional
    kinds : mapping of str to str, optional
        Kinds of columns that are not what they look like: ``{"zip": "category"}``.
    numbered : mapping of str to str, optional
        Columns that number the rows, with the reason to leave them out; otherwise they are looked for in ``table``,
        which tells only if it has all rows in their order. The only column there is is learned even so.
    forms : TableForms, optional
        How cells are written; otherwise inferred from ``table``.

    Returns
    -------
    TablePlan

    Raises
    ------
    DataError
        If no column is of use, or a number is infinite.
    SpecificationError
        If ``kinds`` names a column or kind that there is not.

    Examples
    --------
    >>> from twofold.tables.frames import as_table
    >>> plan = learn_table(as_table({"city": ["Rome", "Bonn", None], "area": [30, 41, 50], "same": [1, 1, 1]}))
    >>> plan.features
    ('city=Bonn', 'city=Rome', 'city missing', 'area')
    >>> plan.left_out
    {'same': 'constant: every row has 1'}
    """
    choices, kinds = choices or Choices(), kinds or {}
    for name in kinds:
        check_name("column", name, table.column_names)
    forms = infer_forms(table) if forms is None else forms
    table = with_gaps(table, forms.gaps)
    if numbered is None:
        numbered = row_numbers(table, {*kinds, *forms.dates}) if table.num_columns > 1 else {}
    plans, left_out = [], {}
    for name in table.column_names:
        with naming(name, table.column(name).type):
            learned = numbered.get(name) or infer_column(name, table.column(name), choices, forms, kind=kinds.get(name))
        if isinstance(learned, str):
            left_out[name] = learned
        else:
            plans.append(learned)
    if not plans:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:3])
        samples = f"{table.num_rows} sample{'s' if table.num_rows != 1 else ''}"
        hint = f"; {FREE_TEXT}" if any(reason.startswith("free text") for reason in left_out.values()) else ""
        raise DataError(f"no column is of use to predict from, in {samples} ({reasons or 'there is no column'}){hint}")
    return TablePlan(tuple(plans), left_out, forms.gaps)


def tell_gaps(plan: TablePlan, table: pa.Table, target: Mapping[str, Array] | None = None) -> tuple[str, ...]:
    """Say which words of a table's columns are gaps, and which numbers, also of its target, look like some."""
    numbers = [own for own in plan.plans if isinstance(own, NumberPlan) and (code_like(own.low) or code_like(own.high))]
    columns = {own.name: read_numbers(own.name, table.column(own.name), own.decimal or ".") for own in numbers}
    texts = {name: words(table.column(name)) for name in plan.columns if holds(table.column(name)) == "text"}
    return (*tell_gap_words(texts), *tell_stand_ins({**(target or {}), **columns}))


def _as_text(plan: Plan) -> bool:
    """Tell if a file's reader would take a column's text for something else."""
    return isinstance(plan, CategoryPlan) or (isinstance(plan, NumberPlan) and (plan.decimal == "," or plan.duration))


def summarize(plan: Plan) -> str:
    """Say in words what becomes of a column."""
    words = []
    if isinstance(plan, NumberPlan):
        words.append(f"{plan.low:g} to {plan.high:g}")
        words += [f"unit {' '.join(plan.unit).strip()!r}"] if plan.unit else []
        words += ["durations, in seconds"] if plan.duration else []
        words += ["heavy tail, bent like a logarithm"] if plan.bend is not None else []
        words += [f"missing ones are taken as {plan.fill:g}"] if plan.gaps else []
    elif isinstance(plan, CategoryPlan):
        shown = ", ".join(plan.values[:4]) + (", ..." if len(plan.values) > 4 else "")
        words.append(f"{len(plan.values)}: {shown}" + ("; rare ones together" if plan.other else ""))
    else:
        words += [", ".join(plan.parts)] if hasattr(plan, "parts") else []
        if isinstance(plan, DatePlan):
            words += [plan.date_format] if plan.date_format else []
            words += [f"by the clock of {plan.zone}"] if plan.zone not in (NO_ZONE, OWN_ZONE) else []
    return "; ".join(words)
